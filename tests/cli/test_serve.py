"""Starting the proxy from the command line: what is refused before it starts.

That it serves is tested from outside (``tests/e2e``).
"""

from pathlib import Path

import pytest

from tests.cli.running import run

ORIGIN = ("--origin", "http://127.0.0.1:9")


@pytest.fixture(autouse=True)
def _state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep what a failed start may leave in a folder of its own."""
    monkeypatch.setenv("UPLOADFILTER_STATE_DIR", str(tmp_path / "state"))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        pytest.param((), "origin", id="no-origin"),
        pytest.param(("--origin", "ftp://x"), "http://HOST", id="origin"),
        pytest.param((*ORIGIN, "--listen", "nowhere"), "nowhere", id="listen"),
        pytest.param((*ORIGIN, "--mode", "off"), "off", id="mode"),
        pytest.param((*ORIGIN, "--instance", "../x"), "../x", id="instance"),
        pytest.param(("--config", "missing.toml"), "missing.toml", id="config"),
    ],
)
def test_what_cannot_be_used_is_refused(
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    said: str,
) -> None:
    """A bad option ends with 2 and a message that says what to change, no traceback."""
    code = run(monkeypatch, "serve", *arguments)
    err = capfd.readouterr().err

    assert code == 2
    assert said in err
    assert "Traceback" not in err
