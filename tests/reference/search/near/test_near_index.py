"""The search beyond the threshold reports exact scores, and hardly misses a row."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.reference.search.near.views import around, batch_around
from uploadfilter.reference.search.chunk_tables import ChunkKeys, ChunkTables, build
from uploadfilter.reference.search.index import lanes_of
from uploadfilter.reference.search.near import near_index as module
from uploadfilter.reference.search.near.near_index import SCANNED_ROWS, NearIndex
from uploadfilter.reference.search.near.probes import Prober
from uploadfilter.reference.search.soft import (
    LEAST_SCORE,
    Scorer,
    SoftBatch,
    reference_near,
)


def _values(seed: int, count: int) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (count, 32), np.uint8)


def _index(values: NDArray[np.uint8], bits: tuple[int, ...] = ()) -> NearIndex:
    lanes = lanes_of(values.tobytes(), 32)
    return NearIndex(lanes, build(lanes, bits) if bits else None)


@settings(max_examples=25, deadline=None)
@given(
    count=st.sampled_from((1, 2, 100, SCANNED_ROWS, SCANNED_ROWS + 1)),
    views=st.integers(0, 6),
    bits=st.sampled_from(((), (16,) * 16, (20, 20, 14, 9))),
    seed=st.integers(0, 1000),
)
def test_every_reported_score_is_that_of_the_slow_twin(
    count: int, views: int, bits: tuple[int, ...], seed: int
) -> None:
    """Only rows of the twin are found, with its scores, the best first."""
    values = _values(seed, count)
    batch = batch_around(values[:views], seed=seed)

    found = _index(values, bits).search(batch)

    expected = reference_near(values, batch)
    for row, view, score in zip(found.row, found.view, found.score, strict=True):
        assert score == pytest.approx(expected[int(row)], abs=1e-3)
        (own,) = reference_near(values[row, None], _part(batch, int(view))).values()
        assert own == pytest.approx(score, abs=1e-3)
    assert len(set(found.row.tolist())) == len(found.row)
    assert found.score.tolist() == sorted(found.score.tolist(), reverse=True)
    assert found.is_complete
    if count <= SCANNED_ROWS:
        assert set(found.row.tolist()) == set(expected)


def _part(batch: SoftBatch, view: int) -> SoftBatch:
    return SoftBatch(values=batch.values[view, None], flips=batch.flips[view, None])


def test_hardly_a_row_is_missed() -> None:
    """The recall against the slow twin is 99 per cent of altered values."""
    values = _values(1, 20_000)
    index = _index(values, (17,) * 15)
    rng = np.random.default_rng(2)
    asked = found = 0
    for row in range(0, 4000, 20):
        value, flips = around(values[row], rng)
        batch = SoftBatch(values=value[None], flips=flips[None])
        if reference_near(values[row, None], batch):
            asked += 1
            found += row in index.search(batch).row
    assert asked > 190
    assert found >= 0.99 * asked


@pytest.mark.parametrize("bits", [(), (16,) * 16], ids=["in memory", "given"])
def test_a_small_budget_cuts_the_search_and_says_so(bits: tuple[int, ...]) -> None:
    """The work stays within the budget, whatever it is."""
    values = _values(3, 20_000)
    index = _index(values, bits)
    batch = batch_around(values[:50], seed=4)
    for budget in (0, 10, 1000, 50_000):
        found = index.search(batch, budget=budget)
        assert not found.is_complete
        assert found.work <= 2 * budget + 2000


def test_full_buckets_are_left_out_first() -> None:
    """Thousands of equal values do not hide another one, and the work is bounded."""
    values = _values(5, 30_000)
    values[1000:] = values[1000]
    index = _index(values, (15,) * 17)
    generic = batch_around(values[1000:1001], seed=6)
    both = batch_around(values[[7, 1000]], seed=6)

    crowd = index.search(generic, budget=20_000)
    found = index.search(both, budget=100_000)

    assert not crowd.is_complete
    assert crowd.work <= 45_000
    assert 7 in found.row
    assert not found.is_complete


def test_a_search_has_the_same_result_each_time() -> None:
    """Nothing depends on chance or on time."""
    values = _values(7, 5000)
    index = _index(values)
    batch = batch_around(values[:30], seed=8)
    one, two = index.search(batch), index.search(batch)

    assert one.row.tolist() == two.row.tolist()
    assert one.work == two.work


def test_damaged_tables_raise_or_bound_the_work() -> None:
    """A bucket that ends before it begins, or rows outside, never run away."""
    values = _values(9, 5000)
    lanes = lanes_of(values.tobytes(), 32)
    sound = build(lanes, (13,) * 19)
    batch = batch_around(values[:30], seed=8)
    rng = np.random.default_rng(1)
    wrong = ChunkTables(
        bits=sound.bits,
        seed=sound.seed,
        offsets=rng.permutation(sound.offsets),
        ids=sound.ids,
        prefixes=sound.prefixes,
    )
    outside = ChunkTables(
        bits=sound.bits,
        seed=sound.seed,
        offsets=sound.offsets,
        ids=sound.ids + np.uint32(5000),
        prefixes=sound.prefixes,
    )

    assert NearIndex(lanes, wrong).search(batch, budget=10_000).work <= 30_000
    with pytest.raises(IndexError):
        NearIndex(lanes, outside).search(batch)


def test_least_score_is_a_bound() -> None:
    """A higher least score leaves out the rows below it."""
    values = _values(11, 200)
    batch = batch_around(values[:20], seed=12)
    index = _index(values)
    scores = index.search(batch).score
    middle = float(np.median(scores))

    assert len(index.search(batch, least=middle).row) == int((scores >= middle).sum())
    assert scores.min() >= LEAST_SCORE


def test_rows_are_compared_in_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    """The size of a slice does not matter."""
    values = _values(13, 3000)
    index = _index(values, (12,) * 21)
    batch = batch_around(values[:30], seed=14)
    whole = index.search(batch)
    monkeypatch.setattr(module, "SLICE_ROWS", 100)

    assert index.search(batch).row.tolist() == whole.row.tolist()


def test_likely_rows_of_the_buckets_are_found() -> None:
    """A row is found if its bucket is looked up and its reliable bits agree.

    The slow twin takes the rows of each bucket one by one. It counts the bits that
    differ among the first 128, where the view is wrong with at most 0.2.
    """
    bits = (14,) * 18
    values = _values(15, 6000)
    batch = batch_around(values[:3], seed=16)
    errors = np.random.default_rng(1).random((500, 256)) < batch.flips[0]
    values[:500] = np.packbits(np.unpackbits(batch.values[0]) ^ errors, axis=1)
    tables = build(lanes_of(values.tobytes(), 32), bits)
    keys = ChunkKeys(256, tables.bits, tables.seed)
    probes = Prober(keys, tables.seed, len(values)).probes(
        Scorer(batch), module.PLANNED + len(values) // module.PLANNED_ROWS
    )
    scores = reference_near(values, batch)
    expected = set()
    for view, bucket in zip(probes.view, probes.bucket, strict=True):
        reliable = batch.flips[view, :128] <= 0.2
        own = np.unpackbits(batch.values[view])[:128]
        most = reliable.sum() / 2 - 1.25 * np.sqrt(reliable.sum())
        for row in tables.ids[tables.offsets[bucket] : tables.offsets[bucket + 1]]:
            differ = (np.unpackbits(values[row])[:128] != own) & reliable
            if differ.sum() <= int(most) and int(row) in scores:
                expected.add(int(row))

    found = set(_index(values, bits).search(batch).row.tolist())

    assert len(expected) > 400
    assert found == expected
