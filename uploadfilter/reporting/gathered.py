"""Define a checked log: its files, its checkpoint, and what it lacks."""

from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Final, NamedTuple


class LogLack(StrEnum):
    """Something that a report on a log has to say."""

    TOTALS_ONLY = "totals_only"
    DAYS_UNKNOWN = "days_unknown"
    MATCHES_GONE = "matches_gone"
    NOT_ALLOWED = "not_allowed"
    NOT_BEGUN = "not_begun"
    ENDS_EARLY = "ends_early"
    UNREADABLE = "unreadable"
    UNKNOWN_KIND = "unknown_kind"
    CHAIN_BROKEN = "chain_broken"
    NO_HEAD = "no_head"
    UNFINISHED = "unfinished"
    CLOCK_BACK = "clock_back"
    NOT_READ = "not_read"
    NO_CHECKPOINT = "no_checkpoint"
    TREE_DAMAGED = "tree_damaged"
    NOT_IN_TREE = "not_in_tree"
    NOT_CONTINUED = "not_continued"
    CUT_OFF = "cut_off"
    BEFORE_TREE = "before_tree"
    AFTER_CHECKPOINT = "after_checkpoint"
    LEFT_OUT = "left_out"
    UNSIGNED = "unsigned"
    TOTALS_DIFFER = "totals_differ"


IS_DAMAGE: Final = frozenset(
    {
        LogLack.NOT_ALLOWED,
        LogLack.UNREADABLE,
        LogLack.CHAIN_BROKEN,
        LogLack.NO_HEAD,
        LogLack.TREE_DAMAGED,
        LogLack.NOT_IN_TREE,
        LogLack.NOT_CONTINUED,
        LogLack.CUT_OFF,
        LogLack.UNSIGNED,
        LogLack.TOTALS_DIFFER,
    }
)
"""What retention, a running proxy or another release never causes."""


class Said(NamedTuple):
    """A lack, with its numbers.

    Attributes:
        number: Days, records, bytes or minutes, as the kind says.
        detail: Names, days or a reason; may be empty.
    """

    lack: LogLack
    number: int = 0
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogStanding:
    """The checkpoint that a log's figures stand on.

    Attributes:
        first: Number of the record that is the first leaf.
        size: Number of leaves.
        root: Root of the tree, hex.
        note: The signed checkpoint as text.
    """

    origin: str
    key: str
    first: int
    size: int
    root: str
    note: str

    @property
    def last(self) -> int:
        """Number of the last record that it covers."""
        return self.first + self.size - 1


@dataclass(slots=True, kw_only=True)
class GatheredLog:
    """One checked log, before its records are counted.

    Attributes:
        standing: The checkpoint; ``None`` without a tree.
        signed: Number of the last record that the log's newest checkpoint covers; 0
            without a tree.
        end: Number and hash of the last counted record.
        files: The files to count, in order.
        from_totals: Days whose numbers are those of total records.
        unknown: Days without numbers.
    """

    label: str
    directory: Path = Path()
    instance: str = ""
    standing: LogStanding | None = None
    signed: int = 0
    end: tuple[int, str] = (0, "")
    since: str = ""
    until: str = ""
    records: int = 0
    files: list[Path] = field(default_factory=list)
    from_totals: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    said: list[Said] = field(default_factory=list)


class ReportDays(NamedTuple):
    """The days of a report.

    Attributes:
        first: The first day, UTC.
        end: The day after the last.
    """

    first: date
    end: date

    def holds(self, day: str) -> bool:
        """Return whether a day is one of them."""
        return self.first.isoformat() <= day < self.end.isoformat()
