"""``uploadfilter backup`` and ``uploadfilter restore``."""

import json
from pathlib import Path

import pytest

from tests.backups import files, listed
from tests.cli.running import Terminal
from tests.proxy.site import list_entries


def test_backup_is_private_and_restores(tmp_path: Path, terminal: Terminal) -> None:
    """One command each; the file has the rights of a key."""
    state, file, new = tmp_path / "state", tmp_path / "b.tar.zst", tmp_path / "new"
    list_entries(state, listed())

    assert terminal.run("backup", str(file), "--state", str(state), "--json") == 0
    made = json.loads(terminal.read().out)
    assert (file.stat().st_mode & 0o777, made["files"]) == (0o600, len(files(state)))

    assert terminal.run("restore", str(file), "--state", str(new)) == 0
    assert "restored" in terminal.read().err
    assert files(new) == files(state)


@pytest.mark.parametrize(
    ("file", "said"),
    [
        ("there.tar.zst", "exists already"),
        ("no/folder/b.tar.zst", "No such file"),
        ("state/b.tar.zst", "lies in the state directory"),
    ],
)
def test_backup_that_cannot_be_written_is_refused(
    tmp_path: Path, terminal: Terminal, file: str, said: str
) -> None:
    """No file is replaced, and none is left half-written."""
    state = tmp_path / "state"
    list_entries(state, ())
    (tmp_path / "there.tar.zst").write_bytes(b"older")
    before = files(tmp_path)

    code = terminal.run("backup", str(tmp_path / file), "--state", str(state))

    assert code == 2
    assert said in " ".join(terminal.read().err.split())
    assert files(tmp_path) == before


def test_what_is_missing_is_named(tmp_path: Path, terminal: Terminal) -> None:
    """A mistyped state directory, or backup, is no empty one."""
    state = str(tmp_path / "state")

    assert terminal.run("backup", str(tmp_path / "b"), "--state", state) == 2
    assert "there is no state directory" in terminal.read().err
    assert terminal.run("restore", str(tmp_path / "b"), "--state", state) == 2
    assert "cannot read" in terminal.read().err
    assert not (tmp_path / "state").exists()
