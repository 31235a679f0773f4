"""Converting a file from the command line."""

import json
from pathlib import Path

import pytest

from tests.cli.running import Terminal, json_lines

MD5 = "568b72d9fa3101692a4928a5a1ef8d84"
CONVERT = ("hashset", "convert")
MEDIA = [
    {"MediaID": 1, "Category": 1, "MD5": MD5.upper(), "PhotoDNA": "x"},
    {"MediaID": 2, "Category": 2, "MD5": MD5},
]


@pytest.fixture
def export(tmp_path: Path) -> Path:
    """Return an export of two media."""
    path = tmp_path / "export.json"
    path.write_text(json.dumps({"value": MEDIA}))
    return path


def test_export_is_converted(terminal: Terminal, export: Path) -> None:
    """Left-out records are reported, to people in the same way as after an import."""
    new = export.with_name("new.jsonl")
    code = terminal.run(*CONVERT, str(export), str(new), "--category", "1")
    said = terminal.read()

    assert code == 0
    assert new.read_text() == f'{{"id":"1","category":"1","md5":"{MD5}"}}\n'
    assert "not compared: PhotoDNA" in said.out
    assert "wrote 1 entries" in said.err


def test_report_is_there_for_programs(terminal: Terminal, export: Path) -> None:
    """The same as of a preview."""
    new = export.with_name("new.txt")
    options = ("--category", "2", "--only", "md5", "--format", "vics", "--json")
    code = terminal.run(*CONVERT, str(export), str(new), *options)
    (report,) = json_lines(terminal.read().out)

    assert (code, new.read_text()) == (0, f"{MD5}\n")
    assert (report["format"], report["accepted"]) == ("vics", 1)
    assert report["not_compared"] == {"PhotoDNA": 1}


def test_table_that_nobody_announced_is_converted(
    terminal: Terminal, tmp_path: Path
) -> None:
    """By the names of its columns."""
    table, new = tmp_path / "a.csv", tmp_path / "new.jsonl"
    table.write_text(f"ID;MD5\n7;{MD5}\n")
    code = terminal.run(*CONVERT, str(table), str(new), "--category", "1")

    assert code == 0
    assert json_lines(new.read_text()) == [{"id": "7", "category": "1", "md5": MD5}]
