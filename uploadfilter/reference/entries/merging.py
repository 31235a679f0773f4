"""Make the collected columns of one hash set into tables.

Entries of one id become one; signals are sorted, and each occurs once. Sorting needs
several times as much memory as the data that is sorted, so it is done in parts.

Rules this module keeps: it is pure; the tables are the same whether they are made in
parts or at once (``tests/reference/entries/test_merging.py``).
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from uploadfilter.model import SignalType
from uploadfilter.reference.entries.kept import (
    Growing,
    InMemory,
    Keep,
    SignalColumns,
    column_of,
    lanes_kept,
)
from uploadfilter.reference.entries.secret import EXACT_KEY_BYTES
from uploadfilter.reference.entries.tables import (
    EntryTable,
    ExactTable,
    PerceptualTable,
    Positions,
    Rows,
    distinct,
    taken,
)
from uploadfilter.reference.search.index import lanes_of

_SORTED_ROWS = 1 << 19
"""Exact signals that are sorted together: this takes some 50 MB."""

_MOST_PART_BITS = 8
"""Most bits of the first byte of a key that divide the keys into parts."""

_COUNTED_ROWS = 1 << 20
"""Rows that are counted together: numpy widens the counted column to 8 bytes."""


def parts_of(rows: int) -> Iterator[slice]:
    """Yield slices that divide a number of rows into parts."""
    return (slice(at, at + _COUNTED_ROWS) for at in range(0, rows, _COUNTED_ROWS))


def merged_ids(
    listed: EntryTable, hashes: NDArray[np.int64]
) -> tuple[Rows, Positions | None]:
    """Find the entries that share an id.

    Returns:
        For each added entry its new row, and the positions of the first entries of each
        id, ascending; ``None`` if no id is repeated.
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
    """Return the perceptual signals of one shape, each once."""
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
        # Already in this order, which is usual and saves a copy.
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
        keys: The keys as they were collected, ``EXACT_KEY_BYTES`` bytes in each row.
        types: The type of each key.
        target: For each added entry, its new row.
        rows: For each key, the position of its entry as it was added.
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
