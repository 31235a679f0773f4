"""Find the boxes of an upload that may hold a picture of its own.

A letterbox, a screenshot, a caption band, a card, a collage and a picture in a picture
all have *seams*: lines at which luma steps across the whole width of a part of the
upload, while it changes little on both sides. A box is bounded by two seams, or by a
seam and a side; inside of it, seams of the other direction are looked for again.

Boxes are found in the plane of 64 x 64, at a quarter of a cell. Ordinary pictures have
seams too (a horizon, a door): such a box is one more guess, and nothing is lost.
"""

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from uploadfilter.outlines import Rectangle
from uploadfilter.signals.soft.axes import CELLS, Floats

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
"""Edges are rounded to a quarter of a cell, so that the cache holds their estimates."""

_Interval = tuple[float, float]


def boxes(luma: Floats, most: int = MOST_BOXES) -> tuple[Rectangle, ...]:
    """Return the boxes that may hold a picture, the likeliest first.

    Args:
        luma: A plane, shape (64, 64).
        most: Most boxes.

    Returns:
        Different boxes; never the whole plane.
    """
    found: dict[Rectangle, float] = {}
    for is_sideways, plane in enumerate((luma, luma.T)):
        for (first, last), (low, high), strength in _crossed(plane):
            box = (
                (low, first, high, last)
                if not is_sideways
                else (first, low, last, high)
            )
            found[box] = max(strength, found.get(box, 0))
    found.pop((0.0, 0.0, 1.0, 1.0), None)
    ranked = sorted(found.items(), key=lambda item: (-item[1], item[0]))
    return tuple(box for box, _ in ranked[:most])


def _crossed(plane: Floats) -> Iterator[tuple[_Interval, _Interval, float]]:
    """Yield intervals of rows, with intervals of columns within them."""
    down, across = _Steps(plane), _Steps(np.ascontiguousarray(plane.T))
    for rows, strength in intervals(down.seams(0, CELLS), _OUTER):
        start, end = int(np.ceil(rows[0] * CELLS)), int(rows[1] * CELLS)
        for columns, more in intervals(across.seams(start, end), _INNER):
            yield rows, columns, strength + more


def intervals(
    seams: list[tuple[float, float]], most: int
) -> list[tuple[_Interval, float]]:
    """Return the intervals between seams, the whole one first, then the strongest.

    Args:
        seams: Place of each in cells, and its strength.
        most: Most intervals besides the whole one.
    """
    ends = [(0.0, _SIDE), *sorted(seams), (float(CELLS), _SIDE)]
    found = [
        ((_rounded(low), _rounded(high)), strength + other)
        for number, (low, strength) in enumerate(ends)
        for high, other in ends[number + 1 :]
        if _LEAST_CELLS <= high - low < CELLS
    ]
    found.sort(key=lambda item: (-item[1], item[0]))
    return [((0.0, 1.0), _WHOLE), *found[:most]]


def _rounded(place: float) -> float:
    return round(place * _QUARTERS) / (_QUARTERS * CELLS)


def seams_of(plane: Floats, first: int, last: int) -> list[tuple[float, float]]:
    """Return the strongest seams across some columns of a plane.

    Args:
        plane: A plane; its rows are compared.
        first: First column.
        last: The column after the last one.

    Returns:
        For each its place in cells from the top, and its strength in grey steps.
    """
    return _Steps(plane).seams(first, last)


class _Steps:
    """How luma steps from line to line of a plane, added up along the lines."""

    def __init__(self, lines: Floats) -> None:
        """Compare each line's neighbours with one another, and with those beyond."""
        self._lines = lines
        step = np.zeros_like(lines)
        step[1:-1] = np.abs(lines[2:] - lines[:-2])
        before, after = np.empty_like(step), np.empty_like(step)
        before[3:], after[:-3] = step[1:-2], step[2:-1]
        before[:3], after[-3:] = after[:3], before[-3:]
        clear = np.clip(step - np.maximum(before, after), -_MOST_AGAINST, _MOST_STEP)
        self._sums = np.zeros((CELLS, CELLS + 1), np.float32)
        np.cumsum(clear, axis=1, out=self._sums[:, 1:])

    def seams(self, first: int, last: int) -> list[tuple[float, float]]:
        """Return the strongest seams across some columns: place in cells, strength."""
        strengths = (self._sums[:, last] - self._sums[:, first]) / (last - first)
        strengths[:2] -= _AT_SIDE
        strengths[-2:] -= _AT_SIDE
        strengths[0] = strengths[-1] = -np.inf
        is_peak = (strengths >= _highest_near(strengths)) & (
            strengths > _LEAST_STRENGTH
        )
        peaks = np.flatnonzero(is_peak)
        ranked = peaks[np.argsort(-strengths[peaks], kind="stable")][:_MOST_SEAMS]
        return [
            (self._place(int(line), first, last), float(strengths[line]))
            for line in ranked
        ]

    def _place(self, line: int, first: int, last: int) -> float:
        """Return where in a line the step lies, in cells.

        PDQ's two box filters weight the surroundings of a cell as a triangle one cell
        wide: the share of the line that shows the far side tells where the step is.
        """
        before, own, after = self._lines[line - 1 : line + 2, first:last]
        whole = after - before
        power = float(whole @ whole)
        share = float((own - before) @ whole) / power if power else 0.5
        share = min(max(share, 0.0), 1.0)
        if share <= 0.5:  # noqa: PLR2004  # a half of the triangle
            return line + 1 - float(np.sqrt(share / 2))
        return line + float(np.sqrt((1 - share) / 2))


def _highest_near(strengths: NDArray[np.floating]) -> NDArray[np.floating]:
    """Return the highest value within two places of each."""
    padded = np.pad(strengths, 2, constant_values=-np.inf)
    near = np.lib.stride_tricks.sliding_window_view(padded, 5)
    return np.asarray(near.max(axis=1))
