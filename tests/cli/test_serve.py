"""Starting the proxy from the command line: mistakes are refused before the start.

That it serves is tested from outside (``tests/e2e``).
"""

from pathlib import Path

import pytest

from tests.cli.running import Terminal

ORIGIN = ("--origin", "http://127.0.0.1:9")


@pytest.fixture(autouse=True)
def _state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the files that a failed start may leave in a separate folder."""
    monkeypatch.setenv("UPLOADFILTER_STATE_DIR", str(tmp_path / "state"))


def test_configuration_file_is_named_by_its_variable(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that the environment names must be there, too."""
    monkeypatch.setenv("UPLOADFILTER_CONFIG", "named.toml")

    assert terminal.run("serve", *ORIGIN) == 2
    assert "named.toml" in terminal.read().err


def test_what_is_typed_wins_over_the_environment(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message names the source of the unusable value."""
    monkeypatch.setenv("UPLOADFILTER_MODE", "enforce")
    terminal.run("serve", *ORIGIN, "--mode", "typed")
    monkeypatch.setenv("UPLOADFILTER_MODE", "told")
    terminal.run("serve", *ORIGIN)
    err = terminal.read().err

    assert "--mode: mode = 'typed'" in err
    assert "UPLOADFILTER_MODE: mode = 'told'" in err


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
    terminal: Terminal, arguments: tuple[str, ...], said: str
) -> None:
    """A bad option ends with 2 and a message with the remedy, without a traceback."""
    code = terminal.run("serve", *arguments)
    err = terminal.read().err

    assert code == 2
    assert said in err
    assert "Traceback" not in err
