"""The accounts of reviewers: names, and scrypt hashes of their passwords.

Rules this module keeps: a password is never kept and never written to a log; to check
one takes as long for a name that does not exist; the file is written whole.
"""

import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec

from uploadfilter.errors import ObjectionError, UsageError
from uploadfilter.state import write_private

FILE: Final = "reviewers.json"

LEAST_PASSWORD: Final = 12
"""Shortest password: with few tries in an hour it cannot be guessed online, and with
the cost below hardly from a copy of the file (NIST SP 800-63B asks for 8)."""

MOST_PASSWORD: Final = 256
MOST_REVIEWERS: Final = 100

_NAME: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
"""Names that may stand in the journal of the reference set as well."""

_SALT_BYTES: Final = 16
_COST, _BLOCK, _LANES = 1 << 14, 8, 1
"""Parameters of scrypt: 16 MiB and 50 ms for each try (RFC 7914; OWASP's second
choice). Tries are few, so that they cannot take the machine's memory."""


class PasswordHash(msgspec.Struct, frozen=True, kw_only=True):
    """The hash of one password.

    Attributes:
        salt: Random bytes, hex.
        hash: What scrypt makes of both, hex.
        cost: The parameter N.
        block: The parameter r.
        lanes: The parameter p.
    """

    salt: str
    hash: str
    cost: int = _COST
    block: int = _BLOCK
    lanes: int = _LANES


class Reviewers:
    """The accounts in one file.

    Args:
        path: The file, which need not exist.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def names(self) -> tuple[str, ...]:
        """Return the names of all reviewers.

        Raises:
            ObjectionError: The file cannot be read.
        """
        return tuple(sorted(self._read()))

    def add(self, name: str, password: str) -> bool:
        """Add a reviewer, or give one a new password.

        Returns:
            Whether the name is new.

        Raises:
            UsageError: Name or password cannot be used, or there are too many.
            ObjectionError: The file cannot be read or written.
        """
        if not _NAME.fullmatch(name):
            raise UsageError(
                f"{name!r} cannot be the name of a reviewer",
                hint="Use 1 to 64 of A-Z, a-z, 0-9, '.', '_', '-'.",
            )
        if not LEAST_PASSWORD <= len(password) <= MOST_PASSWORD:
            raise UsageError(
                f"the password has {len(password)} characters",
                hint=f"Choose one of {LEAST_PASSWORD} to {MOST_PASSWORD}, such as four "
                "words by chance.",
            )
        known = dict(self._read())
        is_new = name not in known
        if is_new and len(known) >= MOST_REVIEWERS:
            raise UsageError(
                f"there are {MOST_REVIEWERS} reviewers already", hint="Remove some."
            )
        salt = secrets.token_bytes(_SALT_BYTES)
        known[name] = PasswordHash(salt=salt.hex(), hash=_hashed(password, salt))
        self._write(known)
        return is_new

    def remove(self, name: str) -> None:
        """Remove a reviewer.

        Raises:
            UsageError: There is none of this name.
            ObjectionError: The file cannot be read or written.
        """
        known = dict(self._read())
        if known.pop(name, None) is None:
            raise UsageError(
                f"there is no reviewer {name!r}",
                hint="'uploadfilter objection reviewers' lists them.",
            )
        self._write(known)

    def knows(self, name: str, password: str) -> bool:
        """Return whether a password is that of a reviewer; it takes 50 ms.

        Raises:
            ObjectionError: The file cannot be read.
        """
        found = self._read().get(name)
        kept = found or _NOBODY
        given = _hashed(
            password[: MOST_PASSWORD + 1],
            bytes.fromhex(kept.salt),
            cost=(kept.cost, kept.block, kept.lanes),
        )
        return hmac.compare_digest(given, kept.hash) and found is not None

    def mark(self, name: str) -> str:
        """Return a text that changes with the password; empty for nobody.

        A session ends when the account is removed or gets another password.
        """
        found = self._read().get(name)
        return found.salt if found else ""

    def _read(self) -> Mapping[str, PasswordHash]:
        try:
            data = self._path.read_bytes()
        except FileNotFoundError:
            return {}
        except OSError as exc:
            raise self._unusable(exc.strerror or str(exc)) from exc
        try:
            return msgspec.json.decode(data, type=dict[str, PasswordHash])
        except msgspec.DecodeError as exc:
            raise self._unusable(str(exc)) from exc

    def _write(self, known: Mapping[str, PasswordHash]) -> None:
        try:
            write_private(self._path, msgspec.json.encode(known))
        except OSError as exc:
            raise self._unusable(exc.strerror or str(exc)) from exc

    def _unusable(self, why: str) -> ObjectionError:
        return ObjectionError(
            f"the accounts of reviewers {str(self._path)!r} cannot be used: {why}",
            hint="Check the disk and the rights of the file. If it is damaged, delete "
            "it and add the reviewers again.",
        )


def _hashed(
    password: str, salt: bytes, *, cost: tuple[int, int, int] = (_COST, _BLOCK, _LANES)
) -> str:
    n, r, p = cost
    # OpenSSL refuses more than 32 MiB unless it is told that they are meant.
    return hashlib.scrypt(
        password.encode("utf-8", "surrogateescape"),
        salt=salt,
        n=n,
        r=r,
        p=p,
        maxmem=256 * n * r,
    ).hex()


_NOBODY: Final = PasswordHash(salt="00" * _SALT_BYTES, hash="")
"""Stands for a name that does not exist: its check takes as long, and always fails."""
