"""Find the entries of a hash set that an import withdrew, because it lacks them.

An issuer withdraws an entry by deleting it from the file, or by deleting a wrong signal
from the entry, and having the file imported again. This module compares the set before
and after. It is pure and works on columns;
``tests/reference/entries/test_withdrawing.py`` compares it with an implementation on
dictionaries.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from uploadfilter.model import QUALITY_FLOOR
from uploadfilter.reference.entries.tables import (
    EntryTable,
    ExactTable,
    PerceptualTable,
    Positions,
    Tables,
)

_NOT_THERE = -1

_ROWS_AT_A_TIME = 1 << 16
"""Ids that are compared together; it bounds the memory for temporaries."""

_LANE_BYTES = 8
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
_SEED = hash("ids of entries") & (2**63 - 1)
"""Differs from process to process, so that nobody can choose ids with one hash."""

_Flags = NDArray[np.bool_]


def withdrawn_ids(old: Tables, new: Tables, name: str) -> Positions:
    """Return the rows of a set's entries whose ids the newer tables lack."""
    rows = _rows_of(old, name)
    found: Positions = rows[_moved(old, new, name).take(rows) == _NOT_THERE]
    return found


def withdrawn(old: Tables, new: Tables, name: str) -> Positions:
    """Return the rows of a set's entries that must not come back as they were.

    The newer tables lack the id of such an entry, or one of its signals; or they match
    it exactly only, or state a quality of a signal that is too low for a match.
    """
    rows = _rows_of(old, name)
    moved = _moved(old, new, name)
    is_lost = np.zeros(len(old.entries), np.bool_)
    is_lost[rows] = moved.take(rows) == _NOT_THERE
    is_lost[_lost_exact(old.exact, new.exact, moved)] = True
    for shape, table in old.perceptual.items():
        is_lost[_lost_perceptual(table, new.perceptual.get(shape), moved)] = True
        is_lost[table.entries[_is_exact_only_now(old, new, table, moved)]] = True
    found: Positions = rows[is_lost.take(rows)]
    return found


def ids_at(entries: EntryTable, rows: Sequence[int] | Positions) -> Iterator[str]:
    """Yield the ids of some rows."""
    return (entries.id_of(int(row)) for row in rows)


def _rows_of(tables: Tables, name: str) -> Positions:
    names = [info.name for info in tables.sets]
    if name not in names:
        return np.empty(0, np.intp)
    return np.flatnonzero(tables.entries.sets == names.index(name))


def _moved(old: Tables, new: Tables, name: str) -> NDArray[np.int64]:
    """Return, for each old row, the new row of the same id in the same set.

    It is ``_NOT_THERE`` for entries that are gone, and for those of other sets.
    """
    before, after = _rows_of(old, name), _rows_of(new, name)
    moved = np.full(len(old.entries), _NOT_THERE, np.int64)
    if not len(before) or not len(after):
        return moved
    new_hashes = _hashes(new.entries, after)
    order = np.argsort(new_hashes, kind="stable")
    for row, at in _pairs(_hashes(old.entries, before), new_hashes[order]):
        unsettled = moved[before[row]] == _NOT_THERE
        row, at = row[unsettled], at[unsettled]  # noqa: PLW2901 -- narrowed
        target = after[order[at]]
        moved[before[row]] = np.where(
            _are_same_ids(old.entries, before[row], new.entries, target),
            target,
            _NOT_THERE,
        )
    return moved


