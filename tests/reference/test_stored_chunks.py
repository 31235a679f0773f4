"""Large tables are stored with their chunks, and answer as before."""

import random
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import lmdb
import msgspec
import numpy as np
import pytest

from tests.conformance.generations import entry, pdq
from tests.conformance.matchers import check_matcher, clustered
from tests.reference.columns import SECRET, info_of, tables_of
from tests.reference.files.stored import stored
from tests.reference.search.eager import EAGER
from tests.reference.search.near.views import batch_around
from uploadfilter.errors import StoreCorruptError
from uploadfilter.model import Geometry, Signal, SignalType
from uploadfilter.reference.entries.collecting import (
    BlockSignals,
    EntryBlock,
    TableBuilder,
)
from uploadfilter.reference.entries.tables import Tables
from uploadfilter.reference.files.base import (
    Meta,
    read_chunks,
    read_meta,
    read_tables,
    write_base,
)
from uploadfilter.reference.files.generation import MappedGeneration
from uploadfilter.reference.files.mapping import Mapped
from uploadfilter.reference.search.chunk_tables import BIT_ORDER_SEED
from uploadfilter.reference.search.index import LinearIndex
from uploadfilter.reference.search.matcher import Matcher
from uploadfilter.reference.search.matching import Candidate, Query
from uploadfilter.reference.search.multi_index import MultiIndex
from uploadfilter.reference.search.planning import DEFAULT_COSTS, Costs
from uploadfilter.reference.search.soft import reference_near

SHAPE = (SignalType.PDQ, None)
TYPES = {8: SignalType.PHASH, 32: SignalType.PDQ}
MANY = 30_000
"""Entries with which the planner goes over to chunks."""


def tables_with(values: Sequence[bytes], kind: SignalType = SignalType.PDQ) -> Tables:
    """Return the tables of a set with an entry for each value."""
    builder = TableBuilder(SECRET.exact_key)
    signals = BlockSignals(
        rows=np.arange(len(values), dtype=np.uint32),
        values=b"".join(values),
        quality=bytes([87]) * len(values),
    )
    builder.add_block(
        EntryBlock(
            ids=[f"p-{row}" for row in range(len(values))],
            categories=["A"] * len(values),
            exact_only=bytes(len(values)),
            signals={kind: signals} if values else {},
        )
    )
    return builder.finish(info_of("s"))


def base(
    folder: Path, tables: Tables, costs: Costs | None = DEFAULT_COSTS, number: int = 1
) -> Mapped:
    """Write tables as a base, and map it."""
    check = SECRET.check_value()
    return stored(
        folder,
        number,
        lambda path: write_base(path, tables, secret=check, costs=costs),
    )


def generation_of(mapped: Mapped) -> MappedGeneration:
    """Return the generation that a base holds."""
    return MappedGeneration(
        1,
        tables=read_tables(mapped, read_meta(mapped)),
        secret=SECRET,
        base=mapped,
        overlay=mapped,
    )


def ask(
    generation: MappedGeneration, queries: Sequence[bytes], threshold: int = 31
) -> tuple[tuple[Candidate, ...], ...]:
    """Search for PDQ values."""
    found = generation.search(
        [
            Query(signal=Signal(type=SignalType.PDQ, value=value), threshold=threshold)
            for value in queries
        ]
    )
    return tuple(tuple(sorted(item, key=lambda c: c.entry)) for item in found)


def test_soft_views_find_altered_values_in_a_stored_index() -> None:
    """After writing and mapping, a search finds what a full scan finds, and no more."""
    rng = np.random.default_rng(15)
    table = rng.integers(0, 256, (3000, 32), np.uint8)
    batch = batch_around(table[:60], seed=15)
    with TemporaryDirectory() as folder:
        mapped = base(
            Path(folder), tables_with([row.tobytes() for row in table]), EAGER
        )
        assert SHAPE in read_chunks(mapped, read_meta(mapped))
        found = generation_of(mapped).search_near(batch)
    expected = reference_near(table, batch)
    scores = {int(it.candidate.entry[2:]): it.score for it in found.candidates}
    assert scores == pytest.approx({row: expected[row] for row in scores}, abs=1e-3)
    assert len(scores) >= 0.99 * len(expected)
    assert all(
        it.value == table[int(it.candidate.entry[2:])].tobytes()
        for it in found.candidates
    )
    assert found.is_complete


