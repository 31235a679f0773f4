"""The slow obvious twins of the soft views, written from the definitions.

They loop where the product multiplies matrices. Nothing of the product is used here.
"""

import math
from collections.abc import Iterable
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

Doubles = NDArray[np.float64]

CELLS = 64
WAVES = 16


def covariance(apart: float) -> float:
    """Return the covariance of luma of photographs at a distance in sides."""
    return (
        0.257 * math.exp(-apart / 0.04)
        + 0.211 * math.exp(-apart / 0.16)
        + 0.532 * math.exp(-apart / 0.32)
    )


def seen_cells(
    low: float,
    high: float,
    box: tuple[float, float] = (0.0, 1.0),
    hidden: tuple[float, float] | None = None,
) -> dict[int, float]:
    """Return the cells of an upload that show the original, and where they lie in it.

    A cell counts if all of it lies in the box, and none of it in the hidden part.
    """
    found = {}
    for cell in range(CELLS):
        first, last = cell / CELLS, (cell + 1) / CELLS
        if first < box[0] - 1e-9 or last > box[1] + 1e-9:
            continue
        start, end = ((edge - box[0]) / (box[1] - box[0]) for edge in (first, last))
        if hidden and end > hidden[0] + 1e-5 and start < hidden[1] - 1e-5:
            continue
        place = low + (start + end) / 2 * (1 - low - high)
        if 0 <= place <= 1:
            found[cell] = place
    return found


def kriging_weights(places: Iterable[float]) -> Doubles:
    """Solve the equations of ordinary kriging with a Lagrange multiplier.

    Returns:
        The weights of the seen cells for each of the original's cells, (64, seen).
    """
    return _weights(tuple(places))


@cache
def _weights(places: tuple[float, ...]) -> Doubles:
    count = len(places)
    system = np.ones((count + 1, count + 1))
    system[count, count] = 0
    right = np.ones((count + 1, CELLS))
    for i, one in enumerate(places):
        for j, other in enumerate(places):
            system[i, j] = covariance(abs(one - other)) + (0.003 if i == j else 0)
        for cell in range(CELLS):
            right[i, cell] = covariance(abs((cell + 0.5) / CELLS - one))
    return np.asarray(np.linalg.solve(system, right)[:count].T, np.float64)


def wave(frequency: int, cell: int) -> float:
    """Return one value of PDQ's DCT."""
    phase = math.pi * frequency * (cell + 0.5) / CELLS
    return math.sqrt(2 / CELLS) * math.cos(phase)


def estimated_cells(values: dict[int, float], places: dict[int, float]) -> list[float]:
    """Return the original's cells of one line, from the cells that are seen."""
    seen = np.array([values[cell] for cell in places])
    return [float(weights @ seen) for weights in kriging_weights(places.values())]


def explained(places: dict[int, float], frequency: int) -> float:
    """Return the share of a coefficient's variance that the seen cells explain."""
    known = list(places.values())
    targets = [(cell + 0.5) / CELLS for cell in range(CELLS)]
    waves = [wave(frequency, cell) for cell in range(CELLS)]
    # The coefficient is waves over the original's cells, its estimate over seen cells.
    of_seen: NDArray[np.floating[Any]] = np.zeros(len(known))
    for one, weights in zip(waves, kriging_weights(known), strict=True):
        of_seen = of_seen + one * weights
    own = error = 0.0
    for one, at in zip(waves, targets, strict=True):
        for other, to in zip(waves, targets, strict=True):
            own += one * other * covariance(abs(at - to))
        for weight, to in zip(of_seen, known, strict=True):
            error -= 2 * one * float(weight) * covariance(abs(at - to))
    for i, one in enumerate(of_seen):
        for j, other in enumerate(of_seen):
            noise = 0.003 if i == j else 0.0
            error += float(one * other) * (covariance(abs(known[i] - known[j])) + noise)
    return 1 - (own + error) / own


