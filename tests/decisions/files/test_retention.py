"""The times of deletions, and the verification of a log with such gaps."""

from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.decisions.logs import (
    DAY_S,
    NOON,
    REFUSED,
    REJECTED,
    Clock,
    decision,
    unsynced,
    upload_segments,
    write_log,
)
from uploadfilter.decisions.files.gaps import Gap
from uploadfilter.decisions.files.log import DecisionLog
from uploadfilter.decisions.files.retention import prune
from uploadfilter.decisions.files.segments import segments
from uploadfilter.decisions.files.settings import LogSettings
from uploadfilter.decisions.files.verify import CheckpointState, verify
from uploadfilter.decisions.records.lasting import Retention
from uploadfilter.decisions.records.records import Checkpoint
from uploadfilter.decisions.records.sequence import LogFault
from uploadfilter.errors import LogCorruptError

MATCH, NONE = REJECTED, REFUSED


def log_with(directory: Path, matches: Sequence[bool], *, last_day: int) -> float:
    """Write uploads on the days from day 0 on, and nothing on two later days."""
    write_log(
        directory,
        [[decision(f"{i}", MATCH if has else NONE)] for i, has in enumerate(matches)],
    )
    now = NOON + last_day * DAY_S
    for clock in (Clock(now - DAY_S), Clock(now)):
        with DecisionLog.open(directory, instance="main", clock=clock, sync=unsynced):
            pass
    return now


def numbers(directory: Path) -> list[int]:
    """Return the numbers of the segments that are there."""
    return [segment.number for segment in segments(directory)]


def days_of_uploads(directory: Path) -> list[int]:
    """Return the days, from day 0, that have segments with uploads."""
    first = date(2026, 11, 25)
    return [(segment.day - first).days for segment in upload_segments(directory)]


@pytest.mark.parametrize(
    ("last_day", "kept"),
    [
        pytest.param(30, [0, 1, 2, 3], id="not-yet"),
        pytest.param(31, [1, 2, 3], id="first-is-over"),
        pytest.param(32, [1, 2, 3], id="second-has-a-match"),
        pytest.param(33, [1, 3], id="third-is-over"),
        pytest.param(366, [1], id="a-year-later"),
        pytest.param(367, [], id="match-is-over"),
    ],
)
def test_segments_go_when_their_time_is_over(
    tmp_path: Path, last_day: int, kept: list[int]
) -> None:
    """30 days without a match and 365 with one, whole segments, never the newest."""
    now = log_with(tmp_path, [False, True, False, False], last_day=last_day)

    deleted = prune(tmp_path, now=now)

    assert days_of_uploads(tmp_path) == kept
    assert len(deleted) == 4 - len(kept)
    assert verify(tmp_path).ok


def test_gap_of_retention_is_told(tmp_path: Path) -> None:
    """The report names the missing period, and says that no match is missing."""
    now = log_with(tmp_path, [True, False, False, True], last_day=100)
    prune(tmp_path, now=now)

    report = verify(tmp_path)

    assert report.ok
    assert [item.gap for item in report.gaps] == [
        Gap(
            first=number,
            last=number,
            first_record=record,
            last_record=record + 1,
            since=day,
            until=day,
            matches=0,
        )
        for number, record, day in (
            (3, 5, date(2026, 11, 26)),
            (5, 9, date(2026, 11, 27)),
        )
    ]


def test_missing_match_is_found_in_a_gap(tmp_path: Path) -> None:
    """The chain counts matches: a deleted one is missed though its gap is old."""
    log_with(tmp_path, [True, True, True], last_day=100)
    (tmp_path / upload_segments(tmp_path)[1].name).unlink()

    (finding,) = verify(tmp_path).findings

    assert finding.problem is LogFault.MISSING
    assert (finding.first, finding.last) == (5, 6)
    assert finding.why == "1 match to be kept for 365 days"


def test_log_says_itself_how_long_it_is_kept(tmp_path: Path) -> None:
    """A longer retention need not be named again for a check."""
    longer = LogSettings(days_without_match=60)
    write_log(tmp_path, [[decision("a")], [decision("b")], []], settings=longer)
    late = NOON + 40 * DAY_S
    write_log(tmp_path, [[], []], start=late, settings=longer)

    assert prune(tmp_path, now=late + DAY_S, retention=longer.retention) == ()
    # Somebody helps: by the usual rule it was time.
    (tmp_path / upload_segments(tmp_path)[0].name).unlink()
    (finding,) = verify(tmp_path).findings
    assert finding.why == "the last of the files was to be kept until 2027-01-24"


def test_shorter_retention_of_before_is_remembered(tmp_path: Path) -> None:
    """A valid deletion stays valid if retention becomes longer later."""
    now = log_with(tmp_path, [False, False], last_day=50)
    assert prune(tmp_path, now=now)
    write_log(tmp_path, [[]], start=now, settings=LogSettings(days_without_match=90))

    assert verify(tmp_path).ok


@pytest.mark.parametrize(
    ("keep", "word"),
    [
        ({"days_without_match": 29}, "objects"),
        ({"days_with_match": 364}, "pilot"),
        ({"days_without_match": 400}, "less than"),
        ({"days_with_match": 100_000}, "at most"),
        ({"compress_after_s": -1}, "compress_after_s"),
    ],
)
def test_promised_time_cannot_be_cut(keep: dict[str, Any], word: str) -> None:
    """An operator may keep more, and is told why not less."""
    with pytest.raises(ValueError, match=word):
        LogSettings(**keep)


