"""Switching an entry off for a while, and on again."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.cli.running import json_lines, run

MD5 = "568b72d9fa3101692a4928a5a1ef8d84"
SUPPRESS = ("hashset", "suppress", "unit7", "a", "--reason", "stock picture")


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a state directory with one entry, ``a`` in ``unit7``."""
    path = tmp_path / "state"
    monkeypatch.setenv("UPLOADFILTER_STATE_DIR", str(path))
    hash_set = tmp_path / "unit7.jsonl"
    hash_set.write_text(json.dumps({"id": "a", "category": "1", "md5": MD5}))
    arguments = (str(hash_set), "--name", "unit7", "--category", "1")
    run(monkeypatch, "hashset", "import", *arguments)
    return path


def printed(capfd: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """Return the last JSON object that was printed."""
    return json_lines(capfd.readouterr().out)[-1]


def length(suppression: dict[str, Any]) -> timedelta:
    """Return how long a suppression holds."""
    ends = datetime.fromisoformat(suppression["expires_at"])
    return ends - datetime.fromisoformat(suppression["since"])


def is_found(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> bool:
    """Return whether a look-up finds the entry."""
    capfd.readouterr()
    run(monkeypatch, "lookup", "md5", MD5, "--json")
    return bool(printed(capfd)["matches"])


def test_suppressed_entry_is_not_found_until_it_is_lifted(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """A suppression takes effect at once, and so does its end."""
    run(monkeypatch, *SUPPRESS)
    suppressed = is_found(monkeypatch, capfd)
    run(monkeypatch, "hashset", "unsuppress", "unit7", "a")
    said = capfd.readouterr().err

    assert not suppressed
    assert "unit7/a is in force again; generation 4" in said
    assert is_found(monkeypatch, capfd)


def test_suppression_ends_after_three_days(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Without another wish it holds for 72 hours, in the name of the account."""
    code = run(monkeypatch, *SUPPRESS, "--json")
    done = printed(capfd)

    assert code == 0
    assert length(done) == timedelta(hours=72)
    assert done["by"]
    assert (done["set"], done["entry"], done["reason"], done["generation"]) == (
        "unit7",
        "a",
        "stock picture",
        3,
    )


def test_suppression_lasts_as_asked(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """--for gives the length, --until the end, --by the name."""
    run(monkeypatch, *SUPPRESS, "--for", "90m", "--by", "j.doe", "--json")
    short = printed(capfd)
    today = datetime.fromisoformat(short["since"])
    until = today + timedelta(days=9)
    run(monkeypatch, *SUPPRESS, "--until", f"{until:%Y-%m-%d}", "--json")
    long = printed(capfd)

    assert length(short) == timedelta(minutes=90)
    assert short["by"] == "j.doe"
    assert datetime.fromisoformat(long["expires_at"]) == datetime(
        until.year, until.month, until.day, tzinfo=UTC
    )


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(("--for", "1d", "--until", "2999-01-01"), id="both"),
        pytest.param(("--for", "long"), id="no-length"),
        pytest.param(("--for", "99999999999w"), id="beyond-time"),
        pytest.param(("--for", "0s"), id="none"),
        pytest.param(("--for", "31d"), id="too-long"),
        pytest.param(("--until", "7d"), id="age"),
        pytest.param(("--until", "2001-01-01"), id="past"),
        pytest.param(("--by", "me@example.org"), id="address"),
        pytest.param(("--by", ""), id="nobody"),
        pytest.param(("--reason", ""), id="no-reason"),
        pytest.param(("--reason", "two\nlines"), id="two-lines"),
    ],
)
def test_bad_suppression_is_refused(
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
) -> None:
    """A suppression that is invalid, or has no end, changes nothing."""
    code = run(monkeypatch, *SUPPRESS, *arguments)

    assert code == 2
    assert capfd.readouterr().err
    assert is_found(monkeypatch, capfd)


@pytest.mark.parametrize(
    "words",
    [
        ("suppress", "unit7", "b", "--reason", "x"),
        ("suppress", "unit8", "a", "--reason", "x"),
        ("unsuppress", "unit7", "a"),
        ("suppress", "unit7", "a"),
    ],
)
def test_what_is_not_there_is_refused(
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    words: tuple[str, ...],
) -> None:
    """An unknown set or entry, one that is in force, or no reason: exit code 2."""
    capfd.readouterr()
    code = run(monkeypatch, "hashset", *words)

    assert code == 2
    assert capfd.readouterr().err


def test_suppressions_are_listed(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """The list names reason, user and end."""
    run(monkeypatch, *SUPPRESS, "--by", "jd")
    capfd.readouterr()
    run(monkeypatch, "hashset", "suppressions")
    table = capfd.readouterr().out.splitlines()
    run(monkeypatch, "hashset", "suppressions", "--json")
    (item,) = printed(capfd)["suppressions"]
    run(monkeypatch, "hashset", "unsuppress", "unit7", "a", "--json")
    lifted = printed(capfd)

    assert len(table) == 2
    assert table[1].split()[:2] == ["unit7", "a"]
    assert table[1].split()[-3:] == ["jd", "stock", "picture"]
    assert item.items() <= lifted.items()
    assert lifted["generation"] == 4


def test_people_read_until_when(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """The message names the entry and the end."""
    capfd.readouterr()
    run(monkeypatch, *SUPPRESS)

    assert "suppressed unit7/a until " in capfd.readouterr().err
