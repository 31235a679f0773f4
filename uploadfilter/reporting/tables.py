"""The tables that decision logs are counted into, which can be added in any order.

A *part* holds the counts of some records. Each table has rows: a key of the day and the
table's columns, and a few whole numbers. Two parts are added row by row, so it does not
matter which process counted which segment, or which part comes first.

Rules this module keeps: it is pure; every number is a whole number, so that no sum
depends on its order; a row holds no id, no entry, and no client except the keyed hash
of one that was rejected, which is worth nothing after its day.
"""

from bisect import bisect_right
from collections.abc import Iterator
from enum import StrEnum
from typing import Final

import msgspec

Cell = str | int | None
Key = tuple[Cell, ...]
Rows = dict[Key, list[int]]


class CountTable(StrEnum):
    """The tables; those of day totals have the same columns as these totals."""

    UPLOADS = "uploads"
    MATCHES = "matches"
    REASONS = "reasons"
    OUTCOMES = "outcomes"
    SHEDS = "sheds"
    FOUND = "found"
    LATENCY = "latency"
    REPEATS = "repeats"
    COPIES = "copies"


OF_TOTALS: Final = frozenset(
    {
        CountTable.UPLOADS,
        CountTable.MATCHES,
        CountTable.REASONS,
        CountTable.OUTCOMES,
        CountTable.SHEDS,
        CountTable.COPIES,
    }
)
"""The tables that a day's total record holds, too, after its records are deleted."""

UPLOAD_COLUMNS: Final = (
    "mode",
    "route",
    "verdict",
    "action",
    "effect",
    "reason",
    "would",
    "would_reason",
    "status",
)

COLUMNS: Final[dict[CountTable, tuple[str, ...]]] = {
    CountTable.UPLOADS: ("day", *UPLOAD_COLUMNS),
    CountTable.MATCHES: ("day", "set", "category", "state"),
    CountTable.REASONS: ("day", "reason"),
    CountTable.OUTCOMES: ("day", "outcome"),
    CountTable.SHEDS: ("day", "reason", "status"),
    CountTable.FOUND: ("day", *UPLOAD_COLUMNS, "ways", "labels"),
    CountTable.LATENCY: ("day", "verdict", "effect", "bin"),
    CountTable.REPEATS: ("day", "client"),
    CountTable.COPIES: ("day", "copies"),
}
"""The key of each table's rows.

``ways`` are the ways in which the upload's matches were found (``Way``), joined by
``+``. ``labels`` is JSON: set, category, state and ways of each group of matches.
``bin`` is a number of ``latency_bin``.
"""

MEASURES: Final[dict[CountTable, tuple[str, ...]]] = {
    CountTable.UPLOADS: ("uploads", "bytes", "cpu_us"),
    CountTable.MATCHES: ("uploads",),
    CountTable.REASONS: ("uploads",),
    CountTable.OUTCOMES: ("uploads",),
    CountTable.SHEDS: ("uploads",),
    CountTable.FOUND: ("uploads", "chance", "unjudged"),
    CountTable.LATENCY: ("uploads",),
    CountTable.REPEATS: ("uploads",),
    CountTable.COPIES: ("uploads",),
}
"""The numbers of each table's rows.

``chance`` is the sum of E in units of ``CHANCE_UNIT``; ``unjudged`` are the uploads
without an exact match for which no E is known.
"""

CHANCE_UNIT: Final = 1e-12
"""Sums of E are whole multiples of it: a thousandth of the E of an altered copy."""


class Way(StrEnum):
    """A way in which a match was found."""

    MD5 = "md5"
    DIGEST = "digest"
    PDQ = "pdq"
    OTHER = "other"
    ALTERED = "altered"
    NEAR = "near"


_DIGESTS: Final = frozenset({"sha1", "sha256"})
EXACT: Final = frozenset({Way.MD5, Way.DIGEST})


