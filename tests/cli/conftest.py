"""A terminal for every test of a command, and a state directory."""

from pathlib import Path

import pytest

from tests.cli.running import Terminal


@pytest.fixture
def terminal(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Terminal:
    """Return a terminal in this process."""
    return Terminal(monkeypatch, capfd)


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a state directory that is not there yet, named by the environment."""
    monkeypatch.setenv("UPLOADFILTER_STATE_DIR", str(tmp_path / "state"))
    return tmp_path / "state"
