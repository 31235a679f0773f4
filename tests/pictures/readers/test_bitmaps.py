"""Bitmaps with any masks are shown as browsers show them."""

import io
import struct
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from tests.pictures.sketches import LIMITS, frames, lacks, photograph
from uploadfilter.model import Reason
from uploadfilter.pictures.decoding import DecodeLimits
from uploadfilter.pictures.faults import BadPictureError
from uploadfilter.pictures.formats import formats_named
from uploadfilter.pictures.limits import OverBudgetError
from uploadfilter.pictures.readers.bitmaps import MaskedReader, profile_of

(BMP,) = formats_named(frozenset({"bmp"}))

TEN = (0x3FF << 20, 0x3FF << 10, 0x3FF)

WIDTH, HEIGHT = 5, 3
COLOURS = (
    np.linspace(0, 255, WIDTH * HEIGHT * 4).astype(np.uint8).reshape(HEIGHT, WIDTH, 4)
)


def bitmap(
    *masks: int,
    bits: int = 32,
    length: int = 40,
    packing: int = 3,
    top_down: bool = False,
    colours: NDArray[np.uint8] = COLOURS,
) -> bytes:
    """Return a bitmap of some colours under masks."""
    height, width, _ = colours.shape
    words = np.zeros((height, width), np.uint64)
    for band, mask in enumerate(masks):
        shift = max(0, (mask & -mask).bit_length() - 1)
        values = colours[:, :, band].astype(np.uint64) * (mask >> shift) // 255
        words |= values << np.uint64(shift)
    rows = words if top_down else words[::-1]
    data = rows.astype(f"<u{bits // 8}").view(np.uint8).reshape(height, -1)
    data = np.pad(data, ((0, 0), (0, -data.shape[1] % 4)))
    sides = width, -height if top_down else height
    head = struct.pack("<IiiHHI20x", length, *sides, 1, bits, packing)
    head += struct.pack(f"<{len(masks)}I", *masks)
    head += bytes(max(0, length - len(head)))
    start = 14 + len(head)
    return (
        struct.pack("<2sIII", b"BM", start + data.size, 0, start)
        + head
        + data.tobytes()
    )


def pixels(content: bytes) -> NDArray[np.int64]:
    """Return the picture of a bitmap from the own reader."""
    frame = MaskedReader(io.BytesIO(content), BMP, LIMITS).frame(0)
    assert not frame.is_truncated
    return np.asarray(frame.image).astype(np.int64)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(bitmap(*TEN), id="ten bits"),
        pytest.param(bitmap(*TEN[::-1]), id="in another order"),
        pytest.param(bitmap(*TEN, top_down=True), id="top down"),
        pytest.param(bitmap(*TEN, length=52), id="in the header"),
        pytest.param(bitmap(*TEN, length=124), id="in a long header"),
        pytest.param(bitmap(0xFF << 1, 0xFF << 9, 0xFF << 17), id="between bytes"),
        pytest.param(bitmap(0xFFF << 20, 0x3FF << 10, 0x3FF), id="twelve bits"),
        pytest.param(bitmap(0xFC00, 0x3F0, 0xF, bits=16), id="16 bits"),
    ],
)
def test_colours_under_masks_are_shown(content: bytes) -> None:
    """Except for the loss of bits; Pillow alone would refuse them."""
    with pytest.raises(OSError, match="layout"):
        Image.open(io.BytesIO(content))

    (shown,) = frames(content)

    assert lacks(content) == []
    assert shown.mode == "RGB"
    found = np.asarray(shown.image).astype(np.int64)
    assert np.abs(found - COLOURS[:, :, :3]).max() <= 17


@pytest.mark.parametrize(("length", "packing"), [(56, 3), (124, 3), (40, 6)])
def test_mask_of_alpha_is_alpha(length: int, packing: int) -> None:
    """In a long header, or where the packing says that there are four masks."""
    (shown,) = frames(bitmap(*TEN, 3 << 30, length=length, packing=packing))

    assert shown.mode == "RGBA"
    found = np.asarray(shown.image)[:, :, 3].astype(np.int64)
    assert np.abs(found - COLOURS[:, :, 3]).max() <= 85


