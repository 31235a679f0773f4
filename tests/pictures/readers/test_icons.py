"""Icons and cursors: all entries, with their masks."""

import io
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tests.corpus import pictures
from tests.corpus.tricks.kit import png_chunk
from tests.fuzz import seeds
from tests.pictures.made import seen
from tests.pictures.sketches import LIMITS, frames, lacks, photograph
from uploadfilter.contents.kinds import magic
from uploadfilter.model import Reason
from uploadfilter.pictures.readers.icons import icon_of


@pytest.mark.parametrize("bitmap", [False, True])
@pytest.mark.parametrize("make", [seeds.icon, seeds.cursor])
def test_every_entry_is_a_frame(make: object, *, bitmap: bool) -> None:
    """The largest comes first, since Pillow shows that one."""
    assert callable(make)
    content = make((16, 16), (48, 48), (32, 32), bitmap=bitmap)

    shown = frames(content)

    assert [frame.full for frame in shown] == [(48, 48), (32, 32), (16, 16)]
    assert lacks(content) == []


def test_first_frame_is_what_pillow_shows() -> None:
    """Entry for entry, the pixels are Pillow's."""
    content = seeds.seed("ico/bitmap")

    with Image.open(io.BytesIO(content)) as plain:
        expected = np.asarray(plain.convert("RGBA"))

    np.testing.assert_array_equal(
        np.asarray(frames(content)[0].image.convert("RGBA")), expected
    )


def test_cursor_is_shown_like_its_icon() -> None:
    """Hot spots are not taken for depths."""
    ours = frames(seeds.cursor((32, 32), (16, 16)))
    icons = frames(seeds.icon((32, 32), (16, 16), bitmap=True))

    for one, other in zip(ours, icons, strict=True):
        np.testing.assert_array_equal(np.asarray(one.image), np.asarray(other.image))


@given(length=st.integers(0, 2**32 - 1), bitmap=st.booleans(), cursor=st.booleans())
def test_no_length_in_the_directory_hides_an_entry(
    length: int, *, bitmap: bool, cursor: bool
) -> None:
    """Browsers do not read how long an entry is, so it decides nothing here."""
    honest = (seeds.cursor if cursor else seeds.icon)((32, 32), bitmap=bitmap)
    content = bytearray(honest)
    struct.pack_into("<I", content, 14, length)

    (expected,), (shown,) = frames(honest), frames(bytes(content))

    assert magic.sniff(bytes(content[: magic.HEAD_BYTES])) is magic.Kind.ICO
    np.testing.assert_array_equal(np.asarray(shown.image), np.asarray(expected.image))


BITS = {"1": 1, "P": 8, "RGB": 24, "RGBA": 32}


@pytest.mark.parametrize("mode", BITS)
@pytest.mark.parametrize("make", [seeds.icon, seeds.cursor])
def test_bitmap_is_read_by_its_own_header(mode: str, make: object) -> None:
    """Whatever the directory says of its depth and its length."""
    assert callable(make)
    picture = seeds.image(width=32, height=32).convert(mode)
    body = bytearray(pictures.encoded(picture, "DIB"))
    body[8:12] = (64).to_bytes(4, "little")
    body += b"\x0f\xf0\x00\xff" * 32 * (mode != "RGBA")

    def shown(
        depth: int, length: int
    ) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
        head = make((16, 16), bitmap=True)[:6]
        entry = struct.pack("<BBBBHHII", 32, 32, 0, 0, 1, depth, length, 22)
        content = head + entry + bytes(body) + bytes(300)
        assert lacks(content) == []
        (frame,) = frames(content)
        return np.asarray(frame.image.convert("RGBA"))

    true = shown(BITS[mode], len(body))
    for depth, length in ((0, len(body)), (32, 40), (24, len(body) + 77), (4, 9999)):
        np.testing.assert_array_equal(shown(depth, length), true)


@pytest.mark.parametrize("size", [0, 12, 40, 124])
@pytest.mark.parametrize("packing", [0, 1, 3])
def test_any_bitmap_header_is_no_error(size: int, packing: int) -> None:
    """Impossible sides and depths do not lead to a failure."""
    body = struct.pack("<IiiHHI16x", size, -(2**31), 2**31 - 1, 1, 65_535, packing)
    entry = struct.pack("<BBBBHHII", 16, 16, 0, 0, 1, 32, len(body), 22)
    content = b"\0\0\1\0\1\0" + entry + body

    assert frames(content) == []


