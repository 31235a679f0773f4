"""The views of an upload beside entries and a cohort."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.evidence.values import flipped, pictures, views_of
from uploadfilter.evidence.background import Background
from uploadfilter.evidence.comparing import (
    Best,
    GuessSort,
    UploadSide,
    guess_of,
)
from uploadfilter.evidence.crowding import crowd_of_value, crowd_of_views
from uploadfilter.evidence.judging import words
from uploadfilter.evidence.patterns import counted
from uploadfilter.evidence.probes import Probes, reach
from uploadfilter.outlines import Outline

seeds = st.integers(0, 2**32)


def compared(views: int, cohort: int, seed: int = 0) -> UploadSide:
    """Return views of unrelated guesses beside unrelated pictures."""
    probes = Probes.of(views_of(views, seed))
    return UploadSide(
        probes=probes, background=Background.of(pictures(cohort, seed + 5))
    )


def test_the_best_view_comes_first() -> None:
    """It is the one that the entry was taken from."""
    comparison = compared(100, 5000)
    (pairs,) = comparison.pairs(pictures(100)[42][None])

    best = comparison.best(pairs)

    assert best.view == pairs.views[0] == 42
    assert best.reach > 8


@given(
    seed=seeds,
    least=st.floats(-2, 8),
    share=st.sampled_from([0.0, 0.5, 1.0]),
    count=st.integers(1, 12),
)
@settings(max_examples=30, deadline=None)
def test_the_best_view_is_that_of_all_reaches(
    seed: int, least: float, share: float, count: int
) -> None:
    """Patterns are only computed where they can matter, and that changes nothing."""
    comparison = compared(30, 40, seed)
    background, probes = comparison.background, comparison.probes
    values = probes.views.values
    near = [flipped(values[it].tobytes(), 9 * it, seed) for it in range(count)]
    entries = np.stack([words(it) for it in near])
    many = comparison.pairs(entries)

    for pairs, entry in zip(many, entries, strict=True):
        best = comparison.best(pairs, least=least, counted_at_least=share)

        bits = np.unpackbits(values[pairs.views], axis=1).astype(np.float32)
        own = counted(bits * 2 - 1)
        counts = np.maximum(own, max(pairs.counted, share))
        slow = reach(
            background,
            probes.weights[pairs.views],
            probes.strengths[pairs.views],
            entry,
            counts,
        )
        if slow.max() > least:
            place = pairs.views.tolist().index(best.view)
            assert best.reach == pytest.approx(slow.max(), abs=1e-4)
            assert slow[place] == pytest.approx(best.reach, abs=1e-4)
            assert best.counted == counts[place]
        else:
            assert slow.max() - 1e-4 <= best.reach <= max(least, best.reach)


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_the_crowd_of_an_entry_is_made_with_the_strengths_of_its_view(
    share: float,
) -> None:
    """The patterns that are known are not looked for again."""
    comparison = compared(20, 600)
    entry = pictures(20)[3]
    (pairs,) = comparison.pairs(entry[None])
    best = Best(3, 8.0, share)

    found = comparison.crowd_of_entry(pairs, entry, best)

    strengths = comparison.probes.strengths[3]
    alone = crowd_of_value(comparison.background, entry, strengths, share)
    assert found == alone


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_the_crowd_of_a_view_is_that_of_its_value(share: float) -> None:
    """Nothing of the entry is in it."""
    comparison = compared(20, 600)
    (pairs,) = comparison.pairs(pictures(20)[3][None])
    best = Best(int(pairs.views[1]), 8.0, share)

    found = comparison.crowd(pairs, best)

    probes = comparison.probes
    value = words(probes.views.values[best.view].tobytes())
    strengths = probes.strengths[best.view]
    alone = crowd_of_value(comparison.background, value, strengths, share)
    assert found.one == alone


def test_entries_share_the_crowd_of_a_view() -> None:
    """It is computed once, for each way in which patterns count."""
    comparison = compared(20, 500)
    (pairs,) = comparison.pairs(pictures(20)[3][None])
    (others,) = comparison.pairs(pictures(20)[3][None])
    view = int(pairs.views[0])

    one = comparison.crowd(pairs, Best(view, 6.0, 1.0))

    assert comparison.crowd(others, Best(view, 5.0, 1.0)) is one
    assert comparison.crowd(pairs, Best(view, 5.0, 0.5)) is not one


@pytest.mark.parametrize("counted", [0.0, 0.5])
def test_views_of_a_sort_share_their_crowd(counted: float) -> None:
    """However much patterns count; the figures are those of a crowd of its own."""
    comparison = compared(20, 500)
    (pairs,) = comparison.pairs(pictures(20)[3][None])
    # The first view is of another sort.
    first, second = [it for it in pairs.views.tolist() if it][:2]
    whole = comparison.crowd(pairs, Best(first, 6.0, 1.0))

    found = comparison.crowd(pairs, Best(second, 6.0, counted))

    probes = comparison.probes
    weights, strengths = probes.weights[1:], probes.strengths[1:]
    alone = crowd_of_views(comparison.background, weights, strengths, counted)
    assert found.many == alone
    assert found.many.nearest >= whole.many.nearest


def test_views_of_other_sorts_are_not_of_the_crowd() -> None:
    """What a cut shows of the cohort says nothing about the upload as it is."""
    views = views_of(20)
    cut = Outline(left=0.1)
    outlines = tuple(cut if place % 2 else Outline() for place in range(20))
    probes = Probes.of(replace(views, outlines=outlines))
    background = Background.of(pictures(500, 5))
    comparison = UploadSide(probes=probes, background=background)
    (pairs,) = comparison.pairs(pictures(20)[3][None])

    found = comparison.crowd(pairs, Best(3, 6.0, 0.0))

    weights, strengths = probes.weights[1::2], probes.strengths[1::2]
    assert found.many == crowd_of_views(background, weights, strengths, 0.0)


@pytest.mark.parametrize(
    ("outline", "sort"),
    [
        (Outline(), GuessSort.LITTLE),
        (Outline(hidden=(0.0, 0.0, 1.0, 0.1)), GuessSort.LITTLE),
        (Outline(angle=2.0, left=0.01, right=0.01), GuessSort.TURNED),
        (Outline(box=(0.0, 0.25, 1.0, 0.75)), GuessSort.FRAMED),
        (Outline(left=0.05), GuessSort.CUT),
    ],
)
def test_each_guess_has_a_sort(outline: Outline, sort: GuessSort) -> None:
    """A covered part leaves nearly the upload as it is."""
    assert guess_of(outline) is sort
