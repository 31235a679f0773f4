"""Open a hash-set file, and compute its digest while it is read.

The file is read only once, because it may be a pipe.
"""

import hashlib
import os
import re
import shlex
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader, FileIO
from pathlib import Path
from typing import TYPE_CHECKING, Final

from typing_extensions import override

from uploadfilter.errors import HashSetError, HashSetFormatError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_ANY_FILE: Final = "FILE"
"""The placeholder in a hint for the name of the file."""

_READ_BYTES: Final = 1 << 16


class HashedFile(FileIO):
    """A file that counts the bytes read, and computes their digest.

    Attributes:
        count: Number of bytes read so far.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path, "rb")
        self._digest = hashlib.sha256()
        self.count = 0

    @override
    def readinto(self, buffer: "WriteableBuffer") -> int:
        """Read into a buffer; return the number of bytes."""
        # A regular file and a blocking pipe always return a number.
        count = super().readinto(buffer) or 0
        self._take(memoryview(buffer)[:count])
        return count

    @override
    def readall(self) -> bytes:
        """Return the rest of the file."""
        data = super().readall()
        self._take(data)
        return data

    def sha256(self) -> str:
        """Read the rest, and return the digest of the whole file in hex."""
        rest = bytearray(_READ_BYTES)
        while self.readinto(rest):
            pass
        return self._digest.hexdigest()

    def _take(self, data: bytes | memoryview) -> None:
        self._digest.update(data)
        self.count += len(data)


def open_file(path: Path) -> HashedFile:
    """Open a hash-set file, to be read by ``opened`` later.

    A caller that changes its user meanwhile may not be able to open it afterwards.

    Raises:
        HashSetError: The file cannot be opened.
    """
    try:
        return HashedFile(path)
    except OSError as exc:
        raise _unreadable(path, exc) from exc


def _unreadable(path: Path, exc: OSError) -> HashSetError:
    return HashSetError(
        f"cannot read {str(path)!r}: {exc.strerror}",
        hint="Check the path, and that this user may read the file.",
    )


@contextmanager
def opened(
    path: Path, raw: HashedFile | None = None
) -> Iterator[tuple[BufferedReader, HashedFile]]:
    """Open a file, and add its name to the errors of the block.

    Yields:
        The buffered reader, and the counting file with the digest.

    Raises:
        HashSetFormatError: An error of the block, with the name of the file.
        HashSetError: The file cannot be read.
    """
    raw = raw or open_file(path)
    is_file = stat.S_ISREG(os.fstat(raw.fileno()).st_mode)
    try:
        file: BufferedReader = BufferedReader(raw)
        with file:
            yield file, raw
    except HashSetFormatError as exc:
        # So that a command in the hint can be run unchanged.
        name = shlex.quote(str(path)) if is_file else _ANY_FILE
        hint = re.sub(rf"\b{_ANY_FILE}\b", lambda _: name, exc.hint)
        raise HashSetFormatError(f"{str(path)!r}: {exc}", hint=hint) from exc
    except OSError as exc:
        raise _unreadable(path, exc) from exc
