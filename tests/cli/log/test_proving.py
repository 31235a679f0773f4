"""Proofs, and the check of the tree, from the command line."""

from pathlib import Path
from shutil import copytree, rmtree

import pytest

from tests.cli.running import Terminal, json_lines
from tests.decisions.files.trees import end_of, tree_of
from tests.decisions.logs import decision, write_log
from uploadfilter.decisions.tree.notes import Signer

IDS = [f"20261125-{at:020x}" for at in range(5)]


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the log of a state directory, with a tree."""
    monkeypatch.setenv("UPLOADFILTER_STATE_DIR", str(tmp_path))
    made = tmp_path / "instances/main/log"
    write_log(made, [[decision(name) for name in IDS]])
    tree_of(made).grow(end_of(made))
    return made


def key_of(directory: Path) -> str:
    """Return the public key of a log as text."""
    return (directory / "tree/key").read_text().strip()


def test_proof_is_written_and_checked_without_the_log(
    directory: Path, tmp_path: Path, terminal: Terminal
) -> None:
    """The id as people write it; the file and the key are enough."""
    out, key = tmp_path / "d.tlog-proof", key_of(directory)
    written = IDS[3].replace("-", " ").upper()
    assert terminal.run("log", "prove", written, "--out", str(out)) == 0
    assert f"written to '{out}'" in terminal.read().out
    rmtree(directory)

    assert terminal.run("verify", str(out), "--key", key) == 0
    shown = terminal.read().out
    assert "proved: leaf 4 of 6 of uploadfilter/main/" in shown
    assert IDS[3] in shown.replace("\n", "")


def test_proof_comes_from_a_copy_of_the_log(
    directory: Path, tmp_path: Path, terminal: Terminal
) -> None:
    """An overseer has the folder of a log, and no state directory around it."""
    copy, out = tmp_path / "copy", tmp_path / "d.tlog-proof"
    copytree(directory, copy)
    at = ("--state", str(copy))

    assert terminal.run("log", "prove", IDS[3], *at, "--out", str(out)) == 0
    assert "proved: leaf 4 of 6" in terminal.read().out
    assert terminal.run("log", "show", *at, "--id", "20261125-" + "f" * 20) == 1
    assert "other proxies" not in terminal.read().err


def test_proof_for_programs(directory: Path, terminal: Terminal) -> None:
    """The parts, and the proof whole."""
    assert terminal.run("log", "prove", IDS[0], "--json") == 0
    (found,) = json_lines(terminal.read().out)

    assert (found["index"], found["size"]) == (1, 6)
    assert found["proof"].endswith(found["checkpoint"])
    assert found["origin"] == key_of(directory).split("+")[0]


def test_proof_of_another_log_is_refused(
    directory: Path, tmp_path: Path, terminal: Terminal
) -> None:
    """Exit code 1 with the key of another log; 2 without a proof or a key."""
    out, key = tmp_path / "d.tlog-proof", key_of(directory)
    other = Signer(key.split("+")[0], bytes(32)).verifier.text
    assert terminal.run("log", "prove", IDS[0], "--out", str(out)) == 0

    check = ("verify", str(out), "--key")
    assert terminal.run(*check, other) == 1
    shown = terminal.read().out
    assert "NOT PROVED" in shown
    assert "Compare --key with the key that you kept" in shown
    assert terminal.run(*check, other, "--json") == 1
    assert terminal.run(*check, "a") == 2
    assert "tree/key" in terminal.read().err
    out.write_bytes(b"\xff")
    assert terminal.run(*check, key) == 2
    assert "it is not a proof" in terminal.read().out
    assert terminal.run("verify", str(out)) == 2
    assert "by the key of its log" in terminal.read().out
    assert terminal.run("verify", "nowhere", "--key", key) == 2


@pytest.mark.usefixtures("directory")
def test_decision_that_is_not_there(terminal: Terminal) -> None:
    """Retention, or another proxy."""
    assert terminal.run("log", "prove", "20260101-" + "0" * 20) != 0
    assert "--instance" in terminal.read().err
