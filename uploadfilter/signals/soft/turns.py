"""Guess that the original was turned by a few degrees.

Three canvases are usual: an editor *keeps* the sides and loses the corners, *grows* the
canvas to hold them, or *cuts* away all but the inside of the turned picture. Cut parts
are extrapolated before the turn.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import product
from typing import Final

import numpy as np

from uploadfilter.outlines import Outline
from uploadfilter.signals.soft.axes import (
    CELLS,
    AxisEstimate,
    Floats,
    Seen,
    axis_of,
    certainty,
    widening,
)
from uploadfilter.signals.soft.plans import across, down
from uploadfilter.signals.soft.reliabilities import expectations
from uploadfilter.signals.soft.turning import (
    SMOOTHING,
    Table,
    blocks_of_readings,
    table_of,
    turned,
)

ANGLES: Final = (1.0, 2.0, 3.5, 5.0)
"""Degrees of the fixed turns, to both sides: half a degree, at the edge of a picture,
is half a cell."""

_STEP: Final = 0.006
"""Deviation of an edge, in sides, of an angle that lies between two fixed ones."""

_BLUNT: Final = 0.06
"""Steps of the logarithm of the aspect to which pictures are rounded, so that tables
are shared. An aspect that is wrong by 3 % moves the edge of a picture by a twelfth of a
cell at 5 degrees."""

_DIGITS: Final = 12
"""Digits of a cut, so that pictures turned by ninety degrees have the same."""


class Canvas(StrEnum):
    """What happened to the canvas when a picture was turned."""

    KEPT = "kept"
    GROWN = "grown"
    CUT = "cut"


@dataclass(frozen=True, slots=True, eq=False)
class SmallTurns:
    """Small turns, ready to be applied to a plane.

    Attributes:
        rows: What smooths the plane's rows, and before that extrapolates them if it was
            cut, one below the other: shape (64 x planes, 64).
        columns: The same for its columns, transposed: shape (planes, 64, 64).
    """

    table: Table
    rows: Floats
    columns: Floats
    noise: Floats
    outlines: tuple[Outline, ...]

    def blocks(self, plane: Floats) -> Floats:
        """Return the estimated blocks of all turns, shape (turns, 16, 16)."""
        rows: Floats = self.rows @ plane
        planes = rows.reshape(-1, CELLS, CELLS) @ self.columns
        return blocks_of_readings(turned(planes, self.table))


def outline_of(angle: float, canvas: Canvas, aspect: float) -> Outline:
    """Return how an upload shows an original that was turned.

    Degrees are counter-clockwise, up to 45 to either side; the aspect is width by
    height.
    """
    cosine, sine = math.cos(math.radians(angle)), math.sin(math.radians(abs(angle)))
    wide = high = 0.0
    if canvas is Canvas.GROWN:
        wide = (1 - cosine - sine / aspect) / 2
        high = (1 - cosine - sine * aspect) / 2
    elif canvas is Canvas.CUT:
        wide = high = (1 - 1 / (cosine + sine * max(aspect, 1 / aspect))) / 2
    wide, high = round(wide, _DIGITS), round(high, _DIGITS)
    return Outline(
        left=wide, right=wide, top=high, bottom=high, angle=angle, aspect=aspect
    )


def rounded(aspect: float) -> float:
    """Return the aspect whose tables a picture shares with others."""
    return math.exp(round(math.log(aspect) / _BLUNT) * _BLUNT)


def turns(aspects: Sequence[float]) -> SmallTurns:
    """Return the fixed turns for uploads of some aspects."""
    angles = [sign * angle for angle in ANGLES for sign in (1, -1)]
    outlines = [
        outline_of(angle, canvas, _original(aspect, angle, canvas))
        for aspect, canvas, angle in product(sorted(aspects), Canvas, angles)
    ]
    return turns_of(outlines, step=_STEP)


def _original(aspect: float, angle: float, canvas: Canvas) -> float:
    if canvas is not Canvas.GROWN:
        return aspect
    # Both sides of a grown canvas hold parts of both sides of the original.
    cosine, sine = math.cos(math.radians(angle)), math.sin(math.radians(abs(angle)))
    return (aspect * cosine - sine) / (cosine - aspect * sine)


def turns_of(outlines: Sequence[Outline], *, step: float) -> SmallTurns:
    """Prepare turns: guesses with an angle, whose edges deviate by a step."""
    parts = [_parts(outline) for outline in outlines]
    # Turns to both sides, and of many shapes, are read from the same planes.
    planes = {wide: place for place, wide in enumerate({it[2]: None for it in parts})}
    widened = [_smoothed(wide) for wide in planes]
    share = certainty(step)
    sure = np.outer(share, share).astype(np.float32)
    explained = [
        np.stack([axes[number].explained for _, axes, _ in parts]) for number in (0, 1)
    ]
    return SmallTurns(
        table=Table.joined(
            [table for table, _, _ in parts], [planes[wide] for _, _, wide in parts]
        ),
        rows=np.concatenate([rows for rows, _ in widened]),
        columns=np.stack([columns.T for _, columns in widened]),
        noise=expectations(explained[0], explained[1], sure),
        outlines=tuple(outlines),
    )


_Widened = tuple[Seen, Seen] | None
"""How much of each axis is seen of a plane that is extrapolated; ``None`` if it is
not."""


def _smoothed(wide: _Widened) -> tuple[Floats, Floats]:
    if wide is None:
        return SMOOTHING, SMOOTHING
    down_first, across_then = (SMOOTHING @ widening(seen) for seen in wide)
    return down_first, across_then


def _parts(
    outline: Outline,
) -> tuple[Table, tuple[AxisEstimate, AxisEstimate], _Widened]:
    """Return the table of a turn, its axes, and what widens the plane before."""
    turn_only = Outline(angle=outline.angle, aspect=outline.aspect)
    rows, columns = axis_of(down(outline)), axis_of(across(outline))
    if rows is None or columns is None:
        raise ValueError(f"{outline} shows too little")
    is_beyond = min(outline.left, outline.top, outline.right, outline.bottom) < 0
    if is_beyond or turn_only == outline:
        return table_of(outline), (rows, columns), None
    return table_of(turn_only), (rows, columns), (down(outline), across(outline))
