"""The SQL of a report, which DuckDB alone runs on the logs."""

import subprocess
import sys
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

import duckdb
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
from tests.reporting.site import ALTERED_COPY, FIRST, write_site
from uploadfilter.decisions.files.retention import prune
from uploadfilter.decisions.files.segments import segments
from uploadfilter.decisions.records.lasting import Change, ChangeRecord
from uploadfilter.decisions.records.records import (
    CopyRecord,
    Record,
    UnsearchedRecord,
    moment,
)
from uploadfilter.errors import UsageError
from uploadfilter.reporting.composing import compose
from uploadfilter.reporting.document import By, PublishedSet, ReportChoices
from uploadfilter.reporting.gathered import GatheredLog, ReportDays
from uploadfilter.reporting.gathering import GatherOptions, gather
from uploadfilter.reporting.sql import figure_of, query_names, script_of, steps_of
from uploadfilter.reporting.timing import _ENDED

_Figures = dict[tuple[str, ...], list[float]]


def _chosen(days: int = 3) -> ReportChoices:
    return ReportChoices(
        first=FIRST - timedelta(days=2),
        last=FIRST + timedelta(days=days - 1),
        by=By.DAY,
        least=1,
        price=2.0,
        published=(
            PublishedSet(
                set="unit7",
                sequence=1,
                at=datetime.fromisoformat("2026-11-25T00:00:00Z"),
            ),
        ),
    )


def _gathered(site: Sequence[Path], chosen: ReportChoices) -> list[GatheredLog]:
    days = ReportDays(chosen.first, chosen.last + timedelta(days=1))
    return gather(site, days, GatherOptions())


def _reported(logs: Sequence[GatheredLog], chosen: ReportChoices) -> _Figures:
    """Return the figures of the report that are not 0."""
    document = compose(logs, chosen, program="1", made="now")
    found = {
        (it.query, *it.key): [float(it.total or 0), *map(float, it.periods or ())]
        for it in document.figures
    }
    return {name: values for name, values in found.items() if any(values)}


def _by_duckdb(logs: Sequence[GatheredLog], chosen: ReportChoices) -> _Figures:
    """Return the figures that are not 0 as DuckDB gives them."""
    periods = (chosen.last - chosen.first).days + 1
    found: _Figures = {}
    with duckdb.connect() as connection:
        connection.execute(steps_of(logs, chosen))
        for query in query_names():
            rows = connection.execute(figure_of(query)).fetchall()
            for key, period, value, *_ in rows:
                name = (query, *("" if it is None else it for it in key))
                values = found.setdefault(name, [0.0] * (periods + 1))
                values[0 if period is None else period + 1] = float(f"{value or 0:.6g}")
    return {name: values for name, values in found.items() if any(values)}


def assert_same(logs: Sequence[GatheredLog], chosen: ReportChoices) -> None:
    """See that DuckDB and the report give the same figures.

    Costs are fractions, shown with six digits: where the seventh is a tie, the last one
    depends on the order of the sum.
    """
    found, expected = _by_duckdb(logs, chosen), _reported(logs, chosen)
    costs = {name for name in expected if name[0] == "cost"}

    assert found.keys() == expected.keys()
    for name in costs:
        assert found.pop(name) == pytest.approx(expected.pop(name), rel=1e-5)
    assert found == expected


@pytest.mark.parametrize("compress", [False, True])
def test_duckdb_gives_the_figures_of_the_report(
    tmp_path: Path, *, compress: bool
) -> None:
    """Each figure of two logs is the same, also compressed and in odd folders."""
    site = write_site(tmp_path / "o'dd [1] *", uploads=40)
    if compress:
        for directory in site:
            compress_segments(directory, segments(directory)[:-1])
    logs = _gathered(site, _chosen())

    assert_same(logs, _chosen())


@settings(max_examples=8)
@given(st.lists(records, max_size=40), st.sampled_from([b"", b'{"record":"dec']))
def test_duckdb_counts_records_by_chance_as_the_report_does(
    tmp_path_factory: pytest.TempPathFactory, found: list[Record], torn: bytes
) -> None:
    """Whatever a log holds, and in whichever order of its days, figures are equal."""
    directory = tmp_path_factory.mktemp("log")
    write_segment(directory, [*lines_of([head(), *found]), b"{", b"\xff"], torn=torn)
    logs = _gathered([directory], _chosen())

    assert_same(logs, _chosen())


def test_duckdb_takes_totals_for_days_that_retention_deleted(tmp_path: Path) -> None:
    """Of days without records the totals count, as in the report."""
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
    assert prune(directory, now=NOON + 39 * DAY_S)
    logs = _gathered([directory], _chosen(40))

    assert logs[0].from_totals
    assert ("copies", "unsearched") in _reported(logs, _chosen(40))
    assert_same(logs, _chosen(40))


@pytest.mark.parametrize("end", [*sorted(_ENDED), "unknown"])
def test_duckdb_knows_each_state_of_an_objection(tmp_path: Path, end: str) -> None:
    """An objection counts, and takes as long, as in the report."""
    details: dict[str, object] = {"signal_type": "pdq"}
    events = [
        ChangeRecord(
            time=moment(NOON + at * 9999),
            change=Change.OBJECTION,
            at=moment(NOON + at * 9999),
            by=None,
            subject="o1",
            details=details | {"state": state},
        )
        for at, state in enumerate(("received", end, end, "received", end))
    ]
    write_segment(tmp_path, lines_of([head(), *events]))
    logs = _gathered([tmp_path], _chosen())

    found = _by_duckdb(logs, _chosen())
    assert ("objections", end) in found
    assert found == _reported(logs, _chosen())


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
