"""Guess that something covers a corner: a logo, a sticker, a date.

A covered corner is no strip, so its estimate is no product of two matrices. Its cells
are estimated twice, along the columns from the cells below or above and along the rows
from the cells beside, and the mean is filled in. The unexplained rest follows from the
same covariance as for a strip.
"""

from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from typing import Final

import numpy as np

from uploadfilter.outlines import Outline
from uploadfilter.signals.soft.axes import (
    CELLS,
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

_SIDE: Final = 0.3125
"""Covered part of each side, a whole number of cells: most logos and stickers that move
the signal out of the threshold are a fifth to a third of a side."""

_STEP: Final = 0.003
"""Deviation of the edges of the picture, which was not cut."""

_BOTH: Final = 0.75
"""Error of the mean of two estimates as a share of the mean of their errors."""


@dataclass(frozen=True, slots=True, eq=False)
class Corners:
    """The guesses of covered corners, ready to be applied to a plane.

    Attributes:
        fills: For each corner its rows, its columns, what estimates its cells from the
            other rows, and from the other columns.
        noise: Result of ``reliabilities.expectations``, for each corner.
        outlines: The guesses.
    """

    fills: tuple[tuple[slice, slice, Floats, Floats], ...]
    noise: Floats
    outlines: tuple[Outline, ...]

    def blocks(self, plane: Floats) -> Floats:
        """Return the estimated blocks of all corners, shape (corners, 16, 16)."""
        planes = np.repeat(plane[None], len(self.fills), axis=0)
        for filled, (rows, columns, of_rows, of_columns) in zip(
            planes, self.fills, strict=True
        ):
            down: Floats = of_rows @ plane[:, columns]
            across: Floats = plane[rows] @ of_columns.T
            filled[rows, columns] = (down + across) / 2
        return blocks_of(planes)


@lru_cache(1)
def corners() -> Corners:
    """Return the guesses that one of the four corners is covered."""
    ends = ((0.0, _SIDE), (1 - _SIDE, 1.0))
    places = list(product(ends, repeat=2))
    whole = axis_of(Seen())
    if whole is None:  # pragma: no cover - a whole axis shows everything
        raise AssertionError
    share = certainty(_STEP).astype(np.float32)
    lacks = np.stack([_lack(rows, columns) for rows, columns in places]).astype(
        np.float32
    )
    return Corners(
        fills=tuple(_fill(rows, columns) for rows, columns in places),
        noise=expectations(
            whole.explained, whole.explained, np.outer(share, share), lacks
        ),
        outlines=tuple(
            Outline(hidden=(columns[0], rows[0], columns[1], rows[1]))
            for rows, columns in places
        ),
    )


def _cells(part: tuple[float, float]) -> slice:
    return slice(round(part[0] * CELLS), round(part[1] * CELLS))


def _fill(
    rows: tuple[float, float], columns: tuple[float, float]
) -> tuple[slice, slice, Floats, Floats]:
    """Return the cells of a corner, and the two estimates of them."""
    down, across = _cells(rows), _cells(columns)
    return (
        down,
        across,
        widening(Seen(hidden=rows))[down],
        widening(Seen(hidden=columns))[across],
    )


def _lack(rows: tuple[float, float], columns: tuple[float, float]) -> Doubles:
    """Return the variance that a covered corner leaves unexplained, shape (16, 16).

    Along the columns, the error has the unexplained variance of hidden rows, and across
    them the covariance of luma, in the corner's columns only.
    """
    down = np.outer(_unexplained(rows), restricted(columns))
    across = np.outer(restricted(rows), _unexplained(columns))
    return np.asarray(_BOTH * (down + across) / 2, np.float64)


def _unexplained(hidden: tuple[float, float]) -> Doubles:
    """Return the variance of each wave that a covered strip leaves unexplained."""
    axis = axis_of(Seen(hidden=hidden))
    if axis is None:  # pragma: no cover - two thirds of the cells are seen
        raise AssertionError
    return np.asarray(VARIANCES * (1 - axis.explained), np.float64)
