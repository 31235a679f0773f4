"""The size of a JPEG XL is known before it is decoded, or it is not decoded."""

import itertools
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz import seeds
from tests.pictures.headers.codestreams import codestream
from uploadfilter.pictures.headers.jxlheader import JXLHeader, read_header


def boxed(*boxes: tuple[bytes, bytes]) -> bytes:
    """Return a file of boxes."""
    start = b"\0\0\0\x0cJXL \r\n\x87\n\0\0\0\x14ftypjxl \0\0\0\0jxl "
    return start + b"".join(
        struct.pack(">I4s", 8 + len(body), name) + body for name, body in boxes
    )


@pytest.mark.parametrize(
    ("width", "height"),
    list(itertools.product([1, 7, 8, 48, 256, 257, 300], [1, 16, 255, 513])),
)
def test_size_is_what_was_encoded(width: int, height: int) -> None:
    """Sizes are read as libjxl writes them, whichever form it chooses."""
    content = seeds.jxl(seeds.image(width=width, height=height))

    assert read_header(content) == JXLHeader(size=(width, height), is_animated=False)


@pytest.mark.parametrize("name", [name for name in seeds.NAMES if name[:3] == "jxl"])
def test_header_is_found_in_boxes_and_without(name: str) -> None:
    """Both forms of the file give their size."""
    header = read_header(seeds.seed(name))

    assert header is not None
    assert header.size == (seeds.WIDTH, seeds.HEIGHT)


@pytest.mark.parametrize(
    ("ratio", "width"),
    [(1, 720), (2, 864), (3, 960), (4, 1080), (5, 1280), (6, 900), (7, 1440)],
)
def test_width_follows_from_the_ratio(ratio: int, width: int) -> None:
    """The seven ratios of the standard."""
    content = codestream((0, 1), (1, 2), (719, 13), (ratio, 3), (1, 1))

    assert read_header(content) == JXLHeader(size=(width, 720), is_animated=False)


@pytest.mark.parametrize("has_preview", [False, True])
@pytest.mark.parametrize("has_intrinsic_size", [False, True])
def test_animation_is_seen_behind_optional_fields(
    has_preview: bool, has_intrinsic_size: bool
) -> None:
    """The flag of an animation is found whatever stands before it."""
    fields = [(1, 1), (4, 5), (1, 3), (0, 1), (1, 1), (0, 3)]
    fields += [(1, 1), (1, 1), (9, 5), (1, 3)] if has_intrinsic_size else [(0, 1)]
    fields += [(1, 1), (1, 1), (2, 2), (3, 5), (1, 3)] if has_preview else [(0, 1)]

    assert read_header(codestream(*fields, (1, 1))) == JXLHeader(
        size=(40, 40), is_animated=True
    )
    assert read_header(codestream(*fields, (0, 1))) == JXLHeader(
        size=(40, 40), is_animated=False
    )


def test_codestream_may_be_in_parts() -> None:
    """A header that is cut across boxes is put together."""
    whole = codestream((0, 1), (1, 2), (719, 13), (1, 3), (1, 1))
    parts = (b"jxlp", b"\0\0\0\0" + whole[:3]), (b"jxlp", b"\x80\0\0\1" + whole[3:])

    header = read_header(boxed((b"Exif", bytes(20)), *parts))

    assert header == JXLHeader(size=(720, 720), is_animated=False)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\xff\x0a", id="magic only"),
        pytest.param(b"\xff\xd8\xff", id="another format"),
        pytest.param(boxed(), id="no codestream"),
        pytest.param(boxed((b"jxlc", b"\xff")), id="cut codestream"),
        pytest.param(boxed(*[(b"free", b"")] * 2000), id="too many boxes"),
    ],
)
def test_unreadable_header_is_none(content: bytes) -> None:
    """An unreadable header is not guessed."""
    assert read_header(content) is None


@given(content=st.binary(max_size=100))
def test_any_bytes_are_a_header_or_none(content: bytes) -> None:
    """No bytes after the magic raise anything."""
    for start in (b"\xff\x0a", boxed()):
        header = read_header(start + content)
        assert header is None or min(header.size) >= 0
