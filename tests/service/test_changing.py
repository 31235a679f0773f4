"""Changes on record: of the reference set, of the configuration, of the service."""

import asyncio
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from tests.decisions.logs import NOON, decision, segment_paths, unsynced
from tests.reference.stores import ENTRY, put_set
from uploadfilter.decisions.files.log import DecisionLog
from uploadfilter.decisions.files.totalling import changes_of
from uploadfilter.decisions.files.verify import verify
from uploadfilter.decisions.records.lasting import Change, ChangeRecord
from uploadfilter.reference.entries.changes import ChangeKind
from uploadfilter.reference.files import journal
from uploadfilter.reference.store import ReferenceDirectory
from uploadfilter.service.changing import ChangeRecorder


@contextmanager
def service(folder: Path) -> Iterator[tuple[ChangeRecorder, DecisionLog]]:
    """Open a log, and what puts changes into it."""
    directory = folder / "log"
    with DecisionLog.open(
        directory, instance="main", clock=lambda: NOON, sync=unsynced
    ) as log:
        changes = ChangeRecorder(
            log, directory=directory, reference=folder / "set", clock=lambda: NOON
        )
        yield changes, log


def recorded(folder: Path) -> list[ChangeRecord]:
    """Return the changes on record."""
    return list(changes_of(folder / "log"))


def kinds(folder: Path) -> list[str]:
    """Return the changes, with the generation that each led to."""
    return [f"{it.change} {it.generation}" for it in recorded(folder)]


def remove(folder: Path) -> None:
    """Remove the hash set, as a command does."""
    with ReferenceDirectory(folder / "set").writer() as writer:
        writer.remove_set("s")


async def test_change_is_recorded_once_if_the_service_ends_meanwhile(
    tmp_path: Path,
) -> None:
    """At each moment of a check the end leaves nothing out, and nothing twice."""
    for steps in range(12):
        folder = tmp_path / str(steps)
        put_set(folder / "set", "s", [ENTRY])
        with service(folder) as (changes, _):
            await changes.start({})
            remove(folder)
            changes.note(Change.RELOAD, {})
            keeping = asyncio.ensure_future(changes.keep())
            for _ in range(steps):
                await asyncio.sleep(0.0002)
            keeping.cancel()
            await asyncio.wait([keeping])
            await changes.look()

        found = [it.change for it in recorded(folder)]
        assert found.count(Change.RELOAD) == 1
        assert found.count(Change.REMOVE) == 1


async def test_changes_are_recorded_in_order(tmp_path: Path) -> None:
    """Changes that were made while the service was stopped precede its start."""
    put_set(tmp_path / "set", "s", [ENTRY])
    with service(tmp_path) as (changes, log):
        await changes.start({"mode": "MONITOR"})
        remove(tmp_path)
        await changes.look()
        log.append(decision("a")).result()
        changes.note(Change.RELOAD, {"changed": {"mode": ["monitor", "enforce"]}})
        await changes.look()
        await changes.look()

    assert kinds(tmp_path) == ["init 1", "import 2", "start 2", "remove 3", "reload 3"]
    assert recorded(tmp_path)[2].details == {"mode": "MONITOR"}
    report = verify(tmp_path / "log")
    assert report.ok
    assert report.segments == 4


async def test_change_is_recorded_once_over_restarts(tmp_path: Path) -> None:
    """The log itself knows what it took."""
    put_set(tmp_path / "set", "s", [ENTRY])
    for _ in range(3):
        with service(tmp_path) as (changes, _):
            await changes.start({})

    assert kinds(tmp_path) == ["init 1", "import 2", "start 2", "start 2", "start 2"]


@given(
    steps=st.lists(
        st.sampled_from(["import", "remove", "look", "restart", "crash"]), max_size=10
    )
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=12)
def test_no_change_is_lost_and_none_is_recorded_twice(
    tmp_path_factory: pytest.TempPathFactory, steps: list[str]
) -> None:
    """Whatever order changes, looks, restarts and crashes come in."""
    folder = tmp_path_factory.mktemp("state")
    put_set(folder / "set", "s", [ENTRY])
    for step in [*steps, "restart"]:
        match step:
            case "import":
                put_set(folder / "set", "s", [ENTRY])
            case "remove":
                put_set(folder / "set", "s", [ENTRY])
                remove(folder)
            case "crash" if (folder / "log").exists():
                newest = segment_paths(folder / "log")[-1]
                newest.write_bytes(newest.read_bytes()[:-200])
            case _:
                with service(folder) as (changes, _):
                    if step == "look":
                        asyncio.run(changes.look())
                    else:
                        asyncio.run(changes.start({}))
    lines = journal.read(folder / "set")

    told = [it.mark for it in recorded(folder) if it.mark is not None]
    assert [mark.hash for mark in told] == [it.hash for it in lines]
    assert verify(folder / "log").ok


