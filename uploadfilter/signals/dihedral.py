"""Turn and mirror a block of DCT coefficients instead of a picture.

Mirroring a picture flips the sign of its odd frequencies, and transposing it transposes
the block. So all eight variants of a signal cost one small array operation. PDQ's
decimation is not quite symmetric, so these signals differ by some bits from those of a
picture that was really turned; the smaller the picture, the more bits.
``pdqhash.compute_dihedral`` gives the same signals. In full geometry ``pdq.py``
therefore shrinks the mirrored picture.
"""

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from uploadfilter.model import VARIANTS

Block = NDArray[np.floating[Any]]


def variants(block: Block, *, first_frequency: int) -> Block:
    """Return the blocks of all eight variants.

    Args:
        block: A square block of DCT-II coefficients, whose rows are vertical
            frequencies; or several blocks, shape (..., side, side).
        first_frequency: Frequency of its first row and column: 0 or 1.

    Returns:
        Shape (..., 8, side, side), in the order of ``VARIANTS``.

    Source:
        ThreatExchange, pdq/cpp/hashing/pdqhashing.cpp: ``dct16OriginalToRotate90``
        and its siblings.
    """
    side = block.shape[-1]
    upright, turned = block[..., None, :, :], block.swapaxes(-1, -2)[..., None, :, :]
    blocks = np.empty((*block.shape[:-2], len(VARIANTS), side, side), block.dtype)
    signs = _signs(side, first_frequency, block.dtype)
    for source, places in ((upright, _UPRIGHT), (turned, _TURNED)):
        for place in places:
            np.multiply(source, signs[place], out=blocks[..., place, :, :])
    return blocks


_UPRIGHT = slice(0, 5, 2), slice(5, 6)
_TURNED = slice(1, 4, 2), slice(6, 8)
"""Places in ``VARIANTS`` of the variants that keep rows as rows, and of the others."""


@lru_cache(8)
def _signs(side: int, first_frequency: int, dtype: np.dtype[np.floating[Any]]) -> Block:
    """Return the factor of each coefficient of each variant: 1 or -1."""
    frequencies = np.arange(first_frequency, first_frequency + side)
    across = np.where(frequencies % 2, -1, 1).astype(dtype)[None, :]
    down, same = across.T, np.ones((side, side), dtype)
    signs: Block = np.stack(
        (
            *(same, same * down, same * down * across, same * across),
            *(same * across, same * down, same, same * down * across),
        )
    )
    signs.flags.writeable = False
    return signs
