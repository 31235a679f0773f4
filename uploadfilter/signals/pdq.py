"""Compute PDQ: 256 bits, in three geometries and eight variants, and its quality.

PDQ shrinks luma to 64 x 64 with box filters, takes a 16 x 16 block of its DCT and
compares it with its median. All steps before the median are linear, so the operators of
``operators.py`` do them.

The *geometry* tells how a tool shrank the picture before: sets are made with different
tools, whose signals of the same picture differ by up to 70 bits. All three are computed
from one decode, which costs a third of a millisecond.

Its windows of even size are not symmetric, nor is its decimation: for a picture 300
pixels high, the signal of the *turned* picture differs by a median of 24 bits from the
block with flipped signs (``dihedral.py``, and ``pdqhash.compute_dihedral``). So in full
geometry the picture is shrunk in both directions of each axis, which makes all eight
variants exact. In the other geometries, which are only for larger pictures, the error
is 5 bits.

Source:
    ThreatExchange, ``hashing.pdf`` and pdq/cpp; bits and hexadecimal order as there.
"""

import math
from collections.abc import Callable
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from uploadfilter.model import (
    QUALITY_FLOOR,
    VARIANTS,
    Geometry,
    SignalRow,
    SignalType,
    Variant,
)
from uploadfilter.pictures.picture import Blend, Floats, Picture, Shape, Shrunk
from uploadfilter.signals import operators
from uploadfilter.signals.dihedral import variants
from uploadfilter.signals.operators import (
    MIN_SIDE,
    PLANE_SIDE,
    SHRUNK_SIDE,
    Axis,
    Reals,
)

_BLOCK_SIDE = 16
_BITS = _BLOCK_SIDE * _BLOCK_SIDE

_QUALITY_DIVISOR = 90
"""Heuristic of the reference: this many quantised grey steps make one point of quality.
"""

_FREQUENCIES = np.arange(1, _BLOCK_SIDE + 1)
_PHASES = 2 * np.arange(PLANE_SIDE) + 1
_DCT: Floats = (
    np.sqrt(2 / PLANE_SIDE)
    * np.cos(np.pi / (2 * PLANE_SIDE) * np.outer(_FREQUENCIES, _PHASES))
).astype(np.float32)
"""Rows 1 to 16 of the orthonormal DCT-II of length 64, without the mean."""

_HEIGHT, _WIDTH = 0, 1
"""Numbers of the axes of a shape."""

_CACHED_SIZES = 256
"""Sizes of thumbnails that are kept; each has a few dozen bytes."""

_GEOMETRIES = tuple(Geometry)
"""The order in which signals are returned; full geometry comes first."""

_MIRRORED = {
    Variant.MIRROR: (False, True),
    Variant.FLIP: (True, False),
    Variant.R180: (True, True),
}
"""The variants that are shrunk separately, and whether the vertical and the horizontal
axis are read backwards. The other four are their transposes, which is exact."""

_BACKWARDS = {False: slice(None), True: slice(None, None, -1)}
"""The slice of an axis, by whether it is read backwards."""


