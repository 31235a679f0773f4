"""Base and overlay become one, and entries are found by their ids."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conformance.generations import entry
from tests.reference.columns import entries_of, exact_of, perceptual_of, tables_of
from tests.reference.stores import ENTRY
from uploadfilter.reference.entries import folding
from uploadfilter.reference.entries.changes import Changes
from uploadfilter.reference.entries.folding import find_entries, folded
from uploadfilter.reference.entries.off import withdrawals
from uploadfilter.reference.entries.tables import Tables, empty_tables, joined

IDS = st.text(min_size=1, max_size=6)


def tables_with(name: str, *ids: str) -> Tables:
    """Return the tables of one set of entries that are alike."""
    return tables_of(name, [entry(word, *ENTRY.signals) for word in ids])


@settings(max_examples=50)
@given(ids=st.lists(IDS, unique=True, max_size=20), others=st.sets(IDS, max_size=5))
def test_entries_are_found_by_id(ids: list[str], others: set[str]) -> None:
    """Each id of the set has its row, and no other id has one."""
    tables = joined(tables_with("a", *others), tables_with("b", *ids))
    wanted = {*ids[::2], *others}
    found = find_entries(tables, "b", wanted)

    assert found.keys() == wanted & set(ids)
    for word, row in found.items():
        assert tables.entries.id_of(row) == word
        assert tables.sets[tables.entries.sets[row]].name == "b"


def test_entries_are_found_in_every_part(monkeypatch: pytest.MonkeyPatch) -> None:
    """The entries are also found if the rows are compared in several parts."""
    monkeypatch.setattr(folding, "_ROWS_AT_A_TIME", 3)
    ids = [f"id-{n}" for n in range(10)]
    tables = tables_with("a", *ids)

    assert find_entries(tables, "a", ids) == {word: n for n, word in enumerate(ids)}
    assert find_entries(tables, "b", ids) == {}
    assert find_entries(tables, "a", ()) == {}


def test_fold_keeps_what_is_in_force() -> None:
    """Hidden sets and revoked entries go, in both halves, with all their signals."""
    base = joined(tables_with("a", "1", "2"), tables_with("b", "3"))
    gone = [*withdrawals("a", {"1": True}, 2), *withdrawals("b", {"4": True}, 2)]
    changes = Changes(hidden=frozenset({"b"})).with_off(gone)
    tables = folded(base, tables_with("b", "4", "5"), changes)

    assert entries_of(tables) == [("a", "2", "A", False), ("b", "5", "A", False)]
    assert [(info.entries, info.revoked) for info in tables.sets] == [(2, 1), (2, 1)]
    assert [(name, word) for _, name, word in exact_of(tables)] == [
        ("a", "2"),
        ("b", "5"),
    ]
    assert [(name, word) for name, word, _ in perceptual_of(tables)] == [
        ("a", "2"),
        ("b", "5"),
    ]


def test_fold_of_nothing_is_nothing() -> None:
    """An empty reference set has no words, whatever was removed before."""
    base = tables_with("a", "1")
    tables = folded(base, empty_tables(), Changes(hidden=frozenset({"a"})))

    assert (tables.sets, tables.categories, tables.windows) == ((), (), ())
    assert (len(tables.entries), tables.perceptual, len(tables.exact)) == (0, {}, 0)
