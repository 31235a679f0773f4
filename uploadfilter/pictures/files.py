"""Make files from other files, for decoders that need a file."""

import io
from collections.abc import Callable
from typing import BinaryIO

from typing_extensions import Buffer, override


class _MadeFile(io.RawIOBase):
    """A read-only, seekable file whose bytes a function returns."""

    def __init__(self, length: int, read: Callable[[int, int], bytes]) -> None:
        super().__init__()
        self._length = length
        self._read = read
        self._position = 0

    @override
    def readable(self) -> bool:
        return True

    @override
    def seekable(self) -> bool:
        return True

    @override
    def tell(self) -> int:
        return self._position

    @override
    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move to a position; one before the start is refused."""
        base = {
            io.SEEK_SET: 0,
            io.SEEK_CUR: self._position,
            io.SEEK_END: self._length,
        }[whence]
        if base + offset < 0:
            raise OSError("seek before the start of the file")
        self._position = base + offset
        return self._position

    @override
    def readinto(self, buffer: Buffer, /) -> int:
        """Fill ``buffer`` from the position, or leave it at the end."""
        target = memoryview(buffer).cast("B")
        left = max(0, self._length - self._position)
        data = self._read(self._position, min(len(target), left))
        target[: len(data)] = data
        self._position += len(data)
        return len(data)


def made_file(length: int, read: Callable[[int, int], bytes]) -> BinaryIO:
    """Return a file whose bytes a function returns.

    Args:
        length: Its length in bytes.
        read: Returns at most the requested number of bytes from a position, which may
            be the end; returns none only if none are requested or left.
    """
    return io.BufferedReader(_MadeFile(length, read))
