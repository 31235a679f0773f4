"""Figures, as a plain count of the records gives them."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.reporting.site import FIRST, last_day, write_site
from uploadfilter.decisions.files.segments import segments
from uploadfilter.reporting.composing import compose
from uploadfilter.reporting.document import By, Document, ReportChoices
from uploadfilter.reporting.gathered import (
    ReportDays,
)
from uploadfilter.reporting.gathering import (
    GatherOptions,
    gather,
)
from uploadfilter.reporting.sql import queries

DAYS = 3


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Return the logs of a site."""
    return write_site(tmp_path_factory.mktemp("site"), days=DAYS, uploads=40)


def made(site: list[Path], *, least: int = 1, by: By | None = By.DAY) -> Document:
    """Return the report of a site."""
    span = ReportDays(FIRST, FIRST + timedelta(days=DAYS))
    chosen = ReportChoices(
        first=FIRST, last=last_day(DAYS), by=by, least=least, price=2.0
    )
    logs = gather(site, span, GatherOptions())
    return compose(logs, chosen, program="1", made="2026-12-01")


def records(site: list[Path]) -> list[dict[str, Any]]:
    """Return all records of a site."""
    return [
        json.loads(line)
        for directory in site
        for segment in segments(directory)
        for line in (directory / segment.name).read_bytes().splitlines()
    ]


def _types(record: dict[str, Any]) -> set[str]:
    return {it["signal_type"] for it in record["matches"] if it["kind"] == "within"}


def test_chance_is_the_sum_of_the_best_matches(site: list[Path]) -> None:
    """The expected number adds, of each rejected upload, the least E."""
    rejected = [
        min(it["chance"] for it in each["matches"])
        for each in records(site)
        if each["record"] == "decision"
        and each["effect"] == "REJECT"
        and _types(each) == {"pdq"}
    ]
    figure = made(site).figure("expected", "pdq")

    assert figure is not None
    assert figure.total == pytest.approx(sum(rejected), rel=1e-3)


def test_cost_follows_from_time_and_price(site: list[Path]) -> None:
    """The cost is the CPU time of all decisions times the price of an hour."""
    spent = sum(it["cpu_ms"] for it in records(site) if it["record"] == "decision")
    figure = made(site).figure("cost")

    assert figure is not None
    assert figure.total == pytest.approx(spent / 3.6e6 * 2.0, rel=1e-3)


def test_percentile_is_at_most_a_bin_too_long(site: list[Path]) -> None:
    """A percentile of the durations is right to 10 %, and never too short."""
    took = sorted(
        it["duration_ms"] for it in records(site) if it["record"] == "decision"
    )
    figure = made(site).figure("percentile", "50")

    assert figure is not None
    assert figure.total is not None
    middle = took[(len(took) + 1) // 2 - 1]
    assert middle <= figure.total <= middle * 1.1


def test_silent_minutes_are_those_without_records(site: list[Path]) -> None:
    """A minute counts as silent if no record of the log has it."""
    document = made(site)
    for log, directory in zip(document.logs, site, strict=True):
        minutes = {it["time"][:16] for it in records([directory])}
        known = document.figure("known_minutes", log.label)
        silent = document.figure("silent_minutes", log.label)
        assert known is not None
        assert silent is not None
        assert (known.total or 0) - (silent.total or 0) == len(minutes)


def test_small_counts_are_hidden_everywhere(site: list[Path]) -> None:
    """No shown count of uploads is from 1 to 4, in no period and in no row."""
    document = made(site, least=5)
    counts = {it.name for it in queries().values() if it.is_count}
    shown = [
        value
        for it in document.figures
        if it.query in counts
        for value in (it.total, *(it.periods or ()))
    ]

    assert None in shown
    assert not any(value is not None and 0 < value < 5 for value in shown)


def test_each_figure_has_its_query(site: list[Path]) -> None:
    """A figure that no query explains is not in a report."""
    document = made(site)

    assert {it.query for it in document.figures} <= document.queries.keys()


@pytest.mark.parametrize(
    ("by", "names"),
    [
        (None, ["2026-11-25"]),
        (By.DAY, ["2026-11-25", "2026-11-26", "2026-11-27"]),
        (By.WEEK, ["2026-W48"]),
        (By.MONTH, ["2026-11"]),
        (By.QUARTER, ["2026 Q4"]),
    ],
)
def test_periods_have_names(site: list[Path], by: By | None, names: list[str]) -> None:
    """Periods follow the calendar, and no day is left out."""
    document = made(site, by=by)

    assert [it.name for it in document.periods] == names
    assert (document.periods[0].first, document.periods[-1].last) == (
        FIRST,
        last_day(DAYS),
    )
