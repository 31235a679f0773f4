"""Find the damage of a chain of records: changed, missing, inserted or reordered ones.

It is pure, streaming, with one line of look-ahead. Each line shows its place in two
ways, by its number and by the hash of its predecessor. The hash in its successor shows
whether the line is the original. From these facts the place of the damage follows:

- Right number, wrong hash: a record whose hash the next line holds is genuine, so the
  other record of the pair was changed.
- Wrong number, and the next line continues the line before: this line does not belong
  here. If its number is missing elsewhere it was moved, otherwise it was inserted.
- A jump ahead that the next line continues: records are missing before it.

After damage, the check continues with the next consistent line, so one changed line is
one finding; of two changed neighbours only the second may be reported. An attacker who
rewrites everything after a change leaves a consistent chain: checkpoints on another
machine detect that.
"""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import NamedTuple

FINDINGS_LIMIT = 1000
"""Most findings that are kept; further ones are counted. A person reads ten."""


class LogFault(StrEnum):
    """The kinds of damage to a log."""

    CHANGED = "changed"
    MISSING = "missing"
    INSERTED = "inserted"
    REORDERED = "reordered"
    CUT_OFF = "cut_off"
    MISCOUNTED = "miscounted"
    FOREIGN = "foreign"
    EMPTY = "empty"
    UNREADABLE = "unreadable"


class LinePlace(NamedTuple):
    """A line of a segment.

    Attributes:
        line: Number of the line, from 1.
    """

    segment: str
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LogFinding:
    """One fault, and its place.

    Attributes:
        place: The line; for missing records, the line after the gap.
        first: Number of the first affected record; ``None`` if it cannot be read.
        last: Number of the last affected record.
        why: Further details in words; may be empty.
    """

    problem: LogFault
    place: LinePlace
    first: int | None
    last: int | None
    why: str = ""


class Link(NamedTuple):
    """A line as part of the chain.

    Attributes:
        seq: Its number; ``None`` if the line is not a record.
        previous: The hash that it names as its predecessor's.
        hash: Its own hash.
        is_start: Whether the chain may start here: earlier records were deleted
            rightly.
    """

    place: LinePlace
    seq: int | None
    previous: str
    hash: str
    is_start: bool = False


class Point(NamedTuple):
    """The end of the chain so far.

    Attributes:
        seq: Number of the last record.
        hash: Hash of its line; ``None`` if unknown, because the line was changed.
    """

    seq: int
    hash: str | None
    place: LinePlace

    def leads_to(self, link: Link | None) -> bool:
        """Return whether a line continues this one."""
        return (
            link is not None
            and link.seq == self.seq + 1
            and self.hash in (None, link.previous)
        )


