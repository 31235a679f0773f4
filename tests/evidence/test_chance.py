"""From an excess to an expected number of chance matches."""

import math
from itertools import pairwise

import pytest

from uploadfilter.evidence.chance import (
    ALTERED,
    NEAR,
    VARIANTS,
    expected,
    least_excess,
    probability,
    tries_of,
)


def test_probabilities_fall_without_a_step() -> None:
    """A larger excess is never more likely, and no figure becomes zero."""
    figures = [probability(tenth / 10) for tenth in range(-50, 200)]

    assert all(0 < high < low <= 1 for low, high in pairwise(figures))


@pytest.mark.parametrize("entries", [100, 10_000, 1_000_000, 10_000_000])
def test_expectation_grows_with_the_set(entries: int) -> None:
    """Ten times as many entries are expected to come near ten times as often."""
    one = expected(8.0, entries=entries, tries=VARIANTS)
    ten = expected(8.0, entries=10 * entries, tries=VARIANTS)

    assert ten == pytest.approx(10 * one)
    assert expected(8.0, entries=entries, tries=2 * VARIANTS) > one


@pytest.mark.parametrize("point", [ALTERED, NEAR])
def test_operating_points_follow_the_set(point: float) -> None:
    """The excess that reaches a point is higher in a larger set."""

    def needed(entries: int) -> float:
        tenths = range(400)
        return next(
            it / 20
            for it in tenths
            if expected(it / 20, entries=entries, tries=VARIANTS) <= point
        )

    assert needed(100) < needed(10_000) < needed(1_000_000) < needed(10_000_000)


@pytest.mark.parametrize("entries", [0, 100, 10_000_000])
@pytest.mark.parametrize("most", [1e-12, 1e-9, 1e-4, 0.1, 3.0])
@pytest.mark.parametrize("tries", [1.0, 400.0])
def test_least_excess_is_that_of_the_figure(
    entries: int, most: float, tries: float
) -> None:
    """An excess below it is expected more often; one above it is not."""
    least = least_excess(most, entries=entries, tries=tries)

    if least == -math.inf:
        assert max(entries, 1) * tries <= most
    else:
        assert expected(least, entries=entries, tries=tries) >= most
        assert expected(least + 1e-4, entries=entries, tries=tries) < most


def test_an_empty_set_still_expects_something() -> None:
    """A set of no entries is judged as one of one: E is never zero."""
    assert expected(8.0, entries=0, tries=0) == probability(8.0)


def test_each_view_counts() -> None:
    """More views are more chances, and no view is still one."""
    assert tries_of(0) == 1
    assert tries_of(2568) > tries_of(321) > tries_of(1)
