"""The columns of a generation in LMDB: one value per column, one key per exact signal.

A column is one value in overflow pages: aligned, contiguous, and used in the map
without a copy. Exact signals are a database of their own, from key to the rows of the
entries. The record ``meta`` describes the rest. Large tables of perceptual signals come
with tables of their chunks (``search/chunk_tables.py``), which are columns as well.

Nothing here is ever changed: ``write_base`` writes a base once. LMDB keeps the data of
a transaction in memory until its end, so each column has a transaction of its own.
"""

from array import array
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import TypeVar

import lmdb
import msgspec
import numpy as np
from numpy.typing import NDArray

from uploadfilter.model import Geometry, SignalType
from uploadfilter.reference.entries.secret import EXACT_KEY_BYTES
from uploadfilter.reference.entries.sets import SetInfo
from uploadfilter.reference.entries.tables import (
    EntryTable,
    ExactTable,
    PerceptualTable,
    Rows,
    Shape,
    Tables,
)
from uploadfilter.reference.files.layout import (
    FORMAT,
    AnyVersion,
    check_version,
    corrupt,
)
from uploadfilter.reference.files.mapping import EXACT_NAME, NAMED_DATABASES, Mapped
from uploadfilter.reference.search.chunk_tables import (
    BIT_ORDER_SEED,
    PREFIX,
    ChunkKeys,
    ChunkTables,
    ids_of,
    offsets_of,
    prefixes_of,
)
from uploadfilter.reference.search.index import Lane, lanes_of
from uploadfilter.reference.search.matching import Thresholds
from uploadfilter.reference.search.planning import (
    DEFAULT_COSTS,
    LANE_BITS,
    Costs,
    PlanKind,
    plan_for,
)

META_NAME = b"meta"
_ROW = np.dtype("<u4")
_LANE_BYTES = 8

_KEY_ROOM = 160
"""Bytes of map reserved for an exact signal; sorted ones take 50."""

_PAGE_ROOM = 1 << 24
"""Bytes of map reserved for everything else that LMDB keeps. The file is no larger for
it, because a map is reserved and not filled."""

_PAIRS_AT_A_TIME = 1 << 15
"""Exact signals in one transaction: some 7 MB until its end."""

_Item = TypeVar("_Item", bound=np.generic)


@dataclass(frozen=True, slots=True)
class _Column:
    """A column to be written; its value may be made only at that moment."""

    dtype: np.dtype[np.generic]
    length: int
    make: Callable[[], NDArray[np.generic]]

    @property
    def nbytes(self) -> int:
        return self.length * self.dtype.itemsize

    def value(self) -> memoryview | bytes:
        array = np.ascontiguousarray(self.make())
        return array.view(np.uint8).data if len(array) else b""


_Columns = dict[str, _Column]


class ChunksMeta(msgspec.Struct, frozen=True, kw_only=True):
    """The description of the chunks of one table in a base.

    Attributes:
        threshold: Threshold that they were planned for.
        bits: Bits of each chunk, descending.
    """

    threshold: int
    bits: tuple[int, ...]
    seed: str

    def keys(self, width: int) -> ChunkKeys:
        """Return the object that finds the buckets of a value of ``width`` bits."""
        return ChunkKeys(width, self.bits, self.seed)


class _ShapeMeta(msgspec.Struct, frozen=True, kw_only=True):
    type: SignalType
    geometry: Geometry | None
    chunks: ChunksMeta | None = None

    @property
    def prefix(self) -> str:
        return f"{self.type.value}/{self.geometry.value if self.geometry else 'any'}"


class Meta(msgspec.Struct, frozen=True, kw_only=True):
    """The description of a base, as stored in it.

    Attributes:
        format: ``layout.FORMAT``.
        secret: ``Secret.check_value`` of the secret that keyed the exact signals.
        sets: The hash sets.
        categories: ``Tables.categories``.
        windows: ``Tables.windows``.
        shapes: The shapes (type and geometry) that have perceptual signals.
        pairs: Number of exact signals, counted for each entry that has them.
        columns: Type and length of each column.
    """

    format: int
    secret: str
    sets: tuple[SetInfo, ...]
    categories: tuple[str, ...]
    windows: tuple[str, ...]
    shapes: tuple[_ShapeMeta, ...]
    pairs: int
    columns: Mapping[str, tuple[str, int]]


