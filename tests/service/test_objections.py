"""Tests of uploadfilter.service.objections: events of objections in the log."""

from pathlib import Path

import pytest
from structlog.testing import capture_logs

from tests.decisions.logs import unsynced
from tests.forms.objections import EVIDENCE, NOON_S, decision_id, objection
from uploadfilter.decisions.files.log import DecisionLog
from uploadfilter.decisions.files.totalling import changes_of
from uploadfilter.decisions.records.lasting import ChangeRecord
from uploadfilter.forms.cases import ObjectionState
from uploadfilter.forms.codes import objection_directory
from uploadfilter.forms.store import FILE, FormStore
from uploadfilter.service.changing import ChangeRecorder
from uploadfilter.service.objections import ObjectionRecorder


def handed_in(state: Path, *numbers: int, instance: str = "main") -> None:
    """Hand in objections, whose records were found."""
    with FormStore(objection_directory(state) / FILE) as store:
        for number in numbers:
            new = objection(number, instance=None, evidence=())
            store.receive(new)
            store.change(new, objection(number, instance=instance))


async def look(state: Path, *, times: int = 1) -> list[ChangeRecord]:
    """Run a proxy that looks for events; return what its log has then."""
    directory = state / "log"
    with DecisionLog.open(
        directory, instance="main", clock=lambda: NOON_S, sync=unsynced
    ) as log:
        changes = ChangeRecorder(
            log, directory=directory, reference=state / "set", clock=lambda: NOON_S
        )
        recorder = ObjectionRecorder(
            changes, directory, state=state, instance="main", clock=lambda: NOON_S
        )
        for _ in range(times):
            await recorder.look()
    return list(changes_of(directory))


async def test_each_event_is_recorded_once(tmp_path: Path) -> None:
    """Also after a restart, and nothing of another proxy."""
    handed_in(tmp_path, 1, 2)
    handed_in(tmp_path, 3, instance="other")
    await look(tmp_path, times=3)
    with FormStore(objection_directory(tmp_path) / FILE) as store:
        before = objection(1)
        after = before.decide(
            ObjectionState.REVERSED,
            now=NOON_S + 5,
            reviewer="ab",
            entry=(EVIDENCE.set, EVIDENCE.entry),
        )
        store.change(before, after)
    found = await look(tmp_path, times=2)

    told = [(it.subject, it.details["state"]) for it in found]
    assert told == [
        (decision_id(1), "received"),
        (decision_id(2), "received"),
        (decision_id(1), "reversed"),
    ]
    assert found[-1].details["reviewer"] == "ab"
    assert found[-1].details["entry"] == "e-1"
    assert found[-1].at.timestamp() == NOON_S + 5
    assert all("own cat" not in str(it) for it in found)


async def test_new_store_begins_anew(tmp_path: Path) -> None:
    """The old one was lost: its numbers say nothing about the new one."""
    handed_in(tmp_path, 1, 2)
    await look(tmp_path)
    for path in objection_directory(tmp_path).iterdir():
        path.unlink()
    handed_in(tmp_path, 3)
    found = await look(tmp_path)

    assert [it.subject for it in found][-1] == decision_id(3)
    assert len({it.details["store"] for it in found}) == 2


@pytest.mark.parametrize("damage", [None, b"damaged" * 1000])
async def test_missing_or_damaged_store_disturbs_nothing(
    tmp_path: Path, damage: bytes | None
) -> None:
    """A missing one is usual; a damaged one is told once."""
    if damage is not None:
        objection_directory(tmp_path).mkdir()
        (objection_directory(tmp_path) / FILE).write_bytes(damage)
    with capture_logs() as logs:
        found = await look(tmp_path, times=2)

    assert found == []
    expected = [] if damage is None else ["objection_unrecorded"]
    assert [it["event"] for it in logs] == expected
