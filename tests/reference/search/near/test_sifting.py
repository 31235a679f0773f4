"""Sifting leaves out most rows of a table, and hardly one that is looked for."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.reference.search.near.views import batch_around
from uploadfilter.reference.search.index import lanes_of
from uploadfilter.reference.search.near.near_index import SIFTED_ROWS, NearIndex
from uploadfilter.reference.search.near.sifting import SIFTED_BITS, SLACK, Sieve
from uploadfilter.reference.search.soft import (
    LEAST_FLIP,
    LEAST_SCORE,
    Scorer,
    SoftBatch,
    reference_near,
)


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 1000), views=st.integers(1, 30))
def test_rows_with_a_sufficient_part_of_the_score_pass(seed: int, views: int) -> None:
    """A row passes if the part of its score under some view is sufficient."""
    rng = np.random.default_rng(seed)
    values = rng.integers(0, 256, (500, 32), np.uint8)
    batch = batch_around(values[:views], seed=seed)

    passed = Sieve(lanes_of(values.tobytes(), 32)).likely(Scorer(batch), LEAST_SCORE)

    flips = np.clip(batch.flips.astype(np.float64), LEAST_FLIP, 0.5)
    sure = np.argsort(-np.log(1 / flips - 1).sum(axis=0))[:SIFTED_BITS]
    guessed = np.unpackbits(batch.values, axis=1)[:, sure]
    for row, bits in enumerate(np.unpackbits(values, axis=1)[:, sure]):
        right = np.where(guessed == bits, 1 - flips[:, sure], flips[:, sure])
        part = float(np.log(2 * right).sum(axis=1).max())
        if abs(part - (LEAST_SCORE - SLACK)) > 1:
            assert (row in passed) == (part >= LEAST_SCORE - SLACK)


def test_small_table_is_sifted() -> None:
    """All rows that the slow twin finds are found, and hardly one more is scored."""
    values = np.random.default_rng(3).integers(0, 256, (SIFTED_ROWS, 32), np.uint8)
    index = NearIndex(lanes_of(values.tobytes(), 32), None)
    batch = batch_around(values[:60], seed=1)

    found = index.search(batch)

    assert set(found.row.tolist()) == set(reference_near(values, batch))
    assert found.is_complete
    passed = Sieve(lanes_of(values.tobytes(), 32)).likely(Scorer(batch), LEAST_SCORE)
    assert len(passed) < SIFTED_ROWS / 10


def test_no_row_of_a_batch_without_certainty() -> None:
    """Views that know nothing give every row the score 0, which is too low."""
    values = np.random.default_rng(4).integers(0, 256, (1000, 32), np.uint8)
    nothing = SoftBatch(values=values[:3], flips=np.full((3, 256), 0.5, np.float32))

    assert not len(NearIndex(lanes_of(values.tobytes(), 32), None).search(nothing).row)
