"""Whatever the slow search finds in letters, the fast one finds."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uploadfilter.contents.beginnings import (
    LETTERS,
    Beginning,
    beginnings,
    decoded,
    letters_of,
    slow_beginnings,
)

MAGIC = (
    *(b"\xff\xd8\xff", b"\x89PNG", b"GIF8", b"RIFF", b"JXL \r\n", b"II*\0", b"BM"),
    *(b"PK\3\4", b"\x1f\x8b\x08", b"%PDF-", b"\0\0\1\0", b"P6\n", b"\xff\x0a", b"ftyp"),
)
"""First bytes of some kinds, and bytes that stand behind the first ones of others."""

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
)


@given(st.lists(pieces, max_size=8).map(b"".join))
def test_fast_search_finds_what_the_slow_one_finds(string: bytes) -> None:
    """At every letter, with every number of bytes before, and nothing else."""
    fast, slow = list(beginnings(string)), list(slow_beginnings(string))

    assert in_order(fast) == in_order(slow)


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
    """A stretch is looked at with what follows it."""
    string = b"z" * at + base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(20))

    assert in_order(list(beginnings(string))) == [(at, 0)]


@given(st.integers(0, 5), st.sampled_from(MAGIC[:10]))
def test_beginning_says_where_its_bytes_are(before: int, magic: bytes) -> None:
    """From its group on, so many bytes are skipped."""
    string = base64.b64encode(b"\x90" * before + magic + b"\x90" * 9)
    found = [each for each in beginnings(string) if each.skipped >= 0]
    data = [decoded(string, each.group, 24)[each.skipped :] for each in found]

    assert not found or any(each.startswith(magic) for each in data)
    assert found or magic in {b"JXL \r\n", b"ftyp"}


def test_letters_are_all_that_is_left() -> None:
    """In the standard alphabet."""
    text = b"a-b_c <+>/=\n\xff"

    assert letters_of(text) == b"a+b/c+/"
