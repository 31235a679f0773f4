"""A clean aperture shows a part of a picture, and the filter that and the whole."""

import io
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tests.corpus import pictures
from tests.corpus.tricks import parts as tricks_parts
from tests.pictures.sketches import photograph
from uploadfilter.model import Reason
from uploadfilter.pictures import formats
from uploadfilter.pictures.decoding import DecodeLimits
from uploadfilter.pictures.frame import Omission
from uploadfilter.pictures.headers import apertures
from uploadfilter.signals.views import views_of

PHOTO = photograph(21, 96, 64)
AVIF = pictures.encoded(PHOTO, "AVIF", speed=9)


def names_of(data: bytes) -> list[str]:
    """Return the names of a file's views, and reasons why they are not all."""
    items = views_of(
        io.BytesIO(data),
        formats=formats.FORMATS,
        limits=DecodeLimits(),
        most_views=64,
        most_signals=4096,
    )
    return [i.reason.value if isinstance(i, Omission) else i.name for i in items]


def aperture(*fields: int) -> bytes:
    """Return the box of a clean aperture with any numbers in it."""
    return tricks_parts.item_box(b"clap", struct.pack(">IIIIiIiI", *fields))


@given(
    whole=st.tuples(st.integers(1, 200), st.integers(1, 200)),
    edges=st.tuples(*[st.integers(0, 199)] * 4),
)
def test_part_is_where_the_writer_says(
    whole: tuple[int, int], edges: tuple[int, int, int, int]
) -> None:
    """A written left edge and width are read back."""
    left, right = sorted((edges[0] % whole[0], edges[1] % whole[0]))
    upper, lower = sorted((edges[2] % whole[1], edges[3] % whole[1]))
    size = right + 1 - left, lower + 1 - upper
    box = tricks_parts.clean_aperture(size, whole, at=(left, upper))
    (found,) = apertures.apertures_of(b"...." + box)

    part = apertures.part_of(whole, found)

    is_whole = size == whole
    assert part == (None if is_whole else (left, upper, right + 1, lower + 1))


@given(st.tuples(*[st.integers(0, 2**32 - 1)] * 4, *[st.integers(-(2**31), 2**31 - 1)]))
def test_any_numbers_give_a_part_inside_or_none(numbers: tuple[int, ...]) -> None:
    """Whatever a box says, no part reaches beyond the picture or is empty."""
    width, one, height, other, offset = numbers
    part = apertures.part_of((640, 480), (width, one, height, other, offset, 1, 0, 1))

    assert part is None or (
        0 <= part[0] < part[2] <= 640 and 0 <= part[1] < part[3] <= 480
    )


def test_part_and_whole_are_views() -> None:
    """Programs differ in what they show, so both are compared."""
    box = tricks_parts.clean_aperture((48, 40), PHOTO.size, at=(8, 8))

    assert names_of(tricks_parts.with_properties(AVIF, box)) == ["stored", "part:1"]


def test_part_shows_the_pixels_of_the_picture() -> None:
    """The view of a part is that of the picture cut there."""
    box = tricks_parts.clean_aperture((48, 40), PHOTO.size, at=(8, 8))
    data = tricks_parts.with_properties(AVIF, box)
    cut = Image.open(io.BytesIO(AVIF)).convert("RGB").crop((8, 8, 56, 48))
    ours = list(_views(data))[1]

    assert ours == next(iter(_views(pictures.png(cut))))


def _views(data: bytes) -> list[bytes]:
    items = views_of(
        io.BytesIO(data),
        formats=formats.FORMATS,
        limits=DecodeLimits(),
        most_views=64,
        most_signals=4096,
    )
    return [item.plane for item in items if not isinstance(item, Omission)]


@pytest.mark.parametrize("count", [1, apertures.MOST_APERTURES])
def test_every_aperture_counts(count: int) -> None:
    """A file that says several things shows several parts."""
    boxes = [
        tricks_parts.clean_aperture((32, 32), PHOTO.size, at=(4 * each, 0))
        for each in range(count)
    ]
    names = names_of(AVIF + b"".join(boxes))

    assert names == ["stored", *(f"part:{each + 1}" for each in range(count))]


def test_too_many_apertures_are_said() -> None:
    """More than are looked at is never a pass."""
    boxes = [
        tricks_parts.clean_aperture((32, 32), PHOTO.size, at=(each, 0))
        for each in range(apertures.MOST_APERTURES + 1)
    ]

    assert Reason.TOO_MANY_VIEWS.value in names_of(AVIF + b"".join(boxes))


@pytest.mark.parametrize(
    "box",
    [
        pytest.param(aperture(0, 1, 10, 1, 0, 1, 0, 1), id="no width"),
        pytest.param(aperture(10, 0, 10, 1, 0, 1, 0, 1), id="no denominator"),
        pytest.param(aperture(10, 1, 10, 1, 900, 1, 0, 1), id="outside"),
        pytest.param(aperture(96, 1, 64, 1, 0, 1, 0, 1), id="all of it"),
        pytest.param(aperture(10, 1, 10, 1, 0, 1, 0, 1)[:-1], id="cut off"),
    ],
)
def test_aperture_that_shows_nothing_else_is_no_view(box: bytes) -> None:
    """Nothing is shown of what lies outside, and nothing twice."""
    assert names_of(AVIF + box) == ["stored"]


def test_without_apertures_a_heic_is_whole() -> None:
    """The library that heeds them shows all, at the same length of the file."""
    box = tricks_parts.clean_aperture((32, 32), (96, 64))
    data = b"before" + box + b"after" + box

    whole = apertures.without_apertures(data)

    assert len(whole) == len(data)
    assert not apertures.apertures_of(whole)
