"""Missing parts of a log are named, and called damage if the chain proves it."""

from datetime import date
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

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
    upload_paths,
    write_log,
)
from uploadfilter.decisions.files.gaps import Gap
from uploadfilter.decisions.files.log import DecisionLog
from uploadfilter.decisions.files.reading import read
from uploadfilter.decisions.files.retention import prune
from uploadfilter.decisions.files.verify import verify
from uploadfilter.decisions.records.chain import Draft, Tail
from uploadfilter.decisions.records.records import SegmentRecord, decode, encode
from uploadfilter.decisions.records.sequence import LogFault


def continue_log(directory: Path, *days: float) -> None:
    """Open a log on days after noon of 2026-11-25, and record an upload on each."""
    for day in days:
        now = NOON + day * DAY_S
        with DecisionLog.open(
            directory, instance="main", clock=Clock(now), sync=unsynced
        ) as log:
            log.append(decision(f"day {day}", now=now)).result()


def test_deleted_beginning_is_found(tmp_path: Path) -> None:
    """Nine of twelve days are gone, two of them with matches to be kept for a year."""
    judgements = [REJECTED if day in (1, 4) else REFUSED for day in range(12)]
    write_log(tmp_path, [[decision("a", judgement)] for judgement in judgements])
    for path in upload_paths(tmp_path)[:9]:
        path.unlink()

    report = verify(tmp_path)

    assert not report.ok
    assert {item.problem for item in report.findings} == {LogFault.MISSING}
    assert sum(item.gap.matches for item in report.gaps) == 2
    assert all(item.why for item in report.gaps)


def test_deleted_beginning_with_all_that_lasts_is_found(tmp_path: Path) -> None:
    """The next head shows that the oldest files of every kind were deleted."""
    write_log(tmp_path, [[decision("a", REJECTED)] for _ in range(12)])
    last = segment_paths(tmp_path)[-1]
    for path in segment_paths(tmp_path)[:-1]:
        path.unlink()

    report = verify(tmp_path)

    (finding,) = report.findings
    assert (finding.problem, finding.first) == (LogFault.MISSING, 1)
    assert finding.place.segment == last.name
    assert finding.why == "11 of the files were never to go, with 11 matches"
    (judged,) = report.gaps
    assert judged.gap.is_start
    assert (judged.gap.matches, judged.gap.until) == (11, date(2026, 12, 6))


@given(
    matches=st.lists(st.booleans(), min_size=3, max_size=7),
    last_day=st.sampled_from([10, 33, 35, 100, 368, 400]),
    data=st.data(),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
def test_every_file_is_missed_that_was_to_stay(
    tmp_path_factory: pytest.TempPathFactory,
    matches: list[bool],
    last_day: int,
    data: st.DataObject,
) -> None:
    """Whichever files are gone beside those of retention, except the newest: damage."""
    directory = tmp_path_factory.mktemp("log")
    write_log(
        directory,
        [[decision("a", REJECTED if has else REFUSED)] for has in matches],
    )
    continue_log(directory, last_day, last_day + 1)
    prune(directory, now=NOON + (last_day + 1) * DAY_S)
    assert verify(directory).ok

    older = segment_paths(directory)[:-1]
    gone = data.draw(st.lists(st.sampled_from(older), min_size=1, unique=True))
    for path in gone:
        path.unlink()

    assert not verify(directory).ok


def test_clock_that_was_ahead_excuses_nothing(tmp_path: Path) -> None:
    """Setting the clock ahead for a deletion, and back again, is noticed."""
    write_log(tmp_path, [[decision("a")], [decision("b")]])
    continue_log(tmp_path, 1000, 1001)
    assert prune(tmp_path, now=NOON + 1001 * DAY_S)
    assert verify(tmp_path).ok
    continue_log(tmp_path, 3, 4)

    report = verify(tmp_path)

    assert not report.ok
    assert report.step_back is not None
    assert report.step_back.before.date() == date(2029, 8, 22)
    assert report.step_back.time.date() == date(2026, 11, 28)


def test_renamed_newest_file_excuses_nothing(tmp_path: Path) -> None:
    """A name may say any day; the head of the file says when it was begun."""
    write_log(tmp_path, [[decision("a")], [decision("b")]])
    upload_paths(tmp_path)[0].unlink()
    newest = segment_paths(tmp_path)[-1]
    newest.rename(newest.with_name(newest.name.replace("-2026", "-2036")))

    assert not verify(tmp_path).ok


def test_log_of_another_proxy_is_found(tmp_path: Path) -> None:
    """A directory that holds the log of another instance is not the log asked for."""
    write_log(tmp_path, [[decision("a")]])

    (finding,) = verify(tmp_path, instance="other").findings

    assert finding.problem is LogFault.FOREIGN
    assert finding.why == "it is the log of 'main'"
    assert verify(tmp_path, instance="main").ok


def test_head_that_counts_wrongly_is_found(tmp_path: Path) -> None:
    """A head whose numbers are not those of the records before it is damage."""
    write_log(tmp_path, [[decision("a", REJECTED)], [decision("b")]])
    tail = Tail()
    for path in segment_paths(tmp_path):
        draft = Draft(tail)
        for line in path.read_bytes().splitlines():
            record = decode(line)
            if isinstance(record, SegmentRecord):
                record = replace(record, matches=0)
            draft.add(record)
        path.write_bytes(draft.data())
        draft.commit()

    problems = {item.problem for item in verify(tmp_path).findings}

    assert problems == {LogFault.MISCOUNTED}


def test_gap_says_what_was_in_it(tmp_path: Path) -> None:
    """Records, days and matches of the missing part are named."""
    write_log(
        tmp_path,
        [
            [decision("a", ACCEPTED), outcome("a")],
            [decision("b", REJECTED)],
            [decision("c")],
        ],
    )
    upload_paths(tmp_path)[1].unlink()

    (judged,) = verify(tmp_path).gaps

    day = date(2026, 11, 26)
    assert judged.gap == Gap(
        first=3,
        last=3,
        first_record=6,
        last_record=7,
        since=day,
        until=day,
        matches=1,
    )


def test_head_without_a_predecessor_says_nothing(tmp_path: Path) -> None:
    """A first file that begins in the middle without naming its place is damage."""
    head = SegmentRecord(
        seq=7,
        time=next(iter(read_first(tmp_path))).time,
        instance="main",
        number=3,
        predecessor=None,
        matches=0,
        awaiting=(),
    )
    directory = tmp_path / "log"
    directory.mkdir()
    (directory / "00000003-20261125.jsonl").write_bytes(encode(head) + b"\n")

    (finding,) = verify(directory).findings

    assert (finding.problem, finding.first, finding.last) == (LogFault.MISSING, 1, 6)


def read_first(directory: Path) -> list[SegmentRecord]:
    """Return the head of a new log."""
    write_log(directory / "new", [[]])
    return [it for it in read(directory / "new") if isinstance(it, SegmentRecord)]