def way_of(signal_type: str, kind: str) -> Way:
    """Return the way in which a match was found."""
    if kind != "within":
        return Way.ALTERED if kind == "altered" else Way.NEAR
    if signal_type == "md5":
        return Way.MD5
    if signal_type in _DIGESTS:
        return Way.DIGEST
    return Way.PDQ if signal_type == "pdq" else Way.OTHER


ALTERED: Final = "altered"
UNSEARCHED: Final = "unsearched"
"""Rows of ``COPIES``: uploads with an altered copy that was found after the answer, and
uploads that were not searched."""

MOST_LABELS: Final = 8
"""Most groups of matches that a row names. An archive of pictures of many sets would
otherwise be a row of its own; further groups count as the set ``*``."""

OTHERS: Final = "*"

_OCTAVE: Final = 8
"""Bins between a duration and twice that duration: each is 9 % wide."""

_FIRST_US: Final = 64
LATENCY_EDGES_US: Final = tuple(
    round(_FIRST_US * 2 ** (place / _OCTAVE)) for place in range(_OCTAVE * 26)
)
"""Edges of the bins, in microseconds: from 64 us to more than an hour."""


def latency_bin(duration_us: int) -> int:
    """Return the number of the bin of a duration in microseconds."""
    return bisect_right(LATENCY_EDGES_US, duration_us)


class Part(msgspec.Struct):
    """Counts of some records.

    Attributes:
        tables: The rows of each table.
        minutes: Of each day, the minutes with at least one record: bit ``m`` of the
            number is minute ``m``.
    """

    tables: dict[CountTable, Rows] = msgspec.field(
        default_factory=lambda: {table: {} for table in CountTable}
    )
    minutes: dict[str, int] = msgspec.field(default_factory=dict)

    def add(self, table: CountTable, key: Key, *amounts: int) -> None:
        """Add numbers to one row."""
        rows = self.tables[table]
        row = rows.get(key)
        if row is None:
            rows[key] = list(amounts)
        else:
            for place, amount in enumerate(amounts):
                row[place] += amount

    def merge(self, other: "Part") -> None:
        """Add all rows of another part."""
        for table, rows in other.tables.items():
            for key, amounts in rows.items():
                self.add(table, key, *amounts)
        for day, bits in other.minutes.items():
            self.minutes[day] = self.minutes.get(day, 0) | bits

    def rows(self, table: CountTable) -> Iterator[tuple[Key, list[int]]]:
        """Yield the rows of a table, in a fixed order."""
        rows = self.tables[table]
        yield from sorted(rows.items(), key=lambda item: tuple(map(_order, item[0])))


def _order(cell: Cell) -> tuple[int, str]:
    return (0, "") if cell is None else (1, str(cell))


_Packed = tuple[dict[CountTable, list[tuple[list[Cell], list[int]]]], dict[str, str]]


def uploads_of(part: Part) -> dict[str, int]:
    """Return the uploads of each day."""
    found: dict[str, int] = {}
    for key, amounts in part.tables[CountTable.UPLOADS].items():
        found[str(key[0])] = found.get(str(key[0]), 0) + amounts[0]
    return found


def packed(part: Part) -> bytes:
    """Return a part as bytes."""
    tables = {
        table: [(list(key), row) for key, row in part.rows(table)]
        for table in CountTable
    }
    minutes = {day: f"{bits:x}" for day, bits in sorted(part.minutes.items())}
    return msgspec.msgpack.encode((tables, minutes))


def unpacked(data: bytes) -> Part:
    """Return the part that ``packed`` made bytes of.

    Raises:
        msgspec.MsgspecError: The bytes are not those of a part.
    """
    tables, minutes = msgspec.msgpack.decode(data, type=_Packed)
    part = Part()
    for table, rows in tables.items():
        part.tables[table] = {tuple(key): row for key, row in rows}
    part.minutes = {day: int(bits, 16) for day, bits in minutes.items()}
    return part
