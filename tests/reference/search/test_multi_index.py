"""The index by chunks finds the same as the scan, with any buckets."""

import threading
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.conformance.matchers import (
    check_agrees,
    check_batches,
    check_count,
    check_matcher,
    clustered,
    expected,
    flipped,
    pairs,
)
from tests.reference.search.eager import EAGER, LIMITS, eager, usual
from uploadfilter.reference.search import multi_index as module
from uploadfilter.reference.search.chunk_tables import (
    BIT_ORDER_SEED,
    ChunkTables,
    bit_order,
    build,
)
from uploadfilter.reference.search.index import (
    Lane,
    LinearIndex,
    lanes_of,
)
from uploadfilter.reference.search.multi_index import MultiIndex
from uploadfilter.reference.search.planning import plan_for


@pytest.mark.parametrize(("width", "limit"), LIMITS.items())
def test_multi_index_conforms(width: int, limit: int) -> None:
    """The index by chunks passes the suite of every index."""
    check_matcher(eager, width=width, limit=limit)


@pytest.mark.parametrize(
    ("width", "limit"), [(8, 12), pytest.param(32, 48, marks=pytest.mark.slow)]
)
def test_many_values_conform(width: int, limit: int) -> None:
    """A hundred thousand values, planned as they are when they are stored."""
    check_count(usual, 100_000, width=width, limit=limit)


@pytest.mark.parametrize("make", [eager, usual])
@pytest.mark.parametrize(
    "width",
    [
        8,
        pytest.param(16, marks=pytest.mark.slow),
        pytest.param(24, marks=pytest.mark.slow),
        32,
    ],
)
@given(data=st.data())
def test_multi_index_agrees_with_the_twin(
    data: st.DataObject, width: int, make: type
) -> None:
    """For any values, queries and thresholds, the same pairs are found."""
    centre = data.draw(st.binary(min_size=width, max_size=width))
    flips = st.sets(st.integers(0, width * 8 - 1), max_size=60)
    near = flips.map(lambda bits: flipped(centre, sorted(bits)))
    anything = st.sampled_from([bytes(width), b"\xff" * width, centre]) | near
    values = data.draw(st.lists(anything, max_size=20))
    asked = data.draw(st.lists(st.tuples(anything, st.integers(-1, 70)), max_size=6))

    check_agrees(
        make,
        values,
        [value for value, _ in asked],
        [threshold for _, threshold in asked],
        width=width,
    )


