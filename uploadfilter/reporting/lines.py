"""Read the lines of a log quickly: only the fields that a report counts.

A record that ``decisions/records`` defines in full is decoded here into a smaller one,
which takes a seventh of the time: ids, contents, views and outlines are skipped. The
full definition stays the authority; the tests compare both.

Rules this module keeps: it is pure; a line that is no record is said, never left out in
silence; a kind of record that this version does not know is said as well.
"""

from typing import Final

import msgspec


class MatchFields(msgspec.Struct, frozen=True, gc=False):
    """The counted fields of a match."""

    set: str
    category: str
    state: str
    signal_type: str
    kind: str = "within"
    chance: float | None = None


class LogLine(msgspec.Struct, frozen=True, gc=False, tag_field="record"):
    """The fields of every record."""

    seq: int
    previous: str
    time: str


class DecisionLine(LogLine, frozen=True, gc=False, tag="decision"):
    """The counted fields of a decision."""

    mode: str
    verdict: str
    action: str
    effect: str
    reason: str | None
    status: int | None
    client: str | None
    size: int
    duration_ms: float
    would: str
    matches: tuple[MatchFields, ...] = ()
    reasons: tuple[str, ...] = ()
    would_reason: str | None = None
    route: str | None = None
    cpu_ms: float = 0.0


class OutcomeLine(LogLine, frozen=True, gc=False, tag="outcome"):
    """The counted field of an outcome."""

    outcome: int | str


class CopyLine(LogLine, frozen=True, gc=False, tag="copy"):
    """The counted field of copies that were found after the answer."""

    matches: tuple[MatchFields, ...]


class UnsearchedLine(LogLine, frozen=True, gc=False, tag="unsearched"):
    """The counted field of uploads that were not searched for copies."""

    count: int


class ShedLine(LogLine, frozen=True, gc=False, tag="shed"):
    """The counted fields of uploads that were turned away."""

    reason: str
    status: int
    count: int


class UploadsRow(msgspec.Struct, frozen=True, gc=False):
    """A row of a summary or a day total."""

    mode: str
    route: str | None
    verdict: str
    action: str
    effect: str
    reason: str | None
    would: str
    would_reason: str | None
    status: int | None
    uploads: int
    bytes: int
    cpu_us: int


class ReasonsRow(msgspec.Struct, frozen=True, gc=False):
    """Uploads with a reason."""

    reason: str
    uploads: int


class MatchesRow(msgspec.Struct, frozen=True, gc=False):
    """Uploads that matched a set and category."""

    set: str
    category: str
    state: str
    uploads: int


class OutcomesRow(msgspec.Struct, frozen=True, gc=False):
    """Uploads with an outcome."""

    outcome: int | str
    uploads: int


class ShedsRow(msgspec.Struct, frozen=True, gc=False):
    """Uploads that were turned away."""

    reason: str
    status: int
    uploads: int


class SummaryLine(LogLine, frozen=True, gc=False, tag="summary"):
    """Refused uploads without decisions of their own."""

    uploads: tuple[UploadsRow, ...]
    reasons: tuple[ReasonsRow, ...]


class DayFields(msgspec.Struct, frozen=True, gc=False):
    """The numbers of one day."""

    day: str
    uploads: tuple[UploadsRow, ...] = ()
    matches: tuple[MatchesRow, ...] = ()
    reasons: tuple[ReasonsRow, ...] = ()
    outcomes: tuple[OutcomesRow, ...] = ()
    sheds: tuple[ShedsRow, ...] = ()
    copies: int = 0
    unsearched: int = 0


class TotalLine(LogLine, frozen=True, gc=False, tag="total"):
    """The numbers of one day, which outlast its records."""

    totals: DayFields


class ChangeLine(LogLine, frozen=True, gc=False, tag="change"):
    """A change, a start, or an event of an objection."""

    change: str
    at: str
    subject: str = ""
    generation: int | None = None
    details: dict[str, object] = msgspec.field(default_factory=dict)


class HeadLine(LogLine, frozen=True, gc=False, tag="segment"):
    """The head of a segment; ``SegmentRecord`` is read where its fields matter."""


class CanaryLine(LogLine, frozen=True, gc=False, tag="canary"):
    """A canary, which is no upload."""


class CheckpointLine(LogLine, frozen=True, gc=False, tag="checkpoint"):
    """A checkpoint of the chain."""


AnyLine = (
    DecisionLine
    | OutcomeLine
    | CopyLine
    | UnsearchedLine
    | ShedLine
    | SummaryLine
    | TotalLine
    | ChangeLine
    | HeadLine
    | CanaryLine
    | CheckpointLine
)


COUNTED: Final = (
    DecisionLine
    | OutcomeLine
    | CopyLine
    | UnsearchedLine
    | ShedLine
    | SummaryLine
    | ChangeLine
)
"""The records that figures are counted from, beside the total records."""

KNOWN: Final = frozenset(
    {
        "decision",
        "outcome",
        "copy",
        "unsearched",
        "shed",
        "summary",
        "total",
        "change",
        "segment",
        "canary",
        "checkpoint",
    }
)
"""The kinds of records that this version knows."""


class _Unknown(msgspec.Struct):
    """The fields by which a record of an unknown kind is told."""

    record: str
    seq: int
    previous: str
    time: str


_decoder = msgspec.json.Decoder(AnyLine)
_unknown = msgspec.json.Decoder(_Unknown)


def read_lines(data: bytes) -> list[AnyLine]:
    """Return the records of some lines.

    Raises:
        msgspec.DecodeError: A line is not a known record.
        UnicodeDecodeError: It is not text.
    """
    return _decoder.decode_lines(data)


def read_line(line: bytes) -> AnyLine | str | None:
    """Return the record of a line; its kind if that is unknown; else ``None``."""
    try:
        record: AnyLine = _decoder.decode(line)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return _kind_of(line)
    return record


def _kind_of(line: bytes) -> str | None:
    """Return the kind of a record that cannot be read, if the kind is unknown."""
    try:
        kind = _unknown.decode(line).record
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return None
    return None if kind in KNOWN else kind
