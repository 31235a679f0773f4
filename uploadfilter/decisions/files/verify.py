"""Check that the decision log is unchanged, and find the places of changes.

It reads every segment once, line by line, in bounded memory, without the lock: an
unfinished line is left out. ``sequence.py`` checks the chain, and ``gaps.py`` judges
the gaps. The counts of heads and total records are counted again, as far as the records
exist. The chain alone cannot show that its end was cut off, or that everything after a
change was rewritten; a checkpoint that was kept elsewhere can.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import chain, pairwise
from pathlib import Path

from uploadfilter.decisions.files.ending import kept_end
from uploadfilter.decisions.files.gaps import Gap, Judged, Limits, gap_between
from uploadfilter.decisions.files.segments import (
    Segment,
    SegmentLine,
    lines,
    opened,
    packed,
    segments,
)
from uploadfilter.decisions.records.base import NO_PREDECESSOR
from uploadfilter.decisions.records.chain import Tail
from uploadfilter.decisions.records.lasting import TotalRecord
from uploadfilter.decisions.records.records import (
    Checkpoint,
    Record,
    SegmentRecord,
    line_hash,
)
from uploadfilter.decisions.records.sequence import (
    LinePlace,
    Link,
    LogFault,
    LogFinding,
    Sequence,
)
from uploadfilter.errors import LogCorruptError

STEP_BACK = timedelta(minutes=1)
"""Largest step back of time that is normal: records are made some seconds before they
are written, and clocks are corrected by less than a second. A larger step means that
the clock was set."""


class CheckpointState(StrEnum):
    """The result for the given checkpoint."""

    NOT_GIVEN = "not_given"
    CONFIRMED = "confirmed"
    REFUTED = "refuted"
    TOO_OLD = "too_old"


@dataclass(frozen=True, slots=True, kw_only=True)
class StepBack:
    """A record with an earlier time than a record before it.

    Attributes:
        before: The latest time before it.
    """

    record: int
    time: datetime
    before: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyReport:
    """The report of a check.

    Attributes:
        segments: Number of segments.
        records: Number of their lines.
        first: Number of the first record; 0 if there is none.
        since: Time of the first record; ``None`` if there is none.
        until: Time of the last record.
        end: The last record, as a checkpoint.
        gaps: The missing segments, and whether they were deleted rightly.
        totals: Number of total records.
        totals_checked: Number of total records that were compared with the records.
        findings: The faults, in the order of the lines.
        findings_omitted: Number of further faults.
        unfinished_bytes: Bytes of a line that the writer has not finished, or that a
            crash left and the next start will set aside.
        step_back: The largest step back of the clock; ``None`` if there was none.
        checkpoint: The result for the checkpoint.
        not_read: Segments that were renamed, or packed otherwise than by gzip.
    """

    segments: int
    records: int
    first: int
    since: datetime | None
    until: datetime | None
    end: Checkpoint
    gaps: tuple[Judged, ...]
    totals: int
    totals_checked: int
    findings: tuple[LogFinding, ...]
    findings_omitted: int
    unfinished_bytes: int
    step_back: StepBack | None
    checkpoint: CheckpointState
    not_read: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether there are no faults."""
        return not self.findings


def verify(
    directory: Path,
    *,
    checkpoint: tuple[int, str] | None = None,
    instance: str | None = None,
) -> VerifyReport:
    """Check a log from its oldest segment to its end.

    Args:
        directory: The log's directory.
        checkpoint: A checkpoint that was kept elsewhere.
        instance: The expected instance of the log; ``None`` accepts any.

    Returns:
        The report; ``ok`` sums it up.

    Raises:
        LogError: The log cannot be read.
    """
    walk = _Walk(directory, checkpoint=checkpoint, instance=instance)
    for link, after in pairwise(chain(walk.links(), (None,))):
        if link is not None:
            walk.sequence.follow(link, after)
    return walk.report()


