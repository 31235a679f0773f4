"""Counts by day and in sums, for programs and for people."""

from pathlib import Path
from typing import Any

import pytest

from tests.cli.running import Terminal, json_lines
from tests.decisions.logs import (
    ACCEPTED,
    DAY_S,
    NOON,
    REFUSED,
    REJECTED,
    decision,
    outcome,
    write_log,
)
from tests.decisions.recount import lines_of
from uploadfilter.decisions.files.retention import prune


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return where the log of a state directory belongs."""
    monkeypatch.setenv("UPLOADFILTER_STATE_DIR", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "160")
    return tmp_path / "instances/main/log"


def write_days(directory: Path, count: int = 91) -> int:
    """Write a log of some days, a match on every tenth; return the uploads in it."""
    write_log(
        directory,
        [
            [
                decision("a", ACCEPTED),
                outcome("a"),
                decision("b"),
                *([decision("c", REJECTED)] if day % 10 == 0 else []),
            ]
            for day in range(count)
        ],
    )
    return sum(line["record"] == "decision" for line in lines_of(directory))


def totals(terminal: Terminal, *arguments: str) -> dict[str, Any]:
    """Return the command's output for programs."""
    assert terminal.run("log", "totals", "--json", *arguments) == 0
    (found,) = json_lines(terminal.read().out)
    return found


def uploads(found: list[dict[str, Any]]) -> int:
    """Add up uploads."""
    return sum(row["uploads"] for row in found)


def test_every_upload_is_counted_after_retention(
    directory: Path, terminal: Terminal
) -> None:
    """After 91 days a third of the records is left, and all of the numbers."""
    written = write_days(directory)
    prune(directory, now=NOON + 90 * DAY_S)
    left = sum(line["record"] == "decision" for line in lines_of(directory))
    found = totals(terminal)

    assert left < written / 2
    assert uploads(found["sum"]["uploads"]) == written == 192
    assert len(found["days"]) == 91
    assert [day["is_open"] for day in found["days"]] == [False] * 90 + [True]
    (match,) = found["sum"]["matches"]
    assert (match["set"], match["category"], match["uploads"]) == ("demo", "known", 10)


def test_show_says_which_days_are_gone(directory: Path, terminal: Terminal) -> None:
    """The remaining part cannot be mistaken for the whole."""
    write_days(directory, 45)
    prune(directory, now=NOON + 44 * DAY_S)
    terminal.run("log", "show", "--kind", "decision")
    whole = terminal.read().err
    terminal.run("log", "show", "--kind", "decision", "--since", "2026-12-20")
    recent = terminal.read().err

    assert "covers 2026-11-25 12:00 to 2027-01-08 12:00 (UTC), without" in whole
    assert "uploads of 2026-11-26 to 2026-12-04, 2026-12-06 to 2026-12-08" in whole
    assert "'uploadfilter log totals' has their numbers" in whole
    assert "covers 2026-12-20 00:00 to 2027-01-08 12:00 (UTC)\n" in recent


def test_days_are_a_table_with_a_sum(directory: Path, terminal: Terminal) -> None:
    """People read a row for each day, the one that is not over, and all together."""
    write_days(directory, 3)
    code = terminal.run("log", "totals")
    lines = [line.split() for line in terminal.read().out.splitlines()]

    assert code == 0
    assert lines[1][:5] == ["2026-11-25", "3", "1", "1", "1"]
    assert lines[3][:4] == ["2026-11-27", "so", "far", "2"]
    assert lines[4][:3] == ["in", "all", "7"]


@pytest.mark.parametrize(
    ("by", "counts"),
    [
        ("verdict", {"INCONCLUSIVE": 3, "NO_MATCH": 3, "MATCH": 1}),
        ("effect", {"REJECT": 4, "ACCEPT": 3}),
        ("would", {"REJECT": 4, "ACCEPT": 3}),
        ("set", {"demo": 1}),
        ("category", {"known": 1}),
        ("outcome", {"201": 3}),
        ("status", {"403": 4, "-": 3}),
        ("mode", {"ENFORCE": 7}),
        ("shed", {}),
    ],
)
def test_uploads_are_counted_by_one_thing(
    directory: Path, terminal: Terminal, by: str, counts: dict[str, int]
) -> None:
    """The most frequent comes first."""
    write_days(directory, 3)
    terminal.run("log", "totals", "--by", by)
    rows = [line.split() for line in terminal.read().out.splitlines()[1:]]

    assert {row[0]: int(row[1]) for row in rows} == counts


def test_days_can_be_chosen(directory: Path, terminal: Terminal) -> None:
    """The first day counts, the last one does not."""
    write_days(directory, 5)
    found = totals(terminal, "--since", "2026-11-26", "--until", "2026-11-28")

    assert [day["day"] for day in found["days"]] == ["2026-11-26", "2026-11-27"]


def test_empty_log_has_no_numbers(directory: Path, terminal: Terminal) -> None:
    """Silence could be taken for zeros."""
    directory.mkdir(parents=True)
    code = terminal.run("log", "totals")

    assert code == 0
    assert terminal.read().err == "nothing was counted in that time\n"


def test_presets_are_compared_by_the_log(directory: Path, terminal: Terminal) -> None:
    """Those uploads count that are younger than was said."""
    write_log(directory, [[decision("d", REFUSED)]], start=NOON)

    by = ("log", "totals", "--by", "preset", "--json")
    assert terminal.run(*by, "--since", "2026-11-25") == 0
    (found,) = json_lines(terminal.read().out)
    assert terminal.run(*by, "--since", "2100-01-01") == 1
    (none,) = json_lines(terminal.read().out)

    assert found["presets"]["balanced"]["reject"] == 1
    assert (found["uploads"], none["uploads"]) == (1, 0)
