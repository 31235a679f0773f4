"""Tables of chunks hold every row once a chunk, in the bucket of its bits."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conformance.matchers import clustered
from uploadfilter.reference.search import chunk_tables as module
from uploadfilter.reference.search.chunk_tables import (
    BIT_ORDER_SEED,
    ChunkKeys,
    bit_order,
    build,
)
from uploadfilter.reference.search.index import lanes_of

CHUNKS = st.lists(st.integers(1, 9), min_size=1, max_size=7).map(
    lambda bits: tuple(sorted(bits, reverse=True))
)


def key_of(value: bytes, order: tuple[int, ...]) -> int:
    """Return some bits of a value as a number, the slow and obvious way."""
    bits = f"{int.from_bytes(value):0{8 * len(value)}b}"
    return int("".join(bits[at] for at in order), 2)


@pytest.mark.parametrize("width", [8, 32])
@given(bits=CHUNKS, count=st.integers(0, 40))
def test_buckets_hold_the_rows_of_their_key(
    width: int, bits: tuple[int, ...], count: int
) -> None:
    """Each bucket of each chunk holds the rows with those bits, in ascending order."""
    values = clustered(count, count=count, width=width, threshold=4)
    tables = build(lanes_of(b"".join(values), width), bits)
    order = bit_order(8 * width, BIT_ORDER_SEED)
    bucket = 0
    for at, size in enumerate(bits):
        mine = order[sum(bits[:at]) : sum(bits[: at + 1])]
        keys = [key_of(value, mine) for value in values]
        for key in range(1 << size):
            start, end = tables.offsets[bucket : bucket + 2].tolist()
            rows = [row for row, other in enumerate(keys) if other == key]

            assert tables.ids[start:end].tolist() == rows
            bucket += 1
    assert len(tables.offsets) == bucket + 1
    assert len(tables.ids) == len(bits) * count


@given(
    bits=st.integers(1, 23),
    few=st.integers(1, 1 << 23),
    seed=st.integers(0, 1 << 16),
    count=st.integers(0, 300),
)
def test_rows_are_sorted_as_python_sorts_them(
    bits: int, few: int, seed: int, count: int
) -> None:
    """Rows are sorted by key, then by row, for every width, with many equal keys."""
    most = 1 << bits
    keys = np.random.default_rng(seed).integers(0, min(few, most), count, np.uint32)
    keys[::3] = most - 1
    rows = module._sorted_rows(keys, most)  # noqa: SLF001 - the twin of one step

    assert rows.tolist() == sorted(range(count), key=keys.tolist().__getitem__)


@pytest.mark.parametrize("width", [8, 16, 32])
@given(bits=CHUNKS)
def test_queries_go_to_the_bucket_of_their_key(
    width: int, bits: tuple[int, ...]
) -> None:
    """A query's buckets are those that the tables were built with."""
    values = clustered(2, count=20, width=width, threshold=9)
    keys = ChunkKeys(8 * width, bits, BIT_ORDER_SEED)
    lanes = lanes_of(b"".join(values), width)
    raw = np.frombuffer(b"".join(values), np.uint8).reshape(-1, width)
    buckets = keys.buckets_of(raw)
    for chunk in range(len(bits)):
        expected = keys.keys(lanes, chunk) + keys.first[chunk]

        assert buckets[:, chunk].tolist() == expected.tolist()


def test_tile_borders_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys are the same however many rows are computed at a time."""
    lanes = lanes_of(b"".join(clustered(4, count=50, width=32, threshold=9)), 32)
    keys = ChunkKeys(256, (23, 9), BIT_ORDER_SEED)
    whole = keys.keys(lanes, 0).tolist()
    monkeypatch.setattr(module, "_TILE_ROWS", 7)

    assert keys.keys(lanes, 0).tolist() == whole


def test_order_of_bits_never_changes() -> None:
    """Stored tables depend on this order, and store only its seed."""
    order = bit_order(256, BIT_ORDER_SEED)

    assert sorted(order) == list(range(256))
    assert order[:8] == ORDER
    assert bit_order(256, "another") != order


ORDER = (215, 4, 26, 145, 58, 102, 44, 176)
"""Where the first bits of chunks are taken from, ever since there are chunks."""


def test_prefixes_are_the_first_bits_of_each_value() -> None:
    """One fetch gets the first 128 bits of a candidate; 64 bits come from the lane."""
    values = clustered(5, count=9, width=32, threshold=9)
    tables = build(lanes_of(b"".join(values), 32), [9])
    heads = tables.prefixes.view(np.uint64).astype(">u8").tobytes()

    assert heads == b"".join(value[:16] for value in values)
    assert len(build(lanes_of(bytes(80), 8), [9]).prefixes) == 0
    assert tables.nbytes == 4 * 513 + 4 * 9 + 16 * 9


@pytest.mark.parametrize("bits", [[3, 4], [40, 30], [], [5, 0], [-1]])
def test_impossible_chunks_are_refused(bits: list[int]) -> None:
    """Chunks are given from the widest on, and have no more bits than a value."""
    with pytest.raises(ValueError, match="no chunks"):
        ChunkKeys(64, bits, BIT_ORDER_SEED)
