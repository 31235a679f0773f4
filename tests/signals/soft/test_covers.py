"""Covered boxes: how they are filled, how they move, and what stays unexplained."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.signals.soft import twins
from tests.signals.soft.planes import bits_of, drawn, plane_of
from uploadfilter.outlines import WHOLE, Outline
from uploadfilter.signals.soft.axes import DCT, VARIANCES, restricted
from uploadfilter.signals.soft.covers import covers, covers_of, is_cover, moved
from uploadfilter.signals.soft.plans import upright

HIDDEN = 20
"""Cells of a covered side."""


def covered(left: int, top: int, right: int, bottom: int) -> Outline:
    """Return the guess that some cells are covered."""
    return Outline(hidden=(left / 64, top / 64, right / 64, bottom / 64))


def boxes() -> st.SearchStrategy[Outline]:
    """Return guesses of covered boxes of any place and size."""
    sides = st.integers(4, 32).flatmap(
        lambda side: st.integers(0, 64 - side).map(lambda at: (at, at + side))
    )
    return st.builds(
        lambda across, down: covered(across[0], down[0], across[1], down[1]),
        sides,
        sides,
    )


@pytest.mark.parametrize("box", [(0, 0, HIDDEN, HIDDEN), (11, 22, 31, 37)])
def test_filled_box_equals_its_twin(box: tuple[int, int, int, int]) -> None:
    """Each covered cell is the mean of the estimates along its row and its column."""
    plane = plane_of(drawn(2)).astype(np.float64)
    plane -= plane.mean()
    left, top, right, bottom = box
    below = twins.seen_cells(0.0, 0.0, hidden=(top / 64, bottom / 64))
    beside = twins.seen_cells(0.0, 0.0, hidden=(left / 64, right / 64))
    of_rows = twins.kriging_weights(below.values())
    of_columns = twins.kriging_weights(beside.values())
    filled = plane.copy()
    for y in range(top, bottom):
        for x in range(left, right):
            down = float(of_rows[y] @ plane[list(below), x])
            across = float(of_columns[x] @ plane[y, list(beside)])
            filled[y, x] = (down + across) / 2

    (block,) = covers_of([covered(*box)]).blocks(plane.astype(np.float32))

    assert np.allclose(block, DCT @ filled @ DCT.T, atol=0.05)


@given(guess=boxes(), level=st.sampled_from([0.0, 90.0, 255.0]))
def test_covered_box_tells_nothing(guess: Outline, level: float) -> None:
    """The guess does not depend on the covered cells."""
    plane = plane_of(drawn(3))
    marked = plane.copy()
    left, top, right, bottom = (round(edge * 64) for edge in guess.hidden or WHOLE)
    marked[top:bottom, left:right] = level
    one_guess = covers_of([guess])

    one, other = (one_guess.blocks(item)[0] for item in (plane, marked))

    assert np.allclose(one, other, atol=0.05)


@pytest.mark.parametrize("hidden", [(44, 0, 64, 20), (22, 33, 42, 53)])
def test_guess_of_a_covered_box_is_nearer(hidden: tuple[int, int, int, int]) -> None:
    """With the right box, fewer of the original's bits are wrong."""
    plane = plane_of(drawn(4))
    marked = plane.copy()
    left, top, right, bottom = hidden
    marked[top + 1 : bottom - 1, left + 1 : right - 1] = 255
    marked -= marked.mean()
    fixed = covers()
    place = fixed.outlines.index(covered(*hidden))

    block = fixed.blocks(marked)[place]

    found = (block > np.median(block)).ravel()[::-1]
    original = bits_of(plane)
    assert (found != original).sum() < (bits_of(marked) != original).sum()


def test_fixed_boxes_lie_from_edge_to_edge() -> None:
    """Five along each side, with all corners, and each once."""
    guesses = covers().outlines

    assert len(guesses) == len(set(guesses)) == 25
    assert all(map(is_cover, guesses))
    for left in (0, 44):
        for top in (0, 44):
            assert covered(left, top, left + 20, top + 20) in guesses


@given(guess=boxes(), step=st.sampled_from([1, 2, 5]))
def test_moved_boxes_stay_inside(guess: Outline, step: int) -> None:
    """Each is another box that covers less than half of each side."""
    found = list(moved(guess, step))

    assert guess not in found
    for item in found:
        assert is_cover(item)
        left, top, right, bottom = item.hidden or WHOLE
        assert 0 <= left < right <= 1
        assert 0 <= top < bottom <= 1
        assert max(right - left, bottom - top) <= 0.5
        # The edges are whole cells, so that the way back is there as well.
        assert guess in moved(item, step)


@pytest.mark.parametrize(
    "other",
    [
        Outline(),
        Outline(hidden=(0, 0, 1, 0.2)),
        Outline(hidden=(0.2, 0, 0.4, 1)),
        Outline(left=0.1, hidden=(0.1, 0.1, 0.3, 0.3)),
    ],
)
def test_other_guesses_are_no_cover(other: Outline) -> None:
    """A strip has an estimate of its own, and a cut may not be left out."""
    assert not is_cover(other)


def test_variance_of_a_part_equals_its_twin() -> None:
    """A wave within a part has the variance of its cells there."""
    total = 0.0
    for one in range(HIDDEN):
        for other in range(HIDDEN):
            waves = twins.wave(3, one) * twins.wave(3, other)
            total += waves * twins.covariance(abs(one - other) / 64)

    assert restricted((0.0, HIDDEN / 64))[2] == pytest.approx(total, rel=1e-6)
    assert restricted((0.0, 1.0)) == pytest.approx(VARIANCES)


def test_covered_box_is_less_certain_than_the_whole() -> None:
    """It adds to the error of every coefficient, in all corners alike."""
    fixed = covers()

    assert (fixed.noise > upright().noise[0]).all()
    assert np.allclose(fixed.noise[0].sum(), fixed.noise[-1].sum(), rtol=0.01)
