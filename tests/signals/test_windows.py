"""Windows: the centre of a picture, in every form that a decoder gives."""

import numpy as np
import pytest

from tests.corpus import pictures
from tests.scanners.scans import scanned
from uploadfilter.model import SignalType
from uploadfilter.pictures.picture import Blend, Picture, Shape
from uploadfilter.signals.windows import WINDOWS, atom_of, window_of, windows_of


def _picture(height: int, width: int, scale: int = 1) -> Picture:
    shape = Shape(height=height, width=width, scale=scale)
    plane = np.arange(np.prod(shape.plane)).reshape(shape.plane) % 251
    return Picture(plane=plane.astype(np.uint8), shape=shape)


@pytest.mark.parametrize("side", [1, 2, 3, 5, 64, 101, 640])
def test_a_window_is_the_centre(side: int) -> None:
    """The same is cut off at both ends, and something is always left."""
    picture = _picture(side, side + 7)

    for name, window in windows_of(picture):
        height, width = window.plane.shape
        assert height >= 1
        assert (side - height) % 2 == 0
        assert (side + 7 - width) % 2 == 0
        assert abs(height - WINDOWS[name] * side) <= 2
        top, left = (side - height) // 2, (side + 7 - width) // 2
        inner = picture.plane[top : top + height, left : left + width]
        assert np.array_equal(window.plane, inner)


def test_a_scaled_plane_keeps_its_scale() -> None:
    """A JPEG that was decoded at a quarter is cut as it is."""
    found = dict(windows_of(_picture(1000, 2000, scale=4)))

    assert found["c60"].shape == Shape(height=600, width=1200, scale=4)


def test_a_blend_is_cut_in_both_of_its_pictures() -> None:
    """A transparent picture has no plane of its own before it is needed."""
    blend = Blend(one=_picture(50, 50), other=_picture(50, 50), share=100)
    whole = blend.plane

    found = dict(windows_of(blend))

    assert np.array_equal(found["c60"].plane, whole[10:40, 10:40])


def test_names_of_views_say_which_window_they_show() -> None:
    """``EntrySignal.window`` follows from the name of the view."""
    for name in WINDOWS:
        assert window_of(atom_of(name)) == name
        assert window_of(f"frame:3/{atom_of(name)}") == name
    assert window_of("stored") is None
    assert window_of("frame:3/trim:1") is None


def test_scans_have_windows_only_if_they_are_wanted() -> None:
    """An upload is never scanned for them: they would cost views and matches."""
    content = pictures.png(pictures.photograph(5, width=320, height=240))
    plain, full = scanned(content), scanned(content, windows=True)

    names = [view.name for view in full.views]
    assert names == ["stored", "window:60", "window:80"]
    assert [view.name for view in plain.views] == ["stored"]


def test_the_value_of_a_window_is_that_of_the_picture_of_it() -> None:
    """An issuer may compute the windows with any tool."""
    image = pictures.photograph(5, width=500, height=400)
    scan = scanned(pictures.png(image), windows=True)
    cut = scanned(pictures.png(image.crop((100, 80, 400, 320))))

    found = next(view for view in scan.views if view.name == "window:60")
    assert found.value(SignalType.PDQ) == cut.views[0].value(SignalType.PDQ)
