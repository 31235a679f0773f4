"""The changes in the files of a signed set."""

import gzip

import pytest

from tests.issuing.offices import line_of
from uploadfilter.errors import HashSetFormatError
from uploadfilter.syncing.reading import FetchedChange, id_of


def change_of(*lines: str, deltas: tuple[str, ...] = ()) -> FetchedChange:
    """Return a change by one shard, and by the deltas after it."""
    data = gzip.compress("".join(line + "\n" for line in lines).encode())
    change = FetchedChange(
        have=None, is_full=True, read=lambda _: data, shards=["full/1/x"]
    )
    for text in deltas:
        change.add_delta(text.encode())
    return change


def added(entry_id: str, number: int) -> str:
    """Return the line of an entry, as an operation."""
    return line_of(entry_id, number).replace("{", '{"op":"add",', 1)


def test_deltas_change_what_the_full_set_has() -> None:
    """Entries that a delta replaces or removes are left out of the shard."""
    change = change_of(
        added("a", 1),
        added("b", 2),
        deltas=(added("a", 3) + "\n", '{"op":"del","id":"b"}\n'),
    )

    assert change.shard("full/1/x") == b""
    assert set(change.net) == {"a", "b"}
    assert change.net["b"] is None


def test_full_set_takes_nothing_away() -> None:
    """A full set contains no operation that removes an entry."""
    with pytest.raises(HashSetFormatError, match="removes entries"):
        change_of('{"op":"del","id":"b"}').shard("full/1/x")


@pytest.mark.parametrize("line", [b"", b"{}", b"x", b"\xff"])
def test_line_without_an_id_is_malformed(line: bytes) -> None:
    """An entry without an id cannot be withdrawn."""
    with pytest.raises(HashSetFormatError, match="no id"):
        id_of(line)
