"""Shapes and pictures refuse values that no decoder can produce."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.pictures.sketches import photograph
from tests.signals.twins import bits_apart
from uploadfilter.model import SignalType
from uploadfilter.pictures.picture import Blend, Picture, Shape
from uploadfilter.signals import pdq
from uploadfilter.signals.views import view_of

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


def picture_of(seed: int, width: int, height: int) -> Picture:
    """Return a photograph as a picture."""
    plane = np.asarray(photograph(seed, width, height).convert("L"))
    return Picture(plane=plane, shape=Shape(height=height, width=width))


@settings(max_examples=25)
@given(
    seed=st.integers(0, 1000),
    share=st.integers(0, 255),
    size=st.sampled_from([(320, 240), (200, 640), (40, 33)]),
)
def test_blend_has_the_signals_of_its_plane(
    seed: int, share: int, size: tuple[int, int]
) -> None:
    """Linear functions are computed without the plane, with a few different bits."""
    blend = Blend(
        one=picture_of(seed, *size), other=picture_of(seed + 1, *size), share=share
    )
    made = Picture(plane=blend.plane, shape=blend.shape)

    ours = view_of(blend, name="", types=frozenset(SignalType))
    twin = view_of(made, name="", types=frozenset(SignalType))

    for one, other in zip(ours.signals, twin.signals, strict=True):
        assert (one.variant, one.geometry) == (other.variant, other.geometry)
        # Grey steps are rounded once less.
        few = 8 if one.signal.type is SignalType.PDQ else 4
        assert bits_apart(one.signal.value, other.signal.value) <= few
    assert abs(pdq.quality(ours.plane) - pdq.quality(twin.plane)) <= 2


def test_edges_of_a_blend_are_those_of_its_plane() -> None:
    """Top, bottom, left and right."""
    blend = Blend(one=picture_of(1, 50, 40), other=picture_of(2, 50, 40), share=77)
    plane = blend.plane

    for edge, line in zip(
        blend.edges(), (plane[0], plane[-1], plane[:, 0], plane[:, -1]), strict=True
    ):
        np.testing.assert_array_equal(edge, line)


def test_signals_are_made_of_a_picture_once() -> None:
    """Data of a picture are reused for many pages."""
    picture = picture_of(3, 64, 48)
    first = view_of(picture, name="")
    known = dict(picture.known)

    assert view_of(picture, name="") == first
    assert all(picture.known[name] is item for name, item in known.items())
