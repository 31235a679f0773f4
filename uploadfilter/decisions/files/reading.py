"""Read the decision log: the whole log, filtered, or as it grows.

Reading needs no lock and does not disturb the writer. An unfinished line is read later.
A follower may see a record that is not durable yet and is removed again because the
disk is full; for certainty, run ``verify``.
"""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from uploadfilter.decisions.files.segments import (
    Segment,
    SegmentLine,
    lines,
    opened,
    segments,
)
from uploadfilter.decisions.records.records import (
    CanaryRecord,
    CopyRecord,
    DecisionRecord,
    MatchRecord,
    OutcomeRecord,
    Record,
    decode,
)
from uploadfilter.errors import LogCorruptError
from uploadfilter.model import Action, MatchKind, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """The records to read; a field of ``None`` does not filter.

    Attributes:
        since: Records made at this time or later; with a time zone.
        until: Records made before this time; with a time zone.
        kind: Records of this kind, such as ``decision``.
        id: The decision with this id, and its outcome.
        verdict: Decisions with this verdict.
        action: Decisions with this action.
        would: Decisions with this action if every hash set were enforced.
        set: Decisions that list a match of this hash set.
        match: Decisions that list a match of this kind.
    """

    since: datetime | None = None
    until: datetime | None = None
    kind: str | None = None
    id: str | None = None
    verdict: Verdict | None = None
    action: Action | None = None
    would: Action | None = None
    set: str | None = None
    match: MatchKind | None = None

    def admits(self, record: Record) -> bool:
        """Return whether a record passes the filters."""
        return (
            self._admits_time(record.time)
            and self.kind in (None, type(record).__struct_config__.tag)
            and self.id in (None, _decision_id(record))
            and self._admits_decision(record)
        )

    def _admits_time(self, time: datetime) -> bool:
        if self.since is not None and time < self.since:
            return False
        return self.until is None or time < self.until

    def _admits_decision(self, record: Record) -> bool:
        decided = (self.verdict, self.action, self.would)
        if all(it is None for it in (*decided, self.set, self.match)):
            return True
        if isinstance(record, CopyRecord):
            return decided == (None, None, None) and self._admits_match(record.matches)
        return (
            isinstance(record, DecisionRecord)
            and self.verdict in (None, record.verdict)
            and self.action in (None, record.action)
            and self.would in (None, record.if_enforced[0])
            and self._admits_match(record.matches)
        )

    def _admits_match(self, matches: tuple[MatchRecord, ...]) -> bool:
        return (self.set is None or any(it.set == self.set for it in matches)) and (
            self.match is None or any(it.kind is self.match for it in matches)
        )


EVERYTHING = Filters()


class LogPosition(NamedTuple):
    """The position of a reader: an offset in a segment, after a whole line."""

    segment: Segment
    offset: int


def read(directory: Path, *, filters: Filters = EVERYTHING) -> Iterator[Record]:
    """Read the records of a log, oldest first.

    Yields:
        The records that exist now.
    """
    for _, record in _records(directory, None, since=filters.since):
        if filters.admits(record):
            yield record


def follow(
    directory: Path, *, wait: Callable[[], bool], filters: Filters = EVERYTHING
) -> Iterator[Record]:
    """Read the records of a log, then new ones as they come, across segments.

    Args:
        directory: The log's directory.
        wait: Called when there is nothing new; it returns when it is time to check
            again, with false to stop.
        filters: The records to read.

    Yields:
        Each record once, until ``wait`` returns false.
    """
    position: LogPosition | None = None
    while True:
        before = position = _held(directory, position)
        for reached, record in _records(directory, before, since=filters.since):
            position = reached
            if filters.admits(record):
                yield record
        if position == before and not wait():
            return


def end_of(directory: Path) -> LogPosition | None:
    """Return the position after the last whole line; ``None`` without a segment."""
    newest = segments(directory)[-1:]
    ends = [(it, 0) for it in newest]
    for segment in newest:
        ends += [(segment, line.end) for line in _whole_lines(directory, segment, 0)]
    return LogPosition(*ends[-1]) if ends else None


def read_after(
    directory: Path, position: LogPosition | None
) -> Iterator[tuple[LogPosition, Record]]:
    """Yield the records after a position, each with its own position.

    Args:
        directory: The log's directory.
        position: Where a reader was; its segment may have been deleted since. ``None``
            for the first record.
    """
    if position is not None and position.segment in segments(directory):
        position = _held(directory, position)
    yield from _records(directory, position, since=None)


def records_of(directory: Path, segment: Segment) -> Iterator[tuple[Record, bytes]]:
    """Yield the records of one segment, each with its line."""
    for line in _whole_lines(directory, segment, 0):
        yield _record(line, segment), line.data


def _held(directory: Path, position: LogPosition | None) -> LogPosition | None:
    """Return a position that still exists, because a failed write is removed again."""
    if position is None:
        return None
    with opened(directory, position.segment) as file:
        size = file.seek(0, os.SEEK_END)
    return LogPosition(position.segment, min(position.offset, size))


def _records(
    directory: Path, position: LogPosition | None, *, since: datetime | None
) -> Iterator[tuple[LogPosition, Record]]:
    """Yield the records after a position, each with its own position.

    Segments of days before ``since`` are skipped.
    """
    for segment in segments(directory):
        if position is not None and segment < position.segment:
            continue
        if since is not None and segment.day < since.astimezone(UTC).date():
            continue
        start = position.offset if position and segment == position.segment else 0
        for line in _whole_lines(directory, segment, start):
            yield LogPosition(segment, line.end), _record(line, segment)


def _whole_lines(
    directory: Path, segment: Segment, start: int
) -> Iterator[SegmentLine]:
    with opened(directory, segment) as file:
        for line in lines(file, start=start):
            if not line.is_unfinished:
                yield line


def _record(line: SegmentLine, segment: Segment) -> Record:
    try:
        return decode(line.data)
    except LogCorruptError as exc:
        raise LogCorruptError(
            f"{segment.name!r}, the line that ends at byte {line.end}: {exc}",
            hint="Run 'uploadfilter verify' to see what is damaged.",
        ) from exc


def _decision_id(record: Record) -> str | None:
    match record:
        case DecisionRecord() | CanaryRecord():
            return record.id
        case OutcomeRecord() | CopyRecord():
            return record.decision
        case _:
            return None