class Sequence:
    """Follows a chain line by line; ask for ``findings`` at the end.

    Its first line must be a start.

    Attributes:
        omitted: Findings that were counted but not kept.
    """

    def __init__(self) -> None:
        nowhere = Point(0, None, LinePlace("", 0))
        # The end after the last line, and the furthest record: they differ in a run of
        # misplaced lines.
        self._at = nowhere
        self._front = nowhere
        self._findings: list[LogFinding] = []
        self.omitted = 0

    def follow(self, link: Link, after: Link | None) -> None:
        """Check one line."""
        if link.is_start and link.seq is not None:
            self._start(link, link.seq)
        elif link.seq is not None and self._is_next(link):
            self._advance(link, link.seq)
        elif self._at.leads_to(after):
            self.report(LogFault.INSERTED, link.place, link.seq)
        elif link.seq is None or link.seq == self._at.seq + 1:
            self._replaced(link, after)
        elif link.previous == self._at.hash:
            # Its number was edited, so the next line names another hash.
            self._changed(link)
        else:
            self._jump(link, link.seq, after)

    def report(
        self,
        problem: LogFault,
        place: LinePlace,
        first: int | None,
        last: int | None = None,
        *,
        why: str = "",
    ) -> None:
        """Keep a finding about records ``first`` to ``last``, or about one record."""
        if len(self._findings) >= FINDINGS_LIMIT:
            self.omitted += 1
            return
        last = first if last is None else last
        finding = LogFinding(
            problem=problem, place=place, first=first, last=last, why=why
        )
        self._findings.append(finding)

    def findings(self) -> tuple[LogFinding, ...]:
        """Return the findings, in the order of the lines.

        Records that are missing in one place and found in another were moved.
        """
        strays = [item for item in self._findings if item.problem is LogFault.INSERTED]
        gaps = [item for item in self._findings if item.problem is LogFault.MISSING]
        end = self._front.seq + 1
        found = []
        for item in self._findings:
            if item.problem is LogFault.MISSING and _is_covered(item, strays):
                continue
            is_moved = item.first == end or any(_holds(gap, item) for gap in gaps)
            if item.problem is LogFault.INSERTED and is_moved:
                found.append(replace(item, problem=LogFault.REORDERED))
            else:
                found.append(item)
        return tuple(sorted(found, key=lambda item: item.place))

    def _is_next(self, link: Link) -> bool:
        return self._at.leads_to(link) or self._front.leads_to(link)

    def _start(self, link: Link, seq: int) -> None:
        self._at = self._front = Point(seq, link.hash, link.place)

    def _advance(self, link: Link, seq: int) -> None:
        """Advance to a line that continues the line before, or the furthest one."""
        self._at = Point(seq, link.hash, link.place)
        if seq > self._front.seq:
            self._front = self._at
        elif self._findings and self._findings[-1].last == seq - 1:
            # Part of a run of misplaced records.
            self._findings[-1] = replace(self._findings[-1], last=seq)

    def _replaced(self, link: Link, after: Link | None) -> None:
        """Either this line or the one before it was changed."""
        if link.seq is not None and _is_vouched_for(link, link.seq, after):
            self.report(LogFault.CHANGED, self._at.place, self._at.seq)
            self._advance(link, link.seq)
        else:
            self._changed(link)

    def _changed(self, link: Link) -> None:
        """This line was changed, so its successor names its former hash."""
        self.report(LogFault.CHANGED, link.place, self._at.seq + 1)
        self._at = Point(self._at.seq + 1, None, link.place)
        if self._at.seq > self._front.seq:
            self._front = self._at

    def _jump(self, link: Link, seq: int, after: Link | None) -> None:
        """The chain continues at another number."""
        if not _is_vouched_for(link, seq, after):
            self.report(LogFault.INSERTED, link.place, seq)
        elif seq == self._at.seq:
            # Two lines have this number, and the next one names the second.
            self.report(LogFault.INSERTED, self._at.place, seq)
            self._start(link, seq)
        elif seq > self._front.seq:
            self.report(LogFault.MISSING, link.place, self._front.seq + 1, seq - 1)
            self._start(link, seq)
        else:
            self.report(LogFault.INSERTED, link.place, seq)
            self._at = Point(seq, link.hash, link.place)


def _is_vouched_for(link: Link, seq: int, after: Link | None) -> bool:
    """Return whether the next line names this one; the last line counts as named."""
    return after is None or Point(seq, link.hash, link.place).leads_to(after)


def _holds(gap: LogFinding, stray: LogFinding) -> bool:
    """Return whether the first of some misplaced records is a missing one."""
    if gap.first is None or gap.last is None or stray.first is None:
        return False
    return gap.first <= stray.first <= gap.last


def _is_covered(gap: LogFinding, strays: list[LogFinding]) -> bool:
    """Return whether all missing records were found elsewhere."""
    return _count(gap) <= sum(_count(item) for item in strays if _holds(gap, item))


def _count(finding: LogFinding) -> int:
    if finding.first is None or finding.last is None:
        return 1
    return finding.last - finding.first + 1
