"""``uploadfilter log totals``: the counts of each day, which outlast the records."""

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from msgspec import Struct
from rich.table import Table

from uploadfilter.cli.comparisons import comparison_document, print_comparison
from uploadfilter.cli.options import (
    InstanceOption,
    JSONOption,
    StateOption,
    log_directory,
    moment,
    now,
)
from uploadfilter.cli.output import (
    NOTHING,
    document_of,
    print_json,
    print_text,
    say,
    table,
)
from uploadfilter.decisions.files.reading import Filters, read
from uploadfilter.decisions.files.totalling import CountSource, TotalPart, parts_of
from uploadfilter.decisions.presets import Comparison
from uploadfilter.decisions.records.lasting import (
    MatchesTotal,
    OutcomesTotal,
    ReasonsTotal,
    ShedsTotal,
    UploadsTotal,
)
from uploadfilter.decisions.records.records import DecisionRecord
from uploadfilter.decisions.records.totals import DayCounts
from uploadfilter.model import Action, Verdict

_MEGABYTE = 1_000_000
_SECOND_US = 1_000_000

DayOption = Annotated[
    str | None,
    typer.Option(metavar="DAY", help="A date, or an age such as 90d; days are UTC."),
]


class TotalBy(StrEnum):
    """The properties by which uploads can be counted."""

    DAY = "day"
    MODE = "mode"
    ROUTE = "route"
    VERDICT = "verdict"
    ACTION = "action"
    EFFECT = "effect"
    WOULD = "would"
    REASON = "reason"
    STATUS = "status"
    SET = "set"
    CATEGORY = "category"
    OUTCOME = "outcome"
    SHED = "shed"
    PRESET = "preset"


_PLACES = {
    TotalBy.REASON: ("reasons", "reason"),
    TotalBy.SET: ("matches", "set"),
    TotalBy.CATEGORY: ("matches", "category"),
    TotalBy.OUTCOME: ("outcomes", "outcome"),
    TotalBy.SHED: ("sheds", "reason"),
}
"""For each property that is not a field of the decision: the table of a total, and the
field in it."""


class CountsJSON(Struct):
    """The counts of some days."""

    uploads: list[UploadsTotal]
    matches: list[MatchesTotal]
    reasons: list[ReasonsTotal]
    outcomes: list[OutcomesTotal]
    sheds: list[ShedsTotal]


class DayJSON(CountsJSON):
    """The counts of a day, in UTC."""

    day: date
    is_open: bool


class TotalsJSON(Struct):
    """The counts of each day, and their sums."""

    days: list[DayJSON]
    sum: CountsJSON


def totals_command(
    *,
    since: DayOption = None,
    until: DayOption = None,
    by: Annotated[
        TotalBy, typer.Option(case_sensitive=False, help="The property to count by.")
    ] = TotalBy.DAY,
    json: JSONOption = False,
    state: StateOption = None,
    instance: InstanceOption = None,
) -> None:
    """Show the counts of each day, and their sums.

    The counts are kept for good, and `uploadfilter verify` checks them against the
    existing records. --until is the first day that is not shown. `--by preset` shows
    what each preset would have done with the recorded uploads.

    **Examples**

        uploadfilter log totals --since 90d

        uploadfilter log totals --by category --json

        uploadfilter log totals --by preset --since 7d
    """
    first = None if since is None else _day(since)
    end = None if until is None else _day(until)
    directory = log_directory(state, instance)
    if by is TotalBy.PRESET:
        _show_presets(directory, first, end, json=json)
        return
    days = merged(
        part
        for part in parts_of(directory)
        if (first is None or part.totals.day >= first)
        and (end is None or part.totals.day < end)
    )
    if json:
        print_json(totals_document(days))
    elif not days:
        say("nothing was counted in that time")
    elif by is TotalBy.DAY:
        print_text(days_table(days))
    else:
        counts = counted_by(by, (tally for tally, _ in days.values()))
        print_text(counts_table(by, counts))


def _show_presets(
    directory: Path, first: date | None, end: date | None, *, json: bool
) -> None:
    filters = Filters(
        since=None if first is None else datetime.combine(first, time(), UTC),
        until=None if end is None else datetime.combine(end, time(), UTC),
        kind="decision",
    )
    compared = Comparison()
    for record in read(directory, filters=filters):
        if isinstance(record, DecisionRecord):
            compared.add(record)
    if json:
        print_json(comparison_document(compared))
    else:
        print_comparison(compared)
    if not compared.uploads:
        say("there was no decision in that time")
        raise typer.Exit(NOTHING)


Days = dict[date, tuple[DayCounts, set[CountSource]]]
"""The counts by day, and the sources of the counts."""


def merged(parts: Iterable[TotalPart]) -> Days:
    """Add up the counts of the same day."""
    days: Days = {}
    for part in parts:
        tally, origins = days.setdefault(part.totals.day, (DayCounts(), set()))
        tally.add(part.totals)
        origins.add(part.origin)
    return dict(sorted(days.items()))


def totals_document(days: Days) -> TotalsJSON:
    """Return the counts of each day and their sums as a document."""
    whole, shapes = DayCounts(), []
    for day, (tally, origins) in days.items():
        totals, is_open = tally.totals(day), CountSource.OPEN in origins
        whole.add(totals)
        shapes.append(document_of(DayJSON, totals, is_open=is_open))
    return TotalsJSON(shapes, document_of(CountsJSON, whole.totals(date.min)))


def days_table(days: Days) -> Table:
    """Return the counts of each day as a table, with their sums as the last row."""
    rows = []
    whole = DayCounts()
    for day, (tally, origins) in days.items():
        whole.add(tally.totals(day))
        so_far = " so far" if CountSource.OPEN in origins else ""
        rows.append((f"{day}{so_far}", *_cells(tally)))
    rows.append(("in all", *_cells(whole)))
    columns = (
        "day",
        "uploads",
        *Verdict,
        "rejected",
        "would be",
        "shed",
        "MB",
        "CPU s",
    )
    return table(*columns, rows=rows, numeric=len(columns) - 1, whole=("day",))


def _cells(tally: DayCounts) -> Iterator[str]:
    verdicts = counted_by(TotalBy.VERDICT, [tally])
    yield f"{verdicts.total():,}"
    for verdict in Verdict:
        yield f"{verdicts[verdict]:,}"
    yield f"{counted_by(TotalBy.EFFECT, [tally])[Action.REJECT]:,}"
    yield f"{counted_by(TotalBy.WOULD, [tally])[Action.REJECT]:,}"
    yield f"{sum(tally.sheds.values()):,}"
    yield f"{sum(row[1] for row in tally.uploads.values()) / _MEGABYTE:,.1f}"
    yield f"{sum(row[2] for row in tally.uploads.values()) / _SECOND_US:,.1f}"


def counted_by(by: TotalBy, tallies: Iterable[DayCounts]) -> Counter[str]:
    """Count uploads by one property."""
    rows, name = _PLACES.get(by, ("uploads", by.value))
    counts: Counter[str] = Counter()
    for tally in tallies:
        for row in getattr(tally.totals(date.min), rows):
            counts[_word(getattr(row, name))] += row.uploads
    return counts


def _word(value: object) -> str:
    return "-" if value is None else str(value)


def counts_table(by: TotalBy, counts: Counter[str]) -> Table:
    """Return the counts by one property as a table, the most frequent value first."""
    rows = [(name, f"{count:,}") for name, count in counts.most_common()]
    return table(by.value, "uploads", rows=rows, numeric=1)


def _day(text: str) -> date:
    return moment(text, now=now()).astimezone(UTC).date()
