"""Judge whether missing segments were deleted by retention.

The existing segments prove the following:

- A head counts the matches and the lasting segments before it, and names its
  predecessor with its day. Days never decrease. So the head after a gap gives the
  number of matches in the gap, whether a segment in the gap was lasting, and the day on
  which the newest missing segment was begun.
- Every head gives the retention at its time. The days of the existing heads show how
  far the log had come. A segment may be missing only if its retention was over by one
  of these days.
- A segment without a match is deleted first. So if a segment before the gap still
  exists because of its match, no match may be missing in the gap; and between two
  lasting segments, of which each day with uploads has one, are the segments of one day.

A gap at the start has no segment before it. It is damage if the newest missing segment
was too young, if a lasting segment is missing, or if matches are missing and the whole
log is younger than their retention. One case is reported and cannot be proved: that
matches were old enough in a log that lasts for longer.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from uploadfilter.decisions.files.segments import Segment
from uploadfilter.decisions.records.chain import Tail
from uploadfilter.decisions.records.lasting import Retention
from uploadfilter.decisions.records.records import SegmentRecord

_RETENTION_OF_FORMAT_1 = Retention(days_without_match=30, days_with_match=365)
"""The retention of segments whose heads do not give it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """Missing segments, between two existing ones or before the first.

    Attributes:
        first_record: Number of the first record in them.
        last_record: Number of the last record in them.
        since: Earliest day on which the first of them can have been begun; ``None`` if
            it is unknown.
        until: The day on which the last of them was begun.
        matches: Decisions with the verdict ``MATCH`` in them.
        lasting: Number of lasting segments among them.
        is_start: Whether no segment exists before them.
        is_held: Whether a segment before them exists that would be missing as well if
            their matches were old enough.
    """

    first: int
    last: int
    first_record: int
    last_record: int
    since: date | None
    until: date
    matches: int
    lasting: int = 0
    is_start: bool = False
    is_held: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A gap, and the judgement on it.

    Attributes:
        why: The reason why it is damage, in words; empty if it is not damage.
        is_proved: Whether the chain proves that retention allowed every deletion.
    """

    gap: Gap
    why: str = ""
    is_proved: bool = True


def gap_between(
    before: Segment | None, tail: Tail, segment: Segment, head: SegmentRecord
) -> Gap | None:
    """Return the gap before a segment, if the segment's head describes it."""
    first = 1 if before is None else before.number + 1
    newest = Segment.parse(head.predecessor or "")
    if (
        segment.number <= first
        or head.number != segment.number
        or newest is None
        or newest.number != segment.number - 1
        or head.seq <= tail.seq + 1
        or head.matches < tail.matches
        or head.lasting < tail.lasting
    ):
        return None
    return Gap(
        first=first,
        last=segment.number - 1,
        first_record=tail.seq + 1,
        last_record=head.seq - 1,
        since=head.begun if before is None else before.day,
        until=newest.day,
        matches=head.matches - tail.matches,
        lasting=head.lasting - tail.lasting,
        is_start=before is None,
        is_held=before is not None and not tail.is_lasting,
    )


class Limits:
    """The ends of retention, computed from the existing heads.

    Args:
        heads: All heads, in order. A head with a later day than the newest one was
            written while the clock was ahead, and is ignored.
    """

    def __init__(self, heads: Sequence[SegmentRecord]) -> None:
        self._without = self._with = date.min
        self._kept = _RETENTION_OF_FORMAT_1
        self._begun = next((head.begun for head in heads if head.begun), None)
        for head in heads:
            day = head.time.date()
            if day > heads[-1].time.date():
                continue
            kept = self._kept = head.retention or _RETENTION_OF_FORMAT_1
            self._without = max(self._without, _back(day, kept.days_without_match))
            self._with = max(self._with, _back(day, kept.days_with_match))

    def judge(self, gap: Gap) -> Judged:
        """Judge whether retention allowed a gap."""
        among = f", with {_matches(gap)}" if gap.matches else ""
        if gap.lasting:
            why = f"{gap.lasting:,} of the files were never to go{among}"
            return Judged(gap=gap, why=why)
        if gap.until >= self._without:
            end = _on(gap.until, self._kept.days_without_match)
            why = f"the last of the files was to be kept until {end}{among}"
            return Judged(gap=gap, why=why)
        if not gap.matches or (gap.until < self._with and not gap.is_held):
            return Judged(gap=gap)
        since = gap.since or self._begun
        is_young = since is not None and since >= self._with
        if not gap.is_start or is_young or gap.first == gap.last:
            days = self._kept.days_with_match
            why = f"{_matches(gap)} to be kept for {days} days"
            return Judged(gap=gap, why=why)
        return Judged(gap=gap, is_proved=False)


def _matches(gap: Gap) -> str:
    return "1 match" if gap.matches == 1 else f"{gap.matches:,} matches"


def _back(day: date, days: int) -> date:
    """Return the day some days before another; at least the earliest possible date."""
    return day - timedelta(days=min(days, (day - date.min).days))


def _on(day: date, days: int) -> date:
    return day + timedelta(days=min(days, (date.max - day).days))
