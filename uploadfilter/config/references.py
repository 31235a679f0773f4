"""Fetch values that a file only refers to: credentials, variables and files.

A key that holds a text may instead name the place of the text::

    client_key = { credential = "origin-key" }
    objection = { env = "OBJECTION" }
    report = { file = "/etc/uploadfilter/report.txt" }

A credential is a file that systemd (``LoadCredential=``, ``SetCredentialEncrypted=``)
puts into ``$CREDENTIALS_DIRECTORY`` (systemd.exec(5)). A key that names a file gets the
path of the credential; any other key gets its content.
"""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

CREDENTIALS_VARIABLE: Final = "CREDENTIALS_DIRECTORY"
KINDS: Final = ("credential", "env", "file")

_NAME = re.compile(r"[A-Za-z0-9_.@:-]{1,255}")
_MOST_BYTES: Final = 64 * 1024
"""Most bytes of a text: a setting is short; systemd's credentials have 1 MiB in all."""


class UnusableReferenceError(Exception):
    """A reference cannot be resolved.

    Args:
        message: The reason; nothing secret in it.
        hint: What the operator does next.
    """

    def __init__(self, message: str, *, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


class Credentials:
    """Resolves references."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ

    def fetch(self, reference: Mapping[str, object], *, is_path: bool) -> str:
        """Return the text that a reference names.

        Args:
            reference: One of ``credential``, ``env`` and ``file``, with a name.
            is_path: Whether the key names a file.

        Raises:
            UnusableReferenceError: There is no such text.
        """
        kind, name = _read(reference)
        match kind:
            case "env":
                return self._variable(name)
            case "credential":
                path = self._credential(name)
                return str(path) if is_path else _content(path)
            case _ if is_path:
                raise UnusableReferenceError(
                    "a key that names a file cannot refer to a file",
                    hint="Write the path itself, in quotes.",
                )
            case _:
                return _content(Path(name))

    def _variable(self, name: str) -> str:
        try:
            return self._environ[name]
        except KeyError as exc:
            raise UnusableReferenceError(
                f"there is no environment variable {name!r}",
                hint="Set it where the service is started.",
            ) from exc

    def _credential(self, name: str) -> Path:
        directory = self._environ.get(CREDENTIALS_VARIABLE)
        if not directory:
            raise UnusableReferenceError(
                f"there are no credentials: {CREDENTIALS_VARIABLE} is not set",
                hint=f"Add LoadCredential={name}:/path to the unit. Only a service "
                "that systemd starts has credentials.",
            )
        if not _NAME.fullmatch(name) or name in {".", ".."}:
            raise UnusableReferenceError(
                f"{name!r} is not the name of a credential",
                hint="Write the name from LoadCredential=.",
            )
        path = Path(directory) / name
        if not path.is_file():
            raise UnusableReferenceError(
                f"there is no credential {name!r}",
                hint=f"Add LoadCredential={name}:/path to the unit.",
            )
        return path


def _read(reference: Mapping[str, object]) -> tuple[str, str]:
    match list(reference.items()):
        case [(kind, str(name))] if kind in KINDS and name:
            return kind, name
        case _:
            raise UnusableReferenceError(
                "neither a text nor a reference to one",
                hint='Write a text in quotes, { credential = "NAME" }, '
                '{ env = "NAME" } or { file = "/PATH" }.',
            )


def _content(path: Path) -> str:
    """Return a file's text without the line end that editors add."""
    if not path.is_file():  # reading a pipe would block
        raise UnusableReferenceError(
            f"there is no file {os.fspath(path)!r}", hint="Check the path."
        )
    try:
        with path.open("rb") as file:
            data = file.read(_MOST_BYTES + 1)
        if len(data) > _MOST_BYTES:
            raise UnusableReferenceError(
                f"{os.fspath(path)!r} is too large for a setting",
                hint=f"A setting has at most {_MOST_BYTES} bytes.",
            )
        return data.decode("utf-8").removesuffix("\n").removesuffix("\r")
    except OSError as exc:
        raise UnusableReferenceError(
            f"cannot read {os.fspath(path)!r}: {exc.strerror}",
            hint="Check the path and that this user may read the file.",
        ) from exc
    except ValueError as exc:
        raise UnusableReferenceError(
            f"{os.fspath(path)!r} is not text in UTF-8", hint="Save it as UTF-8."
        ) from exc