def block(plane: Doubles, rows: dict[int, float], columns: dict[int, float]) -> Doubles:
    """Return the estimated block of 16 x 16: first along rows, then along columns."""
    wide = np.array(
        [
            estimated_cells({cell: float(row[cell]) for cell in columns}, columns)
            for row in plane
        ]
    )
    high = np.array(
        [
            estimated_cells({cell: float(column[cell]) for cell in rows}, rows)
            for column in wide.T
        ]
    ).T
    waves = np.array([[wave(i + 1, x) for x in range(CELLS)] for i in range(WAVES)])
    found = np.empty((WAVES, WAVES))
    for i in range(WAVES):
        for j in range(WAVES):
            found[i, j] = float((np.outer(waves[i], waves[j]) * high).sum())
    return found


def bits_and_flips(
    found: Doubles, power: Doubles, error: Doubles, *, least: float
) -> tuple[bytes, list[float]]:
    """Return the value of a block and the probability of each of its bits to be wrong.

    Args:
        found: The estimated block.
        power: Expected power of each coefficient of the estimate.
        error: Expected variance of the error of each coefficient.
        least: Least probability.

    Returns:
        The value, and the probabilities in the order of its bits, first bit first.
    """
    median = sorted(found.ravel())[127]
    number, flips = 0, []
    for i in range(WAVES):
        for j in range(WAVES):
            near = [
                (y, x)
                for y in range(max(0, i - 2), min(WAVES, i + 3))
                for x in range(max(0, j - 2), min(WAVES, j + 3))
            ]
            scale = sum(found[at] ** 2 for at in near) / sum(power[at] for at in near)
            z = abs(found[i, j] - median) / math.sqrt(scale * error[i, j])
            flips.append(max(least, 1 / (1 + math.exp(min(2.6 * z, 50)))))
            number |= int(found[i, j] > median) << (WAVES * i + j)
    return number.to_bytes(32), flips[::-1]


def between_cells(plane: Doubles, place: tuple[float, float]) -> float:
    """Return a plane's value between four cells.

    Args:
        plane: The plane.
        place: Distance from the left and from the top, in sides; outside of the plane,
            its edge counts.
    """
    across, down = (min(max(part * CELLS - 0.5, 0), CELLS - 1) for part in place)
    left, above = min(int(across), CELLS - 2), min(int(down), CELLS - 2)
    right, below = across - left, down - above
    return float(
        plane[above, left] * (1 - right) * (1 - below)
        + plane[above, left + 1] * right * (1 - below)
        + plane[above + 1, left] * (1 - right) * below
        + plane[above + 1, left + 1] * right * below
    )


def seam_strengths(plane: Doubles, first: int, last: int) -> list[float]:
    """Return how strong a seam at each row of a plane is, across some columns.

    A cell counts by how much its neighbours above and below differ, less the larger
    difference two rows further up or down: -12 to 24 grey steps. Near the top and the
    bottom, the other side counts alone.
    """

    def step(row: int, column: int) -> float:
        if not 0 < row < CELLS - 1:
            return 0.0
        return abs(float(plane[row + 1, column] - plane[row - 1, column]))

    strengths = []
    for row in range(CELLS):
        beside = [other for other in (row - 2, row + 2) if 1 <= other < CELLS - 1]
        if row < 3:
            beside = [row + 2]
        if row >= CELLS - 3:
            beside = [row - 2]
        total = 0.0
        for column in range(first, last):
            clear = step(row, column) - max(step(other, column) for other in beside)
            total += min(max(clear, -12.0), 24.0)
        near_side = 2.0 if row < 2 or row >= CELLS - 2 else 0.0
        strengths.append(total / (last - first) - near_side)
    return strengths


