"""Tests of uploadfilter.forms.store: what is kept."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.forms.objections import DAY_S, EVIDENCE, NOON_S, decision_id, objection
from uploadfilter.errors import ObjectionError, UsageError
from uploadfilter.forms.cases import ObjectionState, is_in_time
from uploadfilter.forms.sending import outcome_message
from uploadfilter.forms.store import FILE, Addressee, FormStore, Receipt

ENTRY = (EVIDENCE.set, EVIDENCE.entry)


def test_objection_is_kept_and_changes_once(tmp_path: Path) -> None:
    """With its event and its message; a second change of what was seen does nothing."""
    new = objection(instance=None, evidence=())
    decided = objection().decide(
        ObjectionState.REVERSED, now=NOON_S + 5, reviewer="ab", entry=ENTRY
    )
    with FormStore(tmp_path / FILE) as store:
        receipts = [store.receive(new), store.receive(new)]
        unplaced = store.list_unplaced()
        placed = store.change(new, objection())
        message = outcome_message(decided)
        changes = [
            store.change(objection(), decided, message=message) for _ in range(2)
        ]
        name = store.id
    with FormStore(tmp_path / FILE) as store:
        events = store.events("main", after=0)
        due = store.list_due(Addressee.PROVIDER, now=NOON_S + 5, most=5)

        assert store.id == name
        assert store.get(decision_id()) == decided
        assert store.list_unplaced() == ()
    assert receipts == [Receipt.RECEIVED, Receipt.ALREADY]
    assert (unplaced, placed, changes) == ((new,), True, [True, False])
    assert [it.state for it in events] == ["received", "reversed"]
    assert events[1].details["switched_off"] is True
    assert events[1].details["entry"] == EVIDENCE.entry
    assert "own cat" not in str(events)
    assert due == (message,)


@pytest.mark.parametrize(
    ("seen", "state", "more", "message"),
    [
        (objection(instance=None), "stands", {}, "being looked up"),
        (objection(), "received", {}, "must be 'stands' or 'reversed'"),
        (objection(), "stands", {"entry": ENTRY}, "only if the decision is reversed"),
        (objection(), "reversed", {"entry": ("demo", "x")}, "did not match"),
        (objection(evidence=()), "reversed", {"entry": ENTRY}, "did not match"),
        (objection(), "stands", {"answer": "x" * 4001}, "at most 4000"),
        (
            replace(objection(), state=ObjectionState.STANDS),
            "stands",
            {},
            "decided so already: the decision stands",
        ),
    ],
)
def test_decision_that_cannot_be_carried_out_is_refused(
    seen: object, state: str, more: dict[str, object], message: str
) -> None:
    """Each says why."""
    with pytest.raises(UsageError, match=message):
        seen.decide(ObjectionState(state), now=NOON_S, reviewer="ab", **more)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("day", "is_open"),
    [
        ("20261128", True),
        ("20261129", True),
        ("20261130", False),
        ("20260529", True),
        ("20260528", False),
        ("20269999", False),
    ],
)
def test_objection_comes_within_half_a_year(day: str, is_open: bool) -> None:
    """A clock may be a day behind; a day that does not exist is too late."""
    assert is_in_time(f"{day}-{0:020x}", now=NOON_S) is is_open


def test_decided_objections_are_forgotten(tmp_path: Path) -> None:
    """Others stay, however old."""
    with FormStore(tmp_path / FILE) as store:
        for number in (1, 2):
            store.receive(objection(number))
        seen = objection(1)
        after = seen.decide(ObjectionState.STANDS, now=NOON_S, reviewer="ab")
        store.change(seen, after)
        gone = [store.forget(decided_before_s=NOON_S + at) for at in (0, DAY_S)]

        assert gone == [0, 1]
        assert [it.decision for it in store.list(most=9)] == [decision_id(2)]
        assert store.events("main", after=0) == ()


@pytest.mark.parametrize("damage", ["newer", "damaged"])
def test_unusable_store_is_refused(tmp_path: Path, damage: str) -> None:
    """It names the file, and says what to do."""
    path = tmp_path / FILE
    if damage == "damaged":
        path.write_bytes(b"damaged" * 1000)
    else:
        with FormStore(path):
            pass
        with closing(sqlite3.connect(path)) as db:
            db.execute("UPDATE about SET value = '99' WHERE name = 'format'")
            db.commit()
    with pytest.raises(ObjectionError, match=FILE) as refused, FormStore(path):
        pass

    assert refused.value.hint
