"""The work of decoding a JPEG is known before it is decoded."""

import io
import struct
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.corpus import pictures
from tests.fuzz import seeds
from tests.pictures.headers.jpegs import SCAN, many_scans, resized
from uploadfilter.pictures.headers.jpegscans import (
    PROFILE_START,
    JPEGCost,
    cost_of,
    profile_of,
    shown_length,
)

IMAGE = seeds.image(3, width=160, height=120)
PROGRESSIVE = pictures.jpeg(IMAGE, progressive=True)
ANY = 0
"""So few scans are enough that each file is looked into closely."""


def cost(content: bytes, *, enough_scans: int = ANY) -> JPEGCost:
    """Return the cost of a JPEG that has one."""
    found = cost_of(io.BytesIO(content), enough_scans=enough_scans, enough_visits=ANY)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param(
            pictures.jpeg(IMAGE),
            JPEGCost(
                size=(160, 120), scans=1, block_visits=10 * 8 * 6, coefficient_bytes=0
            ),
            id="one scan, colours halved",
        ),
        pytest.param(
            pictures.jpeg(IMAGE.convert("L")),
            JPEGCost(
                size=(160, 120), scans=1, block_visits=20 * 15, coefficient_bytes=0
            ),
            id="one scan, grey",
        ),
        pytest.param(
            PROGRESSIVE,
            JPEGCost(
                size=(160, 120),
                scans=10,
                # The averages twice, luma four times more, each colour twice more.
                block_visits=80 * (2 * 6 + 4 * 4 + 2 * 2),
                coefficient_bytes=80 * 6 * 128,
            ),
            id="ten scans",
        ),
        pytest.param(
            pictures.thumbnailed_jpeg(IMAGE, seeds.image(2)),
            JPEGCost(
                size=(160, 120), scans=1, block_visits=10 * 8 * 6, coefficient_bytes=0
            ),
            id="a thumbnail is another picture",
        ),
    ],
)
def test_cost_of_ordinary_files(content: bytes, expected: JPEGCost) -> None:
    """Blocks are counted once for each scan that they are part of."""
    assert replace(cost(content), segments=()) == expected


@pytest.mark.parametrize("count", [10, 100, 101, 2000])
def test_scans_are_counted_exactly(count: int) -> None:
    """However many scans there are, each counts."""
    assert cost(many_scans(count)).scans == count


def test_small_file_may_claim_many_visits() -> None:
    """The cost of scans follows from the size, which a few bytes may claim."""
    content = resized(many_scans(50), b"\xff\xc2", 8000, 8000)

    assert cost(content).block_visits == 50 * 1000 * 1000


def test_rough_count_is_no_less_than_the_exact_one() -> None:
    """Where the rough count is within the limits, the exact one would be too."""
    rough = cost_of(io.BytesIO(PROGRESSIVE), enough_scans=100, enough_visits=10**6)
    exact = cost(PROGRESSIVE)

    assert rough is not None
    assert rough.scans >= exact.scans
    assert rough.block_visits >= exact.block_visits


def test_bytes_like_a_scan_are_none_in_a_segment() -> None:
    """A comment full of markers is not taken for scans."""
    comment = SCAN * 500
    content = (
        PROGRESSIVE[:2]
        + struct.pack(">2sH", b"\xff\xfe", 2 + len(comment))
        + comment
        + PROGRESSIVE[2:]
    )

    assert cost(content, enough_scans=100).scans == 10


def test_bytes_behind_the_end_are_no_scans() -> None:
    """Bytes after a picture are not part of it."""
    content = PROGRESSIVE + SCAN * 500

    assert cost(content, enough_scans=100).scans == 10


