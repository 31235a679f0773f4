"""Which frames stand for an animation."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uploadfilter.signals.sampling import sampled

durations = st.lists(st.integers(0, 1000), min_size=1, max_size=200)


@given(durations=durations, more=st.integers(0, 5))
def test_few_frames_are_all_shown(durations: list[int], more: int) -> None:
    """Nothing is left out that there is room for."""
    shown = sampled(durations, len(durations) + more)

    assert shown == tuple(range(len(durations)))


@given(durations=durations, most=st.integers(1, 60))
def test_sample_is_as_large_as_allowed(durations: list[int], most: int) -> None:
    """A sample has as many different frames as it may, in ascending order."""
    shown = sampled(durations, most)

    assert len(shown) == min(most, len(durations))
    assert list(shown) == sorted(set(shown))
    assert set(shown) <= set(range(len(durations)))


@given(durations=durations, most=st.integers(3, 60))
def test_sample_holds_first_last_and_longest(durations: list[int], most: int) -> None:
    """What a viewer sees first, last and longest is always looked into."""
    shown = sampled(durations, most)

    assert {0, len(durations) - 1, durations.index(max(durations))} <= set(shown)


@given(count=st.integers(1, 1000), most=st.integers(3, 60))
def test_sample_leaves_no_wide_gap(count: int, most: int) -> None:
    """Between two frames of a sample there are twice as many as need be, at most."""
    shown = sampled([1] * count, most)

    gaps = [after - before for before, after in itertools.pairwise(shown)]
    assert max(gaps, default=0) <= 2 * -(-count // (most - 2)) + 1


@given(
    durations=st.lists(st.integers(1, 1000), min_size=61, max_size=200),
    start=st.integers(0, 199),
    length=st.integers(1, 200),
)
def test_what_is_shown_for_long_is_in_the_sample(
    durations: list[int], start: int, length: int
) -> None:
    """Frames that follow each other for a share of the time are not all left out."""
    run = range(start, min(start + length, len(durations)))
    shown_for = sum(durations[number] for number in run)

    shown = sampled(durations, 60)

    if 28 * shown_for >= sum(durations) + 28:
        assert not set(run).isdisjoint(shown)


def test_second_longest_frame_is_in_the_sample() -> None:
    """A picture that is shown for seconds cannot hide behind one shown longer."""
    durations = [20] * 600
    durations[300], durations[305] = 5000, 4900

    assert 305 in sampled(durations, 60)


@pytest.mark.parametrize(
    ("most", "shown"),
    [
        pytest.param(1, (0,), id="what everybody sees"),
        pytest.param(2, (0, 2), id="then what is seen longest"),
        pytest.param(3, (0, 2, 9), id="then the last"),
        pytest.param(5, (0, 2, 3, 7, 9), id="then evenly between"),
    ],
)
def test_first_goes_before_longest_before_last(
    most: int, shown: tuple[int, ...]
) -> None:
    """With little room, the order of importance decides."""
    assert sampled([1, 1, 9, 1, 1, 1, 1, 1, 1, 1], most) == shown
