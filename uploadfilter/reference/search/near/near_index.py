"""Find the rows that the soft views of an upload point at, within a budget.

Rows come from the buckets of the chunk tables that are the most probable under the
views (``probes.py``). A row must then agree with its view in the *reliable* bits among
the first 128, which one fetch reads; few unrelated rows do. The score of the others is
computed from the whole value, under all views.

This is a heuristic *beside* the exact search. Nothing that lies within the threshold
depends on it, and the recall against ``reference_near`` was measured
(``benchmarks/notes.md``), not guaranteed.

Rules this module keeps: it is pure; every reported score is exact; the work and the
memory are bounded by the budget, however full the buckets are; the same arguments give
the same result, on any machine.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from uploadfilter.reference.search.chunk_tables import (
    BIT_ORDER_SEED,
    PREFIX,
    ChunkKeys,
    ChunkTables,
    build,
)
from uploadfilter.reference.search.index import Lane
from uploadfilter.reference.search.near.asking import BUDGET
from uploadfilter.reference.search.near.probes import (
    CANDIDATE_WORK,
    ProbedBuckets,
    Prober,
)
from uploadfilter.reference.search.soft import (
    LEAST_SCORE,
    WIDTH_BITS,
    Floats,
    NearRows,
    Scorer,
    SoftBatch,
    scored,
    values_at,
)

PLANNED = 100_000
"""Units of work for the buckets and rows of one search, in any table."""

PLANNED_ROWS = 16
"""One more unit for so many rows of the table: the larger it is, the wider are the
chunks, the less probable is each bucket, and the more rows lie in it."""

MOST_PLANNED = 800_000
"""Most units that are planned for one table, however large it is."""

_PLANNED_SHARE = 3
"""How much of the budget the plan may take: buckets of real values hold up to three
times as many rows as those of random values."""

_SCORES_A_UNIT = 4
"""Scores of a row under one view that are computed in one unit."""

SCANNED_ROWS = 1000
"""Most rows that are all scored, which takes 5 ms for 400 views; to probe the tables
takes 3 ms, but may miss one."""

SLICE_ROWS = 1 << 13
"""Rows that are compared at a time; their temporaries take 600 KiB."""

_SLICE_BUCKETS = 1 << 12
"""Buckets that are looked up at a time: a line of 64 bytes each stays in the cache."""

MOST_SURVIVORS = 1 << 15
"""Most pairs of row and view whose score is computed from the whole value. Uploads with
few strong edges, which resemble many regions of other pictures, have some thousands."""

_SURVIVOR_WORK = 12
"""Units for the score of one such pair."""

_SLICE_SURVIVORS = 1 << 12
"""Such pairs that are scored at a time: 8 MiB."""

_RELIABLE = 0.2
"""Highest flip probability of a reliable bit."""

_DEVIATIONS = 2.5
"""Standard deviations below the mean of random rows that a row must reach, in the
number of reliable bits that differ: one of 160 random rows does. With 3, one of 700
entries that are looked for was lost."""

_OWN_SLACK = 60.0
"""How much the score under the first view that found a row may be below the lowest
score. Its neighbours among the views often fit better: with 35, one of 400 entries that
are looked for was lost."""

_VIEW_BITS = 24
"""Bits of the number of a view, in which a position of 32 bits also fits."""

_HEAD_BITS = 128
_LEAST_CHUNK, _MOST_CHUNK = 8, 16
_Numbers = NDArray[np.int64]
_Views = NDArray[np.intp]
_Heads = NDArray[np.void]


class NearIndex:
    """Values of 256 bits, searched by soft views.

    Several threads may search it at once.

    Args:
        lanes: The values, as ``index.lanes_of`` returns them.
        tables: The tables of their chunks; without them, small ones are built in
            memory at the first search, 200 bytes a row.
    """

    def __init__(self, lanes: Sequence[Lane], tables: ChunkTables | None) -> None:
        self._lanes = tuple(lanes)
        self._given = tables

    def __len__(self) -> int:
        """Return the number of values."""
        return len(self._lanes[0])

    @cached_property
    def _tables(self) -> ChunkTables:
        if self._given is not None:
            return self._given
        bits = min(max(len(self).bit_length(), _LEAST_CHUNK), _MOST_CHUNK)
        return build(self._lanes, (bits,) * (WIDTH_BITS // bits), BIT_ORDER_SEED)

    @cached_property
    def _prober(self) -> Prober:
        tables = self._tables
        keys = ChunkKeys(WIDTH_BITS, tables.bits, tables.seed)
        return Prober(keys, tables.seed, len(self))

    def search(
        self, batch: SoftBatch, *, budget: int = BUDGET, least: float = LEAST_SCORE
    ) -> NearRows:
        """Find rows with a sufficient score under the best view.

        Raises:
            IndexError: The tables are damaged.
        """
        scorer = Scorer(batch)
        if not len(batch):
            return scored(self._lanes, np.empty(0, np.intp), scorer, least)
        count = len(self)
        work = count * len(batch) // _SCORES_A_UNIT
        if count <= SCANNED_ROWS and work <= budget:
            every = np.arange(count)
            return replace(scored(self._lanes, every, scorer, least), work=work)
        search = _Search(self._lanes, self._tables, batch, scorer, budget)
        planned = min(PLANNED + count // PLANNED_ROWS, MOST_PLANNED)
        work = min(planned, budget // _PLANNED_SHARE)
        rows = search.rows(self._prober.probes(scorer, work), least)
        found = scored(self._lanes, rows, scorer, least)
        is_complete = not search.was_cut and work == planned
        return replace(found, work=budget - search.left, is_complete=is_complete)


class _Search:
    """The search of one batch; ``left`` is what the budget still holds."""

    def __init__(
        self,
        lanes: tuple[Lane, ...],
        tables: ChunkTables,
        batch: SoftBatch,
        scorer: Scorer,
        budget: int,
    ) -> None:
        self._lanes = lanes
        self._tables = tables
        self._batch = batch
        self._scorer = scorer
        self.left = budget
        self.was_cut = False

    def rows(self, probes: ProbedBuckets, least: float) -> _Views:
        """Return different rows whose score may be sufficient."""
        self.left -= len(probes)
        view, starts, counts = self._buckets(probes)
        found_rows, found_views = [], []
        for part in _slices(counts):
            sizes = counts[part]
            before = sizes.cumsum() - sizes
            # Both travel in one number, so that they are repeated at once.
            pairs = ((starts[part] - before) << _VIEW_BITS | view[part]).repeat(sizes)
            views = pairs & ((1 << _VIEW_BITS) - 1)
            pairs >>= _VIEW_BITS
            pairs += np.arange(len(pairs))
            rows = self._tables.ids.take(pairs)
            near = np.flatnonzero(self._agree(rows, views))
            found_rows.append(rows.take(near))
            found_views.append(views.take(near))
        if not found_rows:
            return np.empty(0, np.intp)
        return self._promising(
            np.concatenate(found_rows).astype(np.intp),
            np.concatenate(found_views),
            least,
        )

    def _buckets(self, probes: ProbedBuckets) -> tuple[_Views, _Numbers, _Numbers]:
        """Return view, start and size of the buckets that are read.

        If they hold more rows than the budget allows, the fullest are left out: what
        many rows have in common says the least.
        """
        starts, counts = self._sizes(probes.bucket)
        full = np.flatnonzero(counts > 0)
        counts = counts.take(full)
        most = max(self.left, 0) // CANDIDATE_WORK
        if int(counts.sum()) > most:
            self.was_cut = True
            order = np.argsort(counts, kind="stable")
            order = order[: np.searchsorted(counts.take(order).cumsum(), most, "right")]
            order.sort()
            full, counts = full.take(order), counts.take(order)
        self.left -= CANDIDATE_WORK * int(counts.sum())
        return probes.view.take(full), starts.take(full), counts

    def _sizes(self, buckets: _Numbers) -> tuple[_Numbers, _Numbers]:
        offsets = self._tables.offsets
        starts, ends = np.empty((2, len(buckets)), np.int64)
        # The end lies beside the start, which is in the cache only for a while.
        for at in range(0, len(buckets), _SLICE_BUCKETS):
            part = slice(at, at + _SLICE_BUCKETS)
            starts[part] = offsets.take(buckets[part])
            ends[part] = offsets.take(buckets[part] + 1)
        ends -= starts
        return starts, ends

    @cached_property
    def _heads(self) -> tuple[_Heads, _Heads, NDArray[np.uint8]]:
        """The first 128 bits of each view, its reliable ones, how many may differ."""
        reliable = self._batch.flips[:, :_HEAD_BITS] <= _RELIABLE
        counts = reliable.sum(axis=1)
        most = counts / 2 - _DEVIATIONS / 2 * np.sqrt(counts)
        # A view with hardly a reliable bit lets every row pass: its buckets decide.
        most = np.where(most < 0, counts, most)
        masks = np.packbits(reliable, axis=1)
        values = np.ascontiguousarray(self._batch.values[:, : _HEAD_BITS // 8])
        return _heads_of(values), _heads_of(masks), most.astype(np.uint8)

    def _agree(self, rows: NDArray[np.uint32], views: _Views) -> NDArray[np.bool_]:
        """Tell which rows agree with their view in enough of its reliable bits."""
        values, masks, most = self._heads
        differ = self._tables.prefixes.take(rows).view(np.uint64)
        differ ^= values.take(views).view(np.uint64)
        differ &= masks.take(views).view(np.uint64)
        counted = np.bitwise_count(differ).view(np.uint16)
        # The upper byte becomes the sum of both.
        counted *= np.uint16(1 << 8 | 1)
        counted >>= np.uint16(8)
        return counted <= most.take(views)

    def _promising(self, rows: _Views, views: _Views, least: float) -> _Views:
        """Return the rows whose score under the view that found them is high enough."""
        pairs = rows * len(self._batch) + views
        pairs = np.sort(pairs)
        is_new = np.ones(len(pairs), np.bool_)
        is_new[1:] = pairs[1:] != pairs[:-1]
        rows, views = np.divmod(pairs[is_new], len(self._batch))
        most = min(MOST_SURVIVORS, max(self.left, 0) // _SURVIVOR_WORK)
        if len(rows) > most:
            self.was_cut = True
            chosen = (np.arange(most) * (len(rows) / max(most, 1))).astype(np.intp)
            rows, views = rows.take(chosen), views.take(chosen)
        kept = [
            rows[part][self._own_scores(rows[part], views[part]) >= least - _OWN_SLACK]
            for part in (
                slice(start, start + _SLICE_SURVIVORS)
                for start in range(0, len(rows), _SLICE_SURVIVORS)
            )
        ]
        found = np.unique(np.concatenate([rows[:0], *kept]))
        self.left -= _SURVIVOR_WORK * len(rows)
        self.left -= len(found) * len(self._batch) // _SCORES_A_UNIT
        return found

    def _own_scores(self, rows: _Views, views: _Views) -> Floats:
        bits = np.unpackbits(values_at(self._lanes, rows), axis=1).astype(np.float32)
        return self._scorer.of_pairs(bits, views)


def _heads_of(table: NDArray[np.uint8]) -> _Heads:
    """Return rows of 16 bytes like the prefixes of the tables."""
    words = table.view(">u8").astype(np.uint64)
    return words.view(PREFIX).ravel()


def _slices(counts: _Numbers) -> list[slice]:
    if not len(counts):
        return []
    ends = counts.cumsum()
    edges = np.arange(SLICE_ROWS, int(ends[-1]), SLICE_ROWS)
    cuts = np.unique(np.searchsorted(ends, edges, "right"))
    borders = [0, *cuts[(cuts > 0) & (cuts < len(counts))].tolist(), len(counts)]
    return [slice(a, b) for a, b in pairwise(borders)]
