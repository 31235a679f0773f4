"""Values for tests: random ones, and ones that lie some bits from others."""

import numpy as np

from uploadfilter.evidence.cohort import Words

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
