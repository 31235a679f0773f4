"""Make files of the pictures in a PDF document.

A PDF document stores a picture as a stream with a dictionary that describes it. If the
stream is a file of its own (JPEG, JPEG 2000), that is the picture; otherwise its
samples get the head of a TIFF or PNG file, mostly without being unpacked. ``described``
reads the dictionary, ``written`` makes the file.

Source:
    ISO 32000-2:2020, 7.4 "Filters", 8.6 "Colour spaces", 8.9 "Images".
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

import pikepdf

from uploadfilter.contents.members import Shortfall
from uploadfilter.contents.pdf.colours import Colours, colours_of
from uploadfilter.contents.pdf.filters import (
    UNPACKED_BYTES,
    Filter,
    filters_of,
    unfiltered,
)
from uploadfilter.contents.pdf.rasters import (
    BYTE_BITS,
    GREY,
    Packing,
    Raster,
    plain,
    png,
    tiff_head,
)
from uploadfilter.contents.pdf.values import items_of, value_of, whole
from uploadfilter.contents.unpackers import TOO_BIG, UNKNOWN

MOST_SIDE: Final = 1_000_000
_BITS: Final = frozenset({1, 2, 4, 8, 16})
_FIRST_PNG_PREDICTOR: Final = 10
_TIFF_PREDICTOR: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class PDFPicture:
    """A picture as its dictionary describes it.

    Attributes:
        raster: The meaning of its samples; ``None`` if unknown here.
        filters: Their filters, in the order of unpacking.
    """

    raster: Raster | None
    filters: tuple[Filter, ...]

    @property
    def is_file(self) -> bool:
        """Return whether the stream is itself a file, whatever the dictionary says."""
        return bool(self.filters) and self.filters[-1].name in FILES

    @property
    def is_jpx(self) -> bool:
        """Return whether the stream is a picture in JPEG 2000."""
        return bool(self.filters) and self.filters[-1].name == _JPX


SMALLEST_SIDE: Final = 16
"""Shortest side in samples. Smaller pictures are lines, spots and letters, of which a
document may have thousands; their signals mean nothing."""

LITTLE_SIDE: Final = 32
"""Pictures with a shorter side are icons and letters of a scanned font. They are looked
at, but hardly anybody can tell what one shows, so a few are enough."""

_LITTLE: Final = 32
_BYTES_PER_LITTLE: Final = 2048
"""Bytes of a document for each little picture that is looked at, besides a fixed
number. Each takes a millisecond, like a large one, but only a byte or two of the
document if all are alike."""

_JPX: Final = "/JPXDecode"
FILES: Final = frozenset({"/DCTDecode", "/JPXDecode"})


class Sight:
    """Decides which pictures of one document are too small to be looked at.

    Args:
        document_bytes: Length of the document.

    Attributes:
        is_short: Whether a little picture was skipped only because there were too many.
    """

    def __init__(self, document_bytes: int) -> None:
        self._left = _LITTLE + document_bytes // _BYTES_PER_LITTLE
        self.is_short = False

    def passes_over(self, side: int) -> bool:
        """Return whether a picture is too small.

        Args:
            side: Samples of its shorter side.
        """
        if side < SMALLEST_SIDE:
            return True
        if side >= LITTLE_SIDE or self._left > 0:
            return False
        self.is_short = True
        return True

    def passes_over_picture(self, picture: PDFPicture) -> bool:
        """Test whether a picture is too small, and count it if it is little."""
        raster = picture.raster
        if raster is None or picture.is_file:
            return False
        side = min(raster.width, raster.height)
        is_passed_over = self.passes_over(side)
        self._left -= side < LITTLE_SIDE and not is_passed_over
        return is_passed_over


def described(dictionary: pikepdf.Object) -> PDFPicture:
    """Read the dictionary of a picture.

    Args:
        dictionary: The dictionary, or its stream; keys may be short names.
    """
    return PDFPicture(raster=_raster(dictionary), filters=filters_of(dictionary))


def _raster(dictionary: pikepdf.Object) -> Raster | None:
    """Read the meaning of the samples; return ``None`` if no decoder knows it."""
    width, height = (whole(value_of(dictionary, key)) for key in ("/Width", "/Height"))
    is_mask = value_of(dictionary, "/ImageMask") is True
    bits = 1 if is_mask else whole(value_of(dictionary, "/BitsPerComponent"))
    space = value_of(dictionary, "/ColorSpace")
    colours = Colours(GREY) if is_mask else colours_of(space)
    sound = 0 < width <= MOST_SIDE and 0 < height <= MOST_SIDE
    if colours is None or not sound or (bits or BYTE_BITS) not in _BITS:
        return None
    decode = items_of(value_of(dictionary, "/Decode"))
    is_reversed = len(decode) > 1 and whole(decode[0]) > whole(decode[1])
    return Raster(
        width=width,
        height=height,
        bits=bits or BYTE_BITS,
        channels=colours.channels,
        palette=colours.palette if bits <= BYTE_BITS else b"",
        is_inverted=colours.is_ink != is_reversed,
    )


def written(picture: PDFPicture, raw: bytes) -> Iterator[bytes | Shortfall]:
    """Make a file of a picture.

    Args:
        picture: The picture.
        raw: Its stream, as packed.

    Yields:
        The parts of the file, of any length; a shortfall comes last.
    """
    *before, last = picture.filters or (Filter(name=""),)
    data = unfiltered(raw, before)
    if isinstance(data, Shortfall) or picture.is_file:
        yield data
    elif picture.raster is None:
        yield UNKNOWN
    else:
        yield from _samples(picture.raster, last, data)


def _samples(
    raster: Raster, packed: Filter, data: bytes
) -> Iterator[bytes | Shortfall]:
    """Put a head before the samples; convert them first if that is not enough."""
    match packed.name:
        case "/CCITTFaxDecode":
            yield from _fax(raster, packed.parameters, data)
        case "/FlateDecode" if (
            packed.predictor >= _FIRST_PNG_PREDICTOR
            and raster.is_png
            and _fits(raster, packed)
        ):
            yield from png(raster, data)
        case "/FlateDecode" if _is_tiff(raster, packed):
            yield from _tiff(raster, Packing.DEFLATE, data, packed.predictor)
        case "/LZWDecode" if _is_tiff(raster, packed):
            yield from _tiff(raster, Packing.LZW, data, packed.predictor)
        case "" if raster.is_plain:
            yield from _tiff(raster, Packing.NONE, data)
        case _:
            yield from _unpacked(raster, packed, data)


def _is_tiff(raster: Raster, packed: Filter) -> bool:
    """Return whether a TIFF can hold samples that are packed like this."""
    is_late = packed.parameters.get("/EarlyChange", 1) == 0
    if not raster.is_plain or is_late:
        return False
    if packed.predictor == _TIFF_PREDICTOR:
        return raster.bits >= BYTE_BITS and _fits(raster, packed)
    return packed.predictor == 1


def _fits(raster: Raster, packed: Filter) -> bool:
    """Return whether the predictor's rows are those of the picture."""
    colors = packed.parameters.get("/Colors", 1)
    bits = packed.parameters.get("/BitsPerComponent", BYTE_BITS)
    columns = packed.parameters.get("/Columns", 1)
    return (colors, bits, columns) == (raster.channels, raster.bits, raster.width)


