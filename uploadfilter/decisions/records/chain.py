"""Chain records: give each its number and the hash of the one before.

A ``Tail`` is the end of a log; a ``Draft`` is a group of lines that continue it but are
not durable yet. If they become durable, ``commit`` moves the tail; otherwise the draft
is dropped and the tail is unchanged. Recovery and the writer share both classes, so
that a recovered log is continued like one that was just written.
"""

from dataclasses import dataclass, field
from datetime import date

from msgspec.structs import replace

from uploadfilter.decisions.records.base import NO_PREDECESSOR
from uploadfilter.decisions.records.lasting import (
    ChangeRecord,
    Mark,
    Retention,
    TotalRecord,
)
from uploadfilter.decisions.records.records import (
    CheckpointRecord,
    CopyRecord,
    DecisionRecord,
    OutcomeRecord,
    Record,
    SegmentRecord,
    encode,
    line_hash,
)
from uploadfilter.decisions.records.totals import OpenDays
from uploadfilter.model import Action, Verdict


@dataclass(slots=True)
class Tail:
    """The end of a log, and the fields of the next segment's head.

    Attributes:
        seq: Number of the last record; 0 if there is none.
        head: Hash of that record's line.
        matches: Decisions with the verdict ``MATCH``, and altered copies that were
            found after the answer, so far.
        awaiting: Ids of accepted decisions without an outcome, oldest first.
        format: Format of the newest segment; 0 if there is no segment.
        is_lasting: Whether the newest segment holds lasting records.
        lasting: Number of segments with lasting records, including the newest.
        begun: Day of the first segment; ``None`` if it is unknown.
        retention: The retention in the newest head.
        days: Counts that are in no total record yet.
        mark: The last line of the journal that is on record.
    """

    seq: int = 0
    head: str = NO_PREDECESSOR
    matches: int = 0
    awaiting: dict[str, None] = field(default_factory=dict)
    format: int = 0
    is_lasting: bool = False
    lasting: int = 0
    begun: date | None = None
    retention: Retention | None = None
    days: OpenDays = field(default_factory=OpenDays)
    mark: Mark | None = None

    def read(self, record: Record, line: bytes) -> None:
        """Advance over a record that is already in the log."""
        if isinstance(record, SegmentRecord):
            self.matches = record.matches
            self.awaiting = dict.fromkeys(record.awaiting)
            self.days = OpenDays(record.totals)
            self.mark = record.mark
        self._follow(record)
        self.seq = record.seq
        self.head = line_hash(line)

    def _follow(self, record: Record) -> None:
        match record:
            case DecisionRecord():
                self.matches += record.verdict is Verdict.MATCH
                if record.effect is Action.ACCEPT and record.status is None:
                    self.awaiting[record.id] = None
            case CopyRecord():
                self.matches += record.is_altered
            case OutcomeRecord():
                self.awaiting.pop(record.decision, None)
            case SegmentRecord():
                self._begin(record)
            case TotalRecord():
                self.days.close(record.totals.day)
            case ChangeRecord():
                self.mark = record.mark or self.mark
        self.days.count(record)

    def _begin(self, head: SegmentRecord) -> None:
        self.format = head.format
        self.is_lasting = head.is_lasting
        self.lasting = head.lasting + head.is_lasting
        is_first = head.number == 1
        self.begun = head.time.date() if is_first else head.begun
        self.retention = head.retention


class Draft:
    """Lines that continue a tail, in the order in which they were added."""

    def __init__(self, tail: Tail) -> None:
        self._tail = tail
        self._seq = tail.seq
        self._head = tail.head
        self._records: list[Record] = []
        self._lines: list[bytes] = []
        self.size = 0

    def add(self, record: Record) -> Record:
        """Chain a record, and return it in its final form.

        Raises:
            ValueError: The record cannot be encoded; the draft is unchanged.
        """
        chained = replace(record, seq=self._seq + 1, previous=self._head)
        if isinstance(chained, CheckpointRecord):
            chained = replace(chained, count=self._seq, head=self._head)
        line = encode(chained)
        self._seq = chained.seq
        self._head = line_hash(line)
        self._records.append(chained)
        self._lines += line, b"\n"
        self.size += len(line) + 1
        return chained

    def data(self) -> bytes:
        """Return the lines, each ended by a newline."""
        return b"".join(self._lines)

    def commit(self) -> None:
        """Move the tail to the end of these lines, which are durable now."""
        for record in self._records:
            self._tail._follow(record)  # noqa: SLF001 -- two halves of one state
        self._tail.seq = self._seq
        self._tail.head = self._head
