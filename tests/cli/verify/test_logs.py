"""The report on a checked decision log, for people and for programs."""

from pathlib import Path

import pytest

from tests.cli.running import Terminal, json_lines
from tests.decisions.logs import (
    REFUSED,
    REJECTED,
    decision,
    segment_paths,
    upload_paths,
    write_log,
)


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return where the log of a state directory belongs."""
    monkeypatch.setenv("UPLOADFILTER_STATE_DIR", str(tmp_path))
    return tmp_path / "instances/main/log"


def write_days(directory: Path) -> None:
    """Write a log of twelve days, with matches on two of them."""
    judgements = [REJECTED if day in (1, 4) else REFUSED for day in range(12)]
    write_log(directory, [[decision("a", judgement)] for judgement in judgements])


def test_deleted_beginning_is_damage(directory: Path, terminal: Terminal) -> None:
    """The oldest files are gone: exit code 1, with records, day and rule by name."""
    write_days(directory)
    for path in segment_paths(directory)[:17]:
        path.unlink()
    code = terminal.run("verify")
    said = terminal.read().out

    assert code == 1
    assert "- records 1 to 34 are missing, at 00000018-20261204.jsonl, line 1 (" in said
    assert "(files 1 to 17, from 2026-11-25 until 2026-12-03): 8 of the files" in said
    assert "ask the operator for these records" in said


def test_gone_days_are_told_to_programs(directory: Path, terminal: Terminal) -> None:
    """Each gap has its records, its days, its matches and its severity."""
    write_days(directory)
    upload_paths(directory)[4].unlink()
    code = terminal.run("verify", "--json")
    (report,) = json_lines(terminal.read().out)

    assert code == 1
    assert report["logs"][0]["gaps"] == [
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


def test_all_proxies_of_a_state_directory_are_checked(
    directory: Path, terminal: Terminal
) -> None:
    """Each proxy has its own chain; the log of one in the folder of another is told."""
    write_days(directory)
    write_log(directory.parent.parent / "b" / "log", [[decision("a")]])
    code = terminal.run("verify")
    said = terminal.read().out

    assert code == 1
    assert "- this is the log of another proxy, at 00000001-20261125.jsonl" in said
    assert "instances/b/log: 2 records in 1 file " in said
    assert (
        f"chain verified, nothing signed: {directory}: 46 records in 23 files" in said
    )
    assert "totals: 11 records, of which 11 were counted again" in said


def test_empty_log_is_damage(directory: Path, terminal: Terminal) -> None:
    """Where there is nothing to check, nothing was checked."""
    directory.mkdir(parents=True)
    code = terminal.run("verify")

    assert code == 1
    assert "there is no record, so nothing was checked" in terminal.read().out
