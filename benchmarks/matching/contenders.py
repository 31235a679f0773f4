"""Libraries that answer "which values are within the threshold?", in one interface.

A contender is built from values and queried in batches; it returns the rows that it
found for each query. The measured time is that which its users would wait for: the
library's call, and the least work that turns its answer into rows.

To add one, write its class and add a line to ``CONTENDERS``.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from benchmarks.matching.data import BYTES, Values
from uploadfilter.model import Signal, SignalType
from uploadfilter.reference.search import chunk_tables
from uploadfilter.reference.search.index import LinearIndex, lanes_of
from uploadfilter.reference.search.matcher import Matcher, matcher_for
from uploadfilter.reference.search.matching import Query
from uploadfilter.reference.search.planning import plan_for
from uploadfilter.reference.store import ReferenceReader

Rows = NDArray[np.int64]
WIDTH = 8 * BYTES

_MULTI_HASH_TABLES = 16
"""Parameters of threatexchange: 16 tables of 16 bits."""


class Contender(Protocol):
    """An index of values."""

    def ask(self, batch: Values, threshold: int) -> Sequence[Rows]:
        """Return the rows within the threshold of each query, in any order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """The data that a contender may be built from.

    Attributes:
        values: The values, in memory or mapped.
        reference: A reference directory that holds the same values, mapped.
        threshold: The highest threshold of all queries, for contenders that need it.
    """

    values: Values
    reference: Path
    threshold: int


class OurIndex:
    """Our matcher as the planner chooses it, built in memory."""

    def __init__(self, given: Given) -> None:
        lanes = lanes_of(given.values.tobytes(), BYTES)
        plan = plan_for(WIDTH, given.threshold, len(given.values))
        tables = chunk_tables.build(lanes, plan.bits) if plan.chunks else None
        self._matcher: Matcher = matcher_for(plan.kind, lanes, tables)

    def ask(self, batch: Values, threshold: int) -> Sequence[Rows]:
        """Return the rows within the threshold of each query."""
        return _asked(self._matcher, batch, threshold)


class OurScan:
    """Our linear scan."""

    def __init__(self, given: Given) -> None:
        self._index = LinearIndex(lanes_of(given.values.tobytes(), BYTES))

    def ask(self, batch: Values, threshold: int) -> Sequence[Rows]:
        """Return the rows within the threshold of each query."""
        return _asked(self._index, batch, threshold)


class OurGeneration:
    """Our reference set as the proxy maps and queries it: entries, not rows.

    The id of each entry is its row.
    """

    def __init__(self, given: Given) -> None:
        self._reader = ReferenceReader.open(given.reference)
        self._generation = self._reader.current()

    def ask(self, batch: Values, threshold: int) -> Sequence[Rows]:
        """Return the rows within the threshold of each query."""
        queries = [
            Query(
                signal=Signal(type=SignalType.PDQ, value=value.tobytes()),
                threshold=threshold,
            )
            for value in batch
        ]
        return [
            np.array([int(candidate.entry) for candidate in found], np.int64)
            for found in self._generation.search(queries)
        ]


class NaiveNumpy:
    """XOR, popcount and sum over whole rows: the simplest implementation."""

    def __init__(self, given: Given) -> None:
        self._rows = np.array(given.values).view(np.uint64)

    def ask(self, batch: Values, threshold: int) -> Sequence[Rows]:
        """Return the rows within the threshold of each query."""
        return [
            np.flatnonzero(np.bitwise_count(self._rows ^ q).sum(axis=1) <= threshold)
            for q in np.ascontiguousarray(batch).view(np.uint64)
        ]


class FaissFlat:
    """faiss ``IndexBinaryFlat``, on one thread."""

    def __init__(self, given: Given) -> None:
        self._index = _faiss().IndexBinaryFlat(WIDTH)
        self._index.add(np.ascontiguousarray(given.values))

    def ask(self, batch: Values, threshold: int) -> Sequence[Rows]:
        """Return the rows within the threshold of each query."""
        return _ranged(self._index, batch, threshold)


class FaissMultiHash:
    """faiss ``IndexBinaryMultiHash`` with the flips that make it exact."""

    def __init__(self, given: Given) -> None:
        bits = WIDTH // _MULTI_HASH_TABLES
        self._index = _faiss().IndexBinaryMultiHash(WIDTH, _MULTI_HASH_TABLES, bits)
        self._index.add(np.ascontiguousarray(given.values))

    def ask(self, batch: Values, threshold: int) -> Sequence[Rows]:
        """Return the rows within the threshold of each query."""
        # The pigeonhole principle: a value within the threshold has a chunk within its
        # share.
        self._index.nflip = threshold // _MULTI_HASH_TABLES
        return _ranged(self._index, batch, threshold)


