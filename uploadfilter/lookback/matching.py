"""Match the rows of a store with a generation of the reference set.

First a quick search leaves out the files that can match nothing: their keyed digests
are not stored under any entry, and none of their perceptual values is near one. The
scans of the other files are decoded, and matched by the code that matches uploads.

Rules this module keeps: the result is that of ``uploadfilter scan`` within the
thresholds; a file that was not checked is counted as such, never as one without a
match; a damaged part ends the match.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from uploadfilter.decisions.policy import verdict_of
from uploadfilter.errors import LookBackError
from uploadfilter.lookback.rows import decode, scan_of, stored_quality
from uploadfilter.lookback.sources import Item
from uploadfilter.lookback.store import LookBackStore, StorePart
from uploadfilter.model import EXACT_TYPES, Match, Reason, SignalType, Verdict
from uploadfilter.reference.entries.secret import EXACT_KEY_BYTES
from uploadfilter.reference.search.matching import (
    SLICE_QUERIES,
    Candidate,
    Query,
    Thresholds,
    complement_of,
    match_scans,
)

_MARK_BYTES: Final = 16
"""Bytes of a hash of a path: two of 10^9 paths share them once in 10^20 stores."""


class Keyed(Protocol):
    """A generation that is asked by keyed digests (``LayeredGeneration.keyed``)."""

    @property
    def number(self) -> int:
        """Its number."""

    @property
    def signal_types(self) -> frozenset[SignalType]:
        """The types with at least one signal."""

    @property
    def entry_count(self) -> int:
        """How many entries it holds."""

    def search(self, queries: Sequence[Query]) -> tuple[tuple[Candidate, ...], ...]:
        """Find every signal that each of the queries matches."""

    def has_exact_keys(self, keys: Sequence[bytes]) -> list[bool]:
        """Tell for each key whether an exact signal is stored under it."""

    def near_queries(
        self, signal_type: SignalType, values: Sequence[bytes], threshold: int
    ) -> NDArray[np.bool_]:
        """Tell for each value whether any signal of a type is near to it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LookedBack:
    """A file that is not clean: it matches, or was not checked.

    Attributes:
        verdict: ``MATCH`` or ``INCONCLUSIVE``.
        trouble: Why it has no scan; empty if it has one.
    """

    item: Item
    verdict: Verdict
    reason: Reason | None = None
    trouble: str = ""
    matches: tuple[Match, ...] = ()


@dataclass(slots=True)
class MatchCounts:
    """The result of a match.

    Attributes:
        replaced: Rows of older versions of a file, which were left out.
    """

    verdicts: Counter[Verdict] = field(default_factory=Counter)
    replaced: int = 0

    @property
    def is_clean(self) -> bool:
        """Whether each file was checked, and nothing matched."""
        return set(+self.verdicts) <= {Verdict.NO_MATCH}


def missing_types(store: LookBackStore, generation: Keyed) -> tuple[SignalType, ...]:
    """Return the perceptual types of a generation that the store does not hold."""
    absent = generation.signal_types - frozenset(EXACT_TYPES) - set(store.info.types)
    return tuple(sorted(absent))


def match_store(
    store: LookBackStore,
    generation: Keyed,
    *,
    thresholds: Thresholds,
    report: Callable[[LookedBack], None],
    moved: Callable[[int, int], None],
) -> MatchCounts:
    """Match every file of a store, in its newest version.

    Args:
        store: The store.
        generation: The generation, asked by keys.
        thresholds: Most bits that may differ.
        report: Called for each file that matches or was not checked.
        moved: Called with the rows that are done, and all rows.

    Raises:
        LookBackError: A part is damaged.
        StoreError: The reference set failed.
    """
    counts, done = MatchCounts(), 0
    newest = _newest(store)
    for part, live in zip(store.parts, newest, strict=True):
        _match_part(store, part, live, generation, thresholds, counts, report)
        done += part.rows
        moved(done, store.rows)
    return counts


def _newest(store: LookBackStore) -> list[NDArray[np.bool_]]:
    """Return for each part which rows are the newest of their path."""
    marks = [_marks(store.table(part, ("path",))) for part in store.parts]
    if not marks:
        return []
    joined = np.concatenate(marks)
    _, from_end = np.unique(joined[::-1], return_index=True)
    is_newest = np.zeros(len(joined), np.bool_)
    is_newest[len(joined) - 1 - from_end] = True
    return np.split(is_newest, np.cumsum([len(it) for it in marks])[:-1])


def _marks(table: Any) -> NDArray[np.bytes_]:  # noqa: ANN401 -- of pyarrow, which has no types
    found = [
        hashlib.blake2b(path, digest_size=_MARK_BYTES).digest()
        for path in table.column("path").to_pylist()
    ]
    return np.array(found, f"S{_MARK_BYTES}")


