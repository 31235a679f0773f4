"""``uploadfilter hashset diff``: generations and files, against folders and corpora."""

import hashlib
import json
from pathlib import Path

import pytest

from tests.cli.running import Terminal, json_lines
from tests.corpus import pictures
from tests.knowngood.corpora import corpus_file, value

DIFF = ("hashset", "diff")


@pytest.fixture
def folder(tmp_path: Path, terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with one picture; two generations list it, and do not."""
    found = tmp_path / "in"
    found.mkdir()
    photo = pictures.photograph(1, width=120, height=90)
    (found / "a.png").write_bytes(pictures.png(photo))
    (found / "b.txt").write_text("hello")
    monkeypatch.setenv("UPLOADFILTER_STATE_DIR", str(tmp_path / "state"))
    hash_set = tmp_path / "unit7.jsonl"
    take = ("hashset", "import", str(hash_set), "--name", "unit7", "--category", "1")
    for name, data in (("other", b"x"), ("ours", (found / "a.png").read_bytes())):
        digest = hashlib.sha256(data).hexdigest()
        line = {"id": name, "category": "1", "sha256": digest, "pdq": value(7).hex()}
        hash_set.write_text(json.dumps(line))
        assert terminal.run(*take) == 0
    return found


def test_generations_differ_for_a_folder(folder: Path, terminal: Terminal) -> None:
    """The picture begins to match, and nothing else does; backwards it ends."""
    terminal.read()
    there = (*DIFF, "2", "current", "--against", str(folder), "--jobs", "1")
    assert terminal.run(*there, "--json") == 1
    (shown,) = json_lines(terminal.read().out)
    assert shown["path"].endswith("a.png")
    assert shown["begins"] == [{"set": "unit7", "entry": "ours"}]
    assert shown["ends"] == []

    back = (*DIFF, "current", "2", "--against", str(folder), "--jobs", "1")
    assert terminal.run(*back) == 1
    text = terminal.read()
    assert "-unit7/ours" in text.out
    assert "2 files compared: 0 entries begin to match, 1 end" in text.err


def test_file_is_compared_with_what_is_in_force(
    folder: Path, terminal: Terminal, tmp_path: Path
) -> None:
    """A file that is not imported, against a known-good corpus; nothing changes."""
    corpus = corpus_file(tmp_path / "own.corpus", [value(1), value(7)])
    line = {"id": "new", "category": "2", "pdq": value(1, range(9)).hex()}
    (tmp_path / "new.jsonl").write_text(json.dumps(line))
    ask = (*DIFF, "current", str(tmp_path / "new.jsonl"), "--against", str(corpus))
    terminal.read()

    assert terminal.run(*ask) == 2
    assert "--set NAME" in terminal.read().err
    assert terminal.run(*ask, "--set", "unit7", "--json") == 1
    one, two = json_lines(terminal.read().out)
    assert one["begins"] == [{"set": "unit7", "entry": "new"}]
    assert two["ends"] == [{"set": "unit7", "entry": "ours"}]
    assert terminal.run(*DIFF, "current", "current", "--against", str(corpus)) == 0
    assert terminal.run(*DIFF, "77", "current", "--against", str(folder)) == 2
