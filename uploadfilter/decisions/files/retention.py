"""Delete old segments, in a way that a later check can verify.

Whole segments are deleted: 30 days after their day if they hold no match, a year after
it if they do, or later if the operator chooses; lasting segments are never deleted. So
there are gaps between the remaining segments. The head of a segment counts all earlier
matches and lasting segments, names its predecessor with its day, and holds the
retention; all of that is part of the chain. So the segments around a gap prove its
content and whether its retention was over (``decisions/files/gaps.py``), and ``verify``
accepts exactly the gaps that these rules make. Both compute from the day of the newest
segment, because ``verify`` has no clock.

A clock that is set years ahead would make every segment old. So a leap of the clock
counts only when it has lasted into a second day, and the operator has time to notice
it.
"""

import os
from collections.abc import Sequence
from contextlib import suppress
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

from uploadfilter.decisions.files.segments import (
    Segment,
    read_head,
    segments,
    write_error,
)
from uploadfilter.decisions.records.lasting import Retention
from uploadfilter.decisions.records.records import moment
from uploadfilter.state import sync_directory

DEFAULT = Retention()

LEAP = timedelta(days=7)
"""Days without a segment after which the newest day does not count at once. A proxy in
use has a segment for nearly every day; a proxy that rested keeps its old segments for
one day more than necessary."""


def prune(
    directory: Path, *, now: float, retention: Retention = DEFAULT
) -> tuple[str, ...]:
    """Delete the segments whose retention is over, oldest first, but never the newest.

    It may run beside the writer, which touches only the newest segment.

    Returns:
        Names of the files that were deleted, torn ends included.
    """
    found = segments(directory)
    if not found:
        return ()
    today = min(moment(now).date(), _believed_day(found))
    heads = {item: read_head(directory, item) for item in found}
    over = [
        segment
        for segment, successor in pairwise(found)
        if not heads[segment].is_lasting
        and retention.is_over(
            segment.day,
            today=today,
            has_match=heads[successor].matches > heads[segment].matches,
        )
    ]
    kept = {segment.name for segment in found}.difference(it.name for it in over)
    # The plain form first: who compresses it notices that it is gone.
    names = [name for segment in over for name in segment.names]
    return _delete(directory, names + _torn(directory, kept, today, retention))


def _believed_day(found: Sequence[Segment]) -> date:
    """Return the day to compute from: the newest, unless the clock has just leapt."""
    newest = found[-1].day
    before = [segment.day for segment in found if segment.day != newest]
    if before and newest - before[-1] > LEAP:
        return before[-1]
    return newest


def _torn(
    directory: Path, kept: set[str], today: date, retention: Retention
) -> list[str]:
    names = []
    for path in sorted(directory.glob("*.torn")):
        segment = Segment.parse(path.stem)
        if segment is None or segment.name in kept:
            continue
        if retention.is_over(segment.day, today=today, has_match=False):
            names.append(path.name)
    return names


def _delete(directory: Path, names: list[str]) -> tuple[str, ...]:
    deleted = []
    try:
        for name in names:
            with suppress(FileNotFoundError):
                (directory / name).unlink()
                deleted.append(name)
        if deleted:
            sync_directory(directory, os.fdatasync)
    except OSError as exc:
        raise write_error(directory, exc) from exc
    return tuple(deleted)
