"""Two sets of tables become one, and one loses a set, exactly."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.conformance.generations import entry, exactly, pdq
from tests.reference.columns import (
    entries_of,
    exact_of,
    perceptual_of,
    tables_of,
)
from tests.reference.entries.collected import ENTRIES
from uploadfilter.errors import StoreError
from uploadfilter.model import Entry, EntrySignal, Signal, SignalType
from uploadfilter.reference.entries import tables as module
from uploadfilter.reference.entries.tables import (
    Tables,
    distinct,
    empty_tables,
    joined,
    sorted_rows,
    taken,
    without_set,
)

SETS = st.lists(
    st.lists(ENTRIES, max_size=6, unique_by=lambda item: item.id), max_size=4
)


def all_of(sets: list[list[Entry]]) -> Tables:
    """Join sets named ``s0``, ``s1``, ... one after the other."""
    tables = empty_tables()
    for at, entries in enumerate(sets):
        tables = joined(tables, tables_of(f"s{at}", entries))
    return tables


def content(tables: Tables) -> tuple[object, ...]:
    """Return all that tables hold, without the order of tables and words."""
    return (
        [info.name for info in tables.sets],
        entries_of(tables),
        perceptual_of(tables),
        sorted(exact_of(tables)),
    )


@given(sets=SETS)
def test_joined_tables_hold_both(sets: list[list[Entry]]) -> None:
    """Every entry and signal of every set is there, under its own set."""
    tables = all_of(sets)
    parts = [tables_of(f"s{at}", entries) for at, entries in enumerate(sets)]

    assert entries_of(tables) == [row for part in parts for row in entries_of(part)]
    assert perceptual_of(tables) == sorted(
        [row for part in parts for row in perceptual_of(part)], key=repr
    )
    assert sorted(exact_of(tables)) == sorted(
        row for part in parts for row in exact_of(part)
    )
    keys = [key for key, _, _ in exact_of(tables)]
    assert keys == sorted(keys)


@given(sets=SETS, data=st.data())
def test_removing_a_set_is_never_having_joined_it(
    sets: list[list[Entry]], data: st.DataObject
) -> None:
    """After a set was removed, the tables equal those before it was added."""
    gone = data.draw(st.integers(0, max(len(sets) - 1, 0)))
    left = without_set(all_of(sets), f"s{gone}")
    never = empty_tables()
    for at, entries in enumerate(sets):
        if at != gone:
            never = joined(never, tables_of(f"s{at}", entries))

    assert content(left) == content(never)
    assert set(left.categories) == set(never.categories)
    assert set(left.windows) == set(never.windows)
    assert set(left.perceptual) == set(never.perceptual)


def test_removing_an_unknown_set_changes_nothing() -> None:
    """The same tables are returned, without a copy."""
    tables = all_of([[entry("1", pdq(bytes(32)))]])

    assert without_set(tables, "nobody") is tables


def test_one_digest_may_belong_to_entries_of_several_sets() -> None:
    """A key is stored for each of its entries, in the order of rows."""
    signal = Signal(type=SignalType.MD5, value=bytes(range(16)))
    item = entry("1", *exactly(signal))
    tables = all_of([[item], [item, entry("2", *exactly(signal))]])

    assert [(name, row) for _, name, row in exact_of(tables)] == [
        ("s0", "1"),
        ("s1", "1"),
        ("s1", "2"),
    ]


def test_words_beyond_16_bits_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Numbers of categories, windows and sets never wrap round."""
    monkeypatch.setattr(module, "MOST_WORDS", 2)
    signal = EntrySignal(signal=Signal(type=SignalType.MD5, value=bytes(range(16))))
    some = [entry(name, signal, category=name) for name in "AB"]

    with pytest.raises(StoreError, match="more than 2 categories"):
        all_of([some, [entry("C", signal, category="C")]])
    with pytest.raises(StoreError, match="more than 2 hash sets"):
        all_of([[], [], []])


def test_distinct_sorts_by_the_first_column() -> None:
    """Each row is returned once, ordered by the columns from first to last."""
    one = np.array([2, 1, 2, 1, 2], np.uint64)
    two = np.array([5, 9, 4, 9, 5], np.uint32)
    order = distinct(one, two)

    assert [(int(one[at]), int(two[at])) for at in order] == [(1, 9), (2, 4), (2, 5)]
    assert distinct(np.empty(0, np.uint64)).tolist() == []


def test_taken_entries_keep_their_ids() -> None:
    """Ids of any length, also with umlauts, stay with their rows."""
    signal = EntrySignal(signal=Signal(type=SignalType.MD5, value=bytes(range(16))))
    names = ["a", "längere-kennung", "", "z", "ß"]
    tables = tables_of("s", [entry(name, signal) for name in names])
    kept = taken(tables.entries, np.array([1, 2, 4]))

    assert [kept.id_of(row) for row in range(3)] == ["längere-kennung", "", "ß"]
    assert len(taken(tables.entries, np.array([], np.intp))) == 0


@given(
    columns=st.lists(st.tuples(*[st.integers(0, 3)] * 3), max_size=30).map(
        lambda rows: np.array(rows, np.uint64).reshape(-1, 3).T
    )
)
def test_rows_are_sorted_by_all_columns(columns: NDArray[np.uint64]) -> None:
    """The first column decides; equal rows stay in their original order."""
    rows = [tuple(row) for row in columns.T.tolist()]

    assert sorted_rows(*columns).tolist() == sorted(
        range(len(rows)), key=lambda row: (rows[row], row)
    )
