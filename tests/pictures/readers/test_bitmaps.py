"""Bitmaps are read by Pillow, with the bits beside their colours as alpha."""

import io
import struct

import numpy as np
import pytest
from PIL import Image

from tests.pictures.sketches import frames, lacks, photograph
from uploadfilter.model import Reason
from uploadfilter.pictures.limits import OverBudgetError
from uploadfilter.pictures.readers.bitmaps import profile_of

TEN = (0x3FF << 20, 0x3FF << 10, 0x3FF)


def test_masks_of_other_widths_are_a_lack() -> None:
    """Browsers show them, and Pillow does not."""
    head = struct.pack("<IiiHHI20x3I", 40, 4, 4, 1, 32, 3, *TEN)

    assert lacks(b"BM" + struct.pack("<IxxxxI", 130, 66) + head + bytes(64)) == [
        Reason.UNDECODABLE
    ]


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
