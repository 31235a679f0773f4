"""Guess that the original was turned by a few degrees.

Three canvases are usual: an editor *keeps* the sides and loses the corners, *grows* the
canvas to hold them, or *cuts* away all but the inside of the turned picture. Cut parts
are extrapolated before the turn.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from itertools import product
from typing import Final

import numpy as np

from uploadfilter.outlines import Outline
from uploadfilter.signals.soft.axes import (
    CELLS,
    AxisEstimate,
    Floats,
    axis_of,
    certainty,
    widening,
)
from uploadfilter.signals.soft.plans import across, down
from uploadfilter.signals.soft.reliabilities import expectations
from uploadfilter.signals.soft.turning import Table, blocks_of, table_of, turned

ANGLES: Final = (1.0, 2.0, 3.5, 5.0)
"""Degrees of the fixed turns, to both sides: half a degree, at the edge of a picture,
is half a cell."""

_STEP: Final = 0.006
"""Deviation of an edge, in sides, of an angle that lies between two fixed ones."""

_BLUNT: Final = 0.02
"""Sides of a picture are rounded to this aspect: the tables are then shared."""


class Canvas(StrEnum):
    """What happened to the canvas when a picture was turned."""

    KEPT = "kept"
    GROWN = "grown"
    CUT = "cut"


@dataclass(frozen=True, slots=True, eq=False)
class SmallTurns:
    """SmallTurns, ready to be applied to a plane.

    Attributes:
        tables: Where each turn reads the plane.
        widened: Rows and columns that extrapolate the plane before; ``None`` for none.
        power: First result of ``reliabilities.expectations``, for each turn.
        error: Second result.
        outlines: The guesses.
    """

    tables: tuple[Table, ...]
    widened: tuple[tuple[Floats, Floats] | None, ...]
    power: Floats
    error: Floats
    outlines: tuple[Outline, ...]

    def blocks(self, plane: Floats) -> Floats:
        """Return the estimated blocks of all turns, shape (turns, 16, 16)."""
        planes = np.empty((len(self.tables), CELLS, CELLS), np.float32)
        pairs = zip(self.tables, self.widened, strict=True)
        for place, (table, widened) in enumerate(pairs):
            planes[place] = turned(_wider(plane, widened), table)
        return blocks_of(planes)


def _wider(plane: Floats, widened: tuple[Floats, Floats] | None) -> Floats:
    """Return a plane with its surroundings extrapolated, if it was cut."""
    if widened is None:
        return plane
    rows, columns = widened
    down_first: Floats = rows @ plane
    wider: Floats = down_first @ columns.T
    return wider


def outline_of(angle: float, canvas: Canvas, aspect: float) -> Outline:
    """Return how an upload shows an original that was turned.

    Args:
        angle: Degrees, counter-clockwise, up to 45 to either side.
        canvas: What happened to the canvas.
        aspect: Width of the original divided by its height.
    """
    cosine, sine = math.cos(math.radians(angle)), math.sin(math.radians(abs(angle)))
    wide = high = 0.0
    if canvas is Canvas.GROWN:
        wide = (1 - cosine - sine / aspect) / 2
        high = (1 - cosine - sine * aspect) / 2
    elif canvas is Canvas.CUT:
        wide = high = (1 - 1 / (cosine + sine * max(aspect, 1 / aspect))) / 2
    return Outline(
        left=wide, right=wide, top=high, bottom=high, angle=angle, aspect=aspect
    )


def turns(aspects: Sequence[float]) -> SmallTurns:
    """Return the fixed turns for pictures of some aspects, rounded."""
    return _turns(tuple(sorted({round(aspect / _BLUNT) for aspect in aspects})))


@lru_cache(64)
def _turns(aspects: tuple[int, ...]) -> SmallTurns:
    angles = [sign * angle for angle in ANGLES for sign in (1, -1)]
    outlines = [
        outline_of(angle, canvas, aspect * _BLUNT)
        for aspect, canvas, angle in product(aspects, Canvas, angles)
    ]
    return turns_of(outlines, step=_STEP)


def turns_of(outlines: Sequence[Outline], *, step: float) -> SmallTurns:
    """Prepare turns.

    Args:
        outlines: Guesses with an angle.
        step: Deviation of the edges, in sides of the original.
    """
    parts = [_parts(outline) for outline in outlines]
    share = certainty(step)
    sure = np.outer(share, share).astype(np.float32)
    explained = [
        np.stack([axes[number].explained for _, axes, _ in parts]) for number in (0, 1)
    ]
    power, error = expectations(explained[0], explained[1], sure)
    return SmallTurns(
        tables=tuple(table for table, _, _ in parts),
        widened=tuple(widened for _, _, widened in parts),
        power=power,
        error=error,
        outlines=tuple(outlines),
    )


def _parts(
    outline: Outline,
) -> tuple[Table, tuple[AxisEstimate, AxisEstimate], tuple[Floats, Floats] | None]:
    """Return the table of a turn, its axes, and what widens the plane before."""
    turn_only = Outline(angle=outline.angle, aspect=outline.aspect)
    rows, columns = axis_of(down(outline)), axis_of(across(outline))
    if rows is None or columns is None:
        raise ValueError(f"{outline} shows too little")
    if min(outline.left, outline.top, outline.right, outline.bottom) < 0:
        return table_of(outline), (rows, columns), None
    if turn_only == outline:
        return table_of(outline), (rows, columns), None
    return (
        table_of(turn_only),
        (rows, columns),
        (
            widening(down(outline)),
            widening(across(outline)),
        ),
    )
