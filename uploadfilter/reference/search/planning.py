"""Plan whether a table of perceptual values is scanned or searched by chunks.

A plan of chunks rests on the generalised pigeonhole principle. Cut (some of) the bits
of a value into chunks, and give each a radius so that the sum of ``radius + 1`` is
above the threshold. Two values within the threshold then differ in at most ``radius``
bits in at least one chunk: if they differed in more bits in every chunk, the total
would be above the threshold. So it suffices to compare the entries whose chunk is
within its radius.

The cheapest cut depends on the number of entries. Dynamic programming finds it.

Rules this module keeps: it is pure; the same arguments give the same plan; no plan
misses a pair (``tests/reference/search/test_planning.py``).

Source:
    Norouzi, Punjani and Fleet, "Fast Exact Search in Hamming Space with Multi-Index
    Hashing", arXiv:1307.2982; Qin et al., "GPH: Similarity Search in Hamming Space",
    ICDE 2018, for unequal chunks and radii.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from itertools import groupby

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

LANE_BITS = 64
"""The widths of all types are multiples of this."""

MOST_CHUNK_BITS = 23
"""Widest chunk: its table of offsets takes 32 MiB. One bit more makes a query a tenth
faster at ten million entries, and doubles the tables."""

MOST_RADIUS = 6
"""Highest radius that is considered; a radius of 7 in 20 bits means 137,980 probes."""

MOST_PROBES = 1 << 20
"""Most buckets that one query may look up: it bounds the memory (30 MiB)."""

_SPARE_BITS = 1
"""Limit of the ratio of buckets to entries in a chunk, as a power of two: empty buckets
cost memory, and beyond twice as many they save hardly any candidates."""

_POSITIONS = 1 << 32
"""Positions in the array of ids are counted in 32 bits."""


class PlanKind(StrEnum):
    """The implementations of ``Matcher`` that a plan may name."""

    LINEAR = "linear"
    MULTI_INDEX = "multi_index"


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """The costs of the steps of a search, in nanoseconds.

    Measured with numpy 2.4 on one core of an AMD EPYC (Zen 4) with tables beyond its
    caches. Only their ratios matter, and those hardly differ between machines.

    Attributes:
        probe: Looking up where one bucket begins and ends.
        candidate: Fetching an entry of a bucket and comparing 128 bits.
        search: Once for each query by chunks: some forty calls of numpy.
        row: Comparing one entry in a scan, after 128 bits of it were read.
        short_row: The same for values of 64 bits.
        scan: Once for each scan.
    """

    probe: float = 14
    candidate: float = 22
    search: float = 60_000
    row: float = 2.0
    short_row: float = 1.1
    scan: float = 30_000

    def of_scan(self, width: int, count: int) -> float:
        """Return the cost of one query in a scan of ``count`` values."""
        row = self.short_row if width <= LANE_BITS else self.row
        return self.scan + row * count


DEFAULT_COSTS = Costs()


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some bits of a value, and the radius within which they are searched.

    Attributes:
        bits: Number of bits, 1 to ``MOST_CHUNK_BITS``.
        radius: Most of these bits that may differ; -1 if the chunk is not searched.
    """

    bits: int
    radius: int

    @property
    def probes(self) -> int:
        """Number of buckets that are looked up."""
        return _probes(self.bits, self.radius)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The way in which a table is searched.

    Attributes:
        kind: The implementation.
        width: Bits of a value.
        threshold: The threshold it was made for; it answers others as well.
        chunks: The chunks, the widest first; empty for a scan.
        cost_ns: Expected cost of one query with a random value.
    """

    kind: PlanKind
    width: int
    threshold: int
    chunks: tuple[Chunk, ...] = ()
    cost_ns: float

    @property
    def bits(self) -> tuple[int, ...]:
        """Bits of each chunk; the tables depend on nothing else."""
        return tuple(chunk.bits for chunk in self.chunks)

    @property
    def probes(self) -> int:
        """Number of buckets that one query looks up."""
        return sum(chunk.probes for chunk in self.chunks)

    @override
    def __str__(self) -> str:
        """Return the plan in one line, for people."""
        return f"{self.kind}: {text_of(self.chunks)}" if self.chunks else self.kind


def text_of(chunks: Sequence[Chunk]) -> str:
    """Return chunks as text: ``4 x (23 bit, r 2) + 1 x (20 bit, r 1)``."""
    runs = [(len(list(run)), chunk) for chunk, run in groupby(chunks)]
    return " + ".join(f"{n} x ({c.bits} bit, r {c.radius})" for n, c in runs)


def _probes(bits: int, radius: int) -> int:
    return sum(math.comb(bits, flips) for flips in range(radius + 1))


def _chunk_cost(bits: int, radius: int, count: int, costs: Costs) -> float:
    expected = count / 2.0**bits
    return _probes(bits, radius) * (costs.probe + expected * costs.candidate)


@lru_cache(maxsize=256)
def plan_for(
    width: int, threshold: int, count: int, costs: Costs = DEFAULT_COSTS
) -> Plan:
    """Choose between a scan and chunks for a table, and choose the chunks.

    Args:
        width: Bits of a value, a multiple of ``LANE_BITS``.
        threshold: Most bits that may differ, inclusive; 0 to ``width``.
        count: Number of values.
        costs: The costs of the steps of a search.

    Returns:
        The cheapest plan of chunks, or the scan if it costs no more.
    """
    if width <= 0 or width % LANE_BITS or not 0 <= threshold <= width:
        raise ValueError(f"no plan for {threshold} of {width} bits")
    scan = costs.of_scan(width, count)
    linear = Plan(kind=PlanKind.LINEAR, width=width, threshold=threshold, cost_ns=scan)
    if scan <= costs.search:
        return linear
    chunks = _cheapest_chunks(width, threshold, count, costs)
    cost = cost_of(chunks, count, costs)
    too_many = len(chunks) * count >= _POSITIONS
    if not chunks or too_many or cost >= scan:
        return linear
    if sum(chunk.probes for chunk in chunks) > MOST_PROBES:
        return linear
    return Plan(
        kind=PlanKind.MULTI_INDEX,
        width=width,
        threshold=threshold,
        chunks=chunks,
        cost_ns=cost,
    )


def cost_of(chunks: Sequence[Chunk], count: int, costs: Costs = DEFAULT_COSTS) -> float:
    """Return the expected cost of one query with a random value, in nanoseconds."""
    return costs.search + sum(
        _chunk_cost(chunk.bits, chunk.radius, count, costs) for chunk in chunks
    )


def _cheapest_chunks(
    width: int, threshold: int, count: int, costs: Costs
) -> tuple[Chunk, ...]:
    """Find the chunks with the lowest cost, the widest first; empty if there are none.

    ``best[bits, need]`` is the lowest cost of chunks of at most ``bits`` bits in all
    for which the sum of ``radius + 1`` is ``need``.
    """
    most = min(MOST_CHUNK_BITS, max(1, count.bit_length() + _SPARE_BITS))
    price = _price_list(most, count, costs)
    needs = np.arange(threshold + 2)
    radii = np.arange(MOST_RADIUS + 1)
    before = (needs[np.newaxis, :] - radii[:, np.newaxis] - 1).clip(0)
    best = np.full((width + most + 1, threshold + 2), np.inf)
    # The first ``most`` rows stand for a negative number of bits, and stay infinite.
    best[most, 0] = 0.0
    choice = np.full((width + 1, threshold + 2), -1)
    for bits in range(1, width + 1):
        at = bits + most
        # Row 0: the best cost without the widest chunk; last row: without one of one
        # bit.
        options = best[at - most : at].take(before, axis=1) + price[:, :, np.newaxis]
        options = options.reshape(most * len(radii), -1)
        chosen = options.argmin(axis=0)
        lowest = options.take(chosen * options.shape[1] + needs)
        # A bit may belong to no chunk.
        skipped = best[at - 1] <= lowest
        best[at] = np.where(skipped, best[at - 1], lowest)
        choice[bits] = np.where(skipped, -1, chosen)
    if not np.isfinite(best[-1, -1]):
        return ()
    return _read_back(choice, most)


def _price_list(most: int, count: int, costs: Costs) -> NDArray[np.float64]:
    """Return the cost of a chunk by its bits, descending from ``most``, and radius."""
    return np.array(
        [
            [
                _chunk_cost(bits, radius, count, costs) if radius <= bits else np.inf
                for radius in range(MOST_RADIUS + 1)
            ]
            for bits in range(most, 0, -1)
        ]
    )


def _read_back(choice: NDArray[np.intp], most: int) -> tuple[Chunk, ...]:
    """Return the chunks that the dynamic programme chose."""
    bits, need = choice.shape[0] - 1, choice.shape[1] - 1
    chunks = []
    while need > 0:
        chosen = int(choice[bits, need])
        if chosen < 0:
            bits -= 1
            continue
        row, radius = divmod(chosen, MOST_RADIUS + 1)
        chunks.append(Chunk(most - row, radius))
        bits -= most - row
        need = max(0, need - radius - 1)
    return tuple(sorted(chunks, key=lambda c: (-c.bits, -c.radius)))


@lru_cache(maxsize=1024)
def chunks_within(
    bits: tuple[int, ...],
    threshold: int,
    count: int,
    costs: Costs = DEFAULT_COSTS,
) -> tuple[Chunk, ...] | None:
    """Choose radii for given chunks and a threshold.

    Tables depend only on the bits of the chunks. So one index answers every threshold:
    below the planned one it uses smaller radii or fewer chunks.

    Args:
        bits: Bits of each chunk.
        threshold: Most bits that may differ, inclusive; 0 or more.
        count: Number of values.
        costs: The costs of the steps of a search.

    Returns:
        The cheapest radii, one for each chunk, -1 where it is not searched; ``None`` if
        no radii are within ``MOST_RADIUS`` and ``MOST_PROBES``.
    """
    best: dict[int, tuple[float, tuple[int, ...]]] = {threshold + 1: (0.0, ())}
    for size in bits:
        reached: dict[int, tuple[float, tuple[int, ...]]] = {}
        for need, (cost, radii) in best.items():
            for radius in range(-1, min(MOST_RADIUS, size, max(need - 1, -1)) + 1):
                left = max(0, need - radius - 1)
                option = (
                    cost + _chunk_cost(size, radius, count, costs),
                    (*radii, radius),
                )
                if left not in reached or option < reached[left]:
                    reached[left] = option
        best = reached
    if 0 not in best:
        return None
    chunks = tuple(map(Chunk, bits, best[0][1]))
    return chunks if sum(c.probes for c in chunks) <= MOST_PROBES else None
