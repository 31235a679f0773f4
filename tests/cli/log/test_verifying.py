"""The report on a checked decision log, for people and for programs."""

from pathlib import Path

import pytest

from tests.cli.running import json_lines, run
from tests.decisions.logs import (
    DAY_S,
    NOON,
    REFUSED,
    REJECTED,
    Clock,
    decision,
    segment_paths,
    unsynced,
    upload_paths,
    write_log,
)
from tests.decisions.old_log import write_old_log
from uploadfilter.decisions.files.log import DecisionLog


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return where the log of a state directory belongs."""
    monkeypatch.setenv("UPLOADFILTER_STATE_DIR", str(tmp_path))
    return tmp_path / "instances/main/log"


def write_days(directory: Path) -> None:
    """Write a log of twelve days, with matches on two of them."""
    judgements = [REJECTED if day in (1, 4) else REFUSED for day in range(12)]
    write_log(directory, [[decision("a", judgement)] for judgement in judgements])


def test_deleted_beginning_is_damage(
    directory: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """The oldest files are gone: exit code 1, with records, day and rule by name."""
    write_days(directory)
    for path in segment_paths(directory)[:17]:
        path.unlink()
    codes = [run(monkeypatch, "log", "verify"), run(monkeypatch, "log", "verify", "-h")]
    said = capfd.readouterr().out

    assert codes[0] == 1
    assert "missing: records 1 to 34, at 00000018-20261204.jsonl, line 1: 8 of" in said
    assert "DAMAGED" in said


def test_gone_days_are_told_to_programs(
    directory: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Each gap has its records, its days, its matches and its severity."""
    write_days(directory)
    upload_paths(directory)[4].unlink()
    code = run(monkeypatch, "log", "verify", "--json")
    (report,) = json_lines(capfd.readouterr().out)

    assert code == 1
    assert report["gaps"] == [
        {
            "first": 9,
            "last": 9,
            "first_record": 17,
            "last_record": 18,
            "since": "2026-11-29",
            "until": "2026-11-29",
            "matches": 1,
            "is_start": False,
            "is_proved": False,
            "why": "the last of the files was to be kept until 2026-12-29, "
            "with 1 match",
        }
    ]


def test_unproved_gap_is_said(
    directory: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Where an older log proves nothing, nothing is called proved."""
    for path in write_old_log(directory)[:3]:
        path.unlink()
    clock = Clock(NOON + 40 * DAY_S)
    with DecisionLog.open(directory, instance="main", clock=clock, sync=unsynced):
        pass
    code = run(monkeypatch, "log", "verify")
    said = capfd.readouterr().out

    assert code == 0
    assert (
        "gone: at the start, files 1 to 3 with records 1 to 20, until 2026-11-27, 2"
        in said
    )
    assert "does not prove" in said


def test_other_proxies_are_named(
    directory: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Each proxy has its own chain; a check of one names the others."""
    write_days(directory)
    write_log(directory.parent.parent / "b" / "log", [[decision("a")]])
    run(monkeypatch, "log", "verify")
    said = capfd.readouterr().out

    assert "not checked: --instance b" in said
    assert "totals: 11 records, of which 11 were counted again" in said
    assert "records from 2026-11-25 to 2026-12-06" in said


def test_empty_log_is_damage(
    directory: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Where there is nothing to check, nothing was checked."""
    directory.mkdir(parents=True)
    code = run(monkeypatch, "log", "verify")

    assert code == 1
    assert "empty: there is no record" in capfd.readouterr().out
