"""The search for the guess that fits an entry best."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.signals.soft.planes import drawn, plane_of, value_of
from uploadfilter.model import Variant
from uploadfilter.signals.soft.family import Family, soft_views
from uploadfilter.signals.soft.refining import refine, scores

FEW = {Family.CROPS}


def test_scores_equal_their_definition() -> None:
    """The soft score adds up what each bit says for the entry."""
    views = soft_views(plane_of(drawn(1)).tobytes(), families={Family.STRIPS})
    value = value_of(plane_of(drawn(2)))

    found = scores(views, value)

    for number in range(len(views)):
        total = 0.0
        for bit in range(256):
            of_view = views.values[number, bit // 8] >> (7 - bit % 8) & 1
            of_entry = value[bit // 8] >> (7 - bit % 8) & 1
            flip = float(views.flips[number, bit])
            total += math.log(2 * (1 - flip if of_view == of_entry else flip))
        assert found[number] == pytest.approx(total, abs=0.01)


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10**6), index=st.integers(0, 320))
def test_refining_never_lowers_the_score(seed: int, index: int) -> None:
    """From any view and for any entry, the result is at least as good as the start."""
    plane = plane_of(drawn(3)).tobytes()
    value = np.random.default_rng(seed).bytes(32)
    views = soft_views(plane)

    refined = refine(plane, views, index, value)

    assert refined.score >= float(scores(views, value)[index])
    assert refined.score == pytest.approx(float(scores(refined.view, value)[0]))


@pytest.mark.parametrize("variant", [Variant.UPRIGHT, Variant.MIRROR])
def test_refining_comes_nearer_to_the_true_cut(variant: Variant) -> None:
    """The cut that is found lies nearer to the true one than the grid does."""
    pixels = drawn(6, 800, 600)
    upload = pixels[42:-18, 56:-24]
    shown = upload[:, ::-1] if variant is Variant.MIRROR else upload
    plane = plane_of(np.ascontiguousarray(shown)).tobytes()
    value = value_of(plane_of(pixels))
    views = soft_views(plane, families=FEW, variants=(variant,))
    best = int(scores(views, value).argmax())

    refined = refine(plane, views, best, value)

    cuts = refined.outline
    assert refined.variant is variant
    assert refined.score > float(scores(views, value)[best])
    assert cuts.left == pytest.approx(0.07, abs=0.015)
    assert cuts.top == pytest.approx(0.07, abs=0.015)
    assert cuts.right == pytest.approx(0.03, abs=0.015)
    assert cuts.bottom == pytest.approx(0.03, abs=0.015)


def test_a_plane_without_detail_stays_as_it_is() -> None:
    """There is nothing to search in."""
    views = soft_views(plane_of(drawn(3)).tobytes())
    value = value_of(plane_of(drawn(2)))

    refined = refine(bytes(64 * 64 * 4), views, 0, value)

    assert refined.outline == views.outlines[0]


def test_refining_finds_the_covered_box() -> None:
    """From the nearest box of the grid to one with nearly the true edges."""
    pixels = drawn(6, 640, 640)
    marked = pixels.copy()
    marked[300:420, 180:330] = 255
    plane, value = plane_of(marked).tobytes(), value_of(plane_of(pixels))
    views = soft_views(plane, families={Family.COVERS})
    best = int(scores(views, value).argmax())

    refined = refine(plane, views, best, value)

    left, top, right, bottom = refined.outline.hidden or (0, 0, 0, 0)
    assert refined.score > float(scores(views, value)[best])
    assert left == pytest.approx(180 / 640, abs=0.06)
    assert top == pytest.approx(300 / 640, abs=0.06)
    assert right == pytest.approx(330 / 640, abs=0.06)
    assert bottom == pytest.approx(420 / 640, abs=0.06)
