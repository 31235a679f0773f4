"""``uploadfilter doctor``: one line for each check, and the exit code."""

import json
from pathlib import Path

import pytest

from tests.cli.running import run
from tests.proxy.site import exact_entry, list_entries


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a configuration file beside a state directory with one entry."""
    list_entries(tmp_path / "state", [exact_entry(1, b"listed")])
    monkeypatch.setenv("UPLOADFILTER_STATE_DIR", str(tmp_path / "state"))
    path = tmp_path / "uploadfilter.toml"
    path.write_text('origin = "http://127.0.0.1:9"\n')
    return path


def test_installation_that_does_not_run_yet_has_warnings_only(
    file: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """A warning does not change the exit code, and says what to do."""
    assert run(monkeypatch, "doctor", "--config", str(file)) == 0
    out = capfd.readouterr().out

    assert "ok       scanners" in out
    assert "warning  decision log" in out
    assert "FAILED" not in out


def test_json_names_what_failed(
    file: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Programs get area, grade, text and hint apart; a failure ends with 1."""
    file.write_text(file.read_text() + "[admin]\nlisten = '127.0.0.1:1'\n")
    code = run(monkeypatch, "doctor", "--json", "--config", str(file))
    told = json.loads(capfd.readouterr().out)
    bad = [it for it in told["checks"] if it["grade"] == "failed"]

    assert (code, told["healthy"]) == (1, False)
    assert [it["area"] for it in bad] == ["proxy"]
    assert all(it["hint"] for it in bad)


def test_unusable_configuration_does_not_hide_the_rest(
    file: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Each mistake is a line, and what does not depend on it is checked."""
    file.write_text('origin = "x"\nlissen = 1\n')
    code = run(monkeypatch, "doctor", "--config", str(file))
    out = capfd.readouterr().out

    assert code == 1
    assert out.count("FAILED   configuration") == 2
    assert "ok       reference set" in out
    assert "ok       scanners" in out
