"""Lay out the figures of a report: sections, drawings and tables, in one language.

Rules this module keeps: it is pure; every number on the page is a figure of the
document or a number of its logs, and every row names its query.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from markupsafe import Markup

from uploadfilter.reporting.document import Document, Figure, LogFacts
from uploadfilter.reporting.gathered import (
    IS_DAMAGE,
    LogLack,
)
from uploadfilter.reporting.page.charts import DrawnValue, bars, columns
from uploadfilter.reporting.page.words import ReportWords
from uploadfilter.reporting.sql import Needs

MOST_COLUMNS: Final = 5
"""Most periods that stand beside each figure: more do not fit on paper."""

MEANS: Final = ("md5", "digest", "pdq", "altered")
"""The means that found an upload, the simplest first."""

_ALONE: Final = ("md5", "exact", "pdq", "altered")

_UPLOADS: Final = (
    "uploads",
    "inspected",
    "not_matched",
    "matched",
    "rejected",
    "monitored",
    "would_reject",
    "inconclusive",
    "rejected_unmatched",
    "exempt",
    "refused",
    "incapable",
    "shed",
)
_WORK: Final = ("cpu_ms", "cpu_hours", "gigabytes", "cost", "cost_of_million")
_PEOPLE: Final = ("clients", "clients_again", "repeats")
_BY_PERIOD: Final = (
    "uploads",
    "inspected",
    "matched",
    "rejected",
    "inconclusive",
    "shed",
)


@dataclass(frozen=True, slots=True)
class PageRow:
    """A row: its names, its query, and its numbers as text."""

    names: tuple[str, ...]
    query: str
    values: tuple[str | None, ...]


@dataclass(frozen=True, slots=True)
class PageTable:
    """A table: its headings, how many of them are names, and its rows."""

    headings: tuple[str, ...]
    names: int
    rows: tuple[PageRow, ...]


@dataclass(frozen=True, slots=True)
class PageDrawing:
    """A drawing, and the words below it; none if the heading says the same."""

    svg: Markup
    caption: str = ""


@dataclass(frozen=True, slots=True)
class PageNote:
    """A text that must not be overlooked."""

    text: str
    is_damage: bool = False


@dataclass(frozen=True, slots=True)
class PageLog:
    """A log with its checkpoint."""

    label: str
    words: str
    note: str


@dataclass(slots=True, kw_only=True)
class PageSection:
    """A section of the page."""

    name: str
    title: str
    intro: str
    notes: list[PageNote] = field(default_factory=list)
    drawings: list[PageDrawing] = field(default_factory=list)
    tables: list[PageTable] = field(default_factory=list)
    logs: list[PageLog] = field(default_factory=list)
    queries: list[tuple[str, str]] = field(default_factory=list)


class ReportLayout:
    """Lays out one document."""

    def __init__(self, document: Document, words: ReportWords) -> None:
        self._document = document
        self._words = words
        self._has_columns = 1 < len(document.periods) <= MOST_COLUMNS

    def sections(self) -> list[PageSection]:
        """Return the sections, in order."""
        made = [
            self._effect(),
            self._broken_down("copies", "copies", ("copies",)),
            self._lacks(),
            self._uploads(),
            self._by_period(),
            self._broken_down(
                "reasons", "inconclusive_by_reason", ("reason", "effect")
            ),
            self._broken_down("sets", "listed_by_set", ("set", "category", "state")),
            self._places(),
            self._chance(),
            self._plain("people", [(it, it, ()) for it in _PEOPLE], Needs.MATCHES),
            self._speed(),
            self._work(),
            self._silence(),
            self._broken_down("origin", "delivered", ("outcome",)),
            self._standing(),
            self._queries(),
        ]
        return [section for section in made if section is not None]

    def _section(self, name: str, needs: Needs = Needs.TOTALS) -> PageSection:
        words = self._words
        section = PageSection(
            name=name, title=words.of("sections", name), intro=words.of("intro", name)
        )
        said = [it for log in self._document.logs for it in log.said]
        gone = sum(number for lack, number, _ in said if lack == LogLack.MATCHES_GONE)
        if needs is Needs.MATCHES and gone:
            text = words.of_matches.format(count=words.number(gone))
            section.notes.append(PageNote(text))
        cut = {LogLack.TOTALS_ONLY, LogLack.DAYS_UNKNOWN}
        if needs is Needs.RECORDS and any(lack in cut for lack, _, _ in said):
            section.notes.append(PageNote(words.of_records))
        return section

    def _head(self, name: str) -> str:
        return self._words.of("headings", name)

    def _value(self, figure: Figure | None) -> str | None:
        return self._words.number(0 if figure is None else figure.total)

    def _columns(self) -> tuple[str, ...]:
        names = (
            [_whole(it.name) for it in self._document.periods]
            if self._has_columns
            else []
        )
        return (self._words.whole, *names)

    def _numbers(self, figure: Figure) -> tuple[str | None, ...]:
        found = [self._words.number(figure.total)]
        if self._has_columns:
            periods = figure.periods or (None,) * len(self._document.periods)
            found += [self._words.number(it) for it in periods]
        return tuple(found)

    def _effect(self) -> PageSection:
        section = self._section("effect", Needs.MATCHES)
        words, document = self._words, self._document
        drawn = []
        for means in _ALONE:
            figure = document.figure(f"alone_{means}")
            text = self._value(figure)
            drawn.append(
                DrawnValue(
                    words.of("means", means),
                    None if figure is None else figure.total,
                    words.hidden if text is None else text,
                )
            )
        section.drawings.append(PageDrawing(bars("effect", section.title, drawn)))
        rows = [
            PageRow((it.label,), f"alone_{means}", (self._value(figure), *first))
            for it, means in zip(drawn, _ALONE, strict=True)
            for figure in [document.figure(f"alone_{means}")]
            for first in [self._first(means)]
        ]
        headings = ("means", "alone", "first", "rejected")
        section.tables.append(
            PageTable(tuple(map(self._head, headings)), 1, tuple(rows))
        )
        return section

    def _first(self, means: str) -> tuple[str | None, str | None]:
        """Return how many uploads no simpler means found, and how many rejected."""
        name = {"exact": "digest"}.get(means, means)
        found = self._document.figure
        first, rejected = found(f"first_{name}"), found(f"rejected_{name}")
        return self._value(first), self._value(rejected)

    def _lacks(self) -> PageSection | None:
        section = self._section("lacks")
        for log in self._document.logs:
            for lack, number, detail in log.said:
                text = self._words.of(
                    "lacks", lack, number=self._words.number(number), detail=detail
                )
                note = PageNote(f"{log.label}: {text}.", lack in IS_DAMAGE)
                section.notes.append(note)
        return section if section.notes else None

    def _uploads(self) -> PageSection:
        rows = [(name, name, ()) for name in _UPLOADS]
        return self._plain("uploads", rows)

    def _plain(
        self,
        name: str,
        wanted: Iterable[tuple[str, str, tuple[str, ...]]],
        needs: Needs = Needs.TOTALS,
    ) -> PageSection:
        """Return a section with one table: label, query and key of each row."""
        section = self._section(name, needs)
        currency = self._document.chosen.currency
        rows = [
            PageRow(
                (self._words.of("rows", label, currency=currency),),
                query,
                self._numbers(figure),
            )
            for label, query, key in wanted
            if (figure := self._document.figure(query, *key)) is not None
        ]
        headings = (self._words.figure, *self._columns())
        section.tables.append(PageTable(headings, 1, tuple(rows)))
        return section

    def _broken_down(
        self,
        name: str,
        query: str,
        columns_: Sequence[str],
        needs: Needs = Needs.TOTALS,
    ) -> PageSection:
        section = self._section(name, needs)
        section.tables.append(self._breakdown(query, columns_))
        return section

    def _breakdown(self, query: str, columns_: Sequence[str]) -> PageTable:
        rows = [
            PageRow(
                tuple(key or "-" for key in figure.key), query, self._numbers(figure)
            )
            for figure in self._document.rows(query)
        ]
        headings = (*map(self._head, columns_), *self._columns())
        return PageTable(headings, len(columns_), tuple(rows))

    def _by_period(self) -> PageSection | None:
        """Return the periods as rows, if they are too many for columns."""
        periods = self._document.periods
        if len(periods) <= MOST_COLUMNS:
            return None
        section = self._section("by_period")
        figures = [self._document.figure(name) for name in _BY_PERIOD]
        matched = self._document.figure("matched")
        for figure, name in ((figures[0], "uploads"), (matched, "matched")):
            if figure is not None and figure.periods is not None:
                values = [
                    DrawnValue(_whole(it.name), value, self._words.number(value) or "")
                    for it, value in zip(periods, figure.periods, strict=True)
                ]
                title = self._words.of("rows", name)
                drawing = columns(f"p-{name}", title, values)
                section.drawings.append(PageDrawing(drawing, title))
        rows = [
            PageRow(
                (_whole(period.name),),
                "",
                tuple(
                    self._words.number(it.periods[at] if it and it.periods else None)
                    for it in figures
                ),
            )
            for at, period in enumerate(periods)
        ]
        heads = [self._words.of("rows", name) for name in _BY_PERIOD]
        section.tables.append(PageTable((self._words.period, *heads), 1, tuple(rows)))
        return section

    def _places(self) -> PageSection:
        section = self._section("places")
        for column in ("route", "log"):
            rows = []
            for figure in self._document.rows(f"uploads_by_{column}"):
                matched = self._document.figure(f"matched_by_{column}", *figure.key)
                values = self._value(figure), self._value(matched)
                names = tuple(key or "-" for key in figure.key)
                rows.append(PageRow(names, f"uploads_by_{column}", values))
            headings = (column, "uploads", "matched")
            section.tables.append(
                PageTable(tuple(map(self._head, headings)), 1, tuple(rows))
            )
        return section

    def _chance(self) -> PageSection:
        section = self._section("chance", Needs.MATCHES)
        found = self._document.figure
        rows = []
        for means in MEANS:
            values = (
                self._value(found(f"rejected_{means}")),
                self._value(found("expected", means)),
                self._value(found("unjudged", means)),
                self._value(found("objections_by_means", means)),
                self._value(found("granted_by_means", means)),
            )
            names = (self._words.of("means", means),)
            rows.append(PageRow(names, f"rejected_{means}", values))
        columns_ = ("rejected", "expected", "unjudged", "objections", "granted")
        headings = tuple(map(self._head, ("means", *columns_)))
        section.tables.append(PageTable(headings, 1, tuple(rows)))
        states = [
            PageRow(
                (self._words.known("states", figure.key[0]),),
                "objections",
                self._numbers(figure),
            )
            for figure in self._document.rows("objections")
        ]
        headings = (self._head("objections"), *self._columns())
        section.tables.append(PageTable(headings, 1, tuple(states)))
        return section

    def _speed(self) -> PageSection:
        names = ["spread", "spread_withdrawals", "answered"]
        if self._document.chosen.published:
            names = ["enforced", "released", *names]
        wanted = [
            (f"{query}_{key}", query, (key,))
            for query in names
            for key in ("number", "median", "most")
            if (query, key) != ("answered", "number")
        ]
        return self._plain("speed", wanted)

    def _work(self) -> PageSection:
        wanted: list[tuple[str, str, tuple[str, ...]]] = [
            (f"percentile_{share}", "percentile", (str(share),))
            for share in (50, 95, 99)
        ]
        wanted += [(name, name, ()) for name in _WORK]
        return self._plain("work", wanted, Needs.RECORDS)

    def _silence(self) -> PageSection:
        section = self._section("silence", Needs.RECORDS)
        names = ("known_minutes", "silent_minutes", "silent_everywhere", "starts")
        found = self._document.figure
        rows = [
            PageRow(
                (log.label,),
                "silent_minutes",
                tuple(self._value(found(name, log.label)) for name in names),
            )
            for log in self._document.logs
        ]
        columns_ = ("log", "known", "silent", "everywhere", "starts")
        section.tables.append(
            PageTable(tuple(map(self._head, columns_)), 1, tuple(rows))
        )
        section.tables.append(self._breakdown("shed_by_reason", ("reason",)))
        section.tables.append(self._breakdown("incapable_by_reason", ("reason",)))
        return section

    def _standing(self) -> PageSection:
        section = self._section("standing")
        section.logs = [self._log(log) for log in self._document.logs]
        return section

    def _log(self, log: LogFacts) -> PageLog:
        words = (
            f"{self._words.number(log.records)} {self._head('records')}, "
            f"{self._head('from')} {log.since[:19]} {self._head('to')} "
            f"{log.until[:19]}; {log.last}:{log.head}"
        )
        standing = log.standing
        note = "" if standing is None else f"{standing.key}\n\n{standing.note}"
        return PageLog(log.label, words, note)

    def _queries(self) -> PageSection:
        section = self._section("queries")
        section.queries = list(self._document.queries.items())
        return section


def _whole(name: str) -> str:
    """Return the name of a period so that no line ends in it."""
    return name.replace("-", "\N{NON-BREAKING HYPHEN}")
