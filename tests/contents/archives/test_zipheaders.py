"""The headers of a zip file are found wherever a reader may look for them."""

from hypothesis import given
from hypothesis import strategies as st

from tests.contents.archives.zips import Made, Said, end, made
from uploadfilter.contents.archives.zipheaders import (
    END_SEARCH_BYTES,
    data_end,
    has_end,
    listed,
    local_header,
    next_local,
)
from uploadfilter.contents.source import MemorySource

ONE = made(Made(data=b"data", local=Said(name=b"near"), listed=Said(name=b"far")))


def names(file: bytes) -> list[str]:
    """Return the names in the directories of a file."""
    source = MemorySource(file)
    return [entry.header.name for entry in listed(source, counts=lambda _at: True)]


def test_both_headers_of_a_member_are_read() -> None:
    """The directory leads to the header before the member, whose data follow."""
    source = MemorySource(b"prefix" + ONE)
    (entry,) = listed(source, counts=lambda _at: True)
    local = local_header(source, entry.local_at[0])
    assert local is not None

    assert (entry.header.name, local.header.name) == ("far", "near")
    assert source.read(local.data_at, 4) == b"data"


def test_directory_is_looked_for_where_its_size_says_first() -> None:
    """Bytes before the archive shift every offset; those inside it do not."""
    (entry,) = listed(MemorySource(b"prefix" + ONE), counts=lambda _at: True)

    assert entry.local_at == (6, 0)


def test_later_end_records_come_first() -> None:
    """Most readers take the last end record; the others are read after it."""
    other = made(Made(data=b"", listed=Said(name=b"other")))

    assert names(ONE + other) == ["other", "far"]


def test_end_records_that_do_not_count_are_passed_over() -> None:
    """The reader of the members tells which end records lie inside one."""
    assert list(listed(MemorySource(ONE), counts=lambda _at: False)) == []


def test_end_record_may_be_as_far_from_the_end_as_a_comment_is_long() -> None:
    """Behind the longest comment, the end record is found; further off, it is not."""
    longest = END_SEARCH_BYTES - len(end(0, 0))

    assert has_end(MemorySource(end(0, 0) + bytes(longest)))
    assert not has_end(MemorySource(end(0, 0) + bytes(longest + 1)))


@given(
    before=st.integers(0, 70_000),
    behind=st.binary(max_size=9).filter(lambda data: b"PK\3\4" not in data),
)
def test_magic_is_found_across_windows(before: int, behind: bytes) -> None:
    """However far a header is from the last one, it is found."""
    file = bytes(before) + b"PK\3\4" + behind

    assert next_local(MemorySource(file), 0) == before
    assert next_local(MemorySource(file), before + 1) is None


def test_data_without_a_length_end_before_the_next_header() -> None:
    """A descriptor, a header or the directory ends them, else the file does."""
    assert data_end(MemorySource(b"data" + b"PK\7\x08" + b"PK\3\4"), 0) == 4
    assert data_end(MemorySource(b"data" + b"PK\1\2"), 1) == 4
    assert data_end(MemorySource(b"data"), 1) == 4


@given(st.binary(max_size=80))
def test_other_bytes_are_no_local_header(data: bytes) -> None:
    """A header needs its magic and must end within the file."""
    assert local_header(MemorySource(data), 0) is None
    found = local_header(MemorySource(b"PK\3\4" + data), 0)

    assert found is None or found.data_at <= 4 + len(data)