class _Walk:
    """One pass over a log: it yields lines as links, and collects notes."""

    def __init__(
        self,
        directory: Path,
        *,
        checkpoint: tuple[int, str] | None,
        instance: str | None,
    ) -> None:
        self.sequence = Sequence()
        self._directory = directory
        self._checkpoint = None if checkpoint is None else Checkpoint(*checkpoint)
        # Read before the segments, which grow meanwhile.
        self._kept = kept_end(directory)
        self._instance = instance
        self._found = segments(directory)
        self._state = CheckpointState.NOT_GIVEN
        self._counted = _Counted(self.sequence)
        self._heads: list[SegmentRecord] = []
        self._gaps: list[tuple[LinePlace, Gap]] = []
        self._records = 0
        self._first = 0
        self._end = Checkpoint(0, NO_PREDECESSOR)
        self._last_place = LinePlace("", 0)
        self._unfinished_bytes = 0

    def links(self) -> Iterator[Link]:
        """Yield every whole line as a link of the chain."""
        before: Segment | None = None
        # The record before the first readable line is unknown.
        is_start = True
        for segment in self._found:
            for line in self._lines(segment):
                if line.is_unfinished and segment == self._found[-1]:
                    self._unfinished_bytes = len(line.data)
                    break
                record = line.record()
                place = LinePlace(segment.name, line.number)
                if line.number == 1 and record is not None:
                    self._check_head(record, segment, place)
                    is_gap = self._is_gap(record, before, segment, place)
                    is_start = is_start or is_gap
                link = _link(line, record, place, is_start=is_start)
                is_start = is_start and record is None
                self._counted.follow(record, line, place)
                self._note(link)
                yield link
            before = segment

    def _lines(self, segment: Segment) -> Iterator[SegmentLine]:
        """Yield the lines of a segment; of a damaged one, those before the damage."""
        number = 0
        try:
            with opened(self._directory, segment) as file:
                for line in lines(file):
                    number = line.number
                    yield line
        except LogCorruptError as exc:
            place = LinePlace(segment.name, number + 1)
            why = f"{exc}; restore it from a copy"
            self.sequence.report(LogFault.UNREADABLE, place, None, why=why)

    def report(self) -> VerifyReport:
        """Return the report."""
        self._settle_checkpoint()
        self._settle_kept_end()
        counted = self._counted
        judged = self._judge()
        if not self._records:
            self.sequence.report(LogFault.EMPTY, self._last_place, None)
        return VerifyReport(
            segments=len(self._found),
            records=self._records,
            first=self._first,
            since=counted.since,
            until=counted.until,
            end=self._end,
            gaps=judged,
            totals=counted.totals,
            totals_checked=counted.totals_checked,
            findings=self.sequence.findings(),
            findings_omitted=self.sequence.omitted,
            unfinished_bytes=self._unfinished_bytes,
            step_back=counted.step_back,
            checkpoint=self._state,
            not_read=tuple(packed(self._directory)),
        )

    def _check_head(self, record: Record, segment: Segment, place: LinePlace) -> None:
        """Check that a segment begins with its head, and has the number of its name."""
        if isinstance(record, SegmentRecord):
            self._heads.append(record)
            if record.number != segment.number:
                self.sequence.report(LogFault.CHANGED, place, record.seq)
            if self._instance not in (None, record.instance) and (
                segment == self._found[-1]
            ):
                why = f"it is the log of {record.instance!r}"
                self.sequence.report(LogFault.FOREIGN, place, record.seq, why=why)
        elif self._records == 0:
            # Elsewhere its number is missing in the sequence; here nothing shows it.
            self.sequence.report(LogFault.MISSING, place, record.seq - 1)

    def _is_gap(
        self, record: Record, before: Segment | None, segment: Segment, place: LinePlace
    ) -> bool:
        """Note the gap of whole segments before one, if its head describes the gap.

        Whether the gap is allowed is judged at the end, when the newest day is known.
        """
        if not isinstance(record, SegmentRecord):
            return False
        gap = gap_between(before, self._counted.tail, segment, record)
        if gap is None:
            if before is None and record.seq > 1:
                why = "its head does not say what was before it"
                self.sequence.report(
                    LogFault.MISSING, place, 1, record.seq - 1, why=why
                )
            return False
        self._gaps.append((place, gap))
        return True

    def _judge(self) -> tuple[Judged, ...]:
        """Judge every gap."""
        limits = Limits(self._heads)
        found = []
        for place, gap in self._gaps:
            judged = limits.judge(gap)
            found.append(judged)
            if judged.why:
                self.sequence.report(
                    LogFault.MISSING,
                    place,
                    gap.first_record,
                    gap.last_record,
                    why=judged.why,
                )
        return tuple(found)

    def _note(self, link: Link) -> None:
        """Count a line, and compare it with the checkpoint."""
        self._records += 1
        self._last_place = link.place
        if link.seq is not None:
            self._first = self._first or link.seq
            self._end = Checkpoint(link.seq, link.hash)
            self._compare(link)
            if self._kept and self._kept.records == link.seq:
                self._compare_kept_end(link, self._kept)

    def _compare(self, link: Link) -> None:
        """Compare the checkpoint's last line, or the hash that a start names."""
        if self._checkpoint is None or self._state is not CheckpointState.NOT_GIVEN:
            return
        if link.seq == self._checkpoint.records:
            seen = link.hash
        elif link.is_start and link.seq == self._checkpoint.records + 1:
            seen = link.previous
        else:
            return
        if seen == self._checkpoint.head:
            self._state = CheckpointState.CONFIRMED
        else:
            self._state = CheckpointState.REFUTED
            self.sequence.report(LogFault.CHANGED, link.place, self._checkpoint.records)

    def _settle_checkpoint(self) -> None:
        """Return the result for a checkpoint whose last line was not found."""
        if self._checkpoint is None or self._state is not CheckpointState.NOT_GIVEN:
            return
        if self._checkpoint.records <= self._end.records:
            self._state = CheckpointState.TOO_OLD
            return
        self._state = CheckpointState.REFUTED
        first, last = self._end.records + 1, self._checkpoint.records
        self.sequence.report(LogFault.CUT_OFF, self._last_place, first, last)

    def _compare_kept_end(self, link: Link, kept: Checkpoint) -> None:
        """Note another record of that number: the log was cut off and continued."""
        if link.hash != kept.head:
            why = "it is not the record that the file 'end' beside it names"
            self.sequence.report(LogFault.CHANGED, link.place, link.seq, why=why)

    def _settle_kept_end(self) -> None:
        """Note that the log ends before its known end."""
        kept = self._kept
        if kept is None or kept.records <= self._end.records:
            return
        why = (
            "the file 'end' beside them says so; if the log was copied while it grew, "
            "copy it again"
        )
        first = self._end.records + 1
        place = self._last_place
        self.sequence.report(LogFault.CUT_OFF, place, first, kept.records, why=why)


