"""Open bitmaps of Windows, and read their colour profile.

Source:
    Microsoft, "BITMAPV5HEADER"; where it leaves a choice, Chromium 156.
"""

import struct
from typing import BinaryIO, Final

from PIL import Image

from uploadfilter.model import Reason
from uploadfilter.pictures.colours.profiles import MAX_PROFILE_BYTES
from uploadfilter.pictures.formats import Format
from uploadfilter.pictures.limits import DecodeLimits, OverBudgetError
from uploadfilter.pictures.reader import Reader, chain, read_pillow
from uploadfilter.pictures.readers.icons import Opener, icon_of, open_icon


def profile_of(file: BinaryIO) -> bytes | None:
    """Return the colour profile in a bitmap; one that is too long is over budget."""
    file.seek(0)
    head = file.read(_PROFILE_HEAD.size)
    if len(head) < _PROFILE_HEAD.size:
        return None
    magic, length, kind, start, size = _PROFILE_HEAD.unpack(head)
    if magic != b"BM" or length < _WITH_PROFILE or kind != _HELD_PROFILE:
        return None
    if size > MAX_PROFILE_BYTES:
        raise OverBudgetError(Reason.TOO_MANY_BYTES)
    file.seek(_FILE_HEAD_BYTES + start)
    return file.read(size) or None


_PROFILE_HEAD: Final = struct.Struct("<2s12xI52xI52xII4x")
"""The header up to the place of a profile, which counts from the second header."""

_WITH_PROFILE: Final = 124
_FILE_HEAD_BYTES: Final = 14
_HELD_PROFILE: Final = int.from_bytes(b"MBED", "big")


def open_bitmap(
    file: BinaryIO,
    picture_format: Format,
    limits: DecodeLimits,
    open_entry: Opener,
) -> Reader:
    """Open a bitmap.

    One without a file header may be that of an icon, and is read both ways.
    """
    file.seek(0)
    image = Image.open(file, formats=picture_format.pillow)
    image.info["icc_profile"] = profile_of(file)
    reader = read_pillow(image, picture_format, limits)
    icon = icon_of(file)
    if icon is None:
        return reader
    return chain(reader, open_icon(icon, picture_format, limits, open_entry))
