"""The requirement on every index of perceptual values: find all within the threshold.

Every implementation is compared with ``reference_search``, the slow and obvious twin.
To have a new index tested, call these checks from its test module.
"""

import random
from collections.abc import Callable, Sequence

from uploadfilter.reference.search.index import PairsFound, reference_search
from uploadfilter.reference.search.matcher import Matcher

BEYOND = 12
"""How far outside the threshold clusters reach: more than any prefilter lets pass."""

MakeMatcher = Callable[[Sequence[bytes], int], Matcher]
"""Makes an index of values of a width in bytes."""

Pairs = list[list[tuple[int, int]]]


def pairs(found: PairsFound, queries: int) -> Pairs:
    """Return row and distance of what each query found, by row."""
    result: Pairs = [[] for _ in range(queries)]
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
    """Return values that lie in clusters inside and outside a threshold.

    Args:
        seed: Makes the result repeatable.
        count: How many values.
        width: Bytes of a value.
        threshold: Distances to a cluster's centre are 0 to ``BEYOND`` more than it,
            most of them next to it.

    Returns:
        Centres (all zeros, all ones, and others), values around them, repeated ones,
        values one bit apart from others, and unrelated ones, mixed.
    """
    rng = random.Random(seed)  # noqa: S311 - a test needs a repeatable choice
    centres = [bytes(width), b"\xff" * width, rng.randbytes(width)]
    edge = [0, 1, threshold - 1, threshold, threshold + 1]
    values: list[bytes] = centres[:]
    while len(values) < count:
        distance = rng.choice([*edge, rng.randrange(threshold + BEYOND + 1)])
        distance = min(max(distance, 0), width * 8)
        flips = rng.sample(range(width * 8), distance)
        values.append(flipped(rng.choice(centres), flips))
        other = rng.choice(values)
        one_off = flipped(other, [rng.randrange(width * 8)])
        values.append(rng.choice([other, one_off, rng.randbytes(width)]))
    return values[:count]


def expected(
    values: Sequence[bytes], queries: Sequence[bytes], thresholds: Sequence[int]
) -> Pairs:
    """Return what the slow twin finds; every distinct query is compared once."""
    everything = {
        query: reference_search(values, query, 8 * len(query)) for query in set(queries)
    }
    return [
        [
            (row, distance)
            for row, distance in everything[query]
            if distance <= threshold
        ]
        for query, threshold in zip(queries, thresholds, strict=True)
    ]


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
    assert found == expected(values, queries, thresholds)


def check_matcher(make: MakeMatcher, *, width: int, limit: int) -> None:
    """Run the whole suite on one width, except its largest number of values.

    Args:
        make: Makes the index under test.
        width: Bytes of a value.
        limit: Highest threshold to try, in bits.
    """
    for count in (0, 1, 2, 3, 17, 1000):
        check_count(make, count, width=width, limit=limit)


def check_count(make: MakeMatcher, count: int, *, width: int, limit: int) -> None:
    """Ask an index of some number of values for all thresholds, in one batch.

    Args:
        make: Makes the index under test.
        count: Number of values.
        width: Bytes of a value.
        limit: Highest threshold to try, in bits.
    """
    values = clustered(count, count=count, width=width, threshold=limit)
    asked = [bytes(width), b"\xff" * width, flipped(bytes(width), [5]), *values[2:7]]
    thresholds = [*range(limit + 1)] * len(asked)
    queries = [query for query in asked for _ in range(limit + 1)]

    check_agrees(make, values, queries, thresholds, width=width)
    check_agrees(make, values, [], [], width=width)
    check_batches(make(values, width), queries, thresholds)


def check_batches(
    matcher: Matcher, queries: Sequence[bytes], thresholds: Sequence[int]
) -> None:
    """Compare a batch with its queries, some of them, one by one."""
    found = pairs(matcher.search(queries, thresholds), len(queries))
    for at in range(0, len(queries), max(1, len(queries) // 20)):
        alone = matcher.search(queries[at : at + 1], thresholds[at : at + 1])

        assert pairs(alone, 1) == found[at : at + 1]
