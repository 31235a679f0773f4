"""Say how much detail a part of a plane has, by the rule that PDQ has for pictures.

A value of a picture with little detail matches anything (PDQ's *quality*), so a hash
set does not list it. A box that is guessed in an upload is a picture of its own, and
the rule holds for it too: else the sky beside a tree is found as a gradient.
"""

from functools import lru_cache
from typing import Final

import numpy as np

from uploadfilter.outlines import Rectangle
from uploadfilter.signals.soft.axes import CELLS, Floats

_PER_CENT: Final = np.float32(100 / 255)
_DIVISOR: Final = 90
"""Steps of a per cent of the range of luma that make a point of quality: ``pdq.py``."""

_CACHED: Final = 512
_PLACES: Final = 4


def quality_of(luma: Floats, box: Rectangle) -> int:
    """Return PDQ's quality of a part of a plane, enlarged to a whole one.

    Args:
        luma: The plane, around any level.
        box: The part, in fractions of the sides.

    Returns:
        0 (flat) and more; a picture is matched from 50 on.
    """
    left, top, right, bottom = (round(edge, _PLACES) for edge in box)
    part = _enlarging(top, bottom) @ luma @ _enlarging(left, right).T
    steps = sum(
        np.abs(np.trunc(np.diff(part, axis=axis) * _PER_CENT)).sum() for axis in (0, 1)
    )
    return int(steps) // _DIVISOR


@lru_cache(_CACHED)
def _enlarging(first: float, last: float) -> Floats:
    """Return the matrix that interpolates 64 cells between two edges of an axis."""
    places = first + (np.arange(CELLS) + 0.5) / CELLS * (last - first)
    at = np.clip(places * CELLS - 0.5, 0, CELLS - 1)
    below = np.minimum(at.astype(np.intp), CELLS - 2)
    matrix = np.zeros((CELLS, CELLS), np.float32)
    rows = np.arange(CELLS)
    matrix[rows, below] = 1 - (at - below)
    matrix[rows, below + 1] = at - below
    return matrix