def _tiff(
    raster: Raster, packing: Packing, data: bytes, predictor: int = 1
) -> Iterator[bytes]:
    yield tiff_head(raster, packing, packed_bytes=len(data), predictor=predictor)
    yield data


def _fax(raster: Raster, parameters: dict[str, int], data: bytes) -> Iterator[bytes]:
    """Put a head before samples that are packed as a fax."""
    dimensions = parameters.get("/K", 0)
    is_aligned = bool(parameters.get("/EncodedByteAlign", 0))
    has_ends = bool(parameters.get("/EndOfLine", 0))
    packing = Packing.FAX_G3 if has_ends or dimensions else Packing.FAX_ROWS
    if dimensions < 0:
        packing = Packing.FAX_G4
    # By default, black of the fax is 0 in the document, which is black too.
    is_inverted = raster.is_inverted == bool(parameters.get("/BlackIs1", 0))
    width = parameters.get("/Columns", 1728)
    raster = replace(
        raster, width=max(1, width), bits=1, palette=b"", is_inverted=is_inverted
    )
    yield tiff_head(
        raster,
        packing,
        packed_bytes=len(data),
        options=(dimensions > 0) | is_aligned << 2,
    )
    yield data


def _unpacked(
    raster: Raster, packed: Filter, data: bytes
) -> Iterator[bytes | Shortfall]:
    """Unpack samples, and convert them to samples that decoders read."""
    if raster.width * raster.height * raster.channels > UNPACKED_BYTES:
        yield TOO_BIG
        return
    samples = unfiltered(data, (packed,) if packed.name else ())
    if isinstance(samples, Shortfall):
        yield samples
        return
    raster, samples = plain(raster, samples)
    yield from _tiff(raster, Packing.NONE, samples)
