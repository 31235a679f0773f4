"""Count records by day, so that the counts outlast the records.

Each record counts once, for the UTC day of its time. The counts are in the head of
every segment until the day is over, and then in a total record, so that a log can be
continued from its newest segment alone. ``verify`` counts again with the code below,
and compares; the tests count with slow and simple code.

Rules this module keeps: it is pure, and the number of rows is bounded. Verdicts,
actions and reasons are enums; routes and hash sets come from the operator, and those
beyond ``MOST_ROWS`` are counted together under the name ``OTHERS``.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date
from operator import attrgetter
from typing import Any, Final

from uploadfilter.decisions.records.lasting import (
    DayTotals,
    MatchesTotal,
    OutcomesTotal,
    ReasonsTotal,
    ShedsTotal,
    UploadsTotal,
)
from uploadfilter.decisions.records.records import (
    CopyRecord,
    DecisionRecord,
    OutcomeRecord,
    Record,
    ShedRecord,
    UnsearchedRecord,
)
from uploadfilter.decisions.records.summaries import SummaryRecord
from uploadfilter.model import Action, EntryState, Mode, Reason, Verdict

MOST_ROWS: Final = 500
"""Most rows of one kind for a day: a hundred kilobytes at worst. A site has some
twenty; only very many routes or categories lead to more."""

MOST_DAYS: Final = 4
"""Most open days. Around midnight there are two; there are more only if the clock is
set, and then the oldest are closed early."""

OTHERS: Final = "*"
"""The name for routes, hash sets and categories beyond ``MOST_ROWS``; none of them can
have this name."""

_UploadKey = tuple[
    Mode,
    str | None,
    Verdict,
    Action,
    Action,
    Reason | None,
    Action,
    Reason | None,
    int | None,
]
"""The properties that the uploads of a row share, in the order of ``UploadsTotal``."""

_PROPERTIES: Final = UploadsTotal.__struct_fields__[:9]
_key_of: Callable[[UploadsTotal], _UploadKey] = attrgetter(*_PROPERTIES)
_MatchKey = tuple[str, str, EntryState]


@dataclass(slots=True)
class DayCounts:
    """The counts of one day.

    Attributes:
        uploads: Number, bytes and microseconds, by shared properties.
        matches: Uploads by hash set, category and state.
        reasons: Uploads by reason.
        outcomes: Uploads by outcome.
        sheds: Uploads without a decision, by reason and status.
        copies: Uploads in which an altered copy was found after the answer.
        unsearched: Uploads that were not searched for altered copies afterwards.
    """

    uploads: dict[_UploadKey, list[int]] = field(default_factory=dict)
    matches: dict[_MatchKey, int] = field(default_factory=dict)
    reasons: dict[Reason, int] = field(default_factory=dict)
    outcomes: dict[int | str, int] = field(default_factory=dict)
    sheds: dict[tuple[Reason, int], int] = field(default_factory=dict)
    copies: int = 0
    unsearched: int = 0

    def decided(self, record: DecisionRecord) -> None:
        """Count a decision."""
        would, would_reason = record.if_enforced
        key = (
            record.mode,
            record.route,
            record.verdict,
            record.action,
            record.effect,
            record.reason,
            would,
            would_reason,
            record.status,
        )
        row = self.uploads.get(key)
        if row is None:
            row = self._new_row(key)
        row[0] += 1
        row[1] += record.size
        row[2] += round(record.cpu_ms * 1000)
        for reason in record.reasons:
            self.reasons[reason] = self.reasons.get(reason, 0) + 1
        if record.matches:
            for match in {(it.set, it.category, it.state) for it in record.matches}:
                self._matched(match)

    def _new_row(self, key: _UploadKey) -> list[int]:
        if len(self.uploads) >= MOST_ROWS:
            key = (key[0], OTHERS, *key[2:])
        return self.uploads.setdefault(key, [0, 0, 0])

    def _matched(self, key: _MatchKey) -> None:
        if key not in self.matches and len(self.matches) >= MOST_ROWS:
            key = (OTHERS, OTHERS, key[2])
        self.matches[key] = self.matches.get(key, 0) + 1

    def came_out(self, record: OutcomeRecord) -> None:
        """Count the outcome of an upload."""
        outcome = record.outcome
        self.outcomes[outcome] = self.outcomes.get(outcome, 0) + 1

    def shed(self, record: ShedRecord) -> None:
        """Count uploads without a decision."""
        key = record.reason, record.status
        self.sheds[key] = self.sheds.get(key, 0) + record.count

    def summarised(self, record: SummaryRecord) -> None:
        """Count uploads that have no decision of their own."""
        self._add_uploads(record.uploads)
        _add(self.reasons, ((it.reason, it.uploads) for it in record.reasons))

    def add(self, totals: DayTotals) -> None:
        """Add earlier counts."""
        self._add_uploads(totals.uploads)
        _add(
            self.matches,
            (((it.set, it.category, it.state), it.uploads) for it in totals.matches),
        )
        _add(self.reasons, ((it.reason, it.uploads) for it in totals.reasons))
        _add(self.outcomes, ((it.outcome, it.uploads) for it in totals.outcomes))
        _add(self.sheds, (((it.reason, it.status), it.uploads) for it in totals.sheds))
        self.copies += totals.copies
        self.unsearched += totals.unsearched

    def _add_uploads(self, rows: Iterable[UploadsTotal]) -> None:
        for row in rows:
            key = _key_of(row)
            counts = self.uploads.get(key)
            if counts is None:
                counts = self._new_row(key)
            counts[0] += row.uploads
            counts[1] += row.bytes
            counts[2] += row.cpu_us

    def totals(self, day: date) -> DayTotals:
        """Return the counts in the form of the log."""
        return DayTotals(
            day=day,
            uploads=tuple(
                _upload_row(key, counts) for key, counts in self.uploads.items()
            ),
            matches=tuple(
                MatchesTotal(set=name, category=category, state=state, uploads=count)
                for (name, category, state), count in self.matches.items()
            ),
            reasons=tuple(
                ReasonsTotal(reason=reason, uploads=count)
                for reason, count in self.reasons.items()
            ),
            outcomes=tuple(
                OutcomesTotal(outcome=outcome, uploads=count)
                for outcome, count in self.outcomes.items()
            ),
            sheds=tuple(
                ShedsTotal(reason=reason, status=status, uploads=count)
                for (reason, status), count in self.sheds.items()
            ),
            copies=self.copies,
            unsearched=self.unsearched,
        )


def _add(counts: dict[Any, int], more: Iterable[tuple[Any, int]]) -> None:
    for key, number in more:
        counts[key] = counts.get(key, 0) + number


def _upload_row(key: _UploadKey, counts: list[int]) -> UploadsTotal:
    shared: dict[str, Any] = dict(zip(_PROPERTIES, key, strict=True))
    uploads, size, cpu_us = counts
    return UploadsTotal(**shared, uploads=uploads, bytes=size, cpu_us=cpu_us)


def _tally(totals: DayTotals) -> DayCounts:
    tally = DayCounts()
    tally.add(totals)
    return tally


class OpenDays:
    """The counts that are in no total record yet, by day."""

    __slots__ = ("_days",)

    def __init__(self, totals: Iterable[DayTotals] = ()) -> None:
        self._days: dict[date, DayCounts] = {}
        for item in totals:
            self.of(item.day).add(item)

    def of(self, day: date) -> DayCounts:
        """Return the counts of a day."""
        tally = self._days.get(day)
        if tally is None:
            tally = self._days[day] = DayCounts()
        return tally

    def count(self, record: Record) -> None:
        """Count a record, if its kind is counted."""
        if isinstance(record, DecisionRecord):
            self.of(record.time.date()).decided(record)
        elif isinstance(record, OutcomeRecord):
            self.of(record.time.date()).came_out(record)
        elif isinstance(record, ShedRecord):
            self.of(record.time.date()).shed(record)
        elif isinstance(record, SummaryRecord):
            self.of(record.time.date()).summarised(record)
        elif isinstance(record, CopyRecord):
            self.of(record.time.date()).copies += record.is_altered
        elif isinstance(record, UnsearchedRecord):
            self.of(record.time.date()).unsearched += record.count

    def due(self, today: date) -> tuple[DayTotals, ...]:
        """Return the past days, the oldest first; they stay open."""
        days = sorted(self._days)
        early = days[:-MOST_DAYS]
        over = (day for day in days if day < today or day in early)
        return tuple(self._days[day].totals(day) for day in over)

    def is_same(self, totals: Iterable[DayTotals]) -> bool:
        """Return whether the open counts equal those of a head."""
        return self._days == {it.day: _tally(it) for it in totals}

    def agree(self, totals: DayTotals) -> bool:
        """Return whether the counts of a day equal those of a total record."""
        return self._days.get(totals.day, DayCounts()) == _tally(totals)

    def close(self, day: date) -> DayCounts:
        """Return the counts of a day, and reset them."""
        return self._days.pop(day, None) or DayCounts()

    def totals(self) -> tuple[DayTotals, ...]:
        """Return the open counts in the form of a segment's head."""
        return tuple(tally.totals(day) for day, tally in self._days.items())
