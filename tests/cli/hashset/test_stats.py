"""Showing the parts of the reference set."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.running import Terminal, json_lines
from uploadfilter.reference.store import REFERENCE_DIRECTORY, ReferenceDirectory

MD5 = "568b72d9fa3101692a4928a5a1ef8d84"
PHASH = "c5d38a6b1f047e92"
MANY = 40_000
"""More than an overlay takes, and enough for a search by chunks."""


def value(number: int) -> str:
    """Return a PDQ value that looks random."""
    return hashlib.sha256(b"value %d" % number).hexdigest()


@pytest.fixture(autouse=True)
def state(tmp_path: Path, terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a state directory with a large hash set and, on top, one of one entry."""
    path = tmp_path / "state"
    monkeypatch.setenv("UPLOADFILTER_STATE_DIR", str(path))
    large = tmp_path / "large.txt"
    large.write_text("\n".join(map(value, range(MANY))))
    named = ["--name", "large", "--category", "1", "--type", "pdq"]
    assert terminal.run("hashset", "import", str(large), *named) == 0
    small = tmp_path / "small.jsonl"
    entry = {"id": "a", "category": "2", "md5": MD5, "phash": PHASH, "pdq": value(0)}
    small.write_text(json.dumps(entry))
    named = ["--name", "small", "--category", "2"]
    assert terminal.run("hashset", "import", str(small), *named) == 0
    return path


def stats(terminal: Terminal) -> dict[str, Any]:
    """Return what ``hashset list --stats --json`` prints."""
    terminal.read()
    assert terminal.run("hashset", "list", "--stats", "--json") == 0
    (found,) = json_lines(terminal.read().out)
    return found


def test_sets_tables_and_plans_are_shown(terminal: Terminal) -> None:
    """Each set and type is counted, each table has its plan, and a query its cost."""
    found = stats(terminal)
    counts = {(s["set"], s["signal_type"]): s["signals"] for s in found["sets"]}
    plans = {(t["half"], t["signal_type"]): t["plan"] for t in found["tables"]}

    assert counts == {
        ("large", "pdq"): MANY,
        ("small", "md5"): 1,
        ("small", "pdq"): 1,
        ("small", "phash"): 1,
    }
    assert plans == {
        ("base", "pdq"): "multi_index",
        ("overlay", "pdq"): "linear",
        ("overlay", "phash"): "linear",
    }
    assert found["entries"] == MANY + 1
    assert found["overlay"]["entries"] == 1
    assert all(item["bytes"] > 0 for item in found["sets"])
    assert found["query_us"]["pdq"] > found["query_us"]["phash"] > 0


def test_plan_by_chunks_is_described(terminal: Terminal) -> None:
    """Chunks, skew and the fullest bucket are numbers that fit."""
    found = stats(terminal)
    (table,) = (t for t in found["tables"] if t["plan"] == "multi_index")

    assert sum(chunk["radius"] + 1 for chunk in table["chunks"]) > table["threshold"]
    assert (table["values"], table["sets"]) == (MANY, {"large": MANY})
    assert 0 < table["candidates"] < MANY
    assert table["skew"] == pytest.approx(1, abs=0.2)
    assert 1 < table["largest_bucket"] < 100
    assert table["index_bytes"] > 4 * MANY * len(table["chunks"])


def test_removed_and_suppressed_entries_are_counted(
    terminal: Terminal, state: Path
) -> None:
    """Entries out of force still take space, which is shown."""
    suppress = ("off", "small", "a", "--why", "a logo")
    terminal.run("hashset", *suppress)
    # The command would write a new base.
    with ReferenceDirectory(state / REFERENCE_DIRECTORY).writer() as writer:
        writer.remove_set("large")
    found = stats(terminal)

    assert found["base"]["hidden_entries"] == MANY
    assert found["overlay"]["suppressed"] == 1
    assert {item["set"] for item in found["sets"]} == {"small"}


def test_people_read_tables(terminal: Terminal) -> None:
    """People see the chunks in words, and the total cost of a query."""
    terminal.read()
    code = terminal.run("hashset", "list", "--stats")
    out = terminal.read().out

    assert code == 0
    assert f"{MANY + 1:,} entries" in out
    assert " bit, r " in out
    assert "one query, in every table, µs: pdq " in out


def test_empty_reference_set_has_no_tables(terminal: Terminal, tmp_path: Path) -> None:
    """An empty reference set is not an error."""
    arguments = ("--state", str(tmp_path / "empty"))
    terminal.run("init", *arguments)
    terminal.read()
    codes = [
        terminal.run("hashset", "list", "--stats", *arguments),
        terminal.run("hashset", "list", "--stats", "--json", *arguments),
    ]
    found = json.loads(terminal.read().out.splitlines()[-1])

    assert codes == [0, 0]
    assert (found["sets"], found["tables"], found["query_us"]) == ([], [], {})
