"""The score of rows under soft views."""

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.reference.search.near.views import around, batch_around
from uploadfilter.reference.search.index import lanes_of
from uploadfilter.reference.search.soft import (
    LEAST_SCORE,
    Scorer,
    SoftBatch,
    reference_near,
    scored,
    values_at,
)


def _values(seed: int, count: int) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (count, 32), np.uint8)


def test_scores_equal_those_of_the_slow_twin() -> None:
    """The score of the best view is that of the definition, for every row."""
    values = _values(1, 60)
    batch = batch_around(values[:4], seed=2)
    lanes = lanes_of(values.tobytes(), 32)

    found = scored(lanes, np.arange(60), Scorer(batch), -1000.0)

    expected = reference_near(values, batch, -1000.0)
    scores = dict(zip(found.row.tolist(), found.score.tolist(), strict=True))
    assert scores == pytest.approx(expected, abs=1e-3)
    assert found.score.tolist() == sorted(found.score.tolist(), reverse=True)
    assert (found.values == values[found.row]).all()


def test_a_score_of_one_view_is_that_of_the_slow_twin() -> None:
    """A pair of row and view has the score of a batch of that view alone."""
    values = _values(3, 5)
    batch = batch_around(values, seed=4)
    bits = np.unpackbits(values, axis=1).astype(np.float32)

    own = Scorer(batch).of_pairs(bits, np.arange(5))

    for at, score in enumerate(own.tolist()):
        alone = SoftBatch(values=batch.values[at, None], flips=batch.flips[at, None])
        (expected,) = reference_near(values[at, None], alone, -1000.0).values()
        assert score == pytest.approx(expected, abs=1e-3)


def test_an_altered_value_scores_high_and_others_do_not() -> None:
    """Bits that differ where the view doubts them cost little."""
    values = _values(5, 200)
    batch = batch_around(values[:1], seed=6)

    assert list(reference_near(values, batch, LEAST_SCORE)) == [0]


@pytest.mark.parametrize(
    ("values", "flips"),
    [
        (np.zeros((2, 31), np.uint8), np.zeros((2, 256), np.float32)),
        (np.zeros((2, 32), np.uint8), np.zeros((2, 255), np.float32)),
        (np.zeros((2, 32), np.uint8), np.zeros((1, 256), np.float32)),
        (np.zeros((2, 32), np.int64), np.zeros((2, 256), np.float32)),
        (np.zeros((1, 32), np.uint8), np.full((1, 256), np.nan, np.float32)),
    ],
    ids=["width", "bits", "views", "type", "not a number"],
)
def test_a_batch_refuses_other_arrays(
    values: NDArray[np.uint8], flips: NDArray[np.float32]
) -> None:
    """Arrays that do not fit together are a fault of the caller."""
    with pytest.raises(ValueError, match=r"soft views|finite"):
        SoftBatch(values=values, flips=flips)


def test_a_certain_bit_never_decides_alone() -> None:
    """A flip probability of 0 counts as a thousandth, and one of 1 as a half."""
    value, flips = around(_values(7, 1)[0], np.random.default_rng(8))
    flips[:], flips[0], flips[1] = 0.1, 0.0, 1.0
    batch = SoftBatch(values=value[None], flips=flips[None])

    (score,) = reference_near(value[None], batch).values()

    expected = 254 * np.log(2 * 0.9) + np.log(2 * 0.999) + np.log(2 * 0.5)
    assert score == pytest.approx(expected)


def test_values_at_returns_rows_as_bytes() -> None:
    """Lanes are turned back into the values that they were made from."""
    values = _values(9, 7)
    rows = np.array([6, 0, 0, 3])

    assert (values_at(lanes_of(values.tobytes(), 32), rows) == values[rows]).all()
