"""Where a key is kept: in a file for its holder alone, its public half beside it.

Rules this module keeps: a file that is there is never overwritten, since a key that is
lost cannot be made again; both are on the disk before anybody is told so.
"""

import os
from pathlib import Path

from uploadfilter.errors import IssuerError
from uploadfilter.issuing.folder import file_errors


def public_file_of(file: Path) -> Path:
    """Return where the public half of a key goes: ``ann.pub`` beside ``ann.key``."""
    return file.with_name(file.name.removesuffix(".key") + ".pub")


def check_new(file: Path) -> None:
    """Refuse to keep a key where one is.

    Raises:
        IssuerError: One of the two files is there.
    """
    for path in (file, public_file_of(file)):
        if path.exists():
            raise IssuerError(
                f"{str(path)!r} is there already",
                hint="Name another file: a key that is lost cannot be made again.",
            )


def keep(file: Path, private: bytes, public: bytes) -> None:
    """Write both halves of a key.

    Args:
        file: Where the private half goes.
        private: What to keep in it.
        public: What to keep beside it.

    Raises:
        IssuerError: One of the files is there, or cannot be written.
    """
    check_new(file)
    with file_errors(file, so="No key was made."):
        _create(file, private, 0o600)
        _create(public_file_of(file), public, 0o644)


def _create(path: Path, data: bytes, mode: int) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(fd, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
