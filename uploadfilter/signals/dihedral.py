"""Turn and mirror a block of DCT coefficients instead of a picture.

Mirroring a picture flips the sign of its odd frequencies, and transposing it transposes
the block. So all eight variants of a signal cost one small array operation. PDQ's
decimation is not quite symmetric, so these signals are some bits off those of a picture
that was really turned, the more the smaller it is; ``pdqhash.compute_dihedral`` makes
the same ones. In full geometry ``pdq.py`` therefore shrinks the mirrored picture.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from uploadfilter.model import Variant

Block = NDArray[np.floating[Any]]

VARIANTS = tuple(Variant)
"""The order of the first axis of ``variants``; the upright one comes first."""


def variants(block: Block, *, first_frequency: int) -> Block:
    """Return the blocks of all eight variants.

    Args:
        block: Square block of DCT-II coefficients, rows are vertical frequencies; or
            several, shape (..., side, side).
        first_frequency: Frequency of its first row and column: 0 or 1.

    Returns:
        Shape (..., 8, side, side), in the order of ``VARIANTS``.

    Source:
        ThreatExchange, pdq/cpp/hashing/pdqhashing.cpp: ``dct16OriginalToRotate90``
        and its siblings.
    """
    side = block.shape[-1]
    frequencies = np.arange(first_frequency, first_frequency + side)
    across = np.where(frequencies % 2, -1, 1).astype(block.dtype)
    down = across[:, None]
    turned = block.swapaxes(-1, -2)
    return np.stack(
        (
            block,
            turned * down,
            block * down * across,
            turned * across,
            block * across,
            block * down,
            turned,
            turned * down * across,
        ),
        axis=-3,
    )
