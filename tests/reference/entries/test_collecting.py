"""Entries become columns, and lose nothing on the way."""

import os
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conformance.generations import entry, exactly, pdq
from tests.reference.columns import (
    SECRET,
    entries_of,
    exact_of,
    info_of,
    key_of,
    perceptual_of,
    tables_of,
)
from tests.reference.entries.collected import ENTRIES, MD5
from uploadfilter.model import Entry, Geometry, Signal, SignalType
from uploadfilter.reference.entries import collecting, kept, merging
from uploadfilter.reference.entries.collecting import (
    BlockSignals,
    EntryBlock,
    TableBuilder,
)
from uploadfilter.reference.entries.tables import Tables
from uploadfilter.reference.files.aside import FileColumn

SHA1 = Signal(type=SignalType.SHA1, value=bytes(range(20)))
VALUE = bytes(range(32))


def test_no_entries_make_empty_tables() -> None:
    """A set without entries has tables without rows."""
    tables = tables_of("s", [])

    assert (len(tables.entries), len(tables.exact), tables.perceptual) == (0, 0, {})
    assert (tables.sets[0].entries, tables.sets[0].counts) == (0, {})


@given(entries=st.lists(ENTRIES, max_size=12, unique_by=lambda item: item.id))
def test_columns_hold_what_was_added(entries: list[Entry]) -> None:
    """Every entry comes back with its id, category and signals."""
    tables = tables_of("s", entries)

    assert entries_of(tables) == [
        ("s", item.id, item.category, item.exact_only) for item in entries
    ]
    assert perceptual_of(tables) == sorted(
        {
            ("s", item.id, signal)
            for item in entries
            for signal in item.signals
            if not signal.signal.type.is_exact
        },
        key=repr,
    )
    assert sorted(exact_of(tables)) == sorted(
        {
            (key_of(signal.signal.type, signal.signal.value), "s", item.id)
            for item in entries
            for signal in item.signals
            if signal.signal.type.is_exact
        }
    )


def test_exact_signals_are_sorted_as_lmdb_sorts_them() -> None:
    """Keys ascend byte by byte, so that they can be appended."""
    values = [bytes([n]) * 16 for n in range(200)]
    signals = [Signal(type=SignalType.MD5, value=value) for value in values]
    items = [entry(str(n), *exactly(signal)) for n, signal in enumerate(signals)]
    keys = [key for key, _, _ in exact_of(tables_of("s", items))]

    assert keys == sorted(keys)


def test_entries_with_one_id_become_one() -> None:
    """It has all signals and the first category; it is exact only if one was."""
    tables = tables_of(
        "s",
        [
            entry("x", *exactly(MD5), pdq(VALUE), category="A"),
            entry("y", *exactly(MD5)),
            entry("x", *exactly(SHA1, MD5), category="B", exact_only=True),
            entry("x", pdq(VALUE)),
        ],
    )
    expected = {(key_of(s.type, s.value), "s", "x") for s in (MD5, SHA1)}
    expected.add((key_of(MD5.type, MD5.value), "s", "y"))

    assert entries_of(tables) == [("s", "x", "A", True), ("s", "y", "A", False)]
    assert set(exact_of(tables)) == expected
    assert perceptual_of(tables) == [("s", "x", pdq(VALUE))]
    assert tables.sets[0].source.duplicates == 2


def test_set_counts_its_entries_and_signals_by_category() -> None:
    """Repeated lines are counted once, and each category is counted separately."""
    tables = tables_of(
        "s",
        [
            entry("1", *exactly(MD5, SHA1), category="A"),
            entry("1", *exactly(MD5, SHA1), category="A"),
            entry("2", pdq(VALUE), pdq(VALUE, geometry=Geometry.FULL), category="B"),
            entry("3", *exactly(MD5), category="B"),
        ],
    )

    assert tables.sets[0].entries == 3
    assert tables.sets[0].counts == {
        "A": {"entries": 1, "md5": 1, "sha1": 1},
        "B": {"entries": 2, "md5": 1, "pdq": 2},
    }


@given(data=st.data())
def test_blocks_are_taken_in_like_entries(data: st.DataObject) -> None:
    """Columns make the same tables as the entries that they stand for."""
    plain = ENTRIES.map(
        lambda item: replace(
            item,
            signals=tuple(
                {
                    s.signal.type: replace(s, geometry=None, window="full")
                    for s in item.signals
                }.values()
            ),
        )
    )
    lots = data.draw(st.lists(st.lists(plain, max_size=5), max_size=3))
    by_entry, by_block = (TableBuilder(SECRET.exact_key) for _ in range(2))
    for lot in lots:
        for item in lot:
            by_entry.add(item)
        by_block.add_block(block_of(lot))

    assert len(by_block) == len(by_entry)
    assert shown(by_block.finish(info_of("s"))) == shown(by_entry.finish(info_of("s")))


def block_of(entries: Sequence[Entry]) -> EntryBlock:
    """Return entries, with at most one signal of a type each, as columns."""
    signals = {}
    for kind in SignalType:
        found = [
            (row, item)
            for row, entry_ in enumerate(entries)
            for item in entry_.signals
            if item.signal.type is kind
        ]
        if not found:
            continue
        known = [255 if item.quality is None else item.quality for _, item in found]
        signals[kind] = BlockSignals(
            rows=np.array([row for row, _ in found], np.uint32),
            values=b"".join(item.signal.value for _, item in found),
            quality=b"" if kind.is_exact else bytes(known),
        )
    return EntryBlock(
        ids=[item.id for item in entries],
        categories=[item.category for item in entries],
        exact_only=bytes(item.exact_only for item in entries),
        signals=signals,
    )


def shown(tables: Tables) -> tuple[object, ...]:
    """Return all that tables hold, comparable."""
    return (
        tables.sets,
        entries_of(tables),
        perceptual_of(tables),
        exact_of(tables),
    )


@given(entries=st.lists(ENTRIES, max_size=40), rows_held=st.sampled_from([1, 3, 1000]))
def test_what_was_let_go_of_is_what_was_held(
    entries: list[Entry], rows_held: int
) -> None:
    """Columns in files, sorted in parts, equal columns in memory, sorted at once."""
    plain = TableBuilder(SECRET.exact_key)
    with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        for entry in entries:
            plain.add(entry)
        expected = shown(plain.finish(info_of("s")))
        patch.setattr(collecting, "_ROWS_HELD", rows_held)
        patch.setattr(merging, "_SORTED_ROWS", rows_held)
        patch.setattr(merging, "_COUNTED_ROWS", 2)
        patch.setattr(kept, "_ROWS_AT_A_TIME", 2)
        aside = TableBuilder(SECRET.exact_key, keep=partial(FileColumn, Path(name)))
        for entry in entries:
            aside.add(entry)

        assert shown(aside.finish(info_of("s"))) == expected
        assert os.listdir(name) == []  # noqa: PTH208 - names
