"""A small picture on a large plain canvas is seen as well as by itself."""

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from tests.corpus import pictures
from tests.pictures import icc
from tests.pictures.sketches import frames, photograph
from uploadfilter.model import Geometry, SignalType, View
from uploadfilter.pictures import formats
from uploadfilter.pictures.decoding import DecodeLimits
from uploadfilter.pictures.frame import Frame, Omission
from uploadfilter.pictures.opening import open_reader
from uploadfilter.pictures.picture import Picture, Shape
from uploadfilter.pictures.showing import showings
from uploadfilter.signals import closeups
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
    times=st.integers(5, 14),
    place=st.tuples(st.floats(0, 1), st.floats(0, 1)),
    grey=st.sampled_from([0, 90, 255]),
    file_format=st.sampled_from(["JPEG", "PNG", "BMP"]),
)
def test_picture_anywhere_on_a_canvas_is_found(
    times: int, place: tuple[float, float], grey: int, file_format: str
) -> None:
    """However much plain canvas there is, and wherever the picture lies."""
    canvas = canvas_of(times, place, (grey, grey, grey))

    assert nearest(pictures.encoded(canvas, file_format)) <= 20


def test_canvas_with_a_profile_is_converted_when_looked_at_closely() -> None:
    """The part is shown in the way in which its border was found."""
    canvas = canvas_of(8, (0.3, 0.8), (0, 0, 0), ImageOps.invert(TARGET))

    assert nearest(pictures.jpeg(canvas, icc_profile=INVERTED)) <= 20


def test_transparent_canvas_is_looked_at_closely() -> None:
    """On white and on black there is a border where nothing is drawn."""
    canvas = canvas_of(8, (0.3, 0.8), (0, 0, 0, 0), TARGET.convert("RGBA"))

    assert nearest(pictures.png(canvas)) <= 20


def test_long_canvas_is_looked_at_closely() -> None:
    """Where a picture is a small share of the width only, its height tells."""
    canvas = Image.new("RGB", (40 * TARGET.width, TARGET.height + 200), (9, 9, 9))
    canvas.paste(TARGET, (3000, 90))

    assert nearest(pictures.jpeg(canvas)) <= 20


def never(scale: int, mode: str) -> Frame:
    """Stand for a decoder that must not be asked."""
    raise AssertionError(f"decoded again at {scale} in {mode}")


@pytest.mark.parametrize("border", [0, 300])
def test_usual_picture_is_not_decoded_again(border: int) -> None:
    """A photograph, with a border or without, costs what it did."""
    image = ImageOps.expand(photograph(52, 2400, 1800), border)
    (frame,) = frames(pictures.jpeg(image))
    asked = Frame(
        image=frame.image,
        number=0,
        full=frame.full,
        scale=frame.scale,
        again=never,
    )
    (shown,) = showings(asked)

    assert len(list(closeups.inner_pictures(asked, shown))) == bool(border)


def test_too_large_a_canvas_is_decoded_at_a_scale_within_the_budget() -> None:
    """Nothing is decoded again at more pixels than may be."""
    canvas = canvas_of(16, (0.5, 0.5), (255, 255, 255), TARGET.resize((640, 480)))
    asked: list[int] = []
    file = io.BytesIO(pictures.jpeg(canvas.convert("L"), 60))
    reader = open_reader(file, formats.FORMATS, DecodeLimits())
    assert reader is not None
    frame = reader.frame(0)

    def again(scale: int, mode: str) -> Frame:
        asked.append(scale)
        assert frame.again is not None
        return frame.again(scale, mode)

    watched = Frame(
        image=frame.image, number=0, full=frame.full, scale=frame.scale, again=again
    )
    (shown,) = showings(watched)
    inner = list(closeups.inner_pictures(watched, shown))

    assert asked == [2]
    assert frame.full[0] * frame.full[1] // 4 <= closeups.MOST_PIXELS
    assert inner[-1].shape.scale == 2
