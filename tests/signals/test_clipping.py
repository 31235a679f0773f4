"""A JPEG whose colours no screen has is seen as screens show it."""

import io

import numpy as np
import pytest
from PIL import Image

from tests.corpus import pictures
from tests.corpus.tricks import screens as tricks_screens
from tests.pictures.sketches import photograph
from uploadfilter.model import SignalType, View
from uploadfilter.pictures import formats
from uploadfilter.pictures.decoding import DecodeLimits
from uploadfilter.pictures.picture import Picture, Shape
from uploadfilter.signals.clipping import CLIPPED, has_little_contrast
from uploadfilter.signals.views import view_of, views_of

TARGET = pictures.photograph(61, width=640, height=480)
DECOY = pictures.photograph(62, width=640, height=480)
NEAR = 31
FRAMED = 200


LUMAS = ((118, 138), (0, 24), (235, 255), (60, 80))
"""The darkest and the brightest luma that a file stores."""


def views(content: bytes) -> dict[str, View]:
    """Return the views of a file, by name."""
    found = views_of(
        io.BytesIO(content),
        formats=formats.FORMATS,
        limits=DecodeLimits(),
        most_views=64,
        most_signals=4096,
    )
    return {view.name: view for view in found if isinstance(view, View)}


def bits_apart(one: View, other: View) -> int:
    """Return in how many bits of PDQ two views differ."""
    values = [view.value(SignalType.PDQ) or b"" for view in (one, other)]
    return (int.from_bytes(values[0]) ^ int.from_bytes(values[1])).bit_count()


def seen(image: Image.Image) -> View:
    """Return the view of a picture as a screen shows it."""
    plane = np.asarray(image.convert("RGB").convert("L"))
    height, width = plane.shape
    return view_of(
        Picture(plane=plane, shape=Shape(height=height, width=width)), name=""
    )


@pytest.mark.parametrize("options", [{}, {"subsampling": 2}, {"progressive": True}])
@pytest.mark.parametrize(
    ("size", "lumas"),
    [
        *(((640, 480), lumas) for lumas in LUMAS),
        ((2400, 1800), LUMAS[0]),
        *(
            pytest.param((2400, 1800), lumas, marks=pytest.mark.slow)
            for lumas in LUMAS[1:]
        ),
    ],
)
def test_what_a_screen_shows_is_a_view(
    lumas: tuple[int, int], size: tuple[int, int], options: dict[str, object]
) -> None:
    """Whatever luma is stored, the luma of the colours that a screen has is a view."""
    image = tricks_screens.clipped(
        TARGET.resize(size), DECOY.resize(size), darkest=lumas[0], brightest=lumas[1]
    )

    content = pictures.jpeg(image, 92, **options)

    found = views(content)

    shown = seen(Image.open(io.BytesIO(content)))
    assert bits_apart(found["stored"], shown) > NEAR
    assert bits_apart(found[CLIPPED], shown) <= NEAR


def test_a_border_with_more_contrast_does_not_hide_it() -> None:
    """The part without the border is tested as well."""
    inner = tricks_screens.clipped(TARGET, DECOY)
    framed = Image.new("YCbCr", (640 + FRAMED, 480 + FRAMED), (255, 128, 128))
    framed.paste((0, 128, 128), (0, 0, FRAMED // 4, framed.height))
    framed.paste(inner, (FRAMED // 2, FRAMED // 2))

    found = views(pictures.jpeg(framed, 92, subsampling=0))

    target = seen(TARGET)
    assert min(bits_apart(view, target) for view in found.values()) <= NEAR


def test_calm_is_what_the_deviation_says() -> None:
    """Every view is asked, in a way that is quicker than the obvious one."""
    noise = np.random.default_rng(1).normal(size=(64, 64)).astype(np.float32)
    noise /= noise.std()

    for mean in (0, 30, 128, 250):
        for deviation in (0, 20, 35.9, 36.1, 60):
            plane = mean + noise * np.float32(deviation)
            view = View(name="", rows=(), plane=plane.astype(np.float32).tobytes())
            assert has_little_contrast(view) is bool(deviation < 36)


def test_ordinary_pictures_have_no_such_view() -> None:
    """Colours that a screen has change nothing, however hard they are compressed."""
    for seed in range(20):
        image = photograph(seed, 320, 240)
        faint = pictures.dimmed(image, contrast=0.4)
        for content in (pictures.jpeg(faint, 20), pictures.jpeg(image, 5)):
            assert CLIPPED not in views(content)
        assert CLIPPED not in views(pictures.jpeg(faint.convert("L")))
