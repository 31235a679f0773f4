"""The tokens of the scan API, hashed in a file of the state directory.

A token is 256 random bits, so that one round of SHA-256 hides it: nobody can guess it
from its hash. Rules this module keeps: a token is shown once, and never stored; the
file is read again when it has changed, so that a revoked token ends at once.
"""

import hashlib
import hmac
import re
import secrets
from pathlib import Path
from typing import Final

import msgspec

from uploadfilter.doors.quotas import USUAL, Quota, Scope
from uploadfilter.errors import ServiceError, UsageError
from uploadfilter.state import only_one, write_private

FILE: Final = "api-tokens.json"
TOKEN_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")

_TOKEN_BYTES: Final = 32
_WAIT_S: Final = 5.0


class StoredToken(msgspec.Struct, frozen=True, kw_only=True):
    """One token, as the file has it.

    Attributes:
        name: The operator's name for who uses it.
        scope: What it allows.
        sha256: Hash of the token, hex.
        quota: What it may ask; ``None`` for what its scope usually may.
    """

    name: str
    scope: Scope
    sha256: str
    quota: Quota | None = None

    @property
    def limits(self) -> Quota:
        """What it may ask."""
        return self.quota or USUAL[self.scope]


class TokenFile:
    """The tokens of a state directory."""

    def __init__(self, state: Path) -> None:
        self._path = state / FILE
        self._seen: tuple[int, int, int] | None = None
        self._tokens: tuple[StoredToken, ...] = ()

    def tokens(self) -> tuple[StoredToken, ...]:
        """Return the tokens in the file now.

        Raises:
            ServiceError: The file cannot be read.
        """
        try:
            found = self._path.stat()
            seen = found.st_mtime_ns, found.st_ino, found.st_size
            if seen != self._seen:
                data = self._path.read_bytes()
                self._tokens = msgspec.json.decode(data, type=tuple[StoredToken, ...])
                self._seen = seen
        except FileNotFoundError:
            self._tokens, self._seen = (), None
        except (OSError, msgspec.MsgspecError) as exc:
            self._tokens, self._seen = (), None
            raise ServiceError(
                f"cannot read the tokens in {str(self._path)!r}: {exc}",
                hint="Restore the file from a backup; or remove it, and add new tokens "
                "with 'uploadfilter api token NAME'.",
            ) from exc
        return self._tokens

    def find(self, token: str) -> StoredToken | None:
        """Return what the file says of a token; ``None`` if it is not there."""
        digest = _hash(token)
        known = [it for it in self.tokens() if hmac.compare_digest(it.sha256, digest)]
        return known[0] if known else None

    def add(self, name: str, scope: Scope, quota: Quota | None = None) -> str:
        """Store a new token, and return it; arguments as in ``StoredToken``.

        Raises:
            UsageError: The name is malformed or taken.
            ServiceError: The file cannot be read or written.
        """
        if not TOKEN_NAME.fullmatch(name):
            raise UsageError(
                f"{name!r} cannot be the name of a token",
                hint="Use up to 64 small letters, digits, dots, hyphens and "
                "underscores.",
            )
        token = secrets.token_urlsafe(_TOKEN_BYTES)
        new = StoredToken(name=name, scope=scope, sha256=_hash(token), quota=quota)
        with only_one(self._path.with_suffix(".lock"), within_s=_WAIT_S):
            known = self.tokens()
            if any(it.name == name for it in known):
                raise UsageError(
                    f"there is a token named {name!r} already",
                    hint="Remove it first, or use another name.",
                )
            self._write((*known, new))
        return token

    def remove(self, name: str) -> None:
        """Revoke a token; the running service obeys at its next request.

        Raises:
            UsageError: There is no token of that name.
            ServiceError: The file cannot be read or written.
        """
        with only_one(self._path.with_suffix(".lock"), within_s=_WAIT_S):
            known = self.tokens()
            left = tuple(it for it in known if it.name != name)
            if len(left) == len(known):
                raise UsageError(
                    f"there is no token named {name!r}",
                    hint="'uploadfilter api token' names them.",
                )
            self._write(left)

    def _write(self, tokens: tuple[StoredToken, ...]) -> None:
        try:
            write_private(self._path, msgspec.json.encode(tokens))
        except OSError as exc:
            raise ServiceError(
                f"cannot write {str(self._path)!r}: {exc.strerror}",
                hint="Make room on the disk, or run the command as the owner of the "
                "state directory.",
            ) from exc


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()
