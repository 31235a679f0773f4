"""Probes against the slow twin: soft views beside an entry."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.evidence import twins
from tests.evidence.values import flipped, pictures, raw, views_of
from uploadfilter.evidence.background import Background
from uploadfilter.evidence.judging import words
from uploadfilter.evidence.probes import Probes, reach

seeds = st.integers(0, 2**32)


@given(seed=seeds, count=st.integers(4, 30))
@settings(max_examples=15, deadline=None)
def test_a_reach_is_the_lower_one_of_both_sides(seed: int, count: int) -> None:
    """The entry is compared with the strengths of the view."""
    values, probes = pictures(count, seed), Probes.of(views_of(3, seed + 1))
    background, entry = Background.of(values), pictures(1, seed + 2)[0]

    found = reach(background, probes.weights, probes.strengths, entry)

    cohort = [twins.bits_of(raw(it)) for it in values]
    listed = twins.bits_of(raw(entry))
    for place in range(3):
        strengths = probes.strengths[place].tolist()
        view = twins.bits_of(probes.views.values[place].tobytes())
        both = [
            twins.reaches(one, strengths, [other], cohort)[0]
            for one, other in ((view, listed), (listed, view))
        ]
        assert found[place] == pytest.approx(min(both), rel=1e-3, abs=1e-3)


def test_the_nearest_view_is_the_one_that_agrees_best() -> None:
    """It is the one that the entry was taken from."""
    assert Probes.of(views_of(100)).nearest(pictures(100)[42]) == 42


@given(seed=seeds, share=st.sampled_from([0.0, 0.5, 1.0]))
@settings(max_examples=15, deadline=None)
def test_stripes_alone_leave_an_upper_bound(seed: int, share: float) -> None:
    """Shapes take off the rest; where patterns do not count it is the reach."""
    background, views = Background.of(pictures(40, seed)), views_of(20, seed + 1)
    probes = Probes.of(views)
    near = [flipped(views.values[it].tobytes(), 20 * it, seed) for it in range(4)]
    entries = np.stack([words(it) for it in near])

    for pairs, entry in zip(probes.pairs(background, entries), entries, strict=True):
        bounds = pairs.bounds(share)
        shown = probes.weights[pairs.views], probes.strengths[pairs.views]
        exact = reach(background, *shown, entry, share)

        assert (exact <= bounds + 1e-4).all()
        if not share:
            assert exact == pytest.approx(bounds, abs=1e-4)
