"""Open the simple formats of Netpbm: bitmaps, grey and colour maps.

Pillow decodes text, and samples with another maximum than 255 or 65,535, in Python: it
takes a microsecond for each sample, and copies the rest of a text for each comment. So
a file that is read so may only be short.

Source:
    Netpbm, "pbm", "pgm" and "ppm" (section 5 of its manual).
"""

import io
from dataclasses import replace
from typing import BinaryIO, Final

from PIL import Image

from uploadfilter.contents.kinds import anymap
from uploadfilter.model import Reason
from uploadfilter.pictures.faults import BadPictureError
from uploadfilter.pictures.formats import Format
from uploadfilter.pictures.limits import DecodeLimits, OverBudgetError
from uploadfilter.pictures.reader import Reader, read_pillow

_HEAD_BYTES: Final = 4096
"""Bytes in which a header must end: Pillow reads it byte by byte."""

_MOST_SLOW_BYTES: Final = 256 * 1024
_MOST_COMMENTS: Final = 16
_BITS: Final = {"1": 1, "I": 16, "F": 32}
"""Bits of a pixel in modes whose bands do not have eight each."""


def open_anymap(
    file: BinaryIO, picture_format: Format, limits: DecodeLimits
) -> Reader | None:
    """Open a file of Netpbm, unless it is too long for its form."""
    file.seek(0)
    if not anymap.has_header(file.read(_HEAD_BYTES)):
        return None
    file.seek(0)
    image = Image.open(file, formats=picture_format.pillow)
    tile = image.tile[0]
    lack = None
    if tile.codec_name == "raw":
        row_bytes = -(-image.width * _bits_of(image) // 8)
        lack = _lack_behind(file, tile.offset + row_bytes * image.height)
    elif file.seek(0, io.SEEK_END) > _MOST_SLOW_BYTES:
        raise OverBudgetError(Reason.TOO_MANY_PIXELS)
    else:
        file.seek(0)
        if file.read().count(b"#") > _MOST_COMMENTS:
            raise BadPictureError("too many comments")
    return replace(read_pillow(image, picture_format, limits), lack=lack)


def _bits_of(image: Image.Image) -> int:
    return _BITS.get(image.mode) or 8 * len(image.getbands())


def _lack_behind(file: BinaryIO, end: int) -> Reason | None:
    """Return a reason if another picture follows; some readers show it as a frame."""
    file.seek(end)
    is_more = anymap.has_header(file.read(_HEAD_BYTES).lstrip())
    return Reason.KEY_FRAME_UNSEEN if is_more else None
