"""Give Pillow only those chunks of a PNG that change the picture.

Pillow fails on chunks that browsers ignore: a comment with a wrong checksum, one that
unpacks to more than a megabyte, a chunk with an odd name. The profile and the code
points are read here; the first of several counts, as in browsers.

Rules this module keeps: the number of steps is that of ``apngs.frames_of_png``; kept
chunks are not copied, but read from their place; only an exceeded limit raises an
exception.

Source:
    PNG, third edition, 11.3; where it leaves a choice, Chromium 156.
"""

import io
import zlib
from array import array
from bisect import bisect_right
from dataclasses import dataclass
from typing import BinaryIO, Final

from uploadfilter.model import Reason
from uploadfilter.pictures.colours.profiles import MAX_PROFILE_BYTES
from uploadfilter.pictures.files import made_file
from uploadfilter.pictures.headers.timing import PNGChunk, png_chunks
from uploadfilter.pictures.limits import OverBudgetError

_UNCHECKED: Final = frozenset({b"IHDR", b"PLTE", b"IDAT", b"IEND", b"fcTL", b"fdAT"})
"""Chunks that are kept unchanged: a wrong checksum of these ends the picture in
browsers too, or Pillow ignores it."""

_LENGTHS: Final = {
    b"acTL": range(8, 9),
    b"tRNS": range(1, 257),
    b"gAMA": range(4, 5),
    b"cHRM": range(32, 33),
    b"sRGB": range(1, 2),
}
"""Small chunks that change the shown picture, and their greatest length."""

_DATA: Final = b"IDAT"
_PROFILE: Final = b"iCCP"
_BEFORE_PIXELS: Final = frozenset({b"sRGB", b"gAMA", b"cHRM"})
_CODE_POINTS: Final = b"cICP"
_CODE_POINTS_BYTES: Final = 4
_LONGEST_NAME: Final = 80
_HEAD_BYTES: Final = 40
_SIGNATURE: Final = b"acsp"
"""The signature of a profile, and its end: bytes that are read to recognise one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PNGPart:
    """The chunks of a PNG for a decoder, and the fields that were read before.

    Attributes:
        file: A PNG of the kept chunks; the file itself if all are kept.
        profile: The ICC profile, if there is one.
        code_points: The four bytes of ``cICP``, if there are any.
    """

    file: BinaryIO
    profile: bytes | None = None
    code_points: bytes | None = None


def part_of(file: BinaryIO) -> PNGPart:
    """Return the part of a PNG for Pillow; too long a profile is over budget."""
    size = file.seek(0, io.SEEK_END)
    spans = _Spans(8)
    found: dict[bytes, bytes] = {}
    has_pixels = False
    for chunk in png_chunks(file):
        has_pixels |= chunk.name == _DATA
        if chunk.name in _UNCHECKED or not _may_be_passed_over(chunk.name):
            spans.add(chunk.start, min(chunk.end, size))
        elif chunk.name in _BEFORE_PIXELS and has_pixels:
            # Browsers ignore it there, whatever the other chunks are.
            continue
        elif chunk.name not in found and _is_read(chunk):
            body = _checked(file, chunk)
            if body is None:
                continue
            found[chunk.name] = body
            if chunk.name in _LENGTHS:
                spans.add(chunk.start, chunk.end)
    packed = found.get(_PROFILE)
    return PNGPart(
        file=file if spans.length >= size else spans.opened(file),
        profile=None if packed is None else _unpacked(packed),
        code_points=found.get(_CODE_POINTS),
    )


def _may_be_passed_over(name: bytes) -> bool:
    """Return whether a chunk is one that decoders need not know (section 5.4)."""
    return not _CAPITALS[0] <= name[:1] <= _CAPITALS[1]


_CAPITALS: Final = b"A", b"Z"


def _is_read(chunk: PNGChunk) -> bool:
    if chunk.name == _PROFILE:
        return chunk.length <= MAX_PROFILE_BYTES
    if chunk.name == _CODE_POINTS:
        return chunk.length == _CODE_POINTS_BYTES
    return chunk.length in _LENGTHS.get(chunk.name, ())


def _checked(file: BinaryIO, chunk: PNGChunk) -> bytes | None:
    file.seek(chunk.start + 8)
    body = file.read(chunk.length)
    checksum = zlib.crc32(body, zlib.crc32(chunk.name)).to_bytes(4, "big")
    return body if file.read(4) == checksum else None


def _unpacked(packed: bytes) -> bytes | None:
    """Return a profile, cut to its stated length, so that padding hides nothing."""
    name, _, rest = packed[: _LONGEST_NAME + 2].partition(b"\0")
    if not rest or rest[0]:
        return None
    unpacker = zlib.decompressobj()
    try:
        head = unpacker.decompress(packed[len(name) + 2 :], _HEAD_BYTES)
        length = int.from_bytes(head[:4], "big")
        if not head.endswith(_SIGNATURE):
            return None
        if length > MAX_PROFILE_BYTES:
            raise OverBudgetError(Reason.TOO_MANY_BYTES)
        # A length of zero would mean all bytes.
        body = unpacker.decompress(unpacker.unconsumed_tail, max(1, length - len(head)))
    except zlib.error:
        return None
    return head + body


class _Spans:
    """Pieces of a file, in its order; the first begins at the first byte."""

    def __init__(self, length: int) -> None:
        self.length = length
        # The start of each piece in the joined pieces, and in the file.
        self._starts = array("q", [0])
        self._origins = array("q", [0])

    def add(self, start: int, end: int) -> None:
        """Add the bytes from ``start`` to ``end``."""
        if start - self._origins[-1] != self.length - self._starts[-1]:
            self._starts.append(self.length)
            self._origins.append(start)
        self.length += max(0, end - start)

    def opened(self, file: BinaryIO) -> BinaryIO:
        """Return a file of the pieces of another file, whose position is used."""

        def read(position: int, count: int) -> bytes:
            number = bisect_right(self._starts, position) - 1
            last = number + 1 == len(self._starts)
            end = self.length if last else self._starts[number + 1]
            file.seek(self._origins[number] + position - self._starts[number])
            return file.read(min(count, max(0, end - position)))

        return made_file(self.length, read)
