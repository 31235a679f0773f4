"""Collect the entries of one hash set, to be turned into columns.

Collected entries are handed to a store of columns (``reference/entries/kept.py``) and
sorted in parts (``reference/entries/merging.py``), so that ten million entries pass
through a fraction of the memory that they take in all. This module is pure.
"""

from array import array
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, islice, repeat

import numpy as np
from numpy.typing import NDArray

from uploadfilter.model import (
    EXACT_TYPES,
    FULL_WINDOW,
    Entry,
    EntrySignal,
    SignalType,
)
from uploadfilter.reference.entries.kept import (
    EntryColumns,
    Growing,
    InMemory,
    Keep,
    SignalColumns,
    column_of,
)
from uploadfilter.reference.entries.merging import (
    merged_entries,
    merged_ids,
    parts_of,
    perceptual_table,
    sorted_exact,
)
from uploadfilter.reference.entries.secret import EXACT_KEY_BYTES
from uploadfilter.reference.entries.sets import ENTRIES, SetInfo
from uploadfilter.reference.entries.tables import (
    UNKNOWN_QUALITY,
    EntryTable,
    ExactTable,
    PerceptualTable,
    Rows,
    Shape,
    Tables,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockSignals:
    """All signals of one type in a block; none of them states a geometry or a window.

    Attributes:
        rows: For each signal, the position of its entry in the block, ascending.
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
        categories: One for each entry.
        exact_only: One byte for each entry, 1 if it is matched exactly only.
        signals: The signals by type, at most one of a type for each entry.
    """

    ids: Sequence[str]
    categories: Sequence[str]
    exact_only: bytes
    signals: Mapping[SignalType, BlockSignals]

    def __len__(self) -> int:
        """Return the number of entries."""
        return len(self.ids)


_TYPE_AT = {signal_type: at for at, signal_type in enumerate(EXACT_TYPES)}


_ROWS_HELD = 1 << 15
"""Rows that are collected before they are handed on: two megabytes."""


class _Words:
    """Recurring words, numbered in the order of their first occurrence."""

    def __init__(self) -> None:
        self._positions: dict[str, int] = {}

    def position(self, word: str) -> int:
        return self._positions.setdefault(word, len(self._positions))

    def all(self) -> tuple[str, ...]:
        return tuple(self._positions)


class TableBuilder:
    """Collects the entries of one hash set.

    Entries with the same id become one entry, with the signals of all of them and the
    category of the first. It is matched exactly only if one of them was.

    Args:
        exact_key: Turns an exact signal into the key under which it is stored.
        exact_keys: Does the same for many values of a type, one after the other.
        keep: Makes the columns that large data goes to; without it they stay in memory.
    """

    def __init__(
        self,
        exact_key: Callable[[SignalType, bytes], bytes],
        *,
        exact_keys: Callable[[SignalType, bytes], bytes] | None = None,
        keep: Keep = InMemory,
    ) -> None:
        self._exact_key = exact_key
        self._exact_keys = exact_keys or self._each_key
        self._keep = keep
        self._columns = Growing(EntryColumns(), keep)
        self._held = self._columns.now
        self._rows_gone = 0
        self._id_bytes_gone = 0
        self._shapes: dict[Shape, Growing[SignalColumns]] = {}
        self._categories = _Words()
        self._windows = _Words()

    def __len__(self) -> int:
        """Return the number of entries added so far, repeated ids included."""
        return self._rows_gone + len(self._held.id_ends)

    def add(self, entry: Entry) -> None:
        """Add one entry."""
        row, held = len(self), self._held
        held.ids += entry.id.encode()
        held.id_ends.append(self._id_bytes_gone + len(held.ids))
        # 8 bytes an entry instead of 100 for a set of ids; equal hashes are verified.
        held.id_hashes.append(hash(entry.id))
        held.categories.append(self._categories.position(entry.category))
        held.exact_only.append(entry.exact_only)
        for item in entry.signals:
            if item.signal.type.is_exact:
                self._add_exact(row, item.signal.type, item.signal.value)
            else:
                self._add_perceptual(row, item)
        self._let_go()

    def _let_go(self) -> None:
        held = self._held
        if len(held.id_ends) < _ROWS_HELD:
            return
        self._rows_gone += len(held.id_ends)
        self._id_bytes_gone += len(held.ids)
        self._columns.let_go()
        for columns in self._shapes.values():
            columns.let_go()

    def add_block(self, block: EntryBlock) -> None:
        """Add entries: the same as ``add`` for each, in a tenth of the time."""
        first = self._add_ids(block.ids)
        position = self._categories.position
        self._held.categories.extend(map(position, block.categories))
        self._held.exact_only += block.exact_only
        for signal_type, signals in block.signals.items():
            rows = array("I", (signals.rows + np.uint32(first)).tobytes())
            if signal_type.is_exact:
                self._add_exact_rows(rows, signal_type, signals.values)
                continue
            columns = self._shape((signal_type, None))
            columns.values += signals.values
            columns.entries.extend(rows)
            columns.quality += signals.quality
            window = self._windows.position(FULL_WINDOW)
            columns.windows.extend(repeat(window, len(rows)))
        self._let_go()

    def _add_ids(self, ids: Sequence[str]) -> int:
        """Add rows with these ids; return the number of the first row."""
        first, held = len(self), self._held
        before = self._id_bytes_gone + len(held.ids)
        ends = accumulate((len(i.encode()) for i in ids), initial=before)
        held.id_ends.extend(islice(ends, 1, None))
        held.ids += "".join(ids).encode()
        # 8 bytes an entry instead of 100 for a set of ids; equal hashes are verified.
        held.id_hashes.extend(map(hash, ids))
        return first

    def _add_exact_rows(
        self, rows: "array[int]", signal_type: SignalType, values: bytes
    ) -> None:
        held = self._held
        held.keys += self._exact_keys(signal_type, values)
        held.key_entries.extend(rows)
        held.key_types += bytes([_TYPE_AT[signal_type]]) * len(rows)

    def _each_key(self, signal_type: SignalType, values: bytes) -> bytes:
        width, key = signal_type.width_bytes, self._exact_key
        starts = range(0, len(values), width)
        return b"".join([key(signal_type, values[at : at + width]) for at in starts])

    def _add_exact(self, row: int, signal_type: SignalType, value: bytes) -> None:
        held = self._held
        held.keys += self._exact_key(signal_type, value)
        held.key_entries.append(row)
        held.key_types.append(_TYPE_AT[signal_type])

    def _shape(self, shape: Shape) -> SignalColumns:
        if shape not in self._shapes:
            self._shapes[shape] = Growing(SignalColumns(), self._keep)
        return self._shapes[shape].now

    def _add_perceptual(self, row: int, item: EntrySignal) -> None:
        columns = self._shape((item.signal.type, item.geometry))
        columns.values += item.signal.value
        columns.entries.append(row)
        quality = UNKNOWN_QUALITY if item.quality is None else item.quality
        columns.quality.append(quality)
        columns.windows.append(self._windows.position(item.window))

    def finish(self, info: SetInfo) -> Tables:
        """Return the tables of this one set; nothing can be added afterwards.

        Args:
            info: The facts about the set; its numbers of entries, signals and
                duplicates, and of entries with exact signals alone, are filled in.
        """
        listed = self._entry_table()
        hashes = column_of(self._columns.take("id_hashes"), np.int64)
        target, kept = merged_ids(listed, hashes)
        entries = listed if kept is None else merged_entries(listed, target, kept)
        exact, exact_types = self._exact_table(target)
        perceptual = {
            shape: perceptual_table(
                shape[0], self._shapes.pop(shape), target, self._keep
            )
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
        take, rows = self._columns.take, len(self)
        return EntryTable(
            ids=column_of(take("ids"), np.uint8),
            id_ends=column_of(take("id_ends"), np.uint64),
            sets=np.zeros(rows, np.uint16),
            categories=column_of(take("categories"), np.uint16),
            exact_only=column_of(take("exact_only"), np.uint8),
        )

    def _exact_table(self, target: Rows) -> tuple[ExactTable, NDArray[np.uint8]]:
        """Return the exact signals, and their types, which the keys depend on."""
        take = self._columns.take
        return sorted_exact(
            column_of(take("keys"), np.uint8).reshape(-1, EXACT_KEY_BYTES),
            column_of(take("key_types"), np.uint8),
            target,
            rows=column_of(take("key_entries"), np.uint32),
            keep=self._keep,
        )

    def _counts(
        self,
        entries: EntryTable,
        exact: ExactTable,
        exact_types: NDArray[np.uint8],
        perceptual: Mapping[Shape, PerceptualTable],
    ) -> dict[str, dict[str, int]]:
        words = self._categories.all()
        counts: dict[str, dict[str, int]] = {word: {} for word in words}

        def count(what: str, of: NDArray[np.uint16]) -> None:
            for word, number in zip(
                words, np.bincount(of, minlength=len(words)).tolist(), strict=True
            ):
                if number:
                    counts[word][what] = counts[word].get(what, 0) + number

        for part in parts_of(len(entries)):
            count(ENTRIES, entries.categories[part])
        for part in parts_of(len(exact)):
            of = entries.categories.take(exact.entries[part])
            for at, signal_type in enumerate(EXACT_TYPES):
                count(signal_type.value, of[exact_types[part] == at])
        for (signal_type, _), table in perceptual.items():
            for part in parts_of(len(table)):
                rows = table.entries[part]
                count(signal_type.value, entries.categories.take(rows))
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
