"""Entries of one hash set, on their way into columns.

Memory grows with what is kept (for a list of MD5 about 60 bytes a line), never with the
length of a file that is mostly refused. What has been turned into columns is let go of
at once, so that ten million entries of three signals fit into 2 GB on their way. This
module is pure.
"""

from array import array
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate, islice, repeat
from typing import TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from uploadfilter.model import (
    EXACT_TYPES,
    FULL_WINDOW,
    Entry,
    EntrySignal,
    Signal,
    SignalType,
)
from uploadfilter.reference.index import lanes_of
from uploadfilter.reference.secret import EXACT_KEY_BYTES
from uploadfilter.reference.sets import ENTRIES, SetInfo
from uploadfilter.reference.tables import (
    UNKNOWN_QUALITY,
    EntryTable,
    ExactTable,
    PerceptualTable,
    Positions,
    Rows,
    Shape,
    Tables,
    distinct,
    taken,
)

Listed: TypeAlias = tuple[SignalType, bytes]
"""Type and value of a signal in a list."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockSignals:
    """All signals of one type in a block, none of which states geometry or window.

    Attributes:
        rows: Position in the block of the entry of each, ascending.
        values: The values, one after the other.
        quality: One byte each, 0 to 100 or ``UNKNOWN_QUALITY``; empty for exact types.
    """

    rows: Rows
    values: bytes
    quality: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryBlock:
    """Entries as columns, for callers that have millions of them.

    Attributes:
        ids: One for each entry.
        categories: One for each.
        exact_only: One byte each, 1 if it is matched exactly only.
        signals: Of each type that occurs, at most one an entry.
    """

    ids: Sequence[str]
    categories: Sequence[str]
    exact_only: bytes
    signals: Mapping[SignalType, BlockSignals]

    def __len__(self) -> int:
        """Return the number of entries."""
        return len(self.ids)


_Item = TypeVar("_Item", bound=np.generic)
_TYPE_AT = {signal_type: at for at, signal_type in enumerate(EXACT_TYPES)}


@dataclass(slots=True)
class _Columns:
    """The perceptual signals of one shape so far."""

    values: bytearray = field(default_factory=bytearray)
    entries: "array[int]" = field(default_factory=lambda: array("I"))
    quality: bytearray = field(default_factory=bytearray)
    windows: "array[int]" = field(default_factory=lambda: array("H"))


class _Words:
    """Words that recur, numbered in the order in which they came up."""

    def __init__(self) -> None:
        self._positions: dict[str, int] = {}

    def position(self, word: str) -> int:
        return self._positions.setdefault(word, len(self._positions))

    def all(self) -> tuple[str, ...]:
        return tuple(self._positions)


class TableBuilder:
    """Collects the entries of one hash set.

    Entries with the same id become one, which has the signals of all of them and the
    category of the first, and is matched exactly only if one of them was.

    Args:
        exact_key: Turns an exact signal into the key under which it is stored.
        exact_keys: The same for many values of a type, one after the other.
    """

    def __init__(
        self,
        exact_key: Callable[[SignalType, bytes], bytes],
        *,
        exact_keys: Callable[[SignalType, bytes], bytes] | None = None,
    ) -> None:
        self._exact_key = exact_key
        self._exact_keys = exact_keys or self._each_key
        self._ids = bytearray()
        self._id_ends = array("Q")
        self._id_hashes = array("q")
        self._entry_categories = array("H")
        self._exact_only = bytearray()
        self._keys = bytearray()
        self._key_entries = array("I")
        self._key_types = bytearray()
        self._shapes: dict[Shape, _Columns] = {}
        self._categories = _Words()
        self._windows = _Words()

    def __len__(self) -> int:
        """Return the number of entries added so far, repeated ids included."""
        return len(self._id_ends)

    def add(self, entry: Entry) -> None:
        """Take one entry in."""
        row = len(self._id_ends)
        self._ids += entry.id.encode()
        self._id_ends.append(len(self._ids))
        # 8 bytes an entry instead of 100 for a set of ids; equal hashes are verified.
        self._id_hashes.append(hash(entry.id))
        self._entry_categories.append(self._categories.position(entry.category))
        self._exact_only.append(entry.exact_only)
        for item in entry.signals:
            if item.signal.type.is_exact:
                self._add_exact(row, item.signal.type, item.signal.value)
            else:
                self._add_perceptual(row, item)

    def add_listed(
        self, category: str, ids: Sequence[str], listed: Sequence[Listed]
    ) -> None:
        """Take in entries of one signal each, of which nothing else is known.

        The same as ``add`` for each, in half the time: lists have millions of lines.

        Args:
            category: Of all of them.
            ids: One id for each.
            listed: Type and value of each signal.
        """
        if not ids:
            return
        first = self._add_ids(ids)
        position = self._categories.position(category)
        self._entry_categories.extend(repeat(position, len(ids)))
        self._exact_only += bytes(len(ids))
        for row, (signal_type, value) in enumerate(listed, start=first):
            if signal_type in _TYPE_AT:
                self._add_exact(row, signal_type, value)
            else:
                signal = Signal(type=signal_type, value=value)
                self._add_perceptual(row, EntrySignal(signal=signal))

    def add_listed_block(
        self, category: str, ids: Sequence[str], signal_type: SignalType, values: bytes
    ) -> None:
        """Take in entries of one signal each, all of one type.

        Args:
            category: Of all of them.
            ids: One id for each.
            signal_type: Of all of them.
            values: One after the other.
        """
        count = len(ids)
        quality = b"" if signal_type.is_exact else bytes([UNKNOWN_QUALITY]) * count
        rows = np.arange(count, dtype=np.uint32)
        signals = BlockSignals(rows=rows, values=values, quality=quality)
        self.add_block(
            EntryBlock(
                ids=ids,
                categories=[category] * count,
                exact_only=bytes(count),
                signals={signal_type: signals},
            )
        )

    def add_block(self, block: EntryBlock) -> None:
        """Take in entries, the same as ``add`` for each in a tenth of the time."""
        first = self._add_ids(block.ids)
        position = self._categories.position
        self._entry_categories.extend(map(position, block.categories))
        self._exact_only += block.exact_only
        for signal_type, signals in block.signals.items():
            rows = array("I", (signals.rows + np.uint32(first)).tobytes())
            if signal_type.is_exact:
                self._add_exact_rows(rows, signal_type, signals.values)
                continue
            columns = self._shapes.setdefault((signal_type, None), _Columns())
            columns.values += signals.values
            columns.entries.extend(rows)
            columns.quality += signals.quality
            window = self._windows.position(FULL_WINDOW)
            columns.windows.extend(repeat(window, len(rows)))

    def _add_ids(self, ids: Sequence[str]) -> int:
        """Add rows with these ids; return the first of them."""
        first = len(self._id_ends)
        ends = accumulate((len(i.encode()) for i in ids), initial=len(self._ids))
        self._id_ends.extend(islice(ends, 1, None))
        self._ids += "".join(ids).encode()
        # 8 bytes an entry instead of 100 for a set of ids; equal hashes are verified.
        self._id_hashes.extend(map(hash, ids))
        return first

    def _add_exact_rows(
        self, rows: "array[int]", signal_type: SignalType, values: bytes
    ) -> None:
        self._keys += self._exact_keys(signal_type, values)
        self._key_entries.extend(rows)
        self._key_types += bytes([_TYPE_AT[signal_type]]) * len(rows)

    def _each_key(self, signal_type: SignalType, values: bytes) -> bytes:
        width, key = signal_type.width_bytes, self._exact_key
        starts = range(0, len(values), width)
        return b"".join([key(signal_type, values[at : at + width]) for at in starts])

    def _add_exact(self, row: int, signal_type: SignalType, value: bytes) -> None:
        self._keys += self._exact_key(signal_type, value)
        self._key_entries.append(row)
        self._key_types.append(_TYPE_AT[signal_type])

    def _add_perceptual(self, row: int, item: EntrySignal) -> None:
        shape = (item.signal.type, item.geometry)
        columns = self._shapes.setdefault(shape, _Columns())
        columns.values += item.signal.value
        columns.entries.append(row)
        quality = UNKNOWN_QUALITY if item.quality is None else item.quality
        columns.quality.append(quality)
        columns.windows.append(self._windows.position(item.window))

    def finish(self, info: SetInfo) -> Tables:
        """Return the tables of this one set; nothing more can be added.

        Args:
            info: What is known of it; its numbers of entries, signals and duplicates,
                and of entries with exact signals alone, are filled in.
        """
        listed = self._entry_table()
        target, kept = _merged_ids(listed, np.frombuffer(self._id_hashes, np.int64))
        self._id_hashes = array("q")
        entries = _merged_entries(listed, target, kept)
        exact, exact_types = self._exact_table(target)
        perceptual = {
            shape: _perceptual_table(shape[0], self._shapes.pop(shape), target)
            for shape in list(self._shapes)
        }
        counts = self._counts(entries, exact, exact_types, perceptual)
        duplicates = len(listed) - len(entries)
        filled = replace(
            info,
            entries=len(entries),
            counts=counts,
            exact_alone=exact_alone(entries, perceptual),
            source=replace(info.source, duplicates=duplicates),
        )
        return Tables(
            sets=(filled,),
            categories=self._categories.all(),
            windows=self._windows.all(),
            entries=entries,
            perceptual=perceptual,
            exact=exact,
        )

    def _entry_table(self) -> EntryTable:
        return EntryTable(
            ids=_column(self._ids, np.uint8),
            id_ends=_column(self._id_ends, np.uint64),
            sets=np.zeros(len(self), np.uint16),
            categories=_column(self._entry_categories, np.uint16),
            exact_only=_column(self._exact_only, np.uint8),
        )

    def _exact_table(self, target: Rows) -> tuple[ExactTable, NDArray[np.uint8]]:
        """Return the exact signals, and the type of each, which is part of its key."""
        high, low = lanes_of(self._keys, EXACT_KEY_BYTES)
        self._keys = bytearray()
        entries = target.take(_column(self._key_entries, np.uint32))
        order = distinct(high, low, entries)
        types = _column(self._key_types, np.uint8)
        table = ExactTable(
            high=high.take(order), low=low.take(order), entries=entries.take(order)
        )
        return table, types.take(order)

    def _counts(
        self,
        entries: EntryTable,
        exact: ExactTable,
        exact_types: NDArray[np.uint8],
        perceptual: Mapping[Shape, PerceptualTable],
    ) -> dict[str, dict[str, int]]:
        """Count entries and signals by category."""
        words = self._categories.all()
        counts: dict[str, dict[str, int]] = {word: {} for word in words}

        def count(what: str, rows: NDArray[np.uint32] | None) -> None:
            of = entries.categories if rows is None else entries.categories.take(rows)
            for word, number in zip(
                words, np.bincount(of, minlength=len(words)).tolist(), strict=True
            ):
                if number:
                    counts[word][what] = counts[word].get(what, 0) + number

        count(ENTRIES, None)
        for at, signal_type in enumerate(EXACT_TYPES):
            count(signal_type.value, exact.entries[exact_types == at])
        for (signal_type, _), table in perceptual.items():
            count(signal_type.value, table.entries)
        return counts


def exact_alone(
    entries: EntryTable, perceptual: Mapping[Shape, PerceptualTable]
) -> int:
    """Count entries without a perceptual signal beside others that have one."""
    if not perceptual:
        return 0
    is_alone = entries.exact_only == 0
    for table in perceptual.values():
        is_alone[table.entries] = False
    return int(is_alone.sum())


def _merged_ids(
    listed: EntryTable, hashes: NDArray[np.int64]
) -> tuple[Rows, Positions]:
    """Find the entries that share an id.

    Args:
        listed: The entries as they were added.
        hashes: Hash of each id.

    Returns:
        For each entry added the row that it gets, and which ones were the first of
        their id, ascending.
    """
    rows = np.arange(len(listed))
    in_order = np.sort(hashes)
    if (in_order[1:] != in_order[:-1]).all():
        return rows.astype(np.uint32), rows
    _, first, group = np.unique(hashes, return_index=True, return_inverse=True)
    leader = first.take(group)
    for row in np.flatnonzero(leader != rows).tolist():
        if listed.id_of(row) != listed.id_of(int(leader[row])):
            leader[row] = row
    is_kept = leader == rows
    new_row = np.cumsum(is_kept) - 1
    return new_row.take(leader).astype(np.uint32), np.flatnonzero(is_kept)


def _merged_entries(listed: EntryTable, target: Rows, kept: Positions) -> EntryTable:
    if len(kept) == len(listed):
        return listed
    exact_only = np.zeros(len(kept), np.uint8)
    np.maximum.at(exact_only, target, listed.exact_only)
    return replace(taken(listed, kept), exact_only=exact_only)


def _perceptual_table(
    signal_type: SignalType, columns: _Columns, target: Rows
) -> PerceptualTable:
    lanes = lanes_of(columns.values, signal_type.width_bytes)
    columns.values = bytearray()
    table = PerceptualTable(
        lanes=lanes,
        entries=target.take(_column(columns.entries, np.uint32)),
        quality=_column(columns.quality, np.uint8),
        windows=_column(columns.windows, np.uint16),
    )
    order = distinct(table.entries, *lanes, table.quality, table.windows)
    if len(order) == len(table) and (order[1:] > order[:-1]).all():
        # As they came, which is usual, and worth a copy less.
        return table
    return PerceptualTable(
        lanes=tuple(lane.take(order) for lane in lanes),
        entries=table.entries.take(order),
        quality=table.quality.take(order),
        windows=table.windows.take(order),
    )


def _column(values: "bytearray | array[int]", kind: type[_Item]) -> NDArray[_Item]:
    """Return a column that lies where it was collected."""
    return np.frombuffer(values, kind) if values else np.empty(0, kind)
