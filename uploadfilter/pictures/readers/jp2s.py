"""Read JPEG 2000, at a reduced resolution if that is enough.

Its wavelets contain the picture at 1/2, 1/4 and 1/8; the finer levels are not decoded.

Rules this module keeps: the memory of the decoder for each tile, precinct and code
block is computed from the header, since the header of a small picture may announce
millions of them.

Source:
    ISO/IEC 15444-1, annex A.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final

from PIL import Image
from PIL.Jpeg2KImagePlugin import Jpeg2KImageFile

from uploadfilter.model import Reason
from uploadfilter.pictures.faults import DECODER_ERRORS, BadPictureError, note
from uploadfilter.pictures.formats import Format
from uploadfilter.pictures.frame import Frame
from uploadfilter.pictures.limits import DecodeLimits, OverBudgetError, check_frame
from uploadfilter.pictures.reader import DRAFT_SIDE, Reader, load

_START: Final = b"\xff\x4f\xff\x51"
_SEARCHED_BYTES: Final = 1 << 20
"""Bytes of a file in which the codestream must begin, after the profile."""

_MOST_SEGMENTS: Final = 1000
_SIZ, _COD, _TILE = 0xFF51, 0xFF52, 0xFF90
_MOST_REDUCED: Final = 3
"""Most halvings: at 1/8, as with JPEG, at least 512 pixels a side are decoded."""

_MOST_TILES: Final = 4096
_MOST_BLOCKS: Final = 300_000
"""Most code blocks and precincts, for each of which the decoder keeps some hundred
bytes. A picture of 50 million pixels in three colours has 37,000 blocks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Codes:
    """The main header of a codestream.

    Attributes:
        levels: Number of possible halvings.
        blocks: Approximate number of code blocks and precincts.
    """

    size: tuple[int, int]
    tiles: int
    levels: int
    blocks: int


def open_jp2(file: BinaryIO, picture_format: Format, limits: DecodeLimits) -> Reader:
    """Open a picture in JPEG 2000."""
    codes = _read(file)

    def open_whole() -> Jpeg2KImageFile:
        file.seek(0)
        image = Image.open(file, formats=picture_format.pillow)
        if not isinstance(image, Jpeg2KImageFile) or image.size != codes.size:
            raise BadPictureError("the file and its codes are of different sizes")
        return image

    def decode(number: int, reduced: int) -> Frame:
        width, height = (-(-side >> reduced) for side in codes.size)
        if codes.tiles > _MOST_TILES or codes.blocks > _MOST_BLOCKS:
            raise OverBudgetError(Reason.TOO_MANY_PIXELS)
        check_frame(
            (width, height), limits, bytes_per_pixel=picture_format.bytes_per_pixel
        )
        image = open_whole()
        if reduced:
            image.reduce = reduced
        is_truncated = load(image)
        return Frame(
            image=image,
            number=number,
            full=codes.size,
            scale=1 << reduced,
            is_truncated=is_truncated,
        )

    def frame(number: int) -> Frame:
        most, side = min(_MOST_REDUCED, codes.levels), min(codes.size)
        fitting = (by for by in range(1, most + 1) if side >> by >= DRAFT_SIDE)
        reduced = max(fitting, default=0)
        try:
            return decode(number, reduced)
        except DECODER_ERRORS as exc:
            note(exc)
            if not reduced:
                raise
        # A tile may have fewer levels than the main header says.
        return decode(number, 0)

    open_whole()
    return Reader(frame=frame)


def _read(file: BinaryIO) -> _Codes:
    file.seek(0)
    data = file.read(_SEARCHED_BYTES)
    start = data.find(_START)
    if start < 0:
        raise BadPictureError("no codestream")
    try:
        return _codes_of(dict(_segments(data, start + 2)))
    except (struct.error, KeyError, ZeroDivisionError) as exc:
        raise BadPictureError("a header that is cut off") from exc


def _segments(data: bytes, at: int) -> Iterator[tuple[int, bytes]]:
    """Yield the segments of a main header; of several of a kind the first counts last.

    Only the last of a kind stands in a dictionary, and a decoder refuses two.
    """
    for _ in range(_MOST_SEGMENTS):
        marker, length = struct.unpack_from(">HH", data, at)
        if marker == _TILE:
            return
        yield marker, data[at + 4 : at + 2 + length]
        at += 2 + length


def _codes_of(segments: dict[int, bytes]) -> _Codes:
    fields = struct.unpack_from(">HIIIIIIIIH", segments[_SIZ])
    _, right, lower, left, upper, tile_width, tile_height, *_, count = fields
    width, height = right - left, lower - upper
    if width <= 0 or height <= 0:
        raise BadPictureError("no pixels")
    style, _, _, _, levels, block_width, block_height = struct.unpack_from(
        ">BBHBBBB", segments[_COD]
    )
    samples = width * height * count
    blocks = samples >> (block_width & 15) + (block_height & 15) + 4
    if style & 1:
        blocks += _precincts(samples, levels, segments[_COD][10:])
    return _Codes(
        size=(width, height),
        tiles=-(-width // tile_width) * -(-height // tile_height),
        levels=levels,
        blocks=blocks,
    )


def _precincts(samples: int, levels: int, sizes: bytes) -> int:
    """Return about how many precincts there are, from the coarsest to the finest level.

    ``sizes`` has a byte for each level, and one more: exponents of width and height.
    """
    return sum(
        (samples >> 2 * (levels - level)) >> (size & 15) + (size >> 4)
        for level, size in enumerate(sizes[: levels + 1])
    )
