"""Search perceptual values by chunks of their bits: all within the threshold, in less.

Two values within the threshold nearly agree in one chunk at least
(``reference/planning.py``), so that of each chunk the buckets around the query's are
looked into, and what lies there is compared. No pair is missed, and every distance
that is reported was computed from the whole values: the result equals that of
``LinearIndex``, which answers whatever would be dearer here.

Rules this module keeps: it is pure; no loop of Python runs once a query; memory grows
with what is found, and beyond that is bounded by ``SLICE_PAIRS`` whatever the buckets
hold (32 MiB); values and tables are used where they lie.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from uploadfilter.reference.chunk_tables import ChunkKeys, ChunkTables
from uploadfilter.reference.index import (
    Found,
    Lane,
    LinearIndex,
    batch_of,
    joined_found,
)
from uploadfilter.reference.planning import (
    DEFAULT_COSTS,
    LANE_BITS,
    Chunk,
    Costs,
    chunks_within,
    cost_of,
)

SLICE_PROBES = 1 << 14
"""Buckets that are looked up at a time, those of one query in any case. Their
temporaries take 0.7 MiB and stay in a level-2 cache: with eight times as many, a query
costs half as much again."""

SLICE_PAIRS = 1 << 18
"""Candidates that are compared at a time; their temporaries take 16 MiB."""

_PREFIX_BITS = 128
_Numbers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class _Probes:
    """The buckets around a query's own, the same for every query.

    Attributes:
        chunk: Which chunk each belongs to.
        flips: Which bits of the query's bucket number are turned over.
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
        # Ascending, so that those below a bit are at the front: each number is made
        # once, by its highest bit.
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
    """The queries of one search, as numbers and as bytes."""

    lanes: tuple[Lane, ...]
    raw: NDArray[np.uint8]


class MultiIndex:
    """Values with tables of their chunks.

    Safe to search from several threads: every search has its own temporaries.

    Args:
        lanes: The values, as ``index.lanes_of`` returns them.
        tables: Made of the same values.
        costs: What steps of a search cost; decides what is left to the scan.
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
        # A query with more candidates than that is scanned for less. Damaged offsets
        # make such counts as well.
        self._most_candidates = int(self._scan_cost / costs.candidate)
        self._chunks: dict[int, tuple[Chunk, ...] | None] = {}

    def __len__(self) -> int:
        """Return the number of values."""
        return len(self._lanes[0])

    def chunks_for(self, threshold: int) -> tuple[Chunk, ...] | None:
        """Return how far around each chunk is looked, or ``None`` for a scan."""
        if threshold not in self._chunks:
            self._chunks[threshold] = self._cheaper_chunks(threshold)
        return self._chunks[threshold]

    def _cheaper_chunks(self, threshold: int) -> tuple[Chunk, ...] | None:
        chunks = chunks_within(self._tables.bits, threshold, len(self), self._costs)
        if chunks and cost_of(chunks, len(self), self._costs) < self._scan_cost:
            return chunks
        return None

    def search(self, queries: Sequence[bytes], thresholds: Sequence[int]) -> Found:
        """Find every value within the threshold of each query.

        Args:
            queries: Values as wide as the index's, most significant byte first.
            thresholds: Most bits that may differ, inclusive, one for each query.

        Returns:
            Every pair within the threshold, and no other.

        Raises:
            ValueError: A query has another width, or the lengths differ.
            IndexError: The tables are damaged.
        """
        lanes, limits = batch_of(queries, thresholds, len(self._lanes))
        raw = np.frombuffer(b"".join(queries), np.uint8)
        raw = raw.reshape(-1, len(self._lanes) * LANE_BITS // 8)
        batch = _Batch(lanes, raw)
        found: list[Found] = []
        scanned: list[_Numbers] = []
        # Python loops over the thresholds that occur: as a rule there is one.
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

    def _scan(self, batch: _Batch, asked: _Numbers, limits: NDArray[np.int16]) -> Found:
        lanes = tuple(lane.take(asked) for lane in batch.lanes)
        found = self._linear.search_lanes(lanes, limits.take(asked))
        return Found(
            query=asked.take(found.query), row=found.row, distance=found.distance
        )

    def _by_chunks(
        self,
        batch: _Batch,
        asked: _Numbers,
        threshold: int,
        chunks: tuple[Chunk, ...],
        heavy: list[_Numbers],
    ) -> Iterator[Found]:
        """Yield what the queries of one threshold find.

        Args:
            batch: All queries.
            asked: Which of them have this threshold.
            threshold: Most bits that may differ.
            chunks: Have radii that suffice for it.
            heavy: Is given the queries that are scanned for less.
        """
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
                self._near(batch, part, *piece, threshold)
                for piece in _pieces(starts, counts)
            ]
            if near:
                yield self._verified(batch, near, threshold)

    def _buckets(
        self, raw: NDArray[np.uint8], probes: _Probes
    ) -> tuple[_Numbers, _Numbers]:
        """Return begin and size of every bucket, of shape (queries, probes)."""
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
        threshold: int,
    ) -> tuple[_Numbers, _Numbers]:
        """Return query and row of the candidates that are near by their first bits."""
        sizes = counts.ravel()
        before = sizes.cumsum() - sizes
        positions = np.repeat(starts.ravel() - before, sizes)
        positions += np.arange(len(positions))
        rows = self._tables.ids.take(positions)
        query = part.repeat(counts.sum(axis=1)) if len(part) > 1 else part
        bits = self._head_bits(rows, query, batch)
        is_near = bits <= min(threshold, _PREFIX_BITS)
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
        """Return in how many of their first 128 bits pairs differ, or all of 64."""
        if len(self._lanes) == 1:
            lanes = [self._lanes[0].take(rows)]
        else:
            # One fetch for both lanes; each is then worked on alone, because numpy
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
    ) -> Found:
        """Return each pair once, if its full distance is within the threshold."""
        pairs = np.concatenate([query * len(self) + row for query, row in near])
        query, row = np.divmod(np.unique(pairs), len(self))
        distance = np.zeros(len(row), np.uint16)
        for ours, theirs in zip(self._lanes, batch.lanes, strict=True):
            distance += np.bitwise_count(ours.take(row) ^ theirs.take(query))
        keep = distance <= threshold
        return Found(query=query[keep], row=row[keep], distance=distance[keep])


def _pieces(starts: _Numbers, counts: _Numbers) -> Iterator[tuple[_Numbers, _Numbers]]:
    """Cut buckets into pieces of at most ``SLICE_PAIRS`` candidates.

    Args:
        starts: Where each bucket begins.
        counts: Its size.

    Yields:
        The same, of the same shape, with what belongs to the piece; none if there is no
        candidate.
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