@pytest.mark.parametrize(
    ("width", "limit"), [(8, 12), pytest.param(32, 48, marks=pytest.mark.slow)]
)
def test_stored_and_reopened_index_conforms(width: int, limit: int) -> None:
    """A written, synced, renamed and mapped index passes the suite of every index."""
    with TemporaryDirectory() as folder:
        # As long as the arrays are used, their map must stay open.
        opened: list[Mapped] = []

        def make(values: Sequence[bytes], _width: int) -> Matcher:
            kind = TYPES[width]
            tables = tables_with(values, kind)
            mapped = base(Path(folder), tables, EAGER, len(opened) + 1)
            opened.append(mapped)
            meta = read_meta(mapped)
            chunks = read_chunks(mapped, meta).get((kind, None))
            if chunks is None:
                return LinearIndex([np.empty(0, np.uint64)] * (width // 8))
            lanes = read_tables(mapped, meta).perceptual[kind, None].lanes
            return MultiIndex(lanes, chunks, EAGER)

        check_matcher(make, width=width, limit=limit)


def test_large_tables_get_chunks_and_small_ones_none(tmp_path: Path) -> None:
    """The planner decides when the base is written, and its choice is recorded."""
    values = clustered(1, count=MANY, width=32, threshold=31)
    large = base(tmp_path, tables_with(values))
    small = base(tmp_path, tables_with(values[:100]), number=2)
    (shape,) = read_meta(large).shapes

    assert shape.chunks is not None
    assert (shape.chunks.threshold, shape.chunks.seed) == (31, BIT_ORDER_SEED)
    assert set(read_chunks(large, read_meta(large))) == {SHAPE}
    assert read_chunks(small, read_meta(small)) == {}


def test_chunks_are_used_where_they_lie(tmp_path: Path) -> None:
    """Nothing is copied into the memory of a reader."""
    values = clustered(1, count=MANY, width=32, threshold=31)
    mapped = base(tmp_path, tables_with(values))
    chunks = read_chunks(mapped, read_meta(mapped))[SHAPE]

    for array in (chunks.offsets, chunks.ids, chunks.prefixes):
        assert not array.flags.owndata
        assert not array.flags.writeable


def test_generations_with_and_without_chunks_agree(tmp_path: Path) -> None:
    """At every threshold, both find the same entries."""
    values = clustered(2, count=MANY, width=32, threshold=31)
    tables = tables_with(values)
    by_chunks = generation_of(base(tmp_path, tables))
    by_scan = generation_of(base(tmp_path, tables, None, number=2))
    for threshold in (0, 7, 31, 40, 48):
        queries = values[50:58]

        assert ask(by_chunks, queries, threshold) == ask(by_scan, queries, threshold)


def test_entries_that_take_no_part_are_not_found_by_chunks(tmp_path: Path) -> None:
    """Quality, geometry and exact-only count as they do in a scan."""
    value = b"\x5a" * 32
    rows = [
        entry("good", pdq(value, quality=50)),
        entry("bad", pdq(value, quality=49)),
        entry("unknown", pdq(value)),
        entry("exact", pdq(value), exact_only=True),
        entry("full", pdq(value, geometry=Geometry.FULL)),
        entry("squash", pdq(value, geometry=Geometry.SQUASH512)),
    ]
    generation = generation_of(base(tmp_path, tables_of("s", rows), EAGER))
    query = Query(
        signal=Signal(type=SignalType.PDQ, value=value),
        threshold=0,
        geometry=Geometry.FULL,
    )
    (found,) = generation.search([query])

    assert sorted(item.entry for item in found) == ["full", "good", "unknown"]


def test_chunks_must_be_as_the_record_says(tmp_path: Path) -> None:
    """Tables of another length, or of impossible chunks, are not used."""
    values = clustered(1, count=500, width=32, threshold=31)
    mapped = base(tmp_path, tables_with(values), EAGER)
    meta = read_meta(mapped)
    (shape,) = meta.shapes
    assert shape.chunks is not None

    def changed(bits: tuple[int, ...]) -> Meta:
        assert shape.chunks is not None
        chunks = msgspec.structs.replace(shape.chunks, bits=bits)
        one = msgspec.structs.replace(shape, chunks=chunks)
        return msgspec.structs.replace(meta, shapes=(one,))

    bits = shape.chunks.bits
    for wrong, message in [
        (bits[:-1], "differ from its rows"),
        ((*bits[:-1], bits[-1] - 1), "differ from its rows"),
        (bits[::-1], "impossible chunks"),
        (bits * 9, "impossible chunks"),
        ((), "impossible chunks"),
    ]:
        if wrong != bits:
            with pytest.raises(StoreCorruptError, match=message):
                read_chunks(mapped, changed(wrong))


def test_chunks_that_point_nowhere_are_damage(tmp_path: Path) -> None:
    """Damage that a search meets is an error of this program, and never a match."""
    rng = random.Random(1)  # noqa: S311 - a test needs a repeatable choice
    values = [rng.randbytes(32) for _ in range(MANY)]
    tables = tables_with(values)
    mapped = stored(tmp_path, 1, partial(pointing_nowhere, tables=tables))
    generation = generation_of(mapped)

    with pytest.raises(StoreCorruptError, match="damaged chunks of 'pdq'"):
        ask(generation, values[:3])
    with pytest.raises(StoreCorruptError, match="damaged chunks of 'pdq'"):
        generation.verify_sample(1, 3)


def pointing_nowhere(path: Path, tables: Tables) -> None:
    """Write a base whose chunks name rows that it does not have."""
    write_base(path, tables, secret=SECRET.check_value())
    with (
        lmdb.open(str(path), max_dbs=2, lock=False, map_size=1 << 27) as env,
        env.begin(write=True) as txn,
    ):
        rows = txn.get(b"pdq/any/rows") or b""
        txn.put(b"pdq/any/rows", b"\xff" * len(rows))


def test_sample_of_a_sound_base_is_right(tmp_path: Path) -> None:
    """A check by sample queries every table, and finds no fault."""
    values = clustered(1, count=MANY, width=32, threshold=31)
    generation = generation_of(base(tmp_path, tables_with(values)))
    (report,) = generation.verify_sample(5, 20)

    assert (report.signal_type, report.queries, report.wrong) == ("pdq", 20, 0)
    assert report.found > 0
