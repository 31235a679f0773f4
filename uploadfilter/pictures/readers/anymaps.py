"""Open the simple formats of Netpbm: bitmaps, grey and colour maps.

Pillow decodes text, and samples with another maximum than 255 or 65,535, in Python: it
takes a microsecond for each sample, and copies the rest of a text for each comment. So
a file that is read so may only be short.

Source:
    Netpbm, "pbm", "pgm" and "ppm" (section 5 of its manual).
"""

import io
import re
from dataclasses import replace
from typing import BinaryIO, Final

from PIL import Image

from uploadfilter.model import Reason
from uploadfilter.pictures.faults import BadPictureError
from uploadfilter.pictures.formats import Format
from uploadfilter.pictures.limits import DecodeLimits, OverBudgetError
from uploadfilter.pictures.reader import Reader, read_pillow

_HEAD_BYTES: Final = 4096
"""Bytes in which a header must end: Pillow reads comments in it byte by byte."""

_BLANK: Final = rb"(?:#[^\r\n]*[\r\n]|\s)+"
_HEAD: Final = re.compile(rb"P(?:[14]|[2356]%b\d+)%b\d+%b\d+\s" % ((_BLANK,) * 3))
_MOST_SLOW_BYTES: Final = 256 * 1024
_MOST_COMMENTS: Final = 16
_BITS: Final = {"1": 1, "L": 8, "I": 16, "RGB": 24}


def open_anymap(
    file: BinaryIO, picture_format: Format, limits: DecodeLimits
) -> Reader | None:
    """Open a file of Netpbm.

    Raises:
        BadPictureError: Its header is too long, or it has too many comments.
        OverBudgetError: It is too long for its form.
    """
    file.seek(0)
    if _HEAD.match(file.read(_HEAD_BYTES)) is None:
        return None
    file.seek(0)
    image = Image.open(file, formats=picture_format.pillow)
    tile = image.tile[0]
    lack = None
    if tile.codec_name == "raw":
        row_bytes = -(-image.width * _BITS[image.mode] // 8)
        lack = _lack_behind(file, tile.offset + row_bytes * image.height)
    elif file.seek(0, io.SEEK_END) > _MOST_SLOW_BYTES:
        raise OverBudgetError(Reason.TOO_MANY_PIXELS)
    else:
        file.seek(0)
        if file.read().count(b"#") > _MOST_COMMENTS:
            raise BadPictureError("too many comments")
    return replace(read_pillow(image, picture_format, limits), lack=lack)


def _lack_behind(file: BinaryIO, end: int) -> Reason | None:
    """Return a reason if another picture follows; some readers show it as a frame."""
    file.seek(end)
    is_more = _HEAD.match(file.read(_HEAD_BYTES).lstrip())
    return None if is_more is None else Reason.KEY_FRAME_UNSEEN
