"""Count records into a part: quickly, many at once.

Most records are decisions without a match. They are grouped by their key in C
(``attrgetter`` and a dictionary), and their numbers are added by numpy, so that one
costs some 2 us. ``obvious.py`` counts the same one by one; a property test compares
the two.

Rules this module keeps: it is pure, and whole numbers only are added.
"""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import chain
from operator import attrgetter
from typing import Final, cast

import numpy as np
import numpy.typing as npt

from uploadfilter.reporting.lines import (
    AnyLine,
    CopyLine,
    DayFields,
    DecisionLine,
    MatchFields,
    OutcomeLine,
    ShedLine,
    SummaryLine,
    UnsearchedLine,
    UploadsRow,
)
from uploadfilter.reporting.tables import (
    ALTERED,
    CHANCE_UNIT,
    EXACT,
    LATENCY_EDGES_US,
    MOST_LABELS,
    OTHERS,
    UNSEARCHED,
    UPLOAD_COLUMNS,
    CountTable,
    Key,
    Part,
    Way,
    way_of,
)

_DAY: Final = 10
_MINUTE: Final = 16
"""Characters of a time that name the day and the minute: ``2026-11-25T12:34``."""

_EDGES_US: Final = np.array(LATENCY_EDGES_US)
_BINS: Final = len(LATENCY_EDGES_US) + 1
_MICRO: Final = 1000.0
"""Microseconds of a millisecond."""

_KEY: Final = attrgetter(*UPLOAD_COLUMNS)
_VERDICT: Final = UPLOAD_COLUMNS.index("verdict")
_EFFECT: Final = UPLOAD_COLUMNS.index("effect")


class _Numbers(dict[Key, int]):
    """The number of each key, in the order in which they came."""

    def __missing__(self, key: Key) -> int:
        self[key] = number = len(self)
        return number


def count(records: Sequence[AnyLine]) -> Part:
    """Count records.

    Raises:
        OverflowError: A number is larger than any that the program writes.
    """
    part = Part()
    days: dict[str, list[AnyLine]] = {}
    for record in records:
        days.setdefault(record.time[:_DAY], []).append(record)
    for day, its in days.items():
        _count_day(part, day, its)
    for moment in {record.time[:_MINUTE] for record in records}:
        day, _, clock = moment.partition("T")
        minute = int(clock[:2]) * 60 + int(clock[3:])
        part.minutes[day] = part.minutes.get(day, 0) | 1 << minute
    return part


def _count_day(part: Part, day: str, records: Sequence[AnyLine]) -> None:
    decisions = [record for record in records if type(record) is DecisionLine]
    _count_decisions(part, day, decisions)
    outcomes = [record.outcome for record in records if type(record) is OutcomeLine]
    for outcome, number in Counter(outcomes).items():
        part.add(CountTable.OUTCOMES, (day, outcome), number)
    if len(decisions) + len(outcomes) == len(records):
        return
    for record in records:
        match record:
            case ShedLine():
                key = (day, record.reason, record.status)
                part.add(CountTable.SHEDS, key, record.count)
            case CopyLine():
                if any(it.kind == Way.ALTERED for it in record.matches):
                    part.add(CountTable.COPIES, (day, ALTERED), 1)
            case UnsearchedLine():
                part.add(CountTable.COPIES, (day, UNSEARCHED), record.count)
            case SummaryLine():
                _add_uploads(part, day, record.uploads)
                for row in record.reasons:
                    part.add(CountTable.REASONS, (day, row.reason), row.uploads)
            case _:
                pass


def count_totals(part: Part, totals: DayFields) -> None:
    """Add the numbers of a day's total record."""
    day = totals.day
    _add_uploads(part, day, totals.uploads)
    for match in totals.matches:
        key = (day, match.set, match.category, match.state)
        part.add(CountTable.MATCHES, key, match.uploads)
    for reason in totals.reasons:
        part.add(CountTable.REASONS, (day, reason.reason), reason.uploads)
    for outcome in totals.outcomes:
        part.add(CountTable.OUTCOMES, (day, outcome.outcome), outcome.uploads)
    for shed in totals.sheds:
        part.add(CountTable.SHEDS, (day, shed.reason, shed.status), shed.uploads)
    for copies, number in ((ALTERED, totals.copies), (UNSEARCHED, totals.unsearched)):
        if number:
            part.add(CountTable.COPIES, (day, copies), number)


def _add_uploads(part: Part, day: str, rows: Iterable[UploadsRow]) -> None:
    for row in rows:
        key = (day, *_KEY(row))
        part.add(CountTable.UPLOADS, key, row.uploads, row.bytes, row.cpu_us)


