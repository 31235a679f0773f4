"""Write the queries of a report as SQL, which anybody can run with DuckDB on the log.

The files in ``queries/`` hold the text. What a report is about (files, days, limits)
stands before it as statements, so that one text is the whole calculation; the report
itself is made by it.

To add a figure: its text below ``-- name:`` in a file of ``queries/``, its words in
``page/en.toml`` and ``page/nl.toml``, and its place in ``page/layout.py``. A line
``-- needs:`` names the records that have to be there, ``-- above:`` the figure that
this one breaks down, ``-- with:`` the count that has to be shown beside it, and
``-- keys:`` the rows that it has in any case.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Final

from uploadfilter.errors import UsageError
from uploadfilter.model import EXEMPTIONS, INCAPACITY, REFUSALS, Reason
from uploadfilter.reporting.document import ReportChoices, periods_of
from uploadfilter.reporting.gathered import GatheredLog
from uploadfilter.reporting.lines import KNOWN

MOST_ROWS: Final = 200
"""Most rows of a breakdown, beside those that count together as ``*``. Nobody reads
more, and the time to decide which rows are hidden grows with the third power."""

_REFUSED: Final = REFUSALS | {Reason.PIECEWISE_UPLOAD}

_NAME: Final = "-- name: "
_FACT: Final = re.compile(r"-- (needs|above|with|keys): (.+)\n")
_PLAIN: Final = "SELECT [] AS key"
"""The beginning of a figure that is not broken down."""

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


class Needs(StrEnum):
    """The records that a figure needs.

    Day totals are enough for ``TOTALS``; ``MATCHES`` needs the decisions with a match,
    which are kept for longer; ``RECORDS`` needs all.
    """

    TOTALS = "totals"
    MATCHES = "matches"
    RECORDS = "records"


@dataclass(frozen=True, slots=True, kw_only=True)
class FigureQuery:
    """The definition of a figure.

    Attributes:
        text: The query, without the steps before it.
        above: Name of the figure that this one breaks down.
        shown_with: Name of the count below it; ``*`` stands for the key of a row.
        keys: Keys of the rows that it has in any case.
    """

    name: str
    text: str
    needs: Needs
    above: str | None
    shown_with: str | None
    keys: tuple[tuple[str, ...], ...]

    @property
    def is_count(self) -> bool:
        """Whether it counts uploads or people, so that a small number is hidden."""
        return bool(_CELL.search(self.text))

    @property
    def script(self) -> str:
        """The statement that gives the number of each period and of the whole time."""
        if not self.is_count:
            return self.text
        return (
            _texts("cells")["counts"]
            .replace("{query}", self.text.replace("\n", "\n    "))
            .replace("{most_rows}", str(MOST_ROWS))
        )


@cache
def queries() -> Mapping[str, FigureQuery]:
    """Return all figures by their names, in their order."""
    texts = ((name, it) for file in _FIGURES for name, it in _texts(file).items())
    return {name: _query(name, text) for name, text in texts}


def _query(name: str, text: str) -> FigureQuery:
    facts = dict(_FACT.findall(text))
    text = _FACT.sub("", text)
    keys = [(key,) for key in facts.get("keys", "").split()]
    return FigureQuery(
        name=name,
        text=text,
        needs=Needs(facts.get("needs", Needs.TOTALS)),
        above=facts.get("above"),
        shown_with=facts.get("with"),
        keys=((),) if text.startswith(_PLAIN) else tuple(keys),
    )


def step_texts() -> dict[str, str]:
    """Return the texts of the steps before every figure, by their names."""
    return _texts("records") | _texts("cells")


def script_of(name: str, logs: Sequence[GatheredLog], chosen: ReportChoices) -> str:
    """Return the whole calculation of one figure as SQL.

    Raises:
        UsageError: There is no such figure.
    """
    if name not in queries():
        raise UsageError(
            f"there is no query {name!r}",
            hint="'uploadfilter report --show list' names all of them.",
        )
    files = [path for log in logs for path in log.files]
    steps = "\n\n".join(
        (
            settings_of(logs, chosen),
            step_texts()["tables"],
            files_of(files),
            step_texts()["records"],
            step_texts()["cells"] + ";\n",
        )
    )
    return f"{steps}\n-- {name}\n{queries()[name].script};\n"


def settings_of(logs: Sequence[GatheredLog], chosen: ReportChoices) -> str:
    """Return the statements that say what the figures are about."""
    return "\n".join(_settings(logs, chosen))


def files_of(paths: Iterable[Path]) -> str:
    """Return the statement that names the files to count."""
    return f"SET VARIABLE files = [{_list(_escaped(str(it)) for it in paths)}];"


@cache
def _texts(file: str) -> dict[str, str]:
    path = resources.files("uploadfilter.reporting") / "queries" / f"{file}.sql"
    parts = path.read_text("utf-8").split(f"\n{_NAME}")[1:]
    return {
        name.strip(): text.strip()
        for name, _, text in (part.partition("\n") for part in parts)
    }


def _settings(logs: Sequence[GatheredLog], chosen: ReportChoices) -> Iterator[str]:
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
        ("refused", _REFUSED),
        ("incapable", INCAPACITY),
        ("kinds", KNOWN),
    ):
        yield f"SET VARIABLE {name} = [{_list(sorted(values))}];"
    yield f"SET VARIABLE rows = {_text(_ROWS)};"
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


def _escaped(path: str) -> str:
    """Return a path in which DuckDB sees no pattern."""
    return "".join(f"[{it}]" if it in "*?[" else it for it in path)


def _list(values: Iterable[str]) -> str:
    return ", ".join(map(_text, values))


def _text(value: str) -> str:
    """Return a text as SQL; a quote in it is data."""
    return "'" + value.replace("'", "''") + "'"
