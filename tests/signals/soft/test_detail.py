"""The detail of a part of a plane, against the quality of a picture of that part."""

import numpy as np
import pytest

from tests.signals.soft import twins
from tests.signals.soft.planes import Plane, drawn, plane_of
from uploadfilter.outlines import WHOLE, Rectangle
from uploadfilter.signals import pdq
from uploadfilter.signals.soft.detail import qualities_of
from uploadfilter.signals.soft.family import Family, soft_views


def quality_of(plane: Plane, box: Rectangle) -> int:
    """Return the quality of one part."""
    return int(qualities_of(plane, [box])[0])


@pytest.mark.parametrize("seed", [2, 3, 5])
def test_the_whole_plane_has_its_quality(seed: int) -> None:
    """Without a limit of 100."""
    plane = plane_of(drawn(seed))
    assert min(quality_of(plane, WHOLE), 100) == pdq.quality(plane.tobytes())


@pytest.mark.parametrize("box", [(0.3, 0.1, 0.8125, 1.0), (0.0, 0.5, 0.25, 0.75)])
def test_quality_of_a_part_equals_its_twin(box: Rectangle) -> None:
    """Many parts at once have the quality that one after the other has."""
    plane = plane_of(drawn(5))

    found = quality_of(plane, box)

    assert abs(found - twins.quality(plane.astype(np.float64), box)) <= 1


def test_a_flat_part_has_none_and_level_does_not_matter() -> None:
    """A part is measured by its own cells alone."""
    plane = np.zeros((64, 64), np.float32)
    plane[:, 32:] = plane_of(drawn(3))[:, 32:]

    assert quality_of(plane, (0.0, 0.0, 0.45, 1.0)) == 0
    assert quality_of(plane, (0.5, 0.0, 1.0, 1.0)) > 50
    assert quality_of(plane, (0.5, 0, 1, 1)) == quality_of(plane + 8, (0.5, 0, 1, 1))


def test_boxes_without_detail_make_no_views() -> None:
    """Half of an upload is a gradient: it is not searched for as a picture."""
    plane = plane_of(drawn(3))
    plane[:, :32] = np.linspace(90, 110, 64)[:, None]

    views = soft_views(plane.tobytes(), families=(Family.CELLS, Family.FRAMES))

    boxes = [it.box for it in views.outlines if it.box != WHOLE]
    assert boxes
    assert all(box[2] > 0.5 for box in boxes)
