"""How many frames a file has, and for how long each is shown."""

import io
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.corpus import pictures
from tests.fuzz import seeds
from uploadfilter.pictures.headers.timing import (
    Timing,
    tiff_pages,
    webp_timing,
)

SIZE = (seeds.WIDTH, seeds.HEIGHT)
DURATIONS = (100, 900, 100, 100)


@pytest.mark.parametrize(
    ("name", "durations"),
    [
        ("webp", (0,)),
        ("webp/lossless", (0,)),
        ("webp/alpha", (0,)),
        ("webp/moving", DURATIONS),
    ],
)
def test_webp_has_its_canvas_and_durations(
    name: str, durations: tuple[int, ...]
) -> None:
    """The canvas is known for all three kinds of WebP."""
    found = webp_timing(seeds.seed(name))

    assert (found.durations, found.canvas, found.is_whole) == (durations, SIZE, True)


@pytest.mark.parametrize(("name", "count"), [("tiff", 1), ("tiff/pages", 4)])
def test_tiff_pages_are_counted(name: str, count: int) -> None:
    """Pages are a chain."""
    found = tiff_pages(io.BytesIO(seeds.seed(name)))

    assert found == Timing(durations=(1,) * count)


@pytest.mark.parametrize("order", ["<", ">"])
def test_big_tiff_pages_are_counted(order: str) -> None:
    """The 64-bit form, in both byte orders."""
    head = struct.pack(order + "2sHHHQ", b"II" if order == "<" else b"MM", 43, 8, 0, 16)
    first = struct.pack(order + "Q20xQ", 1, 16 + 36)
    second = struct.pack(order + "Q20xQ", 1, 0)

    assert len(tiff_pages(io.BytesIO(head + first + second)).durations) == 2


def test_tiff_whose_pages_go_in_circles_ends() -> None:
    """A page that follows itself is counted once."""
    content = struct.pack("<2sHIHI", b"II", 42, 8, 0, 8)

    assert tiff_pages(io.BytesIO(content)) == Timing(durations=(1,))


def test_tiff_of_too_many_tags_has_no_page() -> None:
    """Tags are counted before anybody reads them."""
    page = struct.pack("<H", 60_000) + bytes(12 * 60_000 + 4)

    found = tiff_pages(io.BytesIO(struct.pack("<2sHI", b"II", 42, 8) + page))

    assert found == Timing(durations=(), is_whole=False)


def test_tiff_page_behind_the_end_is_one() -> None:
    """A page that did not arrive counts, so that somebody misses it."""
    content = struct.pack("<2sHIHI", b"II", 42, 8, 0, 0xFFFFFF00)

    assert len(tiff_pages(io.BytesIO(content)).durations) == 2


def test_tiff_of_too_many_pages_is_not_whole() -> None:
    """A long chain is followed only up to a limit."""
    pages = [struct.pack("<HI", 0, 8 + 6 * (at + 1)) for at in range(2000)]

    found = tiff_pages(io.BytesIO(struct.pack("<2sHI", b"II", 42, 8) + b"".join(pages)))

    assert len(found.durations) == 1000
    assert not found.is_whole


@given(content=st.binary(max_size=300))
def test_any_bytes_have_a_timing(content: bytes) -> None:
    """No bytes after a magic raise anything."""
    assert webp_timing(b"RIFF\0\0\0\0WEBP" + content).durations
    for magic in (b"II*\0", b"MM\0+"):
        tiff_pages(io.BytesIO(magic + content))


@given(kept=st.floats(0, 1))
def test_cut_file_has_a_timing(kept: float) -> None:
    """A file that broke off has the frames that begin before that."""
    webp = pictures.truncated(seeds.seed("webp/moving"), kept=kept)

    assert len(webp_timing(webp).durations) <= 4
