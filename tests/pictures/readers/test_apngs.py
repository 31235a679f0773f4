"""Which frames a PNG has, and how they look."""

import io
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tests.fuzz import seeds
from tests.pictures.sketches import frames, lacks
from uploadfilter.model import Reason
from uploadfilter.pictures.headers.timing import MOST_COUNTED
from uploadfilter.pictures.readers.apngs import Frames, frames_of_png

DURATIONS = (100, 900, 100, 100)


def png_chunk(name: bytes, body: bytes = b"") -> bytes:
    """Return a chunk with a wrong checksum, which is not looked at."""
    return struct.pack(">I4s", len(body), name) + body + bytes(4)


def png_of(*chunks: bytes) -> io.BytesIO:
    """Return a PNG of these chunks."""
    return io.BytesIO(b"\x89PNG\r\n\x1a\n" + b"".join(chunks))


def found_in(file: io.BytesIO) -> Frames:
    """Return the frames of a PNG."""
    found = frames_of_png(file)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("name", "durations"),
    [
        pytest.param("png", (), id="not moving"),
        pytest.param("png/moving", DURATIONS, id="default image is the first"),
        pytest.param("png/default", (0, *DURATIONS[:1], *DURATIONS[2:]), id="or none"),
    ],
)
def test_frames_have_their_durations(name: str, durations: tuple[int, ...]) -> None:
    """Milliseconds; a default image that is not part of the animation comes first."""
    found = found_in(io.BytesIO(seeds.seed(name)))

    assert len(found.frames) == len(durations)
    if name == "png/moving":
        assert tuple(each.duration for each in found.frames) == durations
    assert found.is_whole
    assert found.canvas == (seeds.WIDTH, seeds.HEIGHT)


def test_png_whose_frames_are_not_those_it_claims_is_not_whole() -> None:
    """An animation that contradicts itself may hide a frame."""
    control = png_chunk(b"fcTL", bytes(26))
    two = png_chunk(b"acTL", struct.pack(">II", 2, 0))
    data = png_chunk(b"IDAT"), png_chunk(b"IEND")

    assert not found_in(png_of(two, control, *data)).is_whole


@pytest.mark.parametrize("name", [b"fcTL", b"fdAT"])
def test_frames_that_nobody_announced_are_not_whole(name: bytes) -> None:
    """Some decoders show them nevertheless."""
    found = found_in(png_of(png_chunk(b"IDAT"), png_chunk(name), png_chunk(b"IEND")))

    assert not found.is_whole


def test_png_of_empty_chunks_is_given_up() -> None:
    """Only a limited number of empty chunks is skipped."""
    assert frames_of_png(png_of(*[png_chunk(b"teSt")] * 30_000)) is None


def test_png_of_many_full_chunks_is_read() -> None:
    """Ordinary chunks do not end the reading."""
    chunks = [png_chunk(b"IDAT", bytes(200))] * 30_000

    assert found_in(png_of(*chunks)).frames == ()


@given(content=st.binary(max_size=300))
def test_any_bytes_have_frames(content: bytes) -> None:
    """Nothing that stands after the magic raises anything."""
    frames_of_png(io.BytesIO(b"\x89PNG\r\n\x1a\n" + content))


def test_frames_look_as_plain_pillow_shows_them() -> None:
    """Where frames simply cover each other, Pillow draws the same."""
    content = seeds.seed("png/moving")
    plain = Image.open(io.BytesIO(content))

    for frame in frames(content):
        plain.seek(frame.number)
        np.testing.assert_array_equal(
            np.asarray(frame.image.convert("RGBA")), np.asarray(plain.convert("RGBA"))
        )


def test_frame_beyond_the_canvas_is_not_whole() -> None:
    """Decoders fail there, or show a part."""
    content = bytearray(seeds.seed("png/moving"))
    at = content.rindex(b"fcTL") + 8
    content[at : at + 4] = struct.pack(">I", seeds.WIDTH + 1)

    assert Reason.KEY_FRAME_UNSEEN in lacks(bytes(content))


def test_frames_are_counted_up_to_a_limit() -> None:
    """The chunks after it are not reached."""
    control = png_chunk(b"fcTL", bytes(26) + bytes(40))
    count = MOST_COUNTED + 1
    claim = png_chunk(b"acTL", struct.pack(">II", count, 0))

    found = found_in(png_of(claim, png_chunk(b"IDAT"), *[control] * count))

    assert len(found.frames) == MOST_COUNTED + 1
    assert not found.is_whole


@pytest.mark.parametrize("kept", [0, 12, 25])
def test_control_that_broke_off_is_not_whole(kept: int) -> None:
    """Its frame is missing, though nothing says that there are data of it."""
    content = seeds.seed("png/moving")
    at = content.rindex(b"fcTL")

    assert Reason.KEY_FRAME_UNSEEN in lacks(content[: at + 4 + kept])
