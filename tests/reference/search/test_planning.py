"""Plans miss no pair, and cost as much as they state."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uploadfilter.reference.search.planning import (
    DEFAULT_COSTS,
    MOST_CHUNK_BITS,
    MOST_PROBES,
    Chunk,
    Costs,
    Plan,
    PlanKind,
    chunks_within,
    cost_of,
    plan_for,
    text_of,
)

WIDTHS = st.sampled_from([64, 128, 256])
COUNTS = st.integers(0, 100_000_000)


def radii_suffice(chunks: tuple[Chunk, ...], threshold: int) -> bool:
    """Return whether the pigeonhole holds: radii, each and one, exceed a threshold."""
    return sum(chunk.radius + 1 for chunk in chunks) > threshold


@given(width=WIDTHS, count=COUNTS, data=st.data())
def test_plans_keep_the_pigeonhole(width: int, count: int, data: st.DataObject) -> None:
    """The chunks are disjoint and narrow enough, and their radii suffice."""
    threshold = data.draw(st.integers(0, width // 4))
    plan = plan_for(width, threshold, count)

    if plan.kind is PlanKind.LINEAR:
        assert plan.chunks == ()
        return
    assert sum(plan.bits) <= width
    assert all(0 < bits <= MOST_CHUNK_BITS for bits in plan.bits)
    assert all(wide >= narrow for wide, narrow in pairwise(plan.bits))
    assert radii_suffice(plan.chunks, threshold)
    assert plan.probes <= MOST_PROBES


@pytest.mark.parametrize(("width", "most"), [(64, 12), (256, 48)])
@given(data=st.data())
def test_near_values_agree_in_a_chunk(
    width: int, most: int, data: st.DataObject
) -> None:
    """Any pair within the threshold is near in at least one chunk."""
    threshold = data.draw(st.integers(0, most))
    plan = plan_for(width, threshold, data.draw(st.sampled_from([10**5, 10**7])))
    flips = data.draw(st.sets(st.integers(0, width - 1), max_size=threshold))
    ends = [sum(plan.bits[: at + 1]) for at in range(len(plan.bits))]
    near = [
        sum(end - chunk.bits <= bit < end for bit in flips) <= chunk.radius
        for chunk, end in zip(plan.chunks, ends, strict=True)
    ]

    assert plan.kind is PlanKind.LINEAR or any(near)


@given(count=COUNTS, threshold=st.integers(0, 256), data=st.data())
def test_given_chunks_get_radii_that_suffice(
    count: int, threshold: int, data: st.DataObject
) -> None:
    """Tables for one threshold answer other ones, or report that they cannot."""
    bits = data.draw(st.lists(st.integers(1, MOST_CHUNK_BITS), max_size=11))
    chunks = chunks_within(tuple(bits), threshold, count)

    if chunks is not None:
        assert [chunk.bits for chunk in chunks] == bits
        assert radii_suffice(chunks, threshold)
        assert all(chunk.radius <= chunk.bits for chunk in chunks)


@pytest.mark.parametrize("count", [10**5, 10**6, 10**7])
@pytest.mark.parametrize(("width", "threshold"), [(64, 8), (256, 31)])
def test_both_ways_find_the_same_cost(width: int, threshold: int, count: int) -> None:
    """For the chunks of a plan, no other radii are cheaper than its own."""
    plan = plan_for(width, threshold, count)
    chunks = chunks_within(plan.bits, threshold, count)

    assert chunks is not None
    assert cost_of(chunks, count) == pytest.approx(cost_of(plan.chunks, count))
    assert plan.cost_ns == pytest.approx(cost_of(plan.chunks, count))


def brute_force(bits: int, need: int, most: int, count: int) -> float:
    """Return the lowest cost of chunks, by trying everything."""
    if need <= 0:
        return 0.0
    if bits == 0:
        return float("inf")
    free = Costs(search=0)
    options = [brute_force(bits - 1, need, most, count)]
    options += [
        cost_of([Chunk(size, radius)], count, free)
        + brute_force(bits - size, need - radius - 1, most, count)
        for size in range(1, min(bits, most) + 1)
        for radius in range(min(size, 2) + 1)
    ]
    return min(options)


def test_no_cheaper_chunks_exist() -> None:
    """The dynamic programme finds the same as a search through all chunks."""
    costs = Costs(search=0, row=1e9, short_row=1e9)
    plan = plan_for(64, 1, 3, costs)
    most = (3).bit_length() + 1

    assert plan.cost_ns == pytest.approx(brute_force(7, 2, most, 3))


@pytest.mark.parametrize(
    ("width", "threshold", "count", "kind"),
    [
        pytest.param(256, 31, 0, PlanKind.LINEAR, id="empty"),
        pytest.param(256, 31, 10_000, PlanKind.LINEAR, id="small"),
        pytest.param(256, 31, 100_000, PlanKind.MULTI_INDEX, id="pdq"),
        pytest.param(64, 8, 10_000, PlanKind.LINEAR, id="small-phash"),
        pytest.param(64, 8, 1_000_000, PlanKind.MULTI_INDEX, id="phash"),
        pytest.param(256, 256, 1_000_000, PlanKind.LINEAR, id="everything"),
        pytest.param(64, 40, 1_000_000, PlanKind.LINEAR, id="too-wide"),
        pytest.param(256, 31, 2**31, PlanKind.LINEAR, id="too-many-positions"),
    ],
)
def test_planner_picks_the_cheaper_way(
    width: int, threshold: int, count: int, kind: PlanKind
) -> None:
    """Small sets and large thresholds are scanned, large sets are not."""
    assert plan_for(width, threshold, count).kind is kind


def test_plans_are_repeatable() -> None:
    """The same arguments give the same plan, also when it is computed again."""
    first = plan_for(256, 31, 1_234_567)
    plan_for.cache_clear()

    assert plan_for(256, 31, 1_234_567) == first


@pytest.mark.parametrize(
    ("width", "threshold"), [(0, 0), (63, 1), (-64, 0), (64, -1), (64, 65)]
)
def test_planner_refuses_what_cannot_be(width: int, threshold: int) -> None:
    """A width that is not a multiple of 64, or a larger threshold, is an error."""
    with pytest.raises(ValueError, match="no plan"):
        plan_for(width, threshold, 1000)


def test_costs_decide() -> None:
    """Other measured costs give other plans."""
    slow_scan = Costs(row=1000, search=0)
    assert plan_for(256, 31, 1000).kind is PlanKind.LINEAR
    assert plan_for(256, 31, 1000, slow_scan).kind is PlanKind.MULTI_INDEX
    assert DEFAULT_COSTS.of_scan(64, 1000) < DEFAULT_COSTS.of_scan(256, 1000)


def test_plan_is_shown_as_text() -> None:
    """The text states the number and the size of the chunks."""
    chunks = (Chunk(22, 2), Chunk(22, 2), Chunk(20, 1))
    plan = Plan(
        kind=PlanKind.MULTI_INDEX, width=64, threshold=7, chunks=chunks, cost_ns=1.0
    )

    assert text_of(chunks) == "2 x (22 bit, r 2) + 1 x (20 bit, r 1)"
    assert str(plan) == f"multi_index: {text_of(chunks)}"
    assert str(plan_for(64, 8, 10)) == "linear"
