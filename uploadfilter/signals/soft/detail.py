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

_CACHED: Final = 2048
"""Pairs of edges that are kept, of 1 kB each."""

_PLACES: Final = 4


def qualities_of(luma: Floats, boxes: Sequence[Rectangle]) -> NDArray[np.int64]:
    """Return PDQ's quality of parts of a plane, each enlarged to a whole one.

    0 (flat) and more; a picture is matched from 50 on.
    """
    plane = luma * _PER_CENT
    return np.array([_quality(plane, box) for box in boxes], np.int64)


def _quality(plane: Floats, box: Rectangle) -> int:
    left, top, right, bottom = (round(edge, _PLACES) for edge in box)
    part = _enlarge(_enlarge(plane, top, bottom).T, left, right)
    # A part has 8,064 steps of at most 800, each without its fraction: no sum is
    # rounded.
    steps = sum(
        float(np.floor(np.abs(np.diff(part, axis=axis))).sum()) for axis in (0, 1)
    )
    return int(steps) // _DIVISOR


def _enlarge(lines: Floats, first: float, last: float) -> Floats:
    below, share = _places(first, last)
    found: Floats = lines[below] + (lines[below + 1] - lines[below]) * share
    return found


@lru_cache(_CACHED)
def _places(first: float, last: float) -> tuple[NDArray[np.intp], Floats]:
    """Return the line before each of 64 lines between two edges, and how far after.

    The second array has the shape (64, 1).
    """
    places = first + (np.arange(CELLS) + 0.5) / CELLS * (last - first)
    at = np.clip(places * CELLS - 0.5, 0, CELLS - 1)
    below = np.minimum(at.astype(np.intp), CELLS - 2)
    return below, (at - below).astype(np.float32)[:, np.newaxis]
