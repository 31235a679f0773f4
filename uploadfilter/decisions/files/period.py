"""Which time a log covers, and of which days the records of uploads are gone.

Told by the heads of its segments and by its last line, without reading the rest. Days
follow each other in a gap that retention made, except where a segment was kept for its
match.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from itertools import pairwise
from pathlib import Path
from typing import Final

from uploadfilter.decisions.files.segments import (
    Segment,
    lines,
    opened,
    read_head,
    segments,
)
from uploadfilter.decisions.records.records import LINE_LIMIT, SegmentRecord

_END_BYTES: Final = 64 * 1024
"""Of the newest segment, in which its last line is looked for first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gone:
    """Days of which records are gone.

    Attributes:
        since: The first one; ``None`` if it is not known.
        until: The last one.
        matches: Decisions with the verdict ``MATCH`` that are gone.
    """

    since: date | None
    until: date
    matches: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """What a log covers.

    Attributes:
        since: Time of the first record that is there.
        until: Time of the last one.
        gone: Days in between, or before, of which records are gone.
    """

    since: datetime
    until: datetime
    gone: tuple[Gone, ...]


def period_of(directory: Path) -> Period | None:
    """Return what a log covers; ``None`` if it has no record yet.

    Args:
        directory: Of the log.

    Raises:
        LogError: It cannot be read.
        LogCorruptError: A segment has no head.
    """
    found = segments(directory)
    until = _last_time(directory, found[-1]) if found else None
    while found and until is None:
        # A crash left the newest without a whole line.
        found = found[:-1]
        until = _last_time(directory, found[-1]) if found else None
    if until is None:
        return None
    heads = [(segment, read_head(directory, segment)) for segment in found]
    return Period(
        since=heads[0][1].time, until=until, gone=tuple(_merged(_gone(heads)))
    )


def _gone(heads: list[tuple[Segment, SegmentRecord]]) -> Iterator[tuple[Gone, bool]]:
    """Yield each gap, and whether nothing but what lasts is there since the last."""
    is_near = False
    first = heads[0]
    if first[0].number > 1:
        yield _gap(None, first[1], first[1].begun), False
        is_near = True
    for (before, head), (after, next_head) in pairwise(heads):
        is_near = is_near and head.is_lasting
        if after.number > before.number + 1:
            yield _gap(head, next_head, before.day), is_near
            is_near = True


def _gap(
    before: SegmentRecord | None, after: SegmentRecord, since: date | None
) -> Gone:
    newest = Segment.parse(after.predecessor or "")
    return Gone(
        since=since,
        until=after.time.date() if newest is None else newest.day,
        matches=after.matches - (0 if before is None else before.matches),
    )


def _merged(gaps: Iterator[tuple[Gone, bool]]) -> Iterator[Gone]:
    """Make one of gaps between which no record of an upload is there."""
    whole: Gone | None = None
    for gap, is_near in gaps:
        if whole is not None and is_near:
            whole = Gone(
                since=whole.since,
                until=gap.until,
                matches=whole.matches + gap.matches,
            )
            continue
        if whole is not None:
            yield whole
        whole = gap
    if whole is not None:
        yield whole


def _last_time(directory: Path, segment: Segment) -> datetime | None:
    """Return the time of the last whole record of a segment."""
    with opened(directory, segment) as file:
        size = file.seek(0, os.SEEK_END)
        for length in (_END_BYTES, LINE_LIMIT):
            start = max(0, size - length)
            time = None
            for line in lines(file, start=start):
                record = line.record()
                time = time if record is None else record.time
            if time is not None or start == 0:
                return time
    return None
