"""Search perceptual values by Hamming distance: every one within the threshold.

This is the linear scan that serves sets of up to some hundred thousand entries, and the
standard for every faster index. Values lie as a structure of arrays: lane *i* holds the
*i*-th 64 bits of every value, so that reading two lanes rules out most rows.

Rules this module keeps: it is pure; its memory grows only with the number of pairs
found, not with the number of rows or queries; the result equals ``reference_search``,
for every number of rows and every threshold (``tests/reference/search/test_index.py``).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Lane: TypeAlias = NDArray[np.uint64]

TILE_PAIRS = 1 << 16
"""Pairs of query and row that are compared at a time.

The temporaries take 704 KiB, so that they stay in a level-2 cache of 1 MiB while the
lanes stream past, and the overhead of some ten numpy calls (10 µs) is a tenth of their
work. A quarter of this size costs 30 % more at 100,000 rows; twice as much gains
nothing.
"""

PREFILTER_LANES = 2
"""The number of lanes that are read for every row.

Of random 256-bit values, 45 % are within 31 bits by their first 64 bits alone, but only
3 in 10^9 by their first 128, so that reading more would only cost memory bandwidth.
"""

_LANE_BYTES = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class PairsFound:
    """The pairs of query and row that are within the threshold, in no stated order.

    Attributes:
        query: Position of the query in the batch, one for each pair.
        row: Position of the value in the index.
        distance: Bits that differ.
    """

    query: NDArray[np.intp]
    row: NDArray[np.intp]
    distance: NDArray[np.uint16]


def value_at(lanes: Sequence[Lane], row: int) -> bytes:
    """Return one value of some lanes, most significant byte first."""
    return b"".join(int(lane[row]).to_bytes(_LANE_BYTES) for lane in lanes)


def lanes_of(values: bytes | bytearray, width: int) -> tuple[Lane, ...]:
    """Turn values into lanes.

    Args:
        values: Any number of values of ``width`` bytes each, one after the other, most
            significant byte first.
        width: Bytes of one value; a multiple of 8.

    Returns:
        ``width / 8`` contiguous arrays in native byte order, each with one item per
        value; lane 0 holds the most significant 64 bits.

    Raises:
        ValueError: ``width`` is not a multiple of 8, or the length of ``values`` is not
            a multiple of ``width``.
    """
    if width % _LANE_BYTES or len(values) % width:
        raise ValueError(f"{len(values)} bytes are not values of {width} bytes")
    rows = np.frombuffer(values, dtype=">u8") if values else np.empty(0, ">u8")
    table = rows.reshape(-1, width // _LANE_BYTES)
    return tuple(
        np.ascontiguousarray(table[:, lane], dtype=np.uint64)
        for lane in range(width // _LANE_BYTES)
    )


def batch_of(
    queries: Sequence[bytes], thresholds: Sequence[int], lane_count: int
) -> tuple[tuple[Lane, ...], NDArray[np.int16]]:
    """Turn the arguments of a search into lanes and thresholds.

    Args:
        queries: Values of ``lane_count`` lanes each.
        thresholds: One for each query.
        lane_count: Lanes of the values that are searched.

    Returns:
        The lanes of the queries, and the thresholds, limited to -1 and the width in
        bits.

    Raises:
        ValueError: A query has another width, or the lengths differ.
    """
    if len(queries) != len(thresholds):
        raise ValueError(f"{len(queries)} queries, {len(thresholds)} thresholds")
    width = _LANE_BYTES * lane_count
    if any(len(query) != width for query in queries):
        raise ValueError("a query is not as wide as the index")
    limits = np.clip(np.asarray(thresholds, dtype=np.int64), -1, 8 * width)
    return lanes_of(b"".join(queries), width), limits.astype(np.int16)


class LinearIndex:
    """Values as lanes, searched from the first to the last.

    Safe to search from several threads: every search has its own temporaries.

    Args:
        lanes: At least one array, all of the same length; they are not copied, and may
            lie in a file that is mapped read-only.
    """

    def __init__(self, lanes: Sequence[Lane]) -> None:
        self._lanes = tuple(lanes)

    def __len__(self) -> int:
        """Return the number of values."""
        return len(self._lanes[0])

    def search(self, queries: Sequence[bytes], thresholds: Sequence[int]) -> PairsFound:
        """Find every value within the threshold of each query.

        Returns:
            Every pair within the threshold, and no other.

        Raises:
            ValueError: A query has another width, or the lengths differ.
        """
        return self.search_lanes(*batch_of(queries, thresholds, len(self._lanes)))

    def search_lanes(
        self, batch: tuple[Lane, ...], limits: NDArray[np.int16]
    ) -> PairsFound:
        """Search as ``search`` does, with arguments as ``batch_of`` returns them."""
        scan = _Scan(self._lanes, batch, limits)
        return joined_found(list(scan.tiles()))


class _Scan:
    """The search of one batch through all rows; its temporaries are used again."""

    def __init__(
        self,
        lanes: tuple[Lane, ...],
        batch: tuple[Lane, ...],
        limits: NDArray[np.int16],
    ) -> None:
        self._lanes = lanes
        self._batch = batch
        self._limits = limits
        pairs = min(TILE_PAIRS, len(lanes[0]) * len(limits))
        self._xor = np.empty(pairs, np.uint64)
        self._bits = np.empty(pairs, np.uint8)
        self._sum = np.empty(pairs, np.uint8)
        self._near = np.empty(pairs, np.bool_)

    def tiles(self) -> Iterator[PairsFound]:
        """Yield the pairs of each tile; the outer loop is over rows, for the cache."""
        row_count, query_count = len(self._lanes[0]), len(self._limits)
        row_step = max(1, min(row_count, TILE_PAIRS))
        query_step = TILE_PAIRS // row_step
        for row in range(0, row_count, row_step):
            rows = slice(row, min(row + row_step, row_count))
            for query in range(0, query_count, query_step):
                queries = slice(query, min(query + query_step, query_count))
                near = self._prefilter(queries, rows)
                # ``flatnonzero`` costs as much as the popcount: ask first.
                if near.any():
                    yield self._verify(near, queries, rows)

    def _prefilter(self, queries: slice, rows: slice) -> NDArray[np.bool_]:
        """Return which pairs of a tile are within the threshold by their first lanes.

        It leaves the distances so far in ``self._sum``.
        """
        shape = (queries.stop - queries.start, rows.stop - rows.start)
        size = shape[0] * shape[1]
        xor = self._xor[:size].reshape(shape)
        total = self._sum[:size].reshape(shape)
        self._distances(0, queries, rows, xor, total)
        for lane in range(1, min(PREFILTER_LANES, len(self._lanes))):
            bits = self._bits[:size].reshape(shape)
            self._distances(lane, queries, rows, xor, bits)
            np.add(total, bits, out=total)
        # Two lanes differ in 128 bits at most, so a distance fits into a byte.
        limits = np.clip(self._limits[queries], 0, 128).astype(np.uint8)
        near = self._near[:size].reshape(shape)
        return np.less_equal(total, limits[:, np.newaxis], out=near)

    def _distances(
        self,
        lane: int,
        queries: slice,
        rows: slice,
        xor: Lane,
        bits: NDArray[np.uint8],
    ) -> None:
        asked = self._batch[lane][queries, np.newaxis]
        np.bitwise_xor(self._lanes[lane][np.newaxis, rows], asked, out=xor)
        np.bitwise_count(xor, out=bits)

    def _verify(
        self, near: NDArray[np.bool_], queries: slice, rows: slice
    ) -> PairsFound:
        pairs = np.flatnonzero(near)
        query, row = np.divmod(pairs, near.shape[1])
        query += queries.start
        row += rows.start
        distance = self._sum.take(pairs).astype(np.uint16)
        for lane in range(PREFILTER_LANES, len(self._lanes)):
            xor = self._lanes[lane].take(row) ^ self._batch[lane].take(query)
            distance += np.bitwise_count(xor)
        keep = distance <= self._limits.take(query)
        return PairsFound(query=query[keep], row=row[keep], distance=distance[keep])


def joined_found(tiles: Sequence[PairsFound]) -> PairsFound:
    """Join the pairs from all parts of a search."""
    if not tiles:
        nothing = np.empty(0, np.intp)
        return PairsFound(query=nothing, row=nothing, distance=np.empty(0, np.uint16))
    return PairsFound(
        query=np.concatenate([tile.query for tile in tiles]),
        row=np.concatenate([tile.row for tile in tiles]),
        distance=np.concatenate([tile.distance for tile in tiles]),
    )


def reference_search(
    values: Sequence[bytes], query: bytes, threshold: int
) -> list[tuple[int, int]]:
    """Find every value within the threshold, the slow and obvious way.

    Args:
        values: As wide as the query.
        query: Value to compare with, most significant byte first.
        threshold: Most bits that may differ, inclusive.

    Returns:
        Row and distance of each value within the threshold, by row.
    """
    asked = int.from_bytes(query)
    distances = [(int.from_bytes(value) ^ asked).bit_count() for value in values]
    return [
        (row, distance)
        for row, distance in enumerate(distances)
        if distance <= threshold
    ]
