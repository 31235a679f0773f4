"""What is shown of a table is what it is made of."""

import random

import pytest

from tests.conformance.generations import entry, pdq
from tests.conformance.matchers import clustered
from tests.reference.columns import tables_of
from tests.reference.test_stored_chunks import SHAPE, tables_with
from uploadfilter.model import Geometry, SignalType
from uploadfilter.reference.chunk_tables import build
from uploadfilter.reference.planning import PlanKind, plan_for
from uploadfilter.reference.table_stats import stats_of
from uploadfilter.reference.tables import joined

COUNT = 30_000


def test_scanned_table_costs_a_scan() -> None:
    """Without chunks there are no buckets, and every signal is compared."""
    values = clustered(1, count=100, width=32, threshold=31)
    stats = stats_of(SHAPE, tables_with(values), None)

    assert (stats.signal_type, stats.geometry) == (SignalType.PDQ, None)
    assert (stats.kind, stats.plan) == (PlanKind.LINEAR, "linear")
    assert (stats.signals, stats.candidates, stats.threshold) == (100, 100, 31)
    assert (stats.largest_bucket, stats.skew) == (0, 0)
    # 32 bytes of value, 4 of entry, 1 of quality, 2 of window.
    assert stats.nbytes == 39 * 100
    assert stats.cost_us > 0


def test_chunks_are_shown_with_their_buckets() -> None:
    """The plan as text, the fullest bucket, and the cost for these very values."""
    repeated = [b"\x5a" * 32] * 1000
    values = clustered(1, count=COUNT - 1000, width=32, threshold=31) + repeated
    tables = tables_with(values)
    lanes = tables.perceptual[SHAPE].lanes
    plan = plan_for(256, 31, COUNT)
    chunks = build(lanes, plan.bits)
    stats = stats_of(SHAPE, tables, chunks)

    assert stats.kind is PlanKind.MULTI_INDEX
    assert stats.plan.startswith("multi_index: ")
    assert stats.nbytes == 39 * COUNT + chunks.nbytes
    assert stats.largest_bucket >= 1000
    assert stats.skew >= 1000 / COUNT * 2 ** plan.bits[0]
    assert stats.cost_us > plan.cost_ns / 1000


def test_signals_are_counted_by_set() -> None:
    """Each hash set's share of a table is known."""
    one = [entry("1", pdq(bytes(31) + b"a")), entry("2", pdq(bytes(31) + b"b"))]
    two = [entry("1", pdq(bytes(31) + b"c"))]
    other = [entry("x", pdq(bytes(31) + b"e", geometry=Geometry.FULL))]
    both = joined(tables_of("a", one), tables_of("b", two))
    tables = joined(both, tables_of("c", other))

    assert stats_of(SHAPE, tables, None).by_set == {"a": 2, "b": 1}
    full = (SignalType.PDQ, Geometry.FULL)
    assert stats_of(full, tables, None).by_set == {"c": 1}


def test_random_values_cost_what_the_plan_says() -> None:
    """For values without skew, counting buckets and expecting them agree."""
    rng = random.Random(1)  # noqa: S311 - a test needs a repeatable choice
    tables = tables_with([rng.randbytes(32) for _ in range(COUNT)])
    plan = plan_for(256, 31, COUNT)
    stats = stats_of(SHAPE, tables, build(tables.perceptual[SHAPE].lanes, plan.bits))

    assert stats.cost_us * 1000 == pytest.approx(plan.cost_ns, rel=0.2)
