"""Values for tests: random ones, and ones that lie some bits from others."""

import numpy as np

from uploadfilter.evidence.cohort import Words
from uploadfilter.model import Variant
from uploadfilter.outlines import Outline
from uploadfilter.signals.soft.family import SoftViews

BITS = 256


def pictures(count: int, seed: int = 0) -> Words:
    """Return values as those of unrelated pictures: 128 random bits are set in each."""
    random = np.random.default_rng(seed)
    ranks = random.random((count, BITS)).argsort(axis=1)
    packed = np.packbits(ranks < BITS // 2, axis=1)
    return packed.view(">u8").astype(np.uint64)


def raw(value: Words) -> bytes:
    """Return one value as bytes."""
    return value.astype(">u8").tobytes()


def flipped(value: bytes, count: int, seed: int = 0) -> bytes:
    """Return a value that differs in so many bits."""
    places = np.random.default_rng(seed).choice(BITS, count, replace=False).tolist()
    mask = sum(1 << place for place in places)
    number: int = int.from_bytes(value) ^ mask
    return number.to_bytes(BITS // 8)


def views_of(count: int, seed: int = 0) -> SoftViews:
    """Return views of as many unrelated guesses, and bits of every certainty."""
    random = np.random.default_rng(seed)
    return SoftViews(
        values=pictures(count, seed).astype(">u8").view(np.uint8),
        flips=random.uniform(0.015, 0.5, (count, BITS)).astype(np.float32),
        outlines=tuple(Outline(left=0.004 * number) for number in range(count)),
        variants=(Variant.UPRIGHT,) * count,
    )
