"""The numbers that DuckDB gives, and the SQL that anybody can run by himself."""

import subprocess
import sys
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.decisions.files.trees import end_of, tree_of
from tests.decisions.logs import (
    ACCEPTED,
    DAY_S,
    NOON,
    REJECTED,
    compress_segments,
    decision,
    write_log,
)
from tests.reporting.logs import head, lines_of, records, write_segment
from tests.reporting.plain import count_plainly
from tests.reporting.site import ALTERED_COPY, FIRST, write_site
from uploadfilter.decisions.files.retention import prune
from uploadfilter.decisions.files.segments import segments
from uploadfilter.decisions.records.lasting import (
    Change,
    ChangeRecord,
    UploadsTotal,
)
from uploadfilter.decisions.records.records import (
    CheckpointRecord,
    CopyRecord,
    Record,
    UnsearchedRecord,
    moment,
)
from uploadfilter.decisions.records.summaries import SummaryRecord
from uploadfilter.errors import UsageError
from uploadfilter.model import Action, Mode, Reason, Verdict
from uploadfilter.reporting.composing import compose
from uploadfilter.reporting.counting import count_figures
from uploadfilter.reporting.document import By, Document, PublishedSet, ReportChoices
from uploadfilter.reporting.gathered import GatheredLog, LogLack, ReportDays, Said
from uploadfilter.reporting.gathering import GatherOptions, gather
from uploadfilter.reporting.sql import MOST_ROWS, script_of

_Figures = dict[tuple[str, ...], tuple[float | None, tuple[float, ...] | None]]


def _chosen(days: int = 3, *, before: int = 2) -> ReportChoices:
    return ReportChoices(
        first=FIRST - timedelta(days=before),
        last=FIRST + timedelta(days=days - 1),
        by=By.DAY,
        least=1,
        price=2.0,
        published=(
            PublishedSet(
                set="unit7",
                sequence=1,
                at=datetime.fromisoformat("2026-11-25T01:00:00Z"),
            ),
        ),
    )


def _gathered(site: Sequence[Path], chosen: ReportChoices) -> list[GatheredLog]:
    days = ReportDays(chosen.first, chosen.last + timedelta(days=1))
    return gather(site, days, GatherOptions())


def _made(site: Sequence[Path], chosen: ReportChoices) -> Document:
    return compose(_gathered(site, chosen), chosen, program="1", made="now")


def _figures(site: Sequence[Path], chosen: ReportChoices) -> _Figures:
    """Return the figures that are not 0."""
    return {
        (it.query, *it.key): (it.total, it.periods)
        for it in _made(site, chosen).figures
        if it.total or any(it.periods or ())
    }


def _change(what: Change, at: str, subject: str = "", **details: object) -> Record:
    """Return a change on the first day, unless ``at`` names another one."""
    when = datetime.fromisoformat(at if "-" in at else f"2026-11-25T{at}Z")
    return ChangeRecord(
        time=when, change=what, at=when, by=None, subject=subject, details=details
    )


def _site(folder: Path, *logs: Sequence[Record]) -> list[Path]:
    """Write a log of each sequence of records; they are named a, b and so on."""
    directories = [folder / name / "log" for name, _ in zip("abc", logs, strict=False)]
    for directory, found in zip(directories, logs, strict=True):
        first = msgspec.structs.replace(
            head(instance=directory.parent.name), time=moment(NOON - DAY_S / 2)
        )
        write_segment(directory, lines_of([first, *found]))
    return directories


@settings(max_examples=12)
@given(st.lists(records, max_size=40), st.sampled_from([b"", b'{"record":"dec']))
def test_figures_are_those_of_a_plain_count(
    tmp_path_factory: pytest.TempPathFactory, found: list[Record], torn: bytes
) -> None:
    """Whatever a log holds, and in whichever order of its days, figures are right."""
    directory = tmp_path_factory.mktemp("log")
    lines = lines_of([head(), *found])
    write_segment(directory, [*lines, b"{", b"\xff"], torn=torn)
    expected = count_plainly(lines)

    shown = _figures([directory], _chosen())

    names = {name for name, *_ in expected}
    assert {key: it[0] for key, it in shown.items() if key[0] in names} == expected


