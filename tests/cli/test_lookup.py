"""Looking signals up: one answer for each line, in order, and never one too few."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.cli.running import Terminal, json_lines
from uploadfilter.cli.lookup import (
    MOST_LINE_BYTES,
    READ_BYTES,
    asked_lines,
    parse,
    shown,
)
from uploadfilter.cli.lookup import LookupResult as LookupAnswer
from uploadfilter.doors.lookups import nearest
from uploadfilter.model import EntryState, SignalType
from uploadfilter.reference.search.matching import Candidate

MD5 = "568b72d9fa3101692a4928a5a1ef8d84"
PDQ = "87c450280c3a89932b1d2f7f6ac07f09e87e9f82dbfea8be763020edf0cc07f0"
PDQ_NEAR = PDQ[:-1] + "3"
PDQ_FAR = "".join(f"{15 - int(digit, 16):x}" for digit in PDQ)
PHASH = "c5d38a6b1f047e92"

ENTRIES = (
    {"id": "a", "category": "1", "md5": MD5, "pdq": PDQ, "phash": PHASH},
    {"id": "poor", "category": "1", "pdq": PDQ, "pdq_quality": 49},
    {"id": "exact", "category": "1", "pdq": PDQ, "md5": MD5, "exact_only": True},
    {
        "id": "squashed",
        "category": "2",
        "signals": [{"type": "pdq", "value": PDQ_NEAR, "geometry": "squash512"}],
    },
)


@pytest.fixture(autouse=True)
def state(tmp_path: Path, terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the state directory of this test, with four entries in one hash set."""
    path = tmp_path / "state"
    monkeypatch.setenv("UPLOADFILTER_STATE_DIR", str(path))
    hash_set = tmp_path / "unit7.jsonl"
    hash_set.write_text("".join(json.dumps(entry) + "\n" for entry in ENTRIES))
    categories = ("--category", "1", "--category", "2")
    terminal.run("hashset", "import", str(hash_set), "--name", "unit7", *categories)
    return path


def look_up(
    terminal: Terminal, *arguments: str, lines: str | None = None
) -> tuple[int, list[dict[str, Any]], str]:
    """Run ``lookup --json``; return the exit code, the answers and the messages."""
    terminal.read()
    code = terminal.run("lookup", *arguments, "--json", lines=lines)
    printed = terminal.read()
    return code, json_lines(printed.out), printed.err


def found(answer: dict[str, Any]) -> list[tuple[str, int]]:
    """Return entry and distance of each match."""
    return [(match["entry"], match["distance"]) for match in answer["matches"]]


def test_answer_has_the_shape_of_the_contract(terminal: Terminal) -> None:
    """One object with exactly the keys of the contract, in its order."""
    code, (answer,), _ = look_up(terminal, "phash", PHASH.upper())

    assert code == 1
    assert list(answer.items()) == [
        ("signal_type", "phash"),
        ("value", PHASH),
        ("generation", 2),
        (
            "matches",
            [
                {
                    "set": "unit7",
                    "entry": "a",
                    "category": "1",
                    "distance": 0,
                    "chance": None,
                }
            ],
        ),
    ]


def test_unknown_geometry_is_compared_with_every_one(terminal: Terminal) -> None:
    """PDQ finds entries of any geometry, but none of low quality or exact only."""
    _, (answer,), _ = look_up(terminal, "pdq", PDQ)

    assert found(answer) == [("a", 0), ("squashed", 2)]


def test_exact_values_are_found_by_equality(terminal: Terminal) -> None:
    """An entry that is matched exactly only is found by its digest."""
    _, (answer,), _ = look_up(terminal, "md5", MD5)

    assert found(answer) == [("a", 0), ("exact", 0)]


def test_nothing_found_ends_with_0(terminal: Terminal) -> None:
    """No match is an empty list and exit code 0."""
    code, (answer,), _ = look_up(terminal, "pdq", PDQ_FAR)

    assert (code, answer["matches"]) == (0, [])


@pytest.mark.parametrize(
    ("threshold", "expected"), [("0", ["a"]), ("1", ["a"]), ("2", ["a", "squashed"])]
)
def test_threshold_is_inclusive(
    terminal: Terminal, threshold: str, expected: list[str]
) -> None:
    """An entry as far away as the threshold is found, one bit further is not."""
    arguments = ("pdq", PDQ, "--threshold", threshold)
    _, (answer,), _ = look_up(terminal, *arguments)

    assert [entry for entry, _ in found(answer)] == expected


