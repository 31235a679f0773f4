"""How many frames a file has, and for how long each is shown."""

import io
import struct
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashsets.demo import pictures
from tests.fuzz import seeds
from uploadfilter.signals.timing import (
    MOST_COUNTED,
    Timing,
    avif_durations,
    avif_is_deep,
    gif_timing,
    png_timing,
    tiff_pages,
    webp_timing,
)

SIZE = (seeds.WIDTH, seeds.HEIGHT)
DURATIONS = (100, 900, 100, 100)


def gif_image(*, right: int = 1, bottom: int = 1, duration: int = 0) -> bytes:
    """Return one frame of a GIF, with its control."""
    control = b"!\xf9\x04\0" + struct.pack("<H", duration) + b"\0\0"
    return control + struct.pack("<cHHHHB", b",", 0, 0, right, bottom, 0) + b"\2\1\0\0"


def gif_of(*parts: bytes) -> bytes:
    """Return a GIF of these parts, without colours."""
    return struct.pack("<6sHHBBB", b"GIF89a", 1, 1, 0, 0, 0) + b"".join(parts) + b";"


def png_chunk(name: bytes, body: bytes = b"") -> bytes:
    """Return a chunk with a wrong checksum, which is not looked at."""
    return struct.pack(">I4s", len(body), name) + body + bytes(4)


def png_of(*chunks: bytes) -> io.BytesIO:
    """Return a PNG of these chunks."""
    return io.BytesIO(b"\x89PNG\r\n\x1a\n" + b"".join(chunks))


def test_gif_frames_have_their_durations() -> None:
    """Hundredths of a second, and the canvas."""
    found = gif_timing(seeds.seed("gif/moving"))

    assert replace(found, places=()) == Timing(durations=(10, 90, 10, 10), canvas=SIZE)


def test_gif_frames_are_found_where_they_stand() -> None:
    """Each begins behind the one before; the first, behind the palette of all."""
    first, second = gif_image()[:-3] + b"\1x\0", gif_image(duration=7)

    found = gif_timing(gif_of(first, second))

    start = len(gif_of()) - 1
    ends = (start + len(first), start + len(first) + len(second))
    assert found.places == (start, *ends)


def test_gif_canvas_grows_with_its_frames() -> None:
    """A frame outside the canvas makes Pillow's image larger, and counts here."""
    found = gif_timing(gif_of(gif_image(), gif_image(right=60_000, bottom=9)))

    assert found.canvas == (60_000, 9)
    assert len(found.durations) == 2


def test_gif_duration_is_of_the_next_frame_only() -> None:
    """A control is for one frame."""
    plain = gif_image()[8:]

    found = gif_timing(gif_of(gif_image(duration=7), plain))

    assert found.durations == (7, 0)


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
    found = gif_timing(content)

    assert len(found.durations) == 1
    assert found.is_cut == is_cut


def test_gif_frames_are_counted_up_to_a_limit() -> None:
    """A count ends, and says that there may be more."""
    frame = gif_image()[:-3] + b"\xff" + bytes(255) + b"\0"

    found = gif_timing(gif_of(*[frame] * (MOST_COUNTED + 5)))

    assert len(found.durations) == MOST_COUNTED
    assert not found.is_whole


def test_gif_of_empty_blocks_is_given_up() -> None:
    """Blocks that hold nothing are stepped over so many times and no more."""
    comment = b"!\xfe" + b"\1x" * 500_000 + b"\0"

    found = gif_timing(gif_of(comment, gif_image()))

    assert replace(found, places=()) == Timing(
        durations=(), canvas=(1, 1), is_whole=False
    )


@pytest.mark.parametrize(
    ("name", "durations"),
    [
        pytest.param("png", (0,), id="not moving"),
        pytest.param("png/moving", DURATIONS, id="default image is the first"),
        pytest.param("png/default", (0, *DURATIONS[:1], *DURATIONS[2:]), id="or none"),
    ],
)
def test_png_frames_have_their_durations(name: str, durations: tuple[int, ...]) -> None:
    """Milliseconds; a default image that is no part of the animation comes first."""
    found = png_timing(io.BytesIO(seeds.seed(name)))

    assert found is not None
    assert len(found.durations) == len(durations)
    assert found.is_whole


def test_png_whose_frames_are_not_those_it_claims_is_not_whole() -> None:
    """An animation that contradicts itself may hide a frame."""
    control = png_chunk(b"fcTL", bytes(26))
    two = png_chunk(b"acTL", struct.pack(">II", 2, 0))
    data = png_chunk(b"IDAT"), png_chunk(b"IEND")

    claimed = png_timing(png_of(two, control, *data))

    assert claimed is not None
    assert not claimed.is_whole


def test_png_of_empty_chunks_is_given_up() -> None:
    """Chunks that hold nothing are stepped over so many times and no more."""
    assert png_timing(png_of(*[png_chunk(b"teSt")] * 30_000)) is None


