"""Pillow gets those chunks of a PNG that show something, and no others."""

import io
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.corpus.tricks.kit import png_chunk
from tests.fuzz import seeds
from tests.pictures import icc
from tests.pictures.sketches import frames, lacks
from uploadfilter.model import Reason
from uploadfilter.pictures.colours.profiles import MAX_PROFILE_BYTES
from uploadfilter.pictures.headers.pngchunks import part_of
from uploadfilter.pictures.limits import OverBudgetError

PLAIN = seeds.seed("png")
HEADER_END = 8 + 25
STEEP = icc.colour_profile(icc.formula(0, 8))
LINEAR = icc.colour_profile(icc.formula(0, 1))


def with_chunks(*chunks: bytes) -> bytes:
    """Return a PNG with chunks after its header."""
    return PLAIN[:HEADER_END] + b"".join(chunks) + PLAIN[HEADER_END:]


def wrong(chunk: bytes) -> bytes:
    """Return a chunk with a wrong checksum."""
    return chunk[:-4] + bytes(byte ^ 1 for byte in chunk[-4:])


def profile_chunk(profile: bytes) -> bytes:
    """Return a profile as a chunk."""
    return png_chunk(b"iCCP", b"name\0\0" + zlib.compress(profile))


def kept(content: bytes) -> bytes:
    """Return the file that Pillow gets."""
    file = part_of(io.BytesIO(content)).file
    file.seek(0)
    return file.read()


def test_file_without_more_is_left_as_it_is() -> None:
    """An ordinary picture costs a walk over its chunks, and no copy."""
    file = io.BytesIO(PLAIN)

    assert part_of(file).file is file


@pytest.mark.parametrize(
    "chunk",
    [
        pytest.param(png_chunk(b"tEXt", b"Comment\0x"), id="comment"),
        pytest.param(wrong(png_chunk(b"tEXt", b"Comment\0x")), id="wrong checksum"),
        pytest.param(
            png_chunk(b"zTXt", b"c\0\0" + zlib.compress(bytes(3 << 20))), id="long"
        ),
        pytest.param(png_chunk(b"a1!d", b"x"), id="odd name"),
        pytest.param(png_chunk(b"gAMA", b"x"), id="gamma too short"),
        pytest.param(wrong(png_chunk(b"gAMA", bytes(4))), id="wrong gamma"),
        pytest.param(wrong(png_chunk(b"tRNS", bytes(6))), id="wrong transparency"),
        pytest.param(wrong(png_chunk(b"acTL", bytes(8))), id="wrong animation"),
        pytest.param(profile_chunk(b"no profile"), id="profile"),
        pytest.param(png_chunk(b"iCCP", b"name\0\7"), id="unknown packing"),
    ],
)
def test_chunk_that_shows_nothing_is_left_out(chunk: bytes) -> None:
    """Browsers skip it and show the picture as if the chunk were missing."""
    content = with_chunks(chunk)

    assert kept(content) == PLAIN
    (shown,) = frames(content)
    (plain,) = frames(PLAIN)
    np.testing.assert_array_equal(np.asarray(shown.image), np.asarray(plain.image))
    assert lacks(content) == []


def test_chunks_that_change_what_is_seen_are_kept() -> None:
    """The first of each, if its checksum is right."""
    gamma, other = (png_chunk(b"gAMA", struct.pack(">I", n)) for n in (5, 6))
    key = png_chunk(b"tRNS", bytes(6))

    assert kept(with_chunks(gamma, other, key)) == with_chunks(gamma, key)


def test_moving_picture_keeps_its_frames() -> None:
    """Chunks of the animation are not touched."""
    content = seeds.seed("png/moving")

    assert kept(content) == content


def test_wrong_checksum_of_the_header_is_undecodable() -> None:
    """Browsers show nothing either."""
    content = PLAIN[:8] + wrong(PLAIN[8:HEADER_END]) + PLAIN[HEADER_END:]

    assert lacks(content) == [Reason.UNDECODABLE]


