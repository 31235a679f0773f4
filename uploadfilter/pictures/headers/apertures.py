"""Read which part of an AVIF or HEIC is shown, and undo that.

A *clean aperture* is a box of the file that says that a viewer shows only a part of the
picture. Viewers differ: libheif heeds it, libavif leaves it to the program, Chromium
heeds it where the part begins at the upper left corner. So both are shown, the part and
the whole.

Every clean aperture in the file counts, whichever picture it belongs to: a file may
give several tables that say so, of which two readers take different ones.

Source:
    ISO/IEC 14496-12, 12.1.4 "Pixel aspect ratio and clean aperture"; ISO/IEC 23008-12,
    6.5.9 "Clean aperture".
"""

import struct
from fractions import Fraction
from typing import Final

Box = tuple[int, int, int, int]
"""Left, upper, right and lower edge of a part, in pixels; the last two lie outside."""

MOST_APERTURES: Final = 8
"""Different ones of one file; cameras and editors write one."""

_HEAD: Final = struct.pack(">I4s", 40, b"clap")
_FIELDS: Final = struct.Struct(">IIIIiIiI")
_NO_TURN: Final = struct.pack(">I4s", 40, b"irot") + bytes(_FIELDS.size)
"""A turn by nothing, of the same length: a reader that must understand every box of a
picture understands this one."""

Aperture = tuple[int, ...]
"""Width, height, and how far the middle lies to the right and below, each as a
numerator and a denominator."""


def apertures_of(data: bytes) -> tuple[Aperture, ...]:
    """Return the different clean apertures in a file, one more than are read at most.

    Args:
        data: The file.
    """
    found: dict[Aperture, None] = {}
    at = data.find(_HEAD)
    while at >= 0 and len(found) <= MOST_APERTURES:
        body = data[at + len(_HEAD) : at + len(_HEAD) + _FIELDS.size]
        if len(body) == _FIELDS.size:
            found[_FIELDS.unpack(body)] = None
        at = data.find(_HEAD, at + 1)
    return tuple(found)


def without_apertures(data: bytes) -> bytes:
    """Return a file whose pictures are shown whole."""
    parts, start = [], 0
    at = data.find(_HEAD)
    while at >= 0:
        parts += [data[start:at], _NO_TURN]
        start = at + len(_NO_TURN)
        at = data.find(_HEAD, start)
    return b"".join([*parts, data[start:]])


def part_of(size: tuple[int, int], aperture: Aperture) -> Box | None:
    """Return the part of a picture that a clean aperture shows.

    Args:
        size: Width and height of the picture as stored.
        aperture: What the file says.

    Returns:
        ``None`` if it says nothing sound, or shows all of the picture.
    """
    width, height = size
    across = _reach(width, aperture[0:2], aperture[4:6])
    down = _reach(height, aperture[2:4], aperture[6:8])
    if across is None or down is None or (across, down) == ((0, width), (0, height)):
        return None
    return across[0], down[0], across[1], down[1]


def _reach(
    length: int, clean: tuple[int, ...], offset: tuple[int, ...]
) -> tuple[int, int] | None:
    """Return where a side of the part begins and ends; ``None`` if it is empty."""
    if clean[1] == 0 or offset[1] == 0:
        return None
    kept = Fraction(*clean)
    begin = Fraction(*offset) + (length - kept) / 2
    first, last = max(0, round(begin)), min(length, round(begin + kept))
    return (first, last) if first < last else None
