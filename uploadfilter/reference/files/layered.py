"""A generation of two halves: a mapped base, and the overlay on top of it.

Both halves are searched; then the entries that the overlay hides, revokes or suppresses
are taken out of the result. So a set that is switched off costs only its memory, and a
withdrawal needs no new index. The class passes ``tests/conformance/generations.py``.
"""

import copy
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from uploadfilter.model import EntryState, SignalType
from uploadfilter.reference.entries.changes import (
    Changes,
    entries_in_force,
    sets_in_force,
)
from uploadfilter.reference.entries.countable import Countable
from uploadfilter.reference.entries.sets import ENTRIES, SetInfo
from uploadfilter.reference.entries.suppressing import Key, Suppression
from uploadfilter.reference.entries.tables import Tables, empty_tables
from uploadfilter.reference.files.generation import MappedGeneration
from uploadfilter.reference.files.layout import Current, corrupt
from uploadfilter.reference.files.mapping import Mapped
from uploadfilter.reference.search.matching import Candidate, Query
from uploadfilter.reference.search.near.asking import (
    BUDGET,
    NearFound,
    joined,
    limited,
)
from uploadfilter.reference.search.soft import LEAST_SCORE, SoftBatch

_NOTHING: frozenset[str] = frozenset()
_Value: TypeAlias = bytes  # the class has a property of that name
_Found = tuple[tuple[Candidate, ...], ...]


