"""The entries of a generation as columns, and the joining of two such tables.

Entries, perceptual signals and exact signals lie in arrays, so that ten million of them
are kept, copied and searched without a Python object for each.
``reference/entries/collecting.py`` turns entries into columns, and
``reference/files/base.py`` keeps columns in LMDB.

Rules this module keeps: it is pure; the row of an entry is its position in
``EntryTable``; exact signals are sorted by key, then row, each pair once; no table of
perceptual signals is empty; every listed word is used by a row.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from uploadfilter.errors import StoreError
from uploadfilter.model import Geometry, SignalType
from uploadfilter.reference.entries.sets import SetInfo
from uploadfilter.reference.search.index import Lane

UNKNOWN_QUALITY = 255
"""Stands for a quality that the set does not state; stated ones are 0 to 100."""

Shape: TypeAlias = tuple[SignalType, Geometry | None]
"""Signals of one shape lie in one table: only PDQ has a geometry."""

Rows: TypeAlias = NDArray[np.uint32]
Positions: TypeAlias = NDArray[np.intp]

MOST_WORDS = 1 << 16
"""Sets, categories and windows are numbered with 16 bits; real sets have some
dozens."""

_Item = TypeVar("_Item", bound=np.generic)
_Integers: TypeAlias = NDArray[np.integer[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryTable:
    """The entries, one row each.

    Attributes:
        ids: UTF-8 of all ids, one after the other.
        id_ends: Where in ``ids`` each id ends.
        sets: Position of the entry's set in ``Tables.sets``.
        categories: Position of its category in ``Tables.categories``.
        exact_only: 1 if it is matched exactly only.
    """

    ids: NDArray[np.uint8]
    id_ends: NDArray[np.uint64]
    sets: NDArray[np.uint16]
    categories: NDArray[np.uint16]
    exact_only: NDArray[np.uint8]

    def __len__(self) -> int:
        """Return the number of entries."""
        return len(self.id_ends)

    def id_of(self, row: int) -> str:
        """Return the id of one entry."""
        start = int(self.id_ends[row - 1]) if row else 0
        return self.ids[start : int(self.id_ends[row])].tobytes().decode()


@dataclass(frozen=True, slots=True, kw_only=True)
class PerceptualTable:
    """The perceptual signals of one shape, one row each.

    Attributes:
        lanes: The values, as ``index.lanes_of`` returns them.
        entries: For each signal, the row of its entry.
        quality: 0 to 100, or ``UNKNOWN_QUALITY``.
        windows: Position of the signal's window in ``Tables.windows``.
    """

    lanes: tuple[Lane, ...]
    entries: Rows
    quality: NDArray[np.uint8]
    windows: NDArray[np.uint16]

    def __len__(self) -> int:
        """Return the number of signals."""
        return len(self.entries)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExactTable:
    """The exact signals as pairs of key and entry, sorted, each pair once.

    Attributes:
        high: First 8 bytes of each key, as a big-endian number.
        low: The other 8 bytes.
        entries: Row of the entry.
    """

    high: NDArray[np.uint64]
    low: NDArray[np.uint64]
    entries: Rows

    def __len__(self) -> int:
        """Return the number of pairs."""
        return len(self.entries)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tables:
    """All data of a generation.

    Attributes:
        sets: The hash sets, in the order of their rows.
        perceptual: The perceptual signals by shape; no table is empty.
    """

    sets: tuple[SetInfo, ...]
    categories: tuple[str, ...]
    windows: tuple[str, ...]
    entries: EntryTable
    perceptual: Mapping[Shape, PerceptualTable]
    exact: ExactTable


def empty_tables() -> Tables:
    """Return the tables of a reference set without any hash set."""
    return Tables(
        sets=(),
        categories=(),
        windows=(),
        entries=EntryTable(
            ids=np.empty(0, np.uint8),
            id_ends=np.empty(0, np.uint64),
            sets=np.empty(0, np.uint16),
            categories=np.empty(0, np.uint16),
            exact_only=np.empty(0, np.uint8),
        ),
        perceptual={},
        exact=ExactTable(
            high=np.empty(0, np.uint64),
            low=np.empty(0, np.uint64),
            entries=np.empty(0, np.uint32),
        ),
    )


def sorted_rows(*columns: _Integers) -> Positions:
    """Return the positions of all rows, in sorted order.

    Args:
        columns: At least one, all of the same length; the first decides the order. The
            items of the first are mostly different, so that the others are seldom
            compared.
    """
    order = np.argsort(columns[0])
    first = columns[0].take(order)
    is_tied = np.zeros(len(order), np.bool_)
    is_tied[1:] = first[1:] == first[:-1]
    is_tied[:-1] |= is_tied[1:]
    at = np.flatnonzero(is_tied)
    # Equal positions are sorted here: repeated rows stay in the order they came in.
    rows = np.sort(order.take(at))
    order[at] = rows.take(np.lexsort([column.take(rows) for column in columns[::-1]]))
    return order


def distinct(*columns: _Integers) -> Positions:
    """Return the positions of the distinct rows, in sorted order.

    Args:
        columns: At least one, all of the same length; the first decides the order.
    """
    first_column = columns[0]
    if (first_column[1:] > first_column[:-1]).all():
        return np.arange(len(first_column))
    order = sorted_rows(*columns)
    first = np.zeros(len(order), np.bool_)
    first[:1] = True
    for column in columns:
        ordered = column.take(order)
        first[1:] |= ordered[1:] != ordered[:-1]
    return order[first]


def taken(entries: EntryTable, rows: Positions) -> EntryTable:
    """Return some of the entries."""
    lengths = np.diff(entries.id_ends, prepend=np.uint64(0))
    keep = np.zeros(len(entries), np.bool_)
    keep[rows] = True
    return EntryTable(
        ids=entries.ids[np.repeat(keep, lengths.astype(np.intp))],
        id_ends=np.cumsum(lengths.take(rows), dtype=np.uint64),
        sets=entries.sets.take(rows),
        categories=entries.categories.take(rows),
        exact_only=entries.exact_only.take(rows),
    )


def without_set(tables: Tables, name: str) -> Tables:
    """Return the tables without one hash set, or unchanged if it is not in them."""
    names = [info.name for info in tables.sets]
    if name not in names:
        return tables
    return with_entries(tables, tables.entries.sets != names.index(name), gone={name})


def with_entries(
    tables: Tables, keep: NDArray[np.bool_], *, gone: Collection[str] = ()
) -> Tables:
    """Return the tables with some of the entries only.

    Args:
        tables: All tables.
        keep: One item for each entry: whether it stays.
        gone: Names of the hash sets that go, with all of their entries.
    """
    rows = np.flatnonzero(keep)
    # Row of each entry in the new table; the value for entries that go is never read.
    moved = (np.cumsum(keep) - 1).clip(0).astype(np.uint32)
    is_kept = np.array([info.name not in gone for info in tables.sets], np.bool_)
    position = (np.cumsum(is_kept) - 1).clip(0).astype(np.uint16)
    entries = taken(tables.entries, rows)
    return _compact(
        replace(
            tables,
            sets=tuple(info for info in tables.sets if info.name not in gone),
            entries=replace(entries, sets=position.take(entries.sets)),
            perceptual={
                shape: _kept_signals(table, keep, moved)
                for shape, table in tables.perceptual.items()
                if keep.take(table.entries).any()
            },
            exact=_kept_pairs(tables.exact, keep, moved),
        )
    )


def _kept_signals(
    table: PerceptualTable, keep: NDArray[np.bool_], moved: Rows
) -> PerceptualTable:
    rows = np.flatnonzero(keep.take(table.entries))
    return PerceptualTable(
        lanes=tuple(lane.take(rows) for lane in table.lanes),
        entries=moved.take(table.entries.take(rows)),
        quality=table.quality.take(rows),
        windows=table.windows.take(rows),
    )


def _kept_pairs(table: ExactTable, keep: NDArray[np.bool_], moved: Rows) -> ExactTable:
    rows = np.flatnonzero(keep.take(table.entries))
    return ExactTable(
        high=table.high.take(rows),
        low=table.low.take(rows),
        entries=moved.take(table.entries.take(rows)),
    )


def _compact(tables: Tables) -> Tables:
    """Drop the categories and windows that no row uses any more."""
    categories, used = np.unique(tables.entries.categories, return_inverse=True)
    windows = np.unique(
        _concatenated([t.windows for t in tables.perceptual.values()], np.uint16)
    )
    return replace(
        tables,
        categories=tuple(tables.categories[at] for at in categories.tolist()),
        windows=tuple(tables.windows[at] for at in windows.tolist()),
        entries=replace(tables.entries, categories=used.astype(np.uint16)),
        perceptual={
            shape: replace(
                table,
                windows=np.searchsorted(windows, table.windows).astype(np.uint16),
            )
            for shape, table in tables.perceptual.items()
        },
    )


def joined(left: Tables, right: Tables) -> Tables:
    """Return the tables of both, with the entries of ``left`` first."""
    if not left.sets:
        return right
    categories, category_at = _united(left.categories, right.categories, "categories")
    windows, window_at = _united(left.windows, right.windows, "windows")
    if len(left.sets) + len(right.sets) > MOST_WORDS:
        raise StoreError(f"more than {MOST_WORDS} hash sets")
    shift = np.uint32(len(left.entries))
    shapes = dict.fromkeys([*left.perceptual, *right.perceptual])
    return Tables(
        sets=left.sets + right.sets,
        categories=categories,
        windows=windows,
        entries=_joined_entries(left, right, category_at),
        perceptual={
            shape: _joined_signals(
                left.perceptual.get(shape),
                right.perceptual.get(shape),
                shift,
                window_at,
            )
            for shape in shapes
        },
        exact=_joined_pairs(left.exact, right.exact, shift),
    )


def _united(
    left: Sequence[str], right: Sequence[str], what: str
) -> tuple[tuple[str, ...], NDArray[np.uint16]]:
    """Return all words, and the position among them of each word of ``right``."""
    words = dict.fromkeys([*left, *right])
    if len(words) > MOST_WORDS:
        raise StoreError(
            f"more than {MOST_WORDS} {what}",
            hint="Import fewer of them, or remove a hash set first.",
        )
    at = {word: position for position, word in enumerate(words)}
    return tuple(words), np.array([at[word] for word in right], np.uint16)


def _joined_entries(
    left: Tables, right: Tables, category_at: NDArray[np.uint16]
) -> EntryTable:
    one, two = left.entries, right.entries
    return EntryTable(
        ids=np.concatenate([one.ids, two.ids]),
        id_ends=np.concatenate([one.id_ends, two.id_ends + np.uint64(len(one.ids))]),
        sets=np.concatenate([one.sets, two.sets + np.uint16(len(left.sets))]),
        categories=np.concatenate([one.categories, category_at.take(two.categories)]),
        exact_only=np.concatenate([one.exact_only, two.exact_only]),
    )


def _joined_signals(
    left: PerceptualTable | None,
    right: PerceptualTable | None,
    shift: np.uint32,
    window_at: NDArray[np.uint16],
) -> PerceptualTable:
    parts = [left] if left is not None else []
    if right is not None:
        parts.append(
            replace(
                right,
                entries=right.entries + shift,
                windows=window_at.take(right.windows),
            )
        )
    lanes = zip(*(part.lanes for part in parts), strict=True)
    return PerceptualTable(
        lanes=tuple(np.concatenate(lane) for lane in lanes),
        entries=np.concatenate([part.entries for part in parts]),
        quality=np.concatenate([part.quality for part in parts]),
        windows=np.concatenate([part.windows for part in parts]),
    )


def _joined_pairs(left: ExactTable, right: ExactTable, shift: np.uint32) -> ExactTable:
    high = np.concatenate([left.high, right.high])
    low = np.concatenate([left.low, right.low])
    entries = np.concatenate([left.entries, right.entries + shift])
    order = sorted_rows(high, low, entries)
    return ExactTable(
        high=high.take(order), low=low.take(order), entries=entries.take(order)
    )


def _concatenated(
    parts: Sequence[NDArray[_Item]], dtype: type[_Item]
) -> NDArray[_Item]:
    return np.concatenate(parts) if parts else np.empty(0, dtype)
