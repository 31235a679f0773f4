"""What a check of the files of an installation finds."""

import os
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.decisions.files.trees import end_of, tree_of
from tests.decisions.logs import decision, write_log
from tests.issuing.offices import Office, line_of
from tests.proxy.site import exact_entry, list_entries, settings
from tests.syncing.moments import epoch_s
from tests.syncing.sites import Site
from uploadfilter.decisions.files.room import Room
from uploadfilter.doctor import machine
from uploadfilter.doctor.results import Area, Diagnosis, Grade
from uploadfilter.reference.store import REFERENCE_DIRECTORY, ReferenceDirectory
from uploadfilter.signedsets.freshness import Failure, Status

NOW_S = 1_800_000_000
DAY_S = 86_400
SIGNED = Status(
    set="unit7",
    source="/srv/sets",
    root="00",
    synced_at=NOW_S - 3600,
    expires_at=NOW_S + 7 * DAY_S,
)


def grades(found: Iterable[Diagnosis]) -> list[tuple[Area, Grade]]:
    """Return the areas and their grades."""
    return [(it.area, it.grade) for it in found]


def test_missing_state_is_a_failure_that_names_the_next_command(tmp_path: Path) -> None:
    """Nobody has to guess the command."""
    (found,) = machine.examine_state(tmp_path / "none")

    assert found.grade is Grade.FAILED
    assert f"uploadfilter init --state {tmp_path / 'none'}" in found.hint


@pytest.mark.parametrize(
    ("mode", "grade"),
    [(0o700, Grade.OK), (0o750, Grade.WARNING), (0o707, Grade.WARNING)],
)
def test_state_that_others_may_read_is_a_warning(
    tmp_path: Path, mode: int, grade: Grade
) -> None:
    """It holds hash sets and records."""
    tmp_path.chmod(mode)

    assert grades(machine.examine_state(tmp_path)) == [(Area.STATE, grade)]


def test_reference_set_is_missing_then_empty_then_usable_then_damaged(
    tmp_path: Path,
) -> None:
    """Only a set with entries is good."""
    directory = tmp_path / REFERENCE_DIRECTORY

    def grade() -> Grade:
        (found,) = machine.examine_reference(tmp_path)
        return found.grade

    assert grade() is Grade.FAILED
    ReferenceDirectory(directory).init()
    assert grade() is Grade.WARNING
    list_entries(tmp_path, [exact_entry(1, b"listed")])
    (found,) = machine.examine_reference(tmp_path)
    assert found.grade is Grade.OK
    assert "entries: 1; sets: 1, enforced: 1" in found.text
    for data in directory.rglob("*.mdb"):
        data.chmod(0o600)
        os.truncate(data, 100)
    assert grade() is Grade.FAILED


@pytest.mark.parametrize(
    ("changes", "grade", "words"),
    [
        ({}, Grade.OK, "60 minutes ago"),
        ({"synced_at": 0}, Grade.FAILED, "never"),
        ({"expires_at": NOW_S}, Grade.FAILED, "expired"),
        ({"synced_at": NOW_S - 8 * DAY_S}, Grade.WARNING, "8 days ago"),
        ({"held_back": 5000}, Grade.FAILED, "5,000 withdrawals"),
        (
            {"failure": Failure(at=NOW_S, code="x", text="no route")},
            Grade.WARNING,
            "no route",
        ),
    ],
)
def test_signed_set_is_graded_by_its_age(
    tmp_path: Path,
    changes: dict[str, object],
    grade: Grade,
    words: str,
) -> None:
    """An expired set still matches, but an operator must know at once."""
    office = Office(tmp_path / "office", epoch_s=epoch_s())
    office.issue(line_of("a", 1))
    operator = Site(tmp_path / "state", office)
    shape = {name: getattr(SIGNED, name) for name in SIGNED.__struct_fields__}
    operator.trusted.put_status(Status(**shape | changes))
    (found,) = machine.examine_signed(tmp_path / "state", NOW_S)

    assert found.grade is grade
    assert words in found.text


def test_set_that_was_just_synced_is_good(tmp_path: Path) -> None:
    """The status that a real sync writes is understood."""
    office = Office(tmp_path / "office", epoch_s=epoch_s())
    office.issue(line_of("a", 1))
    operator = Site(tmp_path / "state", office)
    operator.sync()

    found = machine.examine_signed(tmp_path / "state", operator.epoch_s)

    assert grades(found) == [(Area.SIGNED, Grade.OK)]


def test_log_without_a_record_is_a_warning_and_a_damaged_one_a_failure(
    tmp_path: Path,
) -> None:
    """The disk is checked as soon as there is a folder."""
    of = settings(tmp_path, "http://127.0.0.1:9")
    assert grades(machine.examine_log(of, NOW_S)) == [(Area.LOG, Grade.WARNING)]
    directory = tmp_path / "instances/main/log"
    write_log(directory, [[decision()]])
    both = dict(grades(machine.examine_log(of, NOW_S)))
    assert both[Area.LOG] is Grade.OK
    assert Area.DISK in both
    tree_of(directory).grow(end_of(directory))
    assert dict(grades(machine.examine_log(of, NOW_S)))[Area.LOG] is Grade.OK
    (directory.parent / "tree.key").write_bytes(bytes(32))
    found = list(machine.examine_log(of, NOW_S))
    assert "it is not the key of this tree" in found[1].text
    assert "Restore it from a backup" in found[1].hint
    (segment,) = directory.glob("*.jsonl")
    segment.write_bytes(b"{}\n" + segment.read_bytes())

    assert grades(machine.examine_log(of, NOW_S)) == [(Area.LOG, Grade.FAILED)]


@pytest.mark.parametrize(
    ("free_bytes", "days", "grade"),
    [
        (10**12, 900.0, Grade.OK),
        (10**9, 3.0, Grade.WARNING),
        (10**6, 900.0, Grade.FAILED),
    ],
)
def test_disk_is_graded_by_its_space_and_days(
    free_bytes: int, days: float, grade: Grade
) -> None:
    """A full disk stops uploads; a nearly full one leaves a week."""
    room = Room(
        log_bytes=1,
        free_bytes=free_bytes,
        reserve_bytes=1,
        bytes_a_day=1,
        days_left=days,
    )

    assert machine.grade_disk(room).grade is grade


def test_settings_of_another_instance_name_it(tmp_path: Path) -> None:
    """Who forgot ``--instance`` is told."""
    of = replace(settings(tmp_path, "http://127.0.0.1:9"), instance="second")
    (found,) = machine.examine_log(of, NOW_S)

    assert "'second'" in found.text
