"""``uploadfilter hashset quarantine``: listed, reported, and ended by two people."""

import json
from pathlib import Path

import pytest

from tests.cli.running import json_lines, run
from tests.issuing.offices import line_of
from tests.syncing.test_gating import Case
from uploadfilter.hashsets.choices import Chosen
from uploadfilter.signedsets import canaries

QUARANTINE = ("hashset", "quarantine")


@pytest.fixture
def case(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Case:
    """Return a site with one entry in quarantine, which the commands report."""
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


def test_each_entry_is_counted_as_what_it_is(
    case: Case, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Counts of 20 entries and two canaries: in force, in quarantine, withdrawn.

    A withdrawn entry stays withdrawn when the whole set is imported again without it.
    """
    case.office.canaries = canaries.entries()
    case.office.withdraw("p-3")
    case.site.sync()
    case.office.issue(line_of("new", 100))
    case.site.sync()
    found, is_full = [], []
    for categories in (["1"], ["1", "2"]):
        report = case.site.sync(Chosen(categories=categories))
        is_full.append(report.is_full)
        capfd.readouterr()
        run(monkeypatch, "hashset", "status", "--json")
        (status,) = json_lines(capfd.readouterr().out)[0]["sets"]
        assert run(monkeypatch, "hashset", "show", "unit7", "--json") == 0
        (shown,) = json_lines(capfd.readouterr().out)
        words = ("canaries", "quarantined", "withdrawn", "suppressed")
        found.append(tuple(status[it] for it in ("entries", *words)))
        assert found[-1] == tuple(shown[it] for it in ("in_force", *words))
    run(monkeypatch, "hashset", "status")
    text = " ".join(capfd.readouterr().out.split())
    run(monkeypatch, "hashset", "show", "unit7")
    details = " ".join(capfd.readouterr().out.split())

    assert is_full == [False, True]
    assert found == [(19, 2, 1, 1, 0)] * 2
    assert "unit7: 19 entries (active)" in text
    assert "0 suppressed, 1 withdrawn, 2 canaries 1 in quarantine" in text
    assert "in force 19 read number 2 of a signed set, signed by dora, eve" in details
    assert "canaries 2 in quarantine 1" in details
    assert "revoked 1" in details


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
