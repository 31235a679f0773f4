"""Find the period that a log covers, and the days whose records were deleted.

It reads only the heads of segments and the last line. The days of a gap that retention
made are contiguous, except where a segment was kept for its match.
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
"""Bytes at the end of the newest segment in which its last line is searched first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gone:
    """Days whose records are missing.

    Attributes:
        since: The first day; ``None`` if it is unknown.
        matches: Number of missing decisions with the verdict ``MATCH``.
    """

    since: date | None
    until: date
    matches: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """The period that a log covers.

    Attributes:
        gone: Days in between, or before, whose records are missing.
    """

    since: datetime
    until: datetime
    gone: tuple[Gone, ...]


def period_of(directory: Path) -> Period | None:
    """Return the period that a log covers; ``None`` if it has no record yet."""
    found = segments(directory)
    until = _last_time(directory, found[-1]) if found else None
    while found and until is None:
        # A crash left the newest segment without a whole line.
        found = found[:-1]
        until = _last_time(directory, found[-1]) if found else None
    if until is None:
        return None
    heads = [(segment, read_head(directory, segment)) for segment in found]
    return Period(
        since=heads[0][1].time, until=until, gone=tuple(_merged(_gone(heads)))
    )


def _gone(heads: list[tuple[Segment, SegmentRecord]]) -> Iterator[tuple[Gone, bool]]:
    """Yield each gap, and whether only lasting records exist since the last gap."""
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
    """Merge gaps that have no record of an upload between them."""
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