@pytest.mark.parametrize("dash", [(), ("-",)], ids=["nothing", "dash"])
def test_lines_are_answered_in_order(terminal: Terminal, dash: tuple[str, ...]) -> None:
    """Standard input is read line by line; blank lines and comments are not queries."""
    lines = f"# mine\npdq {PDQ_FAR}\n\n  MD5\t{MD5}  \r\nphash {PHASH}"
    code, answers, said = look_up(terminal, *dash, lines=lines)

    assert code == 1
    assert [answer["signal_type"] for answer in answers] == ["pdq", "md5", "phash"]
    assert [len(answer["matches"]) for answer in answers] == [0, 2, 1]
    assert said == ""


@pytest.mark.parametrize(
    ("line", "signal_type", "value"),
    [
        pytest.param("pdq abc", "pdq", "abc", id="odd"),
        pytest.param("pdq abcd", "pdq", "abcd", id="short"),
        pytest.param(f"md5 {'x' * 32}", "md5", "x" * 32, id="not-hex"),
        pytest.param("crc32 00000000", "crc32", "00000000", id="unknown-type"),
        pytest.param(f"{MD5}", MD5, None, id="one-word"),
        pytest.param(f"md5 {MD5} x", "md5", MD5, id="three-words"),
        pytest.param(f"md5{' ' * 2000}{MD5}", "md5", None, id="long"),
    ],
)
def test_bad_line_is_answered_with_null(
    terminal: Terminal, line: str, signal_type: str, value: str | None
) -> None:
    """A line that is not a query keeps its place, and the exit code reports it."""
    lines = f"pdq {PDQ_FAR}\n{line}\npdq {PDQ_FAR}\n"
    code, answers, said = look_up(terminal, lines=lines)

    assert code == 1
    assert [answer["matches"] for answer in answers] == [[], None, []]
    assert (answers[1]["signal_type"], answers[1]["value"]) == (signal_type, value)
    assert said.startswith("line 2: ")


def test_threshold_above_the_limit_of_a_line_is_told(terminal: Terminal) -> None:
    """A threshold that PDQ allows and pHash does not leaves only the latter out."""
    lines = f"pdq {PDQ_FAR}\nphash {PHASH}\nmd5 {'0' * 32}\n"
    arguments = ("--threshold", "31")
    code, answers, said = look_up(terminal, *arguments, lines=lines)

    assert code == 1
    assert [answer["matches"] for answer in answers] == [[], None, []]
    assert "12 at most, not 31" in said


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(("pdq",), id="no-value"),
        pytest.param(("pdq", PDQ, PDQ), id="two-values"),
        pytest.param(("pdq", PDQ[:-1]), id="odd"),
        pytest.param(("pdq", MD5), id="wrong-length"),
        pytest.param(("md5", "é" * 32), id="not-hex"),
        pytest.param(("crc32", MD5), id="unknown-type"),
        pytest.param(("pdq", PDQ, "--threshold", "49"), id="above-pdq"),
        pytest.param(("phash", PHASH, "--threshold", "13"), id="above-phash"),
        pytest.param(("pdq", PDQ, "--threshold", "-1"), id="below-zero"),
        pytest.param(("pdq", PDQ, "--threshold", "nan"), id="no-number"),
        pytest.param(("md5", MD5, "--threshold", "1"), id="exact"),
    ],
)
def test_bad_arguments_are_refused(
    terminal: Terminal, arguments: tuple[str, ...]
) -> None:
    """An invalid command line ends with 2, and prints no answer."""
    code, answers, said = look_up(terminal, *arguments)

    assert (code, answers) == (2, [])
    assert said


def test_missing_reference_set_is_an_error(terminal: Terminal, tmp_path: Path) -> None:
    """Without a reference set "nothing matched" would be a lie."""
    arguments = ("pdq", PDQ, "--state", str(tmp_path / "none"))
    code, answers, said = look_up(terminal, *arguments)

    assert (code, answers) == (2, [])
    assert "uploadfilter init" in said


