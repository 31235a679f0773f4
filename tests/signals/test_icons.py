"""Icons and cursors: all entries, with their masks."""

import io
import struct

import numpy as np
import pytest
from PIL import Image

from hashsets.demo import pictures
from tests.fuzz import seeds
from tests.signals.sketches import frames, lacks
from uploadfilter.model import Reason
from uploadfilter.signals.icons import as_icon


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


def test_icon_is_left_as_it_is() -> None:
    """Only cursors are rewritten."""
    assert as_icon(seeds.seed("ico")) == seeds.seed("ico")


@pytest.mark.parametrize("cut", [0, 5, 20, 30])
def test_cut_cursor_is_no_error(cut: int) -> None:
    """A directory that breaks off gives an icon that breaks off."""
    assert len(as_icon(seeds.seed("ico/cursor")[:cut])) == cut


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
    """What arrived of the colours is shown."""
    content = seeds.icon((32, 32), bitmap=True)

    (shown,) = frames(content[:-10])

    assert shown.is_truncated
