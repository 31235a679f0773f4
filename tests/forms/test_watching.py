"""Tests of uploadfilter.forms.watching, finding and deciding: beside requests."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from msgspec import structs
from msgspec.structs import replace
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from tests.decisions.logs import REJECTED, decision, write_log
from tests.forms.objections import DAY_S, NOON_S, decision_id, objection
from tests.proxy.site import exact_entry, list_entries
from uploadfilter.errors import HashSetNameError, UsageError
from uploadfilter.forms.cases import Objection, ObjectionState
from uploadfilter.forms.codes import objection_directory
from uploadfilter.forms.deciding import Decider
from uploadfilter.forms.figures import FormMetrics
from uploadfilter.forms.finding import find_logs
from uploadfilter.forms.settings import ObjectionSettings
from uploadfilter.forms.store import FILE, Addressee, FormStore
from uploadfilter.forms.watching import FormWatch
from uploadfilter.reference.store import REFERENCE_DIRECTORY, ReferenceDirectory

KEY = ("demo", "entry-1")


@dataclass
class Machine:
    """The state of a machine with two proxies, and a clock that is moved."""

    state: Path
    store: FormStore
    decider: Decider
    watch: FormWatch
    registry: CollectorRegistry
    now: float = NOON_S

    def receive(self, number: int = 1) -> None:
        """Hand in an objection."""
        new = objection(number, received_s=self.now, instance=None, evidence=())
        self.store.receive(new)

    def get(self, number: int = 1) -> Objection:
        """Return an objection that is there."""
        found = self.store.get(decision_id(number))
        assert found is not None
        return found

    def suppressed(self) -> list[tuple[str, str]]:
        """Return the entries that are switched off."""
        directory = ReferenceDirectory(self.state / REFERENCE_DIRECTORY)
        with directory.reader() as reader:
            return [it.key for it in reader.current().off]


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    """Return a machine whose second proxy rejected an upload that matched."""
    list_entries(tmp_path, [exact_entry(1, b"a"), exact_entry(2, b"b")])
    path = objection_directory(tmp_path) / FILE
    for name, number in (("one", 7), ("two", 1)):
        record = replace(decision(decision_id(number), REJECTED), route="forum")
        write_log(tmp_path / "instances" / name / "log", [[record]], start=NOON_S)
    registry = CollectorRegistry()
    with FormStore(path) as store:
        decider = Decider(
            store, state=tmp_path, tells_provider=True, now=lambda: found.now
        )
        watch = FormWatch(
            store,
            state=tmp_path,
            keep_s=ObjectionSettings().keep_s,
            metrics=FormMetrics(registry),
            now=lambda: found.now,
        )
        found = Machine(tmp_path, store, decider, watch, registry)
        yield found


def test_record_is_found_with_its_proxy(machine: Machine) -> None:
    """The reviewer sees the entry, and the event goes into the log of that proxy."""
    machine.receive()
    machine.watch.look()
    found = machine.get()

    assert list(find_logs(machine.state)) == ["one", "two"]
    assert found.instance == "two"
    assert found.route == "forum"
    assert [(it.set, it.entry) for it in found.evidence] == [KEY]
    assert [it.state for it in machine.store.events("two", after=0)] == ["received"]
    assert machine.store.events("one", after=0) == ()


def test_objection_without_a_record_counts_all_the_same(machine: Machine) -> None:
    """Retention deleted it: the first proxy takes the event, and nothing is shown."""
    machine.receive(99)
    machine.watch.look()
    found = machine.get(99)

    assert (found.instance, found.route, found.evidence) == ("one", None, ())
    assert len(machine.store.events("one", after=0)) == 1


def test_entry_is_off_until_no_reversal_wants_it_off(machine: Machine) -> None:
    """It goes off with the decision, and comes on with the last one taken back."""
    machine.receive(1)
    machine.receive(2)
    machine.watch.look()
    evidence = machine.get(1).evidence
    second = machine.get(2)
    placed = structs.replace(second, evidence=evidence)
    machine.store.change(second, placed)
    off = [
        machine.decider.decide(
            machine.get(number), ObjectionState.REVERSED, reviewer="ab", entry=KEY
        )
        for number in (1, 2)
    ]
    seen = [machine.suppressed()]
    for it in off:
        machine.decider.decide(it, ObjectionState.STANDS, reviewer="cd")
        seen.append(machine.suppressed())

    assert seen == [[KEY], [KEY], []]
    events = [it.state for it in machine.store.events("two", after=0)]
    assert events == ["received", "reversed", "stands"]
    due = machine.store.list_due(Addressee.PROVIDER, now=machine.now, most=9)
    assert sorted(str(it.document["state"]) for it in due) == [
        *["reversed"] * 2,
        *["stands"] * 2,
    ]


def test_entry_that_is_not_in_force_changes_nothing(machine: Machine) -> None:
    """The reference set is changed first, so nobody is told what was not done."""
    machine.receive()
    machine.watch.look()
    list_entries(machine.state, [exact_entry(2, b"b")])

    with pytest.raises(HashSetNameError):
        machine.decider.decide(
            machine.get(), ObjectionState.REVERSED, reviewer="ab", entry=KEY
        )
    assert machine.get().state is ObjectionState.RECEIVED


def test_second_decision_on_what_was_seen_before_does_nothing(
    machine: Machine,
) -> None:
    """Of two reviewers, the second one is told, and no entry is switched off."""
    machine.receive()
    machine.watch.look()
    seen = machine.get()
    machine.decider.decide(seen, ObjectionState.STANDS, reviewer="ab")

    with pytest.raises(UsageError, match="has changed"):
        machine.decider.decide(seen, ObjectionState.REVERSED, reviewer="cd", entry=KEY)
    assert machine.suppressed() == []


def test_overdue_objections_are_told(machine: Machine) -> None:
    """Once, at the end of the time; until they are decided."""
    machine.receive()
    machine.watch.look()
    told = []
    for days in (13, 14):
        machine.now = NOON_S + days * DAY_S
        with capture_logs() as logs:
            machine.watch.look()
            machine.watch.look()
        told += [(days, it["event"], it["log_level"]) for it in logs]
    name = "uploadfilter_objections_overdue"
    overdue = machine.registry.get_sample_value(name)
    machine.decider.decide(machine.get(), ObjectionState.STANDS, reviewer="ab")
    machine.watch.look()

    assert told == [(14, "objections_overdue", "error")]
    assert overdue == 1
    assert machine.registry.get_sample_value(name) == 0


def test_decided_objections_are_forgotten(machine: Machine) -> None:
    """Text and outcome go half a year after the outcome."""
    machine.receive()
    machine.watch.look()
    machine.decider.decide(machine.get(), ObjectionState.STANDS, reviewer="ab")
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

    assert [it["event"] for it in logs] == ["forms_unwatched"]
    name = "uploadfilter_form_store_readable"
    assert machine.registry.get_sample_value(name) == 0
