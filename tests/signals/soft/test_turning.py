"""Reading a plane at other places, against the slow twin."""

import numpy as np
import pytest

from tests.signals.soft import twins
from tests.signals.soft.planes import drawn, plane_of
from uploadfilter.outlines import Outline
from uploadfilter.signals.soft.turning import table_of, turned

OUTLINES = [
    pytest.param(Outline(), id="whole"),
    pytest.param(Outline(angle=5, aspect=1.5), id="turned"),
    pytest.param(
        Outline(angle=-3, aspect=0.7, left=-0.05, right=-0.05, top=0.1), id="cut"
    ),
]


@pytest.mark.parametrize("outline", OUTLINES)
def test_turned_plane_equals_its_twin(outline: Outline) -> None:
    """Each cell is read where the outline puts it."""
    plane = plane_of(drawn(4))

    found = turned(plane, table_of(outline))

    for y in range(0, 64, 7):
        for x in range(0, 64, 7):
            place = outline.place(((x + 0.5) / 64, (y + 0.5) / 64))
            expected = twins.between_cells(plane.astype(np.float64), place)
            assert found[y, x] == pytest.approx(expected, abs=0.01)


def test_table_is_made_once() -> None:
    """The places depend on no picture."""
    assert table_of(Outline(angle=2)) is table_of(Outline(angle=2))
