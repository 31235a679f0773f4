"""The estimate of one axis against its slow twin."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.signals.soft import twins
from uploadfilter.signals.soft.axes import DCT, Seen, axis_of, certainty, widening

SEEN = [
    pytest.param(Seen(), id="whole"),
    pytest.param(Seen(0.05, 0.1), id="cut"),
    pytest.param(Seen(-0.1, 0.02), id="beyond"),
    pytest.param(Seen(0.0, 0.05, (0.11, 0.8)), id="box"),
    pytest.param(Seen(box=(0.3, 1.0)), id="box-at-the-end"),
    pytest.param(Seen(hidden=(0.83, 1.0)), id="hidden"),
]


@pytest.mark.parametrize("seen", SEEN)
def test_estimate_equals_its_twin(seen: Seen) -> None:
    """Kriging and DCT in one matrix are those of the definition."""
    places = twins.seen_cells(seen.low, seen.high, seen.box, seen.hidden)
    axis, cells = axis_of(seen), widening(seen)

    assert axis is not None
    for target in (0, 31, 63):
        weights = np.zeros(64)
        weights[list(places)] = twins.kriging_weights(places.values())[target]
        assert np.allclose(cells[target], weights, atol=1e-4)
    assert np.allclose(axis.estimate, DCT @ cells, atol=1e-4)


@pytest.mark.parametrize("seen", SEEN)
def test_explained_share_equals_its_twin(seen: Seen) -> None:
    """The variance that is left is that of the estimate's own error."""
    places = twins.seen_cells(seen.low, seen.high, seen.box, seen.hidden)
    axis = axis_of(seen)

    assert axis is not None
    share = twins.explained(places, 9)
    assert axis.explained[8] == pytest.approx(share, abs=2e-3)


@settings(max_examples=20)
@given(
    low=st.integers(-10, 40),
    high=st.integers(-10, 40),
    first=st.integers(0, 40),
    last=st.integers(60, 100),
)
def test_constant_is_estimated_as_the_same_constant(
    low: int, high: int, first: int, last: int
) -> None:
    """The weights add up to 1, so that brightness moves no coefficient."""
    seen = Seen(low / 100, high / 100, (first / 100, last / 100))
    axis = axis_of(seen)

    assert axis is not None
    assert np.allclose(widening(seen).sum(axis=1), 1, atol=1e-3)
    assert np.abs(axis.estimate.sum(axis=1)).max() < 1e-3
    assert ((axis.explained >= 0) & (axis.explained <= 1)).all()


def test_whole_axis_is_nearly_the_dct() -> None:
    """Nothing is guessed where everything is seen."""
    axis = axis_of(Seen())

    assert axis is not None
    assert np.abs(axis.estimate - DCT).max() < 0.02
    assert axis.explained.min() > 0.98


def test_more_cut_is_less_certain() -> None:
    """Each further cut leaves less explained."""
    kept = [axis_of(Seen(cut, cut)) for cut in (0, 0.05, 0.1, 0.2, 0.4)]

    means = [float(axis.explained.mean()) for axis in kept if axis is not None]
    assert len(means) == 5
    assert means == sorted(means, reverse=True)


def test_axis_that_shows_too_little_is_refused() -> None:
    """A few cells are no picture."""
    assert axis_of(Seen(box=(0.5, 0.55))) is None
    assert axis_of(Seen(hidden=(0.0, 0.95))) is None
    with pytest.raises(ValueError, match="shows too little"):
        widening(Seen(box=(0.5, 0.55)))


def test_uncertain_edges_cost_the_high_frequencies_first() -> None:
    """A wave is lost as its length comes near the uncertainty."""
    share = certainty(0.0144)

    assert certainty(0).min() == 1
    assert (np.diff(share) < 0).all()
    assert share[0] > 0.99