def _columns(tables: Tables) -> _Columns:
    entries = tables.entries
    arrays: dict[str, NDArray[np.generic]] = {
        "entries/ids": entries.ids,
        "entries/id_ends": entries.id_ends,
        "entries/sets": entries.sets,
        "entries/categories": entries.categories,
        "entries/exact_only": entries.exact_only,
    }
    for (signal_type, geometry), table in tables.perceptual.items():
        prefix = _ShapeMeta(type=signal_type, geometry=geometry).prefix
        for at, lane in enumerate(table.lanes):
            arrays[f"{prefix}/lane{at}"] = lane
        arrays[f"{prefix}/entries"] = table.entries
        arrays[f"{prefix}/quality"] = table.quality
        arrays[f"{prefix}/windows"] = table.windows
    return {
        name: _Column(array.dtype, len(array), partial(np.asarray, array))
        for name, array in arrays.items()
    }


def _planned(
    signal_type: SignalType, table: PerceptualTable, costs: Costs | None
) -> ChunksMeta | None:
    """Return the chunks planned for a table at the usual threshold, if any."""
    if costs is None:
        return None
    threshold = Thresholds().bits(signal_type)
    plan = plan_for(LANE_BITS * len(table.lanes), threshold, len(table), costs)
    if plan.kind is PlanKind.LINEAR:
        return None
    return ChunksMeta(threshold=threshold, bits=plan.bits, seed=BIT_ORDER_SEED)


def _chunk_columns(shape: _ShapeMeta, lanes: tuple[Lane, ...]) -> _Columns:
    """Return the columns of a table's chunks, each made when it is written."""
    if shape.chunks is None:
        return {}
    keys = shape.chunks.keys(LANE_BITS * len(lanes))
    rows = len(lanes[0])
    prefixes = rows if len(lanes) > 1 else 0
    return {
        f"{shape.prefix}/offsets": _Column(
            np.dtype(np.uint32), keys.buckets + 1, partial(offsets_of, lanes, keys)
        ),
        f"{shape.prefix}/rows": _Column(
            np.dtype(np.uint32), len(keys.bits) * rows, partial(ids_of, lanes, keys)
        ),
        f"{shape.prefix}/prefixes": _Column(
            PREFIX, prefixes, partial(prefixes_of, lanes)
        ),
    }


def write_base(
    path: Path,
    tables: Tables,
    *,
    secret: str,
    records: Mapping[bytes, bytes] = MappingProxyType({}),
    costs: Costs | None = DEFAULT_COSTS,
) -> None:
    """Write a base into a new directory.

    Args:
        path: An empty directory.
        tables: The tables that it will hold.
        secret: ``Secret.check_value``.
        records: Further records, by name, for example those of an overlay.
        costs: The costs of the steps of a search; they decide which tables get chunks.
            ``None`` means no table gets any: an overlay does not live long enough.

    Raises:
        lmdb.Error: It could not be written, for example because the disk is full.
    """
    shapes = tuple(
        _ShapeMeta(type=t, geometry=g, chunks=_planned(t, table, costs))
        for (t, g), table in tables.perceptual.items()
    )
    columns = _columns(tables)
    for shape in shapes:
        lanes = tables.perceptual[shape.type, shape.geometry].lanes
        columns |= _chunk_columns(shape, lanes)
    meta = Meta(
        format=FORMAT,
        secret=secret,
        sets=tables.sets,
        categories=tables.categories,
        windows=tables.windows,
        shapes=shapes,
        pairs=len(tables.exact),
        columns={
            name: (column.dtype.str, column.length) for name, column in columns.items()
        },
    )
    records = {META_NAME: msgspec.json.encode(meta), **records}
    room = sum(column.nbytes for column in columns.values())
    room += sum(map(len, records.values()))
    with lmdb.open(
        str(path),
        map_size=2 * (room + _KEY_ROOM * len(tables.exact)) + _PAGE_ROOM,
        max_dbs=NAMED_DATABASES,
        lock=False,
        mode=0o600,
        # Synced once, at the end: until then no other process knows of the directory.
        sync=False,
    ) as env:
        _write(env, columns, records, tables.exact)
        env.sync(True)


