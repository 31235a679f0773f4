"""Shapes and pictures refuse what no decoder can produce."""

import numpy as np
import pytest

from uploadfilter.model import Reason
from uploadfilter.signals.picture import Note, Picture, Shape

PLANE = np.zeros((3, 5), np.uint8)
SHAPE = Shape(height=3, width=5)


@pytest.mark.parametrize(
    ("height", "width", "scale"), [(0, 1, 1), (1, 0, 1), (1, 1, 3), (1, 1, 0)]
)
def test_shape_refuses_nonsense(height: int, width: int, scale: int) -> None:
    """Sides are at least one pixel, scales those of libjpeg."""
    with pytest.raises(ValueError, match="no picture"):
        Shape(height=height, width=width, scale=scale)


def test_plane_size_is_rounded_up() -> None:
    """A block that is cut off by the edge has a pixel too."""
    assert Shape(height=9, width=17, scale=8).plane == (2, 3)


def test_picture_refuses_a_plane_of_another_size() -> None:
    """Plane and shape belong together."""
    with pytest.raises(ValueError, match="does not fit"):
        Picture(plane=PLANE, shape=Shape(height=4, width=5))


@pytest.mark.parametrize(
    ("notes", "truncated", "reason"),
    [
        pytest.param(frozenset[Note](), False, None, id="complete"),
        pytest.param(frozenset({Note.FRAMES}), False, Reason.NOT_INSPECTED, id="note"),
        pytest.param(frozenset[Note](), True, Reason.TRUNCATED, id="truncated"),
        pytest.param(frozenset({Note.ALPHA}), True, Reason.TRUNCATED, id="both"),
    ],
)
def test_reason_of_a_picture(
    notes: frozenset[Note], truncated: bool, reason: Reason | None
) -> None:
    """A picture that broke off says so first; one with more to it is not inspected."""
    picture = Picture(plane=PLANE, shape=SHAPE, notes=notes, truncated=truncated)

    assert picture.reason is reason