class LayeredGeneration:
    """A generation as ``current`` names it; several threads may search it at once.

    Args:
        current: The content of the file ``current``.
        base: The base.
        additions: The entries that the overlay adds; ``None`` if there are none.
        changes: The changes that the overlay states.
        mapped: The mapped directories, which are kept as long as this object.
        clock: Seconds since the epoch; ends suppressions.

    Attributes:
        current: The content of the file ``current``: number, time, kind of change.
        base: The base, hidden sets included.
        additions: The entries that the overlay adds.
        changes: The changes that the overlay states.
    """

    def __init__(
        self,
        current: Current,
        *,
        base: MappedGeneration,
        additions: MappedGeneration | None,
        changes: Changes,
        mapped: Sequence[Mapped],
        clock: Callable[[], float],
    ) -> None:
        self.current = current
        self.base = base
        self.additions = additions
        self.changes = changes
        self._mapped = tuple(mapped)
        self._clock = clock
        self._latest = float("-inf")
        added = additions.sets if additions else ()
        self._sets = sets_in_force(base.sets, added, changes)
        self._revoked = changes.revoked_keys()
        self._out = self._revoked | changes.quarantined_keys()
        self._signal_types = _types_of(self._sets)
        self._countable: dict[tuple[frozenset[str], frozenset[Key]], Countable] = {}

    @property
    def number(self) -> int:
        """The number: 1 for the first, and higher after every change."""
        return self.current.generation

    @property
    def pinned(self) -> bool:
        """True after a rollback, until an operator releases it."""
        return self.current.pinned

    @property
    def put_in_force_at(self) -> datetime | None:
        """When it was put in force; ``None`` if it is of format 1."""
        at = self.current.at
        return datetime.fromtimestamp(at, UTC) if at else None

    @property
    def signal_types(self) -> frozenset[SignalType]:
        """The types of which its hash sets have signals."""
        return self._signal_types

    @property
    def windows(self) -> frozenset[str]:
        """The windows of its signals."""
        parts = (self.base, self.additions)
        return frozenset().union(*(part.windows for part in parts if part))

    @property
    def entry_count(self) -> int:
        """How many entries it holds, suppressed entries included."""
        return entries_in_force(self._sets)

    @property
    def sets(self) -> tuple[SetInfo, ...]:
        """The hash sets in force: those of the base, then those of the overlay."""
        return self._sets

    @property
    def suppressions(self) -> tuple[Suppression, ...]:
        """The suppressions that hold now."""
        now = self.now()
        return tuple(s for s in self.changes.suppressed if s.holds(now))

    def now(self) -> float:
        """Return the latest time that the clock has shown, in seconds since the epoch.

        A suppression that has ended stays ended if the clock steps back.
        """
        self._latest = max(self._latest, self._clock())
        return self._latest

    @property
    def hidden_entries(self) -> int:
        """How many entries of the base stay out of force until it is written anew."""
        hidden = self.changes.hidden
        sets = sum(i.entries - i.revoked for i in self.base.sets if i.name in hidden)
        return sets + sum(item.present for item in self.changes.revoked)

    @property
    def bytes(self) -> tuple[int, int]:
        """Sizes of the files of base and overlay."""
        return self.current.base.size, self.current.overlay.size

    def first_ids(self, name: str, count: int) -> tuple[str, ...]:
        """Return the ids of the first entries of a hash set.

        Args:
            name: Name of the set.
            count: How many ids at most.
        """
        half = self.half_with(name)
        if half is None:
            return ()
        gone = sum(item.present for item in self.changes.revoked if item.set == name)
        ids = half.first_ids(name, count + gone)
        return tuple(i for i in ids if (name, i) not in self._revoked)[:count]

    def has_entries(self, name: str, ids: Sequence[str]) -> dict[str, bool]:
        """Tell by id which entries of a hash set are in the base or the overlay."""
        half = self.half_with(name)
        found = half.rows_by_id(name, ids) if half else {}
        return {word: word in found for word in ids}

    def countable(
        self, sets: Collection[str] | None = None, *, also_withdrawn: bool = False
    ) -> Countable:
        """Find out which categories have entries in force whose match may reject.

        This takes milliseconds, or a second for ten million entries of which many are
        withdrawn. The result is remembered until an entry is withdrawn or comes back.

        Args:
            sets: Names of hash sets; ``None`` for all that are enforced.
            also_withdrawn: Whether revoked and suppressed entries count as well.
        """
        if sets is None:
            sets = {info.name for info in self.sets if info.enforced}
        gone = frozenset() if also_withdrawn else self._withdrawn()
        key = (frozenset(sets), gone)
        if key not in self._countable:
            added = self.additions
            own = {info.name for info in added.sets} if added else set()
            below = set(sets) - own - self.changes.hidden
            found = self.base.countable(below, gone)
            if added is not None:
                found |= added.countable(own.intersection(sets), gone)
            # Only the last result is kept: suppressions end, and older ones are not
            # needed.
            self._countable = {key: found}
        return self._countable[key]

    def half_with(self, name: str) -> MappedGeneration | None:
        """Return the half that holds a hash set; ``None`` if the set is hidden."""
        added = self.additions
        if added and any(info.name == name for info in added.sets):
            return added
        if name in self.changes.hidden:
            return None
        return self.base

    def added_tables(self) -> Tables:
        """Return the overlay's tables with exact signals, as views of the map."""
        return self.additions.tables_with_exact() if self.additions else empty_tables()

    def lies_on(self, base: Mapped) -> bool:
        """Tell whether a mapped base is the base of this generation."""
        return self._mapped[0].is_same(base)

    def is_intact(self) -> bool:
        """Tell whether its files are unchanged since they were mapped."""
        return all(mapped.is_intact() for mapped in self._mapped)

    def search(self, queries: Sequence[Query]) -> tuple[tuple[Candidate, ...], ...]:
        """Find every signal in force that each of the queries matches.

        Raises:
            StoreCorruptError: The files were written over while they were read.
        """
        try:
            return self._searched(queries)
        finally:
            # Data that was written over in place may be wrong, or not even fit
            # together. Then this error is raised instead of the other one.
            self._check_intact()

    def _searched(self, queries: Sequence[Query]) -> _Found:
        gone = self._withdrawn()
        found = _in_force(self.base.search(queries), self.changes.hidden, gone)
        if self.additions is not None:
            added = _in_force(self.additions.search(queries), _NOTHING, gone)
            found = tuple((*one, *two) for one, two in zip(found, added, strict=True))
        return _in_their_state(found, self.changes)

    def keyed(self) -> Self:
        """Return this generation for queries whose exact values are keyed already.

        The value of an exact query is its key, filled up to the width of its type.
        """
        found = copy.copy(self)
        found.base = self.base.keyed()
        found.additions = self.additions and self.additions.keyed()
        return found

    def has_exact_keys(self, keys: Sequence[_Value]) -> list[bool]:
        """Tell for each key whether an exact signal is stored under it.

        Withdrawals are not looked at: it is for leaving out keys that match nothing.
        """
        try:
            found = [half.has_exact_keys(keys) for half in self._halves]
            return [any(told) for told in zip(*found, strict=True)]
        finally:
            self._check_intact()

    def near_queries(
        self, signal_type: SignalType, values: Sequence[_Value], threshold: int
    ) -> NDArray[np.bool_]:
        """Tell for each value whether any signal of a type is near to it.

        See ``MappedGeneration.near_queries``.
        """
        try:
            near = np.zeros(len(values), np.bool_)
            for half in self._halves:
                near |= half.near_queries(signal_type, values, threshold)
            return near
        finally:
            self._check_intact()

    @property
    def _halves(self) -> tuple[MappedGeneration, ...]:
        return (self.base, self.additions) if self.additions else (self.base,)

    def search_near(
        self,
        batch: SoftBatch,
        *,
        budget: int = BUDGET,
        least: float = LEAST_SCORE,
    ) -> NearFound:
        """Find entries in force with a sufficient score under the best soft view.

        Raises:
            StoreCorruptError: The files were written over while they were read.
        """
        try:
            gone = self._withdrawn()
            found = self.base.search_near(batch, budget=budget, least=least)
            parts = [self._near_in_force(found, self.changes.hidden, gone)]
            if self.additions is not None:
                left = budget - found.work
                found = self.additions.search_near(batch, budget=left, least=least)
                parts.append(self._near_in_force(found, _NOTHING, gone))
            return limited(joined(parts))
        finally:
            self._check_intact()

    def glimpses(self, values: Sequence[_Value]) -> bool:
        """Tell whether a PDQ signal seems to lie near any of some PDQ values.

        Withdrawals are not looked at.

        Raises:
            StoreCorruptError: The files were written over while they were read.
        """
        try:
            return any(half.glimpses(values) for half in self._halves)
        finally:
            self._check_intact()

    def _near_in_force(
        self, found: NearFound, hidden: frozenset[str], gone: frozenset[Key]
    ) -> NearFound:
        """Return a result without the entries that are out of force."""
        kept = []
        for item in found.candidates:
            states = _in_their_state(
                _in_force(((item.candidate,),), hidden, gone), self.changes
            )
            kept += [replace(item, candidate=candidate) for candidate in states[0]]
        return replace(found, candidates=tuple(kept))

    def _check_intact(self) -> None:
        for mapped in self._mapped:
            if not mapped.is_intact():
                raise corrupt(mapped.path, "was written over while it was in use")

    def _withdrawn(self) -> frozenset[Key]:
        if not self.changes.suppressed:
            return self._out
        return self._out | self.changes.suppressed_keys(self.now())


def _in_force(found: _Found, hidden: frozenset[str], gone: frozenset[Key]) -> _Found:
    if not hidden and not gone:
        return found
    return tuple(
        tuple(
            candidate
            for candidate in candidates
            if candidate.set not in hidden
            and (candidate.set, candidate.entry) not in gone
        )
        for candidates in found
    )


def _in_their_state(found: _Found, changes: Changes) -> _Found:
    states = {
        **dict.fromkeys(changes.monitored, EntryState.MONITORED),
        **dict.fromkeys(changes.enforced, EntryState.ACTIVE),
    }
    if not states:
        return found
    return tuple(
        tuple(
            replace(it, state=states[it.set]) if it.set in states else it
            for it in candidates
        )
        for candidates in found
    )


def _types_of(sets: Sequence[SetInfo]) -> frozenset[SignalType]:
    words = {
        word for info in sets for counts in info.counts.values() for word in counts
    }
    return frozenset(SignalType(word) for word in words - {ENTRIES})
