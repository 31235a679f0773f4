"""Columns as they were collected become tables, in parts as at once."""

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conformance.generations import entry, exactly
from tests.reference.columns import tables_of
from uploadfilter.model import Signal, SignalType
from uploadfilter.reference.entries import merging
from uploadfilter.reference.entries.kept import InMemory
from uploadfilter.reference.entries.merging import merged_ids, sorted_exact
from uploadfilter.reference.entries.secret import EXACT_KEY_BYTES
from uploadfilter.reference.entries.tables import EntryTable, distinct
from uploadfilter.reference.search.index import lanes_of

MD5 = Signal(type=SignalType.MD5, value=bytes(range(16)))


def entries_called(ids: list[str]) -> EntryTable:
    """Return entries with these ids, repeated ones included."""
    data = [word.encode() for word in ids]
    rows = len(ids)
    return EntryTable(
        ids=np.frombuffer(b"".join(data) or b"x", np.uint8),
        id_ends=np.cumsum([len(word) for word in data], dtype=np.uint64),
        sets=np.zeros(rows, np.uint16),
        categories=np.zeros(rows, np.uint16),
        exact_only=np.zeros(rows, np.uint8),
    )


@given(ids=st.lists(st.sampled_from("abcdefgh"), max_size=30))
def test_entries_of_an_id_get_one_row_in_the_order_of_the_first(ids: list[str]) -> None:
    """The result is compared with that of a dictionary."""
    hashes = np.array([ord(word) * 7919 % 13 - 6 for word in ids], np.int64)
    firsts: dict[str, int] = {}
    expected = [firsts.setdefault(word, len(firsts)) for word in ids]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(merging, "_COUNTED_ROWS", 3)
        target, kept = merged_ids(entries_called(ids), hashes)

    assert target.tolist() == expected
    rows = range(len(ids)) if kept is None else kept.tolist()
    assert list(rows) == [ids.index(word) for word in firsts]


def test_ids_with_equal_hashes_stay_apart() -> None:
    """Only equal ids are merged, whatever their hashes."""
    listed = tables_of("s", [entry(name, *exactly(MD5)) for name in "xyz"]).entries
    target, kept = merged_ids(listed, np.zeros(3, np.int64))

    assert kept is not None
    assert (target.tolist(), kept.tolist()) == ([0, 1, 2], [0, 1, 2])


@given(
    count=st.integers(0, 80),
    alike=st.integers(1, 16),
    at_once=st.sampled_from([1, 5, 30]),
    seed=st.integers(0, 99),
)
def test_parts_are_sorted_as_the_whole(
    count: int, alike: int, at_once: int, seed: int
) -> None:
    """Some keys occur often, and some differ in their last byte only."""
    rng = random.Random(seed)  # noqa: S311 - values of a test
    some = [bytes([rng.randrange(256)]) + b"k" * 14 for _ in range(alike)]
    keys = [rng.choice(some) + bytes([rng.randrange(3)]) for _ in range(count)]
    values = np.frombuffer(b"".join(keys), np.uint8).reshape(-1, EXACT_KEY_BYTES)
    rows = np.array([rng.randrange(9) for _ in keys], np.uint32)
    target = np.array([3, 1, 4, 1, 5, 9, 2, 6, 5], np.uint32)
    types = np.array([key[0] % 3 for key in keys], np.uint8)
    high, low = lanes_of(b"".join(keys), EXACT_KEY_BYTES)
    order = distinct(high, low, target.take(rows))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(merging, "_SORTED_ROWS", at_once)
        table, found = sorted_exact(values, types, target, rows=rows, keep=InMemory)

    assert table.high.tolist() == high.take(order).tolist()
    assert table.low.tolist() == low.take(order).tolist()
    assert table.entries.tolist() == target.take(rows).take(order).tolist()
    assert found.tolist() == types.take(order).tolist()
