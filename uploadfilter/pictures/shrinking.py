"""Choose the size of the planes from which signals are computed."""

from typing import Final

from uploadfilter.pictures import modes

LEAST_SIDE: Final = 512
"""Shortest side of a plane when a large frame is reduced, as libjpeg does with JPEGs:
signals of 64 million pixels would take seconds."""

LONGEST_SIDE: Final = 12_288
"""A plane with a longer side is reduced even if its other side becomes too short: the
operators of a side of 65,535 pixels take seconds to build."""

SCALES: Final = (1, 2, 4, 8)


def reduction_of(size: tuple[int, int]) -> int:
    """Return the factor of reduction of a picture's planes: 1, 2, 4 or 8.

    Args:
        size: Width and height in pixels.
    """
    width, height = size
    by = 1
    if width * height > modes.WHOLE_PIXELS:
        by = max(s for s in SCALES if s == 1 or min(size) >= s * LEAST_SIDE)
    while max(size) > by * LONGEST_SIDE and by < SCALES[-1]:
        by *= 2
    return by