def test_first_sound_profile_counts() -> None:
    """Browsers take the first, Pillow would take the last."""
    content = with_chunks(
        wrong(profile_chunk(LINEAR)), profile_chunk(STEEP), profile_chunk(LINEAR)
    )

    assert part_of(io.BytesIO(content)).profile == STEEP
    assert frames(content)[0].profile == STEEP


def test_profile_of_a_moving_picture_is_that_of_all_frames() -> None:
    """It stands once, before them."""
    content = seeds.seed("png/moving")
    content = content[:HEADER_END] + profile_chunk(STEEP) + content[HEADER_END:]

    assert {frame.profile for frame in frames(content)} == {STEEP}


@pytest.mark.parametrize(
    "chunk",
    [
        png_chunk(b"sRGB", b"\0"),
        png_chunk(b"gAMA", bytes(4)),
        png_chunk(b"cHRM", bytes(32)),
    ],
)
def test_colours_after_pixels_do_not_count(chunk: bytes) -> None:
    """Browsers go on as if nothing stood there."""
    assert kept(PLAIN[:-12] + chunk + PLAIN[-12:]) == PLAIN
    assert kept(with_chunks(chunk)) == with_chunks(chunk)


def test_padding_behind_a_profile_is_cut_off() -> None:
    """A profile says how long it is; more would be refused by its length."""
    content = with_chunks(profile_chunk(STEEP + bytes(20 << 20)))

    assert part_of(io.BytesIO(content)).profile == STEEP


def test_profile_that_is_longer_than_any_is_over_budget() -> None:
    """A profile that browsers use must not be ignored."""
    profile = struct.pack(">I", MAX_PROFILE_BYTES + 1) + STEEP[4:]
    content = with_chunks(profile_chunk(profile))

    with pytest.raises(OverBudgetError):
        part_of(io.BytesIO(content))
    assert lacks(content) == [Reason.TOO_MANY_BYTES]


@pytest.mark.parametrize("body", [b"", b"name", b"name\0", b"name\0\0none", b"a" * 99])
def test_broken_profile_is_none(body: bytes) -> None:
    """Browsers go on without it."""
    found = part_of(io.BytesIO(with_chunks(png_chunk(b"iCCP", body)))).profile

    assert not found


def test_code_points_are_read() -> None:
    """Four bytes, in the first chunk of that name with a right checksum."""
    chunk = png_chunk(b"cICP", bytes((1, 8, 0, 1)))

    found = part_of(io.BytesIO(with_chunks(wrong(chunk), chunk)))

    assert found.code_points == bytes((1, 8, 0, 1))


@given(
    pieces=st.lists(
        st.tuples(st.sampled_from([b"IDAT", b"teSt"]), st.binary(max_size=9)),
        max_size=8,
    ),
    steps=st.lists(
        st.tuples(st.integers(0, 150), st.integers(0, 150)), min_size=1, max_size=8
    ),
)
def test_file_of_pieces_reads_like_one(
    pieces: list[tuple[bytes, bytes]], steps: list[tuple[int, int]]
) -> None:
    """Wherever it is read, it is the kept chunks one after the other."""
    signature = PLAIN[:8]
    chunks = [png_chunk(name, body) for name, body in pieces]
    wanted = [chunk for chunk in chunks if b"IDAT" in chunk[4:8]]
    ours = part_of(io.BytesIO(signature + b"".join(chunks))).file
    plain = io.BytesIO(signature + b"".join(wanted))
    for offset, length in steps:
        assert ours.seek(offset) == plain.seek(offset)
        assert ours.read(length) == plain.read(length)
        assert ours.tell() == plain.tell()

    assert ours.seek(0, io.SEEK_END) == plain.seek(0, io.SEEK_END)


def test_seek_before_the_start_is_refused() -> None:
    """As in any file."""
    ours = part_of(io.BytesIO(with_chunks(png_chunk(b"teSt", b"")))).file

    with pytest.raises(OSError, match="before"):
        ours.seek(-(1 << 20), io.SEEK_END)


@given(content=st.binary(max_size=200))
def test_any_bytes_are_a_part(content: bytes) -> None:
    """No bytes after the signature raise anything."""
    assert part_of(io.BytesIO(PLAIN[:8] + content)).file is not None
