"""Making the state directory from the command line."""

import stat
from pathlib import Path

import pytest

from tests.cli.running import Terminal
from uploadfilter.reference.store import REFERENCE_DIRECTORY, ReferenceReader


def test_init_makes_an_empty_reference_set(terminal: Terminal, tmp_path: Path) -> None:
    """After ``init`` there is a reference set with nothing in it, for us alone."""
    state = tmp_path / "a/state"
    code = terminal.run("init", "--state", str(state))
    with ReferenceReader.open(state / REFERENCE_DIRECTORY) as reader:
        entries = reader.current().entry_count

    assert (code, entries) == (0, 0)
    assert stat.S_IMODE(state.stat().st_mode) == 0o700


def test_init_changes_nothing_that_is_there(terminal: Terminal, tmp_path: Path) -> None:
    """A second ``init`` keeps the key: with another one every exact signal is lost."""
    terminal.run("init", "--state", str(tmp_path))
    key = (tmp_path / REFERENCE_DIRECTORY / "key").read_bytes()
    code = terminal.run("init", "--state", str(tmp_path))

    assert code == 0
    assert (tmp_path / REFERENCE_DIRECTORY / "key").read_bytes() == key
    assert "nothing was changed" in terminal.read().err


def test_option_wins_over_the_environment(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """--state names the directory, whatever the environment says."""
    monkeypatch.setenv("UPLOADFILTER_STATE_DIR", str(tmp_path / "environment"))
    terminal.run("init", "--state", str(tmp_path / "option"))

    assert (tmp_path / "option").is_dir()
    assert not (tmp_path / "environment").exists()


def test_state_that_cannot_be_made_is_refused(
    terminal: Terminal, tmp_path: Path
) -> None:
    """A file in the way is an error with a hint."""
    (tmp_path / "file").touch()
    code = terminal.run("init", "--state", str(tmp_path / "file"))

    assert code == 2
    assert "UPLOADFILTER_STATE_DIR" in terminal.read().err
