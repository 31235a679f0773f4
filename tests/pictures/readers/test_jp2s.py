"""JPEG 2000 is decoded as large as is enough, and bombs end by their header."""

import io
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.corpus import pictures
from tests.pictures.made import distance, seen
from uploadfilter.model import View
from uploadfilter.pictures import formats
from uploadfilter.pictures.decoding import frames_of
from uploadfilter.pictures.faults import DECODER_ERRORS, BadPictureError
from uploadfilter.pictures.frame import Frame, Omission
from uploadfilter.pictures.limits import DecodeLimits, OverBudgetError
from uploadfilter.pictures.readers.jp2s import open_jp2

(JP2,) = formats.formats_named(frozenset({"jp2"}))
SMALL = pictures.photograph(5, width=320, height=240)
PHOTO = SMALL.resize((1100, 1050))


def packed(image: Image.Image, **options: object) -> bytes:
    """Return a picture in JPEG 2000."""
    return pictures.encoded(image, "JPEG2000", **options)


def frame(content: bytes, limits: DecodeLimits | None = None) -> Frame:
    """Decode a picture."""
    return open_jp2(io.BytesIO(content), JP2, limits or DecodeLimits()).frame(0)


def view(content: bytes) -> View:
    """Return the first view of a picture."""
    first = seen(content, DecodeLimits())[0]
    assert isinstance(first, View)
    return first


def changed(content: bytes, at: int, value: bytes) -> bytes:
    """Return a codestream with other bytes after its first marker."""
    start = content.index(b"\xff\x4f\xff\x51") + 2 + at
    return content[:start] + value + content[start + len(value) :]


@pytest.mark.parametrize("no_jp2", [False, True])
def test_large_picture_is_halved(no_jp2: bool) -> None:
    """As often as 512 pixels of each side allow; its signals stay the same."""
    content = packed(PHOTO, no_jp2=no_jp2)

    found = frame(content)

    assert (found.scale, found.image.size, found.full) == (2, (550, 525), PHOTO.size)
    assert distance(view(content), view(pictures.png(PHOTO))) <= 6


def test_picture_of_fewer_levels_is_decoded_as_it_is() -> None:
    """The writer of a picture sets the number of halvings."""
    assert frame(packed(PHOTO, num_resolutions=1)).scale == 1
    assert frame(packed(SMALL)).scale == 1


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA"])
def test_every_mode_is_decoded(mode: str) -> None:
    """With and without alpha."""
    found = frame(packed(SMALL.convert(mode)))

    assert (found.image.mode, found.image.size) == (mode, SMALL.size)


def test_large_one_is_refused_by_its_header() -> None:
    """Before anything is decoded."""
    limits = DecodeLimits(max_pixels=100_000)

    with pytest.raises(OverBudgetError):
        frame(packed(PHOTO, num_resolutions=1), limits)
    assert frame(packed(SMALL), limits).image.size == SMALL.size


def header(*, tile: int = 2000, block: int = 4, precincts: bytes = b"") -> bytes:
    """Return the header of a codestream of 2000 x 1100 pixels in three colours."""
    sides = (2000, 1100, 0, 0, tile, tile, 0, 0)
    size = struct.pack(">HH8IH", 47, 0, *sides, 3) + bytes((7, 1, 1)) * 3
    coding = bytes((len(precincts) > 0, 0, 0, 1, 1, 1, block, block, 0, 1)) + precincts
    length = (len(coding) + 2).to_bytes(2, "big")
    return (
        b"\xff\x4f\xff\x51" + size + b"\xff\x52" + length + coding + b"\xff\x90\0\x0a"
    )


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(header(tile=16), id="tiles"),
        pytest.param(header(block=0), id="blocks"),
        pytest.param(header(precincts=b"\x22\x22"), id="precincts"),
    ],
)
def test_pieces_without_end_are_refused(content: bytes) -> None:
    """A decoder keeps something for each."""
    with pytest.raises(OverBudgetError):
        frame(content)


def test_two_sizes_are_no_picture() -> None:
    """The size of the file and that of its codestream must be equal."""
    with pytest.raises(BadPictureError):
        frame(changed(packed(SMALL), 6, (4000).to_bytes(4, "big")))


@settings(max_examples=40)
@given(st.binary(max_size=12), st.integers(0, 120))
def test_header_may_be_anything(junk: bytes, at: int) -> None:
    """It is read, or refused."""
    content = changed(packed(SMALL.resize((40, 40))), at, junk)

    items = list(frames_of(io.BytesIO(content), formats=(JP2,), limits=DecodeLimits()))
    assert all(isinstance(item, Frame | Omission) for item in items)


def test_picture_that_is_cut_off_is_truncated_or_broken() -> None:
    """It is never taken for whole."""
    content = packed(SMALL)
    try:
        assert frame(content[: len(content) // 3]).is_truncated
    except DECODER_ERRORS:
        return
