"""One generation of the reference set, mapped from LMDB.

A generation stays valid as long as a reference to it exists, whatever happens to the
files, and several threads may search it at once. The class passes
``tests/conformance/generations.py``.
"""

import copy
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import NDArray

from uploadfilter.model import (
    EXACT_TYPES,
    QUALITY_FLOOR,
    EntryState,
    Geometry,
    SignalType,
)
from uploadfilter.reference.entries.countable import Countable, countable
from uploadfilter.reference.entries.folding import find_entries
from uploadfilter.reference.entries.sampling import SampleReport, sample_of
from uploadfilter.reference.entries.secret import EXACT_KEY_BYTES, Secret
from uploadfilter.reference.entries.sets import SetInfo
from uploadfilter.reference.entries.stats import TableStats, stats_of
from uploadfilter.reference.entries.tables import (
    UNKNOWN_QUALITY,
    PerceptualTable,
    Shape,
    Tables,
)
from uploadfilter.reference.files.base import (
    exact_rows,
    read_chunks,
    read_exact,
    read_meta,
    rows_of,
)
from uploadfilter.reference.files.layout import corrupt
from uploadfilter.reference.files.mapping import Mapped
from uploadfilter.reference.search.films import film_frames
from uploadfilter.reference.search.index import value_at
from uploadfilter.reference.search.matcher import Matcher, matcher_for
from uploadfilter.reference.search.matching import Candidate, Query, Thresholds
from uploadfilter.reference.search.near.asking import (
    BUDGET,
    NearCandidate,
    NearFound,
    joined,
)
from uploadfilter.reference.search.near.near_index import NearIndex
from uploadfilter.reference.search.planning import PlanKind
from uploadfilter.reference.search.soft import LEAST_SCORE, NearRows, SoftBatch


@dataclass(frozen=True, slots=True)
class _Asked:
    """A perceptual value, once, and the queries of the batch that ask for it."""

    value: bytes
    threshold: int
    queries: list[int] = field(default_factory=list)


