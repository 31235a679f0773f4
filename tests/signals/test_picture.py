"""Shapes and pictures refuse what no decoder can produce."""

import numpy as np
import pytest

from uploadfilter.signals.picture import Picture, Shape

PLANE = np.zeros((3, 5), np.uint8)


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
