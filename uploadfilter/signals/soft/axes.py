"""Estimate the DCT of an original's rows from the part of them that an upload shows.

For one axis, the upload's 64 cells are samples of the original at known places, if the
cut is guessed. *Ordinary kriging* is the best linear estimate of the original's own 64
cells from them: it interpolates inside and extrapolates outside, from the covariance of
photographs. Followed by PDQ's DCT, it is one matrix of 16 x 64 for each axis, and the
estimate of a block is ``rows @ plane @ columns.T``: the covariance of both axes is
taken as the product of that of each.

The same algebra says which share of each coefficient's variance the estimate explains.

Source:
    Cressie, "Statistics for Spatial Data", section 3.2 (ordinary kriging). The slow
    twin is in ``tests/signals/soft/twins.py``.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]

CELLS: Final = 64
"""Cells of a plane's side: PDQ's."""

WAVES: Final = 16
"""Frequencies of a block's side, 1 to 16: PDQ's."""

WHOLE: Final = (0.0, 1.0)

_SHARES: Final = np.array((0.257, 0.211, 0.532))
_REACHES: Final = np.array((0.04, 0.16, 0.32))
"""The covariance of luma at a distance d, in sides of the picture, is the sum of share
x exp(-d / reach): fitted to 200 photographs."""

_NUGGET: Final = 0.003
"""Variance of a cell that its neighbours cannot explain: noise, and the loss of a
JPEG."""

_CACHED: Final = 4096
"""Axes that are kept, of 4.2 kB each: those of the fixed views and of refinements."""

_WIDENED: Final = 256
"""Extrapolations that are kept, of 16 kB each."""

_CELL_STEPS: Final = 200
"""Steps of a cell to which cuts and edges are rounded, so that equal axes are found in
the cache; a quarter of a cell and a hundredth of a side are whole numbers of them."""

_STEPS: Final = _CELL_STEPS * CELLS

_LEAST_CELLS: Final = 6
"""Least cells that must be seen: fewer do not tell a picture from another one."""

_FREQUENCIES: Final = np.arange(1, WAVES + 1)
_CENTRES: Final = (np.arange(CELLS) + 0.5) / CELLS

DCT: Final[Doubles] = np.sqrt(2 / CELLS) * np.cos(
    np.pi * np.outer(_FREQUENCIES, _CENTRES)
)
"""PDQ's rows 1 to 16 of the orthonormal DCT-II, shape (16, 64)."""


@dataclass(frozen=True, slots=True)
class Seen:
    """The part of an original's axis that an upload's axis shows, and where.

    Attributes:
        low: Part of the original that is cut off at the low end; below 0 if the upload
            goes on beyond the original.
        high: The same at the high end.
        box: First and last edge of the original within the upload's axis.
        hidden: First and last edge of a covered part, within the box.
    """

    low: float = 0.0
    high: float = 0.0
    box: tuple[float, float] = WHOLE
    hidden: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class AxisEstimate:
    """The estimate for one axis.

    Attributes:
        estimate: From the upload's cells to the original's coefficients, (16, 64).
        explained: Share of the variance of each coefficient that the estimate explains,
            0 to 1, shape (16,).
    """

    estimate: Floats
    explained: Floats

    def moved(self, cells: int) -> "AxisEstimate":
        """Return the estimate for a box that lies some cells further on."""
        estimate = np.zeros_like(self.estimate)
        estimate[:, cells:] = self.estimate[:, :-cells]
        estimate.flags.writeable = False
        return AxisEstimate(estimate, self.explained)


def _covariance(apart: Doubles) -> Doubles:
    total = np.zeros_like(apart)
    for share, reach in zip(_SHARES, _REACHES, strict=True):
        total += share * np.exp(apart * (-1 / reach))
    return total


_OF_CELLS: Final[Doubles] = _covariance(np.abs(_CENTRES[:, None] - _CENTRES))

VARIANCES: Final[Doubles] = ((DCT @ _OF_CELLS) * DCT).sum(axis=1)
"""Variance of each coefficient of one axis, of photographs, shape (16,)."""


def axis_of(seen: Seen) -> AxisEstimate | None:
    """Return the estimate for an axis; ``None`` if too little of it is seen."""
    hidden = seen.hidden
    return _axis_of(
        _rounded(seen.low),
        _rounded(seen.high),
        (_rounded(seen.box[0]), _rounded(seen.box[1])),
        None if hidden is None else (_rounded(hidden[0]), _rounded(hidden[1])),
    )


def _rounded(number: float) -> int:
    return round(number * _STEPS)


