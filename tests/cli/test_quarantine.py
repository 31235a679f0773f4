"""``uploadfilter hashset quarantine``: listed, reported, and ended by two people."""

import json
from pathlib import Path

import pytest

from tests.cli.running import json_lines, run
from tests.syncing.test_gating import Case

QUARANTINE = ("hashset", "quarantine")


@pytest.fixture
def case(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Case:
    """Return a site with one entry in quarantine, which is told of in the commands."""
    found = Case(tmp_path)
    found.site.sync()
    monkeypatch.setenv("UPLOADFILTER_STATE_DIR", str(found.site.state))
    return found


def test_quarantine_is_listed_and_in_the_status(
    case: Case, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Which entry, in which way, since when; and the number in the status."""
    assert run(monkeypatch, *QUARANTINE, "list", "--json") == 0
    (item,) = json_lines(capfd.readouterr().out)[0]["quarantined"]
    assert run(monkeypatch, *QUARANTINE, "list") == 0
    assert "p-7" in capfd.readouterr().out
    assert run(monkeypatch, "hashset", "status") == 0
    assert "1 in quarantine" in capfd.readouterr().out
    run(monkeypatch, "hashset", "status", "--json")
    (shown,) = json_lines(capfd.readouterr().out)[0]["sets"]

    assert (item["set"], item["entry"], item["match"]) == ("unit7", "p-7", "exact")
    assert (item["bits"], item["corpus"]) == (0, "own")
    assert shown["quarantined"] == 1
    assert case.held() == {"p-7"}


def test_two_people_let_an_entry_in(
    case: Case, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """One is refused; two are on record, and the entry is in force."""
    release = (*QUARANTINE, "release", "unit7", "p-7")

    assert run(monkeypatch, *release, "--by", "ab") == 2
    assert "2 different people" in capfd.readouterr().err
    assert run(monkeypatch, *release, "--by", "ab", "--by", "x@y") == 2
    capfd.readouterr()
    assert run(monkeypatch, *release, "--by", "ab", "--by", "cd", "--json") == 0
    (shown,) = json_lines(capfd.readouterr().out)
    assert (shown["entry"], shown["by"]) == ("p-7", ["ab", "cd"])
    assert case.held() == set()
    assert run(monkeypatch, *release, "--by", "ab", "--by", "cd") == 2


def test_report_for_the_issuer_names_entries(
    case: Case,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    """JSON lines, in a private file; of another set there is nothing."""
    path = tmp_path / "report.jsonl"
    report = (*QUARANTINE, "report", "-o", str(path))

    assert run(monkeypatch, *report) == 0
    (line,) = [json.loads(it) for it in path.read_text().splitlines()]
    assert (line["finding"], line["sequence"]) == ("quarantined", 1)
    assert (line["entry"], line["match"]) == ("p-7", "exact")
    assert path.stat().st_mode & 0o77 == 0
    assert run(monkeypatch, *report, "--set", "other") == 0
    assert path.read_text() == ""
    assert run(monkeypatch, *QUARANTINE, "report", "-o", str(tmp_path)) == 2
    assert "cannot write" in capfd.readouterr().err
    assert case.held() == {"p-7"}
