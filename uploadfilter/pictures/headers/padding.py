"""Complete what broke off, so that a decoder shows what arrived of it.

Decoders of some formats give nothing of a file that is shorter than it says, though
browsers show its beginning. Behind a JPEG belongs a marker that ends it; other files
say how long they would have been, and get that many zeros.
"""

from collections.abc import Iterator
from typing import BinaryIO

from uploadfilter.pictures.files import made_file

END_OF_JPEG = b"\xff\xd9"

_LARGE_BOX = 1
_BOX_HEAD_BYTES = 8
_MOST_BOXES = 100


def continued(file: BinaryIO, length: int, tail: bytes) -> BinaryIO:
    """Return a file that goes on with ``tail`` behind ``length`` bytes of another.

    Args:
        file: The other; its position is used.
        length: How much of it is shown.
        tail: What follows that.
    """

    def read(position: int, count: int) -> bytes:
        if position >= length:
            start = position - length
            return tail[start : start + count]
        file.seek(position)
        return file.read(min(count, length - position))

    return made_file(length + len(tail), read)


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
