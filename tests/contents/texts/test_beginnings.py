"""Whatever the slow search finds in letters, the fast one finds."""

import base64
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uploadfilter.contents.texts.beginnings import (
    LETTERS,
    Beginning,
    beginnings,
    decoded,
    last_held,
    letters_of,
    slow_beginnings,
    slow_last_held,
)

MAGIC = (
    *(b"\xff\xd8\xff", b"\x89PNG", b"GIF8", b"RIFF", b"JXL \r\n", b"II*\0", b"BM"),
    *(b"PK\3\4", b"\x1f\x8b\x08", b"%PDF-", b"\0\0\1\0", b"P6\n", b"\xff\x0a", b"ftyp"),
    *(b"\0\0\1\0\1\0", b"\0\0\2\0\1\0"),
)
"""First bytes of some kinds, and later bytes of others."""

SMALL = struct.pack("<IHHHH", 12, 16, 16, 1, 24)
BITMAPS = (
    SMALL,
    *(struct.pack("<IiiHH", size, 16, 32, 1, 24) for size in (16, 40, 64, 108, 124)),
    *(struct.pack("<IiiHH", 40, 16, high, 1, 32) for high in (-32, 70_000, -70_000)),
    *(struct.pack("<IiiHH", 40, 248, 4032, 1, bits) for bits in (1, 4, 8, 16)),
)
"""Headers of bitmaps as they stand in icons; the last ones have a plus in base64."""

Sorted = list[tuple[int, int]]


def in_order(found: list[Beginning]) -> Sorted:
    """Return beginnings in one order."""
    return sorted((each.group, each.skipped) for each in found)


letters = st.text(LETTERS.decode(), max_size=30).map(str.encode)
pieces = st.one_of(
    letters,
    st.tuples(st.binary(max_size=3), st.sampled_from(MAGIC), st.binary(max_size=9)).map(
        lambda parts: base64.b64encode(b"".join(parts)).rstrip(b"=")
    ),
    st.sampled_from(BITMAPS).map(lambda head: base64.b64encode(head).rstrip(b"=")),
)


@given(st.lists(pieces, max_size=8).map(b"".join))
def test_fast_search_finds_what_the_slow_one_finds(string: bytes) -> None:
    """At every letter, with every number of bytes before, and nothing else."""
    fast, slow = list(beginnings(string)), list(slow_beginnings(string))

    assert in_order(fast) == in_order(slow)


@given(
    st.lists(st.one_of(pieces, st.just(b"AAAC")), max_size=8).map(b"".join),
    st.lists(pieces, max_size=2).map(b"".join),
)
def test_icons_begin_where_the_slow_search_says(string: bytes, plus: bytes) -> None:
    """Wherever a bitmap follows, also one whose plus signs became blanks."""
    fast = list(beginnings(string, plus=plus))

    assert last_held(string) == slow_last_held(string)
    assert in_order(fast) == in_order(list(slow_beginnings(string, plus=plus)))


@pytest.mark.parametrize("held", [*BITMAPS, b"\x89PNG"])
@pytest.mark.parametrize("kind", [1, 2])
@pytest.mark.parametrize("between", range(3))
def test_icon_begins_where_a_picture_follows(
    held: bytes, kind: int, between: int
) -> None:
    """An icon or a cursor, whatever lies between its directory and its picture."""
    directory = struct.pack("<HHHBBBBHHII", 0, kind, 1, 16, 16, 0, 0, 1, 24, 99, 22)
    string = base64.b64encode(directory + b"\x90" * between + held + b"\x90" * 20)

    assert 0 in {each.group for each in beginnings(string) if each.is_first}


def test_source_map_holds_no_icon() -> None:
    """Its letters often begin like icons; no picture follows them."""
    assert not list(beginnings(b"AAACAAACA" * 10_000))


@given(st.lists(pieces, max_size=8).map(b"".join))
def test_many_letters_are_searched_as_few_are(string: bytes) -> None:
    """There are two ways to look pairs of letters up, by how many there are."""
    before = b"z" * 9000
    many = [each for each in beginnings(before + string) if each.group >= len(before)]
    few = [each for each in beginnings(string) if each.group >= 0]
    moved = [(group - len(before), skipped) for group, skipped in in_order(many)]

    assert moved == in_order(few)


@pytest.mark.parametrize("at", [131_069, 131_070, 131_071, 131_072, 131_073])
def test_beginning_across_two_stretches_is_found_once(at: int) -> None:
    """A stretch is searched with the text after it."""
    string = b"z" * at + base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(20))

    assert in_order(list(beginnings(string))) == [(at, 0)]


@given(st.integers(0, 5), st.sampled_from(MAGIC[:10]))
def test_beginning_says_where_its_bytes_are(before: int, magic: bytes) -> None:
    """From its group on, a number of bytes is skipped."""
    string = base64.b64encode(b"\x90" * before + magic + b"\x90" * 9)
    found = [each for each in beginnings(string) if each.skipped >= 0]
    data = [decoded(string, each.group, 24)[each.skipped :] for each in found]

    assert not found or any(each.startswith(magic) for each in data)
    assert found or magic in {b"JXL \r\n", b"ftyp"}


def test_letters_are_all_that_is_left() -> None:
    """In the standard alphabet."""
    text = b"a-b_c <+>/=\n\xff"

    assert letters_of(text) == b"a+b/c+/"
