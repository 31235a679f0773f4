"""What every index of perceptual values must do: find all within the threshold.

Every implementation is compared with ``reference_search``, the slow and obvious twin.
To have a new index tested, call these checks from its test module.
"""

import random
from collections.abc import Callable, Sequence
from typing import Protocol

from uploadfilter.reference.index import Found, reference_search

LANE_BITS = 64


class Matcher(Protocol):
    """An index of values, as ``LinearIndex`` is one."""

    def __len__(self) -> int:
        """Return the number of values."""

    def search(self, queries: Sequence[bytes], thresholds: Sequence[int]) -> Found:
        """Find every value within the threshold of each query."""


MakeMatcher = Callable[[Sequence[bytes], int], Matcher]
"""Makes an index of values of a width in bytes."""


def pairs(found: Found, queries: int) -> list[list[tuple[int, int]]]:
    """Return row and distance of what each query found, by row."""
    result: list[list[tuple[int, int]]] = [[] for _ in range(queries)]
    for query, row, distance in zip(
        found.query.tolist(), found.row.tolist(), found.distance.tolist(), strict=True
    ):
        result[query].append((row, distance))
    return [sorted(rows) for rows in result]


def flipped(value: bytes, bits: Sequence[int]) -> bytes:
    """Return a value with the given bits turned over; bit 0 is the last one."""
    mask = sum(1 << bit for bit in set(bits))
    return (int.from_bytes(value) ^ mask).to_bytes(len(value))


def clustered(seed: int, *, count: int, width: int, threshold: int) -> list[bytes]:
    """Return values that lie in clusters just inside and just outside a threshold.

    Args:
        seed: Makes the result repeatable.
        count: How many values.
        width: Bytes of a value.
        threshold: Bits around which the distances to a cluster's centre lie.

    Returns:
        Centres, values at ``threshold`` and one to either side of it, repeated ones,
        and all-zero and all-one values, mixed.
    """
    rng = random.Random(seed)  # noqa: S311 - a test needs a repeatable choice
    centres = [bytes(width), b"\xff" * width, rng.randbytes(width)]
    values: list[bytes] = []
    while len(values) < count:
        centre = rng.choice(centres)
        distance = rng.choice([0, 1, threshold - 1, threshold, threshold + 1])
        distance = min(max(distance, 0), width * 8)
        values.append(flipped(centre, rng.sample(range(width * 8), distance)))
        values.append(rng.choice([rng.choice(values), rng.randbytes(width)]))
    return values[:count]


def check_agrees(
    make: MakeMatcher,
    values: Sequence[bytes],
    queries: Sequence[bytes],
    thresholds: Sequence[int],
    *,
    width: int,
) -> None:
    """Compare a batch with the slow twin, pair by pair."""
    matcher = make(values, width)
    found = pairs(matcher.search(queries, thresholds), len(queries))

    assert len(matcher) == len(values)
    assert found == [
        reference_search(values, query, threshold)
        for query, threshold in zip(queries, thresholds, strict=True)
    ]


def check_matcher(make: MakeMatcher, *, width: int, limit: int) -> None:
    """Run the whole suite on one width.

    Args:
        make: Makes the index under test.
        width: Bytes of a value.
        limit: Highest threshold to try, in bits.
    """
    for count in (0, 1, 2, 3, 17, 1000):
        for threshold in (0, 1, limit // 2, limit):
            values = clustered(count, count=count, width=width, threshold=threshold)
            queries = [bytes(width), b"\xff" * width, *values[:5]]
            check_agrees(make, values, queries, [threshold] * len(queries), width=width)
            check_agrees(make, values, [], [], width=width)
