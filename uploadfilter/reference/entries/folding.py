"""Fold base and overlay into one, and look up entries by their ids.

This module is pure and works on columns: a fold of ten million entries does not make a
Python object for each of them.
"""

from collections.abc import Collection, Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from uploadfilter.reference.entries.changes import Changes
from uploadfilter.reference.entries.off import Party
from uploadfilter.reference.entries.tables import (
    EntryTable,
    Positions,
    Tables,
    joined,
    with_entries,
)

_ROWS_AT_A_TIME = 1 << 20
"""Entries that are compared at a time; it bounds the memory for temporaries."""

_LAST_BYTES = 4
"""Bytes at the end of an id that are compared with all wanted ids at once. Ids that are
counters or digests differ at their end."""


def folded(base: Tables, additions: Tables, changes: Changes) -> Tables:
    """Return everything that is in force as the tables of one new base."""
    shown = _without_withdrawn(_without_hidden(base, changes), changes)
    tables = joined(shown, _without_withdrawn(additions, changes))
    return replace(tables, sets=tuple(map(changes.in_its_state, tables.sets)))


def _without_hidden(base: Tables, changes: Changes) -> Tables:
    hidden = [info.name in changes.hidden for info in base.sets]
    if not any(hidden):
        return base
    keep = ~np.array(hidden, np.bool_).take(base.entries.sets)
    return with_entries(base, keep, gone=changes.hidden)


def _without_withdrawn(tables: Tables, changes: Changes) -> Tables:
    """Return the tables without withdrawn entries, which their sets count."""
    by_set: dict[str, list[str]] = {}
    for item in changes.rows(Party.ISSUER):
        by_set.setdefault(item.set, []).append(item.entry)
    keep = np.ones(len(tables.entries), np.bool_)
    sets = list(tables.sets)
    for at, info in enumerate(sets):
        gone = find_entries(tables, info.name, by_set.get(info.name, ()))
        keep[list(gone.values())] = False
        sets[at] = replace(info, revoked=info.revoked + len(gone))
    if keep.all():
        return tables
    return with_entries(replace(tables, sets=tuple(sets)), keep)


def find_entries(tables: Tables, name: str, ids: Collection[str]) -> dict[str, int]:
    """Return the rows of entries of one hash set, by id."""
    return {word: row for row, word in rows_with_ids(tables, name, ids)}


def rows_with_ids(
    tables: Tables, name: str, ids: Collection[str]
) -> Iterator[tuple[int, str]]:
    """Yield the rows of entries of one hash set, each with its id."""
    names = [info.name for info in tables.sets]
    if name not in names or not ids:
        return
    wanted = {word.encode() for word in ids}
    entries = tables.entries
    for row in _likely_rows(entries, names.index(name), wanted):
        start, end = _span(entries, row)
        word = entries.ids[start:end].tobytes()
        if word in wanted:
            yield row, word.decode()


def _likely_rows(
    entries: EntryTable, position: int, wanted: Collection[bytes]
) -> Iterator[int]:
    """Yield the rows of a set whose id has the length and the end of a wanted one."""
    lengths = np.zeros(1 + max(map(len, wanted)), np.bool_)
    lengths[[len(word) for word in wanted]] = True
    for first in range(0, len(entries), _ROWS_AT_A_TIME):
        ends = entries.id_ends[first : first + _ROWS_AT_A_TIME].astype(np.intp)
        start = int(entries.id_ends[first - 1]) if first else 0
        length = np.diff(ends, prepend=start)
        rows = np.flatnonzero(
            (entries.sets[first : first + len(ends)] == position)
            & lengths.take(length, mode="clip")
            & (length < len(lengths))
        )
        for back in range(1, _LAST_BYTES + 1):
            rows = _ending_alike(entries.ids, ends, length, rows, back, wanted)
        yield from (rows + first).tolist()


def _ending_alike(
    ids: NDArray[np.uint8],
    ends: Positions,
    length: Positions,
    rows: Positions,
    back: int,
    wanted: Collection[bytes],
) -> Positions:
    """Keep the rows whose id has a byte of a wanted id, counted from its end."""
    allowed = np.zeros(256, np.bool_)
    allowed[[word[-back] for word in wanted if len(word) >= back]] = True
    # A shorter id has no such byte; the byte read in its place does not matter.
    byte = ids.take(ends.take(rows) - back, mode="clip")
    return rows[allowed.take(byte) | (length.take(rows) < back)]


def _span(entries: EntryTable, row: int) -> tuple[int, int]:
    return int(entries.id_ends[row - 1]) if row else 0, int(entries.id_ends[row])
