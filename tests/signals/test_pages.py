"""On whatever plain page a transparent picture is shown, a view lies near."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.corpus.tricks import views as tricks_views
from tests.pictures.sketches import photograph
from uploadfilter.model import QUALITY_FLOOR
from uploadfilter.pictures.frame import Frame
from uploadfilter.pictures.picture import Blend, Floats, Luma, Picture, Shape
from uploadfilter.signals import pages, pdq
from uploadfilter.signals.pages import show_on_pages

SIZE = 160, 120
WITHIN_BITS = pages.NEAR_BITS + 8
"""Pages between two that were thought of lie a few bits further away."""


def picture_of(luma: Luma) -> Picture:
    """Return a picture of luma."""
    height, width = luma.shape
    return Picture(plane=luma, shape=Shape(height=height, width=width))


def plane_of(luma: Luma) -> Floats:
    """Return PDQ's plane of luma."""
    return pdq.plane_of(picture_of(luma))


def shown(image: Image.Image, *, count: int = 1) -> dict[str, Luma]:
    """Return the showings of a picture, by name."""
    frame = Frame(image=image, number=0, full=image.size, count=count)
    return {item.name: item.picture.plane for item in show_on_pages(frame)}


def on_page(image: Image.Image, colour: tuple[int, int, int]) -> Luma:
    """Draw a picture on a page as Pillow draws it."""
    page = Image.new("RGBA", image.size, (*colour, 255))
    return np.asarray(Image.alpha_composite(page, image).convert("L"))


def bits_between(one: Luma, others: list[Luma]) -> int:
    """Return the least distance of one picture to some others."""
    bits = pdq.bits_of(np.stack([plane_of(luma) for luma in (one, *others)]))
    return int(np.count_nonzero(bits[1:] != bits[0], axis=1).min())


