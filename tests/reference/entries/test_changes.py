"""Withdrawals are remembered as long as they may matter."""

from dataclasses import replace

import msgspec
import pytest

from tests.reference.columns import info_of
from tests.reference.entries.rows import GATED, NOW, TRIPPED, row
from uploadfilter.errors import StoreError
from uploadfilter.reference.entries import changes as module
from uploadfilter.reference.entries.changes import (
    Changes,
    entries_in_force,
    sets_in_force,
)
from uploadfilter.reference.entries.off import (
    MOST_OFF_S,
    Off,
    Party,
    new_release,
    withdrawals,
)


def test_row_of_the_same_entry_and_party_replaces_the_first() -> None:
    """An entry has one end at most; what was withdrawn for good stays so."""
    second = Changes().with_off([row(until=NOW + 10)]).with_off([row(until=NOW + 20)])
    lasting = withdrawals("s", {"1": True}, 2)
    waiting = withdrawals("s", {"1": True}, 3, until_listed=True)

    assert second.off == (row(until=NOW + 20),)
    assert second.without([row()]).off == ()
    assert Changes().with_off(lasting).with_off(waiting).off == tuple(lasting)
    assert Changes().with_off(waiting).with_off(lasting).off == tuple(lasting)


def test_rows_are_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    """An overlay stays small, however it is filled."""
    monkeypatch.setattr(module, "MOST", dict.fromkeys(Party, 1))
    lasting = withdrawals("s", {"1": True}, 2)
    full = Changes().with_off([row(), TRIPPED, *lasting])

    assert full.with_off([row(), *lasting]).off
    for other in (row("2"), replaced(TRIPPED), *withdrawals("s", {"2": True}, 3)):
        with pytest.raises(StoreError, match=f"more than 1 .* by the {other.party}"):
            full.with_off([other])
    waiting = withdrawals("s", {"2": False}, 3, until_listed=True)
    assert len(full.with_off(waiting).off) == 4


def replaced(it: Off) -> Off:
    """Return the same row of another entry."""
    return msgspec.structs.replace(it, entry="2")


def test_what_cannot_matter_is_forgotten() -> None:
    """These are rows that have ended, and removals before every kept generation."""
    release = new_release(TRIPPED, by=["ab", "cd"], why="right", now=NOW)
    changes = Changes(
        removed={"old": 4, "new": 5}, off=(row(until=NOW + 10),), released=(release,)
    )

    kept = Changes(removed={"new": 5}, released=(release,))
    assert changes.pruned(now=NOW + 10, oldest=4) == kept
    assert changes.pruned(now=NOW, oldest=3) == changes
    assert kept.pruned(now=NOW + MOST_OFF_S, oldest=5) == Changes()


def test_rollback_carries_all_withdrawals_over() -> None:
    """It keeps removals and rows since then, and what issuer and gate did before."""
    older = Changes(hidden=frozenset({"h"}), removed={"s": 2}).with_off(
        [row("old"), replaced(TRIPPED), GATED, *withdrawals("u", {"1": True}, 2)]
    )
    now = (
        Changes(hidden=frozenset({"h"}), removed={"s": 2})
        .with_removed("s", generation=7, in_base=False)
        .with_removed("elsewhere", generation=8, in_base=True)
        .with_off([row("new"), TRIPPED, *withdrawals("t", {"1": True}, 9)])
    )
    carried = now.carried_to(older, number=5, base_sets=["s", "t", "h"])

    assert carried.hidden == {"h", "s"}
    assert carried.removed == {"s": 7, "elsewhere": 8}
    assert {it.slot for it in carried.off} == {
        ("u", "1", Party.ISSUER),
        ("t", "1", Party.ISSUER),
        ("s", "new", Party.OPERATOR),
        ("s", "1", Party.GATE),
        ("s", "1", Party.TRIPWIRE),
    }


def test_revoked_entries_are_counted_where_they_are() -> None:
    """A revoked entry that never existed, or is in a hidden set, is not subtracted."""
    base = [replace(info_of(name), entries=5, revoked=1) for name in ("a", "b")]
    added = [replace(info_of("b"), entries=2)]
    changes = Changes(hidden=frozenset({"b"})).with_off(
        withdrawals("a", {"1": True, "2": False}, 2)
    )
    sets = sets_in_force(base, added, changes)

    assert [(info.name, info.revoked) for info in sets] == [("a", 2), ("b", 0)]
    assert entries_in_force(sets) == 5
    assert entries_in_force(sets_in_force(base, added, changes.folded())) == 4 + 4 + 2
