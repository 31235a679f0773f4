"""Compose the document of a report from counted logs.

Rules this module keeps: it is pure; a number that comes from few uploads is hidden
together with them, so a mean or a percentile shows no more than the count below it.
"""

from collections.abc import Iterable, Sequence

from uploadfilter.reporting.counting import Counted, CountedRow, Key, count_figures
from uploadfilter.reporting.document import (
    Document,
    Figure,
    LogFacts,
    ReportChoices,
    periods_of,
)
from uploadfilter.reporting.gathered import GatheredLog
from uploadfilter.reporting.hiding import CountedFigure, Hidden, hide
from uploadfilter.reporting.sql import FigureQuery, queries, step_texts


def compose(
    logs: Sequence[GatheredLog],
    chosen: ReportChoices,
    *,
    program: str,
    made: str,
    jobs: int = 1,
) -> Document:
    """Count the records of logs, and compose the document.

    Raises:
        UsageError: DuckDB is not installed.
    """
    counted = count_figures(logs, chosen, jobs=jobs)
    return Document(
        program=program,
        made=made,
        chosen=chosen,
        periods=periods_of(chosen.first, chosen.last, chosen.by),
        logs=tuple(map(_facts, logs)),
        queries={it.name: it.text for it in queries().values()} | step_texts(),
        needs={it.name: it.needs.value for it in queries().values()},
        figures=tuple(_figures(counted, _hidden(counted, chosen.least))),
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


def _id(query: str, key: Iterable[str] = ()) -> str:
    return "\x1f".join((query, *key))


def _figures(counted: Counted, hidden: Hidden) -> Iterable[Figure]:
    for name, rows in counted.items():
        query = queries()[name]
        for key, row in rows.items():
            below = _id(name, key)
            if not query.is_count:
                below = (query.shown_with or "").replace("*", "".join(key))
            yield Figure(
                query=name,
                key=key,
                total=None if below in hidden.as_total else row.total,
                periods=None if below in hidden.in_periods else tuple(row.periods),
            )


def _hidden(counted: Counted, least: int) -> Hidden:
    counts = [
        (query, key, row)
        for query in queries().values()
        if query.is_count
        for key, row in counted[query.name].items()
    ]
    classes = _classes(counts)
    return hide(
        [
            CountedFigure(
                id=_id(query.name, key),
                values=tuple(int(it) for it in row.periods),
                cells=frozenset(classes[cell] for cell in row.cells),
                group=query.name if query.above else None,
                above=query.above,
            )
            for query, key, row in counts
        ],
        least=least,
    )


def _classes(counts: Iterable[tuple[FigureQuery, Key, CountedRow]]) -> dict[str, int]:
    """Put cells that every figure treats alike into one class."""
    member: dict[str, list[str]] = {}
    for query, key, row in counts:
        for cell in row.cells:
            member.setdefault(cell, []).append(_id(query.name, key))
    numbers: dict[tuple[str, ...], int] = {}
    return {
        cell: numbers.setdefault(tuple(names), len(numbers))
        for cell, names in member.items()
    }
