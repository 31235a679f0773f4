"""Turn a plane by a few degrees.

A turn mixes both axes, so it is no product of two matrices: the original is read from
the upload's plane where it lies there, between four cells. The places depend on the
angle and on the picture's sides only, and are kept.

A block has 16 waves a side, so 32 readings a side are enough, if waves that are too
short for them are taken off before: the plane is smoothed over three cells, and the
blocks are corrected for it. Of the bits of a block, 1.4 per cent differ from those of
64 readings a side (measured), for a quarter of the work.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from uploadfilter.outlines import Outline
from uploadfilter.signals.soft.axes import CELLS, DCT, WAVES, Doubles, Floats

READINGS: Final = 32
"""Readings of an original's side."""

_CACHED: Final = 512
"""Tables that are kept, of 16 kB each: those of the fixed angles for ten shapes of
pictures, and those of refinements."""

_DCT: Final[Floats] = DCT.astype(np.float32)

_PLACES: Final = (np.arange(READINGS) + 0.5) / READINGS


def _smoothing() -> Doubles:
    """Return the matrix that weights each cell with its neighbours by 1, 2 and 1."""
    near = np.eye(CELLS) / 2
    for row in range(CELLS):
        for other in (row - 1, row + 1):
            near[row, min(max(other, 0), CELLS - 1)] += 1 / 4
    return near


SMOOTHING: Final[Floats] = _smoothing().astype(np.float32)
"""Smooths one axis of a plane, shape (64, 64). It leaves nothing of the shortest wave,
and cells at the edge count twice."""


def _corrected() -> Floats:
    """Return the DCT of smoothed readings, scaled as that of 64 cells."""
    waves = np.arange(1, WAVES + 1)
    left = (1 + np.cos(np.pi * waves / CELLS)) / 2
    dct = np.cos(np.pi * np.outer(waves, _PLACES)) * np.sqrt(2 * CELLS) / READINGS
    corrected: Floats = (dct / left[:, None]).astype(np.float32)
    return corrected


_OF_READINGS: Final[Floats] = _corrected()


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """Where the readings of originals lie in planes.

    Attributes:
        corners: Index of the cell above and to the left, over all planes, shape
            (turns x 1024,).
        across: Share of the cell to the right, same shape.
        down: Share of the cell below, same shape.
    """

    corners: NDArray[np.intp]
    across: Floats
    down: Floats

    @classmethod
    def joined(cls, tables: Sequence[Self], planes: Sequence[int]) -> Self:
        """Join the tables of several turns; each reads the plane of a number."""
        pairs = zip(tables, planes, strict=True)
        return cls(
            np.concatenate([one.corners + place * CELLS**2 for one, place in pairs]),
            np.concatenate([one.across for one in tables]),
            np.concatenate([one.down for one in tables]),
        )


@lru_cache(_CACHED)
def table_of(outline: Outline) -> Table:
    """Return where an original's readings lie in the plane that shows it so.

    Readings that lie outside of the plane are taken at its edge.
    """
    # Turning and cutting are affine: three corners tell where every reading lies.
    origin, right, _, bottom = outline.corners()
    x, y = (grid.ravel() for grid in np.meshgrid(_PLACES, _PLACES))
    across, down = (
        origin[axis]
        + x * (right[axis] - origin[axis])
        + y * (bottom[axis] - origin[axis])
        for axis in (0, 1)
    )
    across = np.clip(across * CELLS - 0.5, 0, CELLS - 1)
    down = np.clip(down * CELLS - 0.5, 0, CELLS - 1)
    column = np.minimum(across.astype(np.intp), CELLS - 2)
    row = np.minimum(down.astype(np.intp), CELLS - 2)
    return Table(
        row * CELLS + column,
        (across - column).astype(np.float32),
        (down - row).astype(np.float32),
    )


def turned(planes: Floats, table: Table) -> Floats:
    """Return the readings of originals in smoothed planes, shape (turns, 32, 32)."""
    flat = planes.ravel()
    at, across, down = table.corners, table.across, table.down
    above = flat.take(at)
    right = flat.take(at + 1)
    right -= above
    right *= across
    above += right
    below = flat.take(at + CELLS)
    right = flat.take(at + (CELLS + 1))
    right -= below
    right *= across
    below += right
    below -= above
    below *= down
    above += below
    return above.reshape(-1, READINGS, READINGS)


def blocks_of_readings(readings: Floats) -> Floats:
    """Return PDQ's blocks of readings, shape (turns, 16, 16)."""
    return _transformed(readings, _OF_READINGS)


def blocks_of(planes: Floats) -> Floats:
    """Return PDQ's blocks of planes, shape (planes, 16, 16)."""
    return _transformed(planes, _DCT)


def _transformed(planes: Floats, dct: Floats) -> Floats:
    rows: Floats = dct @ planes
    blocks: Floats = (rows.reshape(-1, planes.shape[-1]) @ dct.T).reshape(
        -1, WAVES, WAVES
    )
    return blocks