def _hashes(entries: EntryTable, rows: Positions) -> NDArray[np.uint64]:
    """Return a hash of each id, which only proposes ids that may be equal."""
    hashes = np.empty(len(rows), np.uint64)
    for at, length in _lots(entries, rows):
        padded = np.zeros((len(at), -(-length // _LANE_BYTES) * _LANE_BYTES), np.uint8)
        padded[:, :length] = _bytes_of(entries, rows[at], length)
        mixed = np.full(len(at), _SEED ^ length, np.uint64)
        for lane in padded.view(np.uint64).T:
            mixed = (mixed ^ lane) * _MULTIPLIER
            mixed ^= mixed >> np.uint64(29)
        hashes[at] = mixed
    return hashes


def _are_same_ids(
    old: EntryTable, old_rows: Positions, new: EntryTable, new_rows: Positions
) -> _Flags:
    """Tell which pairs of rows have the same id: equal hashes are verified."""
    is_same: _Flags = _lengths(old, old_rows) == _lengths(new, new_rows)
    pairs = np.flatnonzero(is_same)
    for lot, length in _lots(old, old_rows[pairs]):
        at = pairs[lot]
        one = _bytes_of(old, old_rows[at], length)
        is_same[at] = (one == _bytes_of(new, new_rows[at], length)).all(axis=1)
    return is_same


def _lots(entries: EntryTable, rows: Positions) -> Iterator[tuple[Positions, int]]:
    """Yield positions in ``rows`` of ids of one length, a bounded number at a time."""
    lengths = _lengths(entries, rows)
    for length in np.unique(lengths).tolist():
        at = np.flatnonzero(lengths == length)
        for first in range(0, len(at), _ROWS_AT_A_TIME):
            yield at[first : first + _ROWS_AT_A_TIME], length


def _bytes_of(entries: EntryTable, rows: Positions, length: int) -> NDArray[np.uint8]:
    """Return the ids of some rows, all of one length, as the rows of an array."""
    starts = entries.id_ends.take(rows).astype(np.intp) - length
    found: NDArray[np.uint8] = entries.ids[starts[:, None] + np.arange(length)]
    return found


def _lengths(entries: EntryTable, rows: Positions) -> NDArray[np.int64]:
    ends = entries.id_ends
    starts = np.where(rows > 0, ends.take(rows - 1, mode="clip"), np.uint64(0))
    return (ends.take(rows) - starts).astype(np.int64)


def _pairs(
    asked: NDArray[np.integer], known: NDArray[np.integer]
) -> Iterator[tuple[Positions, Positions]]:
    """Yield rows of ``asked``, each time with one equal item of ``known``.

    Args:
        asked: Items in any order.
        known: Items, sorted; each item of ``asked`` comes as often as it occurs here.
    """
    at = np.searchsorted(known, asked, "left")
    end = np.searchsorted(known, asked, "right")
    rows = np.flatnonzero(at < end)
    while len(rows):
        yield rows, at.take(rows)
        at[rows] += 1
        rows = rows[at.take(rows) < end.take(rows)]


def _lost_exact(
    old: ExactTable, new: ExactTable, moved: NDArray[np.int64]
) -> NDArray[np.integer]:
    """Return the old rows of kept entries that lost one of their digests."""
    targets = moved.take(old.entries)
    asked = np.flatnonzero(targets != _NOT_THERE)
    is_there = np.zeros(len(asked), np.bool_)
    # Keys come sorted, and are practically random: hardly any two are equal.
    for row, at in _pairs(old.high.take(asked), new.high):
        is_there[row] |= (old.low.take(asked[row]) == new.low.take(at)) & (
            targets.take(asked[row]) == new.entries.take(at)
        )
    return old.entries.take(asked[~is_there])


def _lost_perceptual(
    old: PerceptualTable, new: PerceptualTable | None, moved: NDArray[np.int64]
) -> NDArray[np.integer]:
    """Return the old rows of kept entries that lost one of their perceptual signals."""
    targets = moved.take(old.entries)
    asked = np.flatnonzero(targets != _NOT_THERE)
    if new is None:
        return old.entries.take(asked)
    is_there = np.zeros(len(asked), np.bool_)
    order = np.argsort(new.entries, kind="stable")
    for row, at in _pairs(targets.take(asked), new.entries.take(order)):
        before, after = asked[row], order[at]
        is_same = (new.quality.take(after) >= QUALITY_FLOOR) | (
            old.quality.take(before) < QUALITY_FLOOR
        )
        for one, other in zip(old.lanes, new.lanes, strict=True):
            is_same &= one.take(before) == other.take(after)
        is_there[row] |= is_same
    return old.entries.take(asked[~is_there])


def _is_exact_only_now(
    old: Tables, new: Tables, table: PerceptualTable, moved: NDArray[np.int64]
) -> _Flags:
    """Tell which signals belong to entries whose perceptual signals no longer match."""
    targets = moved.take(table.entries)
    now = (
        new.entries.exact_only.take(targets.clip(0), mode="clip")
        if len(new.entries)
        else np.zeros(len(targets), np.uint8)
    )
    before = old.entries.exact_only.take(table.entries)
    flags: _Flags = (targets != _NOT_THERE) & (now == 1) & (before == 0)
    return flags
