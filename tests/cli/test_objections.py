"""The commands about objections, and statements of reasons."""

import json
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.cli.running import Terminal
from tests.decisions.logs import REJECTED, decision, write_log
from tests.forms.objections import EVIDENCE, NOON_S, decision_id, objection
from tests.forms.schema import validator
from uploadfilter.forms.codes import objection_directory
from uploadfilter.forms.store import FILE, FormStore

ID = decision_id()


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """Return a state directory with one objection, and its record."""
    with FormStore(objection_directory(tmp_path) / FILE) as store:
        store.receive(objection())
    records = [decision(decision_id(at), REJECTED) for at in range(1, 4)]
    odd = replace(decision(decision_id(9)), status=400)
    log = tmp_path / "instances" / "main" / "log"
    write_log(log, [[*records, odd]], start=NOON_S)
    return tmp_path


def test_objection_is_listed_and_decided(state: Path, terminal: Terminal) -> None:
    """As on the page of reviewers, for those who have a shell only."""
    words = ("objection", "review", ID)
    more = ("--by", "ab", "--state", str(state))
    assert terminal.run("objection", "review", "--json", "--state", str(state)) == 0
    listed = json.loads(terminal.read().out)
    assert terminal.run(*words, "nonsense", *more) == 2
    assert terminal.run(*words, "received", *more) == 2
    assert terminal.run(*words, "reversed", *more, "--entry", "demo/x") == 2
    assert terminal.run(*words, "stands", *more, "--answer", "No.") == 0
    terminal.read()
    assert terminal.run("objection", "review", ID, "--state", str(state)) == 0
    shown = json.loads(terminal.read().out)

    assert listed["decision"] == ID
    assert listed["evidence"][0]["entry"] == EVIDENCE.entry
    assert (shown["state"], shown["reviewer"], shown["answer"]) == (
        "stands",
        "ab",
        "No.",
    )


def test_option_that_is_left_out_keeps_its_value(
    state: Path, terminal: Terminal
) -> None:
    """A second word of a reviewer erases none of the first."""
    words = ("objection", "review", ID)
    more = ("--by", "ab", "--state", str(state))
    assert terminal.run(*words, "stands", *more, "--answer", "No.") == 0
    assert terminal.run(*words, "stands", *more) == 2
    assert "decided so already" in terminal.read().err
    assert terminal.run(*words, "reversed", *more) == 0
    assert terminal.run(*words, "reversed", *more, "--answer", "Sorry.") == 0
    terminal.read()
    assert terminal.run(*words, "--state", str(state)) == 0
    assert json.loads(terminal.read().out)["answer"] == "Sorry."


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("review", decision_id(7)), "nobody has objected"),
        (("review", "nonsense"), "not the number of a decision"),
        (("review", ID, "stands"), "needs --by"),
        (("review", ID, "stands", "--by", "ab", "--decided"), "of the list"),
        (("review", ID, "--by", "ab"), "are of a decision"),
        (("review", "--answer", "No."), "are of a decision"),
        (("statement", decision_id(9)), "no record of a rejected upload"),
        (("statement", "--from", "x", "--to", "2026-11-28"), "is not a day"),
        (("statement",), "either an ID, or"),
        (("statement", "--from", "2026-11-28"), "either an ID, or"),
        (("statement", ID, "--to", "2026-11-28"), "either an ID, or"),
    ],
)
def test_mistakes_are_told(
    state: Path, terminal: Terminal, words: tuple[str, ...], message: str
) -> None:
    """Each names the thing, and ends with 2."""
    assert terminal.run("objection", *words, "--state", str(state)) == 2
    assert message in terminal.read().err


def test_statements_of_a_period_are_valid(state: Path, terminal: Terminal) -> None:
    """One for each rejection of content, in calls that the database takes."""
    period = ("--from", "2026-11-28", "--to", "2026-11-28")
    more = ("--state", str(state))
    assert terminal.run("objection", "statement", *period, *more) == 0
    calls = [json.loads(line) for line in terminal.read().out.splitlines()]
    assert terminal.run("objection", "statement", ID, *more) == 0
    one = json.loads(terminal.read().out)

    (call,) = calls
    assert [it["puid"] for it in call["statements"]] == [
        decision_id(at) for at in range(1, 4)
    ]
    assert call["statements"][0] == one
    for statement in call["statements"]:
        validator().validate(statement)
