"""Soft views of published windows: the box that a cut upload shows them in."""

import numpy as np

from tests.signals.soft.planes import drawn, plane_of, value_of
from uploadfilter.pictures.picture import Luma
from uploadfilter.signals.soft.family import ALL_FAMILIES, Family, soft_views
from uploadfilter.signals.soft.refining import scores
from uploadfilter.signals.soft.windows import windows

LEAST_SCORE = 40.0
"""Nats that a right guess reaches; the best of all views of another drawing has 15."""


def cut(pixels: Luma, left: float, top: float, right: float, bottom: float) -> Luma:
    """Cut shares off the sides."""
    height, width = pixels.shape
    rows = slice(round(top * height), round((1 - bottom) * height))
    return pixels[rows, round(left * width) : round((1 - right) * width)]


def best(upload: Luma, entry: Luma, families: frozenset[Family]) -> float:
    """Return the best score of an upload's views for the value of another picture."""
    views = soft_views(plane_of(upload).tobytes(), families=families)
    return float(scores(views, value_of(plane_of(entry))).max())


def test_a_cut_that_hides_the_whole_shows_a_window() -> None:
    """A sixth of each side is gone: the whole says little, its centre nearly all."""
    for seed in (3, 5, 8):
        whole = drawn(seed)
        upload = cut(whole, 0.16, 0.15, 0.14, 0.16)
        centre = cut(whole, 0.2, 0.2, 0.2, 0.2)

        found = best(upload, centre, frozenset({Family.WINDOWS}))

        assert found > LEAST_SCORE
        assert found > best(upload, whole, ALL_FAMILIES)


def test_the_whole_upload_shows_both_windows() -> None:
    """An upload that was not cut shows them as well."""
    whole = drawn(4)
    for share in (0.1, 0.2):
        centre = cut(whole, *(share,) * 4)
        assert best(whole, centre, frozenset({Family.WINDOWS})) > LEAST_SCORE


def test_another_picture_shows_none() -> None:
    """The best of all guesses stays far below a right one."""
    other = cut(drawn(9), 0.2, 0.2, 0.2, 0.2)
    assert best(drawn(2), other, frozenset({Family.WINDOWS})) < LEAST_SCORE


def test_guesses_lie_within_the_upload_and_are_different() -> None:
    """A window that a guess would extrapolate is not guessed."""
    outlines = windows().outlines

    assert len(set(outlines)) == len(outlines)
    assert np.array([it.box for it in outlines]).min() >= 0.0
    assert np.array([it.box for it in outlines]).max() <= 1


def test_sets_without_windows_do_not_pay_for_them() -> None:
    """The family must be asked for."""
    assert Family.WINDOWS not in ALL_FAMILIES
