"""The number of frames of a GIF, their places, and the shown pictures."""

import io
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tests.corpus import pictures
from tests.fuzz import seeds
from tests.pictures.sketches import frames, lacks
from uploadfilter.model import Reason
from uploadfilter.pictures.headers.timing import MOST_COUNTED
from uploadfilter.pictures.readers.gifs import pieces_of

SIZE = (seeds.WIDTH, seeds.HEIGHT)


def gif_image(*, right: int = 1, bottom: int = 1, duration: int = 0) -> bytes:
    """Return one frame of a GIF, with its control."""
    control = b"!\xf9\x04\0" + struct.pack("<H", duration) + b"\0\0"
    return control + struct.pack("<cHHHHB", b",", 0, 0, right, bottom, 0) + b"\2\1\0\0"


def gif_of(*parts: bytes) -> bytes:
    """Return a GIF of these parts, without colours."""
    return struct.pack("<6sHHBBB", b"GIF89a", 1, 1, 0, 0, 0) + b"".join(parts) + b";"


def test_frames_have_their_durations() -> None:
    """Milliseconds, and the canvas."""
    found = pieces_of(seeds.seed("gif/moving"))

    assert [piece.duration for piece in found.pieces] == [100, 900, 100, 100]
    assert (found.canvas, found.is_whole, found.is_sure) == (SIZE, True, True)


def test_frames_are_found_where_they_stand() -> None:
    """Each image begins after its control, and ends with its data."""
    first, second = gif_image()[:-3] + b"\1x\0", gif_image(duration=7)

    found = pieces_of(gif_of(first, second))

    start = len(gif_of()) - 1
    middle, end = start + len(first), start + len(first) + len(second)
    places = [(piece.start, piece.end) for piece in found.pieces]
    assert places == [(start + 8, middle), (middle + 8, end)]


def test_canvas_grows_with_the_first_frame_only() -> None:
    """Browsers show only the part of the others on the canvas."""
    found = pieces_of(gif_of(gif_image(right=70), gif_image(right=60_000, bottom=9)))

    assert found.canvas == (70, 1)
    assert found.pieces[1].piece.size == (60_000, 9)


def test_control_is_of_the_next_frame_only() -> None:
    """Duration and disposal apply to one frame only."""
    plain = gif_image()[8:]

    found = pieces_of(gif_of(gif_image(duration=7), plain))

    assert [piece.duration for piece in found.pieces] == [70, 0]


@pytest.mark.parametrize(
    "control",
    [
        pytest.param(b"!\xf9\4\0\7\0\0\0" * 2, id="two"),
        pytest.param(b"!\xf9\5\0\7\0\0\0\0", id="longer"),
    ],
)
def test_odd_controls_leave_the_durations_unsure(control: bytes) -> None:
    """Decoders may disagree about them, so that any frame may be shown longest."""
    found = pieces_of(gif_of(control + gif_image()[8:], gif_image()))

    assert not found.is_sure


@pytest.mark.parametrize(
    ("content", "is_cut"),
    [
        pytest.param(gif_of(gif_image()), False, id="whole"),
        pytest.param(gif_of(gif_image())[:-1], False, id="no trailer, as many have it"),
        pytest.param(gif_of(gif_image(), gif_image()[:12])[:-1], True, id="in a frame"),
        pytest.param(gif_of(gif_image(), b"!\xfe\5abc")[:-1], True, id="in a comment"),
    ],
)
def test_gif_that_breaks_off_is_seen(content: bytes, *, is_cut: bool) -> None:
    """A frame that did not arrive is missing, though nothing of it can be shown."""
    found = pieces_of(content)

    assert len(found.pieces) == 1
    assert found.is_cut == is_cut


def test_gif_frames_are_counted_up_to_a_limit() -> None:
    """A count ends, and says that there may be more."""
    frame = gif_image()[:-3] + b"\xff" + bytes(255) + b"\0"

    found = pieces_of(gif_of(*[frame] * (MOST_COUNTED + 5)))

    assert len(found.pieces) == MOST_COUNTED
    assert not found.is_whole


def test_gif_of_empty_blocks_is_given_up() -> None:
    """Only a limited number of empty blocks is skipped."""
    comment = b"!\xfe" + b"\1x" * 500_000 + b"\0"

    found = pieces_of(gif_of(comment, gif_image()))

    assert (found.pieces, found.is_whole) == ((), False)


@given(content=st.binary(max_size=300), kept=st.floats(0, 1))
def test_any_bytes_have_frames(content: bytes, kept: float) -> None:
    """No bytes after a magic raise anything, nor do truncated ones."""
    pieces_of(b"GIF89a" + content)

    cut = pictures.truncated(seeds.seed("gif/moving"), kept=kept)
    assert len(pieces_of(cut).pieces) <= 4


def test_frames_look_as_plain_pillow_shows_them() -> None:
    """Where frames say all that there is to say, Pillow draws the same."""
    content = seeds.seed("gif/moving")
    plain = Image.open(io.BytesIO(content))

    for frame in frames(content):
        plain.seek(frame.number)
        np.testing.assert_array_equal(
            np.asarray(frame.image.convert("RGBA")), np.asarray(plain.convert("RGBA"))
        )


