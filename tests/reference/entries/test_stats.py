"""Statistics of tables: they count the candidates that a search would compare."""

import numpy as np
import pytest
from numpy.typing import NDArray

from uploadfilter.model import Geometry, SignalType
from uploadfilter.reference.entries.sets import SetInfo
from uploadfilter.reference.entries.stats import TableStats, stats_of
from uploadfilter.reference.entries.tables import (
    EntryTable,
    PerceptualTable,
    Tables,
    empty_tables,
)
from uploadfilter.reference.search import chunk_tables
from uploadfilter.reference.search.index import lanes_of
from uploadfilter.reference.search.planning import Costs, PlanKind, plan_for

SHAPE = (SignalType.PDQ, Geometry.FULL)
CHEAP = Costs(search=0, probe=0.01, candidate=0.01)
"""With these a search by chunks pays at any size."""


def tables_of(values: NDArray[np.uint8], *, sets: int = 1) -> Tables:
    """Return tables of one PDQ value for each entry, dealt out to hash sets."""
    count = len(values)
    nothing = empty_tables()
    infos = [
        SetInfo(
            name=f"set{at}",
            issuer="local",
            categories=("1",),
            enforced=True,
            imported_at=0,
        )
        for at in range(sets)
    ]
    return Tables(
        sets=tuple(infos),
        categories=("1",),
        windows=("full",),
        entries=EntryTable(
            ids=np.zeros(count, np.uint8),
            id_ends=np.arange(1, count + 1, dtype=np.uint64),
            sets=(np.arange(count) % sets).astype(np.uint16),
            categories=np.zeros(count, np.uint16),
            exact_only=np.zeros(count, np.uint8),
        ),
        perceptual={
            SHAPE: PerceptualTable(
                lanes=lanes_of(values.tobytes(), 32),
                entries=np.arange(count, dtype=np.uint32),
                quality=np.full(count, 100, np.uint8),
                windows=np.zeros(count, np.uint16),
            )
        },
        exact=nothing.exact,
    )


def random_values(count: int) -> NDArray[np.uint8]:
    """Return random PDQ values."""
    return np.random.default_rng(1).integers(0, 256, (count, 32), np.uint8)


def by_chunks(tables: Tables) -> TableStats:
    """Return the statistics with the chunks that a planner makes where all is cheap."""
    lanes = tables.perceptual[SHAPE].lanes
    plan = plan_for(256, 31, len(lanes[0]), CHEAP)
    index = chunk_tables.build(lanes, plan.bits)
    return stats_of(SHAPE, tables, index, threshold=31, costs=CHEAP)


def test_scan_compares_every_value() -> None:
    """Without tables of chunks every value is a candidate."""
    stats = stats_of(SHAPE, tables_of(random_values(100)), None, threshold=31)

    assert (stats.kind, stats.chunks, stats.probes) == (PlanKind.LINEAR, (), 0)
    assert (stats.candidates, stats.index_bytes, stats.largest_bucket) == (100, 0, 0)
    assert stats.value_bytes == 100 * (32 + 4 + 1 + 2)
    assert stats.skew == 1
    assert stats.cost_ns == Costs().of_scan(256, 100)


def test_values_are_counted_by_set() -> None:
    """The values of each hash set are counted separately."""
    tables = tables_of(random_values(10), sets=3)
    stats = stats_of(SHAPE, tables, None, threshold=31)

    assert stats.by_set == {"set0": 4, "set1": 3, "set2": 3}


def test_random_values_are_not_skewed() -> None:
    """Random values give as many candidates as the planner expects."""
    stats = by_chunks(tables_of(random_values(20_000)))
    expected = sum(c.probes * 20_000 / 2**c.bits for c in stats.chunks)

    assert stats.kind is PlanKind.MULTI_INDEX
    assert stats.skew == pytest.approx(1, rel=0.1)
    assert stats.candidates == pytest.approx(expected, rel=0.1)
    assert sum(chunk.radius + 1 for chunk in stats.chunks) > 31


def test_alike_values_are_skewed() -> None:
    """If all values are equal, each is a candidate of every other one."""
    same = np.tile(np.arange(32, dtype=np.uint8), (20_000, 1))
    stats = by_chunks(tables_of(same))

    assert stats.largest_bucket == 20_000
    assert stats.skew > 100


def test_chunks_that_do_not_pay_are_a_scan() -> None:
    """A table that is cheaper to scan is scanned, and the figures state that."""
    tables = tables_of(random_values(2_000))
    index = chunk_tables.build(tables.perceptual[SHAPE].lanes, (16,) * 16)
    stats = stats_of(SHAPE, tables, index, threshold=31)

    assert stats.kind is PlanKind.LINEAR
    assert stats.index_bytes == index.nbytes


def test_single_value_has_no_neighbours() -> None:
    """A single value has no other candidates, and there is no division by zero."""
    tables = tables_of(random_values(1))
    index = chunk_tables.build(tables.perceptual[SHAPE].lanes, (2, 2))
    stats = stats_of(SHAPE, tables, index, threshold=1, costs=CHEAP)

    assert stats.skew == 1
