"""Tell whether segments that are gone are rightly gone.

What the chain proves, with nothing but what is there:

- A head counts the matches and the segments that last before it, and names its
  predecessor with its day. Days never go down. So the head after a gap says how many
  matches were in the gap, whether anything in it had to stay for good, and on which day
  the newest of what is gone was begun.
- Every head says for how long segments were kept at its time. The days of the heads
  that are there say how far the log had come. A segment may be gone only if its time
  was over by one of them.
- A segment without a match goes first. So if one before the gap is still there because
  of its match, no match may be missing in the gap; and between two segments that last,
  of which each day with uploads has one, lie the segments of one day.

At the start nothing is there before the gap. Then it is damage if the newest of what is
gone was too young, if anything that lasts is gone, or if matches are gone and the whole
log is younger than they had to be kept. What is left is told and cannot be proved: that
matches were old enough in a log which an older version began.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from uploadfilter.decisions.files.segments import Segment
from uploadfilter.decisions.records.chain import Tail
from uploadfilter.decisions.records.lasting import Retention
from uploadfilter.decisions.records.records import SegmentRecord

_RETENTION_OF_FORMAT_1 = Retention(days_without_match=30, days_with_match=365)
"""What segments were kept for before their heads said it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """Segments that are gone, between two that are there or before the first.

    Attributes:
        first: Number of the first one.
        last: Number of the last one.
        first_record: Number of the first record in them.
        last_record: Number of the last one.
        since: No earlier than this day the first of them was begun; ``None`` if that
            is not known.
        until: The day on which the last of them was begun.
        matches: Decisions with the verdict ``MATCH`` in them.
        lasting: How many of them had to stay for good.
        is_start: Whether nothing is there before them.
        is_held: Whether a segment is there before them that would be gone as well if
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
    """A gap, and what it is worth.

    Attributes:
        gap: The gap.
        why: Why it is damage, in words; empty if it is not.
        is_proved: Whether the chain proves that nothing more is gone than may be.
    """

    gap: Gap
    why: str = ""
    is_proved: bool = True


def gap_between(
    before: Segment | None, tail: Tail, segment: Segment, head: SegmentRecord
) -> Gap | None:
    """Return the gap before a segment, if its head says what was in it.

    Args:
        before: The segment that is there before it; ``None`` if it is the first.
        tail: What the records up to there come to.
        segment: The segment after the gap.
        head: Its head.
    """
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
    """How far back the time of segments is over, by the heads that are there.

    Args:
        heads: All of them, in order. One that bears a later day than the newest one was
            written while the clock was ahead, and does not count.
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
        """Say whether a gap is rightly there."""
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
    """Return a day before another one; the first day there is if that is too early."""
    return day - timedelta(days=min(days, (day - date.min).days))


def _on(day: date, days: int) -> date:
    return day + timedelta(days=min(days, (date.max - day).days))
