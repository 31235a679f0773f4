"""Find the boxes of an upload that may hold a picture of its own.

A letterbox, a screenshot, a caption band, a card, a collage and a picture in a picture
all have *seams*: lines at which luma steps across the whole width of a part of the
upload, while it changes little on both sides. A box is bounded by two seams, or by a
seam and a side; inside of it, seams of the other direction are looked for again.

Boxes are found in the plane of 64 x 64, at a quarter of a cell. Ordinary pictures have
seams too (a horizon, a door): such a box is one more guess, and nothing is lost.

All intervals of a direction are looked through at once. The slow twin, which takes one
seam after the other, is in ``tests/signals/soft/twins.py``.
"""

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np

from uploadfilter.outlines import Rectangle
from uploadfilter.signals.soft.axes import CELLS, Doubles, Floats

MOST_BOXES: Final = 24
"""Most boxes of a plane: 32 find 4 % more of the framed pictures, 16 find 8 % fewer."""

_LEAST_CELLS: Final = 14
"""Least side of a box: a smaller part of a plane of 64 has no detail left for 16
frequencies."""

_MOST_SEAMS: Final = 8
"""Seams of one direction, the strongest first."""

_OUTER: Final = 6
"""Intervals between seams in which the other direction is looked through."""

_INNER: Final = 4
"""Intervals of the other direction, within each."""

_MOST_STEP: Final = 24.0
"""Most grey steps that one cell adds to a seam: a few letters are no line."""

_MOST_AGAINST: Final = 12.0
"""Most that one cell takes away, where luma changes more beside the line."""

_LEAST_STRENGTH: Final = 1.0
"""Least mean step of a seam, in grey steps."""

_AT_SIDE: Final = 2.0
"""Taken off a seam in the first or last two cells: there, only one neighbour tells a
line from a slope."""

_SIDE: Final = 8.0
"""Strength of a side of the upload as the end of an interval."""

_WHOLE: Final = 14.0
"""Strength of the interval from side to side: most frames reach across."""

_QUARTERS: Final = 4
"""Edges are rounded to a quarter of a cell: a plane shows a step no better, and equal
edges share their estimates."""

_LAST: Final = _QUARTERS * CELLS

_NOWHERE: Final = 1e6
"""Place of a seam that does not exist: no interval reaches so far."""

_PAIRS: Final = np.triu_indices(_MOST_SEAMS + 2, 1)
"""The ends of all intervals between the seams and both sides."""

_Interval = tuple[int, int]
"""First and last edge, in quarters of a cell."""


def boxes(luma: Floats, most: int = MOST_BOXES) -> tuple[Rectangle, ...]:
    """Return the boxes that may hold a picture, the likeliest first; never all."""
    found: dict[tuple[int, int, int, int], float] = {}
    for is_down, (first, last), (low, high), strength in _crossed(Steps(luma)):
        box = (low, first, high, last) if is_down else (first, low, last, high)
        found[box] = max(strength, found.get(box, 0))
    found.pop((0, 0, _LAST, _LAST), None)
    ranked = sorted(found.items(), key=lambda item: (-item[1], item[0]))
    return tuple(
        (left / _LAST, top / _LAST, right / _LAST, bottom / _LAST)
        for (left, top, right, bottom), _ in ranked[:most]
    )


