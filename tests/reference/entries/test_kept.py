"""Columns that grow are the same wherever they are kept."""

import random

import numpy as np
import pytest

from uploadfilter.reference.entries import kept
from uploadfilter.reference.entries.kept import (
    EntryColumns,
    Growing,
    InMemory,
    column_of,
    lanes_kept,
)
from uploadfilter.reference.search.index import lanes_of


def test_column_has_all_that_was_written() -> None:
    """It takes every kind of buffer; an empty buffer makes an empty column."""
    column = InMemory()
    column.write(np.array([1, 2], np.uint32))
    column.write(bytes(4))

    assert column_of(column, np.uint32).tolist() == [1, 2, 0]
    assert column_of(InMemory(), np.uint32).tolist() == []


def test_rows_that_are_let_go_of_come_before_those_that_are_held() -> None:
    """A column is taken whole, and is empty from then on."""
    growing = Growing(EntryColumns(), InMemory)
    growing.now.ids += b"ab"
    growing.now.key_entries.append(7)
    growing.let_go()
    growing.now.ids += b"c"
    growing.now.key_entries.append(8)

    assert bytes(growing.take("ids").view()) == b"abc"
    assert column_of(growing.take("key_entries"), np.uint32).tolist() == [7, 8]
    assert bytes(growing.take("ids").view()) == b""


@pytest.mark.parametrize("rows", [0, 1, 3, 10])
def test_lanes_are_those_of_all_values_at_once(
    monkeypatch: pytest.MonkeyPatch, rows: int
) -> None:
    """The lanes are made part by part."""
    monkeypatch.setattr(kept, "_ROWS_AT_A_TIME", 3)
    values = random.Random(1).randbytes(32 * rows)  # noqa: S311 - values of a test
    column = InMemory()
    column.write(values)

    found = [lane.tolist() for lane in lanes_kept(column, 32, InMemory)]
    assert found == [lane.tolist() for lane in lanes_of(values, 32)]
