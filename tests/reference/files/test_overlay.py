"""A stored overlay states the same changes as before."""

from pathlib import Path

import lmdb
import msgspec
import pytest

from tests.reference.columns import SECRET, entries_of, tables_of
from tests.reference.entries.rows import GATED, TRIPPED
from tests.reference.stores import ENTRY
from uploadfilter.errors import StoreCorruptError, StoreVersionError
from uploadfilter.reference.entries.changes import Changes
from uploadfilter.reference.entries.off import new_off, withdrawals
from uploadfilter.reference.entries.tables import Tables, empty_tables
from uploadfilter.reference.files import layout
from uploadfilter.reference.files import overlay as module
from uploadfilter.reference.files.base import read_tables
from uploadfilter.reference.files.layout import StagedPart
from uploadfilter.reference.files.mapping import EXACT_NAME, Mapped, open_mapped
from uploadfilter.reference.files.overlay import fits, read_overlay, write_overlay

CHANGES = Changes(hidden=frozenset({"a", "b"}), removed={"c": 7}).with_off(
    [
        *withdrawals("a", {"1": True, "2": False}, 3),
        new_off(("a", "é"), why="ours", by="me", now=10, until=20),
        GATED,
        TRIPPED,
    ]
)


def staged(directory: Path) -> StagedPart:
    """Return a new overlay that nothing was written into."""
    (directory / layout.OVERLAYS).mkdir(exist_ok=True)
    return StagedPart(directory, layout.OVERLAYS, 1)


def mapped(directory: Path, new: StagedPart) -> Mapped:
    """Publish an overlay and map it."""
    found = open_mapped(directory / layout.OVERLAYS / "1", new.publish())
    assert found is not None
    return found


def written(directory: Path, additions: Tables, changes: Changes) -> Mapped:
    """Write an overlay and map it."""
    new = staged(directory)
    write_overlay(new.path, additions, changes, secret=SECRET.check_value())
    return mapped(directory, new)


def with_records(directory: Path, records: dict[bytes, bytes]) -> Mapped:
    """Write an overlay that holds records only."""
    new = staged(directory)
    with lmdb.open(str(new.path), max_dbs=2, lock=False) as env:
        env.open_db(EXACT_NAME)
        with env.begin(write=True) as txn:
            for name, value in records.items():
                txn.put(name, value)
    return mapped(directory, new)


def test_overlay_comes_back(tmp_path: Path) -> None:
    """Entries and changes are read as they were written."""
    found = written(tmp_path, tables_of("s", [ENTRY]), CHANGES)
    meta, changes = read_overlay(found)

    assert changes == CHANGES
    assert meta is not None
    assert entries_of(read_tables(found, meta)) == [("s", "1", "A", False)]


def test_overlay_without_entries_says_so(tmp_path: Path) -> None:
    """There is nothing to search in it."""
    assert read_overlay(written(tmp_path, empty_tables(), CHANGES)) == (None, CHANGES)


@pytest.mark.parametrize(
    ("records", "error"),
    [
        ({b"meta": b'{"format":3,"additions":1,"removals":0}'}, StoreCorruptError),
        ({b"meta": b'{"format":4}'}, StoreVersionError),
        ({b"meta": b'{"format":2}'}, StoreVersionError),
        ({b"meta": b"{"}, StoreCorruptError),
        ({b"other": b"{}"}, StoreCorruptError),
    ],
)
def test_damaged_overlay_is_an_error(
    tmp_path: Path, records: dict[bytes, bytes], error: type[Exception]
) -> None:
    """A missing part of an overlay is an error, not an empty part."""
    with pytest.raises(error):
        read_overlay(with_records(tmp_path, records))


def test_damaged_changes_are_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A withdrawal that cannot be read must not be overlooked."""
    encode = msgspec.json.encode
    monkeypatch.setattr(msgspec.json, "encode", lambda item: encode(item)[:-2])
    found = written(tmp_path, empty_tables(), CHANGES)

    with pytest.raises(StoreCorruptError, match="damaged record"):
        read_overlay(found)


def test_size_of_an_overlay_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    """Entries, perceptual and exact signals are counted together."""
    tables = tables_of("s", [ENTRY])
    monkeypatch.setattr(module, "OVERLAY_MOST_ROWS", 3)
    assert fits(tables)
    monkeypatch.setattr(module, "OVERLAY_MOST_ROWS", 2)

    assert not fits(tables)