def _count_decisions(part: Part, day: str, decisions: Sequence[DecisionLine]) -> None:
    if not decisions:
        return
    numbers = _Numbers()
    amount = len(decisions)
    ids = np.fromiter(
        map(numbers.__getitem__, map(_KEY, decisions)), np.int64, count=amount
    )
    uploads = np.bincount(ids)
    sizes = _summed(ids, _values(decisions, "size"))
    spent = _summed(ids, np.rint(_values(decisions, "cpu_ms") * _MICRO))
    for key, number in numbers.items():
        of_key = int(uploads[number]), int(sizes[number]), int(spent[number])
        part.add(CountTable.UPLOADS, (day, *key), *of_key)
    _count_latency(part, day, decisions, numbers, ids)
    reasons = Counter(chain.from_iterable(map(attrgetter("reasons"), decisions)))
    for reason, number in reasons.items():
        part.add(CountTable.REASONS, (day, reason), number)
    for decision in decisions:
        if decision.matches:
            count_matches(part, day, decision)


def _values(decisions: Sequence[DecisionLine], name: str) -> npt.NDArray[np.float64]:
    values = map(attrgetter(name), decisions)
    return np.fromiter(values, np.float64, count=len(decisions))


def _summed(
    ids: npt.NDArray[np.int64], values: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Return the sum of each group; exact, as all are whole and the sum is small.

    Raises:
        OverflowError: A sum may be inexact.
    """
    sums: npt.NDArray[np.float64] = np.bincount(ids, weights=values).astype(float)
    if not np.all(np.abs(sums) < 1 << 53):
        raise OverflowError("a sum of this many is not exact")
    return sums


def _count_latency(
    part: Part,
    day: str,
    decisions: Sequence[DecisionLine],
    numbers: _Numbers,
    ids: npt.NDArray[np.int64],
) -> None:
    durations = np.rint(_values(decisions, "duration_ms") * _MICRO)
    bins = np.searchsorted(_EDGES_US, durations, side="right")
    keys = list(numbers)
    found, amounts = np.unique(ids * _BINS + bins, return_counts=True)
    for place, amount in zip(found.tolist(), amounts.tolist(), strict=True):
        number, bin_number = divmod(place, _BINS)
        key = keys[number]
        row = (day, key[_VERDICT], key[_EFFECT], bin_number)
        part.add(CountTable.LATENCY, row, amount)


def count_matches(part: Part, day: str, decision: DecisionLine) -> None:
    """Count the matches of one decision, and a rejected client."""
    for match in {(it.set, it.category, it.state) for it in decision.matches}:
        part.add(CountTable.MATCHES, (day, *match), 1)
    ways = {way_of(it.signal_type, it.kind) for it in decision.matches}
    known = [it.chance for it in decision.matches if it.chance is not None]
    is_exact = bool(ways & EXACT)
    # The match that chance explains least is the evidence for the upload.
    chance = 0 if is_exact or not known else _chance_units(min(known))
    key = (day, *_KEY(decision), "+".join(sorted(ways)))
    unjudged = not is_exact and not known
    part.add(
        CountTable.FOUND, (*key, labels_of(decision.matches)), 1, chance, int(unjudged)
    )
    is_rejected = decision.verdict == "MATCH" and decision.effect == "REJECT"
    if is_rejected and decision.client is not None:
        part.add(CountTable.REPEATS, (day, decision.client), 1)


def _chance_units(chance: float) -> int:
    """Return E as a whole number of units; more than 1 counts as 1."""
    return round(min(max(chance, 0.0), 1.0) / CHANCE_UNIT)


def labels_of(matches: Iterable[MatchFields]) -> str:
    """Return set, category, state and ways of each group of matches, as JSON."""
    groups: dict[tuple[str, str, str], set[str]] = {}
    for it in matches:
        group = groups.setdefault((it.set, it.category, it.state), set())
        group.add(way_of(it.signal_type, it.kind))
    rows = [[*label, "+".join(sorted(ways))] for label, ways in sorted(groups.items())]
    if len(rows) > MOST_LABELS:
        more = [way for row in rows[MOST_LABELS:] for way in row[3].split("+")]
        rows = [
            *rows[:MOST_LABELS],
            [OTHERS, OTHERS, OTHERS, "+".join(sorted(set(more)))],
        ]
    return json.dumps(rows, ensure_ascii=False, separators=(",", ":"))


def labels_in(text: str) -> list[tuple[str, str, str, str]]:
    """Return the groups of matches that ``labels_of`` wrote."""
    return [cast("tuple[str, str, str, str]", tuple(row)) for row in json.loads(text)]
