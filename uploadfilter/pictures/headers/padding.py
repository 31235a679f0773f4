"""Complete a truncated file, so that a decoder shows the part that arrived.

Decoders of some formats show nothing of a file that is shorter than its stated length,
although browsers show its beginning. A JPEG gets the end marker; other files state
their full length, and get zeros up to it.
"""

from typing import BinaryIO

from uploadfilter.pictures.files import made_file

END_OF_JPEG = b"\xff\xd9"

_LARGE_BOX = 1
_BOX_HEAD_BYTES = 8
_MOST_BOXES = 100


def continued(file: BinaryIO, length: int, tail: bytes) -> BinaryIO:
    """Return ``length`` bytes of a file, whose position is used, and ``tail``."""

    def read(position: int, count: int) -> bytes:
        if position >= length:
            start = position - length
            return tail[start : start + count]
        file.seek(position)
        return file.read(min(count, length - position))

    return made_file(length + len(tail), read)


def missing_bytes(data: bytes) -> int:
    """Return how many bytes are missing from the stated length of a file.

    0 if more is missing than arrived, since a decoder would then show nothing.
    """
    if data.startswith(b"RIFF"):
        end = 8 + int.from_bytes(data[4:8], "little")
    else:
        end = _end_of_boxes(data)
    missing = end - len(data)
    return missing if 0 < missing <= len(data) else 0


def _end_of_boxes(data: bytes) -> int:
    at = last = 0
    for _ in range(_MOST_BOXES):
        if at + _BOX_HEAD_BYTES > len(data):
            break
        length = int.from_bytes(data[at : at + 4], "big")
        if length == _LARGE_BOX:
            length = int.from_bytes(data[at + 8 : at + 16], "big")
        end = at + length if length else len(data)
        last = max(last, end)
        if end < at + _BOX_HEAD_BYTES:
            break
        at = end
    return last
