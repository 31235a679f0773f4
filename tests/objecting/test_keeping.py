"""Tests of uploadfilter.objecting.keeping."""

import contextlib
import os
import signal
import sqlite3
import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.objecting.objections import DAY_S, EVIDENCE, NOON_S, decision_id, objection
from uploadfilter.errors import ObjectionError
from uploadfilter.objecting.cases import Objection, ObjectionState
from uploadfilter.objecting.keeping import FILE, ObjectionStore, Receipt

KEY = EVIDENCE.set, EVIDENCE.entry


def received(store: ObjectionStore, number: int = 1, network: str = "a") -> Receipt:
    """Hand in an objection that nobody has looked at."""
    new = objection(number, instance=None, evidence=())
    return store.receive(new, network=network)


def decided(it: Objection, state: ObjectionState) -> Objection:
    """Return it with a decision."""
    return it.decided(
        state, now=NOON_S + 60, reviewer="ab", answer="We looked.", chosen=KEY
    )


def test_objection_goes_its_way(tmp_path: Path) -> None:
    """It is kept, placed and decided; each step is one event of one proxy."""
    with ObjectionStore(tmp_path / "o" / FILE) as store:
        assert received(store) is Receipt.RECEIVED
        assert store.unplaced() == (decision_id(),)
        assert store.events("main", after=0) == ()
        store.place(objection())
        store.place(objection(instance="other"))  # somebody was first
        placed = store.get(decision_id())
        assert placed == objection()
        after = decided(placed, ObjectionState.ASKED)
        assert store.change(placed, after, at_s=NOON_S + 60)
        events = store.events("main", after=0)
        other = store.events("other", after=0)
        again = store.events("main", after=events[0].number)
        found = store.get(decision_id())

    assert found == after
    assert found.chosen == KEY
    assert [it.event.value for it in events] == ["received", "asked"]
    assert [it.at_s for it in events] == [NOON_S, NOON_S + 60]
    assert events[1].details["set"] == "demo"
    assert events[1].details["reviewer"] == "ab"
    assert other == ()
    assert again == events[1:]
    modes = {stat.S_IMODE(it.stat().st_mode) for it in (tmp_path / "o").iterdir()}
    assert modes == {0o600}


def test_no_event_holds_what_people_wrote(tmp_path: Path) -> None:
    """Texts are deleted on schedule, and records are not."""
    with ObjectionStore(tmp_path / FILE) as store:
        received(store)
        store.place(objection())
        store.change(
            objection(), decided(objection(), ObjectionState.DENIED), at_s=NOON_S
        )
        told = str(store.events("main", after=0))

    assert "own cat" not in told
    assert "looked" not in told


def test_second_objection_to_a_decision_is_not_kept(tmp_path: Path) -> None:
    """The first one counts, so that nobody can replace it."""
    with ObjectionStore(tmp_path / FILE) as store:
        received(store)

        assert received(store) is Receipt.ALREADY


def test_change_of_another_reviewer_is_not_overwritten(tmp_path: Path) -> None:
    """Of two who decide at once, the second one is told."""
    with ObjectionStore(tmp_path / FILE) as store:
        received(store)
        store.place(objection())
        first = decided(objection(), ObjectionState.DENIED)
        second = decided(objection(), ObjectionState.ASKED)

        assert store.change(objection(), first, at_s=NOON_S)
        assert not store.change(objection(), second, at_s=NOON_S)
        assert store.get(decision_id()) == first


@pytest.mark.parametrize(
    ("old", "state"),
    [("upheld", ObjectionState.DENIED), ("overturned", ObjectionState.GRANTED)],
)
def test_store_of_an_older_version_is_read(
    tmp_path: Path, old: str, state: ObjectionState
) -> None:
    """Its words "upheld" and "overturned" meant two things; they become clear ones."""
    with ObjectionStore(tmp_path / FILE) as store:
        received(store)
        store.place(objection())
        store.change(objection(), decided(objection(), state), at_s=NOON_S)
    with sqlite3.connect(tmp_path / FILE) as db:
        db.execute("UPDATE about SET value = '1' WHERE name = 'format'")
        db.execute("UPDATE objections SET state = ?, event = ?", (old, old))
        db.execute("UPDATE events SET event = ? WHERE number = 2", (old,))
    db.close()

    with ObjectionStore(tmp_path / FILE) as store:
        found = store.get(decision_id())
        events = [it.event for it in store.events("main", after=0)]

    assert found == decided(objection(), state)
    assert events == ["received", state]


