"""A picture whose colours have one luma is seen by its colours, and no other is."""

import io

import numpy as np
import pytest
from PIL import Image

from tests.corpus import pictures
from tests.corpus.tricks import views as tricks_views
from tests.pictures.sketches import photograph
from uploadfilter.model import Reason
from uploadfilter.pictures import formats
from uploadfilter.pictures.decoding import DecodeLimits
from uploadfilter.pictures.frame import Frame, Omission
from uploadfilter.pictures.limits import OverBudgetError
from uploadfilter.pictures.picture import Picture, Shape
from uploadfilter.signals import chroma, pdq
from uploadfilter.signals.clipping import load_colours
from uploadfilter.signals.views import views_of

PHOTO = photograph(61, 320, 240)
FAINT = pictures.dimmed(PHOTO.convert("L").convert("RGB"), contrast=0.05)
COLOURS = tricks_views.equal_luma(PHOTO, PHOTO)


def picture_of(image: Image.Image) -> Picture:
    """Return the luma of an image as a picture."""
    plane = np.asarray(image.convert("L"))
    height, width = plane.shape
    return Picture(plane=plane, shape=Shape(height=height, width=width))


def frame_of(image: Image.Image) -> Frame:
    """Return an image as the frame of a file."""
    return Frame(image=image, number=0, full=image.size)


def bits_apart(one: Picture, other: Picture) -> int:
    """Return in how many bits of PDQ two pictures differ."""
    planes = np.stack([pdq.plane_of(one), pdq.plane_of(other)])
    first, second = pdq.bits_of(planes)
    return int(np.count_nonzero(first != second))


def names_of(content: bytes) -> list[str]:
    """Return the names of a file's views."""
    views = views_of(
        io.BytesIO(content),
        formats=formats.FORMATS,
        limits=DecodeLimits(),
        most_views=64,
        most_signals=4096,
    )
    return [view.name for view in views if not isinstance(view, Omission)]


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P", "YCbCr"])
def test_colours_are_shown_as_light_and_shade(mode: str) -> None:
    """The view of the colours is that of the picture they were made of."""
    shown = chroma.show_chroma(frame_of(COLOURS.convert(mode)))

    assert shown is not None
    assert bits_apart(shown, picture_of(PHOTO)) <= 12


def test_any_two_colours_do() -> None:
    """Whichever way the colours go, they are shown along it."""
    light = np.asarray(PHOTO.convert("L")).astype(np.float32) - 128
    flat = np.full_like(light, 128)
    samples = np.dstack((flat, flat + 0.2 * light, flat + 0.25 * light))
    image = Image.fromarray(samples.astype(np.uint8), "YCbCr").convert("RGB")
    shown = chroma.show_chroma(frame_of(image))

    assert shown is not None
    assert bits_apart(shown, picture_of(PHOTO)) <= 16


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param(pictures.jpeg(COLOURS), ["stored", "chroma"], id="JPEG"),
        pytest.param(pictures.png(COLOURS), ["stored", "chroma"], id="PNG"),
        pytest.param(pictures.jpeg(PHOTO), ["stored"], id="photograph"),
        pytest.param(pictures.png(PHOTO), ["stored"], id="photograph in PNG"),
        pytest.param(pictures.jpeg(FAINT), ["stored"], id="grey"),
        pytest.param(pictures.png(pictures.flat()), ["stored"], id="one colour"),
        pytest.param(
            pictures.png(FAINT.convert("L")),
            ["stored"],
            id="grey samples",
        ),
    ],
)
def test_colours_are_a_view_only_where_luma_says_little(
    content: bytes, expected: list[str]
) -> None:
    """Neither a photograph nor a grey picture has a further view."""
    assert names_of(content) == expected


def test_no_photograph_is_looked_at_for_its_colours() -> None:
    """The luma of photographs says enough."""
    photos = (picture_of(photograph(seed, 320, 240)) for seed in range(40))

    assert not any(map(chroma.is_flat, photos))


def test_later_frame_of_the_same_luma_has_its_colours() -> None:
    """A plane that was seen before does not hide the colours that go with it."""
    other = tricks_views.equal_luma(photograph(62, 320, 240), PHOTO)
    content = pictures.encoded(
        other, "PNG", save_all=True, append_images=[COLOURS], duration=90
    )

    assert "frame:1/chroma" in names_of(content)


def test_colours_that_cost_too_much_are_not_shown() -> None:
    """A picture that may not be decoded again stays as it is."""

    def fail() -> Frame:
        raise OverBudgetError(Reason.TOO_MANY_PIXELS)

    image = COLOURS.convert("L")
    frame = Frame(image=image, number=0, full=image.size, load_colours=fail)

    assert load_colours(frame) is None
