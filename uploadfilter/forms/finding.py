"""Find the records of decisions in the logs of a machine, for reviewers.

Rules this module keeps: a log is read once for all decisions of a day; of a record only
its time, route, reason and matches are taken, which is what a reviewer may see.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Final, NamedTuple

from uploadfilter.decisions.files.reading import Filters, read
from uploadfilter.decisions.records.records import DecisionRecord, MatchRecord
from uploadfilter.forms.cases import EvidenceShown, day_of

MOST_SHOWN: Final = 20
"""Entries that a reviewer sees of one decision; an upload seldom matches two."""

_SPAN: Final = timedelta(days=2)
"""An upload may begin before midnight, and be decided after it."""


class FoundRecord(NamedTuple):
    """A record, and the proxy that wrote it."""

    instance: str
    record: DecisionRecord


def find_logs(state: Path) -> dict[str, Path]:
    """Return the logs of all proxies of a machine, by the proxy's name."""
    found = sorted((state / "instances").glob("*/log"))
    return {path.parent.name: path for path in found if path.is_dir()}


def find_records(state: Path, decisions: Collection[str]) -> Iterator[FoundRecord]:
    """Yield the records of decisions that the logs still have.

    Raises:
        LogError: A log cannot be read.
    """
    for since, wanted in _by_day(decisions).items():
        filters = Filters(since=since, until=since + _SPAN, kind="decision")
        for instance, log in find_logs(state).items():
            for record in read(log, filters=filters):
                if isinstance(record, DecisionRecord) and record.id in wanted:
                    yield FoundRecord(instance, record)


def evidence_of(matches: Iterable[MatchRecord]) -> tuple[EvidenceShown, ...]:
    """Return the nearest match with each entry, the most important entries first."""
    shown: dict[tuple[str, str], EvidenceShown] = {}
    for match in matches:
        shown.setdefault(
            (match.set, match.entry),
            EvidenceShown(
                set=match.set,
                entry=match.entry,
                category=match.category,
                signal_type=match.signal_type,
                kind=match.kind,
                distance=match.distance,
                chance=match.chance,
                view=match.view,
            ),
        )
    return tuple(shown.values())[:MOST_SHOWN]


def _by_day(decisions: Collection[str]) -> dict[datetime, set[str]]:
    found: defaultdict[datetime, set[str]] = defaultdict(set)
    for decision in decisions:
        found[datetime.combine(day_of(decision), time(), UTC)].add(decision)
    return found
