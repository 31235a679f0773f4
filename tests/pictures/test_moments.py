"""The plan of the frames of a video that are decoded."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from uploadfilter.pictures.moments import (
    TrackCourse,
    intra_of,
    joined,
    seen_percent,
    spans_of,
)


def course(count: int, *, every: int, each_s: float = 0.04) -> TrackCourse:
    """Return a track with an intra-coded frame in even steps."""
    return TrackCourse(
        times_s=[number * each_s for number in range(count)],
        intra=range(0, count, every),
    )


def frames_in(spans: list[range]) -> set[int]:
    """Return the numbers of all frames in spans."""
    return {number for span in spans for number in span}


def test_whole_film_is_decoded_if_the_budget_lasts() -> None:
    """Of a short film every frame is looked at."""
    assert frames_in(spans_of(course(600, every=250), 600)) == set(range(600))


def test_intra_coded_frames_come_first() -> None:
    """Each begins a group, and costs nothing but itself."""
    spans = spans_of(course(600, every=10), 60)

    assert frames_in(spans) >= set(range(0, 600, 10))


def test_many_intra_coded_frames_are_taken_in_even_steps() -> None:
    """The first and the last are among them."""
    chosen = intra_of(course(10_000, every=1), 5)

    assert [span.start for span in chosen] == [0, 2500, 5000, 7499, 9999]


def test_gap_is_at_most_a_second_if_the_budget_allows_it() -> None:
    """The longest gap is halved first, so seconds are seen before halves of one."""
    track = course(3000, every=25)
    seen = sorted(track.times_s[it] for it in frames_in(spans_of(track, 400)))

    assert max(b - a for a, b in itertools.pairwise(seen)) <= 1.0
    assert seen_percent(track, seen) == 100


def test_budget_that_reaches_no_middle_is_used_up() -> None:
    """A long group is begun, so that the cost of its frames is known."""
    track = course(600, every=250)

    assert frames_in(spans_of(track, 20)) == {*range(18), 250, 500}


def test_neighbouring_spans_become_one() -> None:
    """What is shown first of a group may build on the group before."""
    spans = [range(3), range(3, 5), range(7, 8)]

    assert joined(spans) == [range(5), range(7, 8)]


def test_share_is_of_seconds_and_never_rounded_up() -> None:
    """A film of which one second is missing was not seen whole."""
    track = course(25 * 300, every=25)

    assert seen_percent(track, track.times_s[25:]) == 99
    assert seen_percent(track, []) == 0


@given(
    times_s=st.lists(st.floats(0, 1e6), max_size=60),
    intra=st.sets(st.integers(0, 59)),
    budget=st.integers(0, 80),
)
def test_plan_keeps_its_budget_for_any_times(
    times_s: list[float], intra: set[int], budget: int
) -> None:
    """Whatever an index says, spans begin groups, ascend, and cost no more."""
    starts = sorted(it for it in intra if it < len(times_s))
    spans = spans_of(TrackCourse(times_s=times_s, intra=starts), budget)

    assert sum(map(len, spans)) <= budget
    assert {span.start for span in spans} <= set(starts)
    assert all(a.stop <= b.start for a, b in itertools.pairwise(spans))
