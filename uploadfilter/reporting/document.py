"""Define the document of a report: all figures, with their queries and checkpoints.

The document is the report; page, PDF and table only show it. If it is computed again
from the same logs, up to the same checkpoints, it is the same document.
"""

from datetime import date, datetime
from enum import StrEnum
from typing import Final

import msgspec

from uploadfilter.reporting.gathered import (
    LogStanding,
)

FORMAT: Final = 1
"""Version of the document."""


class By(StrEnum):
    """The length of a report's periods."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"


MOST_PERIODS: Final = 100
"""Most periods of a report: a person reads a quarter of days, and no more columns."""


class PublishedSet(msgspec.Struct, frozen=True, kw_only=True):
    """When an issuer published a signed set, as the issuer says.

    Attributes:
        at: The time, with a time zone.
    """

    set: str
    sequence: int
    at: datetime

    def __post_init__(self) -> None:
        """Refuse a time without a zone, which would be another hour elsewhere."""
        if self.at.tzinfo is None:
            raise ValueError(f"{self.at} of {self.set} has no time zone")


class ReportChoices(msgspec.Struct, frozen=True, kw_only=True):
    """The choices of the person who made the report.

    Attributes:
        first: The first day, UTC.
        by: Length of the periods; ``None`` for one.
        price: Price of a CPU hour; ``None`` if it was not given.
        published: When sets were published, which no record holds.
    """

    first: date
    last: date
    by: By | None = None
    least: int
    price: float | None = None
    currency: str = "EUR"
    language: str = "en"
    title: str = ""
    published: tuple[PublishedSet, ...] = ()


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """One figure.

    Attributes:
        key: The values of the query's columns.
        total: The number of the whole time; ``None`` if it is hidden.
        periods: The number of each period; ``None`` if they are hidden.
    """

    query: str
    key: tuple[str, ...] = ()
    total: int | float | None
    periods: tuple[int | float, ...] | None = None


class LogFacts(msgspec.Struct, frozen=True, kw_only=True):
    """A log of the report.

    Attributes:
        last: Number of the last one.
        head: Hash of the last one's line.
        said: Its lacks: kind, number, detail.
    """

    label: str
    instance: str
    standing: LogStanding | None
    records: int
    last: int
    head: str
    since: str
    until: str
    said: tuple[tuple[str, int, str], ...]


class PeriodFacts(msgspec.Struct, frozen=True, kw_only=True):
    """A period: its name, its first day and its last."""

    name: str
    first: date
    last: date


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """A report.

    Attributes:
        queries: The query of each name, in words.
        needs: By name, the records that the query needs.
    """

    format: int = FORMAT
    program: str
    made: str
    chosen: ReportChoices
    periods: tuple[PeriodFacts, ...]
    logs: tuple[LogFacts, ...]
    queries: dict[str, str]
    needs: dict[str, str]
    figures: tuple[Figure, ...]

    def figure(self, query: str, *key: str) -> Figure | None:
        """Return one figure, if there is one."""
        return next(
            (it for it in self.figures if (it.query, it.key) == (query, key)), None
        )

    def rows(self, query: str) -> list[Figure]:
        """Return the figures of a query, the largest first."""
        found = [it for it in self.figures if it.query == query]
        return sorted(found, key=lambda it: (-(it.total or 0), it.key))


def periods_of(first: date, last: date, by: By | None) -> tuple[PeriodFacts, ...]:
    """Divide the days of a report; the first and the last period may be shorter."""
    starts = [
        date.fromordinal(at)
        for at in range(first.toordinal(), last.toordinal() + 1)
        if at == first.toordinal() or _begins(date.fromordinal(at), by)
    ]
    ends = [date.fromordinal(it.toordinal() - 1) for it in starts[1:]] + [last]
    return tuple(
        PeriodFacts(name=_name(start, by), first=start, last=end)
        for start, end in zip(starts, ends, strict=True)
    )


def _begins(day: date, by: By | None) -> bool:
    match by:
        case By.DAY:
            return True
        case By.WEEK:
            return day.weekday() == 0
        case By.MONTH:
            return day.day == 1
        case By.QUARTER:
            return day.day == 1 and day.month % 3 == 1
        case None:
            return False


def _name(start: date, by: By | None) -> str:
    match by:
        case By.WEEK:
            year, week, _ = start.isocalendar()
            return f"{year}-W{week:02d}"
        case By.MONTH:
            return f"{start:%Y-%m}"
        case By.QUARTER:
            return f"{start.year} Q{(start.month + 2) // 3}"
        case _:
            return start.isoformat()
