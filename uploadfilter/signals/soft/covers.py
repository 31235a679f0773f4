"""Guess that something covers a part of the picture: a logo, a sticker, a date.

A covered box is no strip, so its estimate is no product of two matrices. Its cells are
estimated twice, along the columns from the cells below and above and along the rows
from the cells beside, and the mean is filled in. The unexplained rest follows from the
same covariance as for a strip.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from typing import Final

import numpy as np

from uploadfilter.outlines import WHOLE, Outline
from uploadfilter.signals.soft.axes import (
    CELLS,
    DCT,
    VARIANCES,
    Doubles,
    Floats,
    Seen,
    axis_of,
    certainty,
    restricted,
    widening,
)
from uploadfilter.signals.soft.reliabilities import expectations
from uploadfilter.signals.soft.turning import blocks_of

_BOX: Final = 20
"""Cells of a side of a covered box, of 64: most logos and stickers that move the signal
out of the threshold are a fifth to a third of a side."""

_APART: Final = 11
"""Cells between two boxes, so that five of them lie along a side, from edge to edge: a
sticker of a fifth lies within one of them or nearly so. With 49 boxes of 16 cells, 8
cells apart, as many of 60 copies with a sticker are found; with 25 of 16 cells three
in a hundred fewer."""

_LEAST, _MOST = 4, 32
"""Least and most cells of a side that a refinement goes to."""

_MOVES: Final = (
    (1, 1, 0, 0),
    (0, 0, 1, 1),
    (1, 0, 0, 0),
    (0, 1, 0, 0),
    (0, 0, 1, 0),
    (0, 0, 0, 1),
    (1, 1, 1, 1),
    (1, 1, -1, -1),
    (1, -1, 1, -1),
)
"""Directions of a step of a box: first and last row, first and last column. After
single edges and shifts, all edges move inwards or outwards."""

_STEP: Final = 0.003
"""Deviation of the edges of the picture, which was not cut."""

_BOTH: Final = 0.75
"""Error of the mean of two estimates as a share of the mean of their errors."""

_CACHED: Final = 4096
"""Boxes that are kept, of some 2 kB each; nearly all share their edges."""

_DCT: Final[Floats] = DCT.astype(np.float32)

Cells = tuple[int, int, int, int]
"""First row and the one after the last, then the same of columns."""


@dataclass(frozen=True, slots=True, eq=False)
class _Edges:
    """A covered part of one axis.

    Attributes:
        fill: What estimates its cells from the other ones, shape (cells, 64).
        waves: PDQ's waves within it, shape (16, cells).
        unexplained: Variance of each wave that stays unexplained, shape (16,).
        within: Variance of each wave within it, shape (16,).
    """

    fill: Floats
    waves: Floats
    unexplained: Doubles
    within: Doubles


@dataclass(frozen=True, slots=True, eq=False)
class Covers:
    """Guesses of covered boxes, ready to be applied to a plane."""

    boxes: tuple[Cells, ...]
    noise: Floats
    outlines: tuple[Outline, ...]

    def blocks(self, plane: Floats) -> Floats:
        """Return the estimated blocks of all guesses, shape (boxes, 16, 16)."""
        found = np.repeat(blocks_of(plane[None]), len(self.boxes), axis=0)
        for place, (top, bottom, left, right) in enumerate(self.boxes):
            rows, columns = _edges(top, bottom), _edges(left, right)
            filled: Floats = rows.fill @ plane[:, left:right]
            filled += plane[top:bottom] @ columns.fill.T
            filled /= 2
            # Only the covered cells change.
            filled -= plane[top:bottom, left:right]
            found[place] += rows.waves @ filled @ columns.waves.T
        return found


@lru_cache(1)
def covers() -> Covers:
    """Return the guesses that a box of a grid is covered, corners with it."""
    parts = [(first, first + _BOX) for first in range(0, CELLS - _BOX + 1, _APART)]
    pairs = product(parts, repeat=2)
    return covers_of([_outline((*down, *across)) for down, across in pairs])


def covers_of(outlines: Sequence[Outline]) -> Covers:
    """Prepare guesses of covered boxes; see ``is_cover``."""
    boxes = tuple(map(_cells, outlines))
    return Covers(
        boxes=boxes,
        noise=np.stack([_noise(box) for box in boxes]),
        outlines=tuple(map(_outline, boxes)),
    )


def is_cover(outline: Outline) -> bool:
    """Tell whether a guess says that a box is covered, and nothing else."""
    hidden = outline.hidden
    if hidden is None or outline != Outline(hidden=hidden):
        return False
    # A strip hides a whole row or column.
    left, top, right, bottom = hidden
    return (left, right) != WHOLE[::2] and (top, bottom) != WHOLE[1::2]


def moved(outline: Outline, step: int) -> Iterator[Outline]:
    """Yield the guesses of covered boxes whose edges lie a step of cells away."""
    box = _cells(outline)
    for move in _MOVES:
        for sign in (step, -step):
            top, bottom, left, right = (
                edge + sign * by for edge, by in zip(box, move, strict=True)
            )
            is_inside = min(top, left) >= 0 and max(bottom, right) <= CELLS
            sides = bottom - top, right - left
            if is_inside and min(sides) >= _LEAST and max(sides) <= _MOST:
                yield _outline((top, bottom, left, right))


def _cells(outline: Outline) -> Cells:
    left, top, right, bottom = (round(edge * CELLS) for edge in outline.hidden or WHOLE)
    return top, bottom, left, right


def _outline(box: Cells) -> Outline:
    top, bottom, left, right = (edge / CELLS for edge in box)
    return Outline(hidden=(left, top, right, bottom))


@lru_cache(_CACHED)
def _noise(box: Cells) -> Floats:
    """Return the expected noise of a guess.

    Along the columns, the error has the unexplained variance of hidden rows, and across
    them the covariance of luma, in the columns of the box only.
    """
    whole = axis_of(Seen())
    if whole is None:  # pragma: no cover - a whole axis shows everything
        raise AssertionError
    rows, columns = _edges(*box[:2]), _edges(*box[2:])
    down = np.outer(rows.unexplained, columns.within)
    across = np.outer(rows.within, columns.unexplained)
    lack = (_BOTH * (down + across) / 2).astype(np.float32)
    share = certainty(_STEP).astype(np.float32)
    return expectations(whole.explained, whole.explained, np.outer(share, share), lack)


@lru_cache(_CACHED)
def _edges(first: int, last: int) -> _Edges:
    """Return a covered part of an axis, by its first cell and the one after it."""
    part = first / CELLS, last / CELLS
    seen = Seen(hidden=part)
    axis = axis_of(seen)
    if axis is None:  # pragma: no cover - half of the cells are seen
        raise AssertionError
    return _Edges(
        fill=widening(seen)[first:last].copy(),
        waves=_DCT[:, first:last].copy(),
        unexplained=np.asarray(VARIANCES * (1 - axis.explained), np.float64),
        within=restricted(part),
    )
