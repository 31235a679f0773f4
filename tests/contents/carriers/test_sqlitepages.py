"""Databases give the values of their long rows, like the database itself."""

import sqlite3
from contextlib import closing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conformance.containers import CHECKS, Check, Subject, contents_of
from uploadfilter.contents.carriers.sqlitepages import SQLiteContainer
from uploadfilter.contents.members import UnpackLimits, UnpackMeter
from uploadfilter.contents.source import MemorySource
from uploadfilter.model import Reason

SQLITE = SQLiteContainer()
LONG = bytes(range(256)) * 60


def sqlite_of(*values: object, page_bytes: int = 4096, keyed: bool = False) -> bytes:
    """Return a database with a row for each value."""
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute(f"pragma page_size = {page_bytes}")
        kind = "blob primary key" if keyed else "blob"
        end = " without rowid" if keyed else ""
        connection.execute(f"create table t (v {kind}, n int){end}")
        connection.executemany("insert into t values (?, 7)", [(v,) for v in values])
        connection.commit()
        return connection.serialize()


SUBJECT = Subject(
    container=SQLITE,
    members={sqlite_of(LONG, b"short", LONG[::-1]): (("", LONG), ("", LONG[::-1]))},
)


@pytest.mark.parametrize(
    "check",
    [check for check in CHECKS if check.__name__ != "check_unpacks_nothing_unasked"],
    ids=lambda check: check.__name__,
)
def test_sqlite_file_conforms(check: Check) -> None:
    """It keeps the rules of containers."""
    check(SUBJECT)


@settings(deadline=None, max_examples=50)
@given(
    sizes=st.lists(st.integers(1, 30_000), max_size=12),
    page_bytes=st.sampled_from([512, 1024, 4096, 65_536]),
    keyed=st.booleans(),
)
def test_what_does_not_fit_into_a_page_is_given_as_it_was(
    sizes: list[int], page_bytes: int, *, keyed: bool
) -> None:
    """Whatever the pages, a long value comes out whole, and short ones lie in one."""
    values = [bytes([n + 1]) * size for n, size in enumerate(sizes)]
    file = sqlite_of(*values, page_bytes=page_bytes, keyed=keyed)
    found = [data for _, data, reason in contents_of(SQLITE, file) if not reason]

    for value in values:
        assert value in found or any(value in each for each in (file, *found[-1:]))


def test_texts_that_are_long_are_given_too() -> None:
    """A text may hold a picture as a URI."""
    text = "data:image/png;base64," + "A" * 9000

    assert contents_of(SQLITE, sqlite_of(text)) == [("", text.encode(), None)]


def test_rows_that_share_their_pages_are_counted() -> None:
    """The bytes of all values together are bounded."""
    file = sqlite_of(*[LONG + bytes([n]) for n in range(9)])
    limits = UnpackLimits(max_output_bytes=3 * len(LONG))
    items = list(SQLITE.members(MemorySource(file), UnpackMeter(limits)))

    assert len(items) == 3


def test_what_only_begins_like_one_is_none() -> None:
    """A file with an invalid header is not a database."""
    file = b"SQLite format 3\0" + bytes(200)

    assert contents_of(SQLITE, file) == [("", b"", Reason.UNDECODABLE)]
