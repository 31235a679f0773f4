"""``uploadfilter hashset known-good``: from a folder to a corpus that is in use."""

from pathlib import Path

import pytest

from tests.cli.running import Terminal, json_lines
from tests.corpus import pictures
from tests.knowngood.corpora import md5_of
from tests.knowngood.foreign import encase


def test_folder_becomes_a_corpus(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Pictures are built, imported, listed and removed; names stay where they are."""
    folder = tmp_path / "in"
    folder.mkdir()
    photo = pictures.photograph(1, width=120, height=90)
    (folder / "holiday-name.png").write_bytes(pictures.png(photo))
    (folder / "note.txt").write_text("hello")
    monkeypatch.setenv("UPLOADFILTER_STATE_DIR", str(tmp_path / "state"))
    build, out = ("hashset", "known-good", str(folder)), str(tmp_path / "own.corpus")
    more, known = ("--jobs", "1"), ("--known-good",)

    assert terminal.run(*build, "-o", out, *more, "--note", "x 1.0", "--json") == 0
    (built,) = json_lines(terminal.read().out)
    assert (
        terminal.run("hashset", "import", out, *known, "--name", "own", "--json") == 0
    )
    (taken,) = json_lines(terminal.read().out)
    assert terminal.run(*build, "-o", f"{out}.2", *more) == 0
    said = terminal.read().err
    assert "1 picture and 3 digests, out of 1 file\n" in said
    assert "no picture in 1 file\n" in said
    assert terminal.run("hashset", "list", *known) == 0
    assert "own" in terminal.read().out
    assert terminal.run("hashset", "remove", "own", *known) == 0
    assert terminal.run("hashset", "list", *known, "--json") == 0
    assert json_lines(terminal.read().out)[-1]["corpora"] == []
    assert built == {
        "files": 1,
        "pictures": 1,
        "digests": 3,
        "no_picture": 1,
        "unreadable": 0,
        "resumed": 0,
    }
    assert (taken["pictures"], taken["digests"], taken["source"]) == (1, 3, "x 1.0")
    assert b"holiday" not in Path(out).read_bytes()


def test_list_of_others_is_known_good_and_never_blocked(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """An import as a hash set is refused, and names the command that takes it."""
    path = tmp_path / "x.hash"
    path.write_bytes(encase(md5_of("a")))
    monkeypatch.setenv("UPLOADFILTER_STATE_DIR", str(tmp_path / "state"))
    block = ("hashset", "import", str(path), "--name", "x", "--category", "1")

    assert terminal.run(*block) == 2
    assert f"hashset import {path} --known-good" in terminal.read().err
    take = ("hashset", "import", str(path), "--known-good", "--name", "x", "--json")
    assert terminal.run(*take) == 0
    assert json_lines(terminal.read().out)[0]["digests"] == 1


def test_other_files_are_refused(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A file that is neither a corpus nor such a list is refused with a hint."""
    (tmp_path / "x").write_text("hello")
    monkeypatch.setenv("UPLOADFILTER_STATE_DIR", str(tmp_path / "state"))

    take = ("hashset", "import", str(tmp_path / "x"), "--known-good", "--name", "x")
    assert terminal.run(*take, "--category", "1") == 2
    assert "no categories" in terminal.read().err
    assert terminal.run(*take) == 2
    assert "hashset known-good" in terminal.read().err