@lru_cache(_CACHED)
def _axis_of(
    low: int, high: int, box: tuple[int, int], hidden: tuple[int, int] | None
) -> AxisEstimate | None:
    first, last = box
    shift = max(first, 0) // _CELL_STEPS
    if shift and last <= _STEPS:
        # A box has the weights of one that lies alike, some whole cells before it.
        moved = first - shift * _CELL_STEPS, last - shift * _CELL_STEPS
        near = _axis_of(low, high, moved, hidden)
        return None if near is None else near.moved(shift)
    places, is_seen = _places(
        low / _STEPS,
        high / _STEPS,
        (box[0] / _STEPS, box[1] / _STEPS),
        None if hidden is None else (hidden[0] / _STEPS, hidden[1] / _STEPS),
    )
    if np.count_nonzero(is_seen) < _LEAST_CELLS:
        return None
    return _kriged(places[is_seen], is_seen)


def _places(
    low: float,
    high: float,
    box: tuple[float, float],
    hidden: tuple[float, float] | None,
) -> tuple[Doubles, NDArray[np.bool_]]:
    """Return where the upload's cells lie in the original, and which of them count.

    A cell at the edge of the box or of the hidden part does not count, because it also
    shows something else.
    """
    first, last = box
    half, slack = 0.5 / CELLS, 1e-6
    within = (_CENTRES - first) / (last - first)
    is_seen = (_CENTRES - half >= first - slack) & (_CENTRES + half <= last + slack)
    if hidden is not None:
        reach = half / (last - first) - slack
        is_seen &= (within + reach <= hidden[0]) | (within - reach >= hidden[1])
    places = low + within * (1 - low - high)
    is_seen &= (places >= 0) & (places <= 1)
    return places, is_seen


def _kriged(places: Doubles, is_seen: NDArray[np.bool_]) -> AxisEstimate:
    known, shared = _covariances(places)
    of_waves = DCT @ shared
    # A wave adds up to 0, and so its weights have to.
    waves = _weights(known, of_waves, total=0)
    error = (
        VARIANCES
        - 2 * (waves * of_waves).sum(axis=1)
        + ((waves @ known) * waves).sum(axis=1)
    )
    estimate = np.zeros((WAVES, CELLS), np.float32)
    estimate[:, is_seen] = waves
    explained = np.clip(1 - error / VARIANCES, 0, 1).astype(np.float32)
    for array in (estimate, explained):
        array.flags.writeable = False
    return AxisEstimate(estimate, explained)


@lru_cache(_WIDENED)
def widening(seen: Seen) -> Floats:
    """Return the estimate of the original's cells, (64, 64), from the upload's cells.

    Raises:
        ValueError: Too little of the axis is seen.
    """
    places, is_seen = _places(seen.low, seen.high, seen.box, seen.hidden)
    if np.count_nonzero(is_seen) < _LEAST_CELLS:
        raise ValueError(f"{seen} shows too little")
    known, shared = _covariances(places[is_seen])
    cells = np.zeros((CELLS, CELLS), np.float32)
    cells[:, is_seen] = _weights(known, shared, total=1)
    cells.flags.writeable = False
    return cells


def _covariances(places: Doubles) -> tuple[Doubles, Doubles]:
    known = _covariance(np.abs(places[:, None] - places))
    known[np.diag_indices_from(known)] += _NUGGET
    return known, _covariance(np.abs(_CENTRES[:, None] - places))


def _weights(known: Doubles, shared: Doubles, *, total: float) -> Doubles:
    """Return the weights of seen cells for targets; those of each add up to a total.

    From the covariance of the seen cells, and of each target with them: (targets,
    cells).
    """
    # One solution serves the weights and the constraint on their sum.
    solved = np.linalg.solve(known, np.vstack((shared, np.ones(len(known)))).T).T
    simple, ones = solved[:-1], solved[-1]
    lack = (total - simple.sum(axis=1)) / ones.sum()
    return np.asarray(simple + np.outer(lack, ones), np.float64)


def restricted(part: tuple[float, float]) -> Doubles:
    """Return the variance of each wave within a part of the axis, shape (16,)."""
    inside = (part[0] < _CENTRES) & (part[1] > _CENTRES)
    waves = DCT[:, inside]
    within = _OF_CELLS[np.ix_(inside, inside)]
    return np.asarray(((waves @ within) * waves).sum(axis=1), np.float64)


def certainty(step: float) -> Doubles:
    """Return the share of each coefficient that stays if both edges are uncertain.

    An edge that is wrong by d moves the waves by d at that edge, and by nothing at the
    other one; the square of the phase is averaged over the axis.
    """
    share: Doubles = np.exp(-((np.pi * step * _FREQUENCIES) ** 2) * (2 / 3))
    return share
