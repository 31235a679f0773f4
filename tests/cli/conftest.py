"""A terminal for every test of a command."""

import pytest

from tests.cli.running import Terminal


@pytest.fixture
def terminal(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Terminal:
    """Return a terminal in this process."""
    return Terminal(monkeypatch, capfd)