def test_mask_of_nothing_is_dark() -> None:
    """As browsers do."""
    found = pixels(bitmap(0xFF0000, 0xFF00, 0))

    assert found[:, :, 2].max() == 0
    np.testing.assert_array_equal(found[:, :, :2], COLOURS[:, :, :2])


@pytest.mark.parametrize(
    ("masks", "bits"),
    [
        ((0xFF0000, 0xFF00, 0xFF), 32),
        ((0xF800, 0x7E0, 0x1F), 16),
        ((0x7C00, 0x3E0, 0x1F), 16),
    ],
)
@pytest.mark.parametrize("top_down", [False, True])
def test_usual_masks_are_read_as_pillow_reads_them(
    masks: tuple[int, ...], bits: int, *, top_down: bool
) -> None:
    """The two agree wherever both can."""
    content = bitmap(*masks, bits=bits, top_down=top_down)
    with Image.open(io.BytesIO(content)) as plain:
        expected = np.asarray(plain.convert("RGB")).astype(np.int64)

    assert np.abs(pixels(content) - expected).max() <= 1


def test_long_bitmap_is_read_band_by_band() -> None:
    """More pixels than are read at a time."""
    colours = np.resize(COLOURS, (700, 500, 4))

    for top_down in (False, True):
        found = pixels(bitmap(*TEN, top_down=top_down, colours=colours))
        assert np.abs(found - colours[:, :, :3]).max() <= 1


@pytest.mark.parametrize("top_down", [False, True])
def test_cut_bitmap_is_shown_as_far_as_it_goes(*, top_down: bool) -> None:
    """Missing rows are black."""
    content = bitmap(*TEN, top_down=top_down)[: -2 * 4 * WIDTH]

    (shown,) = frames(content)

    assert shown.is_truncated
    arrived = 0 if top_down else HEIGHT - 1
    found = np.asarray(shown.image)[arrived].astype(np.int64)
    assert np.abs(found - COLOURS[arrived, :, :3]).max() <= 1


def test_bitmap_without_rows_shows_nothing() -> None:
    """A header is not a picture."""
    content = bitmap(*TEN, length=124)

    assert lacks(content[: 14 + 124]) == [Reason.TRUNCATED]


def test_size_is_limited_before_anything_is_read() -> None:
    """By the header."""
    limits = DecodeLimits(max_pixels=WIDTH * HEIGHT - 1)

    assert lacks(bitmap(*TEN), limits=limits) == [Reason.TOO_MANY_PIXELS]


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(bitmap(*TEN)[:60], id="cut header"),
        pytest.param(b"XX" + bitmap(*TEN)[2:], id="no magic"),
        pytest.param(bitmap(*TEN, packing=1), id="no masks"),
        pytest.param(bitmap(0xF0F00000, 0xFF00, 0xFF), id="holes"),
    ],
)
def test_other_content_is_refused(content: bytes) -> None:
    """Whatever has no masks that can be read."""
    with pytest.raises(BadPictureError):
        MaskedReader(io.BytesIO(content), BMP, LIMITS)


@given(mask=st.integers(0, 2**32 - 1))
def test_mask_has_holes_if_its_digits_say_so(mask: int) -> None:
    """The ones of its binary digits stand apart."""
    is_whole = "0" not in f"{mask:b}".strip("0")
    content = bitmap(*TEN)
    content = content[:54] + struct.pack("<I", mask) + content[58:]

    try:
        MaskedReader(io.BytesIO(content), BMP, LIMITS)
    except BadPictureError:
        assert not is_whole
    else:
        assert is_whole


