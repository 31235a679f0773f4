"""Read the tables of colour profiles as Skia does: from samples to screen colours.

A table has up to four steps: a curve for each sample, a grid of colours with
interpolation, three curves with a matrix, three more curves.

Source:
    ICC.1:2022, 10.10 ``lut16Type``, 10.11 ``lut8Type`` and 10.12 ``lutAToBType``; where
    it leaves a choice, Skia, with which Chromium converts.
"""

import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from uploadfilter.pictures.colours.icccurves import (
    BadProfileError,
    Curve,
    CurveTable,
    Floats,
    read_curve,
)

_MOST_INPUTS: Final = 4
_OUTPUTS: Final = 3
_TABLE_ENTRIES: Final = range(2, 4097)
_BYTE_ENTRIES: Final = 256
_LARGEST: Final = {1: 255, 2: 65_535}
"""The value that means 1, by the number of bytes of a value."""

_KINDS: Final = {1: ">u1", 2: ">u2"}
_FIXED_16: Final = 65_536
_XYZ_FACTOR: Final = 65_535 / 32_768
"""The value of 1 in the matrix of a table, if colours are XYZ."""

_HEAD = struct.Struct(">8xBB2x5I")
_GRID_HEAD_BYTES: Final = 20
_MFT_HEAD_BYTES: Final = 48


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """Colours at equal steps of every sample.

    Attributes:
        sides: Number of steps of each sample.
        values: Three for each place; the last sample changes fastest.
        largest: The value that means 1.
    """

    sides: tuple[int, ...]
    values: NDArray[np.uint16] | NDArray[np.uint8]
    largest: int

    def colours(self, samples: Sequence[Floats]) -> Floats:
        """Return the colours of samples, with a row for each."""
        places = np.zeros(len(samples[0]), np.intp)
        steps, shares = [], []
        stride = len(self.values)
        for side, sample in zip(self.sides, samples, strict=True):
            stride //= side
            place = np.clip(sample, 0, 1).astype(np.float32) * np.float32(side - 1)
            low = np.minimum(place.astype(np.intp), side - 2)
            places += low * stride
            steps.append(stride)
            shares.append(place - low.astype(np.float32))
        found = self._between(places, steps, shares)
        return found.astype(np.float64) / self.largest

    def _between(
        self,
        places: NDArray[np.intp],
        steps: Sequence[int],
        shares: Sequence[NDArray[np.float32]],
    ) -> NDArray[np.float32]:
        """Interpolate colours between places and their neighbours in each direction.

        Args:
            places: The place below each colour.
            steps: Distance to the next place, by sample.
            shares: Position of each colour between the two places, by sample.
        """
        if not steps:
            return np.take(self.values, places, axis=0, mode="clip").astype(np.float32)
        low = self._between(places, steps[1:], shares[1:])
        high = self._between(places + steps[0], steps[1:], shares[1:])
        high -= low
        high *= shares[0][:, None]
        low += high
        return low


@dataclass(frozen=True, slots=True, kw_only=True)
class ColourTable:
    """A table from samples to colours of the profile connection space.

    Attributes:
        inputs: Number of samples.
        curves: One for each sample, if there is a grid.
        grid: The grid, if there is one.
        matrix_curves: Three curves before the matrix, if there is one.
        matrix: Three rows of four numbers.
        outputs: The last three curves.
    """

    inputs: int
    curves: tuple[Curve, ...] = ()
    grid: Grid | None = None
    matrix_curves: tuple[Curve, ...] = ()
    matrix: Floats | None = None
    outputs: tuple[Curve, ...] = ()

    def lights(self) -> list[Floats]:
        """Return the input of the grid for each of 256 values of each sample."""
        ramp = np.arange(256) / 255
        if self.grid is None:
            return [ramp] * self.inputs
        return [np.clip(curve.light(ramp), 0, 1) for curve in self.curves]

    def connected(self, samples: Sequence[Floats]) -> Floats:
        """Return the colours of samples after ``lights``, with a row for each."""
        if self.grid is not None:
            colours = self.grid.colours(samples)
        else:
            colours = np.stack(samples, axis=1)
        if self.matrix is not None:
            curved = _curved(self.matrix_curves, colours)
            colours = curved @ self.matrix[:, :3].T + self.matrix[:, 3]
        return _curved(self.outputs, colours)


def _curved(curves: Sequence[Curve], colours: Floats) -> Floats:
    columns = [
        curve.light(column) for curve, column in zip(curves, colours.T, strict=True)
    ]
    return np.stack(columns, axis=1)


def read_table(tag: memoryview, *, is_xyz: bool) -> ColourTable:
    """Read a table.

    Args:
        tag: Its bytes.
        is_xyz: Whether the connection space is XYZ and not Lab.

    Raises:
        BadProfileError: It is not a table, or is cut off.
    """
    kind = bytes(tag[:4])
    if kind == b"mAB " and len(tag) >= _HEAD.size:
        return _read_steps(tag, is_xyz=is_xyz)
    if kind in {b"mft1", b"mft2"} and len(tag) >= _MFT_HEAD_BYTES:
        return _read_old(tag, 2 if kind == b"mft2" else 1)
    raise BadProfileError("no table")


