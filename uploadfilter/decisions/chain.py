"""Chain records: give each its number and the hash of the one before.

A ``Tail`` is where a log ends; a ``Draft`` is a group of lines that continue it but are
not durable yet. If they become durable, ``commit`` moves the tail; if not, the draft is
dropped and the tail is what it was. Recovery and the writer share them, so that a log
that was read is continued like one that was written.
"""

from dataclasses import dataclass, field

from msgspec.structs import replace

from uploadfilter.decisions.records import (
    NO_PREDECESSOR,
    BaseRecord,
    CheckpointRecord,
    DecisionRecord,
    OutcomeRecord,
    Record,
    SegmentRecord,
    encode,
    line_hash,
)
from uploadfilter.model import Action, Verdict


@dataclass(slots=True)
class Tail:
    """Where a log ends, and what the head of the next segment will say.

    Attributes:
        seq: Number of the last record; 0 if there is none.
        head: Hash of its line.
        matches: Decisions with the verdict ``MATCH`` so far.
        awaiting: Ids of accepted decisions without an outcome, oldest first.
    """

    seq: int = 0
    head: str = NO_PREDECESSOR
    matches: int = 0
    awaiting: dict[str, None] = field(default_factory=dict)

    def read(self, record: Record, line: bytes) -> None:
        """Move on over a record that is in the log already."""
        if isinstance(record, SegmentRecord):
            self.matches = record.matches
            self.awaiting = dict.fromkeys(record.awaiting)
        self._follow(record)
        self.seq = record.seq
        self.head = line_hash(line)

    def _follow(self, record: BaseRecord) -> None:
        if isinstance(record, DecisionRecord):
            self.matches += record.verdict is Verdict.MATCH
            if record.effect is Action.ACCEPT:
                self.awaiting[record.id] = None
        elif isinstance(record, OutcomeRecord):
            self.awaiting.pop(record.decision, None)


class Draft:
    """Lines that continue a tail, in the order in which they were added.

    Args:
        tail: What they continue; unchanged until ``commit``.
    """

    def __init__(self, tail: Tail) -> None:
        self._tail = tail
        self._seq = tail.seq
        self._head = tail.head
        self._records: list[Record] = []
        self._lines: list[bytes] = []
        self.size = 0

    def add(self, record: Record) -> Record:
        """Chain a record and return it as it will stand in the log.

        Raises:
            ValueError: It cannot be encoded; the draft is as before.
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
        """Move the tail to the end of these lines: they are durable."""
        for record in self._records:
            self._tail._follow(record)  # noqa: SLF001 -- two halves of one state
        self._tail.seq = self._seq
        self._tail.head = self._head