def test_frame_without_pixels_shows_what_was_there() -> None:
    """Browsers go on after it, too."""
    content = seeds.seed("gif/moving")
    empty = struct.pack("<cHHHHB", b",", 0, 0, 0, 0, 0) + b"\2\1\0\0"

    *_, before, after = frames(content[:-1] + empty + b";")

    np.testing.assert_array_equal(
        np.asarray(before.image.convert("RGBA")),
        np.asarray(after.image.convert("RGBA")),
    )


def test_gif_of_more_frames_than_are_counted_is_unseen() -> None:
    """The last one was not reached."""
    content = gif_of(*[gif_image()] * (MOST_COUNTED + 1))

    assert Reason.KEY_FRAME_UNSEEN in lacks(content)


def test_frame_that_is_too_large_and_breaks_off_is_no_picture() -> None:
    """Letters that follow a GIF in base64 make one of any size; a whole one is seen."""
    content = gif_of(gif_image(right=60_000, bottom=60_000))

    assert lacks(content) == [Reason.TOO_MANY_PIXELS]
    assert lacks(content[:-3]) == [Reason.UNDECODABLE]


@pytest.mark.parametrize("interlaced", [False, True])
@pytest.mark.parametrize("colours", ["few", "own", "grey", "all"])
def test_pieces_are_what_pillow_unpacks(colours: str, *, interlaced: bool) -> None:
    """Whatever table of colours they have, in whatever order their rows come."""
    image = pictures.photograph(7, width=40, height=30).quantize(200)
    if colours == "few":
        image = image.quantize(5)
    elif colours == "grey":
        image = image.convert("L")
    file = io.BytesIO()
    image.save(file, "GIF", interlace=interlaced)
    single = file.getvalue()
    start = single.index(b",\0\0\0\0")
    head, piece = single[:start], single[start:-1]
    if colours == "own":
        size = 3 << (head[10] & 7) + 1
        flags = bytes((piece[9] | 0x80 | head[10] & 7,))
        piece = piece[:9] + flags + head[13 : 13 + size] + piece[10:]
        head = head[:13] + bytes(size) + head[13 + size :]
    moving = head + gif_image()[8:] + piece + b";"

    _, shown = frames(moving)

    with Image.open(io.BytesIO(single)) as expected:
        np.testing.assert_array_equal(
            np.asarray(shown.image.convert("RGB")), np.asarray(expected.convert("RGB"))
        )


@pytest.mark.parametrize("kept", [0.2, 0.5, 0.9])
def test_piece_that_breaks_off_is_shown_as_far_as_it_goes(kept: float) -> None:
    """As its first frame would be."""
    image = pictures.photograph(7, width=40, height=30).quantize(200)
    file = io.BytesIO()
    image.save(file, "GIF", interlace=False)
    single = file.getvalue()
    start = single.index(b",\0\0\0\0")
    piece = single[start : start + int(kept * (len(single) - start))]

    _, shown = frames(single[:start] + gif_image()[8:] + piece)

    (expected,) = frames(single[:start] + piece)
    rows = int(kept * 20)
    np.testing.assert_array_equal(
        np.asarray(shown.image.convert("RGB"))[:rows],
        np.asarray(expected.image.convert("RGB"))[:rows],
    )


DOTS = {b"\x02\x02D\x01\0": 0, b"\x02\x02L\x01\0": 1, b"\x02\x02T\x01\0": 2}
"""One pixel of each of three colours, packed."""


@given(
    st.lists(
        st.tuples(
            st.integers(0, 5),
            st.integers(0, 3),
            st.sampled_from(sorted(DOTS)),
            st.sampled_from([None, 0, 1, 2]),
            st.integers(0, 3),
        ),
        min_size=2,
        max_size=30,
    )
)
def test_tiny_pieces_that_are_alike_look_as_if_each_were_unpacked(
    dots: list[tuple[int, int, bytes, int | None, int]],
) -> None:
    """Separate but equal colours make a piece different."""
    colours = bytes((250, 0, 0, 0, 250, 0, 0, 0, 250, 9, 9, 9))

    def gif(table: bytes, flags: int) -> bytes:
        parts = [struct.pack("<6sHHBBB", b"GIF89a", 6, 4, 0x81, 0, 0), colours]
        for left, top, packed, clear, disposal in dots:
            said = disposal << 2 | (clear is not None)
            control = struct.pack("<BHB", said, 5, clear or 0)
            place = struct.pack("<cHHHHB", b",", left, top, 1, 1, flags)
            parts.append(b"!\xf9\4" + control + b"\0" + place + table + packed)
        return b"".join(parts) + b";"

    alike = frames(gif(b"", 0))
    apart = frames(gif(colours * 8, 0x84))

    assert len(alike) == len(apart)
    for one, other in zip(alike, apart, strict=True):
        assert (
            one.image.convert("RGBA").tobytes() == other.image.convert("RGBA").tobytes()
        )