def transparent(kind: str, seed: int) -> Image.Image:
    """Return a picture with alpha: made for a grey page, a cut-out, or anything."""
    one, two, three = (photograph(seed + each, *SIZE) for each in range(3))
    if kind == "grey page":
        return tricks_views.grey_page_rgba(one, two)
    alpha = two.convert("L")
    image = Image.merge("RGBA", (*one.split(), alpha))
    if kind == "holes":
        image.putalpha(alpha.convert("1").convert("L"))
    elif kind == "flat":
        image = Image.merge("RGBA", (*[Image.new("L", SIZE, 130)] * 3, alpha))
    elif kind == "veil":
        image.putalpha(three.convert("L").point(lambda value: 128 + value // 2))
    return image


@settings(max_examples=30)
@given(
    kind=st.sampled_from(["grey page", "holes", "flat", "veil", "any"]),
    seed=st.integers(0, 1000),
    colour=st.one_of(
        st.integers(0, 255).map(lambda grey: (grey, grey, grey)),
        st.tuples(*[st.integers(0, 255)] * 3),
    ),
)
def test_every_page_is_near_to_a_view(
    kind: str, seed: int, colour: tuple[int, int, int]
) -> None:
    """Grey or coloured, the picture on a page differs in few bits from some view."""
    image = transparent(kind, seed)
    seen = on_page(image, colour)
    speaks = pdq.qualities_of(plane_of(seen)[None])[0] >= QUALITY_FLOOR
    views = [plane for name, plane in shown(image).items() if name != "alpha"]

    assert not speaks or bits_between(seen, views) <= WITHIN_BITS


def test_picture_for_a_grey_page_is_found_by_a_grey_view_only() -> None:
    """White and black show too much of the decoy."""
    target = photograph(31, *SIZE)
    views = shown(tricks_views.grey_page_rgba(target, photograph(32, *SIZE)))
    luma = np.asarray(target.convert("L"))
    greys = [plane for name, plane in views.items() if name.startswith("grey:")]
    others = [plane for name, plane in views.items() if not name.startswith("grey:")]

    assert bits_between(luma, others) > 31
    assert bits_between(luma, greys) <= 31


@given(grey=st.integers(0, 255), alpha=st.integers(0, 255), page=st.integers(0, 255))
def test_page_between_is_mixed_as_it_is_drawn(grey: int, alpha: int, page: int) -> None:
    """Two pages determine every page between them, except for rounding."""
    black, white = (
        picture_of(np.full((1, 1), round((grey * alpha + back * (255 - alpha)) / 255)))
        for back in (0, 255)
    )
    drawn = (grey * alpha + page * (255 - alpha)) / 255

    mixed = Blend(one=black, other=white, share=page).plane[0, 0]

    assert abs(int(mixed) - drawn) <= 1.5


@settings(max_examples=30)
@given(
    kind=st.sampled_from(["grey page", "holes", "flat", "veil", "any"]),
    seed=st.integers(0, 1000),
    contrast=st.sampled_from([1, 0.3, 0.1, 0.03]),
)
def test_page_on_which_little_is_said_stands_for_no_other(
    kind: str, seed: int, contrast: float
) -> None:
    """A view of low quality never matches, however near its bits are."""
    views = shown(transparent(kind, seed))
    black = plane_of(views["black"]) * np.float32(contrast)
    planes = black + (plane_of(views["white"]) - black) * (
        pages.GREYS[:, None, None] / 255
    ).astype(np.float32)
    chosen = pages.choose_greys(planes[0], planes[-1], 99)

    speaks = pdq.qualities_of(planes) >= QUALITY_FLOOR
    bits = pdq.bits_of(planes)
    seen = speaks & np.isin(pages.GREYS, (0, *chosen, 255))
    for page in np.flatnonzero(speaks):
        apart = np.count_nonzero(bits[seen] != bits[page], axis=1)
        assert apart.min() <= pages.NEAR_BITS


def test_few_pages_are_first_those_that_stand_for_most() -> None:
    """An animation has fewer of them."""
    views = shown(transparent("any", 40))
    black, white = (plane_of(views[name]) for name in ("black", "white"))
    chosen = pages.choose_greys(black, white, 99)

    assert len(chosen) > 2
    assert pages.choose_greys(black, white, 2) == chosen[:2]


@pytest.mark.parametrize("alpha", [0, 128, 254])
def test_even_transparency_needs_no_page(alpha: int) -> None:
    """A picture that is as transparent everywhere has the same signals on any page."""
    image = photograph(33, *SIZE).convert("RGBA")
    image.putalpha(alpha)

    assert not [name for name in shown(image) if name.startswith("grey:")]


def test_soft_edges_need_no_page() -> None:
    """A photograph on an oval with soft edges is shown as before."""
    image = photograph(34, *SIZE).convert("RGBA")
    rows, columns = np.ogrid[-1 : 1 : SIZE[1] * 1j, -1 : 1 : SIZE[0] * 1j]
    oval = np.clip(40 * (1.4 - rows**2 - columns**2), 0, 1) * 255
    image.putalpha(Image.fromarray(oval.astype(np.uint8)))

    assert len([name for name in shown(image) if name.startswith("grey:")]) <= 1


@pytest.mark.parametrize("size", [(31, 200), (200, 31), (16, 16), (7, 7)])
def test_picture_that_nobody_can_make_out_has_no_page(size: tuple[int, int]) -> None:
    """Icons of a few pixels are many, and each would have up to thirty pages."""
    target, decoy = (photograph(seed, *size) for seed in (41, 42))

    names = shown(tricks_views.grey_page_rgba(target, decoy))

    assert {"stored", "white", "black", "alpha"} <= set(names)
    assert not [name for name in names if name.startswith("grey:")]


def test_picture_that_somebody_can_make_out_has_pages() -> None:
    """The smallest that counts is shown on grey pages as a large one is."""
    side = pages.LEAST_SIDE
    target, decoy = (photograph(seed, side, side) for seed in (41, 42))
    image = tricks_views.grey_page_rgba(target, decoy)

    assert [name for name in shown(image) if name.startswith("grey:")]


@pytest.mark.parametrize("count", [2, 12, 60])
def test_frames_have_fewer_pages(count: int) -> None:
    """Long animations get one page of each frame, so that many frames are shown."""
    names = shown(transparent("any", 40), count=count)
    greys = [name for name in names if name.startswith("grey:")]

    assert 1 <= len(greys) <= max(1, 8 // count)