def test_picture_may_begin_behind_junk() -> None:
    """Decoders step over junk between segments, and so does the count."""
    content = PROGRESSIVE[:2] + b"junk\xff\xff\0junk" + PROGRESSIVE[2:]

    assert cost(content).scans == 10


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\x89PNG\r\n\x1a\n", id="another format"),
        pytest.param(PROGRESSIVE[:2] + b"\xff\xd9", id="no frame"),
        pytest.param(PROGRESSIVE[:170], id="no scan"),
        pytest.param(pictures.zero_dimension_jpeg(), id="no rows"),
        pytest.param(
            PROGRESSIVE[:2] + bytes(100_000) + PROGRESSIVE[2:], id="too much junk"
        ),
    ],
)
def test_what_no_decoder_shows_has_no_cost(content: bytes) -> None:
    """Without a frame and a scan there is nothing to decode."""
    found = cost_of(io.BytesIO(content), enough_scans=ANY, enough_visits=ANY)

    assert found is None


def test_table_that_broke_off_is_left_out() -> None:
    """A decoder would wait for the rest of it, and show nothing."""
    table = PROGRESSIVE.index(b"\xff\xc4", PROGRESSIVE.index(SCAN))

    assert shown_length(io.BytesIO(PROGRESSIVE)) == len(PROGRESSIVE)
    for end in (table + 2, table + 3, table + 10):
        assert shown_length(io.BytesIO(PROGRESSIVE[:end])) == table
    scan = PROGRESSIVE.index(SCAN, table)
    assert shown_length(io.BytesIO(PROGRESSIVE[: scan + 30])) == scan + 30


@given(
    flips=st.lists(
        st.tuples(st.integers(0, 700), st.integers(0, 255)), min_size=1, max_size=5
    ),
    kept=st.integers(0, len(PROGRESSIVE)),
)
def test_broken_file_has_a_cost_or_none(
    flips: list[tuple[int, int]], kept: int
) -> None:
    """Whatever stands in the header, counting ends without an exception."""
    content = bytearray(PROGRESSIVE)
    for at, value in flips:
        content[at] = value
    found = cost_of(
        io.BytesIO(bytes(content[:kept])), enough_scans=ANY, enough_visits=ANY
    )

    assert shown_length(io.BytesIO(bytes(content[:kept]))) <= kept
    assert found is None or found.scans >= 1


@pytest.mark.parametrize(
    ("parts", "profile"),
    [
        pytest.param([], None, id="none"),
        pytest.param([b"\1\1abc"], b"abc", id="one"),
        pytest.param([b"\1\2ab", b"\2\2c"], b"abc", id="two"),
        pytest.param([b"\2\2c", b"\1\2ab"], b"abc", id="out of order"),
        pytest.param([b"\1\1ab", b"\1\1c"], b"ab", id="another after it"),
        pytest.param([b"\1\1ab", b"\0\0c"], b"ab", id="nonsense after it"),
        pytest.param([b"\1\1", b"\1\1ab"], b"ab", id="an empty one before it"),
        pytest.param([b"\1\2ab"], None, id="a part is missing"),
        pytest.param([b"\1\2ab", b"\1\2ab", b"\2\2c"], None, id="one number twice"),
        pytest.param([b"\1\2ab", b"\2\3c"], None, id="two counts"),
        pytest.param([b"\0\1ab"], None, id="number 0"),
        pytest.param([b"\2\1ab"], None, id="a number beyond the count"),
        pytest.param([b"\1\0ab"], None, id="count 0"),
    ],
)
def test_profile_is_put_together_as_chromium_does(
    parts: list[bytes], profile: bytes | None
) -> None:
    """Each of these was shown to Chromium 156."""
    segments = tuple(PROFILE_START + part for part in parts)

    assert profile_of((b"MPF\0\1\1", *segments)) == profile


def test_parts_of_a_profile_are_found_up_to_the_first_scan() -> None:
    """Chromium looks no further, and Pillow not so far."""
    part = b"\xff\xe2" + struct.pack(">H", 2 + 12 + 5) + b"ICC_PROFILE\0\1\1abc"
    first = PROGRESSIVE.index(SCAN)
    second = PROGRESSIVE.index(SCAN, first + 2)
    before = PROGRESSIVE[:first] + part + PROGRESSIVE[first:]
    after = PROGRESSIVE[:second] + part + PROGRESSIVE[second:]

    assert cost(before).segments == (b"ICC_PROFILE\0\1\1abc",)
    assert cost(after).segments == ()