def test_newest_segment_stays(tmp_path: Path) -> None:
    """The writer's own segment is never touched, however old it is."""
    write_log(tmp_path, [[decision("a")]])

    assert prune(tmp_path, now=NOON + 1000 * DAY_S) == ()
    assert numbers(tmp_path) == [1]


def test_clock_ahead_of_the_log_deletes_nothing_more(tmp_path: Path) -> None:
    """The log's own newest day counts: `verify` has no other clock."""
    now = log_with(tmp_path, [False, False], last_day=10)

    assert prune(tmp_path, now=now + 3650 * DAY_S) == ()


def test_leap_of_the_clock_is_not_believed_at_once(tmp_path: Path) -> None:
    """A clock that is set years ahead deletes nothing before its second day."""
    write_log(tmp_path, [[decision("a", NONE)], [decision("b", NONE)]])
    leapt = NOON + 3650 * DAY_S
    with DecisionLog.open(tmp_path, instance="main", clock=Clock(leapt), sync=unsynced):
        pass

    assert prune(tmp_path, now=leapt) == ()


def test_empty_directory_has_nothing_to_delete(tmp_path: Path) -> None:
    """A log that has not begun is not an error."""
    assert prune(tmp_path, now=NOON) == ()


def test_torn_end_goes_with_its_segment(tmp_path: Path) -> None:
    """Files that a crash left are deleted with their segment."""
    now = log_with(tmp_path, [False, False], last_day=100)
    torn = tmp_path / f"{segments(tmp_path)[0].name}.torn"
    torn.write_text("x")

    orphan = tmp_path / "00000009-20261125.jsonl.torn"
    orphan.write_text("x")
    young = tmp_path / f"{segments(tmp_path)[-1].name}.torn"
    young.write_text("x")

    prune(tmp_path, now=now)

    assert not torn.exists()
    assert not orphan.exists()
    assert young.exists()


def test_unreadable_head_stops_the_deletion(tmp_path: Path) -> None:
    """Nothing is deleted from a log that is damaged: it is evidence."""
    now = log_with(tmp_path, [False, False], last_day=100)
    (tmp_path / upload_segments(tmp_path)[1].name).write_text("x\n")

    with pytest.raises(LogCorruptError):
        prune(tmp_path, now=now)
    assert len(numbers(tmp_path)) == 5


def test_checkpoint_from_before_the_oldest_segment_is_too_old(tmp_path: Path) -> None:
    """It can no longer be checked, which is reported and is not damage."""
    now = log_with(tmp_path, [False, False], last_day=100)
    prune(tmp_path, now=now)

    report = verify(tmp_path, checkpoint=Checkpoint(1, "0" * 64))

    assert report.checkpoint is CheckpointState.TOO_OLD
    assert report.ok


def test_checkpoint_at_the_end_of_a_deleted_segment_is_confirmed(
    tmp_path: Path,
) -> None:
    """The head after it names the same hash."""
    write_log(tmp_path, [[decision("a")]])
    end = verify(tmp_path).end
    with DecisionLog.open(
        tmp_path, instance="main", clock=Clock(NOON + 70 * DAY_S), sync=unsynced
    ):
        pass
    with DecisionLog.open(
        tmp_path, instance="main", clock=Clock(NOON + 99 * DAY_S), sync=unsynced
    ):
        pass
    prune(tmp_path, now=NOON + 99 * DAY_S)

    assert numbers(tmp_path) == [2, 3]
    assert verify(tmp_path, checkpoint=end).checkpoint is CheckpointState.CONFIRMED


def test_log_can_be_pruned_while_it_is_written(tmp_path: Path) -> None:
    """Deleting old segments does not disturb the writer."""
    now = log_with(tmp_path, [False, False], last_day=100)
    with DecisionLog.open(
        tmp_path, instance="main", clock=Clock(now), sync=unsynced
    ) as log:
        prune(tmp_path, now=now)
        log.append(decision("b")).result()

    assert days_of_uploads(tmp_path) == [100]
    assert verify(tmp_path).ok


@given(matches=st.lists(st.booleans(), max_size=8), last_day=st.integers(10, 400))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
def test_pruned_log_verifies(
    tmp_path_factory: pytest.TempPathFactory, matches: list[bool], last_day: int
) -> None:
    """Whatever retention deletes, `verify` finds nothing wrong, and twice is once."""
    directory = tmp_path_factory.mktemp("log")
    now = log_with(directory, matches, last_day=last_day)

    prune(directory, now=now)

    assert prune(directory, now=now) == ()
    assert verify(directory).ok


@pytest.mark.parametrize(
    ("days", "has_match", "is_over"),
    [(30, False, False), (31, False, True), (365, True, False), (366, True, True)],
)
def test_kept_days_are_whole(days: int, has_match: bool, is_over: bool) -> None:
    """A record of the last minute of a day is kept as long as promised, too."""
    day = date(2026, 11, 25)
    today = day + timedelta(days=days)

    assert Retention().is_over(day, today=today, has_match=has_match) is is_over
