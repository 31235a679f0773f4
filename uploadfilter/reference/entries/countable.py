"""Find the categories of a reference set that have an entry whose match counts.

An entry of an enforced hash set still rejects nothing if it is withdrawn, if all its
perceptual signals are of low quality, or if it has one signal of 64 bits and no other
type, because that is a near match. An operator who enforces only such entries enforces
nothing.

Rules this module keeps: it is pure, and looks at no more rows than it needs. Of ten
million entries that is one part, unless the first million are withdrawn.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from uploadfilter.model import QUALITY_FLOOR, SignalType
from uploadfilter.reference.entries.folding import rows_with_ids
from uploadfilter.reference.entries.tables import (
    UNKNOWN_QUALITY,
    PerceptualTable,
    Rows,
    Tables,
)
from uploadfilter.reference.search.matching import KIN

_SIGNALS_AT_A_TIME = 1 << 18
"""Signals that are examined together: a millisecond, and 10 MB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Countable:
    """Categories by the strongest match that an entry of them in force can cause.

    Attributes:
        alone: Categories with an entry whose signal, or pair of signals, counts alone.
        weak: Categories with an entry whose 64-bit signal counts only beside another
            type.
    """

    alone: frozenset[str] = frozenset()
    weak: frozenset[str] = frozenset()

    def __or__(self, other: "Countable") -> "Countable":
        """Return the categories of both halves of a generation together."""
        return Countable(alone=self.alone | other.alone, weak=self.weak | other.weak)


def countable(
    tables: Tables,
    sets: Collection[str],
    withdrawn: Collection[tuple[str, str]] = (),
    *,
    exact: Iterator[Rows] | None = None,
) -> Countable:
    """Find out which categories have entries that count.

    Args:
        tables: Columns, exact signals included unless ``exact`` has them.
        sets: Names of the hash sets to examine.
        withdrawn: Entries that are out of force, by name of the set and id.
        exact: The rows of entries with exact signals, part by part.
    """
    parts = _parts(tables.exact.entries) if exact is None else exact
    return _Look(tables, sets, withdrawn, parts).result()


class _Look:
    def __init__(
        self,
        tables: Tables,
        sets: Collection[str],
        withdrawn: Collection[tuple[str, str]],
        exact: Iterator[Rows],
    ) -> None:
        self._tables = tables
        self._exact = exact
        names = [info.name for info in tables.sets]
        self._is_looked_at = np.array([name in sets for name in names], np.bool_)
        gone: list[int] = []
        for name in sets:
            ids = [entry for named, entry in withdrawn if named == name]
            gone.extend(row for row, _ in rows_with_ids(tables, name, ids))
        self._gone = np.array(sorted(gone), np.uint32)
        in_force = self._is_looked_at.take(np.unique(tables.entries.sets))
        self._wanted = self._categories_of_sets() if in_force.any() else set()

    def _categories_of_sets(self) -> set[int]:
        """Return the positions of the categories that occur in the sets."""
        known = {word: at for at, word in enumerate(self._tables.categories)}
        return {
            known[category]
            for info, looked_at in zip(
                self._tables.sets, self._is_looked_at.tolist(), strict=True
            )
            if looked_at
            for category in info.counts
            if category in known
        }

    def result(self) -> Countable:
        if not self._wanted:
            return Countable()
        alone = self._found(self._exact)
        alone |= self._found(self._perceptual(SignalType.PDQ), wanted_but=alone)
        if alone != self._wanted:
            alone |= self._found(self._pairs(), wanted_but=alone)
        weak: set[int] = set()
        for signal_type in SignalType:
            if not signal_type.is_exact and signal_type is not SignalType.PDQ:
                weak |= self._found(self._perceptual(signal_type), wanted_but=weak)
        return Countable(alone=self._words(alone), weak=self._words(weak))

    def _words(self, positions: Collection[int]) -> frozenset[str]:
        return frozenset(self._tables.categories[at] for at in positions)

    def _found(
        self, parts: Iterator[Rows], *, wanted_but: Collection[int] = ()
    ) -> set[int]:
        """Return the categories of rows, and stop when all of them are found."""
        wanted = self._wanted.difference(wanted_but)
        found: set[int] = set()
        while wanted != found:
            rows = next(parts, None)
            if rows is None:
                break
            categories = self._tables.entries.categories.take(self._in_force(rows))
            found |= wanted.intersection(np.unique(categories).tolist())
        return found

    def _in_force(self, rows: Rows) -> Rows:
        """Leave out the entries of other sets, and withdrawn entries."""
        entries = self._tables.entries
        rows = rows[self._is_looked_at.take(entries.sets.take(rows))]
        if len(self._gone):
            rows = rows[~np.isin(rows, self._gone)]
        return rows

    def _perceptual(self, signal_type: SignalType) -> Iterator[Rows]:
        """Yield the entries that a perceptual signal of a type may find."""
        for (kind, _), table in self._tables.perceptual.items():
            if kind is signal_type:
                for first in range(0, len(table), _SIGNALS_AT_A_TIME):
                    yield self._comparable(table, first)

    def _comparable(self, table: PerceptualTable, first: int) -> Rows:
        part = slice(first, first + _SIGNALS_AT_A_TIME)
        quality = table.quality[part]
        rows = table.entries[part]
        is_seen = (quality == UNKNOWN_QUALITY) | (quality >= QUALITY_FLOOR)
        is_seen &= self._tables.entries.exact_only.take(rows) == 0
        found: Rows = rows[is_seen]
        return found

    def _pairs(self) -> Iterator[Rows]:
        """Yield the entries with two types of 64 bits that support each other."""
        kinds: dict[SignalType, list[Rows]] = {}
        for signal_type in SignalType:
            if not signal_type.is_exact and signal_type is not SignalType.PDQ:
                parts = kinds.setdefault(KIN.get(signal_type, signal_type), [])
                parts.extend(self._perceptual(signal_type))
        columns = [np.unique(np.concatenate(it)) for it in kinds.values() if it]
        if len(columns) > 1:
            rows, times = np.unique(np.concatenate(columns), return_counts=True)
            yield rows[times > 1]


def _parts(rows: NDArray[np.uint32]) -> Iterator[Rows]:
    for first in range(0, len(rows), _SIGNALS_AT_A_TIME):
        yield rows[first : first + _SIGNALS_AT_A_TIME]
