"""Reading the log: filters, and following it as it grows."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from tests.decisions.logs import (
    ACCEPTED,
    DAY_S,
    NOON,
    REFUSED,
    REJECTED,
    Clock,
    decision,
    outcome,
    segment_paths,
    unsynced,
    write_log,
)
from uploadfilter.decisions.files.log import DecisionLog
from uploadfilter.decisions.files.reading import Filters, follow, read
from uploadfilter.decisions.files.settings import LogSettings
from uploadfilter.decisions.records.records import (
    LINE_LIMIT,
    DecisionRecord,
    OutcomeRecord,
    Record,
    moment,
)
from uploadfilter.errors import LogCorruptError, LogError
from uploadfilter.model import Action, Verdict


def names(records: list[Record]) -> list[str]:
    """Return the fields that distinguish records."""
    found = []
    for record in records:
        match record:
            case DecisionRecord():
                found.append(record.id)
            case OutcomeRecord():
                found.append(f"{record.decision}:{record.outcome}")
            case _:
                found.append(type(record).__name__)
    return found


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Return a log of two days."""
    write_log(
        tmp_path,
        [
            [decision("a", ACCEPTED), outcome("a"), decision("b", REJECTED)],
            [decision("c", REFUSED, now=NOON + DAY_S)],
        ],
    )
    return tmp_path


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        pytest.param(Filters(kind="decision"), ["a", "b", "c"], id="kind"),
        pytest.param(Filters(kind="segment"), ["SegmentRecord"] * 3, id="heads"),
        pytest.param(Filters(id="a"), ["a", "a:201"], id="id"),
        pytest.param(Filters(verdict=Verdict.MATCH), ["b"], id="verdict"),
        pytest.param(Filters(action=Action.REJECT), ["b", "c"], id="action"),
        pytest.param(Filters(set="demo"), ["b"], id="set"),
        pytest.param(Filters(set="other"), [], id="other-set"),
        pytest.param(
            Filters(since=moment(NOON + DAY_S)),
            ["SegmentRecord", "TotalRecord", "SegmentRecord", "c"],
            id="since",
        ),
        pytest.param(
            Filters(until=moment(NOON), kind="decision"), [], id="until-is-exclusive"
        ),
        pytest.param(
            Filters(
                since=moment(NOON),
                until=moment(NOON) + timedelta(seconds=1),
                kind="decision",
            ),
            ["a", "b"],
            id="since-is-inclusive",
        ),
        pytest.param(
            Filters(action=Action.REJECT, verdict=Verdict.MATCH, id="c"), [], id="all"
        ),
    ],
)
def test_filters(log: Path, filters: Filters, expected: list[str]) -> None:
    """A record is read if it passes every filter that is set."""
    assert names(list(read(log, filters=filters))) == expected


def test_everything_is_read_in_order(log: Path) -> None:
    """Without filters every record comes, oldest first."""
    assert [record.seq for record in read(log)] == [*range(1, 9)]


def test_unfinished_line_is_not_read(log: Path) -> None:
    """A record that is being written is left for later."""
    with segment_paths(log)[-1].open("ab") as file:
        file.write(b'{"record"')

    assert len(list(read(log))) == 8


def test_damaged_line_is_an_error_with_its_place(log: Path) -> None:
    """Nothing is shown as if it were whole."""
    segment_paths(log)[0].write_bytes(b"x\n")

    with pytest.raises(LogCorruptError, match=r"00000001-20261125\.jsonl', the line"):
        list(read(log))


def test_overlong_line_is_an_error(log: Path) -> None:
    """An invalid line is not skipped in silence."""
    with segment_paths(log)[-1].open("ab") as file:
        file.write(b"x" * (LINE_LIMIT + 1))

    with pytest.raises(LogCorruptError):
        list(read(log))


def test_missing_log_is_an_error(tmp_path: Path) -> None:
    """A mistyped path must not look like an empty log."""
    with pytest.raises(LogError, match="cannot read the decision log"):
        list(read(tmp_path / "none"))


class Script:
    """The events while a follower waits: one step at a time, then it stops."""

    def __init__(self, *steps: Callable[[], object]) -> None:
        self._steps = list(steps)

    def wait(self) -> bool:
        """Do the next step; false if there is none."""
        if not self._steps:
            return False
        self._steps.pop(0)()
        return True


def test_follow_reads_what_is_there_and_then_what_comes(tmp_path: Path) -> None:
    """Each record comes once, in order, across size and day rotations."""
    clock = Clock()

    def append(count: int) -> None:
        for _ in range(count):
            writer.append(decision("d", now=clock.now)).result()

    def next_day() -> None:
        clock.now += DAY_S
        append(1)

    with DecisionLog.open(
        tmp_path,
        instance="main",
        clock=clock,
        settings=LogSettings(segment_bytes=2000),
        sync=unsynced,
    ) as writer:
        append(2)
        script = Script(
            lambda: append(1), lambda: None, lambda: append(9), next_day, next_day
        )
        found = list(follow(tmp_path, wait=script.wait))

    assert [record.seq for record in found] == list(range(1, len(found) + 1))
    assert names(found).count("d") == 14
    assert len(segment_paths(tmp_path)) > 3


def test_follow_waits_for_a_log_to_begin(tmp_path: Path) -> None:
    """Following may begin before there is a segment."""
    script = Script(lambda: write_log(tmp_path, [[decision("a")]]))

    assert names(list(follow(tmp_path, wait=script.wait))) == ["SegmentRecord", "a"]


def test_follow_waits_for_the_end_of_a_line(tmp_path: Path) -> None:
    """Half a line is not read until its other half is there."""
    write_log(tmp_path, [[decision("a"), decision("b")]])
    path = segment_paths(tmp_path)[0]
    content = path.read_bytes()
    path.write_bytes(content[:-20])
    script = Script(lambda: path.write_bytes(content))

    assert names(list(follow(tmp_path, wait=script.wait)))[1:] == ["a", "b"]


def test_follow_survives_a_write_that_is_taken_back(tmp_path: Path) -> None:
    """A record that a full disk took back is followed by the one in its place."""
    write_log(tmp_path, [[decision("a"), decision("b")]])
    path = segment_paths(tmp_path)[0]
    content = path.read_bytes()

    def take_back() -> None:
        path.write_bytes(content[: content.rindex(b"\n", 0, -1) + 1])

    def write_again() -> None:
        with DecisionLog.open(tmp_path, instance="main", clock=Clock()) as writer:
            writer.append(decision("c")).result()

    script = Script(take_back, lambda: None, write_again)

    found = names(list(follow(tmp_path, wait=script.wait)))

    assert found == ["SegmentRecord", "a", "b", "c"]


def test_follow_filters(log: Path) -> None:
    """Records that are not wanted are read over and not read again."""
    filters = Filters(verdict=Verdict.MATCH)

    assert names(list(follow(log, wait=Script().wait, filters=filters))) == ["b"]