def test_png_of_many_full_chunks_is_read() -> None:
    """Ordinary chunks are no reason to give up."""
    chunks = [png_chunk(b"IDAT", bytes(200))] * 30_000

    assert png_timing(png_of(*chunks)) == Timing(durations=(0,))


@pytest.mark.parametrize(
    ("name", "durations"),
    [
        ("webp", (0,)),
        ("webp/lossless", (0,)),
        ("webp/alpha", (0,)),
        ("webp/moving", DURATIONS),
    ],
)
def test_webp_has_its_canvas_and_durations(
    name: str, durations: tuple[int, ...]
) -> None:
    """The canvas is known for all three kinds of WebP."""
    assert webp_timing(seeds.seed(name)) == Timing(durations=durations, canvas=SIZE)


def test_avif_durations_come_from_its_table() -> None:
    """Each run of the table stands for as many frames as it says."""
    durations = avif_durations(seeds.seed("avif/moving"), 4)

    assert len(durations) == 4
    assert durations.index(max(durations)) == 1


def test_avif_without_a_table_has_frames_alike() -> None:
    """A table that is missing or short hides no frame."""
    assert avif_durations(b"", 3) == (0, 0, 0)
    assert avif_durations(b"stts" + bytes(7) + b"\1\0\0\0\1\0\0\0\5", 2) == (5, 0)


def test_avif_with_ten_bits_is_seen() -> None:
    """One part with deep samples is enough."""
    content = bytearray(seeds.seed("avif"))
    assert not avif_is_deep(bytes(content))

    content[content.index(b"av1C") + 6] |= 0x40

    assert avif_is_deep(b"av1C" + bytes(content))


@pytest.mark.parametrize(("name", "count"), [("tiff", 1), ("tiff/pages", 4)])
def test_tiff_pages_are_counted(name: str, count: int) -> None:
    """Pages are a chain."""
    found = tiff_pages(io.BytesIO(seeds.seed(name)))

    assert found == Timing(durations=(1,) * count)


@pytest.mark.parametrize("order", ["<", ">"])
def test_big_tiff_pages_are_counted(order: str) -> None:
    """The 64-bit form, in both byte orders."""
    head = struct.pack(order + "2sHHHQ", b"II" if order == "<" else b"MM", 43, 8, 0, 16)
    first = struct.pack(order + "Q20xQ", 1, 16 + 36)
    second = struct.pack(order + "Q20xQ", 1, 0)

    assert len(tiff_pages(io.BytesIO(head + first + second)).durations) == 2


def test_tiff_whose_pages_go_in_circles_ends() -> None:
    """A page that follows itself is counted once."""
    content = struct.pack("<2sHIHI", b"II", 42, 8, 0, 8)

    assert tiff_pages(io.BytesIO(content)) == Timing(durations=(1,))


def test_tiff_of_too_many_tags_has_no_page() -> None:
    """Tags are counted before anybody reads them."""
    page = struct.pack("<H", 60_000) + bytes(12 * 60_000 + 4)

    found = tiff_pages(io.BytesIO(struct.pack("<2sHI", b"II", 42, 8) + page))

    assert found == Timing(durations=(), is_whole=False)


def test_tiff_page_behind_the_end_is_one() -> None:
    """A page that did not arrive counts, so that somebody misses it."""
    content = struct.pack("<2sHIHI", b"II", 42, 8, 0, 0xFFFFFF00)

    assert len(tiff_pages(io.BytesIO(content)).durations) == 2


def test_tiff_of_too_many_pages_is_not_whole() -> None:
    """A long chain is followed so far and no further."""
    pages = [struct.pack("<HI", 0, 8 + 6 * (at + 1)) for at in range(2000)]

    found = tiff_pages(io.BytesIO(struct.pack("<2sHI", b"II", 42, 8) + b"".join(pages)))

    assert len(found.durations) == 1000
    assert not found.is_whole


@given(content=st.binary(max_size=300))
def test_any_bytes_have_a_timing(content: bytes) -> None:
    """Nothing that stands behind a magic raises anything."""
    assert gif_timing(b"GIF89a" + content).durations is not None
    assert webp_timing(b"RIFF\0\0\0\0WEBP" + content).durations
    assert len(avif_durations(b"stts\0\0\0\0" + content, 9)) == 9
    png_timing(io.BytesIO(b"\x89PNG\r\n\x1a\n" + content))
    for magic in (b"II*\0", b"MM\0+"):
        tiff_pages(io.BytesIO(magic + content))


@given(kept=st.floats(0, 1))
def test_cut_file_has_a_timing(kept: float) -> None:
    """A file that broke off has the frames that begin before that."""
    gif = pictures.truncated(seeds.seed("gif/moving"), kept=kept)
    webp = pictures.truncated(seeds.seed("webp/moving"), kept=kept)

    assert len(gif_timing(gif).durations) <= 4
    assert len(webp_timing(webp).durations) <= 4
