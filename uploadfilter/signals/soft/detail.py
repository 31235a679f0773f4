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

_ENOUGH: Final = 1 << 20
"""More than any quality."""

_CACHED: Final = 2048
"""Pairs of edges that are kept, of 1 kB each."""

_PLACES: Final = 4

_AT_A_TIME: Final = 8
"""Parts that are looked at at a time, of 16 kB each: they stay in the cache of a
core."""


def qualities_of(
    luma: Floats, boxes: Sequence[Rectangle], *, enough: int = _ENOUGH
) -> NDArray[np.int64]:
    """Return PDQ's quality of parts of a plane, each enlarged to a whole one.

    Args:
        luma: The plane, around any level.
        boxes: The parts, in fractions of the sides.
        enough: A quality from which on it need not be known how high it is.

    Returns:
        Shape (boxes,): 0 (flat) and more; a picture is matched from 50 on. A quality of
        at least ``enough`` may be too low, but never below it.
    """
    # Many parts have the same columns.
    columns: dict[tuple[float, float], int] = {}
    numbers = [columns.setdefault(_edges(box, 0), len(columns)) for box in boxes]
    wide = _enlarged(np.ascontiguousarray(luma.T * _PER_CENT), list(columns))
    # Columns become rows, so that rows of a part are taken from one piece of memory.
    lines = np.ascontiguousarray(wide.swapaxes(1, 2)).reshape(-1, CELLS)
    sums = np.empty(len(boxes), np.float32)
    for start in range(0, len(boxes), _AT_A_TIME):
        part = slice(start, start + _AT_A_TIME)
        rows = [_edges(box, 1) for box in boxes[part]]
        parts = _enlarged(lines, rows, numbers[part])
        steps = _steps(parts[:, 1:] - parts[:, :-1])
        # Most parts have detail enough by the steps of one direction.
        poor = np.flatnonzero(steps < enough * _DIVISOR)
        if len(poor):
            rest = parts if len(poor) == len(parts) else parts.take(poor, axis=0)
            steps[poor] += _steps(rest[:, :, 1:] - rest[:, :, :-1])
        sums[part] = steps
    return sums.astype(np.int64) // _DIVISOR


def _enlarged(
    lines: Floats,
    edges: Sequence[tuple[float, float]],
    planes: Sequence[int] | None = None,
) -> Floats:
    """Return 64 lines between two edges each, interpolated between lines of planes.

    Args:
        lines: The lines of the planes, shape (64 * planes, 64).
        edges: The edges.
        planes: Number of the plane for each; the first if it is left out.

    Returns:
        Shape (edges, 64, 64).
    """
    places = [_places(*pair) for pair in edges]
    below = np.array([below for below, _ in places], np.intp).reshape(-1, CELLS)
    if planes is not None:
        below += np.array(planes, np.intp)[:, np.newaxis] * CELLS
    share = np.array([share for _, share in places], np.float32)
    found = lines.take(below, axis=0)
    below += 1
    after = lines.take(below, axis=0)
    after -= found
    after *= share.reshape(-1, CELLS, 1)
    found += after
    return found


def _steps(apart: Floats) -> Floats:
    """Return the sum of the steps of each part, each step without its fraction.

    A part has 4,032 steps of at most 800, so that no sum is rounded.
    """
    np.abs(apart, out=apart)
    np.floor(apart, out=apart)
    sums: Floats = apart.reshape(len(apart), -1).sum(axis=1)
    return sums


def _edges(box: Rectangle, axis: int) -> tuple[float, float]:
    return round(box[axis], _PLACES), round(box[axis + 2], _PLACES)


@lru_cache(_CACHED)
def _places(first: float, last: float) -> tuple[NDArray[np.intp], Floats]:
    """Return the line before each of 64 lines between two edges, and how far after.

    The second array has the shape (64, 1).
    """
    places = first + (np.arange(CELLS) + 0.5) / CELLS * (last - first)
    at = np.clip(places * CELLS - 0.5, 0, CELLS - 1)
    below = np.minimum(at.astype(np.intp), CELLS - 2)
    return below, (at - below).astype(np.float32)[:, np.newaxis]
