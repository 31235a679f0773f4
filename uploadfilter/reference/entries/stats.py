"""Describe a table of perceptual values, and what a query of it costs.

The cost that a plan states is that of random values. Here the buckets are counted, so
that the figures are those of the stored values. ``hashset list --stats`` shows them;
this module is pure.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from uploadfilter.model import Geometry, SignalType
from uploadfilter.reference.entries.tables import PerceptualTable, Shape, Tables
from uploadfilter.reference.search.chunk_tables import ChunkTables
from uploadfilter.reference.search.planning import (
    DEFAULT_COSTS,
    LANE_BITS,
    Chunk,
    Costs,
    PlanKind,
    chunks_within,
    cost_of,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TableStats:
    """One table of perceptual values.

    Attributes:
        signal_type: Type of its values.
        geometry: Their geometry; ``None`` if it is unknown or the type has none.
        values: Number of values.
        by_set: Number of values of each hash set.
        value_bytes: Bytes of the values and of the columns beside them.
        index_bytes: Bytes of the tables of chunks; 0 if there are none.
        threshold: The threshold that the following figures are for.
        kind: The implementation of the search.
        chunks: Its chunks, the widest first; empty for a scan.
        candidates: Expected number of values that a query is compared with, if queries
            are distributed like the values.
        skew: The ratio of that number to the one for random values.
        largest_bucket: Most values that share a chunk; 0 for a scan.
        cost_ns: Expected cost of a query, in nanoseconds.
    """

    signal_type: SignalType
    geometry: Geometry | None
    values: int
    by_set: Mapping[str, int]
    value_bytes: int
    index_bytes: int
    threshold: int
    kind: PlanKind
    chunks: tuple[Chunk, ...]
    candidates: float
    skew: float
    largest_bucket: int
    cost_ns: float

    @property
    def probes(self) -> int:
        """Number of buckets that a query looks up."""
        return sum(chunk.probes for chunk in self.chunks)


def stats_of(
    shape: Shape,
    tables: Tables,
    index: ChunkTables | None,
    *,
    threshold: int,
    costs: Costs = DEFAULT_COSTS,
) -> TableStats:
    """Return the figures of a table.

    It counts every bucket, which takes half a second for ten million values.

    Args:
        shape: Type and geometry of its values.
        tables: The tables that the table belongs to.
        index: Tables of its chunks; ``None`` if it is scanned.
        threshold: The threshold of the planned queries.
        costs: The costs of the steps of a search.
    """
    table = tables.perceptual[shape]
    count, width = len(table), LANE_BITS * len(table.lanes)
    cost_ns = costs.of_scan(width, count)
    candidates, skew, largest = float(count), 1.0, 0
    chunks = chunks_within(index.bits, threshold, count, costs) if index else None
    if index is None or not chunks or cost_of(chunks, count, costs) >= cost_ns:
        kind, chunks = PlanKind.LINEAR, ()
    else:
        kind = PlanKind.MULTI_INDEX
        candidates, skew, largest = _buckets(index, chunks, count)
        probes = sum(chunk.probes for chunk in chunks)
        cost_ns = costs.search + probes * costs.probe + candidates * costs.candidate
    return TableStats(
        signal_type=shape[0],
        geometry=shape[1],
        values=count,
        by_set=_by_set(table, tables),
        value_bytes=_bytes_of(table),
        index_bytes=index.nbytes if index else 0,
        threshold=threshold,
        kind=kind,
        chunks=chunks,
        candidates=candidates,
        skew=skew,
        largest_bucket=largest,
        cost_ns=cost_ns,
    )


def _by_set(table: PerceptualTable, tables: Tables) -> dict[str, int]:
    sets = tables.entries.sets.take(table.entries)
    numbers = np.bincount(sets, minlength=len(tables.sets)).tolist()
    return {
        info.name: number
        for info, number in zip(tables.sets, numbers, strict=True)
        if number
    }


def _bytes_of(table: PerceptualTable) -> int:
    columns: tuple[NDArray[np.generic], ...] = (
        *table.lanes,
        table.entries,
        table.quality,
        table.windows,
    )
    return sum(column.nbytes for column in columns)


def _buckets(
    index: ChunkTables, chunks: tuple[Chunk, ...], count: int
) -> tuple[float, float, int]:
    """Return expected candidates, their ratio to random ones, largest bucket."""
    expected = random = 0.0
    largest = first = 0
    for chunk in chunks:
        last = first + (1 << chunk.bits)
        sizes = np.diff(index.offsets[first : last + 1]).astype(np.float64)
        # A value finds the others in its own bucket. The buckets around it are taken to
        # be as full, because similar values crowd there too.
        others = float(sizes @ (sizes - 1)) / count
        expected += chunk.probes * others
        random += chunk.probes * (count - 1) / (1 << chunk.bits)
        largest = max(largest, int(sizes.max()))
        first = last
    return expected, expected / random if random else 1.0, largest
