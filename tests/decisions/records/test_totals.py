"""Totals by day: they count every record once, whatever happens to the log."""

import dataclasses
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.decisions.logs import (
    ACCEPTED,
    DAY_S,
    LISTED,
    NOON,
    REFUSED,
    REJECTED,
    Clock,
    decision,
    outcome,
    segment_paths,
    totals_of,
    unsynced,
)
from tests.decisions.records.refused import summary
from tests.decisions.recount import add_up, lines_of, recount
from uploadfilter.decisions.files.log import DecisionLog
from uploadfilter.decisions.files.reading import read
from uploadfilter.decisions.files.retention import prune
from uploadfilter.decisions.files.settings import LogSettings
from uploadfilter.decisions.files.verify import verify
from uploadfilter.decisions.records.chain import Draft, Tail
from uploadfilter.decisions.records.lasting import DayTotals, TotalRecord
from uploadfilter.decisions.records.making import match_records
from uploadfilter.decisions.records.records import (
    DecisionRecord,
    OutcomeRecord,
    ShedRecord,
    decode,
    encode,
    moment,
)
from uploadfilter.decisions.records.summaries import SummaryRecord
from uploadfilter.decisions.records.totals import (
    MOST_DAYS,
    MOST_ROWS,
    OTHERS,
    OpenDays,
)
from uploadfilter.model import Reason

Made = DecisionRecord | OutcomeRecord | ShedRecord | SummaryRecord


def shed(count: int = 3) -> ShedRecord:
    """Return uploads without a decision."""
    return ShedRecord(
        time=moment(NOON),
        minute=moment(NOON),
        client=None,
        reason=Reason.OVERLOADED,
        status=503,
        count=count,
    )


