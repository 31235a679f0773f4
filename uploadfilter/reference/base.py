"""The columns of a generation in LMDB: one value per column, one key per exact signal.

A column is one value in overflow pages: aligned, contiguous, and used where it lies in
the map. Exact signals are a database of their own, from key to the rows of the entries.
The record ``meta`` says what the rest consists of.

Nothing here is ever changed: a base is written once, by ``write_base``.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TypeVar

import lmdb
import msgspec
import numpy as np
from numpy.typing import NDArray

from uploadfilter.model import Geometry, SignalType
from uploadfilter.reference.layout import FORMAT, AnyVersion, check_version, corrupt
from uploadfilter.reference.mapping import EXACT_NAME, NAMED_DATABASES, Mapped
from uploadfilter.reference.secret import EXACT_KEY_BYTES
from uploadfilter.reference.sets import SetInfo
from uploadfilter.reference.tables import (
    EntryTable,
    ExactTable,
    PerceptualTable,
    Tables,
)

META_NAME = b"meta"
_ROW = np.dtype("<u4")
_LANE_BYTES = 8

_KEY_ROOM = 160
"""Bytes of map reserved for an exact signal; sorted ones take 50."""

_PAGE_ROOM = 1 << 24
"""Bytes of map reserved for everything else that LMDB keeps; the file is no larger for
it, because a map is reserved and not filled."""

_Item = TypeVar("_Item", bound=np.generic)
_Arrays = dict[str, NDArray[np.generic]]


class _ShapeMeta(msgspec.Struct, frozen=True, kw_only=True):
    type: SignalType
    geometry: Geometry | None

    @property
    def prefix(self) -> str:
        return f"{self.type.value}/{self.geometry.value if self.geometry else 'any'}"


class Meta(msgspec.Struct, frozen=True, kw_only=True):
    """What a base says of itself.

    Attributes:
        format: ``layout.FORMAT``.
        secret: ``Secret.check_value`` of the secret that keyed the exact signals.
        sets: The hash sets.
        categories: ``Tables.categories``.
        windows: ``Tables.windows``.
        shapes: Of which shapes there are perceptual signals.
        pairs: Number of exact signals, each entry's counted.
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


def _columns(tables: Tables) -> _Arrays:
    """Return every column by name."""
    entries = tables.entries
    columns: _Arrays = {
        "entries/ids": entries.ids,
        "entries/id_ends": entries.id_ends,
        "entries/sets": entries.sets,
        "entries/categories": entries.categories,
        "entries/exact_only": entries.exact_only,
    }
    for (signal_type, geometry), table in tables.perceptual.items():
        prefix = _ShapeMeta(type=signal_type, geometry=geometry).prefix
        for at, lane in enumerate(table.lanes):
            columns[f"{prefix}/lane{at}"] = lane
        columns[f"{prefix}/entries"] = table.entries
        columns[f"{prefix}/quality"] = table.quality
        columns[f"{prefix}/windows"] = table.windows
    return columns


def write_base(
    path: Path,
    tables: Tables,
    *,
    secret: str,
    records: Mapping[bytes, bytes] = MappingProxyType({}),
) -> None:
    """Write a base into a new directory.

    Args:
        path: An empty directory.
        tables: What it will hold.
        secret: ``Secret.check_value``.
        records: What else it will hold, by name: an overlay has more to say.

    Raises:
        lmdb.Error: It could not be written, for example because the disk is full.
    """
    columns = _columns(tables)
    meta = Meta(
        format=FORMAT,
        secret=secret,
        sets=tables.sets,
        categories=tables.categories,
        windows=tables.windows,
        shapes=tuple(_ShapeMeta(type=t, geometry=g) for t, g in tables.perceptual),
        pairs=len(tables.exact),
        columns={
            name: (column.dtype.str, len(column)) for name, column in columns.items()
        },
    )
    values: dict[bytes, bytes | memoryview] = {
        name.encode(): np.ascontiguousarray(column).data if len(column) else b""
        for name, column in columns.items()
    }
    values |= {META_NAME: msgspec.json.encode(meta), **records}
    room = sum(column.nbytes for column in columns.values())
    room += sum(map(len, records.values()))
    room += _KEY_ROOM * len(tables.exact) + len(values[META_NAME])
    _write(path, values, tables.exact, room=room)