class _Counted:
    """Counts again, and compares with the counts of heads and total records.

    A count is compared only if all of its records exist and are linked: a missing or
    changed record is a fault of its own.

    Attributes:
        tail: The tail after the records.
        totals: Number of total records.
        totals_checked: Number of total records that were compared.
        since: Time of the first record.
        until: Time of the last record.
        step_back: The largest step back of the clock.
    """

    def __init__(self, sequence: Sequence) -> None:
        self._sequence = sequence
        self._is_linked = False
        self._latest: datetime | None = None
        self.tail = Tail()
        self.totals = 0
        self.totals_checked = 0
        self.since: datetime | None = None
        self.until: datetime | None = None
        self.step_back: StepBack | None = None

    def follow(
        self, record: Record | None, line: SegmentLine, place: LinePlace
    ) -> None:
        """Count one line."""
        if record is None:
            self._is_linked = False
            return
        tail = self.tail
        is_next = record.seq == tail.seq + 1 and record.previous == tail.head
        self._is_linked = self._is_linked and is_next
        match record:
            case SegmentRecord():
                self._compare_head(record, place)
                # From here on, every counted record is seen.
                self._is_linked = True
            case TotalRecord():
                self._compare_totals(record, place)
        tail.read(record, line.data)
        self._tell_time(record)

    def _compare_head(self, head: SegmentRecord, place: LinePlace) -> None:
        tail = self.tail
        if not self._is_linked:
            return
        same = (
            head.matches == tail.matches
            and head.lasting == tail.lasting
            and tail.days.is_same(head.totals)
            and head.mark == tail.mark
        )
        if not same:
            self._sequence.report(LogFault.MISCOUNTED, place, head.seq)

    def _compare_totals(self, record: TotalRecord, place: LinePlace) -> None:
        self.totals += 1
        if not self._is_linked:
            return
        self.totals_checked += 1
        if not self.tail.days.agree(record.totals):
            why = f"the totals of {record.totals.day}"
            self._sequence.report(LogFault.MISCOUNTED, place, record.seq, why=why)

    def _tell_time(self, record: Record) -> None:
        time = self.until = record.time
        self.since = self.since or time
        latest = self._latest = max(time, self._latest or time)
        known = self.step_back
        furthest = STEP_BACK if known is None else known.before - known.time
        if latest - time > furthest:
            self.step_back = StepBack(record=record.seq, time=time, before=latest)


def _link(
    line: SegmentLine, record: Record | None, place: LinePlace, *, is_start: bool
) -> Link:
    return Link(
        place=place,
        seq=None if record is None else record.seq,
        previous="" if record is None else record.previous,
        hash=line_hash(line.data),
        is_start=is_start,
    )
