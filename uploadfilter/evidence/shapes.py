"""What PDQ makes of pictures that hold one edge, one line or one disc.

Such a picture fixes all 256 bits at once, though two or three numbers describe it. So
unrelated pictures in which one edge is all there is, say a roof before the sky and a
curve on a page, are near each other by their bits. ``patterns.py`` takes off what the
nearest of these shapes explains.

Rules this module keeps: it is pure, and the shapes are the same each time.
"""

from collections.abc import Iterator
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from uploadfilter.evidence.background import BITS, Signs
from uploadfilter.signals.soft.axes import CELLS, DCT

Doubles = NDArray[np.float64]

_ANGLES: Final = 48
"""Directions of edges and lines, 3.75° apart. With these and ``_PLACES``, an edge
anywhere agrees with one of them in 223 bits (median), or in 204 (one in ten less)."""

_PLACES: Final = np.linspace(-0.6, 0.6, 41)
"""Distances of an edge or a line from the middle, in sides of the picture."""

_MIDDLES: Final = np.linspace(-0.25, 1.25, 13)
"""Middles of discs along each axis; many lie outside, so that the picture shows an arc.
A disc anywhere agrees with one of them in 197 bits (median), or in 174."""

_RADII: Final = np.geomspace(0.1, 1.2, 14)

_WIDTH: Final = 1.5 / CELLS
"""Width of a line; PDQ sees no finer one."""

_LEAST_SPREAD: Final = 0.02
"""Least deviation of a shape, of 1 between its two sides: an edge in the very corner
is no shape."""

_NOUGHT: Final = 1e-9
"""Coefficients below it are 0, except for rounding, which must not set bits."""


@cache
def shapes() -> Signs:
    """Return the bits of all shapes as -1 and 1, shape (n, 256).

    They take 6 MB, and are made in half a second.
    """
    planes = (plane for plane in _planes() if plane.std() > _LEAST_SPREAD)
    blocks = np.array([(DCT @ plane @ DCT.T).reshape(BITS) for plane in planes])
    middle = np.median(blocks, axis=1, keepdims=True)
    # The order of ``np.unpackbits`` of a value.
    bits = (blocks - middle > _NOUGHT)[:, ::-1]
    found: Signs = np.unique(bits, axis=0).astype(np.float32) * 2 - 1
    found.flags.writeable = False
    return found


def _planes() -> Iterator[Doubles]:
    """Yield the planes: 0 on one side and 1 on the other, or on the line."""
    centres = (np.arange(CELLS) + 0.5) / CELLS
    across, down = np.meshgrid(centres, centres)
    for angle in np.arange(_ANGLES) * np.pi / _ANGLES:
        along = (across - 0.5) * np.cos(angle) + (down - 0.5) * np.sin(angle)
        for place in _PLACES:
            yield _edge(along - place)
            yield np.exp(-np.square((along - place) / _WIDTH))
    for left in _MIDDLES:
        for top in _MIDDLES:
            far = np.hypot(across - left, down - top)
            for radius in _RADII:
                yield _edge(far - radius)


def _edge(distance: Doubles) -> Doubles:
    """Return 0 on one side and 1 on the other, with one cell between them."""
    return np.clip(distance * CELLS + 0.5, 0.0, 1.0)
