"""Reading and checking the decision log from the command line."""

from pathlib import Path
from typing import get_args

import pytest

from tests.cli.log.decided import ACCEPTED, MATCH, NOON, REJECTED, decision
from tests.cli.running import Terminal, json_lines
from uploadfilter.cli.log.log import RecordKind, follow_log
from uploadfilter.cli.log.showing import RecordForm
from uploadfilter.decisions.files.log import DecisionLog
from uploadfilter.decisions.files.reading import EVERYTHING
from uploadfilter.decisions.records.records import OutcomeRecord, Record, moment


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a state directory with a log of three uploads."""
    monkeypatch.setenv("UPLOADFILTER_STATE_DIR", str(tmp_path))
    with DecisionLog.open(
        tmp_path / "instances/main/log", instance="main", clock=lambda: NOON
    ) as log:
        for record in (
            decision(1, ACCEPTED),
            OutcomeRecord(
                time=moment(NOON), decision=f"20260310-{1:020x}", outcome=201
            ),
            decision(2, REJECTED, matches=(MATCH,)),
            decision(3, REJECTED, matches=(MATCH,) * 5),
        ):
            log.append(record).result(timeout=30)
    return tmp_path


@pytest.mark.usefixtures("state")
@pytest.mark.parametrize(
    ("arguments", "numbers"),
    [
        pytest.param((), [1, 2, 3], id="all"),
        pytest.param(("--verdict", "match"), [2, 3], id="verdict"),
        pytest.param(("--action", "ACCEPT"), [1], id="action"),
        pytest.param(("--would", "reject"), [2, 3], id="would"),
        pytest.param(("--set", "unit7"), [2, 3], id="set"),
        pytest.param(("--set", "other"), [], id="other-set"),
        pytest.param(("--match", "within"), [2, 3], id="match"),
        pytest.param(("--match", "altered"), [], id="no-such-match"),
        pytest.param(("--since", "2026-03-10T14:00:00Z"), [2, 3], id="since"),
        pytest.param(("--until", "2026-03-10T14:00:00Z"), [1], id="until"),
        pytest.param(("--limit", "1"), [3], id="limit"),
        pytest.param(("--id", f"20260310-{2:020x}"), [2], id="id"),
    ],
)
def test_show_filters(
    terminal: Terminal, arguments: tuple[str, ...], numbers: list[int]
) -> None:
    """Each option leaves the decisions that it names, oldest first."""
    code = terminal.run("log", "show", "--records", "decision", *arguments)
    ids = [line["id"] for line in json_lines(terminal.read().out)]

    assert code == (0 if numbers else 1)
    assert ids == [f"20260310-{number:020x}" for number in numbers]


@pytest.mark.usefixtures("state")
def test_show_says_that_there_is_nothing_to_show(terminal: Terminal) -> None:
    """Silence could be taken for a failure; programs still get nothing."""
    code = terminal.run("log", "show", "--id", "20260310-0")
    said = terminal.read()

    assert (code, said.out) == (1, "")
    assert "no such record" in said.err


@pytest.mark.usefixtures("state")
def test_show_of_one_decision_has_its_outcome(terminal: Terminal) -> None:
    """The outcome of an upload stands below its decision."""
    terminal.run("log", "show", "--id", f"20260310-{1:020x}")
    kinds = [line["record"] for line in json_lines(terminal.read().out)]

    assert kinds == ["decision", "outcome"]


def test_shown_lines_are_those_of_the_log(terminal: Terminal, state: Path) -> None:
    """Off a terminal, records come out byte for byte as they were written."""
    terminal.run("log", "show")

    (path,) = (state / "instances/main/log").glob("*.jsonl")
    assert terminal.read().out == path.read_text()


def test_show_without_a_log_is_refused(terminal: Terminal, tmp_path: Path) -> None:
    """A mistyped state directory is an error, not an empty log."""
    code = terminal.run("log", "show", "--state", str(tmp_path / "x"))

    assert code == 2
    assert "cannot read the decision log" in terminal.read().err


@pytest.mark.usefixtures("state")
def test_show_refuses_what_is_no_moment(terminal: Terminal) -> None:
    """A mistyped time is wrong usage."""
    code = terminal.run("log", "show", "--since", "yesterday")

    assert code == 2
    assert "not a point in time" in terminal.read().err


def test_follow_goes_on_with_what_comes(terminal: Terminal, tmp_path: Path) -> None:
    """The last records come first, then each new one, once and in order."""
    directory = tmp_path / "log"
    with DecisionLog.open(directory, instance="main", clock=lambda: NOON) as log:
        for number in (1, 2, 3):
            log.append(decision(number, REJECTED)).result(timeout=30)
        news = iter((4, 5))

        def wait() -> bool:
            number = next(news, None)
            if number is not None:
                log.append(decision(number, REJECTED)).result(timeout=30)
            return number is not None

        follow_log(directory, EVERYTHING, backlog=2, form=RecordForm.JSON, wait=wait)
    ids = [line["id"] for line in json_lines(terminal.read().out)]

    assert ids == [f"20260310-{number:020x}" for number in (2, 3, 4, 5)]


@pytest.mark.usefixtures("state")
def test_id_of_a_summarised_upload_is_explained(terminal: Terminal) -> None:
    """For an upload without a record the output gives the possible reasons."""
    status = terminal.run("log", "show", "--id", f"20260310-{9:020x}")

    assert status == 1
    assert "--records summary" in terminal.read().err


def test_each_kind_of_record_can_be_asked_for() -> None:
    """``--records`` knows every record that a log holds."""
    kinds = {it.__struct_config__.tag for it in get_args(Record)}

    assert set(RecordKind) == kinds
