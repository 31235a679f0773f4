"""Borders are found where there are some, as exactly as PDQ needs, and nowhere else."""

import io
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from tests.corpus import pictures
from tests.pictures.sketches import luma, photograph, picture_of, value
from tests.signals import twins
from uploadfilter.pictures.picture import Luma, Picture, Shape
from uploadfilter.signals.trimming import trim
from uploadfilter.signals.views import view_of

BLACK, WHITE, RED, GREY = (0, 0, 0), (255, 255, 255), (200, 30, 40), (128, 128, 128)
PHOTOGRAPHS = range(20, 26)


def bordered(
    image: Image.Image,
    colour: tuple[int, int, int],
    *,
    left: int = 0,
    top: int = 0,
    right: int = 0,
    bottom: int = 0,
) -> Image.Image:
    """Return an image inside a border, in pixels."""
    size = image.width + left + right, image.height + top + bottom
    canvas = Image.new("RGB", size, colour)
    canvas.paste(image, (left, top))
    return canvas


def framed(
    image: Image.Image, colour: tuple[int, int, int], per_cent: int
) -> Image.Image:
    """Return an image inside a border of a percentage of its sides."""
    across, down = (round(side * per_cent / 100) for side in image.size)
    return bordered(image, colour, left=across, top=down, right=across, bottom=down)


def grey_of(image: Image.Image, quality: int | None = None) -> Luma:
    """Return the luma of an image, after it was a JPEG of some quality."""
    if quality is not None:
        image = Image.open(io.BytesIO(pictures.jpeg(image, quality)))
    return np.asarray(image.convert("L"))


def inner(plane: Luma) -> list[Luma]:
    """Return the planes inside of all borders."""
    return [picture.plane for picture in trim(picture_of(plane))]


def bits_off(image: Image.Image, plane: Luma) -> int:
    """Return how far the nearest trimmed view is from an image."""
    listed = value(view_of(picture_of(grey_of(image)), name="stored"))
    found = [value(view_of(picture_of(part), name="trim:1")) for part in inner(plane)]
    return min((twins.bits_apart(listed, ours) for ours in found), default=256)


@pytest.mark.parametrize("colour", [BLACK, WHITE, RED, GREY])
@pytest.mark.parametrize("per_cent", [2, 5, 10])
@pytest.mark.parametrize("quality", [None, 95, 75, 50])
def test_border_is_found(
    colour: tuple[int, int, int], per_cent: int, quality: int | None
) -> None:
    """Whatever its width and colour, also after a JPEG: PDQ is the picture's."""
    for seed in PHOTOGRAPHS[:2]:
        image = photograph(seed, 480, 360)

        plane = grey_of(framed(image, colour, per_cent), quality)

        assert bits_off(image, plane) <= 20


TRICKS: dict[str, Callable[[Image.Image], Luma]] = {
    "letterbox": lambda image: grey_of(bordered(image, BLACK, top=70, bottom=70), 75),
    "pillarbox": lambda image: grey_of(bordered(image, BLACK, left=90, right=90), 75),
    "one side": lambda image: grey_of(bordered(image, WHITE, bottom=61), 75),
    "letterbox in a frame": lambda image: grey_of(
        framed(bordered(image, BLACK, top=60, bottom=60), WHITE, 6), 75
    ),
    "small in a canvas": lambda image: grey_of(
        bordered(image, WHITE, left=333, top=277, right=541, bottom=400), 75
    ),
    "resized": lambda image: grey_of(framed(image, WHITE, 8).resize((301, 222)), 85),
    "JPEG twice": lambda image: grey_of(
        Image.open(io.BytesIO(pictures.jpeg(framed(image, RED, 7), 60))), 80
    ),
    "WebP": lambda image: grey_of(
        Image.open(io.BytesIO(pictures.webp(framed(image, GREY, 7), 40)))
    ),
    "noise": lambda image: noisy(grey_of(framed(image, GREY, 7)), deviation=3),
}
"""Pictures in borders of many kinds."""


