"""The tables of a multi-index: for each chunk of bits and each value, its rows.

All chunks share two arrays. ``offsets`` holds, for each chunk in turn and each value of
its bits in turn, the position in ``ids`` where the rows with that value begin; they end
where the next ones begin. So ``ids`` holds every row once for each chunk.

Bits of real values are correlated with their neighbours: with chunks cut in the natural
order of bits, the fullest buckets of PDQ values hold 17 times as many rows as buckets
of random values. So the bits are dealt to the chunks in an order that is random, fixed,
and recorded with the tables.

Rules this module keeps: it is pure; the order of bits follows from its seed alone, in
every version; the rows of a bucket are ascending.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from uploadfilter.reference.search.index import Lane

BIT_ORDER_SEED = "uploadfilter bit order 1"
"""Seed of the order of bits in tables that are written; any other text would do."""

PREFIX = np.dtype("V16")
"""The first 128 bits of a value, kept together so that a candidate costs one fetch."""

_PREFIX_LANES = 2
_BYTE_VALUES = 256
_TILE_ROWS = 1 << 15
"""Rows whose keys are computed at a time; they fit into a level-2 cache."""

_COUNTED_BITS = 16
"""Width in bits of the widest numbers that numpy sorts by counting."""

_COUNTED = 1 << _COUNTED_BITS

Offsets = NDArray[np.uint32]
Ids = NDArray[np.uint32]
Prefixes = NDArray[np.void]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkTables:
    """The data that a multi-index keeps besides the values.

    Attributes:
        bits: Bits of each chunk, the widest first.
        seed: Seed of the order of bits.
        offsets: Where in ``ids`` each bucket begins, and one more item for the end.
        ids: Rows, bucket by bucket.
        prefixes: First 128 bits of each value, in the order of rows; empty for values
            of 64 bits, whose only lane serves as well.
    """

    bits: tuple[int, ...]
    seed: str
    offsets: Offsets
    ids: Ids
    prefixes: Prefixes

    @property
    def nbytes(self) -> int:
        """Bytes that the arrays take."""
        return self.offsets.nbytes + self.ids.nbytes + self.prefixes.nbytes


def bit_order(width: int, seed: str) -> tuple[int, ...]:
    """Return the order in which the bits of a value are dealt to the chunks.

    Args:
        width: Bits of a value.
        seed: Any text.

    Returns:
        The positions 0 (most significant) to ``width - 1``, shuffled.
    """
    return tuple(
        sorted(
            range(width),
            key=lambda bit: hashlib.blake2b(f"{seed} {bit}".encode()).digest(),
        )
    )


class ChunkKeys:
    """Turns values into the buckets that they belong to.

    Args:
        width: Bits of a value.
        bits: Bits of each chunk, descending.
        seed: Seed of the order of bits.

    Attributes:
        first: For each chunk, the number of its first bucket.
        buckets: Number of buckets of all chunks.
    """

    def __init__(self, width: int, bits: Sequence[int], seed: str) -> None:
        descending = list(bits) == sorted(bits, reverse=True)
        if not bits or not descending or bits[-1] < 1 or sum(bits) > width:
            raise ValueError(f"no chunks of {width} bits: {tuple(bits)}")
        self.bits = tuple(bits)
        ends = np.cumsum([1 << size for size in bits], dtype=np.int64)
        self.buckets = int(ends[-1])
        # Powers of two, descending: the first bucket of a chunk is a multiple of its
        # size, so that flipping bits of a key flips the same bits of the bucket.
        self.first: NDArray[np.int64] = np.concatenate([[0], ends[:-1]])
        self._tables = _byte_tables(width, self.bits, seed)
        self._flat = self._with_first(width // 8)
        self._rows = np.arange(width // 8, dtype=np.intp) * _BYTE_VALUES

    def _with_first(self, width_bytes: int) -> NDArray[np.int64]:
        """Return the tables for queries: a row for each byte and value of it."""
        flat = self._tables.astype(np.int64)
        flat[0] |= self.first
        return flat.reshape(width_bytes * _BYTE_VALUES, len(self.bits))

    def buckets_of(self, values: NDArray[np.uint8]) -> NDArray[np.int64]:
        """Return the bucket of each value in each chunk.

        Args:
            values: Of shape (n, bytes of a value), most significant byte first.

        Returns:
            Of shape (n, chunks).
        """
        parts = self._flat.take(values + self._rows, axis=0)
        buckets: NDArray[np.int64] = np.bitwise_or.reduce(parts, axis=1)
        return buckets

    def keys(self, lanes: Sequence[Lane], chunk: int) -> NDArray[np.uint32]:
        """Return the bits of every value of an index that belong to one chunk."""
        count = len(lanes[0])
        keys = np.zeros(count, np.uint32)
        tables = np.ascontiguousarray(self._tables[:, :, chunk])
        used = [at for at in range(len(tables)) if tables[at].any()]
        for start in range(0, count, _TILE_ROWS):
            tile = keys[start : start + _TILE_ROWS]
            for at in used:
                lane = lanes[at // 8][start : start + _TILE_ROWS]
                byte = (lane >> np.uint64(56 - at % 8 * 8)).astype(np.uint8)
                tile |= tables[at].take(byte)
        return keys


def _byte_tables(width: int, bits: tuple[int, ...], seed: str) -> NDArray[np.uint32]:
    """Return the bits that each value of each byte adds to the key of each chunk."""
    tables = np.zeros((width // 8, _BYTE_VALUES, len(bits)), np.uint32)
    values = np.arange(_BYTE_VALUES, dtype=np.uint32)
    order = iter(bit_order(width, seed))
    for chunk, size in enumerate(bits):
        for place in range(size - 1, -1, -1):
            byte, bit = divmod(next(order), 8)
            is_set = (values >> np.uint32(7 - bit)) & np.uint32(1)
            tables[byte, :, chunk] |= is_set << np.uint32(place)
    return tables


def offsets_of(lanes: Sequence[Lane], keys: ChunkKeys) -> Offsets:
    """Return where each bucket begins.

    Args:
        lanes: The values; fewer than 2^32 / chunks.
        keys: Assigns bits to chunks.
    """
    count = len(lanes[0])
    offsets = np.empty(keys.buckets + 1, np.uint32)
    for chunk, size in enumerate(keys.bits):
        first = int(keys.first[chunk])
        ends = offsets[first + 1 : first + (1 << size) + 1]
        sizes = np.bincount(keys.keys(lanes, chunk), minlength=1 << size)
        np.cumsum(sizes, out=ends, dtype=np.uint32)
        ends += np.uint32(chunk * count)
    offsets[0] = 0
    return offsets


def ids_of(lanes: Sequence[Lane], keys: ChunkKeys) -> Ids:
    """Return the rows of every bucket of every chunk."""
    count = len(lanes[0])
    ids = np.empty(len(keys.bits) * count, np.uint32)
    for chunk, size in enumerate(keys.bits):
        ids[chunk * count : (chunk + 1) * count] = _sorted_rows(
            keys.keys(lanes, chunk), 1 << size
        )
    return ids


def _sorted_rows(keys: NDArray[np.uint32], most: int) -> NDArray[np.uint32]:
    """Return the positions of keys, sorted by key, then by position.

    numpy sorts numbers of 16 bits by counting, in a fraction of the time that wider
    ones take. So a wider key is sorted by its upper bits, and then by its lower 16
    among the keys with equal upper bits.

    Args:
        keys: The keys.
        most: The keys are below this.
    """
    low = keys.astype(np.uint16)
    if most <= _COUNTED:
        return _order(low)
    high = (keys >> np.uint32(_COUNTED_BITS)).astype(np.uint16)
    rows = _order(high)
    low = low[rows]
    begin = 0
    for end in np.cumsum(np.bincount(high)).tolist():
        rows[begin:end] = rows[begin:end][_order(low[begin:end])]
        begin = end
    return rows


def _order(keys: NDArray[np.uint16]) -> NDArray[np.uint32]:
    """Return the positions of short keys, sorted by key, then by position."""
    return np.argsort(keys, kind="stable").astype(np.uint32)


def prefixes_of(lanes: Sequence[Lane]) -> Prefixes:
    """Return the first 128 bits of each value, side by side."""
    if len(lanes) < _PREFIX_LANES:
        return np.empty(0, PREFIX)
    table = np.empty((len(lanes[0]), _PREFIX_LANES), np.uint64)
    for at in range(_PREFIX_LANES):
        table[:, at] = lanes[at]
    return table.view(PREFIX).reshape(-1)


def build(
    lanes: Sequence[Lane], bits: Sequence[int], seed: str = BIT_ORDER_SEED
) -> ChunkTables:
    """Build the tables of an index in memory.

    Args:
        lanes: The values, as ``index.lanes_of`` returns them.
        bits: Bits of each chunk, descending (``Plan.bits``).
        seed: Seed of the order of bits.
    """
    keys = ChunkKeys(64 * len(lanes), bits, seed)
    return ChunkTables(
        bits=tuple(bits),
        seed=seed,
        offsets=offsets_of(lanes, keys),
        ids=ids_of(lanes, keys),
        prefixes=prefixes_of(lanes),
    )
