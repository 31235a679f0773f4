"""A small picture on a large plain canvas is found."""

import io

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from tests.corpus import pictures
from tests.pictures import icc
from tests.pictures.sketches import photograph
from uploadfilter.model import Geometry, SignalType, View
from uploadfilter.pictures import formats
from uploadfilter.pictures.decoding import DecodeLimits
from uploadfilter.pictures.frame import Omission
from uploadfilter.pictures.picture import Picture, Shape
from uploadfilter.signals.views import view_of, views_of

TARGET = photograph(51, 320, 240)
INVERTED = icc.colour_profile(icc.table(icc.srgb_light()[::-1]))


def values(view: View) -> set[int]:
    """Return PDQ of a view in full geometry, in every variant."""
    return {
        int.from_bytes(item.signal.value)
        for item in view.signals
        if item.signal.type is SignalType.PDQ and item.geometry is Geometry.FULL
    }


def listed(image: Image.Image) -> int:
    """Return the PDQ under which a picture is listed."""
    plane = np.asarray(image.convert("L"))
    height, width = plane.shape
    picture = Picture(plane=plane, shape=Shape(height=height, width=width))
    value = view_of(picture, name="stored").signals[0].signal.value
    return int.from_bytes(value)


def nearest(content: bytes, image: Image.Image = TARGET) -> int:
    """Return the least distance of a picture to the views of a file, in bits."""
    views = views_of(
        io.BytesIO(content),
        formats=formats.FORMATS,
        limits=DecodeLimits(),
        most_views=64,
        most_signals=4096,
    )
    found = [view for view in views if not isinstance(view, Omission)]
    expected = listed(image)
    return min((value ^ expected).bit_count() for v in found for value in values(v))


def canvas_of(
    times: int,
    place: tuple[float, float],
    colour: tuple[int, ...],
    image: Image.Image = TARGET,
) -> Image.Image:
    """Put a picture on a plain canvas that is several times its size."""
    size = image.width * times, image.height * times
    canvas = Image.new(image.mode, size, colour)
    left, top = (
        round(share * (whole - part))
        for share, whole, part in zip(place, size, image.size, strict=True)
    )
    canvas.paste(image, (left, top))
    return canvas


@settings(max_examples=12)
@given(
    times=st.integers(5, 16),
    place=st.tuples(st.floats(0, 1), st.floats(0, 1)),
    grey=st.sampled_from([0, 90, 255]),
    file_format=st.sampled_from(["JPEG", "PNG", "BMP"]),
)
@example(times=10, place=(0.0, 0.9921875), grey=0, file_format="JPEG")
def test_picture_anywhere_on_a_canvas_is_found(
    times: int, place: tuple[float, float], grey: int, file_format: str
) -> None:
    """Up to sixteen times as wide and as high, and wherever the picture lies.

    The example leaves a strip of 17 pixels below, which was cut off with the picture.
    """
    canvas = canvas_of(times, place, (grey, grey, grey))

    assert nearest(pictures.encoded(canvas, file_format)) <= 31


def test_canvas_with_a_profile_is_found() -> None:
    """The part is shown in the way in which its border was found."""
    canvas = canvas_of(8, (0.3, 0.8), (0, 0, 0), ImageOps.invert(TARGET))

    assert nearest(pictures.jpeg(canvas, icc_profile=INVERTED)) <= 31


def test_transparent_canvas_is_found() -> None:
    """On white and on black there is a border where nothing is drawn."""
    canvas = canvas_of(8, (0.3, 0.8), (0, 0, 0, 0), TARGET.convert("RGBA"))

    assert nearest(pictures.png(canvas)) <= 31


def test_long_canvas_is_found() -> None:
    """Where a picture is a small share of the width only, its height tells."""
    canvas = Image.new("RGB", (40 * TARGET.width, TARGET.height + 200), (9, 9, 9))
    canvas.paste(TARGET, (3000, 90))

    assert nearest(pictures.jpeg(canvas)) <= 31