def test_slices_lose_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Probes and candidates may be cut anywhere: every pair is found once."""
    values = clustered(1, count=300, width=32, threshold=20)
    queries = values[:40]
    matcher = eager(values, 32)
    wanted = expected(values, queries, [20] * 40)
    for pairs_at_a_time in (1, 2, 7, 100, 1 << 18):
        monkeypatch.setattr(module, "SLICE_PAIRS", pairs_at_a_time)
        monkeypatch.setattr(module, "SLICE_PROBES", 97 * pairs_at_a_time)

        assert pairs(matcher.search(queries, [20] * 40), 40) == wanted


def random_lanes(count: int, width: int) -> tuple[Lane, ...]:
    """Return random values."""
    rng = np.random.default_rng(5)
    return lanes_of(rng.bytes(count * width), width)


def agreeing(lanes: Sequence[Lane], bits: Sequence[int]) -> tuple[Lane, ...]:
    """Return the values with all bits of the first two chunks cleared."""
    masks = [np.uint64(0)] * len(lanes)
    for bit in bit_order(64 * len(lanes), BIT_ORDER_SEED)[: sum(bits[:2])]:
        masks[bit // 64] |= np.uint64(1 << (63 - bit % 64))
    return tuple(lane & ~mask for lane, mask in zip(lanes, masks, strict=True))


def value_at(lanes: Sequence[Lane], row: int) -> bytes:
    """Return one value."""
    return b"".join(int(lane[row]).to_bytes(8) for lane in lanes)


@pytest.mark.parametrize("width", [8, pytest.param(32, marks=pytest.mark.slow)])
def test_million_values_in_one_bucket_are_found(width: int) -> None:
    """Full buckets cost no more than a scan, and no value is missed."""
    threshold = {8: 4, 32: 31}[width]
    count = 1_000_000
    bits = plan_for(8 * width, threshold, count).bits
    lanes = agreeing(random_lanes(count, width), bits)
    queries = [value_at(lanes, row) for row in (0, 7, count - 1)]
    queries += [flipped(query, range(threshold)) for query in queries]
    queries += [b"\xff" * width]
    found = MultiIndex(lanes, build(lanes, bits)).search(queries, [threshold] * 7)
    scanned = LinearIndex(lanes).search(queries, [threshold] * 7)

    assert pairs(found, 7) == pairs(scanned, 7)
    assert all(pairs(found, 7)[:6])


def test_crowded_buckets_are_cut_into_slices() -> None:
    """An index that never scans compares a million candidates piece by piece."""
    count = 300_000
    lanes = agreeing(random_lanes(count, 32), [18, 18])
    matcher = MultiIndex(lanes, build(lanes, [18, 18]), EAGER)
    queries = [value_at(lanes, 3), value_at(lanes, 4)]
    found = matcher.search(queries, [1, 1])

    assert sorted(found.row.tolist()) == [3, 4]


def test_repeated_values_are_all_found() -> None:
    """Every entry is reported, however many have the same value."""
    values = [bytes(32)] * 50_000 + [b"\xff" * 32] * 3
    found = usual(values, 32).search([bytes(32), b"\xff" * 32], [31, 31])

    assert len(found.row) == 50_003
    assert set(found.row[found.query == 1].tolist()) == {50_000, 50_001, 50_002}


def test_thresholds_beyond_the_chunks_are_scanned() -> None:
    """A scan answers the queries that the tables cannot answer."""
    values = clustered(3, count=500, width=32, threshold=48)
    matcher = usual(values, 32)
    thresholds = [0, 31, 48, 100, 255, 256, 1000]

    assert matcher.chunks_for(200) is None
    check_agrees(usual, values, values[:7], thresholds, width=32)
    check_batches(matcher, values[:7], thresholds)


def test_negative_threshold_finds_nothing() -> None:
    """Two values never differ in fewer than zero bits."""
    assert pairs(eager([bytes(32)], 32).search([bytes(32)], [-1]), 1) == [[]]


def test_search_refuses_a_query_of_another_width() -> None:
    """Two PDQ values are not taken for eight pHash ones."""
    matcher = eager([bytes(8)], 8)

    with pytest.raises(ValueError, match="not as wide"):
        matcher.search([bytes(32)], [0])
    with pytest.raises(ValueError, match="2 thresholds"):
        matcher.search([bytes(8)], [0, 1])


def damaged(tables: ChunkTables, name: str, at: int) -> ChunkTables:
    """Return tables with a high bit of one number turned over."""
    arrays = {"offsets": tables.offsets.copy(), "ids": tables.ids.copy()}
    arrays[name][at] ^= np.uint32(1 << 31)
    return ChunkTables(
        bits=tables.bits, seed=tables.seed, prefixes=tables.prefixes, **arrays
    )


@pytest.mark.parametrize("name", ["offsets", "ids"])
def test_damaged_tables_never_make_a_match(name: str) -> None:
    """Every reported pair is a true one; damage is an error, or loses pairs."""
    values = clustered(9, count=400, width=32, threshold=31)
    lanes = lanes_of(b"".join(values), 32)
    tables = build(lanes, plan_for(256, 31, 400, EAGER).bits)
    wanted = expected(values, values[:3], [31] * 3)
    size = len(getattr(tables, name))
    for at in range(0, size, size // 25):
        matcher = MultiIndex(lanes, damaged(tables, name, at), EAGER)
        try:
            found = pairs(matcher.search(values[:3], [31] * 3), 3)
        except IndexError:
            continue
        for some, everything in zip(found, wanted, strict=True):
            assert set(some) <= set(everything)


def test_index_searches_mapped_memory_in_place() -> None:
    """Read-only arrays, as a mapped file gives them, are searched without a copy."""
    lanes = random_lanes(500, 32)
    tables = build(lanes, [16, 16, 16, 16])
    arrays: list[NDArray[np.generic]] = [
        *lanes,
        tables.offsets,
        tables.ids,
        tables.prefixes,
    ]
    for array in arrays:
        array.setflags(write=False)
    query = value_at(lanes, 77)

    assert pairs(MultiIndex(lanes, tables, EAGER).search([query], [3]), 1) == [
        [(77, 0)]
    ]


def test_threads_share_an_index() -> None:
    """Searches at the same time do not disturb each other."""
    values = [bytes([n]) + bytes(31) for n in range(256)]
    matcher = eager(values, 32)
    wanted = expected(values, values, [2] * 256)
    wrong: list[int] = []

    def search(start: int) -> None:
        wrong.extend(
            at
            for at in range(start, 256, 4)
            if pairs(matcher.search([values[at]], [2]), 1) != [wanted[at]]
        )

    threads = [threading.Thread(target=search, args=(start,)) for start in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert wrong == []
