"""Write the queries of a report as SQL, which anybody can run with DuckDB on the log.

The files in ``queries/`` hold the text. What a report is about (files, days, limits)
stands before it as statements, so that one text is the whole calculation. ``tests``
run it by DuckDB alone, and compare with the report.

To add a query: its text below ``-- name:`` in a file of ``queries/``.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Final

from uploadfilter.decisions.files.segments import Segment, segments
from uploadfilter.errors import UsageError
from uploadfilter.model import EXEMPTIONS
from uploadfilter.reporting.document import ReportChoices, periods_of
from uploadfilter.reporting.gathered import GatheredLog
from uploadfilter.reporting.lines import KNOWN
from uploadfilter.reporting.queries import INCAPABLE, MOST_ROWS, REFUSED

_NAME: Final = "-- name: "
_FIGURES: Final = ("uploads", "means", "people", "time")
"""Files whose queries are figures; the others are the steps before."""

_ROWS: Final = (
    '[{"mode": "VARCHAR", "route": "VARCHAR", "verdict": "VARCHAR", '
    '"action": "VARCHAR", "effect": "VARCHAR", "reason": "VARCHAR", '
    '"would": "VARCHAR", "would_reason": "VARCHAR", "status": "INTEGER", '
    '"uploads": "BIGINT", "bytes": "BIGINT", "cpu_us": "BIGINT"}]'
)
_CELL: Final = re.compile(r"\bcell\b")
"""A figure that counts names the cell of each number; others are computed from them."""

_NO_LIMIT: Final = (1 << 63) - 1


def query_names() -> list[str]:
    """Return the names of all figures, in their order."""
    return [name for file in _FIGURES for name in _texts(file)]


def query_text(name: str) -> str:
    """Return the query of a figure, without the steps before it.

    Raises:
        UsageError: There is no such figure.
    """
    for file in _FIGURES:
        if name in _texts(file):
            return _texts(file)[name]
    raise UsageError(
        f"there is no query {name!r}",
        hint="'uploadfilter report --show list' names all of them.",
    )


def script_of(name: str, logs: Sequence[GatheredLog], chosen: ReportChoices) -> str:
    """Return the whole calculation of one figure as SQL.

    Raises:
        UsageError: There is no such figure.
    """
    return f"{steps_of(logs, chosen)}\n-- {name}\n{figure_of(name)};\n"


def steps_of(logs: Sequence[GatheredLog], chosen: ReportChoices) -> str:
    """Return the steps before every figure: the choices, and the tables of counts."""
    return "\n\n".join(
        (
            "\n".join(_settings(logs, chosen)),
            _texts("records")["tables"],
            _texts("records")["records"],
            _texts("cells")["cells"] + ";\n",
        )
    )


def figure_of(name: str) -> str:
    """Return the query of a figure, of each period and of the whole time.

    Raises:
        UsageError: There is no such figure.
    """
    text = query_text(name)
    if not _CELL.search(text):
        return text
    return (
        _texts("cells")["counts"]
        .replace("{query}", text.replace("\n", "\n    "))
        .replace("{most_rows}", str(MOST_ROWS))
    )


@cache
def _texts(file: str) -> Mapping[str, str]:
    """Return the texts of a file by their names."""
    path = resources.files("uploadfilter.reporting") / "queries" / f"{file}.sql"
    parts = path.read_text("utf-8").split(f"\n{_NAME}")[1:]
    return {
        name.strip(): text.strip()
        for name, _, text in (part.partition("\n") for part in parts)
    }


def _settings(logs: Sequence[GatheredLog], chosen: ReportChoices) -> Iterator[str]:
    """Yield the statements that say what the figures are about."""
    yield "SET memory_limit = '2GB';"
    yield "SET TimeZone = 'UTC';"
    starts = [it.first for it in periods_of(chosen.first, chosen.last, chosen.by)]
    days = ", ".join(f"DATE '{day}'" for day in starts)
    yield f"SET VARIABLE starts = [{days}];"
    yield f"SET VARIABLE last_day = DATE '{chosen.last}';"
    yield f"SET VARIABLE least = {chosen.least};"
    price = "NULL" if chosen.price is None else repr(float(chosen.price))
    yield f"SET VARIABLE price = {price};"
    for name, values in (
        ("exempt", EXEMPTIONS),
        ("refused", REFUSED),
        ("incapable", INCAPABLE),
        ("kinds", KNOWN),
    ):
        yield f"SET VARIABLE {name} = [{_list(sorted(values))}];"
    yield f"SET VARIABLE rows = {_text(_ROWS)};"
    files = [path for it in logs for path in _files(it.directory, chosen.first)]
    yield f"SET VARIABLE files = [{_list(map(_escaped, files))}];"
    yield _table(
        "logs (log VARCHAR, folder VARCHAR, last BIGINT, since VARCHAR, until VARCHAR)",
        (_values(it) for it in logs),
    )
    yield "-- Days of which retention deleted records, as the heads of the files say."
    yield _table(
        "gone (log VARCHAR, day VARCHAR)",
        (
            f"{_text(it.label)}, {_text(day)}"
            for it in logs
            for day in (*it.from_totals, *it.unknown)
        ),
    )
    yield _table(
        'published ("set" VARCHAR, number BIGINT, "at" TIMESTAMPTZ)',
        (
            f"{_text(it.set)}, {it.sequence}, TIMESTAMPTZ {_text(it.at.isoformat())}"
            for it in chosen.published
        ),
    )


def _table(columns: str, rows: Iterable[str]) -> str:
    name = columns.partition(" ")[0]
    values = ",\n    ".join(f"({row})" for row in rows)
    filled = f"\nINSERT INTO {name} VALUES\n    {values};" if values else ""
    return f"CREATE OR REPLACE TEMP TABLE {columns};{filled}"


def _values(it: GatheredLog) -> str:
    """Return a log as a row; nothing after its last counted record is read."""
    last = it.end[0] or _NO_LIMIT
    texts = (it.label, str(it.directory.absolute()))
    bounds = it.since, it.until
    return ", ".join((*map(_text, texts), str(last), *map(_text, bounds)))


def _files(directory: Path, first: date) -> Iterator[str]:
    """Yield the files with records of the days from the first on."""
    for segment in segments(directory.absolute()):
        if segment.day >= first:
            yield str(_file(directory.absolute(), segment))


def _file(directory: Path, segment: Segment) -> Path:
    plain, compressed = (directory / name for name in segment.names)
    return plain if plain.exists() else compressed


def _escaped(path: str) -> str:
    """Return a path in which DuckDB sees no pattern."""
    return "".join(f"[{it}]" if it in "*?[" else it for it in path)


def _list(values: Iterable[str]) -> str:
    return ", ".join(map(_text, values))


def _text(value: str) -> str:
    """Return a text as SQL; a quote in it is data."""
    return "'" + value.replace("'", "''") + "'"
