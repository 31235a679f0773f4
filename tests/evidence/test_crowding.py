"""Crowds against the slow twin: of a value, and of the views of an upload."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.evidence import twins
from tests.evidence.values import pictures, raw, views_of
from uploadfilter.evidence import crowding
from uploadfilter.evidence.background import Background
from uploadfilter.evidence.crowding import crowd_of_value, crowd_of_views
from uploadfilter.evidence.probes import Probes

seeds = st.integers(0, 2**32)


@given(seed=seeds, count=st.integers(8, 40))
@settings(max_examples=10, deadline=None)
def test_crowds_are_those_of_the_twin(seed: int, count: int) -> None:
    """Of one probe, and of several, of which the best one counts."""
    values, probes = pictures(count, seed), Probes.of(views_of(4, seed + 1))
    background = Background.of(values)

    several = crowd_of_views(background, probes.weights, probes.strengths, 1.0)
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


def test_the_crowd_of_a_large_cohort_is_counted_as_it_is_sorted() -> None:
    """Values that reach less than half of the crowd are left out."""
    background = Background.of(pictures(30_000, 3))
    entry = pictures(1, 4)[0]

    found = crowd_of_value(background, entry)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(crowding, "_CROWDED", 100.0)
        assert crowd_of_value(background, entry) == found
