"""Check that nobody changed the decision log, and say where if somebody did.

Reads every segment once, line by line, in bounded memory, without the lock: a line that
the writer has not finished is left out. What the chain can prove stands in
``sequence.py``, which gaps are rightly there in ``retention.py``. The chain alone
cannot show that its end was cut off or that everything after a change was written anew;
a checkpoint that was kept elsewhere can.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain, pairwise
from pathlib import Path

from uploadfilter.decisions.records import (
    NO_PREDECESSOR,
    Checkpoint,
    DecisionRecord,
    Record,
    SegmentRecord,
    line_hash,
)
from uploadfilter.decisions.retention import DEFAULT, Retention
from uploadfilter.decisions.segments import Line, Segment, lines, opened, segments
from uploadfilter.decisions.sequence import Finding, Link, Place, Problem, Sequence
from uploadfilter.model import Verdict


class CheckpointState(StrEnum):
    """What became of the checkpoint that was given."""

    NOT_GIVEN = "not_given"
    CONFIRMED = "confirmed"
    REFUTED = "refuted"
    TOO_OLD = "too_old"


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """Segments that retention deleted between two that are there.

    Attributes:
        first: Number of the first one.
        last: Number of the last one.
    """

    first: int
    last: int


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyReport:
    """What a log is worth.

    Attributes:
        segments: How many there are.
        records: How many lines they have.
        first: Number of the first record; 0 if there is none.
        end: The last record, as a checkpoint.
        gaps: Of retention; what is gone before the oldest segment is none.
        findings: What is wrong, in the order of the lines.
        findings_omitted: How much more is wrong.
        unfinished_bytes: Of a line that the writer has not finished, or that a crash
            left and the next start will set aside.
        checkpoint: What became of the checkpoint.
    """

    segments: int
    records: int
    first: int
    end: Checkpoint
    gaps: tuple[Gap, ...]
    findings: tuple[Finding, ...]
    findings_omitted: int
    unfinished_bytes: int
    checkpoint: CheckpointState

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.findings


def verify(
    directory: Path,
    *,
    checkpoint: tuple[int, str] | None = None,
    retention: Retention = DEFAULT,
) -> VerifyReport:
    """Check a log from its oldest segment to its end.

    Args:
        directory: Of the log.
        checkpoint: Count and head hash that were kept elsewhere.
        retention: By which segments were deleted.

    Returns:
        What was found; ``ok`` sums it up.

    Raises:
        LogError: It cannot be read.
    """
    walk = _Walk(directory, checkpoint=checkpoint, retention=retention)
    for link, after in pairwise(chain(walk.links(), (None,))):
        if link is not None:
            walk.sequence.follow(link, after)
    return walk.report()


class _Walk:
    """One reading of a log: its lines as links, and what is noted on the way."""

    def __init__(
        self,
        directory: Path,
        *,
        checkpoint: tuple[int, str] | None,
        retention: Retention,
    ) -> None:
        self.sequence = Sequence()
        self._directory = directory
        self._checkpoint = None if checkpoint is None else Checkpoint(*checkpoint)
        self._retention = retention
        self._found = segments(directory)
        self._state = CheckpointState.NOT_GIVEN
        self._gaps: list[Gap] = []
        self._matches = 0
        self._records = 0
        self._first = 0
        self._end = Checkpoint(0, NO_PREDECESSOR)
        self._last_place = Place("", 0)
        self._unfinished_bytes = 0

    def links(self) -> Iterator[Link]:
        """Yield every whole line as a link of the chain."""
        before: Segment | None = None
        # What comes before the first line that can be read is unknown.
        is_start = True
        for segment in self._found:
            with opened(self._directory, segment) as file:
                for line in lines(file):
                    if line.is_unfinished and segment == self._found[-1]:
                        self._unfinished_bytes = len(line.data)
                        break
                    record = line.record()
                    place = Place(segment.name, line.number)
                    if line.number == 1 and record is not None:
                        self._check_head(record, segment, place)
                        is_start = is_start or self._is_pruned(record, before, segment)
                    link = _link(line, record, place, is_start=is_start)
                    is_start = is_start and record is None
                    self._note(link, record)
                    yield link
            before = segment

    def report(self) -> VerifyReport:
        """Sum up what was noted."""
        self._settle_checkpoint()
        return VerifyReport(
            segments=len(self._found),
            records=self._records,
            first=self._first,
            end=self._end,
            gaps=tuple(self._gaps),
            findings=self.sequence.findings(),
            findings_omitted=self.sequence.omitted,
            unfinished_bytes=self._unfinished_bytes,
            checkpoint=self._state,
        )

    def _check_head(self, record: Record, segment: Segment, place: Place) -> None:
        """A segment begins with its head, and its file name says its number."""
        if isinstance(record, SegmentRecord):
            if record.number != segment.number:
                self.sequence.report(Problem.CHANGED, place, record.seq)
        elif self._records == 0:
            # Elsewhere its number is missing in the sequence; here nothing tells.
            self.sequence.report(Problem.MISSING, place, record.seq - 1)

    def _is_pruned(
        self, record: Record, before: Segment | None, segment: Segment
    ) -> bool:
        """Whether retention deleted what is missing before a segment, if anything.

        There can be no match in such a gap: the segment before it is at least as old,
        and would be gone as well.
        """
        if before is None or segment.number <= before.number + 1:
            return False
        if not isinstance(record, SegmentRecord) or record.matches != self._matches:
            return False
        newest_gone = Segment.parse(record.predecessor or "")
        is_over = newest_gone is not None and self._retention.is_over(
            newest_gone.day, today=self._found[-1].day, has_match=False
        )
        if is_over:
            self._gaps.append(Gap(first=before.number + 1, last=segment.number - 1))
        return is_over

    def _note(self, link: Link, record: Record | None) -> None:
        """Count a line, and compare it with the checkpoint."""
        if isinstance(record, SegmentRecord):
            self._matches = record.matches
        elif isinstance(record, DecisionRecord):
            self._matches += record.verdict is Verdict.MATCH
        self._records += 1
        self._last_place = link.place
        if link.seq is not None:
            self._first = self._first or link.seq
            self._end = Checkpoint(link.seq, link.hash)
            self._compare(link)

    def _compare(self, link: Link) -> None:
        """Compare the line that the checkpoint covers last, or what a start names."""
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
            self.sequence.report(Problem.CHANGED, link.place, self._checkpoint.records)

    def _settle_checkpoint(self) -> None:
        """Say what it means that no line is the one that the checkpoint covers last."""
        if self._checkpoint is None or self._state is not CheckpointState.NOT_GIVEN:
            return
        if self._checkpoint.records <= self._end.records:
            self._state = CheckpointState.TOO_OLD
            return
        self._state = CheckpointState.REFUTED
        first, last = self._end.records + 1, self._checkpoint.records
        self.sequence.report(Problem.CUT_OFF, self._last_place, first, last)


def _link(line: Line, record: Record | None, place: Place, *, is_start: bool) -> Link:
    return Link(
        place=place,
        seq=None if record is None else record.seq,
        previous="" if record is None else record.previous,
        hash=line_hash(line.data),
        is_start=is_start,
    )