class PDQ:
    """The signal type of ThreatExchange, NCMEC and StopNCII."""

    type = SignalType.PDQ
    is_linear = True

    def columns(self, shape: Shape) -> tuple[Axis, ...]:
        """Return one column operator, of all geometries and directions."""
        return (_axis(shape, _WIDTH),)

    def shrink(self, picture: Picture | Blend, projected: list[Floats]) -> Shrunk:
        """Return the 64 x 64 luma planes of the geometries, and of mirrored pictures.

        Returns:
            Shape (6, 64, 64): in the order of ``Geometry``, then in full geometry the
            variants of ``_MIRRORED``. A plane is zero if the picture was less than 5
            pixels wide or high. Shape (4, 64, 64) if no tool shrinks the picture, so
            that all geometries equal the full one.
        """
        shape = picture.shape
        small = operators.project_rows(projected[0], _axis(shape, _HEIGHT))
        groups = operators.PDQ_GROUPS
        ways = len(small) // PLANE_SIDE
        parts = small.reshape(2 * (groups, ways, PLANE_SIDE // groups))
        geometries = _GEOMETRIES if _is_shrunk(shape) else _GEOMETRIES[:1]
        planes = np.zeros(
            (len(geometries) + len(_MIRRORED), PLANE_SIDE, PLANE_SIDE), np.float32
        )
        # A view of the planes in the groups of the operators, which fills them.
        width = PLANE_SIDE // groups
        grouped = planes.reshape(-1, groups, width, groups, width)
        for index, geometry in enumerate(geometries):
            if min(_size_in(shape, geometry)) >= MIN_SIDE:
                grouped[index] = parts[:, index, :, :, index, :]
        if min(shape.height, shape.width) >= MIN_SIDE:
            mirrored = grouped[len(geometries) :]
            for plane, (down, across) in zip(mirrored, _MIRRORED.values(), strict=True):
                rows, columns = _BACKWARDS[down], _BACKWARDS[across]
                plane[rows, rows, columns, columns] = parts[:, -down, :, :, -across, :]
        return planes

    def rows(self, shrunk: Shrunk) -> tuple[SignalRow, ...]:
        """Return 24 signals of the planes: a row of eight for each geometry."""
        return tuple(
            [
                SignalRow(type=SignalType.PDQ, values=values, geometry=geometry)
                for geometry, values in zip(_GEOMETRIES, _values(shrunk), strict=True)
            ]
        )


def quality(plane: bytes) -> int:
    """Return PDQ's quality of a view: the amount of detail in it.

    Args:
        plane: ``View.plane``: 64 x 64 float32 in native byte order.

    Returns:
        0 (flat) to 100; below 50 the signal should not be matched.

    Raises:
        ValueError: ``plane`` has another length.

    Source:
        ThreatExchange, pdqhashing.cpp: ``pdqImageDomainQualityMetric``.
    """
    luma = np.frombuffer(plane, np.float32).reshape(1, PLANE_SIDE, PLANE_SIDE)
    return int(qualities_of(luma)[0])


def plane_of(picture: Picture | Blend) -> Floats:
    """Return the plane of 64 x 64 in full geometry, from which PDQ is computed."""
    if isinstance(picture, Blend):
        return picture.of_floats(plane_of(picture.one), plane_of(picture.other))
    known = picture.known.get(SignalType.PDQ)
    if known is not None:
        plane: Floats = known.shrunk[0]
        return plane
    columns = _PDQ.columns(picture.shape)
    projected = operators.project_columns(picture.plane, list(columns))
    planes: Floats = _PDQ.shrink(picture, projected)
    upright: Floats = planes[0]
    return upright


def bits_of(planes: Floats) -> NDArray[np.bool_]:
    """Return the 256 bits of each plane, in a fixed order."""
    flat = (_DCT @ planes @ _DCT.T).reshape(len(planes), _BITS)
    median = np.partition(flat, _BITS // 2 - 1, axis=1)[:, _BITS // 2 - 1 : _BITS // 2]
    bits: NDArray[np.bool_] = flat > median
    return bits


def qualities_of(planes: Floats) -> NDArray[np.int64]:
    """Return PDQ's quality of each plane; see ``quality``."""
    steps = _steps_of(planes[:, 1:] - planes[:, :-1])
    steps += _steps_of(planes[:, :, 1:] - planes[:, :, :-1])
    qualities: NDArray[np.int64] = np.minimum(steps // _QUALITY_DIVISOR, 100)
    return qualities


def may_have_quality(planes: Floats) -> bool:
    """Return whether any blend of some planes may have a quality that matches."""
    steps = sum(
        np.abs(np.diff(planes, axis=axis)).sum(axis=(1, 2)).max() for axis in (1, 2)
    )
    return bool(steps * 100 / 255 >= QUALITY_FLOOR * _QUALITY_DIVISOR - 1)


def _steps_of(differences: Floats) -> NDArray[np.int64]:
    """Return the sum of grey differences of each plane, in whole per cent of the range.

    The differences are overwritten.
    """
    differences *= np.float32(100)
    differences /= np.float32(255)
    np.abs(np.trunc(differences, out=differences), out=differences)
    sums: NDArray[np.int64] = differences.sum(axis=(1, 2)).astype(np.int64)
    return sums


def _axis(shape: Shape, number: int) -> Axis:
    length = (shape.height, shape.width)[number]
    thumbnail = 0
    if _is_shrunk(shape):
        thumbnail = thumbnail_size(shape.height, shape.width)[number]
    return operators.pdq_axis(length, thumbnail, shape.scale)


def _is_shrunk(shape: Shape) -> bool:
    return max(shape.height, shape.width) > SHRUNK_SIDE


def _size_in(shape: Shape, geometry: Geometry) -> tuple[int, int]:
    if geometry is Geometry.FULL or not _is_shrunk(shape):
        return shape.height, shape.width
    if geometry is Geometry.SQUASH512:
        return SHRUNK_SIDE, SHRUNK_SIDE
    return thumbnail_size(shape.height, shape.width)


@lru_cache(_CACHED_SIZES)
def thumbnail_size(height: int, width: int) -> tuple[int, int]:
    """Return the rows and columns of a larger picture's ``thumbnail((512, 512))``.

    The longer side becomes 512; the shorter side becomes the integer that keeps the
    aspect ratio best, as in Pillow.
    """
    aspect = width / height
    if aspect <= 1:
        return SHRUNK_SIDE, _best_side(
            SHRUNK_SIDE * aspect, lambda side: abs(aspect - side / SHRUNK_SIDE)
        )
    return (
        _best_side(
            SHRUNK_SIDE / aspect,
            lambda side: abs(aspect - SHRUNK_SIDE / side) if side else 0,
        ),
        SHRUNK_SIDE,
    )


def _best_side(exact: float, error: Callable[[int], float]) -> int:
    return max(min(math.floor(exact), math.ceil(exact), key=error), 1)


def _values(planes: Reals) -> list[bytes]:
    """Return the values of the planes of ``PDQ.shrink``, by geometry, then by variant.

    A bit is set where the coefficient is greater than the lower median of the 256; bit
    0 is the lowest frequency and, in the published order, the last bit of the value.
    """
    blocks = _DCT @ planes @ _DCT.T
    geometries = len(planes) - len(_MIRRORED)
    full, *others = blocks[:geometries]
    exact = _exact_variants(full, *blocks[geometries:])
    turned = [variants(block, first_frequency=1) for block in others]
    flat = np.concatenate((exact, *turned)).reshape(-1, _BITS)
    median = np.partition(flat, _BITS // 2 - 1, axis=1)[:, _BITS // 2 - 1 : _BITS // 2]
    values = np.packbits((flat > median)[:, ::-1], axis=1).tobytes()
    length = len(VARIANTS) * SignalType.PDQ.width_bytes
    found = [values[at : at + length] for at in range(0, len(values), length)]
    # If no tool shrinks a picture, all of its geometries equal the full one.
    return found if others else found * len(_GEOMETRIES)


def _exact_variants(
    upright: Reals, mirrored: Reals, flipped: Reals, turned: Reals
) -> Reals:
    """Return the blocks of all variants, in the order of ``VARIANTS``.

    From those of the picture as it is, mirrored left to right, mirrored top to bottom,
    and mirrored in both directions.
    """
    own = upright, mirrored.T, turned, flipped.T
    blocks = np.empty((len(VARIANTS), *upright.shape), upright.dtype)
    for place, block in enumerate((*own, mirrored, flipped, upright.T, turned.T)):
        blocks[place] = block
    return blocks


_PDQ = PDQ()
