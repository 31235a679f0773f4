"""Read the part of an AVIF or HEIC that is shown, and write files without it.

A *clean aperture* is a box of the file that says that a viewer shows only a part of the
picture. Viewers differ: libheif uses it, libavif leaves it to the program, Chromium
uses it if the part begins at the upper left corner. So both the part and the whole are
shown.

Every clean aperture in the file counts, whichever picture it belongs to: a file may
have several such tables, and readers may use different ones.

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
"""Most different clean apertures of one file; cameras and editors write one."""

_HEAD: Final = struct.pack(">I4s", 40, b"clap")
_FIELDS: Final = struct.Struct(">IIIIiIiI")
_NO_TURN: Final = struct.pack(">I4s", 40, b"irot") + bytes(_FIELDS.size)
"""A rotation by 0 degrees, of the same length: a reader that must understand every box
of a picture understands this one."""

Aperture = tuple[int, ...]
"""Width, height, and the offset of the centre to the right and down, each as a
numerator and a denominator."""


def apertures_of(data: bytes) -> tuple[Aperture, ...]:
    """Return the different clean apertures in a file, at most one more than is read.

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
        aperture: The clean aperture.

    Returns:
        ``None`` if it is not valid, or shows the whole picture.
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
    """Return the start and end of a side of the part; ``None`` if it is empty."""
    if clean[1] == 0 or offset[1] == 0:
        return None
    kept = Fraction(*clean)
    begin = Fraction(*offset) + (length - kept) / 2
    first, last = max(0, round(begin)), min(length, round(begin + kept))
    return (first, last) if first < last else None