@pytest.mark.parametrize("cut", [0, 5, 20, 30])
def test_cut_cursor_is_no_error(cut: int) -> None:
    """A directory that breaks off shows nothing."""
    assert frames(seeds.seed("ico/cursor")[:cut]) == []


def test_large_entry_is_limited_by_its_own_header() -> None:
    """The directory may call a large picture small."""
    png = pictures.claimed_size_png(width=9000, height=9000)
    bitmap = struct.pack("<IiiHH24x", 40, 9000, 18000, 1, 32) + bytes(100)
    for inner in (png, bitmap):
        entry = struct.pack("<BBBBHHII", 16, 16, 0, 0, 1, 32, len(inner), 22)
        assert lacks(b"\0\0\1\0\1\0" + entry + inner) == [Reason.TOO_MANY_PIXELS]


def test_icon_without_entries_is_undecodable() -> None:
    """There is nothing to show."""
    assert lacks(b"\0\0\1\0" + bytes(20)) == [Reason.UNDECODABLE]


def test_mask_that_did_not_arrive_is_no_reason_to_show_nothing() -> None:
    """The colours that arrived are shown."""
    content = seeds.icon((32, 32), bitmap=True)

    (shown,) = frames(content[:-10])

    assert shown.is_truncated


@pytest.mark.parametrize("sides", [(32, 32), (48, 32), (256, 256)])
def test_bitmap_of_an_icon_is_shown_as_by_its_icon(sides: tuple[int, int]) -> None:
    """A bare one, with any bytes after it, is read both ways."""
    content = seeds.icon(sides, bitmap=True)
    start = int.from_bytes(content[18:22], "little")

    (expected,) = frames(content)
    *_, shown = frames(content[start:] + b"what comes next")

    np.testing.assert_array_equal(
        np.asarray(shown.image.convert("RGBA")),
        np.asarray(expected.image.convert("RGBA")),
    )


def test_bitmap_without_its_mask_is_no_icon() -> None:
    """One in a file, one of an odd height, and a too large one are not, either."""
    bitmap = pictures.encoded(pictures.photograph(1, width=40, height=80), "BMP")[14:]
    needed = 40 + 40 * (120 + 8)
    odd = bitmap[:8] + b"\x4f" + bitmap[9:]
    wide = bitmap[:4] + struct.pack("<I", 257) + bitmap[8:] + bytes(300_000)

    assert icon_of(io.BytesIO(bitmap[:needed])) is not None
    assert icon_of(io.BytesIO(bitmap[: needed - 1])) is None
    assert icon_of(io.BytesIO(odd)) is None
    assert icon_of(io.BytesIO(wide)) is None
    assert icon_of(io.BytesIO(b"BM" + bitmap)) is None


def icon_with(inner: bytes, *, is_cursor: bool = False) -> bytes:
    """Return an icon, or a cursor, of one entry."""
    entry = struct.pack("<BBBBHHII", 48, 48, 0, 0, 1, 32, len(inner), 22)
    magic_bytes = b"\0\0\2\0" if is_cursor else b"\0\0\1\0"
    return magic_bytes + b"\1\0" + entry + inner


def wide_gamut_png() -> bytes:
    """Return a PNG in the colours of BT.2020."""
    content = pictures.png(photograph(3, 48, 48))
    return content[:33] + png_chunk(b"cICP", bytes((9, 16, 0, 1))) + content[33:]


@pytest.mark.parametrize("is_cursor", [False, True], ids=["icon", "cursor"])
@pytest.mark.parametrize(
    "inner",
    [
        pytest.param(seeds.moving("PNG"), id="moving"),
        pytest.param(wide_gamut_png(), id="colours"),
        pytest.param(pictures.png(seeds.grey16(photograph(4, 48, 48))), id="deep"),
    ],
)
def test_entry_is_seen_like_a_file_of_its_own(inner: bytes, *, is_cursor: bool) -> None:
    """All its frames, in its colours and with its depth."""
    inside = seen(icon_with(inner, is_cursor=is_cursor), LIMITS)

    assert inside == seen(inner, LIMITS)
    assert len(inside) > 1
