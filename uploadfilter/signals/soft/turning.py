"""Turn a plane by a few degrees.

A turn mixes both axes, so it is no product of two matrices: each of the original's
cells is read from the upload's plane where it lies there, between four cells. The
places depend on the angle and on the picture's sides only, and are kept.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from uploadfilter.outlines import Outline
from uploadfilter.signals.soft.axes import CELLS, DCT, WAVES, Floats

_CACHED: Final = 256
"""Tables that are kept, of 50 kB each: those of the fixed angles, for ten shapes of
pictures."""

_DCT: Final[Floats] = DCT.astype(np.float32)

_CENTRES: Final = (np.arange(CELLS) + 0.5) / CELLS


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """Where the cells of an original lie in a plane.

    Attributes:
        corners: Index of the cell above and to the left, shape (4096,).
        across: Share of the cell to the right, shape (4096,).
        down: Share of the cell below, shape (4096,).
    """

    corners: NDArray[np.int32]
    across: Floats
    down: Floats


@lru_cache(_CACHED)
def table_of(outline: Outline) -> Table:
    """Return where the cells of an original lie in the plane that shows it so.

    Cells that lie outside of the plane are read at its edge.
    """
    # Turning and cutting are affine: three corners tell where every cell lies.
    origin, right, _, bottom = outline.corners()
    x, y = (grid.ravel() for grid in np.meshgrid(_CENTRES, _CENTRES))
    across, down = (
        origin[axis]
        + x * (right[axis] - origin[axis])
        + y * (bottom[axis] - origin[axis])
        for axis in (0, 1)
    )
    across = np.clip(across * CELLS - 0.5, 0, CELLS - 1)
    down = np.clip(down * CELLS - 0.5, 0, CELLS - 1)
    column = np.minimum(across.astype(np.int32), CELLS - 2)
    row = np.minimum(down.astype(np.int32), CELLS - 2)
    return Table(
        row * CELLS + column,
        (across - column).astype(np.float32),
        (down - row).astype(np.float32),
    )


def turned(plane: Floats, table: Table) -> Floats:
    """Return the cells of an original, read from a plane, shape (64, 64)."""
    flat = plane.ravel()
    at, across, down = table.corners, table.across, table.down
    above = flat[at]
    above += across * (flat[at + 1] - above)
    below = flat[at + CELLS]
    below += across * (flat[at + CELLS + 1] - below)
    below -= above
    below *= down
    above += below
    return above.reshape(CELLS, CELLS)


def blocks_of(planes: Floats) -> Floats:
    """Return PDQ's blocks of planes, shape (planes, 16, 16)."""
    rows: Floats = _DCT @ planes
    blocks: Floats = (rows.reshape(-1, CELLS) @ _DCT.T).reshape(-1, WAVES, WAVES)
    return blocks
