"""``uploadfilter issuer build``: a folder of pictures becomes lines of signals."""

import json
from pathlib import Path

import pytest

from hashsets.demo import pictures
from tests.cli.running import json_lines, run


def test_folder_becomes_entries(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Pictures become entries of their folder's category; names stay where they are."""
    for category, seed in (("A", 1), ("B", 2)):
        folder = tmp_path / "in" / category
        folder.mkdir(parents=True)
        photo = pictures.photograph(seed, width=120, height=90)
        (folder / "secret-name.png").write_bytes(pictures.png(photo))
    (tmp_path / "in" / "A" / "note.txt").write_text("hello")
    words = ("issuer", "build", str(tmp_path / "in"), str(tmp_path / "out.jsonl"))

    assert run(monkeypatch, *words, "--jobs", "1", "--json") == 0
    (shape,) = json_lines(capfd.readouterr().out)
    text = (tmp_path / "out.jsonl").read_text()
    entries = [json.loads(line) for line in text.splitlines()]
    assert shape["categories"] == {"A": 1, "B": 1}
    assert shape["refused"] == {"no_picture": 1}
    assert "secret" not in text
    assert [entry["category"] for entry in entries] == ["A", "B"]
    types = [item["type"] for item in entries[0]["signals"]]
    assert sorted(types) == ["md5", "pdq", "phash", "sha1", "sha256"]


def test_source_is_a_folder(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """A file is no folder of pictures."""
    assert run(monkeypatch, "issuer", "build", str(tmp_path / "x"), "out") == 2
    assert "no folder" in capfd.readouterr().err