def seams(plane: Doubles, first: int, last: int) -> list[tuple[float, float]]:
    """Return the eight strongest seams across some columns, one after the other.

    Returns:
        For each its place in cells from the top, and its strength in grey steps.
    """
    strengths = seam_strengths(plane, first, last)
    peaks = [
        row
        for row in range(1, CELLS - 1)
        if strengths[row] > 1
        and strengths[row] >= max(strengths[max(1, row - 2) : min(row + 3, CELLS - 1)])
    ]
    peaks.sort(key=lambda row: (-strengths[row], row))
    return [
        (seam_place(plane[row - 1 : row + 2, first:last], row), strengths[row])
        for row in peaks[:8]
    ]


def seam_place(lines: Doubles, row: int) -> float:
    """Return where the step lies that three lines show, the second of them ``row``."""
    whole, near = lines[2] - lines[0], lines[1] - lines[0]
    power = sum(float(step) ** 2 for step in whole)
    share = sum(float(a * b) for a, b in zip(near, whole, strict=True))
    share = min(max(share / power if power else 0.5, 0.0), 1.0)
    if share <= 0.5:
        return row + 1 - math.sqrt(share / 2)
    return row + math.sqrt((1 - share) / 2)


Interval = tuple[float, float]
"""First and last edge, in sides."""


def intervals(
    found: list[tuple[float, float]], most: int
) -> list[tuple[Interval, float]]:
    """Return the whole interval, and the strongest between seams or sides."""
    ends = [(0.0, 8.0), *sorted(found), (float(CELLS), 8.0)]
    pairs = [
        ((round(low * 4) / 256, round(high * 4) / 256), one + other)
        for number, (low, one) in enumerate(ends)
        for high, other in ends[number + 1 :]
        if 14 <= high - low < CELLS
    ]
    pairs.sort(key=lambda item: (-item[1], item[0]))
    return [((0.0, 1.0), 14.0), *pairs[:most]]


def boxes(plane: Doubles) -> dict[tuple[float, float, float, float], float]:
    """Return every box that seams bound, with its strength, never the whole plane."""
    found: dict[tuple[float, float, float, float], float] = {}
    for lines, is_sideways in ((plane, False), (plane.T, True)):
        for one, strength in intervals(seams(lines, 0, CELLS), 6):
            start, end = math.ceil(one[0] * CELLS), int(one[1] * CELLS)
            for other, more in intervals(seams(lines.T, start, end), 4):
                box = (other[0], one[0], other[1], one[1])
                if is_sideways:
                    box = (one[0], other[0], one[1], other[1])
                found[box] = max(strength + more, found.get(box, 0))
    found.pop((0.0, 0.0, 1.0, 1.0), None)
    return found


def smoothed(plane: Doubles) -> Doubles:
    """Smooth a plane: a cell has half its own value, and half its neighbours..

    At the edge, the cell itself takes the place of the neighbour that is missing.
    """
    lines = np.empty_like(plane)
    for row in range(CELLS):
        before, after = plane[max(row - 1, 0)], plane[min(row + 1, CELLS - 1)]
        lines[row] = before / 4 + plane[row] / 2 + after / 4
    found = np.empty_like(plane)
    for column in range(CELLS):
        before = lines[:, max(column - 1, 0)]
        after = lines[:, min(column + 1, CELLS - 1)]
        found[:, column] = before / 4 + lines[:, column] / 2 + after / 4
    return found


def quality(plane: Doubles, box: tuple[float, float, float, float]) -> int:
    """Return the quality of a part of a plane that is enlarged to a whole one."""
    left, top, right, bottom = box

    def at(row: int, column: int) -> float:
        across = left + (column + 0.5) / CELLS * (right - left)
        down = top + (row + 0.5) / CELLS * (bottom - top)
        return between_cells(plane, (across, down)) * 100 / 255

    cells = [[at(row, column) for column in range(CELLS)] for row in range(CELLS)]
    total = 0
    for row in range(CELLS):
        for column in range(CELLS):
            if row:
                total += int(abs(cells[row][column] - cells[row - 1][column]))
            if column:
                total += int(abs(cells[row][column] - cells[row][column - 1]))
    return total // 90
