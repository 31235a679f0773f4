"""Check that the columns of a base agree with each other, row by row.

A check value proves that a file is the one that was written; this module finds out
whether its tables can be searched. It is pure.
"""

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from uploadfilter.reference.entries.secret import EXACT_KEY_BYTES
from uploadfilter.reference.entries.tables import UNKNOWN_QUALITY, EntryTable, Tables

_BEST_QUALITY = 100
_ROW_BYTES = 4


def table_problems(tables: Tables) -> Iterator[str]:
    """Yield the problems in the columns of entries and perceptual signals."""
    entries = tables.entries
    count = len(entries)
    yield from _id_problems(entries)
    yield from _range_problem("sets of entries", entries.sets, len(tables.sets))
    words = len(tables.categories)
    yield from _range_problem("categories of entries", entries.categories, words)
    stated = [info.entries - info.revoked for info in tables.sets]
    counted = np.bincount(entries.sets, minlength=len(stated)).tolist()
    if counted != stated:
        yield f"has {counted} entries by hash set instead of {stated}"
    for (signal_type, geometry), table in tables.perceptual.items():
        what = f"{signal_type.value}/{geometry.value if geometry else 'any'}"
        yield from _range_problem(f"entries of {what}", table.entries, count)
        words = len(tables.windows)
        yield from _range_problem(f"windows of {what}", table.windows, words)
        known = table.quality[table.quality != UNKNOWN_QUALITY]
        yield from _range_problem(f"qualities of {what}", known, _BEST_QUALITY + 1)


def _id_problems(entries: EntryTable) -> Iterator[str]:
    ends = entries.id_ends
    if (ends[1:] < ends[:-1]).any():
        yield "has ids that end before they begin"
    last = int(ends[-1]) if len(ends) else 0
    if last != len(entries.ids):
        yield f"has {len(entries.ids)} bytes of ids instead of {last}"


def _range_problem(
    what: str, column: NDArray[np.unsignedinteger], limit: int
) -> Iterator[str]:
    """Yield a problem if an item of a column points beyond the end of its target."""
    if len(column) and int(column.max()) >= limit:
        yield f"has {what} up to {int(column.max())} where {limit} is too many"


def exact_problems(
    pairs: Iterable[tuple[bytes, bytes]], *, entries: int, stated: int
) -> Iterator[str]:
    """Yield the first problem of each kind in the exact signals.

    Args:
        pairs: Key and rows of each signal, in the order stored.
        entries: How many entries there are.
        stated: How many pairs of key and entry there should be.
    """
    count, before = 0, b""
    for key, stored in pairs:
        rows = np.frombuffer(stored[: len(stored) // _ROW_BYTES * _ROW_BYTES], "<u4")
        if len(key) != EXACT_KEY_BYTES or key <= before:
            yield "has exact keys that are not sorted"
            return
        if len(stored) % _ROW_BYTES or not len(rows) or int(rows.max()) >= entries:
            yield "has exact signals of entries that do not exist"
            return
        before = key
        count += len(rows)
    if count != stated:
        yield f"has {count} exact signals instead of {stated}"
