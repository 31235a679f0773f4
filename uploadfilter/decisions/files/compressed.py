"""Read the compressed form of a segment, an ordinary gzip file (RFC 1952).

A reader gets every byte of the segment, or an error that names the file; it holds some
hundred kilobytes, whatever the file unpacks to.
"""

import gzip
import io
import os
import zlib
from pathlib import Path
from typing import BinaryIO, Final

from typing_extensions import Buffer, override

from uploadfilter.errors import LogCorruptError

SUFFIX: Final = ".gz"
"""It follows the name of the segment."""

LEVEL: Final = 6
"""Level 9 makes records 2 % smaller for twice the CPU time, level 1 makes them 15 %
larger for half (``docs/decisions/0010-what-is-logged-and-for-how-long.md``)."""

MOST_RATIO: Final = 200
"""Most bytes for each compressed byte. Records of uploads reach 7, because each holds
two hashes of 32 random bytes. A file beyond that was made to fill a reader's time; the
proxy leaves a segment that it would compress further as it is."""

SLACK_BYTES: Final = 16 * 1024 * 1024
"""Bytes that any file may unpack to: as many as one record has at most."""

_READ_BYTES: Final = 64 * 1024
_SIZE_BYTES: Final = 4

_HINT: Final = (
    "Restore the file from a copy of the log; its .jsonl file is as good. 'gzip -t' "
    "tests a copy. Keep the damaged file: zcat shows the records before the damage."
)


def stated_size(path: Path) -> int:
    """Return the length of a segment as the end of its compressed form states it.

    Nothing is unpacked; a file of several gzip members states that of the last one.

    Raises:
        OSError: The file cannot be read.
    """
    with path.open("rb") as file:
        file.seek(max(path.stat().st_size - _SIZE_BYTES, 0))
        return int.from_bytes(file.read(_SIZE_BYTES), "little")


class CompressedReader(io.RawIOBase):
    """The bytes of a segment, out of its compressed form.

    ``seek`` reads all bytes before the new position, so it takes at most the time of
    reading the file once: 0.2 s for 64 MiB.

    Args:
        file: The compressed file, at its beginning. It is closed with the reader.
        name: Its name, for errors.
    """

    def __init__(self, file: BinaryIO, name: str) -> None:
        super().__init__()
        self._file = file
        self._name = name
        self._gzip = gzip.GzipFile(fileobj=file)
        self._at = 0

    @override
    def readable(self) -> bool:
        return True

    @override
    def seekable(self) -> bool:
        return True

    @override
    def tell(self) -> int:
        return self._at

    @override
    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to an offset from the beginning, from here, or from the end."""
        if whence == os.SEEK_CUR:
            offset += self._at
        elif whence == os.SEEK_END:
            while self.read(_READ_BYTES):
                pass
            offset += self._at
        if offset < self._at:
            self._gzip.rewind()
            self._at = 0
        while self._at < offset and self.read(min(_READ_BYTES, offset - self._at)):
            pass
        return self._at

    @override
    def readinto(self, buffer: Buffer) -> int:
        """Read the next bytes; 0 at the end."""
        try:
            # At most one block, so that the records before the damage come first.
            count = self._gzip.readinto1(buffer)
        except (EOFError, gzip.BadGzipFile, zlib.error) as exc:
            raise self._damaged(str(exc)) from exc
        self._at += count
        size = os.fstat(self._file.fileno()).st_size
        if size == 0:
            raise self._damaged("it is empty")
        if self._at > SLACK_BYTES + MOST_RATIO * size:
            raise self._damaged(f"it unpacks to more than {MOST_RATIO} times its size")
        return count

    @override
    def close(self) -> None:
        self._gzip.close()
        self._file.close()
        super().close()

    def _damaged(self, why: str) -> LogCorruptError:
        return LogCorruptError(
            f"the compressed file {self._name!r} is damaged after byte {self._at} of "
            f"its records: {why}",
            hint=_HINT,
        )
