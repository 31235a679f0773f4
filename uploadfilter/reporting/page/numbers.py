"""Write a report as a table of numbers (CSV), and read its head back.

Each row is a kind, a name, a key, a period and a value. The rows of kind ``report`` and
``log`` hold its choices and its checkpoints as JSON, so that it
can be computed again.
"""

import csv
import io
from collections.abc import Iterator
from typing import Final

import msgspec

from uploadfilter.reporting.document import Document, LogFacts, ReportChoices

COLUMNS: Final = ("kind", "name", "key", "period", "value")
HIDDEN: Final = "hidden"
"""The value of a hidden figure: it is never empty, which could be taken for 0."""

_WHOLE: Final = "whole"


class ReportHead(msgspec.Struct, frozen=True, kw_only=True):
    """The part of a document that does not follow from logs."""

    format: int
    program: str
    made: str
    chosen: ReportChoices


def csv_of(document: Document) -> str:
    """Return the report as CSV, after RFC 4180."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    writer.writerows(_rows(document))
    return text.getvalue()


def _rows(document: Document) -> Iterator[tuple[str, ...]]:
    head = ReportHead(
        format=document.format,
        program=document.program,
        made=document.made,
        chosen=document.chosen,
    )
    yield "report", "", "", "", _json(head)
    for log in document.logs:
        yield "log", _plain(log.label), "", "", _json(log)
    for figure in document.figures:
        key = _plain("/".join(figure.key))
        yield "figure", figure.query, key, _WHOLE, _number(figure.total)
        if len(document.periods) > 1:
            values = figure.periods or (None,) * len(document.periods)
            for period, value in zip(document.periods, values, strict=True):
                yield "figure", figure.query, key, period.name, _number(value)
    for name, query in document.queries.items():
        yield "query", name, "", "", query


def head_in(text: str) -> tuple[ReportHead, tuple[LogFacts, ...]]:
    """Return the head and the logs of a report in CSV.

    Raises:
        ValueError: It is no such table.
    """
    rows = list(csv.reader(io.StringIO(text, newline="")))
    if not rows or tuple(rows[0]) != COLUMNS:
        raise ValueError("the table has other columns than a report")
    heads = [row[-1] for row in rows if row[:1] == ["report"]]
    if len(heads) != 1:
        raise ValueError("the table has no head of a report")
    logs = [row[-1] for row in rows if row[:1] == ["log"]]
    head = msgspec.json.decode(heads[0], type=ReportHead)
    return head, tuple(msgspec.json.decode(log, type=LogFacts) for log in logs)


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _number(value: float | None) -> str:
    if value is None:
        return HIDDEN
    return str(int(value)) if value == int(value) else repr(value)


def _plain(text: str) -> str:
    """Return foreign text that no spreadsheet takes for a formula."""
    return f"'{text}" if text[:1] in {"=", "+", "-", "@", "\t", "\r"} else text
