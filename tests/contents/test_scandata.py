"""The packed pixels of a JPEG are told from all other bytes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.corpus import pictures
from uploadfilter.contents.scandata import scan_data
from uploadfilter.contents.source import MemorySource

IMAGE = pictures.photograph(1, width=200, height=150)
JPEG = pictures.jpeg(IMAGE, 90)
PROGRESSIVE = pictures.jpeg(IMAGE, 90, progressive=True)
PNG = pictures.png(IMAGE)
GIF = pictures.gif(IMAGE)


def span(content: bytes) -> range:
    """Return the span of the pixels."""
    return scan_data(MemorySource(content))


@pytest.mark.parametrize("content", [JPEG, PROGRESSIVE], ids=["usual", "progressive"])
def test_pixels_reach_from_the_first_scan_to_the_end(content: bytes) -> None:
    """Through all scans, and the tables between them."""
    first, end = content.index(b"\xff\xda"), content.rindex(b"\xff\xd9")

    assert span(content) == range(first, end)
    assert span(content + PNG) == range(first, end)
    assert span(content[:end]) == range(first, end)


@pytest.mark.parametrize("other", [PNG, GIF, JPEG], ids=["png", "gif", "jpeg"])
@given(place=st.floats(0.1, 0.9))
def test_another_file_ends_them(other: bytes, place: float) -> None:
    """Soon after it begins, so that what is in it is not passed over."""
    first, end = JPEG.index(b"\xff\xda"), JPEG.rindex(b"\xff\xd9")
    at = int(first + 20 + place * (end - first - 20))
    found = span(JPEG[:at] + other + JPEG[at:])

    assert found.stop < at + 2048


@pytest.mark.parametrize("content", [b"", PNG, b"\xff\xd8", JPEG[:300], b"\xff\xd8ab"])
def test_what_is_no_jpeg_has_none(content: bytes) -> None:
    """Nor has one that breaks off in its header."""
    assert len(span(content)) == 0


@given(st.binary(max_size=300))
def test_any_bytes_have_some_or_none(data: bytes) -> None:
    """Within their length."""
    content = JPEG[: JPEG.index(b"\xff\xda")] + data

    assert span(content).stop <= len(content)