@given(body=st.binary(min_size=52, max_size=90), start=st.integers(0, 80))
def test_any_header_is_a_picture_or_none(body: bytes, start: int) -> None:
    """Only the errors for a missing or a too large picture are raised."""
    head = struct.pack("<2s8xI", b"BM", start)
    for bits, packing in product((16, 32), (3, 6)):
        fields = struct.pack("<IiiHHI", 40, 3, 3, 1, bits, packing)
        try:
            MaskedReader(io.BytesIO(head + fields + body), BMP, LIMITS).frame(0)
        except BadPictureError:
            continue


def profiled(
    profile: bytes, *, kind: bytes = b"DEBM", length: int = 124, size: int | None = None
) -> bytes:
    """Return a bitmap of one pixel with a profile after it."""
    start = 14 + length
    head = struct.pack("<2sI4xI", b"BM", start + 4 + len(profile), start)
    fields = struct.pack("<IiiHHII16x", length, 1, 1, 1, 24, 0, 4)
    stated = len(profile) if size is None else size
    rest = bytes(16) + kind + bytes(48) + struct.pack("<IIII", 4, length + 4, stated, 0)
    return head + (fields + rest)[:length] + b"\1\2\3\0" + profile


@pytest.mark.parametrize(
    ("content", "profile"),
    [
        pytest.param(profiled(b"profile"), b"profile", id="held"),
        pytest.param(profiled(b"C:\\x", kind=b"KNIL"), None, id="a name of one"),
        pytest.param(profiled(b"profile", kind=b"BGRs"), None, id="usual colours"),
        pytest.param(profiled(b"profile", length=108), None, id="an older header"),
        pytest.param(profiled(b"", size=9), None, id="cut off"),
        pytest.param(profiled(b"")[:100], None, id="header cut off"),
        pytest.param(b"", None, id="nothing"),
    ],
)
def test_profile_of_a_bitmap_is_read(content: bytes, profile: bytes | None) -> None:
    """Chromium converts by one that the file holds, and by no other."""
    assert profile_of(io.BytesIO(content)) == profile


def test_profile_of_a_bitmap_is_limited() -> None:
    """Nothing is read of one that is longer than any."""
    with pytest.raises(OverBudgetError):
        profile_of(io.BytesIO(profiled(b"", size=2**31)))


@pytest.mark.parametrize("has_file_header", [True, False])
@pytest.mark.parametrize("length", [40, 56, 124])
@pytest.mark.parametrize("packing", [0, 3])
def test_bitmap_of_32_bits_has_alpha(
    packing: int, length: int, *, has_file_header: bool
) -> None:
    """Whether or not it names the bits beside its colours; programs differ in that."""
    image = photograph(2, 40, 30).copy()
    image.putalpha(Image.linear_gradient("L").resize(image.size))
    rows = image.transpose(Image.Transpose.FLIP_TOP_BOTTOM).tobytes("raw", "BGRA")
    masks = struct.pack("<4I", 0xFF0000, 0xFF00, 0xFF, 0)
    head = struct.pack("<IiiHHI20x", length, 40, 30, 1, 32, packing)
    head = head + (masks + bytes(length - 56) if length > 40 else b"")
    head += masks[:12] if packing and length == 40 else b""
    file = b"BM" + struct.pack("<IxxxxI", 14 + len(head) + len(rows), 14 + len(head))

    frame, *_ = frames((file if has_file_header else b"") + head + rows)

    np.testing.assert_array_equal(np.asarray(frame.image), np.asarray(image))


def test_bitmap_of_32_bits_without_any_alpha_is_opaque() -> None:
    """Most of them have zeros there, with which nothing at all would be seen."""
    image = photograph(2, 40, 30)
    rows = image.transpose(Image.Transpose.FLIP_TOP_BOTTOM).convert("RGBX")
    rows.putalpha(0)
    head = struct.pack("<IiiHHI20x", 40, 40, 30, 1, 32, 0)
    file = b"BM" + struct.pack("<IxxxxI", 54 + 4800, 54)

    (frame,) = frames(file + head + rows.tobytes("raw", "BGRA"))

    assert frame.mode == "RGB"
    np.testing.assert_array_equal(np.asarray(frame.image), np.asarray(image))