class ThreatExchange:
    """One of threatexchange's PDQ indexes, which have a threshold of their own."""

    def __init__(self, given: Given, make: Callable[[], Any]) -> None:
        _faiss()
        self._index = make()
        digits = given.values.tobytes().hex()
        size = 2 * BYTES
        self._index.add_all(
            (digits[row * size : (row + 1) * size], row)
            for row in range(len(given.values))
        )

    def ask(self, batch: Values, threshold: int) -> Sequence[Rows]:
        """Return the rows within the threshold of each query."""
        return [
            np.array(
                [
                    match.metadata
                    for match in self._index.query(value.tobytes().hex())
                    if match.similarity_info.distance <= threshold
                ],
                np.int64,
            )
            for value in batch
        ]


class BKTree:
    """pybktree over whole numbers."""

    def __init__(self, given: Given) -> None:
        import pybktree  # noqa: PLC0415 - a peer is loaded where it is measured

        def distance(left: tuple[int, int], right: tuple[int, int]) -> int:
            return (left[0] ^ right[0]).bit_count()

        numbers = [int.from_bytes(value.tobytes()) for value in given.values]
        self._tree = pybktree.BKTree(
            distance, [(number, row) for row, number in enumerate(numbers)]
        )

    def ask(self, batch: Values, threshold: int) -> Sequence[Rows]:
        """Return the rows within the threshold of each query."""
        asked = [(int.from_bytes(value.tobytes()), -1) for value in batch]
        return [
            np.array([row for _, (_, row) in self._tree.find(item, threshold)])
            for item in asked
        ]


class ImageHashLoop:
    """A loop over ``imagehash.ImageHash`` objects, as its documentation shows it."""

    def __init__(self, given: Given) -> None:
        import imagehash  # noqa: PLC0415 - a peer is loaded where it is measured

        self._make = imagehash.ImageHash
        self._hashes = [self._make(_bits(value)) for value in given.values]

    def ask(self, batch: Values, threshold: int) -> Sequence[Rows]:
        """Return the rows within the threshold of each query."""
        asked = [self._make(_bits(value)) for value in batch]
        return [
            np.array(
                [
                    row
                    for row, listed in enumerate(self._hashes)
                    if query - listed <= threshold
                ]
            )
            for query in asked
        ]


def _threat_exchange(given: Given) -> Contender:
    from threatexchange.signal_type.pdq import pdq_index  # noqa: PLC0415 - as above

    return ThreatExchange(given, pdq_index.PDQIndex)


def _threat_exchange_2(given: Given) -> Contender:
    from threatexchange.signal_type.pdq import pdq_index2  # noqa: PLC0415 - as above

    # It expects a squared distance below threshold + 1 between vectors of zeros and
    # ones.
    return ThreatExchange(given, pdq_index2.PDQIndex2)


CONTENDERS: dict[str, Callable[[Given], Contender]] = {
    "faiss flat": FaissFlat,
    "ours": OurIndex,
    "ours, mapped": OurGeneration,
    "our scan": OurScan,
    "faiss multi-hash": FaissMultiHash,
    "threatexchange": _threat_exchange,
    "threatexchange 2": _threat_exchange_2,
    "numpy": NaiveNumpy,
    "pybktree": BKTree,
    "imagehash": ImageHashLoop,
}
"""Every contender by name. The answers of the first one are the truth that all others
are compared with: it is not ours, it is exact, and numpy's answers are compared as
well."""

PER_QUERY = frozenset(
    {"threatexchange", "threatexchange 2", "numpy", "pybktree", "imagehash"}
)
"""Contenders without batches: for them a batch is a loop."""


def _asked(matcher: Matcher, batch: Values, threshold: int) -> Sequence[Rows]:
    found = matcher.search([v.tobytes() for v in batch], [threshold] * len(batch))
    if len(batch) == 1:
        return [found.row]
    order = np.argsort(found.query, kind="stable")
    ends = np.searchsorted(found.query.take(order), np.arange(len(batch) + 1))
    rows = found.row.take(order)
    return [rows[ends[at] : ends[at + 1]] for at in range(len(batch))]


def _ranged(index: Any, batch: Values, threshold: int) -> Sequence[Rows]:  # noqa: ANN401
    # faiss returns values that are nearer than the radius.
    ends, _, rows = index.range_search(batch, threshold + 1)
    return [rows[ends[at] : ends[at + 1]] for at in range(len(batch))]


def _faiss() -> Any:  # noqa: ANN401 - it has no types
    import faiss  # noqa: PLC0415 - a peer is loaded where it is measured

    faiss.omp_set_num_threads(1)
    return faiss


def _bits(value: NDArray[np.uint8]) -> NDArray[np.bool_]:
    return np.unpackbits(value).astype(np.bool_).reshape(16, 16)
