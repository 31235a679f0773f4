"""A generation of two halves: a mapped base, and the overlay on top of it.

Both halves are searched; then the sets that the overlay hides, and the entries that are
off, are taken out of the result. So a set that is switched off costs only its memory,
and a withdrawal needs no new index. The class passes
``tests/conformance/generations.py``.
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
from uploadfilter.reference.entries.off import Key, Off, Party
from uploadfilter.reference.entries.sets import ENTRIES, SetInfo
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
        clock: Seconds since the epoch; ends rows of operators.

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
        self._rows = {party: tuple(changes.rows(party)) for party in Party}
        self._withdrawn = {it.key for it in self._rows[Party.ISSUER]}
        self._demoted = {it.key for it in self._rows[Party.TRIPWIRE]}
        self._timed = self._rows[Party.OPERATOR]
        gated = (it.key for it in self._rows[Party.GATE])
        self._out = frozenset(self._withdrawn.union(gated))
        self._out_now: tuple[tuple[Off, ...], frozenset[Key]] = ((), self._out)
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
        """How many entries it holds that their issuers have not withdrawn."""
        return entries_in_force(self._sets)

    @property
    def sets(self) -> tuple[SetInfo, ...]:
        """The hash sets in force: those of the base, then those of the overlay."""
        return self._sets

    @property
    def off(self) -> tuple[Off, ...]:
        """The rows of entries that are off now, one for each entry and party."""
        now = self.now()
        return tuple(it for it in self.changes.off if it.holds(now))

    def off_by(self, party: Party) -> tuple[Off, ...]:
        """Return the rows of one party that hold now."""
        now = self.now()
        return tuple(it for it in self._rows[party] if it.holds(now))

    def keys_to_spare(self) -> frozenset[Key]:
        """Return the entries that the tripwire has switched off, or people released."""
        now = self.now()
        released = (it.slot[:2] for it in self.changes.released if it.spares(now))
        return frozenset(self._demoted.union(released))

    def now(self) -> float:
        """Return the latest time that the clock has shown, in seconds since the epoch.

        A row that has ended stays ended if the clock steps back.
        """
        self._latest = max(self._latest, self._clock())
        return self._latest

    @property
    def hidden_entries(self) -> int:
        """How many entries of the base stay out of force until it is written anew."""
        hidden = self.changes.hidden
        sets = sum(i.entries - i.revoked for i in self.base.sets if i.name in hidden)
        return sets + sum(item.present for item in self.changes.off)

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
        gone = sum(it.present for it in self.changes.rows(Party.ISSUER, name))
        ids = half.first_ids(name, count + gone)
        return tuple(i for i in ids if (name, i) not in self._withdrawn)[:count]

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
            also_withdrawn: Whether entries that are off count as well.
        """
        if sets is None:
            sets = {info.name for info in self.sets if info.enforced}
        gone = frozenset() if also_withdrawn else self._gone()
        key = (frozenset(sets), gone)
        if key not in self._countable:
            added = self.additions
            own = {info.name for info in added.sets} if added else set()
            below = set(sets) - own - self.changes.hidden
            found = self.base.countable(below, gone)
            if added is not None:
                found |= added.countable(own.intersection(sets), gone)
            # Only the last result is kept: rows end, and older ones are not needed.
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
        gone = self._gone()
        found = _in_force(self.base.search(queries), self.changes.hidden, gone)
        if self.additions is not None:
            added = _in_force(self.additions.search(queries), _NOTHING, gone)
            found = tuple((*one, *two) for one, two in zip(found, added, strict=True))
        found = _in_their_state(found, self.changes)
        if not self._demoted:
            return found
        return tuple(
            candidates if query.signal.type.is_exact else self._soft(candidates)
            for query, candidates in zip(queries, found, strict=True)
        )

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
            gone = self._gone()
            found = self.base.search_near(batch, budget=budget, least=least)
            parts = [self._near_in_force(found, self.changes.hidden, gone)]
            if self.additions is not None:
                left = budget - found.work
                found = self.additions.search_near(batch, budget=left, least=least)
                parts.append(self._near_in_force(found, _NOTHING, gone))
            return limited(joined(parts))
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
            soft = self._soft(states[0])
            kept += [replace(item, candidate=candidate) for candidate in soft]
        return replace(found, candidates=tuple(kept))

    def _check_intact(self) -> None:
        for mapped in self._mapped:
            if not mapped.is_intact():
                raise corrupt(mapped.path, "was written over while it was in use")

    def _gone(self) -> frozenset[Key]:
        """Return the entries that are off now, whatever finds them."""
        if not self._timed:
            return self._out
        now = self.now()
        rows = tuple(it for it in self._timed if it.holds(now))
        if rows != self._out_now[0]:
            self._out_now = rows, self._out.union(it.key for it in rows)
        return self._out_now[1]

    def _soft(self, candidates: tuple[Candidate, ...]) -> tuple[Candidate, ...]:
        """Return perceptual candidates; those of the tripwire's entries reject not."""
        return tuple(
            replace(it, state=EntryState.MONITORED)
            if (it.set, it.entry) in self._demoted
            else it
            for it in candidates
        )


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
