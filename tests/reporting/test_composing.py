"""Figures, as a plain count of the records gives them."""

import json
from collections.abc import Callable
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
from uploadfilter.reporting.queries import (
    MOST_ROWS,
    QUERIES,
    CountedCell,
    RecordSource,
    rows_of,
)

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


def _is_match(record: dict[str, Any]) -> bool:
    return bool(record["verdict"] == "MATCH")


PLAIN: dict[str, Callable[[dict[str, Any]], bool]] = {
    "uploads": lambda _: True,
    "inspected": lambda it: it["reason"] != "exempt",
    "exempt": lambda it: it["reason"] == "exempt",
    "matched": _is_match,
    "rejected": lambda it: _is_match(it) and it["effect"] == "REJECT",
    "monitored": lambda it: _is_match(it) and it["effect"] == "ACCEPT",
    "would_reject": lambda it: _is_match(it) and it["would"] == "REJECT",
    "not_matched": lambda it: it["verdict"] == "NO_MATCH",
    "inconclusive": lambda it: (
        it["verdict"] == "INCONCLUSIVE" and it["reason"] != "exempt"
    ),
    "alone_md5": lambda it: _is_match(it) and "md5" in _types(it),
    "alone_exact": lambda it: _is_match(it) and bool({"md5", "sha256"} & _types(it)),
    "alone_pdq": lambda it: _is_match(it) and "pdq" in _types(it),
    "alone_altered": lambda it: _is_match(it) and it["altered"],
    "first_pdq": lambda it: _is_match(it) and _types(it) == {"pdq"},
    "first_altered": lambda it: _is_match(it) and it["altered"],
}


def test_figures_are_those_of_a_plain_count(site: list[Path]) -> None:
    """Each figure of decisions is what a loop over all records counts."""
    document = made(site)
    decisions = [it for it in records(site) if it["record"] == "decision"]

    for name, holds in PLAIN.items():
        figure = document.figure(name)
        assert figure is not None
        assert figure.total == sum(map(holds, decisions)), name
        assert figure.periods is not None
        assert sum(figure.periods) == figure.total


def test_set_counts_an_upload_once(site: list[Path]) -> None:
    """An upload with several matches of one set is one upload of that set."""
    decisions = [it for it in records(site) if it["record"] == "decision"]
    for figure in made(site).rows("listed_by_set"):
        wanted = figure.key
        count = sum(
            wanted
            in {(it["set"], it["category"], it["state"]) for it in each["matches"]}
            for each in decisions
        )
        assert figure.total == count


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


def test_copies_after_the_answer_are_counted(site: list[Path]) -> None:
    """A reader sees how many were found, and of how many uploads nobody knows."""
    made_of = records(site)
    found = sum(
        any(it["kind"] == "altered" for it in each["matches"])
        for each in made_of
        if each["record"] == "copy"
    )
    left = sum(it["count"] for it in made_of if it["record"] == "unsearched")
    shown = {it.key[0]: it.total for it in made(site).rows("copies")}

    assert shown == {"altered": found, "unsearched": left}


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
    counts = {query.name for query in QUERIES}
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


def test_rows_beyond_the_most_count_together() -> None:
    """Two hundred routes have rows of their own; the smallest count as ``*``."""
    cells = [
        CountedCell(
            at, RecordSource.DECISIONS, {"route": f"r{at}"}, (), ({"uploads": at + 1},)
        )
        for at in range(MOST_ROWS + 3)
    ]
    query = next(it for it in QUERIES if it.name == "uploads_by_route")

    found = rows_of(query, cells, 1)

    assert len(found.values) == MOST_ROWS + 1
    assert found.values[("*",)] == [1 + 2 + 3]
    assert found.cells[("*",)] == {0, 1, 2}