def test_each_change_of_the_reference_set_can_be_recorded() -> None:
    """Both are called the same, though neither room knows the other."""
    assert {str(kind) for kind in ChangeKind} <= {str(change) for change in Change}


async def test_change_of_a_newer_version_is_on_record(tmp_path: Path) -> None:
    """After a downgrade, what the newer version did is not lost, and stops nothing."""
    put_set(tmp_path / "set", "s", [ENTRY])
    path = tmp_path / "set" / journal.FILE
    path.write_bytes(path.read_bytes().replace(b'"import"', b'"merge"'))
    with service(tmp_path) as (changes, _):
        await changes.start({})

    assert kinds(tmp_path) == ["init 1", "other 2", "start 2"]
    assert recorded(tmp_path)[1].details["kind"] == "merge"


async def test_reference_set_that_was_exchanged_is_on_record(tmp_path: Path) -> None:
    """An older backup, or another directory: that is a change as well."""
    put_set(tmp_path / "set", "s", [ENTRY])
    shutil.copytree(tmp_path / "set", tmp_path / "backup")
    remove(tmp_path)
    with service(tmp_path) as (changes, _):
        await changes.start({})
        shutil.rmtree(tmp_path / "set")
        shutil.move(tmp_path / "backup", tmp_path / "set")
        await changes.look()
        put_set(tmp_path / "set", "t", [ENTRY])
        await changes.look()

    assert kinds(tmp_path)[3:] == ["start 3", "replaced 2", "import 3"]
    details = recorded(tmp_path)[4].details
    assert (details["taken"], details["in_common"]) == (3, 2)


async def test_generation_that_no_line_tells_of_is_on_record(tmp_path: Path) -> None:
    """An older version keeps no journal; that something changed is seen anyway."""
    put_set(tmp_path / "set", "s", [ENTRY])
    with service(tmp_path) as (changes, _):
        await changes.start({})
        before = (tmp_path / "set" / journal.FILE).read_bytes()
        remove(tmp_path)
        (tmp_path / "set" / journal.FILE).write_bytes(before)
        await changes.look()

    assert kinds(tmp_path)[3:] == ["replaced 3"]
    assert recorded(tmp_path)[3].by is None


async def test_missing_reference_set_is_no_change(tmp_path: Path) -> None:
    """A service may start before its first import."""
    with service(tmp_path) as (changes, _):
        await changes.start({})
        put_set(tmp_path / "set", "s", [ENTRY])
        await changes.look()

    assert kinds(tmp_path) == ["start None", "init 1", "import 2"]


async def test_unreadable_journal_is_said_once(tmp_path: Path) -> None:
    """The operator hears of it; once it is whole, what it says is recorded."""
    put_set(tmp_path / "set", "s", [ENTRY])
    path = tmp_path / "set" / journal.FILE
    whole = path.read_bytes()
    path.write_bytes(b"x\n")
    with capture_logs() as events, service(tmp_path) as (changes, _):
        await changes.start({})
        await changes.look()
        path.write_bytes(whole)
        await changes.look()

    assert [it["event"] for it in events] == ["change_unrecorded", "fault_over"]
    assert kinds(tmp_path) == ["start None", "init 1", "import 2"]


async def test_change_that_could_not_be_written_is_tried_again(tmp_path: Path) -> None:
    """A full disk delays a record, and loses none."""
    put_set(tmp_path / "set", "s", [ENTRY])
    is_full = [False]

    def sync(file: int) -> None:
        if is_full[0]:
            raise OSError(28, "No space left on device")
        unsynced(file)

    directory = tmp_path / "log"
    with DecisionLog.open(
        directory, instance="main", clock=lambda: NOON, sync=sync
    ) as log:
        changes = ChangeRecorder(
            log, directory=directory, reference=tmp_path / "set", clock=lambda: NOON
        )
        await changes.start({})
        remove(tmp_path)
        is_full[0] = True
        with capture_logs() as events:
            changes.note(Change.RELOAD, {})
            await changes.look()
            await changes.look()
        is_full[0] = False
        await changes.look()

    assert [it["event"] for it in events] == ["change_unrecorded"]
    assert kinds(tmp_path)[3:] == ["reload 2", "remove 3"]
