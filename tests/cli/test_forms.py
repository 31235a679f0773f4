"""The command line of the forms, up to their listening."""

from pathlib import Path

from tests.cli.running import Terminal


def test_forms_need_one_that_is_enabled(tmp_path: Path, terminal: Terminal) -> None:
    """A process that would serve nothing says what to write into the file."""
    path = tmp_path / "uploadfilter.toml"
    path.write_text('origin = "http://127.0.0.1:1"\n')
    command = ("forms", "--config", str(path), "--state", str(tmp_path / "state"))

    assert terminal.run(*command) == 2
    assert "public_url in [objections]" in terminal.read().err
