"""Covered corners: how they are filled, and the part that stays unexplained."""

import numpy as np
import pytest

from tests.signals.soft import twins
from tests.signals.soft.planes import bits_of, drawn, plane_of
from uploadfilter.signals.soft.axes import DCT, VARIANCES, restricted
from uploadfilter.signals.soft.corners import corners
from uploadfilter.signals.soft.plans import upright

HIDDEN = 20
"""Cells of a covered side."""


def test_filled_corner_equals_its_twin() -> None:
    """Each covered cell is the mean of the estimates along its row and its column."""
    plane = plane_of(drawn(2)).astype(np.float64)
    plane -= plane.mean()
    seen = twins.seen_cells(0.0, 0.0, hidden=(0.0, HIDDEN / 64))
    weights = twins.kriging_weights(seen.values())
    filled = plane.copy()
    for y in range(HIDDEN):
        for x in range(HIDDEN):
            down = float(weights[y] @ plane[HIDDEN:, x])
            across = float(weights[x] @ plane[y, HIDDEN:])
            filled[y, x] = (down + across) / 2

    block = corners().blocks(plane.astype(np.float32))[0]

    assert np.allclose(block, DCT @ filled @ DCT.T, atol=0.05)


def test_covered_corner_tells_nothing() -> None:
    """The guess does not depend on the covered cells."""
    plane = plane_of(drawn(3))
    covered = plane.copy()
    covered[-HIDDEN:, :HIDDEN] = 255
    fixed = corners()
    place = [str(item) for item in fixed.outlines].index("hidden 0 0.6875 0.3125 1")

    one, other = (fixed.blocks(item)[place] for item in (plane, covered))

    assert np.allclose(one, other, atol=1e-3)


def test_guess_of_a_covered_corner_is_nearer() -> None:
    """With the right corner, fewer of the original's bits are wrong."""
    plane = plane_of(drawn(4))
    covered = plane.copy()
    covered[:18, -18:] = 255
    covered -= covered.mean()
    fixed = corners()
    place = [str(item) for item in fixed.outlines].index("hidden 0.6875 0 1 0.3125")

    block = fixed.blocks(covered)[place]

    found = (block > np.median(block)).ravel()[::-1]
    original = bits_of(plane)
    assert (found != original).sum() < (bits_of(covered) != original).sum()


def test_variance_of_a_part_equals_its_twin() -> None:
    """A wave within a part has the variance of its cells there."""
    total = 0.0
    for one in range(HIDDEN):
        for other in range(HIDDEN):
            waves = twins.wave(3, one) * twins.wave(3, other)
            total += waves * twins.covariance(abs(one - other) / 64)

    assert restricted((0.0, HIDDEN / 64))[2] == pytest.approx(total, rel=1e-6)
    assert restricted((0.0, 1.0)) == pytest.approx(VARIANCES)


def test_corner_is_less_certain_than_the_whole() -> None:
    """A covered corner adds to the error of every coefficient."""
    fixed = corners()

    assert len(fixed.outlines) == 4
    assert (fixed.noise > upright().noise[0]).all()
    assert np.allclose(fixed.noise[0].sum(), fixed.noise[3].sum(), rtol=0.01)
