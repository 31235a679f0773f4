"""The size of a picture is read from its header."""

import io
import struct
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from uploadfilter.contents.kinds.magic import Kind
from uploadfilter.contents.kinds.sizes import LEAST_SIDE, is_icon, is_small

FORMATS = ("GIF", "PNG", "JPEG", "BMP", "WEBP", "JPEG2000")
KINDS = dict(
    zip(
        FORMATS,
        (Kind.GIF, Kind.PNG, Kind.JPEG, Kind.BMP, Kind.WEBP, Kind.JP2),
        strict=True,
    )
)


def encoded(form: str, width: int, height: int) -> bytes:
    """Return a picture in a format."""
    file = io.BytesIO()
    Image.new("RGB", (width, height), "red").save(file, form)
    return file.getvalue()


@pytest.mark.parametrize("form", FORMATS)
@given(width=st.integers(1, 90), height=st.integers(1, 90))
def test_picture_is_small_by_its_shorter_side(
    form: str, width: int, height: int
) -> None:
    """In each format, even if it breaks off after its header."""
    data = encoded(form, width, height)
    expected = min(width, height) < LEAST_SIDE

    assert is_small(data, KINDS[form]) is expected
    assert is_small(data[: len(data) - 20], KINDS[form]) in {expected, True}


@pytest.mark.parametrize("kind", [Kind.AVIF, Kind.HEIC, Kind.JXL, Kind.TIFF, Kind.ICO])
def test_header_that_is_not_understood_is_not_small(kind: Kind) -> None:
    """Nothing is dropped that might be seen."""
    assert not is_small(b"\0" * 99, kind)
    assert is_small(b"\0" * 59, kind)


@given(width=st.integers(1, 64), height=st.integers(1, 64))
def test_icon_has_no_side_longer_than_that_of_an_icon(width: int, height: int) -> None:
    """A high and narrow picture is not small: a page may draw it wider."""
    data = encoded("PNG", width, height)

    assert is_icon(data, Kind.PNG) is (max(width, height) <= LEAST_SIDE)


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        pytest.param(lambda data: data, Kind.GIF, id="another-kind"),
        pytest.param(lambda data: data[:50], Kind.PNG, id="hardly-anything"),
        pytest.param(lambda data: data + bytes(20_000), Kind.PNG, id="long"),
        pytest.param(
            lambda data: data[:33] + encoded("PNG", 64, 64)[8:], Kind.PNG, id="twice"
        ),
        pytest.param(
            lambda data: data[:8] + b"\0\0\0\4CgBI" + bytes(8) + data[8:],
            Kind.PNG,
            id="chunk-before",
        ),
    ],
)
def test_only_what_every_reader_takes_for_an_icon_is_one(
    change: Callable[[bytes], bytes], kind: Kind
) -> None:
    """Some readers heed a second header, or none that comes late."""
    data = encoded("PNG", 32, 32)

    assert is_icon(data, Kind.PNG)
    assert not is_icon(change(data), kind)


def test_gif_is_as_large_as_its_first_frame() -> None:
    """Browsers show that where the screen is smaller."""
    head = b"GIF89a" + struct.pack("<HHBBB", 1, 1, 0, 0, 0)
    control = b"!\xf9\x04\0\0\0\0\0"
    frame = b"," + struct.pack("<HHHHB", 0, 0, 64, 64, 0) + bytes(40)

    assert not is_small(head + control + frame, Kind.GIF)
    assert is_small(head + b"and other formats", Kind.GIF)


def test_jpeg_xr_says_its_size_in_its_directory() -> None:
    """The probe of a well-known script has one pixel."""

    def jxr(width: int, height: int) -> bytes:
        entries = struct.pack("<HHII", 0xBC80, 4, 1, width)
        entries += struct.pack("<HHII", 0xBC81, 3, 1, height)
        return b"II\xbc\1" + struct.pack("<IH", 8, 2) + entries + bytes(40)

    assert is_small(jxr(1, 1), Kind.JXR)
    assert not is_small(jxr(64, 64), Kind.JXR)


@given(st.binary(max_size=200))
def test_any_header_can_be_read(data: bytes) -> None:
    """No bytes make it fail."""
    for kind in Kind:
        is_small(data, kind)