def test_ten_thousand_of_one_network_leave_room_for_others(tmp_path: Path) -> None:
    """A full store refuses the network that fills it before anybody else."""
    with ObjectionStore(tmp_path / FILE, most_open=40) as store:
        answers = [received(store, at) for at in range(60)]
        others = [received(store, 1000 + at, f"n{at}") for at in range(12)]
        unnamed = received(store, 2000, "")

    assert answers.count(Receipt.RECEIVED) == 30
    assert set(answers[30:]) == {Receipt.NETWORK_FULL}
    assert others == [Receipt.RECEIVED] * 10 + [Receipt.FULL] * 2
    assert unnamed is Receipt.FULL


def test_what_was_decided_is_forgotten_on_schedule(tmp_path: Path) -> None:
    """An objection that waits is kept, and so are its events."""
    with ObjectionStore(tmp_path / FILE) as store:
        for number in (1, 2):
            received(store, number)
            store.place(objection(number))
        store.change(
            objection(1), decided(objection(1), ObjectionState.DENIED), at_s=NOON_S + 60
        )
        gone = store.forget(decided_before_s=NOON_S + DAY_S)
        left = store.listed()
        events = store.events("main", after=0)

    assert gone == 1
    assert [it.decision for it in left] == [decision_id(2)]
    assert [it.decision for it in events] == [decision_id(2)]


def test_counts_tell_what_waits(tmp_path: Path) -> None:
    """For the figures of monitoring."""
    with ObjectionStore(tmp_path / FILE) as store:
        for number in (1, 2):
            received(store, number)
            store.place(objection(number))
        store.change(
            objection(1), decided(objection(1), ObjectionState.DENIED), at_s=NOON_S
        )
        early = store.counts(now=NOON_S)
        late = store.counts(now=NOON_S + 15 * DAY_S)

    assert early.by_state[ObjectionState.RECEIVED] == 1
    assert early.by_state[ObjectionState.DENIED] == 1
    assert (early.overdue, late.overdue) == (0, 1)
    assert early.oldest_s == NOON_S


def test_listed_by_state(tmp_path: Path) -> None:
    """The oldest first, bounded."""
    with ObjectionStore(tmp_path / FILE) as store:
        for number in range(5):
            received(store, number)
        waiting = frozenset({ObjectionState.RECEIVED})

        assert len(store.listed(states=waiting, most=3)) == 3
        assert store.listed(states=frozenset({ObjectionState.ASKED})) == ()


def test_store_has_a_name_of_its_own(tmp_path: Path) -> None:
    """A proxy notices that numbers begin anew."""
    with ObjectionStore(tmp_path / "a") as one, ObjectionStore(tmp_path / "b") as two:
        assert one.id != two.id
    with ObjectionStore(tmp_path / "a") as again:
        assert again.id == one_id(tmp_path / "a")


def one_id(path: Path) -> str:
    """Return the name of a store that is open elsewhere."""
    with ObjectionStore(path) as store:
        return store.id


@pytest.mark.parametrize("damage", [b"x" * 4096, b"SQLite format 3\0" + bytes(4096)])
def test_damaged_file_is_told(tmp_path: Path, damage: bytes) -> None:
    """It is an error that names the file, not a crash, and nothing is lost in it."""
    (tmp_path / FILE).write_bytes(damage)

    with pytest.raises(ObjectionError, match=r"objections\.db.* cannot be used"):
        received(ObjectionStore(tmp_path / FILE))
    assert (tmp_path / FILE).read_bytes() == damage


def test_newer_store_is_refused(tmp_path: Path) -> None:
    """Nobody guesses what a newer version wrote."""
    ObjectionStore(tmp_path / FILE).close()
    with contextlib.closing(sqlite3.connect(tmp_path / FILE)) as db:
        db.execute("UPDATE about SET value = '3' WHERE name = 'format'")
        db.commit()

    with pytest.raises(ObjectionError, match="has format 3"):
        ObjectionStore(tmp_path / FILE)


def test_full_disk_is_told(tmp_path: Path) -> None:
    """What cannot be kept is not said to be kept."""
    with ObjectionStore(tmp_path / FILE, most_bytes=60_000) as store:
        big = replace(objection(instance=None, evidence=()), text="x" * 200_000)
        with pytest.raises(ObjectionError, match="full"):
            store.receive(big, network="")

        assert store.get(decision_id()) is None


_KILLED = """
import os, signal, sys
from pathlib import Path
from tests.objecting.test_keeping import received
from uploadfilter.objecting.keeping import ObjectionStore
store = ObjectionStore(Path(sys.argv[1]))
received(store)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_was_confirmed_outlives_a_kill(tmp_path: Path) -> None:
    """A process that is killed right after its answer has lost nothing."""
    path = tmp_path / FILE
    ended = subprocess.run(  # noqa: S603 - this interpreter
        [sys.executable, "-c", _KILLED, str(path)], check=False, env=dict(os.environ)
    )
    with ObjectionStore(path) as store:
        found = store.get(decision_id())

    assert ended.returncode == -signal.SIGKILL
    assert found is not None