RECORDS: st.SearchStrategy[Made] = st.one_of(
    st.builds(
        lambda name, judgement, route, cpu_ms, size: replace(
            decision(name, judgement),
            route=route,
            cpu_ms=cpu_ms / 1000,
            size=size,
            reasons=(Reason.NOT_INSPECTED, Reason.TRUNCATED)[: size % 3],
        ),
        st.sampled_from("abc"),
        st.sampled_from([ACCEPTED, REJECTED, REFUSED]),
        st.sampled_from([None, "all", "photos"]),
        st.integers(0, 5_000_000),
        st.integers(0, 2**40),
    ),
    st.builds(outcome, st.sampled_from("abc"), st.sampled_from([201, 404, "aborted"])),
    st.builds(shed, st.integers(1, 9)),
    st.builds(summary, st.integers(1, 9), st.sampled_from(["all", "photos"])),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A proxy from its start to its end, by which something is lost, or nothing.

    Attributes:
        steps: Seconds by which the clock moves, and the records at that time.
        lost: Bytes that a crash takes from the end of the newest file.
    """

    steps: list[tuple[float, list[Made]]]
    lost: int


RUNS = st.lists(
    st.builds(
        Run,
        steps=st.lists(
            st.tuples(
                st.sampled_from([0.0, 1.0, 3600.0, DAY_S, 3 * DAY_S, -2 * DAY_S]),
                st.lists(RECORDS, max_size=3),
            ),
            max_size=4,
        ),
        lost=st.sampled_from([0, 0, 1, 40, 400, 4000]),
    ),
    min_size=1,
    max_size=4,
)


def carry_out(directory: Path, run: Run, clock: Clock) -> None:
    """Run a proxy and lose the end of its log."""
    with DecisionLog.open(
        directory,
        instance="main",
        clock=clock,
        settings=LogSettings(segment_bytes=2000),
        sync=unsynced,
    ) as log:
        for step, records in run.steps:
            clock.now += step
            now = moment(clock.now)
            for future in [log.append(replace(it, time=now)) for it in records]:
                future.result()
    newest = segment_paths(directory)[-1]
    content = newest.read_bytes()
    newest.write_bytes(content[: max(0, len(content) - run.lost)])


@given(runs=RUNS)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
def test_every_record_counts_once(
    tmp_path_factory: pytest.TempPathFactory, runs: list[Run]
) -> None:
    """Totals equal a slow recount, after restarts, crashes and set clocks."""
    directory = tmp_path_factory.mktemp("log")
    clock = Clock()
    for run in runs:
        carry_out(directory, run, clock)
    with DecisionLog.open(
        directory, instance="main", clock=clock, sync=unsynced
    ) as log:
        log.checkpoint().result()

    counted = recount(lines_of(directory))
    assert add_up(totals_of(directory)) == counted
    assert verify(directory).ok


@given(runs=RUNS)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=15)
def test_totals_outlive_the_records(
    tmp_path_factory: pytest.TempPathFactory, runs: list[Run]
) -> None:
    """After retention has deleted every upload, each of them is still counted."""
    directory = tmp_path_factory.mktemp("log")
    clock = Clock()
    for run in runs:
        carry_out(directory, run, clock)
    clock.now += 500 * DAY_S
    for _ in range(2):
        carry_out(directory, Run(steps=[(DAY_S, [])], lost=0), clock)
    counted = recount(lines_of(directory))

    prune(directory, now=clock.now)

    assert add_up(totals_of(directory)) == counted
    assert verify(directory).ok


def test_total_record_is_read_as_it_was_written() -> None:
    """A line gives the same numbers again."""
    days = OpenDays()
    for record in (decision("a", REJECTED), outcome("a"), shed()):
        days.count(record)
    (totals,) = days.totals()
    line = TotalRecord(time=moment(NOON), totals=totals)

    assert decode(encode(line)) == line
    assert OpenDays((totals,)).totals() == (totals,)


def test_rows_are_bounded() -> None:
    """Routes and categories beyond the limit count together, and none gets lost."""
    days = OpenDays()
    for number in range(MOST_ROWS + 20):
        found = match_records([dataclasses.replace(LISTED, category=str(number))], ())
        record = replace(decision("a", ACCEPTED), route=str(number), matches=found)
        days.count(record)
    (totals,) = days.totals()

    assert len(totals.uploads) == len(totals.matches) == MOST_ROWS + 1
    assert totals.uploads[-1].route == OTHERS
    assert totals.uploads[-1].uploads == totals.matches[-1].uploads == 20


def test_days_are_bounded() -> None:
    """Somebody who sets the clock to and fro makes no head long."""
    days = OpenDays()
    for number in range(MOST_DAYS + 3):
        days.count(decision("a", now=NOON + number * DAY_S))

    early = [item.day for item in days.due(date(2000, 1, 1))]
    assert early == [date(2026, 11, 25 + number) for number in range(3)]


def test_day_is_closed_when_it_is_over(tmp_path: Path) -> None:
    """The totals of a day stand before the first record of the next one, for good."""
    clock = Clock()
    with DecisionLog.open(tmp_path, instance="main", clock=clock, sync=unsynced) as log:
        log.append(decision("a", REJECTED)).result()
        clock.now += DAY_S
        log.append(decision("b", now=clock.now)).result()

    (record,) = [it for it in read(tmp_path) if isinstance(it, TotalRecord)]
    assert record.totals.day == date(2026, 11, 25)
    assert [row.uploads for row in record.totals.uploads] == [1]
    assert [(it.set, it.uploads) for it in record.totals.matches] == [("demo", 1)]


def test_wrong_total_is_found(tmp_path: Path) -> None:
    """A new chain with other totals is detected by the records."""
    draft = Draft(Tail())
    with DecisionLog.open(
        tmp_path / "true", instance="main", clock=Clock(), sync=unsynced
    ) as log:
        log.append(decision("a")).result()
    for record in read(tmp_path / "true"):
        draft.add(record)
    wrong = DayTotals(day=date(2026, 11, 25))
    draft.add(TotalRecord(time=moment(NOON), totals=wrong))
    forged = tmp_path / "forged"
    forged.mkdir()
    (forged / "00000001-20261125.jsonl").write_bytes(draft.data())

    (finding,) = verify(forged).findings

    assert finding.problem == "miscounted"
    assert finding.why == "the totals of 2026-11-25"
