"""Columns that grow while entries are collected, in memory or in files.

An import of ten million entries has columns of a gigabyte before it can sort them. So
``reference/entries/collecting.py`` hands on the rows it has collected, piece by piece,
and reads them there. This module is pure; ``reference/files/aside.py`` keeps columns in
files.
"""

from array import array
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from uploadfilter.reference.search.index import Lane, lanes_of

_ROWS_AT_A_TIME = 1 << 18
"""Rows that are converted to another column at a time: some megabytes."""

_Item = TypeVar("_Item", bound=np.generic)


class GrowingColumn(Protocol):
    """A column that grows at its end."""

    def write(self, data: Any, /) -> None:  # noqa: ANN401 - any buffer
        """Add the bytes of a buffer."""

    def view(self) -> memoryview:
        """Return all bytes; nothing may be written afterwards."""


Keep: TypeAlias = Callable[[], GrowingColumn]
"""Makes an empty column."""


class InMemory:
    """A column in memory: the simple way, used for small sets."""

    def __init__(self) -> None:
        self._bytes = bytearray()

    def write(self, data: Any, /) -> None:  # noqa: ANN401 - any buffer
        """Add the bytes of a buffer."""
        self._bytes += memoryview(data).cast("B")

    def view(self) -> memoryview:
        """Return all bytes."""
        return memoryview(self._bytes)


@dataclass(slots=True)
class EntryColumns:
    """Entries and exact signals that are held in memory."""

    ids: bytearray = field(default_factory=bytearray)
    id_ends: "array[int]" = field(default_factory=lambda: array("Q"))
    id_hashes: "array[int]" = field(default_factory=lambda: array("q"))
    categories: "array[int]" = field(default_factory=lambda: array("H"))
    exact_only: bytearray = field(default_factory=bytearray)
    keys: bytearray = field(default_factory=bytearray)
    key_entries: "array[int]" = field(default_factory=lambda: array("I"))
    key_types: bytearray = field(default_factory=bytearray)


@dataclass(slots=True)
class SignalColumns:
    """Perceptual signals of one shape that are held in memory."""

    values: bytearray = field(default_factory=bytearray)
    entries: "array[int]" = field(default_factory=lambda: array("I"))
    quality: bytearray = field(default_factory=bytearray)
    windows: "array[int]" = field(default_factory=lambda: array("H"))


_Columns = TypeVar("_Columns", EntryColumns, SignalColumns)


class Growing(Generic[_Columns]):
    """Columns whose rows have been handed on, except for the last ones.

    Attributes:
        now: The rows that are held in memory.
    """

    def __init__(self, columns: _Columns, keep: Keep) -> None:
        self.now: _Columns = columns
        self._keep = keep
        self._kept: dict[str, GrowingColumn] = {}

    def let_go(self) -> None:
        """Hand on the rows that are held in memory."""
        for name in self.now.__slots__:
            column = getattr(self.now, name)
            if name not in self._kept:
                self._kept[name] = self._keep()
            self._kept[name].write(column)
            del column[:]

    def take(self, name: str) -> GrowingColumn:
        """Return a whole column, which is empty here from then on."""
        kept = self._kept.pop(name, None) or InMemory()
        kept.write(getattr(self.now, name))
        setattr(self.now, name, bytearray())
        return kept


def column_of(kept: GrowingColumn, kind: type[_Item]) -> NDArray[_Item]:
    """Return a column as an array, without a copy."""
    view = kept.view()
    return np.frombuffer(view, kind) if len(view) else np.empty(0, kind)


def lanes_kept(values: GrowingColumn, width: int, keep: Keep) -> tuple[Lane, ...]:
    """Return the ``lanes_of`` values; each lane is kept as a column."""
    view, lanes = values.view(), [keep() for _ in range(width // 8)]
    step = _ROWS_AT_A_TIME * width
    for start in range(0, len(view), step):
        part = lanes_of(bytes(view[start : start + step]), width)
        for lane, items in zip(lanes, part, strict=True):
            lane.write(items)
    return tuple(column_of(lane, np.uint64) for lane in lanes)
