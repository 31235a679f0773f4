"""``uploadfilter hashset findings``: what the gate found, for the issuer."""

import json
from pathlib import Path

import pytest

from tests.cli.running import run
from tests.syncing.gated import Case


@pytest.fixture
def case(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Case:
    """Return a site with one entry that the gate has switched off, p-7."""
    found = Case(tmp_path)
    found.site.sync()
    monkeypatch.setenv("UPLOADFILTER_STATE_DIR", str(found.site.state))
    return found


def test_findings_name_entries(
    case: Case,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    """JSON lines, in a private file; of another set there is nothing."""
    path = tmp_path / "findings.jsonl"
    findings = ("hashset", "findings", "-o")

    assert run(monkeypatch, *findings, str(path)) == 0
    (line,) = [json.loads(it) for it in path.read_text().splitlines()]
    assert (line["finding"], line["sequence"]) == ("quarantined", 1)
    assert (line["entry"], line["match"]) == ("p-7", "exact")
    assert path.stat().st_mode & 0o77 == 0
    assert run(monkeypatch, *findings, str(path), "--set", "other") == 0
    assert path.read_text() == ""
    assert run(monkeypatch, *findings, str(tmp_path)) == 2
    assert "cannot write" in capfd.readouterr().err
    assert case.held() == {"p-7"}