@pytest.mark.parametrize("compress", [False, True])
def test_forms_folders_and_batches_change_nothing(
    tmp_path: Path, *, compress: bool
) -> None:
    """Files in odd folders, compressed, or counted one at a time give the same."""
    site = write_site(tmp_path / "o'dd [1] *", uploads=40)
    before = count_figures(_gathered(site, _chosen()), _chosen(), jobs=2)
    if compress:
        for directory in site:
            compress_segments(directory, segments(directory)[:-1])

    logs = _gathered(site, _chosen())

    assert count_figures(logs, _chosen(), batch_bytes=1) == before


def test_totals_stand_for_days_that_retention_deleted(tmp_path: Path) -> None:
    """Uploads of such days count as before; only durations are lost."""
    directory = tmp_path / "main" / "log"
    days: list[list[Record]] = [
        [decision(f"a{n}", ACCEPTED), decision(f"b{n}")] for n in range(40)
    ]
    days[3] = [decision("m", REJECTED)]
    days[4] = [
        *days[4],
        CopyRecord(
            time=moment(0), decision="a4", generation=1, matches=(ALTERED_COPY,)
        ),
        UnsearchedRecord(time=moment(0), minute=moment(0), count=3),
    ]
    write_log(directory, days)
    tree_of(directory).grow(end_of(directory))
    before = _figures([directory], _chosen(40))
    assert prune(directory, now=NOON + 39 * DAY_S)

    after = _figures([directory], _chosen(40))

    lost = {"percentile", "known_minutes", "silent_minutes", "silent_everywhere"}
    assert ("copies", "unsearched") in after
    assert {it: after[it] for it in after if it[0] not in lost} == {
        it: before[it] for it in before if it[0] not in lost
    }


def test_record_without_what_its_kind_needs_is_said(tmp_path: Path) -> None:
    """A line that is in no figure is in no figure in silence."""
    lines = lines_of([head(), *_decisions(2)])
    lines[1] = lines[1].replace(b'"mode"', b'"node"')
    write_segment(tmp_path, lines)

    (log,) = _made([tmp_path], _chosen()).logs

    assert Said(LogLack.UNREADABLE, 1) in log.said


def _decisions(count: int) -> list[Record]:
    return [decision(f"d{at}", ACCEPTED) for at in range(count)]


def test_rows_beyond_the_most_count_together(tmp_path: Path) -> None:
    """Two hundred routes have rows of their own; the smallest count as ``*``."""
    summary = SummaryRecord(
        time=moment(NOON),
        client=None,
        prefix=None,
        since=moment(NOON),
        until=moment(NOON),
        uploads=tuple(
            UploadsTotal(
                mode=Mode.ENFORCE,
                route=f"r{at}",
                verdict=Verdict.INCONCLUSIVE,
                action=Action.REJECT,
                effect=Action.REJECT,
                reason=Reason.EXEMPT,
                would=Action.REJECT,
                would_reason=None,
                status=400,
                uploads=at + 1,
                bytes=0,
                cpu_us=0,
            )
            for at in range(MOST_ROWS + 3)
        ),
        reasons=(),
    )

    found = _made(_site(tmp_path, [summary]), _chosen()).rows("uploads_by_route")

    assert len(found) == MOST_ROWS + 1
    assert next(it.total for it in found if it.key == ("*",)) == 1 + 2 + 3