def test_type_that_no_entry_has_is_told_once(terminal: Terminal) -> None:
    """A query for dHash in a reference set without dHash gets a warning."""
    lines = f"dhash {PHASH}\ndhash {PHASH}\n"
    code, answers, said = look_up(terminal, lines=lines)

    assert (code, len(answers)) == (0, 2)
    assert said == "no entry has a signal of type dhash\n"


def test_people_read_a_table(terminal: Terminal) -> None:
    """Without --json each match is a row, with the state of its entry."""
    terminal.read()
    terminal.run("lookup", "pdq", PDQ)
    terminal.run("lookup", "pdq", PDQ_FAR)
    out = terminal.read().out

    assert f"2 matches  pdq {PDQ}" in out
    heading, *rows = [line.split() for line in out.splitlines()[1:4]]
    assert heading == ["set", "entry", "category", "state", "distance", "by", "chance"]
    assert [row[:5] for row in rows] == [
        ["unit7", "a", "1", "monitored", "0"],
        ["unit7", "squashed", "2", "monitored", "2"],
    ]
    assert all(0 <= float(row[5]) < 1e-6 for row in rows)
    assert f"no match  pdq {PDQ_FAR}" in out


def test_line_that_is_no_query_is_harmless_on_a_terminal() -> None:
    """Characters that control a terminal are escaped."""
    asked = parse("\x1b[2J", "00", threshold=None)
    (line,) = shown(LookupAnswer(asked=asked, generation=1, matches=None))

    assert str(line) == r"not looked up  \x1b[2J 00"


def test_a_line_is_answered_before_the_next_is_written(state: Path) -> None:
    """A program that writes one line and waits gets its answer."""
    with subprocess.Popen(
        [sys.executable, "-m", "uploadfilter", "lookup", "--json"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "UPLOADFILTER_STATE_DIR": str(state)},
    ) as running:
        assert running.stdin is not None
        assert running.stdout is not None
        answers = []
        for value in (PDQ, PDQ_FAR):
            running.stdin.write(f"pdq {value}\n".encode())
            running.stdin.flush()
            answers.append(json.loads(running.stdout.readline()))
        running.stdin.close()

    assert [len(answer["matches"]) for answer in answers] == [2, 0]


class Slowly:
    """A file that gives one byte at a time."""

    def __init__(self, data: bytes) -> None:
        self._data = io.BytesIO(data)

    def read1(self, size: int, /) -> bytes:
        """Return the next byte."""
        return self._data.read(min(1, size))


def test_lines_may_arrive_in_pieces() -> None:
    """However the input is cut, the lines are the same."""
    data = f"pdq {PDQ}\nmd5 {MD5}\n\nphash {PHASH}".encode()
    slowly = [item for batch in asked_lines(Slowly(data), None) for item in batch]
    at_once = [item for batch in asked_lines(io.BytesIO(data), None) for item in batch]

    assert slowly == at_once
    assert [item.value for item in slowly] == [PDQ, MD5, PHASH]


def test_endless_line_is_one_line() -> None:
    """A line without an end is cut, not held in memory; the lines after it are read."""
    endless = b"md5 " + b"0" * (3 * READ_BYTES) + b"\n"
    data = endless + f"md5 {MD5}\n".encode()
    asked = [item for batch in asked_lines(io.BytesIO(data), None) for item in batch]

    assert [item.query is None for item in asked] == [True, False]
    assert len(asked[0].value or "") <= MOST_LINE_BYTES


def test_nearest_signal_of_each_entry_is_kept() -> None:
    """An entry with several matching signals is one match, and the nearest is first."""

    def candidate(name: str, entry: str, distance: int) -> Candidate:
        return Candidate(
            set=name,
            entry=entry,
            category="1",
            state=EntryState.ACTIVE,
            distance=distance,
        )

    far, near, other = (
        candidate("a", "1", 9),
        candidate("a", "1", 3),
        candidate("b", "1", 5),
    )

    assert nearest([far, other, near]) == (near, other)


@pytest.mark.parametrize("signal_type", SignalType)
def test_every_type_can_be_looked_up(signal_type: SignalType) -> None:
    """A value of the right width is a query, whatever its type is."""
    value = "5a" * signal_type.width_bytes

    assert parse(signal_type.value, value, threshold=None).query is not None