def _write(
    env: lmdb.Environment,
    columns: Mapping[str, _Column],
    records: Mapping[bytes, bytes],
    exact: ExactTable,
) -> None:
    named = env.open_db(EXACT_NAME)
    for name, column in columns.items():
        with env.begin(write=True) as txn:
            txn.put(name.encode(), column.value())
    for pairs in _stored_pairs(exact):
        with env.begin(write=True) as txn:
            txn.cursor(db=named).putmulti(pairs, append=True)
    with env.begin(write=True) as txn:
        for record, value in records.items():
            txn.put(record, value)


def _stored_pairs(exact: ExactTable) -> Iterator[list[tuple[bytes, bytes]]]:
    """Yield batches of keys in their order, each key with the rows of its entries."""
    at = 0
    while at < len(exact):
        end = _end_of_key(exact, min(at + _PAIRS_AT_A_TIME, len(exact)))
        yield _lot_of_pairs(exact, at, end)
        at = end


def _end_of_key(exact: ExactTable, end: int) -> int:
    """Return the end of the rows whose key is that of row ``end - 1``."""
    while end < len(exact):
        part = slice(end, end + _PAIRS_AT_A_TIME)
        is_same = exact.high[part] == exact.high[end - 1]
        is_same &= exact.low[part] == exact.low[end - 1]
        if not is_same.all():
            return end + int(is_same.argmin())
        end += len(is_same)
    return end


def _lot_of_pairs(exact: ExactTable, at: int, end: int) -> list[tuple[bytes, bytes]]:
    high, low = exact.high[at:end], exact.low[at:end]
    is_first = np.ones(end - at, np.bool_)
    is_first[1:] = (high[1:] != high[:-1]) | (low[1:] != low[:-1])
    starts = np.flatnonzero(is_first)
    words = np.stack([high.take(starts), low.take(starts)], axis=1)
    keys = words.astype(">u8").tobytes()
    rows = exact.entries[at:end].astype(_ROW).tobytes()
    bounds = [*(starts * _ROW.itemsize).tolist(), len(rows)]
    return [
        (
            keys[at * EXACT_KEY_BYTES : (at + 1) * EXACT_KEY_BYTES],
            rows[bounds[at] : bounds[at + 1]],
        )
        for at in range(len(starts))
    ]


def rows_of(stored: bytes) -> list[int]:
    """Return the rows that are stored under one exact key."""
    rows: list[int] = np.frombuffer(stored, _ROW).tolist()
    return rows


def read_meta(mapped: Mapped) -> Meta:
    """Return the description of a base, or of the added entries of an overlay.

    Raises:
        StoreVersionError: A newer version wrote it.
        StoreCorruptError: It is damaged.
    """
    return decoded(mapped, META_NAME, Meta)


_Record = TypeVar("_Record")


def decoded(mapped: Mapped, name: bytes, kind: type[_Record]) -> _Record:
    """Return a record in JSON that states its format.

    Raises:
        StoreVersionError: A newer version wrote it.
        StoreCorruptError: It is damaged.
    """
    data = bytes(mapped.value(name))
    try:
        version = msgspec.json.decode(data, type=AnyVersion).format
        check_version(version, mapped.path)
        return msgspec.json.decode(data, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, ValueError) as exc:
        raise corrupt(mapped.path, f"has a damaged record {name.decode()!r}") from exc


def read_tables(mapped: Mapped, meta: Meta) -> Tables:
    """Return the columns of a base as views of the map.

    The exact signals stay in LMDB: ``Tables.exact`` is empty, and
    ``read_exact`` reads them.
    """
    read = _Reader(mapped, meta)
    ids = read.column("entries/ids", np.uint8)
    entries = EntryTable(
        ids=ids,
        id_ends=read.column("entries/id_ends", np.uint64),
        sets=read.column("entries/sets", np.uint16),
        categories=read.column("entries/categories", np.uint16),
        exact_only=read.column("entries/exact_only", np.uint8),
    )
    read.same_length("entries", *vars_of(entries))
    return Tables(
        sets=meta.sets,
        categories=meta.categories,
        windows=meta.windows,
        entries=entries,
        perceptual={(s.type, s.geometry): read.perceptual(s) for s in meta.shapes},
        exact=ExactTable(
            high=np.empty(0, np.uint64),
            low=np.empty(0, np.uint64),
            entries=np.empty(0, np.uint32),
        ),
    )


def read_chunks(mapped: Mapped, meta: Meta) -> dict[Shape, ChunkTables]:
    """Return the tables of chunks as views of the map, for each shape that has them."""
    read = _Reader(mapped, meta)
    return {
        (shape.type, shape.geometry): read.chunks(shape, shape.chunks)
        for shape in meta.shapes
        if shape.chunks is not None
    }


