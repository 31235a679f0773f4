"""Define each figure of a report as a small query, which is shown and carried out.

There is one source: ``FigureQuery.text`` is written from the fields by which
``rows_of`` counts. A query names a table, the conditions that a row must meet, the
columns that figures are broken down by, and the number that is added up.

Rules this module keeps: it is pure; a condition compares a column with values, nothing
else, so that a person can check a figure with ``jq`` on the records themselves.

To add a figure: a query in ``QUERIES``, its words in ``page/en.toml`` and
``page/nl.toml``, and its place in ``page/layout.py``.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple

from uploadfilter.model import EXEMPTIONS, INCAPACITY, REFUSALS, Reason
from uploadfilter.reporting.tables import OTHERS, Cell, Way

REFUSED: Final = tuple(sorted(REFUSALS | {Reason.PIECEWISE_UPLOAD}))
INCAPABLE: Final = tuple(sorted(INCAPACITY))
_EXEMPT: Final = tuple(sorted(EXEMPTIONS))


class Op(StrEnum):
    """How a condition compares."""

    IS = "is"
    NOT = "is not"
    HAS = "has"
    LACKS = "lacks"


class Condition(NamedTuple):
    """A condition on a row.

    Attributes:
        column: The column.
        op: ``is`` and ``is not`` compare the whole value, ``has`` and ``lacks`` the
            parts of a value that are joined by ``+``.
        values: The values, one of which is enough.
    """

    column: str
    op: Op
    values: tuple[Cell, ...]

    @property
    def text(self) -> str:
        """The condition in words."""
        values = " or ".join("nothing" if it is None else str(it) for it in self.values)
        return f"{self.column} {self.op} {values}"

    def holds(self, row: Mapping[str, Cell]) -> bool:
        """Return whether a row meets it."""
        value = row.get(self.column)
        match self.op:
            case Op.IS:
                return value in self.values
            case Op.NOT:
                return value not in self.values
            case Op.HAS:
                return any(it in str(value).split("+") for it in self.values)
            case Op.LACKS:
                return all(it not in str(value).split("+") for it in self.values)


class RecordSource(StrEnum):
    """The kind of records that a query counts."""

    DECISIONS = "decisions"
    REASONS = "reasons of decisions"
    OUTCOMES = "outcomes"
    SHEDS = "sheds"
    LATENCY = "durations of decisions"
    COPIES = "searches for altered copies after the answer"
    CLIENTS = "clients of a day with a rejected match"
    OBJECTIONS = "objections"


LABELS: Final = frozenset({"set", "category", "state"})
"""Columns that a decision may have several values of; it counts once for each."""


MOST_ROWS: Final = 200
"""Most rows of a breakdown, beside those that count together as ``*``. Nobody reads
more, and the time to decide which rows are hidden grows with the third power."""


class Needs(StrEnum):
    """The records that a query needs.

    Day totals are enough for ``TOTALS``; ``MATCHES`` needs the decisions with a match,
    which are kept for longer; ``RECORDS`` needs all.
    """

    TOTALS = "totals"
    MATCHES = "matches"
    RECORDS = "records"


@dataclass(frozen=True, slots=True, kw_only=True)
class FigureQuery:
    """The definition of figures.

    Attributes:
        name: Its name, unique.
        source: The records that are counted.
        where: Conditions, all of which a row meets.
        by: Columns; there is a figure for each of their values.
        counts: The number that is added up.
        needs: The records that have to be there.
        above: Name of the query that this one breaks down.
    """

    name: str
    source: RecordSource = RecordSource.DECISIONS
    where: tuple[Condition, ...] = ()
    by: tuple[str, ...] = ()
    counts: str = "uploads"
    needs: Needs = Needs.TOTALS
    above: str | None = None

    @property
    def is_by_label(self) -> bool:
        """Whether an upload may have several of its values."""
        return self.source is RecordSource.DECISIONS and not LABELS.isdisjoint(self.by)

    @property
    def text(self) -> str:
        """The query in words."""
        parts = [f"{self.counts} of {self.source}"]
        if self.where:
            parts.append("where " + " and ".join(it.text for it in self.where))
        if self.by:
            parts.append("by " + ", ".join(self.by))
        return " ".join(parts)


class Rows(NamedTuple):
    """The figures of a query.

    Attributes:
        values: Of each period the number, by the values of the query's columns.
        cells: The cells that were added up, by the same.
    """

    values: dict[tuple[Cell, ...], list[int]]
    cells: dict[tuple[Cell, ...], set[int]]


class CountedCell(NamedTuple):
    """Counts of uploads that agree in every column.

    Attributes:
        number: Its number among all cells.
        source: The kind of records.
        row: The columns.
        labels: For ``set``, ``category``, ``state`` and ``way``: the groups of matches.
        amounts: Of each period the numbers, by name.
    """

    number: int
    source: RecordSource
    row: Mapping[str, Cell]
    labels: tuple[Mapping[str, Cell], ...]
    amounts: tuple[Mapping[str, int], ...]


def rows_of(query: FigureQuery, cells: Iterable[CountedCell], periods: int) -> Rows:
    """Carry out a query.

    Args:
        query: The query.
        cells: All cells.
        periods: Number of periods.
    """
    found = Rows({}, {})
    if not query.by:
        found.values[()] = [0] * periods
        found.cells[()] = set()
    for cell in cells:
        if cell.source is not query.source:
            continue
        if not all(condition.holds(cell.row) for condition in query.where):
            continue
        for key in set(_keys(query, cell)):
            numbers = found.values.setdefault(key, [0] * periods)
            for period, amounts in enumerate(cell.amounts):
                numbers[period] += amounts.get(query.counts, 0)
                if query.is_by_label:
                    # Where records are gone, their day's total names the sets.
                    numbers[period] += amounts.get("listed", 0)
            found.cells.setdefault(key, set()).add(cell.number)
    _fold(found)
    return found


def _fold(found: Rows) -> None:
    """Count the smallest rows together if there are more than ``MOST_ROWS``."""
    largest = sorted(
        found.values, key=lambda key: (-sum(found.values[key]), tuple(map(str, key)))
    )
    for key in largest[MOST_ROWS:]:
        others = (OTHERS,) * len(key)
        numbers = found.values.pop(key)
        before = found.values.setdefault(others, [0] * len(numbers))
        found.values[others] = [sum(it) for it in zip(before, numbers, strict=True)]
        found.cells.setdefault(others, set()).update(found.cells.pop(key))


def _keys(query: FigureQuery, cell: CountedCell) -> Iterator[tuple[Cell, ...]]:
    if not query.is_by_label:
        yield tuple(cell.row.get(column) for column in query.by)
        return
    for label in cell.labels:
        yield tuple(label.get(column, cell.row.get(column)) for column in query.by)


_MATCH: Final = Condition("verdict", Op.IS, ("MATCH",))
_REJECTED: Final = Condition("effect", Op.IS, ("REJECT",))
_EXACT: Final = (Way.MD5, Way.DIGEST)
_WITHIN: Final = (Way.PDQ, Way.OTHER)


def _way(op: Op, *ways: Way) -> Condition:
    return Condition("ways", op, ways)


_ALONE: Final = {
    "md5": (Way.MD5,),
    "exact": _EXACT,
    "pdq": _WITHIN,
    "altered": (Way.ALTERED,),
}
"""The means that are compared: each of them by itself."""

_FIRST: Final = {
    "md5": (_way(Op.HAS, Way.MD5),),
    "digest": (_way(Op.HAS, Way.DIGEST), _way(Op.LACKS, Way.MD5)),
    "pdq": (_way(Op.HAS, *_WITHIN), _way(Op.LACKS, *_EXACT)),
    "altered": (_way(Op.HAS, Way.ALTERED), _way(Op.LACKS, *_EXACT, *_WITHIN)),
}
"""The least means that found an upload: each counts once."""


def _by_means() -> Iterator[FigureQuery]:
    for name, ways in _ALONE.items():
        yield FigureQuery(
            name=f"alone_{name}",
            where=(_MATCH, _way(Op.HAS, *ways)),
            needs=Needs.MATCHES,
        )
    for name, conditions in _FIRST.items():
        yield FigureQuery(
            name=f"first_{name}", where=(_MATCH, *conditions), needs=Needs.MATCHES
        )
        rejected = (_MATCH, _REJECTED, *conditions)
        yield FigureQuery(name=f"rejected_{name}", where=rejected, needs=Needs.MATCHES)
        for counts in ("chance", "unjudged"):
            yield FigureQuery(
                name=f"{counts}_{name}",
                where=rejected,
                counts=counts,
                needs=Needs.MATCHES,
            )


_INSPECTED: Final = (Condition("reason", Op.NOT, (*_EXEMPT, *REFUSED, *INCAPABLE)),)

QUERIES: Final[tuple[FigureQuery, ...]] = (
    FigureQuery(name="uploads"),
    FigureQuery(name="inspected", where=_INSPECTED),
    FigureQuery(name="exempt", where=(Condition("reason", Op.IS, _EXEMPT),)),
    FigureQuery(name="refused", where=(Condition("reason", Op.IS, REFUSED),)),
    FigureQuery(name="incapable", where=(Condition("reason", Op.IS, INCAPABLE),)),
    FigureQuery(name="matched", where=(_MATCH,)),
    FigureQuery(name="rejected", where=(_MATCH, _REJECTED)),
    FigureQuery(
        name="monitored",
        where=(_MATCH, Condition("effect", Op.IS, ("ACCEPT",))),
    ),
    FigureQuery(
        name="would_reject",
        where=(_MATCH, Condition("would", Op.IS, ("REJECT",))),
    ),
    FigureQuery(
        name="not_matched",
        where=(Condition("verdict", Op.IS, ("NO_MATCH",)), *_INSPECTED),
    ),
    FigureQuery(
        name="inconclusive",
        where=(Condition("verdict", Op.IS, ("INCONCLUSIVE",)), *_INSPECTED),
    ),
    FigureQuery(
        name="inconclusive_by_reason",
        where=(Condition("verdict", Op.IS, ("INCONCLUSIVE",)), *_INSPECTED),
        by=("reason", "effect"),
        above="inconclusive",
    ),
    FigureQuery(
        name="rejected_unmatched",
        where=(Condition("verdict", Op.NOT, ("MATCH",)), _REJECTED),
    ),
    FigureQuery(name="shed", source=RecordSource.SHEDS),
    FigureQuery(
        name="shed_by_reason", source=RecordSource.SHEDS, by=("reason",), above="shed"
    ),
    FigureQuery(
        name="incapable_by_reason",
        where=(Condition("reason", Op.IS, INCAPABLE),),
        by=("reason",),
        above="incapable",
    ),
    FigureQuery(name="uploads_by_route", by=("route",), above="uploads"),
    FigureQuery(name="uploads_by_log", by=("log",), above="uploads"),
    FigureQuery(
        name="matched_by_route", where=(_MATCH,), by=("route",), above="matched"
    ),
    FigureQuery(name="matched_by_log", where=(_MATCH,), by=("log",), above="matched"),
    FigureQuery(name="listed_by_set", by=("set", "category", "state")),
    *_by_means(),
    FigureQuery(name="copies", source=RecordSource.COPIES, by=("copies",)),
    FigureQuery(name="bytes", counts="bytes"),
    FigureQuery(name="cpu", counts="cpu_us"),
    FigureQuery(name="delivered", source=RecordSource.OUTCOMES, by=("outcome",)),
    FigureQuery(
        name="clients",
        source=RecordSource.CLIENTS,
        needs=Needs.MATCHES,
        counts="clients",
    ),
    FigureQuery(
        name="clients_again",
        source=RecordSource.CLIENTS,
        where=(Condition("rejections", Op.NOT, ("1",)),),
        needs=Needs.MATCHES,
        counts="clients",
    ),
    FigureQuery(
        name="repeats",
        source=RecordSource.CLIENTS,
        where=(Condition("rejections", Op.NOT, ("1",)),),
        needs=Needs.MATCHES,
        counts="later rejections",
    ),
    FigureQuery(
        name="objections",
        source=RecordSource.OBJECTIONS,
        by=("state",),
        counts="events",
    ),
    FigureQuery(
        name="objections_by_means",
        source=RecordSource.OBJECTIONS,
        where=(Condition("state", Op.IS, ("received",)),),
        by=("means",),
        counts="events",
    ),
    FigureQuery(
        name="granted_by_means",
        source=RecordSource.OBJECTIONS,
        where=(Condition("state", Op.IS, ("reversed",)),),
        by=("means",),
        counts="events",
    ),
    FigureQuery(
        name="durations", source=RecordSource.LATENCY, by=("bin",), needs=Needs.RECORDS
    ),
)
"""All queries; the more general ones first."""

COUNTS_PEOPLE: Final = frozenset({"uploads", "clients", "later rejections", "events"})
"""The numbers that are hidden where they are small."""
