"""Sharing: each view has its part of the chance that is allowed."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from uploadfilter.evidence.sharing import (
    SHARES,
    GuessSort,
    guess_of,
    is_alike,
    times_of,
)
from uploadfilter.model import Variant
from uploadfilter.outlines import Outline
from uploadfilter.signals.soft.family import soft_views

EXAMPLES = {
    GuessSort.NOTHING: Outline(),
    GuessSort.COVERED: Outline(hidden=(0.0, 0.0, 1.0, 0.1)),
    GuessSort.TURNED: Outline(angle=2.0, left=0.01, right=0.01),
    GuessSort.FRAMED: Outline(box=(0.0, 0.25, 1.0, 0.75)),
    GuessSort.CUT: Outline(left=0.05),
}


def test_each_guess_has_a_sort() -> None:
    """And the shares add up to one."""
    assert {it: guess_of(outline) for it, outline in EXAMPLES.items()} == {
        it: it for it in GuessSort
    }
    assert sum(SHARES.values()) == pytest.approx(1)


@given(st.lists(st.sampled_from(list(GuessSort)), min_size=1, max_size=60))
def test_all_views_together_count_as_many_as_before(guesses: list[GuessSort]) -> None:
    """The chances of all views add up to that of as many equal ones."""
    times = times_of([EXAMPLES[it] for it in guesses])

    assert (times > 0).all()
    assert np.mean(1 / times) == pytest.approx(1)


def test_views_of_an_upload_count_by_their_sort() -> None:
    """The upload itself counts as a few views, a cut as somewhat more than one."""
    plane = np.random.default_rng(3).normal(100, 40, (64, 64)).astype(np.float32)
    views = soft_views(plane.tobytes(), variants=(Variant.UPRIGHT,), aspect=1.5)

    times = times_of(views.outlines)

    assert times[0] < 0.1
    assert times.max() < 1.5


@pytest.mark.parametrize("one", GuessSort)
@pytest.mark.parametrize("other", GuessSort)
def test_the_upload_as_it_is_is_like_a_covered_one(
    one: GuessSort, other: GuessSort
) -> None:
    """All other sorts have a tail of their own."""
    uncut = {GuessSort.NOTHING, GuessSort.COVERED}

    assert is_alike(one, other) == (one == other or {one, other} == uncut)
