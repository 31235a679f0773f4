"""Columns come back from LMDB as they went in, where they lie."""

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import lmdb
import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conformance.generations import entry, exactly, pdq
from tests.reference.columns import (
    SECRET,
    entries_of,
    exact_of,
    perceptual_of,
    tables_of,
)
from tests.reference.entries.collected import ENTRIES, MD5
from tests.reference.files.stored import Write, stored
from uploadfilter.errors import StoreCorruptError, StoreVersionError
from uploadfilter.model import Entry, Signal, SignalType
from uploadfilter.reference.entries.tables import Tables, empty_tables, joined
from uploadfilter.reference.files import base as module
from uploadfilter.reference.files import layout
from uploadfilter.reference.files.base import (
    Meta,
    read_exact,
    read_meta,
    read_tables,
    write_base,
)
from uploadfilter.reference.files.mapping import EXACT_NAME


def base_of(tables: Tables) -> Write:
    """Return a function that writes tables as a base."""
    return lambda path: write_base(path, tables, secret=SECRET.check_value())


def only_meta(meta: bytes) -> Write:
    """Return a function that writes a directory with a single record."""

    def write(path: Path) -> None:
        with lmdb.open(str(path), max_dbs=2, lock=False) as env:
            env.open_db(EXACT_NAME)
            with env.begin(write=True) as txn:
                txn.put(b"meta", meta)

    return write


@settings(max_examples=20)
@given(entries=st.lists(ENTRIES, max_size=8, unique_by=lambda item: item.id))
def test_base_holds_the_tables(entries: list[Entry]) -> None:
    """Every column and every exact signal comes back."""
    written = joined(tables_of("s", entries), tables_of("t", entries[:2]))
    with TemporaryDirectory() as folder:
        mapped = stored(Path(folder), 1, base_of(written))
    tables = read_tables(mapped, read_meta(mapped))
    exact = read_exact(mapped)

    assert (tables.sets, tables.categories) == (written.sets, written.categories)
    assert entries_of(tables) == entries_of(written)
    assert perceptual_of(tables) == perceptual_of(written)
    assert (exact.high.tolist(), exact.low.tolist(), exact.entries.tolist()) == (
        written.exact.high.tolist(),
        written.exact.low.tolist(),
        written.exact.entries.tolist(),
    )


def test_empty_base_is_valid(tmp_path: Path) -> None:
    """A reference set without entries is a valid one."""
    mapped = stored(tmp_path, 1, base_of(empty_tables()))
    tables = read_tables(mapped, read_meta(mapped))

    assert (len(tables.entries), tables.perceptual, tables.sets) == (0, {}, ())
    assert len(read_exact(mapped)) == 0


def test_large_columns_are_used_where_they_lie(tmp_path: Path) -> None:
    """Values of a page and more are aligned, read-only and not copied."""
    rows = [entry(str(n), pdq(n.to_bytes(32))) for n in range(2000)]
    mapped = stored(tmp_path, 1, base_of(tables_of("s", rows)))
    (table,) = read_tables(mapped, read_meta(mapped)).perceptual.values()

    for lane in table.lanes:
        assert lane.flags.aligned
        assert not lane.flags.writeable
        assert not lane.flags.owndata
    assert table.lanes[3].tolist() == list(range(2000))


def test_many_entries_of_one_digest_are_kept(tmp_path: Path) -> None:
    """A digest may belong to more entries than fit on a page."""
    rows = [entry(str(n), *exactly(MD5)) for n in range(3000)]
    mapped = stored(tmp_path, 1, base_of(tables_of("s", rows)))
    (found,) = mapped.look_up([SECRET.exact_key(MD5.type, MD5.value)])

    assert found is not None
    assert module.rows_of(found) == list(range(3000))


def test_sorted_keys_fit_the_room_reserved_for_them(tmp_path: Path) -> None:
    """The map has room for many keys without much other data."""
    signals = [
        Signal(type=SignalType.MD5, value=n.to_bytes(16)) for n in range(1, 30_001)
    ]
    rows = [entry(str(n), *exactly(s)) for n, s in enumerate(signals)]
    tables = tables_of("s", rows)
    mapped = stored(tmp_path, 1, base_of(tables))

    assert len(read_exact(mapped)) == 30_000
    assert [key for key, _ in mapped.pairs()] == [key for key, *_ in exact_of(tables)]


def test_newer_format_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Data of a later version is refused with an error that names the version."""
    monkeypatch.setattr(module, "FORMAT", layout.FORMAT + 1)
    mapped = stored(tmp_path, 1, base_of(empty_tables()))

    with pytest.raises(StoreVersionError, match="has format 4"):
        read_meta(mapped)


@pytest.mark.parametrize(
    "meta", [b"", b"{", b"[]", b'{"format":3}', b'{"format":"3"}', b"\xff"]
)
def test_damaged_record_is_an_error_of_ours(tmp_path: Path, meta: bytes) -> None:
    """Any bytes in the record lead to this error and no other one."""
    mapped = stored(tmp_path, 1, only_meta(meta))

    with pytest.raises(StoreCorruptError, match="damaged record"):
        read_meta(mapped)


def test_columns_must_be_as_the_record_says(tmp_path: Path) -> None:
    """A column of another length or type is not read."""
    tables = tables_of("s", [entry("1", pdq(bytes(range(32))))])
    mapped = stored(tmp_path, 1, base_of(tables))
    meta = read_meta(mapped)

    def changed(name: str, stated: tuple[str, int]) -> Meta:
        columns = {**meta.columns, name: stated}
        return msgspec.structs.replace(meta, columns=columns)

    for name, (kind, length) in meta.columns.items():
        for stated in ((kind, length + 1), ("<f8", length)):
            with pytest.raises(StoreCorruptError, match="damaged column"):
                read_tables(mapped, changed(name, stated))


def test_columns_of_one_table_must_be_as_long(tmp_path: Path) -> None:
    """A table with a short column would read another entry's values."""
    tables = tables_of("s", [entry("1", pdq(bytes(range(32))))])
    entries = replace(tables.entries, sets=np.zeros(2, np.uint16))
    broken = replace(tables, entries=entries)
    mapped = stored(tmp_path, 1, base_of(broken))

    with pytest.raises(StoreCorruptError, match="columns of 'entries' that differ"):
        read_tables(mapped, read_meta(mapped))
