"""Tests of uploadfilter.objecting.watching, finding and deciding: beside requests."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from msgspec.structs import replace
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from tests.decisions.logs import REJECTED, decision, write_log
from tests.objecting.objections import DAY_S, NOON_S, decision_id, objection
from tests.proxy.site import exact_entry, list_entries
from uploadfilter.errors import UsageError
from uploadfilter.objecting.cases import Objection, ObjectionEvent, ObjectionState
from uploadfilter.objecting.deciding import Decider
from uploadfilter.objecting.figures import ObjectionMetrics
from uploadfilter.objecting.finding import logs_of
from uploadfilter.objecting.keeping import FILE, ObjectionStore
from uploadfilter.objecting.keyfile import objection_directory
from uploadfilter.objecting.settings import ObjectionSettings
from uploadfilter.objecting.watching import ObjectionWatch
from uploadfilter.reference.store import REFERENCE_DIRECTORY, ReferenceDirectory

KEY = ("demo", "entry-1")


@dataclass
class Machine:
    """The state of a machine with two proxies, and a clock that is moved."""

    state: Path
    store: ObjectionStore
    decider: Decider
    watch: ObjectionWatch
    registry: CollectorRegistry
    now: float = NOON_S

    def receive(self, number: int = 1) -> None:
        """Hand in an objection."""
        new = objection(number, received_s=self.now, instance=None, evidence=())
        self.store.receive(new, network="")

    def get(self, number: int = 1) -> Objection:
        """Return an objection that is there."""
        found = self.store.get(decision_id(number))
        assert found is not None
        return found

    def suppressed(self) -> list[tuple[str, str]]:
        """Return the entries that are switched off."""
        directory = ReferenceDirectory(self.state / REFERENCE_DIRECTORY)
        with directory.reader() as reader:
            return [it.key for it in reader.current().suppressions]


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    """Return a machine whose second proxy rejected an upload that matched."""
    list_entries(tmp_path, [exact_entry(1, b"a"), exact_entry(2, b"b")])
    path = objection_directory(tmp_path) / FILE
    for name, number in (("one", 7), ("two", 1)):
        record = replace(decision(decision_id(number), REJECTED), route="forum")
        write_log(tmp_path / "instances" / name / "log", [[record]], start=NOON_S)
    registry = CollectorRegistry()
    with ObjectionStore(path) as store:
        decider = Decider(store, state=tmp_path, now=lambda: found.now)
        watch = ObjectionWatch(
            store,
            decider,
            state=tmp_path,
            settings=ObjectionSettings(),
            metrics=ObjectionMetrics(registry),
            now=lambda: found.now,
        )
        found = Machine(tmp_path, store, decider, watch, registry)
        yield found


def test_record_is_found_with_its_proxy(machine: Machine) -> None:
    """The reviewer sees the entry, and the event goes into the log of that proxy."""
    machine.receive()
    machine.watch.look()
    found = machine.get()

    assert list(logs_of(machine.state)) == ["one", "two"]
    assert found.instance == "two"
    assert found.route == "forum"
    assert [(it.set, it.entry) for it in found.evidence] == [KEY]
    assert [it.event for it in machine.store.events("two", after=0)] == ["received"]
    assert machine.store.events("one", after=0) == ()


def test_objection_without_a_record_counts_all_the_same(machine: Machine) -> None:
    """Retention deleted it: the first proxy takes the event, and nothing is shown."""
    machine.receive(99)
    machine.watch.look()
    found = machine.get(99)

    assert (found.instance, found.route, found.evidence) == ("one", None, ())
    assert len(machine.store.events("one", after=0)) == 1


def test_suppression_and_its_end(machine: Machine) -> None:
    """The entry is switched off with the decision, and on again if it is taken back."""
    machine.receive()
    machine.watch.look()
    off = machine.decider.decide(
        machine.get(), ObjectionState.SUPPRESSED, reviewer="ab", chosen=KEY
    )
    while_off = machine.suppressed()
    machine.decider.decide(off, ObjectionState.DENIED, reviewer="cd")

    assert while_off == [KEY]
    assert machine.suppressed() == []
    events = [it.event for it in machine.store.events("two", after=0)]
    assert events == ["received", "suppressed", "denied"]


def test_withdrawal_by_the_issuer_is_noted(machine: Machine) -> None:
    """Once the entry is off the list, and not before."""
    machine.receive()
    machine.watch.look()
    machine.decider.decide(
        machine.get(), ObjectionState.ASKED, reviewer="ab", chosen=KEY
    )
    machine.watch.look()
    before = machine.get().state
    list_entries(machine.state, [exact_entry(2, b"b")])
    machine.watch.look()
    machine.watch.look()

    assert before is ObjectionState.ASKED
    assert machine.get().state is ObjectionState.WITHDRAWN
    assert [it.event for it in machine.store.events("two", after=0)][-1:] == [
        ObjectionEvent.WITHDRAWN
    ]


def test_second_decision_on_what_was_seen_before_does_nothing(
    machine: Machine,
) -> None:
    """Of two reviewers, the second one is told, and no entry is switched off."""
    machine.receive()
    machine.watch.look()
    seen = machine.get()
    machine.decider.decide(seen, ObjectionState.DENIED, reviewer="ab")

    with pytest.raises(UsageError, match="has changed"):
        machine.decider.decide(
            seen, ObjectionState.SUPPRESSED, reviewer="cd", chosen=KEY
        )
    assert machine.suppressed() == []


def test_warnings_come_once(machine: Machine) -> None:
    """A reminder at half of the time, an alarm at its end; both are on record."""
    machine.receive()
    machine.watch.look()
    told = []
    for days in (6, 7, 8, 14, 15):
        machine.now = NOON_S + days * DAY_S
        with capture_logs() as logs:
            machine.watch.look()
        told += [(days, it["event"], it["log_level"]) for it in logs]

    assert told == [
        (7, "objection_reminded", "warning"),
        (14, "objection_overdue", "error"),
    ]
    assert machine.registry.get_sample_value("uploadfilter_objections_overdue") == 1
    name = "uploadfilter_objection_events_total"
    assert machine.registry.get_sample_value(name, {"event": "overdue"}) == 1


def test_decided_objections_are_forgotten(machine: Machine) -> None:
    """Text and outcome go half a year after the outcome."""
    machine.receive()
    machine.watch.look()
    machine.decider.decide(machine.get(), ObjectionState.DENIED, reviewer="ab")
    machine.now += 182 * DAY_S
    machine.watch.look()
    kept = machine.store.get(decision_id())
    machine.now += 2 * DAY_S
    machine.watch.look()

    assert kept is not None
    assert machine.store.get(decision_id()) is None


def test_fault_is_told_once(machine: Machine) -> None:
    """And the figures say that the store cannot be read."""
    machine.store.close()
    with capture_logs() as logs:
        machine.watch.look()
        machine.watch.look()

    assert [it["event"] for it in logs] == ["objections_unwatched"]
    name = "uploadfilter_objection_store_readable"
    assert machine.registry.get_sample_value(name) == 0
