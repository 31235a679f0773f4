"""A generation that is a plain list of entries, for tests that need no store."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from uploadfilter.model import (
    QUALITY_FLOOR,
    Entry,
    EntrySignal,
    EntryState,
    Geometry,
    SignalType,
)
from uploadfilter.reference.search.films import film_frames
from uploadfilter.reference.search.matching import Candidate, Query
from uploadfilter.reference.search.near.asking import (
    BUDGET,
    NearCandidate,
    NearFound,
    joined,
    limited,
)
from uploadfilter.reference.search.soft import LEAST_SCORE, Scorer, SoftBatch


class ListedGeneration:
    """Entries in a dictionary by set, searched one after the other.

    Args:
        sets: Entries by the name of their set.
        monitored: Names of the sets that are not enforced.
        number: Number of the generation.

    Attributes:
        batches: The queries of every search so far.
    """

    def __init__(
        self,
        sets: Mapping[str, Sequence[Entry]],
        monitored: frozenset[str] = frozenset(),
        *,
        number: int = 1,
    ) -> None:
        self._sets = sets
        self._monitored = monitored
        self._number = number
        self.batches: list[Sequence[Query]] = []

    @property
    def number(self) -> int:
        """Which one: 1 for the first, and higher after every change."""
        return self._number

    @property
    def signal_types(self) -> frozenset[SignalType]:
        """The types of which there is at least one signal."""
        return frozenset(
            item.signal.type
            for entries in self._sets.values()
            for entry in entries
            for item in entry.signals
        )

    @property
    def windows(self) -> frozenset[str]:
        """The windows of its signals."""
        return frozenset(
            item.window
            for entries in self._sets.values()
            for entry in entries
            for item in entry.signals
        )

    @property
    def entry_count(self) -> int:
        """How many entries it holds, over all hash sets."""
        return sum(len(entries) for entries in self._sets.values())

    def search(self, queries: Sequence[Query]) -> tuple[tuple[Candidate, ...], ...]:
        """Find every signal that each of the queries matches."""
        self.batches.append(queries)
        return tuple(self._search_one(query) for query in queries)

    def _search_one(self, query: Query) -> tuple[Candidate, ...]:
        return tuple(
            self._candidate(name, entry, item, distance)
            for name, entries in self._sets.items()
            for entry in entries
            for item in entry.signals
            if (distance := _distance(query, entry, item)) is not None
        )

    def search_near(
        self,
        batch: SoftBatch,
        *,
        budget: int = BUDGET,
        least: float = LEAST_SCORE,
    ) -> NearFound:
        """Find entries with a sufficient score under the best of some soft views."""
        found = [
            near
            for name, entries in self._sets.items()
            for entry in entries
            for item in entry.signals
            if item.signal.type is SignalType.PDQ
            and is_comparable(item, None, exact_only=entry.exact_only)
            and not film_frames(item.window)
            and (near := self._near(name, entry, item, batch)).score >= least
        ]
        parts = joined(NearFound(candidates=(near,), work=1) for near in found)
        return replace(limited(parts), work=min(budget, len(found)))

    def _near(
        self, name: str, entry: Entry, item: EntrySignal, batch: SoftBatch
    ) -> NearCandidate:
        row = np.frombuffer(item.signal.value, np.uint8)
        bits = np.unpackbits(row)[np.newaxis].astype(np.float32)
        scores, views = Scorer(batch).best(bits)
        distance = int(np.bitwise_count(row ^ batch.values[views[0]]).sum())
        return NearCandidate(
            candidate=self._candidate(name, entry, item, distance),
            value=item.signal.value,
            view=int(views[0]),
            score=float(scores[0]),
        )

    def _candidate(
        self, name: str, entry: Entry, item: EntrySignal, distance: int
    ) -> Candidate:
        monitored = name in self._monitored
        return Candidate(
            set=name,
            entry=entry.id,
            category=entry.category,
            state=EntryState.MONITORED if monitored else EntryState.ACTIVE,
            distance=distance,
            quality=item.quality,
            geometry=item.geometry,
            value=b"" if item.signal.type.is_exact else item.signal.value,
            film_frames=film_frames(item.window),
            has_pdq=not item.signal.type.is_exact
            and any(
                other.signal.type is SignalType.PDQ
                and is_comparable(other, None, exact_only=entry.exact_only)
                for other in entry.signals
            ),
        )


def _distance(query: Query, entry: Entry, item: EntrySignal) -> int | None:
    """Return the distance of a signal that matches, else nothing."""
    if item.signal.type is not query.signal.type:
        return None
    if query.signal.type.is_exact:
        return 0 if item.signal == query.signal else None
    if not is_comparable(item, query.geometry, exact_only=entry.exact_only):
        return None
    left, right = (int.from_bytes(s.value) for s in (query.signal, item.signal))
    distance = (left ^ right).bit_count()
    return distance if distance <= query.threshold else None


def is_comparable(
    item: EntrySignal, query_geometry: Geometry | None, *, exact_only: bool
) -> bool:
    """Tell whether a perceptual signal of an entry takes part in a search.

    Args:
        item: The entry's signal.
        query_geometry: ``Query.geometry``.
        exact_only: ``Entry.exact_only``.

    Returns:
        False if the entry is matched exactly only, if its quality is known and below
        ``QUALITY_FLOOR``, or if both geometries are known and differ.
    """
    if exact_only or (item.quality is not None and item.quality < QUALITY_FLOOR):
        return False
    return None in (item.geometry, query_geometry) or item.geometry is query_geometry