def test_minutes_of_silence_are_those_between_records(tmp_path: Path) -> None:
    """Of ten minutes, those without a record count; where all are silent, apart."""

    def minutes(*wanted: int) -> list[Record]:
        start = NOON - DAY_S / 2
        return [CheckpointRecord(time=moment(start + 60 * it)) for it in wanted]

    start = _change(Change.START, "00:05:00")
    found = _figures(
        _site(tmp_path, [*minutes(1, 2), start, *minutes(6, 7, 8, 9)], minutes(3, 9)),
        _chosen(),
    )

    assert found["known_minutes", "a"][0] == 10
    assert found["silent_minutes", "a"][0] == 2
    assert found["silent_everywhere", "a"][0] == 1
    assert found["silent_minutes", "b"][0] == 7
    assert found["starts", "a"][0] == 1


def test_sets_spread_from_publication_and_first_log_to_the_last(tmp_path: Path) -> None:
    """Of each signed set the first import of each log counts; others are left out."""
    site = _site(
        tmp_path,
        [
            _change(Change.IMPORT, "02:00:00", "unit7", sequence=1),
            _change(Change.IMPORT, "02:00:00", "unit7", sequence=2, withdrawn=3),
            _change(Change.IMPORT, "02:00:00", "local"),
            _change(Change.IMPORT, "05:00:00", "unit7", sequence=1),
        ],
        [
            _change(Change.IMPORT, "02:30:00", "unit7", sequence=2, withdrawn=3),
            _change(Change.IMPORT, "04:00:00", "unit7", sequence=1),
        ],
    )

    found = _figures(site, _chosen())

    assert found["spread", "number"][0] == 2
    assert found["spread", "most"][0] == 2
    assert found["spread_withdrawals", "number"][0] == 1
    assert found["spread_withdrawals", "median"][0] == 0.5
    assert found["enforced", "number"][0] == 1
    assert found["enforced", "most"][0] == 3
    assert ("released", "number") not in found


def test_objections_count_by_state_and_means_and_take_days(tmp_path: Path) -> None:
    """Each event counts once, and a decision from the receipt, in its own period."""
    objected = Change.OBJECTION
    site = _site(
        tmp_path,
        [
            _change(objected, "01:00:00", "x", state="received", signal_type="pdq"),
            _change(objected, "02:00:00", "y", state="received", signal_type="sha256"),
            _change(objected, "03:00:00", "z", state="received"),
            _change(
                objected,
                "2026-11-26T13:00:00Z",
                "x",
                state="reversed",
                signal_type="pdq",
                kind="altered",
            ),
            _change(objected, "2026-11-26T14:00:00Z", "u", state="stands"),
            _change(objected, "2026-11-26T15:00:00Z", "x", state="stands"),
        ],
    )

    found = _figures(site, _chosen(2, before=0))

    assert found["answered", "most"] == (1.5, (0, 1.5))
    assert found["answered", "number"] == (1, (0, 1))
    assert found["objections", "received"] == (3, (3, 0))
    assert found["objections", "reversed"] == (1, (0, 1))
    assert found["objections", "stands"] == (2, (0, 2))
    for means in ("pdq", "digest", "unknown"):
        assert found["objections_by_means", means] == (1, (1, 0))
    assert found["granted_by_means", "altered"] == (1, (0, 1))


def test_printed_query_runs_by_itself(tmp_path: Path) -> None:
    """An overseer with DuckDB and the logs needs the printed text, and nothing else."""
    logs = _gathered(write_site(tmp_path), _chosen())
    script = script_of("uploads", logs, _chosen())
    alone = "import duckdb, sys; print(duckdb.sql(sys.stdin.read()).fetchall()[-1])"

    run = subprocess.run(  # noqa: S603 -- our own Python
        [sys.executable, "-I", "-c", alone],
        input=script,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )

    assert "None, 72" in run.stdout.replace("Decimal('72')", "72")


def test_unknown_query_is_refused() -> None:
    """The message says how to list the names."""
    with pytest.raises(UsageError, match="no query 'novel'"):
        script_of("novel", [], _chosen())
