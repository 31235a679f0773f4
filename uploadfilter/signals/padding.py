"""Complete what broke off, so that a decoder shows what arrived of it.

Decoders of some formats give nothing of a file that is shorter than it says, though
browsers show its beginning. Behind a JPEG belongs a marker that ends it; other files
say how long they would have been, and get that many zeros.
"""

import io
from collections.abc import Iterator
from typing import BinaryIO

from typing_extensions import Buffer, override

END_OF_JPEG = b"\xff\xd9"

_LARGE_BOX = 1
_BOX_HEAD_BYTES = 8
_MOST_BOXES = 100


class Continued(io.RawIOBase):
    """A read-only file with something put behind it.

    Args:
        file: The file; its position is used.
        length: How much of it is shown.
        tail: What follows that.
    """

    def __init__(self, file: BinaryIO, length: int, tail: bytes) -> None:
        super().__init__()
        self._file = file
        self._length = length
        self._tail = tail
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
        end = self._length + len(self._tail)
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: end}[whence]
        if base + offset < 0:
            raise OSError("seek before the start of the file")
        self._position = base + offset
        return self._position

    @override
    def readinto(self, buffer: Buffer, /) -> int:
        """Fill ``buffer`` from the file, or from what follows it."""
        target = memoryview(buffer).cast("B")
        if self._position < self._length:
            self._file.seek(self._position)
            data = self._file.read(min(len(target), self._length - self._position))
        else:
            start = self._position - self._length
            data = self._tail[start : start + len(target)]
        target[: len(data)] = data
        self._position += len(data)
        return len(data)


def continued(file: BinaryIO, length: int, tail: bytes) -> BinaryIO:
    """Return a file that goes on with ``tail`` behind ``length`` bytes of another."""
    return io.BufferedReader(Continued(file, length, tail))


def missing_bytes(data: bytes) -> int:
    """Return how many bytes a file says that it has beyond those that arrived.

    Args:
        data: What arrived of a RIFF file (WebP), or of one made of boxes (AVIF, HEIC).

    Returns:
        The number of bytes; 0 if nothing is missing, or more than arrived, of which a
        decoder would show nothing.
    """
    if data.startswith(b"RIFF"):
        end = 8 + int.from_bytes(data[4:8], "little")
    else:
        end = _end_of_boxes(data)
    missing = end - len(data)
    return missing if 0 < missing <= len(data) else 0


def has_box(data: bytes, name: bytes) -> bool:
    """Return whether a file made of boxes has one of this name at its top level."""
    return any(found == name for found, _ in _boxes(data))


def _end_of_boxes(data: bytes) -> int:
    """Return where the last box of a file that begins within it would end."""
    return max((end for _, end in _boxes(data)), default=0)


def _boxes(data: bytes) -> Iterator[tuple[bytes, int]]:
    """Yield the name and the end of each box at the top level."""
    at = 0
    for _ in range(_MOST_BOXES):
        if at + _BOX_HEAD_BYTES > len(data):
            return
        length = int.from_bytes(data[at : at + 4], "big")
        if length == _LARGE_BOX:
            length = int.from_bytes(data[at + 8 : at + 16], "big")
        end = at + length if length else len(data)
        yield data[at + 4 : at + 8], end
        if end < at + _BOX_HEAD_BYTES:
            return
        at = end