def _match_part(
    store: LookBackStore,
    part: StorePart,
    live: NDArray[np.bool_],
    generation: Keyed,
    thresholds: Thresholds,
    counts: MatchCounts,
    report: Callable[[LookedBack], None],
) -> None:
    types = [kind for kind in store.info.types if kind in generation.signal_types]
    columns = ("path", "size", "version", "trouble", "reason", "keys", "scan")
    table = store.table(part, (*columns, *(kind.value for kind in types)))
    may_match = _with_keys(table.column("keys"), generation)
    for kind in types:
        may_match |= _with_values(
            table.column(kind.value), kind, generation, thresholds
        )
    troubles = table.column("trouble").to_pylist()
    reasons = table.column("reason").to_pylist()
    counts.replaced += int(np.count_nonzero(~live))
    for row in np.flatnonzero(live).tolist():
        trouble, reason = troubles[row], reasons[row]
        if not (trouble or reason or may_match[row]):
            counts.verdicts[Verdict.NO_MATCH] += 1
            continue
        found = _looked_back(table, row, trouble, generation, thresholds)
        counts.verdicts[found.verdict] += 1
        if found.verdict is not Verdict.NO_MATCH:
            report(found)


def _looked_back(
    table: Any,  # noqa: ANN401 -- of pyarrow, which has no types
    row: int,
    trouble: str | None,
    generation: Keyed,
    thresholds: Thresholds,
) -> LookedBack:
    """Return the result of one file, from its whole scan."""
    path, size, version = (
        table.column(name)[row].as_py() for name in ("path", "size", "version")
    )
    item = Item(path=path, size=size, version=version)
    if trouble:
        return LookedBack(item=item, verdict=Verdict.INCONCLUSIVE, trouble=trouble)
    try:
        content = decode(table.column("scan")[row].as_py())
    except ValueError as exc:
        raise LookBackError(
            f"the row of {item.name!r} cannot be read: {exc}",
            hint="Make a new store: another release wrote this one.",
        ) from exc
    scan = scan_of(content, item.name)
    matches = match_scans(
        generation, (scan,), thresholds=thresholds, quality_of=stored_quality
    )
    verdict, reason = verdict_of([scan], matches)
    return LookedBack(item=item, verdict=verdict, reason=reason, matches=matches)


def _with_keys(column: Any, generation: Keyed) -> NDArray[np.bool_]:  # noqa: ANN401 -- of pyarrow
    """Tell for each row whether one of its keys is stored."""
    offsets, data = _joined(column)
    found = np.zeros(len(offsets) - 1, np.bool_)
    for first, values in _slices(data, EXACT_KEY_BYTES):
        matched = np.flatnonzero(generation.has_exact_keys(values)) + first
        found[_rows(offsets, matched * EXACT_KEY_BYTES)] = True
    return found


def _with_values(
    column: Any,  # noqa: ANN401 -- of pyarrow, which has no types
    kind: SignalType,
    generation: Keyed,
    thresholds: Thresholds,
) -> NDArray[np.bool_]:
    """Tell for each row whether one of its values, or its negative, is near one."""
    offsets, data = _joined(column)
    found = np.zeros(len(offsets) - 1, np.bool_)
    # Views that viewers never show have lower thresholds, never higher ones.
    asked = (
        (data, thresholds.bits(kind)),
        (complement_of(kind, data), thresholds.bits(kind, complement=True)),
    )
    for values_joined, threshold in asked:
        for first, values in _slices(values_joined, kind.width_bytes):
            matched = np.flatnonzero(generation.near_queries(kind, values, threshold))
            found[_rows(offsets, (matched + first) * kind.width_bytes)] = True
    return found


def _joined(column: Any) -> tuple[NDArray[np.int64], bytes]:  # noqa: ANN401 -- of pyarrow
    """Return where the bytes of each row begin and end, and all bytes."""
    values = column.to_pylist()
    offsets = np.zeros(len(values) + 1, np.int64)
    np.cumsum([len(it) for it in values], out=offsets[1:])
    return offsets, b"".join(values)


def _slices(data: bytes, width: int) -> Iterator[tuple[int, list[bytes]]]:
    """Yield joined values in lists, each with the number of its first value."""
    step = SLICE_QUERIES * width
    for start in range(0, len(data), step):
        part = data[start : start + step]
        values = [part[at : at + width] for at in range(0, len(part), width)]
        yield start // width, values


def _rows(offsets: NDArray[np.int64], places: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.searchsorted(offsets, places, side="right") - 1
