"""The tail of a cohort: reaches, crowds and excesses, against the slow twin."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.evidence import twins
from uploadfilter.evidence.crowds import (
    CROWD,
    UNCOUNTED,
    Crowd,
    TwoCrowds,
    bits_of,
    crowd_of,
    reach_of,
    reaches,
)


@given(seed=st.integers(0, 2**32), count=st.integers(1, 300), views=st.integers(1, 400))
@settings(max_examples=40, deadline=None)
def test_an_excess_is_that_of_the_twin(seed: int, count: int, views: int) -> None:
    """For every size of the cohort, and any number of views."""
    random = np.random.default_rng(seed)
    reached = random.normal(0, random.uniform(0.5, 2), count)
    crowd = crowd_of(reached, size=count, views=views)

    for reach in (-1.0, 2.0, 5.0, 9.0):
        twin = twins.excess(reach, reached.tolist(), views=views)
        assert crowd.excess(reach) == pytest.approx(twin, abs=1e-6)


def test_an_excess_is_never_more_than_the_reach() -> None:
    """A cohort that stays away makes nothing more certain."""
    crowd = crowd_of(np.full(5000, -3.0), size=5000)

    assert crowd.stretch == 1
    assert crowd.excess(6.0) == pytest.approx(6.0)


@pytest.mark.parametrize("scale", [1.0, 1.3, 2.0])
def test_a_longer_tail_is_seen(scale: float) -> None:
    """A cohort that reaches twice as far takes half of what lies beyond it."""
    reached = np.random.default_rng(1).normal(0, scale, 60_000)

    crowd = crowd_of(reached, size=60_000)

    assert crowd.stretch == pytest.approx(scale, rel=0.15)
    assert crowd.excess(10 * scale) == pytest.approx(10.0, rel=0.15)


@given(reach=st.floats(-5, 20), usual=st.floats(1, 4), stretch=st.floats(1, 3))
def test_two_crowds_agree_on_a_figure_between_theirs(
    reach: float, usual: float, stretch: float
) -> None:
    """It is the mean, and never more than the reach."""
    one, many = Crowd(usual, usual + 0.2, stretch), Crowd(3.0, 3.0, 1.0)

    found = TwoCrowds(one, many).excess(reach)

    both = one.excess(reach), many.excess(reach)
    assert min(both) - 1e-9 <= found <= min(max(both), reach) + 1e-9
    assert found == pytest.approx(sum(both) / 2)


def test_a_few_near_values_change_little() -> None:
    """Altered copies of an entry's own picture, planted in a corpus, do not hide it."""
    reached = np.random.default_rng(2).normal(0, 1, 60_000)
    planted = reached.copy()
    planted[: UNCOUNTED // 2] = 10.0

    clean, poisoned = crowd_of(reached, size=60_000), crowd_of(planted, size=60_000)

    assert poisoned.excess(11.0) == pytest.approx(clean.excess(11.0), rel=0.1)


def test_many_near_values_are_a_crowd() -> None:
    """Then the picture is one of a kind."""
    reached = np.random.default_rng(2).normal(0, 1, 60_000)
    reached[:CROWD] = np.linspace(5, 9, CROWD)

    assert crowd_of(reached, size=60_000).excess(10.0) < 5.0


def test_reaches_follow_the_order_of_deviations() -> None:
    """Also where a sum of few bits bends them; nothing is infinite."""
    deviations = np.linspace(-5, 40, 500)

    found = reaches(deviations, np.full(500, 50.0))

    assert np.isfinite(found).all()
    assert (np.diff(found) >= 0).all()
    assert (found >= np.minimum(deviations, 7.07) - 1e-6).all()


@given(deviation=st.floats(-10, 60), bits=st.floats(1, 256))
def test_one_reach_is_as_one_of_many(deviation: float, bits: float) -> None:
    """The formula stands twice, because arrays of one number are slow."""
    (many,) = reaches(np.array([deviation]), np.array([bits]))

    assert reach_of(deviation, bits) == pytest.approx(many, rel=1e-12)


def test_bits_count_as_many_as_their_deviation_says() -> None:
    """256 independent bits of equal strength have a deviation of 16."""
    assert bits_of(np.array([256.0]), np.array([16.0])).tolist() == [256.0]
    assert bits_of(np.array([0.0]), np.array([1.0])).tolist() == [1.0]