def _crossed(steps: "Steps") -> Iterator[tuple[bool, _Interval, _Interval, float]]:
    """Yield intervals of one direction, with those of the other one within them.

    Yields:
        Whether the first interval is one of rows; both intervals; their strength.
    """
    outer = [
        (side, *found)
        for side, one in enumerate(
            _intervals(*steps.seams([0, 1], [0, 0], [CELLS, CELLS]), _OUTER)
        )
        for found in one
    ]
    inner = _intervals(
        *steps.seams(
            [1 - side for side, _, _ in outer],
            [-(-first // _QUARTERS) for _, (first, _), _ in outer],
            [last // _QUARTERS for _, (_, last), _ in outer],
        ),
        _INNER,
    )
    for (side, interval, strength), crossing in zip(outer, inner, strict=True):
        for other, more in crossing:
            yield side == 0, interval, other, strength + more


def _intervals(
    places: Doubles, strengths: Doubles, most: int
) -> list[list[tuple[_Interval, float]]]:
    """Return the intervals between seams, the whole one first, then the strongest.

    Places and strengths are those of ``Steps.seams``.
    """
    count = len(places)
    order = np.lexsort((strengths, places))
    ends = np.empty((count, _MOST_SEAMS + 2))
    ends[:, 0], ends[:, -1] = 0, _NOWHERE
    ends[:, 1:-1] = np.take_along_axis(places, order, axis=1)
    powers = np.full_like(ends, _SIDE)
    powers[:, 1:-1] = np.take_along_axis(strengths, order, axis=1)
    # The far side comes right after the last seam that exists.
    rows = np.arange(count)
    after = (ends < _NOWHERE).sum(axis=1)
    ends[rows, after], powers[rows, after] = CELLS, _SIDE
    low, high = _PAIRS
    apart = ends[:, high] - ends[:, low]
    totals = powers[:, low] + powers[:, high]
    totals[(apart < _LEAST_CELLS) | (apart >= CELLS)] = 0
    chosen = np.argsort(-totals, axis=1, kind="stable")[:, :most]
    quarters = np.rint(ends * _QUARTERS).astype(np.intp)
    return [
        [
            ((0, _LAST), _WHOLE),
            *(
                ((first, last), total)
                for first, last, total in zip(
                    quarters[row, low[best]].tolist(),
                    quarters[row, high[best]].tolist(),
                    totals[row, best].tolist(),
                    strict=True,
                )
                if total > 0
            ),
        ]
        for row, best in enumerate(chosen)
    ]


class Steps:
    """How luma steps from line to line of a plane, added up along the lines.

    The rows of the plane are side 0, its columns side 1.
    """

    def __init__(self, plane: Floats) -> None:
        lines = np.stack((plane, plane.T))
        whole = np.zeros_like(lines)
        np.subtract(lines[:, 2:], lines[:, :-2], out=whole[:, 1:-1])
        step = np.abs(whole)
        before, after = np.empty_like(step), np.empty_like(step)
        before[:, 3:], after[:, :-3] = step[:, 1:-2], step[:, 2:-1]
        before[:, :3], after[:, -3:] = after[:, :3], before[:, -3:]
        step -= np.maximum(before, after, out=after)
        np.clip(step, -_MOST_AGAINST, _MOST_STEP, out=step)
        near = np.zeros_like(lines)
        np.subtract(lines[:, 1:], lines[:, :-1], out=near[:, 1:])
        near *= whole
        whole *= whole
        # Lines that step as far as counts are equal seams, whatever is rounded.
        self._clear = _summed(step)
        self._power = _summed(whole)
        self._share = _summed(near)

    def seams(
        self, sides: Sequence[int], first: Sequence[int], last: Sequence[int]
    ) -> tuple[Doubles, Doubles]:
        """Return the strongest seams across some intervals of the lines' cells.

        An interval has a side, a first cell, and the cell after its last one. For each
        interval and seam: the place in cells from the first line, and the strength in
        grey steps, the strongest first, shape (intervals, ``_MOST_SEAMS``). Where there
        are fewer seams, the place is ``_NOWHERE`` and the strength 0.
        """
        side, low, high = np.array((sides, first, last))
        strengths = self._clear[side, :, high] - self._clear[side, :, low]
        strengths /= (high - low)[:, np.newaxis]
        strengths[:, :2] -= _AT_SIDE
        strengths[:, -2:] -= _AT_SIDE
        strengths[:, 0] = strengths[:, -1] = -np.inf
        is_peak = strengths >= _highest_near(strengths)
        is_peak &= strengths > _LEAST_STRENGTH
        powers = np.where(is_peak, strengths, 0)
        lines = np.argsort(-powers, axis=1, kind="stable")[:, :_MOST_SEAMS]
        best = np.take_along_axis(powers, lines, axis=1)
        rows = side[:, np.newaxis], lines
        power, share = (
            sums[*rows, high[:, np.newaxis]] - sums[*rows, low[:, np.newaxis]]
            for sums in (self._power, self._share)
        )
        return np.where(best > 0, lines + _within(share, power), _NOWHERE), best


def _within(share: Doubles, power: Doubles) -> Doubles:
    """Return where in a line its step lies, 0 to 1.

    PDQ's two box filters weight the surroundings of a cell as a triangle one cell wide:
    the share of the line that shows the far side tells where the step is. ``share``
    sums up the step from the line before, times the whole one; ``power`` its squares.
    """
    far = np.divide(share, power, out=np.full_like(share, 0.5), where=power > 0)
    np.clip(far, 0, 1, out=far)
    is_late = far <= 0.5  # noqa: PLR2004  # a half of the triangle
    root = np.sqrt(np.where(is_late, far, 1 - far) / 2)
    return np.where(is_late, 1 - root, root)


def _summed(lines: Floats) -> Doubles:
    """Return the sums of the first cells of each line, none to all: (2, 64, 65)."""
    sums = np.zeros((2, CELLS, CELLS + 1))
    np.cumsum(lines, axis=2, out=sums[:, :, 1:])
    return sums


def _highest_near(strengths: Doubles) -> Doubles:
    """Return the highest value within two lines of each."""
    found = strengths.copy()
    for apart in (1, 2):
        for far, near in (
            (found[:, apart:], strengths[:, :-apart]),
            (found[:, :-apart], strengths[:, apart:]),
        ):
            np.maximum(far, near, out=far)
    return found
