"""Figures about time: minutes without a record, and how fast changes took force.

Rules this module keeps: it is pure; a duration that no record holds is left out, never
guessed.
"""

import statistics
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final

from uploadfilter.reporting.cells import OBJECTION, Periods, silent_minutes
from uploadfilter.reporting.document import Figure, PublishedSet
from uploadfilter.reporting.gathered import (
    GatheredLog,
)
from uploadfilter.reporting.scanning import ChangeFact

TIMING_TEXTS: Final = {
    "known_minutes": "minutes from the first record of a log to the last, of days "
    "whose records are there",
    "silent_minutes": "those minutes without any record of the log",
    "silent_everywhere": "silent_minutes in which no other log has a record either",
    "starts": "records of kind change where change is start",
    "updates": "signed sets (set, sequence) by the first record of kind change where "
    "change is import",
    "spread": "hours from the first log with an import of (set, sequence) to the last",
    "spread_withdrawals": "spread of those imports that withdrew entries",
    "enforced": "hours from the publication of (set, sequence), as the issuer says, to "
    "the last log with an import of it",
    "released": "enforced, of those imports that withdrew entries",
    "answered": "days from the event received of an objection to its decision",
}
"""The queries of these figures, in words."""

_ENDED: Final = frozenset({"stands", "reversed"})
"""States of a decided objection."""

_Imports = dict[tuple[str, int], dict[str, tuple[str, bool]]]
"""Of each signed set, by log, the time of its import, and whether it withdrew."""

_HOUR_S: Final = 3600
_DAY_S: Final = 86400


def silences(logs: Sequence[GatheredLog], periods: Periods) -> Iterator[Figure]:
    """Yield the minutes without a record, and the starts, of each log."""
    names = ("known_minutes", "silent_minutes", "silent_everywhere")
    for label, *numbers in silent_minutes(logs, periods):
        for name, of_periods in zip(names, numbers, strict=True):
            yield _figure(name, (label,), of_periods)
    for log in logs:
        starts = [0] * len(periods)
        for change in log.changes:
            number = periods.of(change.time[:10])
            if change.change == "start" and number is not None:
                starts[number] += 1
        yield _figure("starts", (log.label,), starts)


def _figure(query: str, key: tuple[str, ...], values: Sequence[float]) -> Figure:
    return Figure(query=query, key=key, total=sum(values), periods=tuple(values))


def delays(
    logs: Sequence[GatheredLog],
    periods: Periods,
    published: Iterable[PublishedSet] = (),
) -> Iterator[Figure]:
    """Yield how long signed sets took to all logs, and objections to a decision.

    Args:
        logs: The logs.
        periods: The periods.
        published: When sets were published; those that are not named are left out of
            ``enforced`` and ``released``.
    """
    imports = _imports(logs)
    begun = {(it.set, it.sequence): it.at.timestamp() for it in published}
    first = {
        key: min(_seconds(at) for at, _ in its.values()) for key, its in imports.items()
    }
    for name, starts, is_wanted in (
        ("spread", first, False),
        ("spread_withdrawals", first, True),
        ("enforced", begun, False),
        ("released", begun, True),
    ):
        hours = _hours(imports, starts, periods, only_withdrawals=is_wanted)
        yield from _middle_and_most(name, hours)
    yield from _middle_and_most("answered", _answers(logs, periods))


def _hours(
    imports: _Imports,
    starts: Mapping[tuple[str, int], float],
    periods: Periods,
    *,
    only_withdrawals: bool,
) -> list[list[float]]:
    """Return the hours from each start to the last import, by period of the first."""
    hours: list[list[float]] = [[] for _ in range(len(periods))]
    for key, its in imports.items():
        number = periods.of(min(at for at, _ in its.values())[:10])
        withdraws = any(is_withdrawal for _, is_withdrawal in its.values())
        if number is None or key not in starts or (only_withdrawals and not withdraws):
            continue
        last = max(_seconds(at) for at, _ in its.values())
        hours[number].append((last - starts[key]) / _HOUR_S)
    return hours


def _imports(logs: Iterable[GatheredLog]) -> _Imports:
    """Return for each signed set, by log, its first import and whether it withdrew."""
    found: _Imports = {}
    for log in logs:
        for change in log.changes:
            sequence = change.details.get("sequence")
            if change.change == "import" and isinstance(sequence, int):
                its = found.setdefault((change.subject, sequence), {})
                its.setdefault(log.label, (change.at, _withdraws(change.details)))
    return found


def _withdraws(details: Mapping[str, object]) -> bool:
    withdrawn = details.get("withdrawn")
    return isinstance(withdrawn, int) and withdrawn > 0


def _answers(logs: Iterable[GatheredLog], periods: Periods) -> list[list[float]]:
    """Return the days from each objection to its decision, by the decision's period."""
    days: list[list[float]] = [[] for _ in range(len(periods))]
    for log in logs:
        received: dict[str, ChangeFact] = {}
        for change in log.changes:
            if change.change != OBJECTION:
                continue
            state = change.details.get("state")
            if state == "received":
                received.setdefault(change.subject, change)
            elif state in _ENDED and change.subject in received:
                number = periods.of(change.at[:10])
                if number is not None:
                    begun = received.pop(change.subject)
                    length = _seconds(change.at) - _seconds(begun.at)
                    days[number].append(length / _DAY_S)
    return days


def _middle_and_most(name: str, found: Sequence[Sequence[float]]) -> Iterator[Figure]:
    """Yield number, median and maximum of some durations."""
    every = [value for values in found for value in values]
    for key, reduced in (
        ("number", len),
        ("median", lambda it: round(statistics.median(it), 2) if it else 0.0),
        ("most", lambda it: round(max(it, default=0.0), 2)),
    ):
        yield Figure(
            query=name,
            key=(key,),
            total=float(reduced(every)),
            periods=tuple(float(reduced(values)) for values in found),
        )


def _seconds(time: str) -> float:
    return datetime.fromisoformat(time).timestamp()
