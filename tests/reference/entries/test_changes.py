"""Withdrawals are remembered as long as they may matter."""

from dataclasses import replace

import pytest

from tests.reference.columns import info_of
from tests.reference.entries.test_suppressing import NOW, suppression
from uploadfilter.errors import StoreError
from uploadfilter.reference.entries import changes as module
from uploadfilter.reference.entries.changes import (
    Changes,
    entries_in_force,
    sets_in_force,
)


def test_suppression_of_the_same_entry_replaces_the_first() -> None:
    """An entry has one end at most."""
    first = Changes().with_suppressed(suppression(expires_at=NOW + 10))
    second = first.with_suppressed(suppression(expires_at=NOW + 20))

    assert len(second.suppressed) == 1
    assert second.suppressed_keys(NOW + 15) == {("s", "1")}
    assert second.suppressed_keys(NOW + 20) == frozenset()
    assert second.without_suppressed(("s", "1")).suppressed == ()


def test_withdrawals_are_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    """An overlay stays small, however it is filled."""
    monkeypatch.setattr(module, "MOST_SUPPRESSIONS", 1)
    monkeypatch.setattr(module, "MOST_REVOCATIONS", 1)
    full = (
        Changes()
        .with_suppressed(suppression())
        .with_revoked("s", {"1": True}, generation=2)
    )

    assert full.with_suppressed(suppression()).suppressed
    assert full.with_revoked("s", {"1": True}, generation=3) == full
    with pytest.raises(StoreError, match="more than 1 suppressed"):
        full.with_suppressed(suppression("2"))
    with pytest.raises(StoreError, match="more than 1 revoked"):
        full.with_revoked("s", {"2": True}, generation=3)


def test_what_cannot_matter_is_forgotten() -> None:
    """These are ended suppressions, and removals before every kept generation."""
    changes = Changes(
        removed={"old": 4, "new": 5}, suppressed=(suppression(expires_at=NOW + 10),)
    )

    assert changes.pruned(now=NOW + 10, oldest=4) == Changes(removed={"new": 5})
    assert changes.pruned(now=NOW, oldest=3) == changes


def test_rollback_carries_all_withdrawals_over() -> None:
    """It keeps removals since then, every revocation, and the suppressions of today."""
    older = Changes(
        hidden=frozenset({"h"}), removed={"s": 2}, suppressed=(suppression("old"),)
    )
    now = (
        replace(older, suppressed=(suppression("new"),))
        .with_removed("s", generation=7, in_base=False)
        .with_removed("elsewhere", generation=8, in_base=True)
        .with_revoked("t", {"1": True}, generation=9)
    )
    carried = now.carried_to(older, number=5, base_sets=["s", "t", "h"])

    assert carried.hidden == {"h", "s"}
    assert carried.removed == {"s": 7, "elsewhere": 8}
    assert carried.revoked_keys() == {("t", "1")}
    assert carried.suppressed_keys(NOW) == {("s", "new")}


def test_what_an_older_generation_would_undo_is_named() -> None:
    """It lists each withdrawal that the older generation lacks, and no other one."""
    older = Changes(removed={"a": 2}).with_revoked("s", {"1": True}, generation=3)
    now = (
        older.with_removed("b", generation=6, in_base=True)
        .with_revoked("s", {"2": True}, generation=7)
        .with_suppressed(suppression("3", expires_at=NOW + 10))
    )

    assert now.lost_in(older, number=5, now=NOW) == (
        "removal of 'b'",
        "revocation of 's/2'",
        "suppression of 's/3'",
    )
    assert now.lost_in(now, number=8, now=NOW) == ()
    assert len(now.lost_in(older, number=6, now=NOW + 10)) == 1


def test_revoked_entries_are_counted_where_they_are() -> None:
    """A revoked entry that never existed, or is in a hidden set, is not subtracted."""
    base = [replace(info_of(name), entries=5, revoked=1) for name in ("a", "b")]
    added = [replace(info_of("b"), entries=2)]
    changes = Changes(hidden=frozenset({"b"})).with_revoked(
        "a", {"1": True, "2": False}, generation=2
    )
    sets = sets_in_force(base, added, changes)

    assert [(info.name, info.revoked) for info in sets] == [("a", 2), ("b", 0)]
    assert entries_in_force(sets) == 5
    assert entries_in_force(sets_in_force(base, added, changes.folded())) == 4 + 4 + 2
