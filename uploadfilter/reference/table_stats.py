"""What a table of perceptual signals is made of, and what a query of it costs.

The cost that a plan states holds for random values. Here the buckets are counted, so
that the figures hold for the values that are there. For ``hashset stats``; this module
is pure.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from uploadfilter.model import Geometry, SignalType
from uploadfilter.reference.chunk_tables import ChunkTables
from uploadfilter.reference.matching import Thresholds
from uploadfilter.reference.planning import (
    DEFAULT_COSTS,
    LANE_BITS,
    Chunk,
    PlanKind,
    chunks_within,
    cost_of,
    text_of,
)
from uploadfilter.reference.tables import PerceptualTable, Shape, Tables


@dataclass(frozen=True, slots=True, kw_only=True)
class TableStats:
    """What is known of one table: the signals of one type and geometry.

    Attributes:
        signal_type: Their type.
        geometry: Their geometry; ``None`` where it is unknown, or there is only one.
        signals: How many there are.
        by_set: How many of them each hash set has.
        nbytes: Bytes of its columns, those of its chunks included.
        kind: How it is searched.
        plan: The same in full, for ``threshold``: ``linear``, or chunks and radii.
        threshold: Usual threshold of the type, in bits.
        candidates: How many signals a query is expected to be compared with, if it is
            distributed as they are.
        largest_bucket: Signals in the fullest bucket; 0 without chunks.
        skew: The most that a bucket holds beside the mean of its chunk; for random
            values 5 to 20, and 0 without chunks.
        cost_us: Expected time of one such query, in microseconds.
    """

    signal_type: SignalType
    geometry: Geometry | None
    signals: int
    by_set: Mapping[str, int]
    nbytes: int
    kind: PlanKind
    plan: str
    threshold: int
    candidates: float
    largest_bucket: int
    skew: float
    cost_us: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Search:
    """How one query is answered, and what with."""

    kind: PlanKind
    plan: str
    candidates: float
    largest: int = 0
    skew: float = 0.0
    cost_ns: float


def stats_of(shape: Shape, tables: Tables, chunks: ChunkTables | None) -> TableStats:
    """Return what is known of one table; looks at every bucket (0.3 s at 10^7).

    Args:
        shape: Type and geometry of its signals.
        tables: The tables that it is one of.
        chunks: Those of its chunks; ``None`` if it is scanned.
    """
    signal_type, geometry = shape
    table = tables.perceptual[shape]
    threshold = Thresholds().bits(signal_type)
    search = _search_of(table, chunks, threshold)
    columns = (*table.lanes, table.entries, table.quality, table.windows)
    size = sum(column.nbytes for column in columns)
    return TableStats(
        signal_type=signal_type,
        geometry=geometry,
        signals=len(table),
        by_set=_by_set(table, tables),
        nbytes=size + (chunks.nbytes if chunks else 0),
        kind=search.kind,
        plan=search.plan,
        threshold=threshold,
        candidates=search.candidates,
        largest_bucket=search.largest,
        skew=search.skew,
        cost_us=search.cost_ns / 1000,
    )


def _search_of(
    table: PerceptualTable, chunks: ChunkTables | None, threshold: int
) -> _Search:
    scan = DEFAULT_COSTS.of_scan(LANE_BITS * len(table.lanes), len(table))
    if chunks is not None:
        radii = chunks_within(chunks.bits, threshold, len(table))
        if radii is not None and cost_of(radii, len(table)) < scan:
            return _by_chunks(chunks, radii, len(table))
    kind = PlanKind.LINEAR
    return _Search(kind=kind, plan=kind, candidates=len(table), cost_ns=scan)


def _by_chunks(chunks: ChunkTables, radii: tuple[Chunk, ...], count: int) -> _Search:
    candidates, largest, skew, first = 0.0, 0, 0.0, 0
    for chunk in radii:
        last = first + (1 << chunk.bits)
        sizes = np.diff(chunks.offsets[first : last + 1]).astype(np.float64)
        # A signal finds the others in its own bucket; those around it are taken to be
        # as full, because similar values crowd there too.
        candidates += chunk.probes * float(sizes @ sizes - sizes.sum()) / count
        largest = max(largest, int(sizes.max()))
        skew = max(skew, float(sizes.max() / sizes.mean()))
        first = last
    probes = sum(chunk.probes for chunk in radii)
    costs, kind = DEFAULT_COSTS, PlanKind.MULTI_INDEX
    return _Search(
        kind=kind,
        plan=f"{kind}: {text_of(radii)}",
        candidates=candidates,
        largest=largest,
        skew=skew,
        cost_ns=costs.search + probes * costs.probe + candidates * costs.candidate,
    )


def _by_set(table: PerceptualTable, tables: Tables) -> dict[str, int]:
    sets = tables.entries.sets.take(table.entries)
    numbers = np.bincount(sets, minlength=len(tables.sets)).tolist()
    return {
        info.name: number
        for info, number in zip(tables.sets, numbers, strict=True)
        if number
    }