def vars_of(entries: EntryTable) -> tuple[NDArray[np.generic], ...]:
    """Return the columns of entries that have one item per entry."""
    return (entries.id_ends, entries.sets, entries.categories, entries.exact_only)


class _Reader:
    """Takes columns out of a map, and checks that ``meta`` describes them correctly."""

    def __init__(self, mapped: Mapped, meta: Meta) -> None:
        self._mapped = mapped
        self._meta = meta

    def column(self, name: str, kind: type[_Item]) -> NDArray[_Item]:
        return self.array(name, np.dtype(kind))

    def array(self, name: str, dtype: np.dtype[_Item]) -> NDArray[_Item]:
        value = self._mapped.value(name.encode())
        stated = self._meta.columns.get(name)
        if stated is None or stated != (dtype.str, len(value) / dtype.itemsize):
            raise corrupt(self._mapped.path, f"has a damaged column {name!r}")
        if not len(value):
            return np.empty(0, dtype)
        column = np.frombuffer(value, dtype)
        # A value of under half a page lies unaligned between others, and is copied.
        return column if column.flags.aligned else column.copy()

    def chunks(self, shape: _ShapeMeta, chunks: ChunksMeta) -> ChunkTables:
        prefix, path = shape.prefix, self._mapped.path
        rows = self._meta.columns.get(f"{prefix}/entries", ("", 0))[1]
        width = 8 * shape.type.width_bytes
        tables = ChunkTables(
            bits=chunks.bits,
            seed=chunks.seed,
            offsets=self.column(f"{prefix}/offsets", np.uint32),
            ids=self.column(f"{prefix}/rows", np.uint32),
            prefixes=self.array(f"{prefix}/prefixes", PREFIX),
        )
        try:
            buckets = chunks.keys(width).buckets
        except ValueError as exc:
            raise corrupt(path, f"has impossible chunks of {prefix!r}") from exc
        lengths = (len(tables.offsets), len(tables.ids), len(tables.prefixes))
        if lengths != (
            buckets + 1,
            rows * len(chunks.bits),
            rows if width > LANE_BITS else 0,
        ):
            raise corrupt(path, f"has chunks of {prefix!r} that differ from its rows")
        return tables

    def same_length(self, what: str, *columns: NDArray[np.generic]) -> None:
        if len({len(column) for column in columns}) != 1:
            raise corrupt(self._mapped.path, f"has columns of {what!r} that differ")

    def perceptual(self, shape: _ShapeMeta) -> PerceptualTable:
        prefix = shape.prefix
        lanes = tuple(
            self.column(f"{prefix}/lane{at}", np.uint64)
            for at in range(shape.type.width_bytes // _LANE_BYTES)
        )
        table = PerceptualTable(
            lanes=lanes,
            entries=self.column(f"{prefix}/entries", np.uint32),
            quality=self.column(f"{prefix}/quality", np.uint8),
            windows=self.column(f"{prefix}/windows", np.uint16),
        )
        self.same_length(prefix, *lanes, table.entries, table.quality, table.windows)
        return table


def exact_rows(mapped: Mapped) -> Iterator[Rows]:
    """Yield the entries of the exact signals of a base, some thousand at a time."""
    rows = bytearray()
    for _, value in mapped.pairs():
        rows += value
        if len(rows) >= _PAIRS_AT_A_TIME * _ROW.itemsize:
            yield np.frombuffer(rows, _ROW).astype(np.uint32)
            rows = bytearray()
    yield np.frombuffer(bytes(rows), _ROW).astype(np.uint32)


def read_exact(mapped: Mapped) -> ExactTable:
    """Read all exact signals of a base into memory."""
    keys, rows = bytearray(), bytearray()
    counts = array("I")
    for key, value in mapped.pairs():
        keys += key
        rows += value
        counts.append(len(value) // _ROW.itemsize)
    high, low = lanes_of(keys, EXACT_KEY_BYTES)
    del keys
    times = np.frombuffer(counts, np.uint32)
    if len(rows) > len(counts) * _ROW.itemsize:
        high, low = high.repeat(times), low.repeat(times)
    return ExactTable(
        high=high, low=low, entries=np.frombuffer(rows, _ROW).astype(np.uint32)
    )
