"""Which frames stand for an animation."""

import itertools

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from uploadfilter.pictures.sampling import (
    ChosenFrames,
    Course,
    key_frames,
    sample_frames,
    sample_within,
    shown_ms,
)

durations = st.lists(st.integers(0, 1000), min_size=1, max_size=200)


@given(durations=durations, more=st.integers(0, 5))
def test_few_frames_are_all_shown(durations: list[int], more: int) -> None:
    """Nothing is left out that there is room for."""
    shown = sample_frames(durations, len(durations) + more)

    assert shown == tuple(range(len(durations)))


@given(durations=durations, most=st.integers(1, 60))
def test_sample_is_as_large_as_allowed(durations: list[int], most: int) -> None:
    """A sample has as many different frames as it may, in ascending order."""
    shown = sample_frames(durations, most)

    assert len(shown) == min(most, len(durations))
    assert list(shown) == sorted(set(shown))
    assert set(shown) <= set(range(len(durations)))


@example(durations=[11, 0, 12, 0], most=4)
@given(durations=durations, most=st.integers(4, 60))
def test_sample_holds_first_last_and_longest(durations: list[int], most: int) -> None:
    """The frames that a viewer sees first, last and longest are always looked at.

    These may be four: where browsers show another frame longest than the file says.
    """
    shown = sample_frames(durations, most)

    assert {0, len(durations) - 1, durations.index(max(durations))} <= set(shown)


@given(count=st.integers(1, 1000), most=st.integers(3, 60))
def test_sample_leaves_no_wide_gap(count: int, most: int) -> None:
    """Between two frames of a sample there are twice as many as need be, at most."""
    shown = sample_frames([1] * count, most)

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

    shown = sample_frames(durations, 60)

    if 28 * shown_for >= sum(durations) + 28:
        assert not set(run).isdisjoint(shown)


def test_second_longest_frame_is_in_the_sample() -> None:
    """A picture that is shown for seconds cannot hide behind one shown longer."""
    durations = [20] * 600
    durations[300], durations[305] = 5000, 4900

    assert 305 in sample_frames(durations, 60)


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
    assert sample_frames([100, 100, 900, *[100] * 7], most) == shown


@given(durations=durations)
def test_key_frames_are_first_last_and_longest(durations: list[int]) -> None:
    """The longest one by the file's durations, and by those of browsers."""
    keys = key_frames(durations)

    seen = [shown_ms(duration) for duration in durations]
    assert set(keys) == {
        0,
        len(durations) - 1,
        durations.index(max(durations)),
        seen.index(max(seen)),
    }
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize(
    ("said", "seen"),
    [(0, 100), (10, 100), (11, 11), (99, 99), (5000, 5000)],
)
def test_shortest_frames_are_shown_longer(said: int, seen: int) -> None:
    """As browsers do, because the first writers of GIFs meant it so."""
    assert shown_ms(said) == seen


def obvious(
    durations: list[int], course: Course, *, keys: tuple[int, ...], budget: int
) -> set[int]:
    """Return the frames that are decoded, found step by step."""
    decoded = set(range(1))

    def fits(number: int) -> bool:
        more = set(range(course.starts[number], number + 1)) | decoded
        return sum(course.costs[each] for each in more if each) <= budget

    for number in (
        *keys,
        *sample_frames(durations, len(durations)),
        *range(len(durations)),
    ):
        if fits(number):
            decoded |= set(range(course.starts[number], number + 1))
    return decoded


@given(
    frames=st.lists(
        st.tuples(st.integers(0, 300), st.booleans(), st.integers(0, 9)),
        min_size=1,
        max_size=40,
    ),
    most=st.integers(4, 60),
    budget=st.integers(0, 200),
)
def test_key_frames_are_in_reach_if_the_budget_allows(
    frames: list[tuple[int, bool, int]], most: int, budget: int
) -> None:
    """All that is chosen can be decoded, and no key frame is left out that could be."""
    durations = [duration for duration, _, _ in frames]
    starts, start = [], 0
    for number, (_, begins, _) in enumerate(frames):
        start = number if begins else start
        starts.append(start)
    course = Course(starts=starts, costs=[cost for *_, cost in frames], shown_pixels=1)
    keys = key_frames(durations)

    found = sample_within(durations, course, keys=keys, most=most, budget=budget)

    assert isinstance(found, ChosenFrames)
    assert len(found.numbers) == min(most, found.reach)
    needed = {
        each for number in found.numbers for each in range(starts[number], number + 1)
    }
    assert sum(course.costs[each] for each in needed if each) <= budget
    reachable = obvious(durations, course, keys=keys, budget=budget)
    assert set(found.numbers) & set(keys) == reachable & set(keys)
