"""Soft views of altered values: as with altered pictures, some bits are doubtful."""

import numpy as np
from numpy.typing import NDArray

from uploadfilter.reference.search.soft import SoftBatch

DOUBTS = (0.015, 0.05, 0.15, 0.35, 0.5)
"""Flip probabilities of the bits of a view."""

SHARES = (0.35, 0.25, 0.2, 0.12, 0.08)
"""The share of the bits that has each probability; some 32 bits flip."""


def around(
    value: NDArray[np.uint8], rng: np.random.Generator
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Return a soft view of which a value is the listed one: its value and flips."""
    flips = rng.choice(DOUBTS, 256, p=SHARES).astype(np.float32)
    bits = np.unpackbits(value) ^ (rng.random(256) < flips)
    return np.packbits(bits), flips


def batch_around(values: NDArray[np.uint8], *, seed: int) -> SoftBatch:
    """Return a batch of one soft view of each value."""
    rng = np.random.default_rng(seed)
    views = [around(value, rng) for value in values]
    return SoftBatch(
        values=np.array([value for value, _ in views], np.uint8).reshape(-1, 32),
        flips=np.array([flips for _, flips in views], np.float32).reshape(-1, 256),
    )