class MappedGeneration:
    """A generation whose columns lie in a mapped base.

    Args:
        number: Number of the generation.
        tables: The columns of its base.
        secret: The secret that keyed its exact signals.
        base: Keeps the columns mapped.
        overlay: Keeps the overlay from being removed.
    """

    def __init__(
        self,
        number: int,
        *,
        tables: Tables,
        secret: Secret,
        base: Mapped,
        overlay: Mapped,
    ) -> None:
        self._number = number
        self._tables = tables
        self._key_of: Callable[[SignalType, bytes], bytes] = secret.exact_key
        self._base = base
        self._overlay = overlay
        self._chunks = read_chunks(base, read_meta(base))
        self._matchers = {
            shape: self._matcher(shape, table)
            for shape, table in tables.perceptual.items()
        }
        # The largest table first: it gets what the budget holds.
        self._near = {
            shape: NearIndex(table.lanes, self._chunks.get(shape))
            for shape, table in sorted(tables.perceptual.items(), key=_by_size)
            if shape[0] is SignalType.PDQ
        }
        self._signal_types = _types_of(tables)

    @property
    def number(self) -> int:
        """The number: 1 for the first, and higher after every change."""
        return self._number

    @property
    def signal_types(self) -> frozenset[SignalType]:
        """The types with at least one signal."""
        return self._signal_types

    @property
    def windows(self) -> frozenset[str]:
        """The windows of its signals."""
        return frozenset(self._tables.windows)

    @property
    def entry_count(self) -> int:
        """How many entries it holds, over all hash sets."""
        return len(self._tables.entries)

    @property
    def sets(self) -> tuple[SetInfo, ...]:
        """The hash sets, in the order in which they were imported."""
        return self._tables.sets

    def first_ids(self, name: str, count: int) -> tuple[str, ...]:
        """Return the ids of the first entries of a hash set.

        Args:
            name: Name of the set.
            count: How many ids at most.
        """
        names = [info.name for info in self.sets]
        if name not in names:
            return ()
        rows = np.flatnonzero(self._tables.entries.sets == names.index(name))
        return tuple(self._tables.entries.id_of(row) for row in rows[:count].tolist())

    def rows_by_id(self, name: str, ids: Sequence[str]) -> dict[str, int]:
        """Return by id the rows of the ids that a hash set has."""
        return find_entries(self._tables, name, ids)

    def countable(
        self, sets: Collection[str], withdrawn: Collection[tuple[str, str]]
    ) -> Countable:
        """Find out which categories of hash sets have entries whose match counts.

        Args:
            sets: Names of the hash sets.
            withdrawn: Entries that are out of force, by name of the set and id.
        """
        exact = exact_rows(self._base)
        return countable(self._tables, sets, withdrawn, exact=exact)

    def table_stats(self, thresholds: Thresholds) -> tuple[TableStats, ...]:
        """Return the size, plan and cost of each table of perceptual values.

        Args:
            thresholds: The thresholds of the queries that are planned for.
        """
        return tuple(
            stats_of(
                shape,
                self._tables,
                self._chunks.get(shape),
                threshold=thresholds.bits(shape[0]),
            )
            for shape in self._tables.perceptual
        )

    @property
    def tables(self) -> Tables:
        """The columns without the exact signals, as views of the map."""
        return self._tables

    def tables_with_exact(self) -> Tables:
        """Return all columns, exact signals included, for the next generation.

        The columns are views of the map, and must not outlive this generation.
        """
        return replace(self._tables, exact=read_exact(self._base))

    def _matcher(self, shape: Shape, table: PerceptualTable) -> Matcher:
        """Return a search by chunks if the base has tables of them, else a scan."""
        chunks = self._chunks.get(shape)
        kind = PlanKind.LINEAR if chunks is None else PlanKind.MULTI_INDEX
        return matcher_for(kind, table.lanes, chunks)

    def verify_sample(self, seed: int, count: int) -> tuple[SampleReport, ...]:
        """Compare the answers of each table to some queries with a scan of all rows.

        Args:
            seed: Makes the choice of queries repeatable.
            count: Queries for each table; each costs a scan, 20 to 50 ms at ten
                million.

        Raises:
            StoreCorruptError: The tables are so damaged that they cannot be used.
        """
        reports = []
        for shape, matcher in self._matchers.items():
            lanes = self._tables.perceptual[shape].lanes
            with self._sound(shape):
                report = sample_of(shape, lanes, matcher, seed=seed, count=count)
            reports.append(report)
        return tuple(reports)

    def keyed(self) -> Self:
        """Return this generation for queries whose exact values are keyed already.

        The value of an exact query is its key, filled up to the width of its type.
        """
        found = copy.copy(self)
        found._key_of = _key_in  # noqa: SLF001 -- an object of this class
        return found

    def has_exact_keys(self, keys: Sequence[bytes]) -> list[bool]:
        """Tell for each key whether an exact signal is stored under it."""
        return [stored is not None for stored in self._base.look_up([*keys])]

    def near_queries(
        self, signal_type: SignalType, values: Sequence[bytes], threshold: int
    ) -> NDArray[np.bool_]:
        """Tell for each value whether any signal of a type is near to it.

        Geometry, quality and withdrawals are not looked at: it is for leaving out
        values that can match nothing.

        Args:
            signal_type: A perceptual type.
            values: Values of its width.
            threshold: Most bits that may differ.
        """
        near = np.zeros(len(values), np.bool_)
        for shape, matcher in self._matchers.items():
            if shape[0] is signal_type:
                with self._sound(shape):
                    pairs = matcher.search(values, [threshold] * len(values))
                near[pairs.query] = True
        return near

    @contextmanager
    def _sound(self, shape: Shape) -> Iterator[None]:
        """Name the tables in the error if their rows point outside of the columns."""
        try:
            yield
        except IndexError as exc:
            path = self._base.path
            raise corrupt(path, f"has damaged chunks of {shape[0].value!r}") from exc

    def search(self, queries: Sequence[Query]) -> tuple[tuple[Candidate, ...], ...]:
        """Find every signal that each of the queries matches."""
        found: list[list[Candidate]] = [[] for _ in queries]
        self._search_exact(queries, found)
        for shape, matcher in self._matchers.items():
            self._search_shape(shape, matcher, queries, found)
        return tuple(map(tuple, found))

    def search_near(
        self,
        batch: SoftBatch,
        *,
        budget: int = BUDGET,
        least: float = LEAST_SCORE,
    ) -> NearFound:
        """Find entries with a sufficient score under the best of some soft views."""
        found = []
        for shape, index in self._near.items():
            with self._sound(shape):
                rows = index.search(batch, budget=budget, least=least)
            budget -= rows.work
            candidates = tuple(self._near_candidates(shape, rows, batch))
            found.append(
                NearFound(
                    candidates=candidates, work=rows.work, is_complete=rows.is_complete
                )
            )
        return joined(found)

    def _near_candidates(
        self, shape: Shape, rows: NearRows, batch: SoftBatch
    ) -> Iterator[NearCandidate]:
        """Yield the rows that take part in searches, as candidates.

        One altered frame of a film is no evidence of the film.
        """
        table = self._tables.perceptual[shape]
        distances = np.bitwise_count(rows.values ^ batch.values.take(rows.view, axis=0))
        for row, view, score, value, distance in zip(
            rows.row.tolist(),
            rows.view.tolist(),
            rows.score.tolist(),
            rows.values,
            distances.sum(axis=1).tolist(),
            strict=True,
        ):
            candidate = self._comparable(table, row, distance, shape)
            if candidate is not None and not candidate.film_frames:
                yield NearCandidate(
                    candidate=candidate, value=value.tobytes(), view=view, score=score
                )

    def _search_exact(
        self, queries: Sequence[Query], found: list[list[Candidate]]
    ) -> None:
        asked = [
            (at, self._key_of(query.signal.type, query.signal.value))
            for at, query in enumerate(queries)
            if query.signal.type.is_exact
        ]
        stored = self._base.look_up([key for _, key in asked])
        for (at, _), value in zip(asked, stored, strict=True):
            if value is not None:
                found[at].extend(map(self._candidate, rows_of(value)))

    def _search_shape(
        self,
        shape: Shape,
        matcher: Matcher,
        queries: Sequence[Query],
        found: list[list[Candidate]],
    ) -> None:
        """Search one table; a value that several queries ask for is compared once."""
        asked = list(_values_for(shape, queries))
        if not asked:
            return
        with self._sound(shape):
            pairs = matcher.search(
                [item.value for item in asked], [item.threshold for item in asked]
            )
        table = self._tables.perceptual[shape]
        for query, row, distance in zip(
            pairs.query.tolist(),
            pairs.row.tolist(),
            pairs.distance.tolist(),
            strict=True,
        ):
            candidate = self._comparable(table, row, distance, shape)
            if candidate is not None:
                for at in asked[query].queries:
                    found[at].append(candidate)

    def _comparable(
        self, table: PerceptualTable, row: int, distance: int, shape: Shape
    ) -> Candidate | None:
        """Return the candidate, unless its signal takes no part in searches."""
        entry = int(table.entries[row])
        quality = int(table.quality[row])
        if quality < QUALITY_FLOOR or self._tables.entries.exact_only[entry]:
            return None
        return self._candidate(
            entry,
            distance=distance,
            quality=None if quality == UNKNOWN_QUALITY else quality,
            geometry=shape[1],
            has_pdq=shape[0] is SignalType.PDQ or bool(self._with_pdq[entry]),
            value=value_at(table.lanes, row),
            frames=film_frames(self._tables.windows[int(table.windows[row])]),
        )

    @cached_property
    def _with_pdq(self) -> NDArray[np.bool_]:
        """Whether PDQ may find each entry; made for the first 64-bit candidate.

        A byte for each entry takes 10 MB and 0.1 seconds at ten million.
        """
        found = np.zeros(len(self._tables.entries), np.bool_)
        for (signal_type, _), table in self._tables.perceptual.items():
            if signal_type is SignalType.PDQ:
                found[table.entries[table.quality >= QUALITY_FLOOR]] = True
        found[self._tables.entries.exact_only != 0] = False
        return found

    def _candidate(
        self,
        row: int,
        *,
        distance: int = 0,
        quality: int | None = None,
        geometry: Geometry | None = None,
        has_pdq: bool = False,
        value: bytes = b"",
        frames: int = 0,
    ) -> Candidate:
        entries = self._tables.entries
        info = self._tables.sets[entries.sets[row]]
        return Candidate(
            set=info.name,
            entry=entries.id_of(row),
            category=self._tables.categories[entries.categories[row]],
            state=EntryState.ACTIVE if info.enforced else EntryState.MONITORED,
            distance=distance,
            quality=quality,
            geometry=geometry,
            has_pdq=has_pdq,
            value=value,
            film_frames=frames,
        )


def _key_in(_: SignalType, value: bytes) -> bytes:
    """Return the key in the value of an exact query that is keyed already."""
    return value[:EXACT_KEY_BYTES]


def _by_size(item: tuple[Shape, PerceptualTable]) -> int:
    return -len(item[1])


def _types_of(tables: Tables) -> frozenset[SignalType]:
    """Return the types of a generation; the sets count the exact ones."""
    counted = {
        name
        for info in tables.sets
        for counts in info.counts.values()
        for name in counts
    }
    exact = {kind for kind in EXACT_TYPES if kind.value in counted}
    return frozenset(exact | {signal_type for signal_type, _ in tables.perceptual})


def _values_for(shape: Shape, queries: Sequence[Query]) -> Iterable[_Asked]:
    """Return each value to be compared with signals of a shape, once.

    A stated geometry is compared with the same and with an unknown one.
    """
    signal_type, geometry = shape
    asked: dict[tuple[bytes, int], _Asked] = {}
    for at, query in enumerate(queries):
        if query.signal.type is not signal_type:
            continue
        if None not in (geometry, query.geometry) and geometry is not query.geometry:
            continue
        key = (query.signal.value, query.threshold)
        asked.setdefault(key, _Asked(*key)).queries.append(at)
    return asked.values()
