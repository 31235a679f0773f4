"""Turn estimated blocks into bits, and say how likely each bit is wrong.

A bit is whether its coefficient is above the median. The estimate of a coefficient has
a deviation: what the cells that were seen leave unexplained, scaled to the picture's
own spectrum (a smooth picture has little of anything to be wrong by). A coefficient
that is z deviations from the median is on the wrong side of it with a probability that
falls with z.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from uploadfilter.signals.soft.axes import VARIANCES, WAVES, Floats

BITS: Final = WAVES * WAVES

LEAST_FLIP: Final = 0.03
"""Least probability that a bit is wrong. A caption, a logo or a JPEG moves bits that no
guess of the geometry explains, and one such bit must not outweigh many others."""

_MOST_LOGIT: Final = np.float32(np.log(1 / LEAST_FLIP - 1) - 1e-6)
"""Where the curve ends. Rounding never takes a probability below the least one."""

_SPREAD: Final = 2
"""Neighbours on each side whose power gives the local spectrum: 5 x 5 coefficients are
few enough to be alike, and many enough for a steady mean."""

_ALTERED: Final = 0.02
"""Share of a coefficient's power by which ordinary alterations (JPEG, a resize, sharper
or brighter) move it besides."""

_LEAST_POWER: Final = 1e-12
"""Keeps a block without any power from being divided by."""

_STEEPNESS: Final = 2.6
"""Slope of the logistic curve from deviations to probabilities, measured on half A of
the originals of ``benchmarks altered``. With 1.7 the curve would be the normal
distribution, but the rates that it predicts are twice those observed: the best of many
guesses is nearer than its own deviation, and the covariance is that of busy pictures.
Against a background of other pictures the steeper curve is worth half a deviation."""

_AT_A_TIME: Final = 128
"""Views that are computed at a time: their numbers, 128 kB, stay in the cache of a
core, which halves the time."""

_NEIGHBOURS: Final[Floats] = (
    np.abs(np.subtract.outer(np.arange(WAVES), np.arange(WAVES))) <= _SPREAD
).astype(np.float32)

EXPECTED: Final[Floats] = np.outer(VARIANCES, VARIANCES).astype(np.float32)
"""Variance of the coefficients of a photograph's block, shape (16, 16)."""


def expectations(
    rows: Floats, columns: Floats, sure: Floats, lacks: Floats | float = 0.0
) -> Floats:
    """Return how much noise estimated blocks are expected to have.

    Args:
        rows: Share of each vertical frequency that is explained, shape (..., 16).
        columns: The same of horizontal ones.
        sure: Share that stays in spite of the uncertain geometry, shape (..., 16, 16).
        lacks: Variance that is left unexplained besides, same shape, in units of a
            photograph's power.

    Returns:
        Variance of the error of each coefficient, divided by the expected power of its
        neighbours: shape (..., 16, 16).
    """
    explained = EXPECTED * rows[..., :, None] * columns[..., None, :]
    power = _NEIGHBOURS @ explained @ _NEIGHBOURS
    error = EXPECTED * (1 + np.float32(_ALTERED)) - explained * sure + lacks
    noise: Floats = (error / (power + _LEAST_POWER)).astype(np.float32)
    return noise


def bits_and_flips(
    blocks: Floats,
    noise: Floats,
    into: tuple[NDArray[np.uint8], Floats] | None = None,
) -> tuple[NDArray[np.uint8], Floats]:
    """Return the values of estimated blocks, and how likely each bit is wrong.

    From blocks of shape (views, 16, 16): values, shape (views, 32), and probabilities,
    ``LEAST_FLIP`` to 0.5, shape (views, 256), in the order of ``np.unpackbits``; in the
    arrays ``into``, if there are any.
    """
    count = len(blocks)
    values, flips = into or (
        np.empty((count, BITS // 8), np.uint8),
        np.empty((count, BITS), np.float32),
    )
    for start in range(0, count, _AT_A_TIME):
        part = slice(start, start + _AT_A_TIME)
        values[part], flips[part] = _some(blocks[part], noise[part])
    return values, flips


def _some(blocks: Floats, noise: Floats) -> tuple[NDArray[np.uint8], Floats]:
    count = len(blocks)
    rows: Floats = _NEIGHBOURS @ (blocks * blocks)
    scale: Floats = (rows.reshape(-1, WAVES) @ _NEIGHBOURS).reshape(blocks.shape)
    scale *= noise
    deviation = np.sqrt(scale, out=scale).reshape(count, BITS)
    deviation += np.float32(_LEAST_POWER)
    flat = blocks.reshape(count, BITS)
    half = BITS // 2 - 1
    # Numbers are sorted by wide instructions, faster than they are partitioned.
    flat = flat - np.sort(flat, axis=1)[:, half : half + 1]
    # The first bit of a value is the last one of its block.
    values = np.packbits(flat > 0, axis=1, bitorder="little")[:, ::-1]
    z = np.abs(flat, out=flat)
    z /= deviation
    z *= np.float32(_STEEPNESS)
    np.minimum(z, _MOST_LOGIT, out=z)
    flips = np.exp(z, out=z)
    flips += 1
    np.reciprocal(flips, out=flips)
    return values, flips[:, ::-1]