def _write(
    path: Path,
    values: Mapping[bytes, bytes | memoryview],
    exact: ExactTable,
    *,
    room: int,
) -> None:
    with lmdb.open(
        str(path),
        map_size=2 * room + _PAGE_ROOM,
        max_dbs=NAMED_DATABASES,
        lock=False,
        mode=0o600,
    ) as env:
        named = env.open_db(EXACT_NAME)
        with env.begin(write=True) as txn:
            for name, value in values.items():
                txn.put(name, value)
            cursor = txn.cursor(db=named)
            cursor.putmulti(_stored_pairs(exact), append=True)
        env.sync(True)


def _stored_pairs(exact: ExactTable) -> Iterator[tuple[bytes, bytes]]:
    """Yield each key with the rows of its entries, in the order of the keys."""
    if not len(exact):
        return
    is_first = np.ones(len(exact), np.bool_)
    is_first[1:] = (exact.high[1:] != exact.high[:-1]) | (
        exact.low[1:] != exact.low[:-1]
    )
    starts = np.flatnonzero(is_first)
    words = np.stack([exact.high.take(starts), exact.low.take(starts)], axis=1)
    keys = words.astype(">u8").tobytes()
    rows = exact.entries.astype(_ROW).tobytes()
    ends = [*(starts[1:] * _ROW.itemsize).tolist(), len(rows)]
    start = 0
    for at, end in enumerate(ends):
        key = keys[at * EXACT_KEY_BYTES : (at + 1) * EXACT_KEY_BYTES]
        yield key, rows[start:end]
        start = end


def rows_of(stored: bytes) -> list[int]:
    """Return the rows that are stored under one exact key."""
    rows: list[int] = np.frombuffer(stored, _ROW).tolist()
    return rows


def read_meta(mapped: Mapped) -> Meta:
    """Return what a base, or the part of an overlay that adds entries, says of itself.

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
    """Return the columns of a base, where they lie in the map.

    The exact signals stay in LMDB: ``Tables.exact`` is empty, and
    ``read_exact`` reads them.

    Raises:
        StoreCorruptError: A column is missing or has the wrong length.
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


def vars_of(entries: EntryTable) -> tuple[NDArray[np.generic], ...]:
    """Return the columns of entries that have one item per entry."""
    return (entries.id_ends, entries.sets, entries.categories, entries.exact_only)


class _Reader:
    """Takes columns out of a map, and checks that they are what ``meta`` says."""

    def __init__(self, mapped: Mapped, meta: Meta) -> None:
        self._mapped = mapped
        self._meta = meta

    def column(self, name: str, kind: type[_Item]) -> NDArray[_Item]:
        dtype = np.dtype(kind)
        value = self._mapped.value(name.encode())
        stated = self._meta.columns.get(name)
        if stated is None or stated != (dtype.str, len(value) / dtype.itemsize):
            raise corrupt(self._mapped.path, f"has a damaged column {name!r}")
        if not len(value):
            return np.empty(0, dtype)
        column = np.frombuffer(value, dtype)
        # Values of under half a page lie unaligned between others: those are copied.
        return column if column.flags.aligned else column.copy()

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


def read_exact(mapped: Mapped) -> ExactTable:
    """Read all exact signals of a base into memory."""
    keys, rows, counts = bytearray(), bytearray(), []
    for key, value in mapped.pairs():
        keys += key
        rows += value
        counts.append(len(value) // _ROW.itemsize)
    words = np.frombuffer(bytes(keys), ">u8").astype(np.uint64).reshape(-1, 2)
    words = words.repeat(np.array(counts, np.intp), axis=0)
    return ExactTable(
        high=np.ascontiguousarray(words[:, 0]),
        low=np.ascontiguousarray(words[:, 1]),
        entries=np.frombuffer(bytes(rows), _ROW).astype(np.uint32),
    )
