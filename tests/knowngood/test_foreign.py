"""Lists of harmless files in the formats of others."""

import csv
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.knowngood.corpora import md5_of
from tests.knowngood.foreign import encase
from uploadfilter.errors import HashSetFormatError
from uploadfilter.knowngood.foreign import (
    HEAD_BYTES,
    KnownForm,
    Read,
    digests_in,
    form_of,
)
from uploadfilter.model import SignalType

MD5 = md5_of("a")
SHA1 = MD5 + b"1234"
SHA256 = MD5 * 2

_NSRL = (
    '"SHA-1","MD5","CRC32","FileName","FileSize","ProductCode","OpSystemCode",'
    '"SpecialCode"\r\n'
    f'"{SHA1.hex().upper()}","{MD5.hex().upper()}","00","a ""b"", c.jpg",1,2,"x",""\r\n'
    '"broken"\r\n'
)
_HASHKEEPER = (
    '"file_id","hashset_id","file_name","directory","hash","file_size"\n'
    f'1,2,"\xe4.gif","C:\\x","{MD5.hex().upper()}",5\n'
)


def sqlite_file(path: Path) -> None:
    """Write a minimal database of NSRL, version 3."""
    with closing(sqlite3.connect(path)) as base:
        base.execute(
            "CREATE TABLE FILE (sha256 TEXT, sha1 TEXT, md5 TEXT, file_name TEXT)"
        )
        row = (SHA256.hex().upper(), SHA1.hex(), MD5.hex(), "a.jpg")
        base.execute("INSERT INTO FILE VALUES (?, ?, ?, ?)", row)
        base.execute("INSERT INTO FILE VALUES (?, ?, ?, ?)", (None, 5, b"x", "b"))
        base.commit()


def found_in(
    path: Path,
) -> tuple[KnownForm | None, set[tuple[SignalType, bytes]], Read]:
    """Read a file to its end."""
    read = Read()
    with path.open("rb") as file:
        form = form_of(file.read(HEAD_BYTES))
        found = set(digests_in(path, file, form, read)) if form else set()
    return form, found, read


@pytest.mark.parametrize(
    ("data", "form", "digests", "records", "bad"),
    [
        (
            _NSRL.encode("latin-1"),
            KnownForm.NSRL_TEXT,
            {(SignalType.SHA1, SHA1), (SignalType.MD5, MD5)},
            2,
            1,
        ),
        (
            b"\xef\xbb\xbf" + _NSRL.encode("latin-1"),
            KnownForm.NSRL_TEXT,
            {(SignalType.SHA1, SHA1), (SignalType.MD5, MD5)},
            2,
            1,
        ),
        (
            _HASHKEEPER.encode("latin-1"),
            KnownForm.HASHKEEPER,
            {(SignalType.MD5, MD5)},
            1,
            0,
        ),
        (encase(MD5), KnownForm.ENCASE, {(SignalType.MD5, MD5)}, 1, 0),
        (b"hello", None, set(), 0, 0),
        (b"", None, set(), 0, 0),
    ],
    ids=["nsrl", "mark", "hashkeeper", "encase", "text", "empty"],
)
def test_digests_are_taken_and_nothing_else(
    tmp_path: Path,
    data: bytes,
    form: KnownForm | None,
    digests: set[tuple[SignalType, bytes]],
    records: int,
    bad: int,
) -> None:
    """The format is known by the first bytes; records without a digest are counted."""
    path = tmp_path / "list"
    path.write_bytes(data)

    found_form, found, read = found_in(path)

    assert (found_form, found) == (form, digests)
    assert (read.records, read.bad) == (records, bad)


def test_sqlite_is_asked_for_its_digests(tmp_path: Path) -> None:
    """In version 3, all three digests of a row count; unusual cells are ignored."""
    path = tmp_path / "RDS.db"
    sqlite_file(path)

    form, found, read = found_in(path)

    assert form is KnownForm.NSRL_SQLITE
    assert found == {
        (SignalType.SHA256, SHA256),
        (SignalType.SHA1, SHA1),
        (SignalType.MD5, MD5),
    }
    assert (read.records, read.bad) == (2, 1)


def test_other_sqlite_is_refused(tmp_path: Path) -> None:
    """A database without the table, or a damaged one, is an error with a hint."""
    path = tmp_path / "x.db"
    with closing(sqlite3.connect(path)) as base:
        base.execute("CREATE TABLE OTHER (md5 TEXT)")
    with pytest.raises(HashSetFormatError, match="without NSRL's table"):
        found_in(path)

    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(HashSetFormatError, match="damaged"):
        found_in(path)


def test_encase_that_was_cut_off_is_refused(tmp_path: Path) -> None:
    """A file that ends within a record is not taken for a shorter list."""
    path = tmp_path / "x.hash"
    path.write_bytes(encase(MD5)[:-1])

    with pytest.raises(HashSetFormatError, match="cut off"):
        found_in(path)


def test_endless_line_costs_little(tmp_path: Path) -> None:
    """A line without an end is read in pieces, which are bad records."""
    path = tmp_path / "x.txt"
    path.write_bytes(_NSRL.encode("latin-1") + b'"' + b"a" * 1_000_000)

    _, found, read = found_in(path)

    assert len(found) == 2
    assert read.bad >= 2


def test_limit_of_other_readers_is_left_alone(tmp_path: Path) -> None:
    """Python has one limit for all readers: a lower one lets a row go on endlessly."""
    path = tmp_path / "NSRLFile.txt"
    path.write_text(_NSRL)
    before = csv.field_size_limit()

    with path.open("rb") as file:
        list(digests_in(path, file, KnownForm.NSRL_TEXT, Read()))

    assert csv.field_size_limit() == before
