"""Records of the decision log as people and spreadsheets see them."""

import csv
import io
import os
import pty
import struct
import sys
import termios
from fcntl import ioctl
from pathlib import Path

import msgspec
import pytest

from tests.cli.log.decided import ACCEPTED, COUNTED, MATCH, NOON, REJECTED, decision
from tests.cli.running import Terminal, run
from uploadfilter.cli.log.showing import COLUMNS, cells
from uploadfilter.decisions.files.log import DecisionLog
from uploadfilter.decisions.records.records import OutcomeRecord, ShedRecord, moment
from uploadfilter.decisions.records.summaries import SummaryRecord
from uploadfilter.decisions.records.totals import DayCounts
from uploadfilter.model import Reason

COLUMNS_OF_A_TERMINAL = 80


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make a log of three uploads and an outcome."""
    monkeypatch.setenv("UPLOADFILTER_STATE_DIR", str(tmp_path))
    log = tmp_path / "instances/main/log"
    with DecisionLog.open(log, instance="main", clock=lambda: NOON) as decisions:
        for record in (
            decision(1, ACCEPTED),
            OutcomeRecord(
                time=moment(NOON), decision=f"20260310-{1:020x}", outcome=201
            ),
            decision(2, REJECTED, matches=(MATCH,)),
            decision(3, REJECTED, matches=(MATCH,) * 5),
        ):
            decisions.append(record).result(timeout=30)


def on_terminal(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> str:
    """Run a command whose standard output is a terminal; return what it shows."""
    ours, theirs = pty.openpty()
    ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 25, 80, 0, 0))
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.delenv("COLUMNS", raising=False)
    with os.fdopen(theirs, "w") as shown, monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", shown)
        run(patch, *arguments)
        shown.flush()
        text = os.read(ours, 1 << 16).decode()
    os.close(ours)
    return text.replace("\r\n", "\n")


def test_terminal_shows_decisions_first(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A row is a decision, ids are whole, and records that are left out are counted."""
    text = on_terminal(monkeypatch, "log", "show")
    said = terminal.read().err
    lines = text.splitlines()

    assert lines[0].split() == ["time", "decision", "effect", "why"]
    assert [n for n in (1, 2, 3) if f"20260310-{n:020x}" in text] == [1, 2, 3]
    assert "outcome" not in text
    assert "not shown (see --all): 1 segment, 1 outcome" in said
    assert max(map(len, lines)) <= COLUMNS_OF_A_TERMINAL


def test_terminal_shows_every_kind_on_request(monkeypatch: pytest.MonkeyPatch) -> None:
    """``--all``, ``--kind`` and ``--id`` ask for records that are no decisions."""
    one = f"20260310-{1:020x}"
    every = on_terminal(monkeypatch, "log", "show", "--all")
    outcomes = on_terminal(monkeypatch, "log", "show", "--kind", "outcome")
    upload = on_terminal(monkeypatch, "log", "show", "--id", one)

    assert all(kind in every for kind in ("segment", "outcome", "decision"))
    assert f"{one}: 201" in outcomes
    assert ["decision" in upload, "outcome" in upload] == [True, True]


def test_limit_counts_decisions(monkeypatch: pytest.MonkeyPatch) -> None:
    """The last two decisions come, whatever stands between and after them."""
    text = on_terminal(monkeypatch, "log", "show", "--limit", "2")

    assert [n for n in (1, 2, 3) if f"20260310-{n:020x}" in text] == [2, 3]


def test_csv_has_a_row_for_each_decision(terminal: Terminal) -> None:
    """A spreadsheet reads it; the heading names the columns."""
    code = terminal.run("log", "show", "--csv", "--action", "reject")
    rows = list(csv.DictReader(io.StringIO(terminal.read().out)))

    assert code == 0
    assert tuple(rows[0]) == COLUMNS
    assert [row["id"] for row in rows] == [f"20260310-{n:020x}" for n in (2, 3)]
    assert rows[0]["verdict"] == "MATCH"
    assert rows[0]["matches"] == "unit7/e1"
    assert rows[0]["time"] == "2026-03-10T14:00:00+00:00"


@pytest.mark.parametrize(
    "options", [("--json", "--csv"), ("--csv", "--kind", "shed")], ids=["two", "kind"]
)
def test_forms_that_contradict_each_other_are_refused(
    terminal: Terminal, options: tuple[str, ...]
) -> None:
    """Rather than to leave one of them out silently."""
    code = terminal.run("log", "show", *options)

    assert code == 2
    assert "--json" in terminal.read().err


def test_decision_in_words() -> None:
    """People read the decision, its reason, and the nearest matches."""
    _, kind, what = cells(decision(3, REJECTED, matches=(MATCH,) * 5))

    assert kind == "decision"
    assert "REJECT  MATCH unit7/e1 pdq 4 mirror" in what
    assert "and 2 more  0 contents, 1,000 bytes" in what


def test_what_would_be_done_is_said_where_it_is_not_what_the_policy_says() -> None:
    """A pilot sees that a picture of a monitored set would have been rejected."""
    _, _, counted = cells(decision(3, COUNTED, matches=(MATCH,)))
    _, _, rejected = cells(decision(3, REJECTED, matches=(MATCH,)))

    assert "ACCEPT  MATCH (would: REJECT)" in counted
    assert "would" not in rejected


def test_summary_in_words() -> None:
    """A table says how many uploads a client had refused, and why."""
    tally = DayCounts()
    for _ in range(3):
        tally.decided(
            msgspec.structs.replace(decision(1, ACCEPTED), reasons=(Reason.ABORTED,))
        )
    totals = tally.totals(moment(NOON).date())
    record = SummaryRecord(
        time=moment(NOON),
        client=None,
        prefix=None,
        since=moment(NOON),
        until=moment(NOON),
        uploads=totals.uploads,
        reasons=totals.reasons,
    )

    assert cells(record)[1:] == ("summary", "3 uploads refused: 3 aborted  3,000 bytes")


def test_shed_uploads_in_words() -> None:
    """Uploads that a limit turned away are counted, not listed."""
    record = ShedRecord(
        time=moment(NOON),
        minute=moment(NOON),
        client=None,
        reason=Reason.OVERLOADED,
        status=503,
        count=1200,
    )

    assert cells(record)[2] == "1,200 uploads answered 503, overloaded"