def _read_old(tag: memoryview, length: int) -> ColourTable:
    """Read a table of version 2, with values of one byte or two."""
    inputs, outputs, side = tag[8], tag[9], tag[10]
    _check(inputs, outputs)
    at = _MFT_HEAD_BYTES
    counts = (_BYTE_ENTRIES, _BYTE_ENTRIES)
    if length > 1:
        counts = struct.unpack_from(">HH", bytes(tag[at : at + 4]).ljust(4, b"\0"))
        at += 4
        if not all(count in _TABLE_ENTRIES for count in counts):
            raise BadProfileError("curves of too many values")
    before, at = _tables(tag, at, inputs, counts[0], length)
    grid, at = _grid(tag, at, (side,) * inputs, length)
    after, at = _tables(tag, at, _OUTPUTS, counts[1], length)
    return ColourTable(inputs=inputs, curves=before, grid=grid, outputs=after)


def _check(inputs: int, outputs: int) -> None:
    if not 1 <= inputs <= _MOST_INPUTS or outputs != _OUTPUTS:
        raise BadProfileError("a table of other colours")


def _tables(
    tag: memoryview, at: int, count: int, entries: int, length: int
) -> tuple[tuple[CurveTable, ...], int]:
    """Return curves that follow each other, and the offset after them."""
    values = _values(tag, at, count * entries, length).reshape(count, entries)
    curves = tuple(CurveTable(values=row, largest=_LARGEST[length]) for row in values)
    return curves, at + count * entries * length


def _grid(
    tag: memoryview, at: int, sides: tuple[int, ...], length: int
) -> tuple[Grid, int]:
    """Return a grid, and the offset after it."""
    if min(sides) < 2:  # noqa: PLR2004 -- one place has no interval
        raise BadProfileError("a grid without room")
    count = math.prod(sides) * _OUTPUTS
    values = _values(tag, at, count, length).reshape(-1, _OUTPUTS)
    grid = Grid(sides=sides, values=values, largest=_LARGEST[length])
    return grid, at + count * length


def _values(
    tag: memoryview, at: int, count: int, length: int
) -> NDArray[np.uint16] | NDArray[np.uint8]:
    if len(tag) < at + count * length:
        raise BadProfileError("a table that is cut off")
    return np.frombuffer(tag, _KINDS[length], count, at)


def _read_steps(tag: memoryview, *, is_xyz: bool) -> ColourTable:
    """Read a table of version 4, which has an offset for each step."""
    inputs, outputs, *places = _HEAD.unpack_from(tag)
    _check(inputs, outputs)
    last, matrix_at, middle, grid_at, first = places
    if not last or bool(middle) != bool(matrix_at) or bool(first) != bool(grid_at):
        raise BadProfileError("a table without a step")
    if not first and inputs != outputs:
        raise BadProfileError("a table without a grid")
    curves: tuple[Curve, ...] = ()
    grid = matrix = None
    if first:
        curves = _curves(tag, first, inputs)
        grid = _grid_of_steps(tag, grid_at, inputs)
    matrix_curves: tuple[Curve, ...] = ()
    if middle:
        matrix_curves = _curves(tag, middle, _OUTPUTS)
        matrix = _matrix(tag, matrix_at) * (_XYZ_FACTOR if is_xyz else 1.0)
    return ColourTable(
        inputs=inputs,
        curves=curves,
        grid=grid,
        matrix_curves=matrix_curves,
        matrix=matrix,
        outputs=_curves(tag, last, _OUTPUTS),
    )


def _grid_of_steps(tag: memoryview, at: int, inputs: int) -> Grid:
    head = bytes(tag[at : at + _GRID_HEAD_BYTES])
    if len(head) < _GRID_HEAD_BYTES or head[16] not in _KINDS:
        raise BadProfileError("no grid")
    return _grid(tag, at + _GRID_HEAD_BYTES, tuple(head[:inputs]), head[16])[0]


def _curves(tag: memoryview, at: int, count: int) -> tuple[Curve, ...]:
    """Read curves that follow each other, each at a multiple of four bytes."""
    curves: list[Curve] = []
    for _ in range(count):
        curve, length = read_curve(tag[at:])
        curves.append(curve)
        at += -(-length // 4) * 4
    return tuple(curves)


def _matrix(tag: memoryview, at: int) -> Floats:
    body = tag[at : at + 48]
    if len(body) < 48:  # noqa: PLR2004 -- twelve numbers
        raise BadProfileError("a matrix that is cut off")
    numbers = np.frombuffer(body, ">i4").astype(np.float64) / _FIXED_16
    return np.column_stack((numbers[:9].reshape(3, 3), numbers[9:]))
