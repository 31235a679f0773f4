"""Read Pillow's list of the pieces of an opened file, before they are decoded.

An image of Pillow lists its strips or tiles, each with its decoder and the kind of its
samples.
"""

from PIL import Image, TiffImagePlugin

from uploadfilter.model import Reason
from uploadfilter.pictures.limits import OverBudgetError


def check_pieces(image: Image.Image) -> None:
    """Refuse a picture of so many strips or tiles that they dominate its cost."""
    pieces = len(getattr(image, "tile", ()))
    pixels = image.width * image.height
    if pieces > _MOST_PIECES + pixels // _PIXELS_PER_PIECE:
        raise OverBudgetError(Reason.TOO_MANY_PIXELS)


_MOST_PIECES = 5000
_PIXELS_PER_PIECE = 8192
"""Pixels for each strip or tile of a TIFF, besides a fixed number of them. Pillow takes
8 µs for each; real ones have 8 KiB or more, or are single rows of some thousand pixels.
"""


def contradicts_itself(image: Image.Image) -> bool:
    """Return whether a TIFF page has strips and tiles, which may differ."""
    tags = getattr(image, "tag_v2", ())
    return TiffImagePlugin.STRIPOFFSETS in tags and TiffImagePlugin.TILEOFFSETS in tags


def has_unknown_sample(image: Image.Image) -> bool:
    """Return whether a TIFF page has one sample of unknown meaning beside the others.

    It is alpha to some programs, and nothing to others.
    """
    tags = getattr(image, "tag_v2", {})
    samples = tags.get(TiffImagePlugin.SAMPLESPERPIXEL)
    return tags.get(TiffImagePlugin.EXTRASAMPLES) == (0,) and samples in {2, 4}


def piece_bytes(image: Image.Image) -> int:
    """Return the bytes of the longest strip or tile of a TIFF page, unpacked.

    libtiff unpacks one at a time, which may be the whole page. Other formats have none.
    """
    tags = getattr(image, "tag_v2", None)
    codecs = {tile[0] for tile in getattr(image, "tile", ())}
    is_packed = "libtiff" in codecs
    if not is_packed or not isinstance(tags, TiffImagePlugin.ImageFileDirectory_v2):
        return 0
    width = _number(tags, TiffImagePlugin.TILEWIDTH, image.width)
    rows = _number(tags, _TILE_ROWS, 0) or min(
        _number(tags, TiffImagePlugin.ROWSPERSTRIP, image.height), image.height
    )
    bits = _number(tags, TiffImagePlugin.BITSPERSAMPLE, 1)
    samples = _number(tags, TiffImagePlugin.SAMPLESPERPIXEL, 1)
    return width * rows * -(-bits * samples // 8)


_TILE_ROWS = 323
"""TIFF's ``TileLength``, for which Pillow has no name."""


def _number(tags: TiffImagePlugin.ImageFileDirectory_v2, tag: int, default: int) -> int:
    """Return the (first) integer of a tag; not every value is one."""
    value = tags.get(tag, default)
    first = value[0] if isinstance(value, tuple) and value else value
    return first if isinstance(first, int) else default
