"""Read the lines of a log quickly: only the fields that say what a line is.

``decisions/records`` defines the records in full, which takes seven times as long to
decode.
"""

from typing import Final

import msgspec

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

COUNTED: Final = KNOWN - {"total", "segment", "canary", "checkpoint"}
"""The kinds that figures are counted from, beside the total records."""


class UploadsRow(msgspec.Struct, frozen=True, gc=False):
    """The counted field of a row of a summary or a day total."""

    uploads: int


class DayFields(msgspec.Struct, frozen=True, gc=False):
    """The uploads of one day, which outlast its records."""

    day: str
    uploads: tuple[UploadsRow, ...] = ()


class LogLine(msgspec.Struct, frozen=True, gc=False):
    """The fields of a record, of whatever kind.

    Attributes:
        totals: In a total record its day; in the head of a segment, several.
    """

    record: str
    seq: int
    previous: str
    time: str
    verdict: str = ""
    uploads: tuple[UploadsRow, ...] = ()
    totals: DayFields | tuple[DayFields, ...] = ()


def uploads_in(rows: tuple[UploadsRow, ...]) -> int:
    """Return the number of uploads of some rows."""
    return sum(it.uploads for it in rows)


_decoder = msgspec.json.Decoder(LogLine)


def read_lines(data: bytes) -> list[LogLine]:
    """Return the records of some lines.

    Raises:
        msgspec.DecodeError: A line is no record.
        UnicodeDecodeError: It is not text.
    """
    return _decoder.decode_lines(data)


def read_line(line: bytes) -> LogLine | None:
    """Return the record of a line; ``None`` if it is no record."""
    try:
        return _decoder.decode(line)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return None
