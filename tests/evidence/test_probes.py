"""Probes against the slow twin: soft views, an entry, and a cohort."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.evidence.values import flipped, pictures, raw, views_of
from uploadfilter.evidence import obvious
from uploadfilter.evidence.background import Background
from uploadfilter.evidence.judging import words
from uploadfilter.evidence.probes import Probes, crowd_of_value, crowd_of_views, reach

seeds = st.integers(0, 2**32)


@given(seed=seeds, count=st.integers(4, 30))
@settings(max_examples=15, deadline=None)
def test_a_reach_is_the_lower_one_of_both_sides(seed: int, count: int) -> None:
    """The entry is compared with the strengths of the view."""
    values, probes = pictures(count, seed), Probes.of(views_of(3, seed + 1))
    background, entry = Background.of(values), pictures(1, seed + 2)[0]

    found = reach(background, probes.weights, probes.strengths, entry)

    cohort = [obvious.bits_of(raw(it)) for it in values]
    listed = obvious.bits_of(raw(entry))
    for place in range(3):
        strengths = probes.strengths[place].tolist()
        view = obvious.bits_of(probes.views.values[place].tobytes())
        both = [
            obvious.reaches(one, strengths, [other], cohort)[0]
            for one, other in ((view, listed), (listed, view))
        ]
        assert found[place] == pytest.approx(min(both), rel=1e-3, abs=1e-3)


@given(seed=seeds, count=st.integers(8, 40))
@settings(max_examples=10, deadline=None)
def test_crowds_are_those_of_the_twin(seed: int, count: int) -> None:
    """Of one probe, and of several, of which the best one counts."""
    values, probes = pictures(count, seed), Probes.of(views_of(4, seed + 1))
    background = Background.of(values)

    several = crowd_of_views(background, probes.weights, probes.strengths)
    first = pictures(4, seed + 1)[0]
    single = crowd_of_value(background, first, probes.strengths[0])

    cohort = [obvious.bits_of(raw(it)) for it in values]
    reached = [
        obvious.reaches(
            obvious.bits_of(probes.views.values[place].tobytes()),
            probes.strengths[place].tolist(),
            cohort,
            cohort,
        )
        for place in range(4)
    ]
    best = [max(column) for column in zip(*reached, strict=True)]
    for at in (1.0, 6.0):
        twin = obvious.excess(at, best, views=4)
        assert several.excess(at) == pytest.approx(twin, rel=1e-2, abs=1e-2)
        twin = obvious.excess(at, reached[0])
        assert single.excess(at) == pytest.approx(twin, rel=1e-2, abs=1e-2)


def test_the_best_view_comes_first() -> None:
    """It is the one that the entry was taken from."""
    probes = Probes.of(views_of(100))
    background = Background.of(pictures(5000, 5))
    entry = pictures(100)[42]

    (pairs,) = probes.pairs(background, entry[None])
    place, found = pairs.best(background)

    assert probes.nearest(entry) == place == 42
    assert pairs.views[0] == 42
    assert found > 8


@given(seed=seeds, least=st.floats(-2, 8))
@settings(max_examples=20, deadline=None)
def test_the_best_view_is_that_of_all_reaches(seed: int, least: float) -> None:
    """Patterns are only computed where they can matter, and that changes nothing."""
    background, views = Background.of(pictures(40, seed)), views_of(30, seed + 1)
    probes = Probes.of(views)
    near = [flipped(views.values[it].tobytes(), 9 * it, seed) for it in range(6)]
    entries = np.stack([words(it) for it in near])

    found = [
        (pairs.views, pairs.counted, *pairs.best(background, least=least))
        for pairs in probes.pairs(background, entries, least=least)
    ]

    for (looked_at, counts, place, best), entry in zip(found, entries, strict=True):
        slow = reach(
            background,
            probes.weights[looked_at],
            probes.strengths[looked_at],
            entry,
            counts,
        )
        if slow.max() > least:
            assert best == pytest.approx(slow.max(), abs=1e-4)
            assert slow[looked_at == place] == pytest.approx(best, abs=1e-4)
        else:
            assert slow.max() - 1e-4 <= best <= max(least, best)


def test_entries_share_the_crowd_of_the_whole_cohort() -> None:
    """It is computed once for each variant of an upload."""
    probes = Probes.of(views_of(20))
    background = Background.of(pictures(500, 5))

    assert probes.known_crowd(7) is None
    one = probes.crowd(background, 3, is_whole=True)

    assert probes.known_crowd(7) is one
    assert probes.crowd(background, 7, is_whole=True) is one
    assert probes.crowd(background, 7, is_whole=False) is not one


@pytest.mark.parametrize("counted", [0.0, 0.5])
def test_crowds_share_the_comparison_with_the_cohort(counted: float) -> None:
    """However much patterns count; the figures are those of a crowd of its own."""
    probes = Probes.of(views_of(20))
    background = Background.of(pictures(500, 5))
    whole = probes.crowd(background, 3, is_whole=True)

    found = probes.crowd(background, 3, is_whole=True, counted=counted)

    alone = crowd_of_views(background, probes.weights, probes.strengths, counted)
    assert found == alone
    assert len(probes.samples) == 1
    assert found.nearest >= whole.nearest
