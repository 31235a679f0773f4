"""The commands about objections, reviewers and statements."""

import io
import json
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.cli.running import run
from tests.decisions.logs import REJECTED, decision, write_log
from tests.objecting.objections import EVIDENCE, NOON_S, decision_id, objection
from tests.objecting.test_statement import validator
from uploadfilter.objecting.keeping import FILE, ObjectionStore
from uploadfilter.objecting.keyfile import objection_directory
from uploadfilter.objecting.reviewers import FILE as ACCOUNTS
from uploadfilter.objecting.reviewers import Reviewers

ID = decision_id()


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """Return a state directory with one objection, and its record."""
    with ObjectionStore(objection_directory(tmp_path) / FILE) as store:
        store.receive(objection(instance=None, evidence=()), network="")
        store.place(objection())
    records = [decision(decision_id(at), REJECTED) for at in range(1, 4)]
    odd = replace(decision(decision_id(9)), status=400)
    log = tmp_path / "instances" / "main" / "log"
    write_log(log, [[*records, odd]], start=NOON_S)
    return tmp_path


def test_objection_is_listed_and_decided(
    state: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """As on the page of reviewers, for those who have a shell only."""
    words = ("objection", "decide", ID)
    more = ("--by", "ab", "--state", str(state))
    assert run(monkeypatch, "objection", "list", "--json", "--state", str(state)) == 0
    listed = json.loads(capfd.readouterr().out)
    assert run(monkeypatch, *words, "nonsense", *more) == 2
    assert run(monkeypatch, *words, "withdrawn", *more) == 2
    assert run(monkeypatch, *words, "denied", *more, "--answer", "No.") == 0
    capfd.readouterr()
    assert run(monkeypatch, "objection", "show", ID, "--state", str(state)) == 0
    shown = json.loads(capfd.readouterr().out)

    assert listed["decision"] == ID
    assert listed["evidence"][0]["entry"] == EVIDENCE.entry
    assert (shown["state"], shown["reviewer"], shown["answer"]) == (
        "denied",
        "ab",
        "No.",
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("show", decision_id(7)), "nobody has objected"),
        (("show", "nonsense"), "not the number of a decision"),
        (("statement", decision_id(9)), "no record of a rejected upload"),
        (("statements", "--from", "x", "--to", "2026-11-28"), "is not a day"),
        (("remove-reviewer", "anna"), "no reviewer 'anna'"),
    ],
)
def test_mistakes_are_told(
    state: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    words: tuple[str, ...],
    message: str,
) -> None:
    """Each names the thing, and ends with 2."""
    assert run(monkeypatch, "objection", *words, "--state", str(state)) == 2
    assert message in capfd.readouterr().err


def test_reviewers_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """The password comes from stdin, and is not printed."""
    password = "correct horse battery"  # noqa: S105 - of a test
    more = ("--state", str(tmp_path))
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{password}\n"))
    assert run(monkeypatch, "objection", "add-reviewer", "anna", *more) == 0
    assert run(monkeypatch, "objection", "reviewers", *more) == 0
    said = capfd.readouterr()
    assert Reviewers(objection_directory(tmp_path) / ACCOUNTS).knows("anna", password)
    assert run(monkeypatch, "objection", "remove-reviewer", "anna", *more) == 0

    assert said.out == "anna\n"
    assert password not in said.out + said.err


def test_statements_of_a_period_are_valid(
    state: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """One for each rejection of content, in calls that the database takes."""
    period = ("--from", "2026-11-28", "--to", "2026-11-28")
    more = ("--state", str(state))
    assert run(monkeypatch, "objection", "statements", *period, *more) == 0
    calls = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    assert run(monkeypatch, "objection", "statement", ID, *more) == 0
    one = json.loads(capfd.readouterr().out)

    (call,) = calls
    assert [it["puid"] for it in call["statements"]] == [
        decision_id(at) for at in range(1, 4)
    ]
    assert call["statements"][0] == one
    for statement in call["statements"]:
        validator().validate(statement)
