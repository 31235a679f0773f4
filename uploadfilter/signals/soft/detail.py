"""Say how much detail a part of a plane has, by the rule that PDQ has for pictures.

A value of a picture with little detail matches anything (PDQ's *quality*), so a hash
set does not list it. A box that is guessed in an upload is a picture of its own, and
the rule holds for it too: else the sky beside a tree is found as a gradient.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from uploadfilter.outlines import Rectangle
from uploadfilter.signals.soft.axes import CELLS, Floats

_PER_CENT: Final = np.float32(100 / 255)
_DIVISOR: Final = 90
"""Steps of a per cent of the range of luma that make a point of quality: ``pdq.py``."""

_CACHED: Final = 512
_PLACES: Final = 4


def qualities_of(luma: Floats, boxes: Sequence[Rectangle]) -> NDArray[np.int64]:
    """Return PDQ's quality of parts of a plane, each enlarged to a whole one.

    Args:
        luma: The plane, around any level.
        boxes: The parts, in fractions of the sides.

    Returns:
        Shape (boxes,): 0 (flat) and more; a picture is matched from 50 on.
    """
    if not boxes:
        return np.zeros(0, np.int64)
    down, across = (
        np.stack([_enlarging(*_edges(box, axis)) for box in boxes]) for axis in (1, 0)
    )
    parts = down @ luma @ across.swapaxes(1, 2)
    parts *= _PER_CENT
    steps = np.zeros(len(boxes), np.float32)
    for axis in (1, 2):
        apart = np.diff(parts, axis=axis)
        np.abs(np.trunc(apart, out=apart), out=apart)
        steps += apart.sum(axis=(1, 2))
    return steps.astype(np.int64) // _DIVISOR


def _edges(box: Rectangle, axis: int) -> tuple[float, float]:
    return round(box[axis], _PLACES), round(box[axis + 2], _PLACES)


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
