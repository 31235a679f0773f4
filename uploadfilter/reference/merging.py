"""Columns of one hash set as they were collected, made into tables.

Entries of one id become one; signals are sorted, each once. What is needed for sorting
is several times as large as what is sorted, so that it is done in parts.

Rules this module keeps: it is pure; in parts or at once, the tables are the same
(``tests/reference/test_merging.py``).
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from uploadfilter.model import SignalType
from uploadfilter.reference.index import lanes_of
from uploadfilter.reference.kept import (
    Growing,
    InMemory,
    Keep,
    SignalColumns,
    column_of,
    lanes_kept,
)
from uploadfilter.reference.secret import EXACT_KEY_BYTES
from uploadfilter.reference.tables import (
    EntryTable,
    ExactTable,
    PerceptualTable,
    Positions,
    Rows,
    distinct,
    taken,
)

_SORTED_ROWS = 1 << 19
"""Exact signals that are sorted together: some 50 MB meanwhile."""

_MOST_PART_BITS = 8
"""Parts are told by the first byte of a key."""

_COUNTED_ROWS = 1 << 20
"""Rows that are counted together: numpy widens what it counts to 8 bytes."""


def parts_of(rows: int) -> Iterator[slice]:
    """Yield columns of so many rows in parts that are looked at together."""
    return (slice(at, at + _COUNTED_ROWS) for at in range(0, rows, _COUNTED_ROWS))


def merged_ids(
    listed: EntryTable, hashes: NDArray[np.int64]
) -> tuple[Rows, Positions | None]:
    """Find the entries that share an id.

    Args:
        listed: The entries as they were added.
        hashes: Hash of each id.

    Returns:
        For each entry added the row that it gets, and which ones were the first of
        their id, ascending; ``None`` if all were.
    """
    in_order = np.sort(hashes)
    repeated = np.unique(in_order[1:][in_order[1:] == in_order[:-1]])
    del in_order
    if not len(repeated):
        return np.arange(len(listed), dtype=np.uint32), None
    rows = _rows_of(hashes, repeated)
    _, first, group = np.unique(
        hashes.take(rows), return_index=True, return_inverse=True
    )
    leader = rows.take(first.take(group))
    for at in np.flatnonzero(leader != rows).tolist():
        if listed.id_of(int(rows[at])) != listed.id_of(int(leader[at])):
            leader[at] = rows[at]
    is_kept = np.ones(len(listed), np.bool_)
    is_kept[rows] = leader == rows
    target = np.cumsum(is_kept, dtype=np.uint32) - np.uint32(1)
    target[rows] = target.take(leader)
    return target, np.flatnonzero(is_kept)


def _rows_of(hashes: NDArray[np.int64], wanted: NDArray[np.int64]) -> Positions:
    """Return the rows whose hash is one of some, which are sorted; ascending."""
    found = []
    for part in parts_of(len(hashes)):
        at = np.searchsorted(wanted, hashes[part])
        is_one = wanted.take(at, mode="clip") == hashes[part]
        found.append(np.flatnonzero(is_one) + part.start)
    return np.concatenate(found)


def merged_entries(listed: EntryTable, target: Rows, kept: Positions) -> EntryTable:
    """Return the first entry of each id, matched exactly only if one of them was."""
    exact_only = np.zeros(len(kept), np.uint8)
    np.maximum.at(exact_only, target, listed.exact_only)
    return replace(taken(listed, kept), exact_only=exact_only)


def perceptual_table(
    signal_type: SignalType, columns: Growing[SignalColumns], target: Rows, keep: Keep
) -> PerceptualTable:
    """Return the perceptual signals of one shape, each once.

    Args:
        signal_type: Of the shape.
        columns: As they were collected.
        target: For each entry added the row that it gets.
        keep: Makes columns for large tables.
    """
    values = columns.take("values")
    listed = column_of(columns.take("entries"), np.uint32)
    large = len(listed) > _SORTED_ROWS
    lanes = lanes_kept(values, signal_type.width_bytes, keep if large else InMemory)
    table = PerceptualTable(
        lanes=lanes,
        entries=target.take(listed),
        quality=column_of(columns.take("quality"), np.uint8),
        windows=column_of(columns.take("windows"), np.uint16),
    )
    if (table.entries[1:] > table.entries[:-1]).all():
        # As they came, which is usual, and worth a copy less.
        return table
    order = distinct(table.entries, *lanes, table.quality, table.windows)
    return PerceptualTable(
        lanes=tuple(lane.take(order) for lane in lanes),
        entries=table.entries.take(order),
        quality=table.quality.take(order),
        windows=table.windows.take(order),
    )


def sorted_exact(
    keys: NDArray[np.uint8],
    types: NDArray[np.uint8],
    target: Rows,
    *,
    rows: Rows,
    keep: Keep,
) -> tuple[ExactTable, NDArray[np.uint8]]:
    """Return exact signals as they are stored, and the type of each.

    Args:
        keys: As they were collected, ``EXACT_KEY_BYTES`` bytes in each row.
        types: Of each.
        target: For each entry added the row that it gets.
        rows: Of each key the entry as it was added.
        keep: Makes columns for large tables.
    """
    bits = min((len(keys) // _SORTED_ROWS).bit_length(), _MOST_PART_BITS)
    part_of = keys[:, 0] >> np.uint8(_MOST_PART_BITS - bits) if bits else None
    kept = [keep() if bits else InMemory() for _ in range(4)]
    for part in range(1 << bits):
        at = (
            np.arange(len(keys)) if part_of is None else np.flatnonzero(part_of == part)
        )
        high, low = lanes_of(keys.take(at, axis=0).tobytes(), EXACT_KEY_BYTES)
        entries = target.take(rows.take(at))
        order = distinct(high, low, entries)
        kept[0].write(high.take(order))
        kept[1].write(low.take(order))
        kept[2].write(entries.take(order))
        kept[3].write(types.take(at).take(order))
    table = ExactTable(
        high=column_of(kept[0], np.uint64),
        low=column_of(kept[1], np.uint64),
        entries=column_of(kept[2], np.uint32),
    )
    return table, column_of(kept[3], np.uint8)
