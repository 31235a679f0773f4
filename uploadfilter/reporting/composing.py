"""Compose the document of a report from counted logs.

Rules this module keeps: it is pure; a number that comes from few uploads is hidden
together with them, so a mean or a percentile shows no more than the count below it.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date

from uploadfilter.reporting.cells import Periods, cells_of
from uploadfilter.reporting.deriving import TEXTS, derived
from uploadfilter.reporting.document import (
    Document,
    Figure,
    LogFacts,
    ReportChoices,
    periods_of,
)
from uploadfilter.reporting.gathered import (
    GatheredLog,
)
from uploadfilter.reporting.hiding import CountedFigure, Hidden, hide
from uploadfilter.reporting.queries import (
    COUNTS_PEOPLE,
    QUERIES,
    CountedCell,
    FigureQuery,
    RecordSource,
    Rows,
    rows_of,
)
from uploadfilter.reporting.timing import TIMING_TEXTS, delays, silences


def compose(
    logs: Sequence[GatheredLog], chosen: ReportChoices, *, program: str, made: str
) -> Document:
    """Compose the document.

    Args:
        logs: The counted logs.
        chosen: The choices of the person who makes the report.
        program: Version of this program.
        made: The present time, UTC.
    """
    facts = periods_of(chosen.first, chosen.last, chosen.by)
    end = date.fromordinal(chosen.last.toordinal() + 1)
    periods = Periods([it.first for it in facts], end)
    cells = cells_of(logs, periods)
    found = {query.name: rows_of(query, cells, len(periods)) for query in QUERIES}
    hidden = _hidden(found, cells, chosen.least)
    counted = list(_counted(found, hidden))
    figures = [
        *counted,
        *derived(found, counted, price=chosen.price),
        *silences(logs, periods),
        *delays(logs, periods, chosen.published),
    ]
    return Document(
        program=program,
        made=made,
        chosen=chosen,
        periods=facts,
        logs=tuple(map(_facts, logs)),
        queries={query.name: query.text for query in QUERIES} | TEXTS | TIMING_TEXTS,
        needs={query.name: query.needs.value for query in QUERIES},
        figures=tuple(figures),
    )


def _facts(log: GatheredLog) -> LogFacts:
    return LogFacts(
        label=log.label,
        instance=log.instance,
        standing=log.standing,
        records=log.records,
        last=log.end[0],
        head=log.end[1],
        since=log.since,
        until=log.until,
        said=tuple((it.lack.value, it.number, it.detail) for it in log.said),
    )


def _is_counted(query: FigureQuery) -> bool:
    """Return whether its numbers count people's uploads, and are shown."""
    return query.counts in COUNTS_PEOPLE and query.source is not RecordSource.LATENCY


def _id(query: str, key: Iterable[object] = ()) -> str:
    return "\x1f".join((query, *map(str, key)))


def _counted(found: Mapping[str, Rows], hidden: Hidden) -> Iterable[Figure]:
    """Yield the counts, without the hidden ones."""
    for query in filter(_is_counted, QUERIES):
        for key, values in found[query.name].values.items():
            name = _id(query.name, key)
            yield Figure(
                query=query.name,
                key=tuple("" if it is None else str(it) for it in key),
                total=None if name in hidden.as_total else sum(values),
                periods=None if name in hidden.in_periods else tuple(values),
            )


def _hidden(
    found: Mapping[str, Rows], cells: Sequence[CountedCell], least: int
) -> Hidden:
    """Return the counts that are hidden."""
    classes = _classes(found, cells)
    numbers: dict[tuple[str, int], int] = {}
    figures = [
        CountedFigure(
            id=_id(query.name, key),
            values=tuple(values),
            cells=frozenset(
                numbers.setdefault((query.counts, classes[cell]), len(numbers))
                for cell in found[query.name].cells[key]
            ),
            group=query.name if query.above else None,
            above=None if query.above is None else _id(query.above),
        )
        for query in filter(_is_counted, QUERIES)
        for key, values in found[query.name].values.items()
    ]
    return hide(figures, least=least)


def _classes(found: Mapping[str, Rows], cells: Sequence[CountedCell]) -> dict[int, int]:
    """Put cells that every figure treats alike into one class."""
    member: dict[int, list[str]] = {}
    for query in filter(_is_counted, QUERIES):
        for key, its in found[query.name].cells.items():
            for cell in its:
                member.setdefault(cell, []).append(_id(query.name, key))
    numbers: dict[tuple[str, ...], int] = {}
    return {
        cell.number: numbers.setdefault(
            tuple(member.get(cell.number, ())), len(numbers)
        )
        for cell in cells
    }
