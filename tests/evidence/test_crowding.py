"""Crowds against the slow twin: of a value, and of the views of an upload."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.evidence import twins
from tests.evidence.values import flipped, pictures, raw, views_of
from uploadfilter.evidence import crowding
from uploadfilter.evidence.background import Background
from uploadfilter.evidence.crowding import Sampled, crowd_of_value
from uploadfilter.evidence.judging import words
from uploadfilter.evidence.probes import Probes

seeds = st.integers(0, 2**32)


@given(seed=seeds, count=st.integers(8, 40))
@settings(max_examples=10, deadline=None)
def test_crowds_are_those_of_the_twin(seed: int, count: int) -> None:
    """Of one probe, and of several, of which the best one counts."""
    values, probes = pictures(count, seed), Probes.of(views_of(4, seed + 1))
    background = Background.of(values)

    sampled = Sampled.of(background, probes.weights, probes.strengths)
    several = sampled.crowd(1.0)
    first = pictures(4, seed + 1)[0]
    single = crowd_of_value(background, first, probes.strengths[0])

    cohort = [twins.bits_of(raw(it)) for it in values]
    reached = [
        twins.reaches(
            twins.bits_of(probes.views.values[place].tobytes()),
            probes.strengths[place].tolist(),
            cohort,
            cohort,
        )
        for place in range(4)
    ]
    best = [max(column) for column in zip(*reached, strict=True)]
    for at in (1.0, 6.0):
        twin = twins.excess(at, best, views=4)
        assert several.excess(at) == pytest.approx(twin, rel=1e-2, abs=1e-2)
        twin = twins.excess(at, reached[0])
        assert single.excess(at) == pytest.approx(twin, rel=1e-2, abs=1e-2)


@given(seed=seeds, near=st.integers(0, 400), share=st.sampled_from([0.5, 1.0]))
@settings(max_examples=10, deadline=None)
def test_what_is_not_compared_with_patterns_is_not_of_the_crowd(
    seed: int, near: int, share: float
) -> None:
    """However many of the cohort show one thing, which patterns may explain."""
    probes = Probes.of(views_of(4, seed))
    values = pictures(600, seed + 1)
    for place in range(near):
        copy = flipped(probes.views.values[place % 4].tobytes(), 40, place)
        values[place] = words(copy)
    sampled = Sampled.of(Background.of(values), probes.weights, probes.strengths)

    found = sampled.crowd(share)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(crowding, "_CAPPED_FIRST", len(values))
        assert sampled.crowd(share) == found


def test_the_crowd_of_a_large_cohort_is_counted_as_it_is_sorted() -> None:
    """Values that reach less than half of the crowd are left out."""
    background = Background.of(pictures(30_000, 3))
    entry = pictures(1, 4)[0]

    found = crowd_of_value(background, entry)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(crowding, "_CROWDED", 100.0)
        assert crowd_of_value(background, entry) == found
