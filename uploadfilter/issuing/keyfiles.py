"""Write a key to a file for its holder alone, with its public half beside it.

Rules this module keeps: an existing file is never overwritten, because a lost key
cannot be made again; both files are on the disk before success is reported.
"""

import os
from pathlib import Path

from uploadfilter.errors import IssuerError
from uploadfilter.issuing.folder import file_errors


def public_file_of(file: Path) -> Path:
    """Return the path of the public half of a key: ``ann.pub`` beside ``ann.key``."""
    return file.with_name(file.name.removesuffix(".key") + ".pub")


def check_new(file: Path) -> None:
    """Refuse to write a key over an existing file.

    Raises:
        IssuerError: One of the two files exists.
    """
    for path in (file, public_file_of(file)):
        if path.exists():
            raise IssuerError(
                f"{str(path)!r} exists already",
                hint="Name another file: a key that is lost cannot be made again.",
            )


def keep(file: Path, private: bytes, public: bytes) -> None:
    """Write both halves of a key.

    Args:
        file: The file for the private half.
        private: The data of the private half.
        public: The data of the public half.

    Raises:
        IssuerError: One of the files exists, or cannot be written.
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