def noisy(plane: Luma, *, deviation: float) -> Luma:
    """Return a plane with noise all over."""
    noise = np.random.default_rng(4).normal(0, deviation, plane.shape)
    return np.clip(np.rint(plane + noise), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("name", TRICKS)
def test_border_of_any_kind_is_found(name: str) -> None:
    """One of at most two steps inward is the picture."""
    image = photograph(20, 480, 360)

    assert bits_off(image, TRICKS[name](image)) <= 31


def test_border_within_a_border_is_a_second_step() -> None:
    """The letterboxed picture has a view, and so has the picture."""
    image = photograph(20, 480, 360)
    boxed = bordered(image, BLACK, top=60, bottom=60)

    found = inner(grey_of(framed(boxed, WHITE, 10)))

    assert [plane.shape for plane in found] == [(480, 480), (360, 480)]


@pytest.mark.parametrize("seed", PHOTOGRAPHS)
def test_photograph_has_no_border(seed: int) -> None:
    """A picture without a border has no further view."""
    assert inner(luma(seed)) == []


@pytest.mark.parametrize(
    "plane",
    [
        pytest.param(np.full((300, 400), 90, np.uint8), id="flat"),
        pytest.param(noisy(np.full((300, 400), 90, np.uint8), deviation=2), id="noise"),
        pytest.param(np.zeros((1, 1), np.uint8), id="one pixel"),
        pytest.param(np.zeros((1, 9_000), np.uint8), id="one line"),
        pytest.param(
            np.pad(luma(20, 63, 200), 40, constant_values=255), id="a scrap inside"
        ),
        pytest.param(
            np.pad(luma(20, 640, 480), 2, constant_values=255), id="a hairline"
        ),
    ],
)
def test_what_cannot_be_trimmed_is_left(plane: Luma) -> None:
    """Flat pictures have no inside; scraps tell nothing, hairlines change nothing."""
    assert inner(plane) == []


def test_border_of_a_sparse_picture_is_found() -> None:
    """A dark sky with few stars is not a border, though each column looks like one."""
    sky = np.zeros((300, 400), np.uint8)
    places = np.random.default_rng(6).integers(0, 300, (2, 250))
    sky[tuple(places)] = 255
    sky[140:146] = 90

    (part,) = inner(np.pad(sky, ((60, 60), (0, 0)), constant_values=200))

    assert part.shape == (300, 400)


def test_missing_rows_of_a_jpeg_are_trimmed() -> None:
    """The fill of a decoder for missing rows is not part of the picture."""
    content = bytearray(pictures.jpeg(photograph(20, 480, 368)))
    height = content.index(b"\xff\xc0") + 5
    content[height : height + 2] = (600).to_bytes(2, "big")
    image = Image.open(io.BytesIO(bytes(content) + b"\xff\xd9"))

    (part,) = inner(np.asarray(image.convert("L")))

    assert part.shape == (368, 480)


def test_page_of_text_is_trimmed_to_its_text() -> None:
    """Margins of a page are a border; the rest is the text, except for its rim."""
    page = Image.new("L", (600, 800), 255)
    draw = ImageDraw.Draw(page)
    for line in range(40):
        draw.text((80, 100 + 15 * line), "all work and no play " * 4, fill=0)
    box = page.point(lambda grey: 255 - grey).getbbox()
    assert box is not None

    (text,) = inner(np.asarray(page))

    assert text.shape[0] >= box[3] - box[1] - 16
    assert text.shape[1] >= box[2] - box[0] - 16


@pytest.mark.parametrize("scale", [2, 4, 8])
def test_trimmed_picture_keeps_its_scale(scale: int) -> None:
    """The full size of the part is that of the blocks of pixels in it."""
    plane = np.pad(luma(20, 400, 300), ((20, 0), (30, 10)), constant_values=255)
    height, width = (side * scale - 1 for side in plane.shape)
    shape = Shape(height=height, width=width, scale=scale)

    (part,) = trim(Picture(plane=plane, shape=shape))

    assert part.plane.shape == (300, 400)
    assert part.shape == Shape(height=300 * scale - 1, width=400 * scale, scale=scale)


def border_of(lines: list[list[int]]) -> int:
    """Return how many lines are the outer border: the rule, one pixel at a time."""
    width = len(lines[0])
    sampled = lines[0][:: -(-width // 64)]
    colour = round(sum(lines[0]) / width)

    def unrest(line: list[int]) -> float:
        return sum(min(abs(grey - colour), 24) for grey in line) / width

    own = unrest(lines[0])
    if max(sampled) - min(sampled) > 64 or own > 6:
        return 0
    tolerance = 1 + 1.5 * own
    end = next((n for n, line in enumerate(lines) if unrest(line) > tolerance), None)
    if end is None:
        return len(lines)
    steps = [
        sum(abs(one - other) for one, other in zip(*pair, strict=True)) / width
        for pair in zip(lines[end - 1 : end + 7], lines[end : end + 8], strict=False)
    ]
    first = next(n for n, step in enumerate(steps) if step >= max(steps) / 2)
    is_sharp = steps[first] >= 4 + 2 * tolerance
    return end + first if own <= 0.75 or is_sharp else 0


def inside(lines: list[list[int]]) -> tuple[int, int] | None:
    """Return the lines between two borders; ``None`` if all are border."""
    first = border_of(lines)
    last = len(lines) - border_of(lines[::-1])
    return (first, last) if first < last else None


def turned(lines: list[list[int]]) -> list[list[int]]:
    """Return rows as columns."""
    return [list(line) for line in zip(*lines, strict=True)]


def box_of(plane: Luma) -> tuple[int, int, int, int] | None:
    """Return the rows and columns inside a border: the rule, side by side."""
    lines = plane.tolist()
    rows = inside(lines)
    if rows is None:
        columns = inside(turned(lines))
        if columns is None:
            return None
        rows = inside([line[slice(*columns)] for line in lines])
        if rows is None:
            return None
    else:
        columns = inside(turned(lines[slice(*rows)])) or (0, plane.shape[1])
    (top, bottom), (left, right) = rows, columns
    if min(bottom - top, right - left) < 64:
        return None
    height, width = plane.shape
    removed = max(1 - (bottom - top) / height, 1 - (right - left) / width)
    return (top, bottom, left, right) if removed >= 0.01 else None


@given(
    margins=st.tuples(*[st.integers(0, 20)] * 4),
    grey=st.integers(0, 255),
    deviation=st.sampled_from([0.0, 0.5, 2.0, 6.0]),
    smooth=st.booleans(),
    seed=st.integers(0, 5),
)
def test_fast_search_finds_what_the_slow_one_does(
    margins: tuple[int, int, int, int],
    grey: int,
    deviation: float,
    *,
    smooth: bool,
    seed: int,
) -> None:
    """Looking at samples first, and at some lines at a time, changes nothing."""
    inside = luma(20 + seed, 96, 80) // np.uint8(8 if smooth else 1)
    top, bottom, left, right = margins
    around = ((top, bottom), (left, right))
    plane = noisy(np.pad(inside, around, constant_values=grey), deviation=deviation)

    first = next(trim(picture_of(plane)), None)

    box = box_of(plane)
    if box is None:
        assert first is None
    else:
        top, bottom, left, right = box
        assert first is not None
        np.testing.assert_array_equal(first.plane, plane[top:bottom, left:right])


@given(
    plane=st.integers(0, 2**32).flatmap(
        lambda seed: st.tuples(st.integers(1, 90), st.integers(1, 90)).map(
            lambda size: np.random.default_rng(seed).integers(0, 3, size, np.uint8)
        )
    )
)
def test_any_plane_is_a_value(plane: Luma) -> None:
    """Whatever the size, each step is a smaller part of the one before."""
    sizes = [plane.size, *(part.size for part in inner(plane))]

    assert sizes == sorted(set(sizes), reverse=True)
