"""Reading a plane at other places, against the slow twin."""

import numpy as np
import pytest

from tests.signals.soft import twins
from tests.signals.soft.planes import drawn, plane_of
from uploadfilter.outlines import Outline
from uploadfilter.signals.soft.turning import (
    SMOOTHING,
    Table,
    blocks_of,
    blocks_of_readings,
    table_of,
    turned,
)

OTHER = Outline(angle=1)

OUTLINES = [
    pytest.param(Outline(), id="whole"),
    pytest.param(Outline(angle=5, aspect=1.5), id="turned"),
    pytest.param(
        Outline(angle=-3, aspect=0.7, left=-0.05, right=-0.05, top=0.1), id="cut"
    ),
]


@pytest.mark.parametrize("outline", OUTLINES)
def test_turned_plane_equals_its_twin(outline: Outline) -> None:
    """Each reading is taken where the outline puts it."""
    plane = plane_of(drawn(4))
    other = np.zeros_like(plane)
    table = Table.joined([table_of(OTHER), table_of(outline)], [0, 1])

    found = turned(np.stack((other, plane)).astype(np.float32), table)

    assert not found[0].any()
    for y in range(0, 32, 5):
        for x in range(0, 32, 5):
            place = outline.place(((x + 0.5) / 32, (y + 0.5) / 32))
            expected = twins.between_cells(plane.astype(np.float64), place)
            assert found[1, y, x] == pytest.approx(expected, abs=0.01)


def test_smoothing_equals_its_twin() -> None:
    """A cell is weighted with its neighbours, at the edge with itself."""
    plane = plane_of(drawn(2))

    found = SMOOTHING @ plane @ SMOOTHING.T

    assert np.allclose(found, twins.smoothed(plane.astype(np.float64)), atol=1e-3)


@pytest.mark.parametrize("seed", range(4))
def test_readings_have_the_block_of_the_plane(seed: int) -> None:
    """Half as many readings of a smoothed plane say what all of its cells say."""
    plane = plane_of(drawn(seed))
    plane -= plane.mean()
    smooth = (SMOOTHING @ plane @ SMOOTHING.T)[None].astype(np.float32)

    found = blocks_of_readings(turned(smooth, table_of(Outline())))[0]

    exact = blocks_of(plane[None])[0]
    apart = (found > np.median(found)) != (exact > np.median(exact))
    assert apart.sum() <= 8
    assert np.abs(found - exact).mean() < 0.05 * np.abs(exact).mean()


def test_table_is_made_once() -> None:
    """The places depend on no picture."""
    assert table_of(Outline(angle=2)) is table_of(Outline(angle=2))
