"""Search perceptual values by chunks of their bits, faster than by a scan.

Two values within the threshold nearly agree in at least one chunk
(``reference/search/planning.py``). So for each chunk the buckets around that of the
query are searched, and the values in them are compared. No pair is missed, and every
reported distance was computed from the whole values: the result equals that of
``LinearIndex``, which answers all queries that would cost more here.

Rules this module keeps: it is pure; no Python loop runs once for each query; memory
grows with the number of pairs found, and is bounded by ``SLICE_PAIRS`` beyond that,
however full the buckets are (32 MiB); values and tables are used without a copy.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from uploadfilter.reference.search.chunk_tables import ChunkKeys, ChunkTables
from uploadfilter.reference.search.index import (
    Lane,
    LinearIndex,
    PairsFound,
    batch_of,
    joined_found,
)
from uploadfilter.reference.search.planning import (
    DEFAULT_COSTS,
    LANE_BITS,
    Chunk,
    Costs,
    chunks_within,
    cost_of,
)

SLICE_PROBES = 1 << 14
"""Buckets that are looked up at a time; those of one query always stay together. Their
temporaries take 0.7 MiB and stay in a level-2 cache: with eight times as many, a query
costs 50 % more."""

SLICE_PAIRS = 1 << 18
"""Candidates that are compared at a time; their temporaries take 16 MiB."""

_PREFIX_BITS = 128

_Numbers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class _Probes:
    """The buckets around that of a query, in a form that is the same for every query.

    Attributes:
        chunk: The chunk that each bucket belongs to.
        flips: The bits of the query's bucket number that are inverted.
    """

    chunk: NDArray[np.intp]
    flips: _Numbers

    def __len__(self) -> int:
        return len(self.flips)


@lru_cache(maxsize=16)
def _probes_of(chunks: tuple[Chunk, ...]) -> _Probes:
    flips = [_masks(chunk.bits, chunk.radius) for chunk in chunks]
    return _Probes(
        np.repeat(np.arange(len(chunks)), [len(masks) for masks in flips]),
        np.concatenate(flips),
    )


def _masks(bits: int, radius: int) -> _Numbers:
    """Return every number of ``bits`` bits of which at most ``radius`` are set."""
    if radius < 0:
        return np.empty(0, np.int64)
    level = np.zeros(1, np.int64)
    levels = [level]
    for _ in range(radius):
        # Ascending, so that the numbers below a bit are at the front: each number is
        # made once, by its highest bit.
        level = np.concatenate(
            [
                level[: np.searchsorted(level, 1 << bit)] | (1 << bit)
                for bit in range(bits)
                if len(levels) == 1 or bit
            ]
        )
        levels.append(level)
    return np.concatenate(levels)


@dataclass(frozen=True, slots=True)
class _Batch:
    lanes: tuple[Lane, ...]
    raw: NDArray[np.uint8]


class MultiIndex:
    """Values with tables of their chunks.

    Several threads may search it at once: every search has its own temporaries.
    """

    def __init__(
        self,
        lanes: Sequence[Lane],
        tables: ChunkTables,
        costs: Costs = DEFAULT_COSTS,
    ) -> None:
        self._lanes = tuple(lanes)
        self._linear = LinearIndex(self._lanes)
        self._tables = tables
        self._keys = ChunkKeys(LANE_BITS * len(lanes), tables.bits, tables.seed)
        self._costs = costs
        self._scan_cost = costs.of_scan(LANE_BITS * len(lanes), len(self))
        # A scan is cheaper for a query with more candidates than this. Damaged offsets
        # lead to such counts as well.
        self._most_candidates = int(self._scan_cost / costs.candidate)
        self._chunks: dict[int, tuple[Chunk, ...] | None] = {}

    def __len__(self) -> int:
        """Return the number of values."""
        return len(self._lanes[0])

    def chunks_for(self, threshold: int) -> tuple[Chunk, ...] | None:
        """Return the radius around each chunk, or ``None`` if a scan is cheaper."""
        if threshold not in self._chunks:
            self._chunks[threshold] = self._cheaper_chunks(threshold)
        return self._chunks[threshold]

    def _cheaper_chunks(self, threshold: int) -> tuple[Chunk, ...] | None:
        chunks = chunks_within(self._tables.bits, threshold, len(self), self._costs)
        if chunks and cost_of(chunks, len(self), self._costs) < self._scan_cost:
            return chunks
        return None

    def search(self, queries: Sequence[bytes], thresholds: Sequence[int]) -> PairsFound:
        """Find every value within the threshold of each query.

        Returns:
            Every pair within the threshold, and no other.

        Raises:
            ValueError: A query has another width, or the lengths differ.
            IndexError: The tables are damaged.
        """
        lanes, limits = batch_of(queries, thresholds, len(self._lanes))
        batch = _batch_of(queries, lanes)
        found: list[PairsFound] = []
        scanned: list[_Numbers] = []
        # Python loops over the different thresholds only: usually there is one.
        for threshold in sorted({*limits.tolist()} - {-1}):
            asked = np.flatnonzero(limits == threshold)
            chunks = self.chunks_for(threshold)
            if chunks is None:
                scanned.append(asked)
            else:
                found += self._by_chunks(batch, asked, threshold, chunks, scanned)
        if scanned:
            found.append(self._scan(batch, np.concatenate(scanned), limits))
        return joined_found(found)

    def _scan(
        self, batch: _Batch, asked: _Numbers, limits: NDArray[np.int16]
    ) -> PairsFound:
        lanes = tuple(lane.take(asked) for lane in batch.lanes)
        found = self._linear.search_lanes(lanes, limits.take(asked))
        return PairsFound(
            query=asked.take(found.query), row=found.row, distance=found.distance
        )

    def _by_chunks(
        self,
        batch: _Batch,
        asked: _Numbers,
        threshold: int,
        chunks: tuple[Chunk, ...],
        heavy: list[_Numbers],
    ) -> Iterator[PairsFound]:
        """Yield the pairs found by the queries of one threshold."""
        probes = _probes_of(chunks)
        step = max(1, SLICE_PROBES // len(probes.flips))
        for start in range(0, len(asked), step):
            part = asked[start : start + step]
            starts, counts = self._buckets(batch.raw.take(part, axis=0), probes)
            is_heavy = counts.sum(axis=1) > self._most_candidates
            if is_heavy.any():
                heavy.append(part[is_heavy])
                light = ~is_heavy
                part, starts, counts = part[light], starts[light], counts[light]
            near = [
                self._near(batch, part, *piece, min(threshold, _PREFIX_BITS))
                for piece in _pieces(starts, counts)
            ]
            if near:
                yield self._verified(batch, near, threshold)

    def _buckets(
        self, raw: NDArray[np.uint8], probes: _Probes
    ) -> tuple[_Numbers, _Numbers]:
        buckets = self._keys.buckets_of(raw).take(probes.chunk, axis=1)
        buckets ^= probes.flips
        starts = self._tables.offsets.take(buckets)
        buckets += 1
        counts = self._tables.offsets.take(buckets) - starts
        return starts.astype(np.int64), counts.astype(np.int64)

    def _near(
        self,
        batch: _Batch,
        part: _Numbers,
        starts: _Numbers,
        counts: _Numbers,
        most: int,
    ) -> tuple[_Numbers, _Numbers]:
        sizes = counts.ravel()
        before = sizes.cumsum() - sizes
        positions = np.repeat(starts.ravel() - before, sizes)
        positions += np.arange(len(positions))
        rows = self._tables.ids.take(positions)
        query = part.repeat(counts.sum(axis=1)) if len(part) > 1 else part
        bits = self._head_bits(rows, query, batch)
        is_near = bits <= most
        if not is_near.any():
            return np.empty(0, np.int64), np.empty(0, np.int64)
        at = np.flatnonzero(is_near)
        return (
            query.take(at) if len(part) > 1 else part.repeat(len(at)),
            rows.take(at).astype(np.int64),
        )

    def _head_bits(
        self, rows: NDArray[np.uint32], query: _Numbers, batch: _Batch
    ) -> NDArray[np.uint8]:
        """Return how many of the first 128 bits (or of all 64) differ in each pair."""
        if len(self._lanes) == 1:
            lanes = [self._lanes[0].take(rows)]
        else:
            # One fetch for both lanes; then each lane is processed alone, because numpy
            # is slow with rows of two.
            heads = self._tables.prefixes.take(rows).view(np.uint64)
            lanes = [heads[0::2], heads[1::2]]
        bits: NDArray[np.uint8]
        bits = np.bitwise_count(lanes[0] ^ batch.lanes[0].take(query))
        for ours, theirs in zip(lanes[1:], batch.lanes[1:], strict=False):
            bits += np.bitwise_count(ours ^ theirs.take(query))
        return bits

    def _verified(
        self,
        batch: _Batch,
        near: Sequence[tuple[_Numbers, _Numbers]],
        threshold: int,
    ) -> PairsFound:
        """Return each pair once, if its full distance is within the threshold."""
        pairs = np.concatenate([query * len(self) + row for query, row in near])
        query, row = np.divmod(np.unique(pairs), len(self))
        distance = np.zeros(len(row), np.uint16)
        for ours, theirs in zip(self._lanes, batch.lanes, strict=True):
            distance += np.bitwise_count(ours.take(row) ^ theirs.take(query))
        keep = distance <= threshold
        return PairsFound(query=query[keep], row=row[keep], distance=distance[keep])


def _batch_of(queries: Sequence[bytes], lanes: tuple[Lane, ...]) -> _Batch:
    raw = np.frombuffer(b"".join(queries), np.uint8)
    return _Batch(lanes, raw.reshape(-1, len(lanes) * LANE_BITS // 8))


def _pieces(starts: _Numbers, counts: _Numbers) -> Iterator[tuple[_Numbers, _Numbers]]:
    """Cut buckets into pieces of at most ``SLICE_PAIRS`` candidates.

    Yields:
        Starts and counts of the same shape, reduced to the piece; nothing if there is
        no candidate.
    """
    total = int(counts.sum())
    if total <= SLICE_PAIRS:
        if total:
            yield starts, counts
        return
    ends = counts.cumsum().reshape(counts.shape)
    begins = ends - counts
    for first in range(0, total, SLICE_PAIRS):
        skipped = (first - begins).clip(0)
        size = np.minimum(ends, first + SLICE_PAIRS) - begins - skipped
        yield starts + skipped, size.clip(0)
