"""Read passphrases and PINs from a prompt, a file descriptor or a file.

Rules this module keeps: a passphrase never comes from an argument or an environment
variable, which other processes can read; only its owner may read a passphrase file.
"""

import os
import stat
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from securesystemslib.signer import Signer

from uploadfilter.cli.files import explain_failure
from uploadfilter.cli.options import YesOption
from uploadfilter.errors import IssuerError, UsageError
from uploadfilter.issuing.tokens import open_signer

MOST_BYTES = 4096
"""Longest passphrase, in bytes: a paragraph."""

_MOST_KEY_BYTES = 1 << 16

KeyOption = Annotated[
    Path, typer.Option("--key", metavar="FILE", help="The file of the private key.")
]
KeysOption = Annotated[
    list[Path] | None,
    typer.Option(
        "--key",
        metavar="FILE",
        help="Sign the proposal with this private key; give the option once for each "
        "holder who signs here.",
    ),
]
OnlineKeyOption = Annotated[
    Path,
    typer.Option(
        "--online-key",
        metavar="FILE",
        help="The private key of this machine, which signs the snapshot and timestamp.",
    ),
]
PassphraseFileOption = Annotated[
    Path | None,
    typer.Option(
        "--passphrase-file",
        metavar="FILE",
        help="Read the passphrase from this file.  [default: ask for it]",
    ),
]
PassphraseFilesOption = Annotated[
    list[Path] | None,
    typer.Option(
        "--passphrase-file",
        metavar="FILE",
        help="Read the passphrase of a key from this file; give the option once for "
        "each --key, in the same order.  [default: ask]",
    ),
]
PassphraseFDOption = Annotated[
    int | None,
    typer.Option(
        "--passphrase-fd",
        metavar="N",
        help="Read the passphrase from this file descriptor.",
        min=0,
    ),
]
OnlinePassphraseFileOption = Annotated[
    Path | None,
    typer.Option(
        "--online-passphrase-file",
        metavar="FILE",
        help="Read the passphrase of the machine's key from this file.  [default: ask]",
    ),
]

PKCS11Option = Annotated[
    Path | None,
    typer.Option(
        "--pkcs11",
        metavar="LIBRARY",
        help="The PKCS#11 library of the token's manufacturer, if a key is in a token.",
        envvar="PYKCS11LIB",
    ),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningKeys:
    """The options of those who sign a proposal at once."""

    keys: KeysOption = None
    passphrase_files: PassphraseFilesOption = None
    passphrase_fd: PassphraseFDOption = None
    pkcs11: PKCS11Option = None
    yes: YesOption = False

    def signers(self) -> list[Signer]:
        """Open the keys; see ``signers_of``."""
        fd, library = self.passphrase_fd, self.pkcs11
        return signers_of(
            self.keys or (), self.passphrase_files, fd=fd, library=library
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class DutyKeys:
    """The options that name the keys of a duty officer and of the machine."""

    key: KeyOption
    online_key: OnlineKeyOption
    passphrase_file: PassphraseFileOption = None
    passphrase_fd: PassphraseFDOption = None
    online_passphrase_file: OnlinePassphraseFileOption = None
    pkcs11: PKCS11Option = None

    def signers(self) -> tuple[Signer, Signer]:
        """Open the key of the officer, and that of the machine; see ``signer_of``."""
        library = self.pkcs11
        file, fd = self.passphrase_file, self.passphrase_fd
        officer = signer_of(self.key, file=file, fd=fd, library=library)
        file = self.online_passphrase_file
        return officer, signer_of(self.online_key, file=file, library=library)


def read_passphrase(
    whose: str,
    *,
    file: Path | None,
    fd: int | None = None,
    twice: bool = False,
    what: str = "Passphrase",
) -> str:
    """Return a passphrase."""
    if file is not None and fd is not None:
        raise UsageError(
            "two sources are given for one passphrase",
            hint="Give --passphrase-file or --passphrase-fd.",
        )
    where = f"{str(file)!r}" if file is not None else f"descriptor {fd}"
    with explain_failure(f"read a passphrase from {where}"):
        if file is not None:
            _check_private(file)
            with file.open("rb") as opened:
                return _text(opened.read(MOST_BYTES + 1))
        if fd is not None:
            with os.fdopen(fd, "rb") as opened:
                return _text(opened.read(MOST_BYTES + 1))
    if not sys.stdin.isatty():
        raise UsageError(
            f"there is no terminal to ask for the passphrase of {whose}",
            hint="Without a terminal, give --passphrase-file or --passphrase-fd.",
        )
    typed: str = typer.prompt(
        f"{what} of {whose}", hide_input=True, confirmation_prompt=twice, err=True
    )
    return typed


def signer_of(
    path: Path, *, file: Path | None, fd: int | None = None, library: Path | None = None
) -> Signer:
    """Open a private key from a file or a token."""

    def ask(label: str | None) -> str:
        if label is None:
            return read_passphrase(f"{str(path)!r}", file=file, fd=fd)
        return read_passphrase(f"the token {label!r}", file=file, fd=fd, what="PIN")

    return open_signer(read_key_file(path), library, ask)


def signers_of(
    paths: Sequence[Path],
    files: Sequence[Path] | None,
    *,
    fd: int | None = None,
    library: Path | None = None,
) -> list[Signer]:
    """Open several private keys."""
    if (files and len(files) != len(paths)) or (fd is not None and len(paths) != 1):
        raise UsageError(
            f"there are {len(paths)} keys, and not as many passphrases",
            hint="Give --passphrase-file once for each --key, in the same order.",
        )
    sources: Sequence[Path | None] = files or [None] * len(paths)
    return [
        signer_of(path, file=file, fd=fd, library=library)
        for path, file in zip(paths, sources, strict=True)
    ]


def read_key_file(path: Path) -> bytes:
    """Return the bytes of a key file."""
    explained = explain_failure(f"read the key {str(path)!r}", error=IssuerError)
    with explained, path.open("rb") as file:
        return file.read(_MOST_KEY_BYTES)


def _check_private(path: Path) -> None:
    mode = path.stat().st_mode
    if stat.S_ISREG(mode) and mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise UsageError(
            f"other users can read the passphrase in {str(path)!r}",
            hint=f"chmod 600 {path}",
        )


def _text(data: bytes) -> str:
    if len(data) > MOST_BYTES:
        raise UsageError(
            "the passphrase is longer than a page", hint="Is it the right file?"
        )
    try:
        return data.decode().splitlines()[0] if data else ""
    except UnicodeDecodeError as exc:
        raise UsageError(
            "the passphrase is not UTF-8 text", hint="Is it the right file?"
        ) from exc
