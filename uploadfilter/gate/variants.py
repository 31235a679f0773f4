"""Compute the eight variants of a PDQ value from those that a corpus keeps.

A value has 16 x 16 bits. Each tells whether a coefficient lies above the median of all;
the frequencies are 1 to 16 down and across. Transposing the picture transposes the
bits, exactly. Mirroring it flips the sign of odd frequencies across, which inverts
their bits. This is not exact, because the median is not quite 0 and PDQ leans to one
side: a corpus that keeps the mirrored values themselves is more exact.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.uint64]
"""PDQ values, shape (n, 4): four numbers of 64 bits, the most significant first."""

_SIDE: Final = 16
_BITS: Final = _SIDE * _SIDE

VARIANT_COUNT: Final = 8
"""Variants of each picture: turned and mirrored in every way."""


def all_variants(kept: Words) -> Words:
    """Return all variants of pictures.

    Args:
        kept: Shape (n, 1, 4): upright; or (n, 4, 4): upright, mirrored, flipped, turned
            by 180 degrees.

    Returns:
        Shape (n, 8, 4): those four, then each of them transposed.
    """
    values = np.ascontiguousarray(kept, np.uint64)
    if values.shape[1] == 1:
        values = values ^ _SIGNS[None]
    return np.concatenate((values, _transposed(values)), axis=1)


def _transposed(values: Words) -> Words:
    raw = np.ascontiguousarray(values.astype(">u8")).view(np.uint8)
    bits = np.unpackbits(raw, axis=-1).reshape(*raw.shape[:-1], _SIDE, _SIDE)
    packed = np.packbits(bits.swapaxes(-1, -2).reshape(*raw.shape[:-1], _BITS), axis=-1)
    return packed.view(">u8").astype(np.uint64)


def _signs() -> Words:
    """Return the inverted bits of the four variants: none, across, down, both."""
    # The first bit of a value is the highest frequency in both directions.
    odd = np.arange(_SIDE, 0, -1) % 2 == 1
    across = np.broadcast_to(odd[None, :], (_SIDE, _SIDE))
    down = across.T
    patterns = np.stack((np.zeros_like(across), across, down, across ^ down))
    packed = np.packbits(patterns.reshape(len(patterns), _BITS), axis=-1)
    return packed.view(">u8").astype(np.uint64)


_SIGNS: Final = _signs()
