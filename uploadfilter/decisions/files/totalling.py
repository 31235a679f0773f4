"""Read the lasting data of a log: changes, and the totals of past and open days.

Counts that are in no total record yet are in the head of the newest segment, and in the
records after that head.
"""

from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

from uploadfilter.decisions.files.reading import records_of
from uploadfilter.decisions.files.segments import read_head, segments
from uploadfilter.decisions.records.chain import Tail
from uploadfilter.decisions.records.lasting import ChangeRecord, DayTotals, TotalRecord


class CountSource(StrEnum):
    """The source of a count."""

    TOTAL = "total"
    OPEN = "open"


class TotalPart(NamedTuple):
    """Counts of one day.

    Attributes:
        origin: A total record, or the counts of an open day.
    """

    totals: DayTotals
    origin: CountSource


def parts_of(directory: Path) -> Iterator[TotalPart]:
    """Yield everything that was counted, with its source.

    A day may come more than once, to be added up.
    """
    found = segments(directory)
    for segment in found:
        is_newest = segment == found[-1]
        if is_newest or read_head(directory, segment).is_lasting:
            tail = Tail()
            for record, data in records_of(directory, segment):
                tail.read(record, data)
                if isinstance(record, TotalRecord):
                    yield TotalPart(record.totals, CountSource.TOTAL)
            if is_newest:
                for totals in tail.days.totals():
                    yield TotalPart(totals, CountSource.OPEN)


def changes_of(directory: Path) -> Iterator[ChangeRecord]:
    """Yield the recorded changes, oldest first."""
    for segment in segments(directory):
        if read_head(directory, segment).is_lasting:
            for record, _ in records_of(directory, segment):
                if isinstance(record, ChangeRecord):
                    yield record
