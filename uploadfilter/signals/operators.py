"""Build and apply the linear operators of PDQ and pHash.

The box filters and the decimation of PDQ, and the resizing filters of tools, are linear
and separable: with one matrix per axis, the small plane of a signal is ``rows @ luma @
columns.T``. The matrices are banded, depend only on the length of the axis, and are
cached.

Two rules make them fast without drift:

- **Projection.** A JPEG decoded at 1/s is a plane of block means. The operator is built
  for the *full* length and summed over blocks of s. So its result on the small plane
  equals that on the full one, except for the loss by the mean.
- **Blocks.** Outputs are taken in groups, each multiplied with only the pixels that its
  band covers, in stripes of rows that bound the memory.

Slow and simple versions are in ``tests/signals/twins.py``; property tests compare this
module with them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache, wraps
from typing import Any

import numpy as np
from numpy.typing import NDArray

from uploadfilter.pictures.picture import Floats, Luma

Doubles = NDArray[np.float64]
Reals = NDArray[np.floating[Any]]
Indices = NDArray[np.intp]

PLANE_SIDE = 64
"""Side of the plane to which PDQ shrinks a picture, in pixels."""

MIN_SIDE = 5
"""Least side in pixels: PDQ gives smaller pictures the signal of all zeros
(``pdqhashing.cpp``, ``MIN_HASHABLE_DIM``)."""

SHRUNK_SIDE = 512
"""Side, in pixels, to which the official command line and many tools shrink first."""

_CACHED_AXES = 128
"""Axes that are kept for each operator: the sides of each usual camera and web size,
portrait and landscape. Many unusual sizes cost a rebuild of a millisecond each, but no
memory."""

_CACHED_PIXELS = 4096
"""Longest plane whose operator is kept: it has at most 0.26 MB. An operator for 65,535
pixels has 4 MB, and is cheaper to build than its picture is to decode."""

_SINGLE: np.dtype[np.floating[Any]] = np.dtype(np.float32)
_DOUBLE: np.dtype[np.floating[Any]] = np.dtype(np.float64)

_STRIPE_PIXELS = 1 << 19
"""Pixels that are converted to float32 at a time, at most 2 MiB: usual pictures are one
or two pieces (each further piece costs two dozen calls of BLAS). A stripe is still in
the cache when the last operator reads it, and its products are small enough for the
special kernels of BLAS: both make a large picture twice as fast."""


@dataclass(frozen=True, slots=True)
class Band:
    """A banded matrix: each row has its own short run of weights.

    Attributes:
        starts: The first column of each row's run, shape (rows,); below 0 if the run
            begins with zeros.
        weights: The runs, shape (rows, longest run); shorter ones end in zeros.
        length: Columns of the whole matrix.
    """

    starts: Indices
    weights: Doubles
    length: int

    def dense(self) -> Doubles:
        """Return the whole matrix, shape (rows, length)."""
        return self.project(1)

    def project(self, scale: int) -> Doubles:
        """Return the matrix summed over blocks of columns: (rows, blocks)."""
        rows, run = self.weights.shape
        blocks = -(-self.length // scale)
        columns = self.starts[:, None] + np.arange(run)
        columns = columns.clip(0, self.length - 1)
        flat = columns // scale + np.arange(rows)[:, None] * blocks
        return _scatter(flat, self.weights, (rows, blocks))


@dataclass(frozen=True, slots=True)
class Axis:
    """An operator for one axis of a plane, ready to use.

    Attributes:
        outputs: Rows of the whole matrix.
        blocks: For each group of outputs the plane pixels that they need, and their
            weights, shape (pixels, outputs of the group): the order in which BLAS is
            twice as fast on a plane.
    """

    outputs: int
    blocks: tuple[tuple[slice, Reals], ...]

    @property
    def dtype(self) -> np.dtype[np.floating[Any]]:
        """Return the precision in which it is applied, and of its results."""
        return self.blocks[0][1].dtype

    def dense(self, length: int) -> Reals:
        """Return the whole matrix for a plane of ``length`` pixels along the axis."""
        whole = np.zeros((self.outputs, length), self.dtype)
        first = 0
        for needed, weights in self.blocks:
            last = first + weights.shape[1]
            whole[first:last, needed] = weights.T
            first = last
        return whole


def project_columns(plane: Luma, axes: Sequence[Axis]) -> list[Floats]:
    """Apply operators to the columns of a plane, in one pass over it.

    For each operator, in single precision: shape (rows of the plane, outputs).
    """
    height, width = plane.shape
    results = [np.empty((height, axis.outputs), np.float32) for axis in axes]
    stripes = -(-height * width // _STRIPE_PIXELS)
    stripe = -(-height // stripes)
    # One buffer for all stripes: new memory costs as much as the conversion.
    buffer = np.empty((stripe, width), np.float32)
    for top in range(0, height, stripe):
        rows = slice(top, top + stripe)
        luma = buffer[: height - top]
        np.copyto(luma, plane[rows])
        for axis, result in zip(axes, results, strict=True):
            _project_stripe(axis, luma, result[rows])
    return results


def _project_stripe(axis: Axis, luma: Floats, result: Floats) -> None:
    first = 0
    for needed, weights in axis.blocks:
        last = first + weights.shape[1]
        np.matmul(luma[:, needed], weights, out=result[:, first:last])
        first = last


def output_of(luma: Luma, axis: Axis, output: int) -> float:
    """Apply one output of an operator to one row of luma, in the axis's precision."""
    group, place = divmod(output, axis.outputs // len(axis.blocks))
    needed, weights = axis.blocks[group]
    return float(luma[needed].astype(axis.dtype) @ weights[:, place])


def project_rows(projected: Reals, axis: Axis) -> Reals:
    """Apply an operator to the rows of one result of ``project_columns``.

    Shape (row outputs, column outputs).
    """
    result = np.empty((axis.outputs, projected.shape[1]), axis.dtype)
    first = 0
    for needed, weights in axis.blocks:
        last = first + weights.shape[1]
        np.matmul(weights.T, projected[needed], out=result[first:last])
        first = last
    return result


def jarosz(length: int) -> Band:
    """Return PDQ's two box filters and its decimation to 64 rows as one operator.

    The first pass averages the pixels of a window, the second pass averages the results
    of the first, and the decimation keeps 64 values (ThreatExchange,
    pdq/cpp/downscaling/downscaling.cpp).
    """
    centres = ((np.arange(PLANE_SIDE) + 0.5) * length / PLANE_SIDE).astype(np.intp)
    window = -(-length // (2 * PLANE_SIDE))
    outer_first, outer_last = _window(centres, window, length)
    starts, _ = _window(outer_first, window, length)
    passed = outer_first[:, None] + np.arange(window)
    counted = passed < outer_last[:, None]
    first, last = _window(np.minimum(passed, length - 1), window, length)
    weight = counted / ((outer_last - outer_first)[:, None] * (last - first))
    return Band(starts, _running_sums(first, last, weight, starts), length)


def mirror(band: Band) -> Band:
    """Return the operator whose result equals that of ``band`` on the mirrored picture.

    Its outputs are in reverse order, so that each reads the same pixels as in ``band``.
    """
    starts = band.length - band.weights.shape[1] - band.starts
    return Band(starts[::-1], band.weights[::-1, ::-1], band.length)


def _window(centre: Indices, window: int, length: int) -> tuple[Indices, Indices]:
    """Return the first pixel of the box around ``centre`` and the one after its last.

    A box of even size reaches one pixel further to the right; at the edges it is cut.
    """
    half = (window + 2) // 2
    first = np.maximum(centre + half - window, 0)
    return first, np.minimum(centre + half, length)


def _running_sums(
    first: Indices, last: Indices, weight: Doubles, starts: Indices
) -> Doubles:
    """Return the sum of boxes, each of one weight from ``first`` to before ``last``.

    The boxes have shape (rows, boxes); each row of the result begins at its start.
    """
    rows, boxes = weight.shape
    run = 2 * boxes + 1
    offset = np.arange(rows)[:, None] * run - starts[:, None]
    steps = _scatter(first + offset, weight, (rows, run))
    steps -= _scatter(last + offset, weight, (rows, run))
    return np.cumsum(steps, axis=1)[:, :-1]


def lanczos(length: int, outputs: int) -> Band:
    """Return Pillow's LANCZOS resize of one axis, in its 8-bit weights (Resample.c)."""
    return _resampling(length, outputs, support=_LANCZOS_LOBES, kernel=_lanczos_kernel)


def bicubic(length: int, outputs: int) -> Band:
    """Return Pillow's BICUBIC resize of one axis, in its 8-bit weights (Resample.c)."""
    return _resampling(length, outputs, support=_BICUBIC_REACH, kernel=_bicubic_kernel)


def _resampling(
    length: int, outputs: int, *, support: float, kernel: Callable[[Doubles], Doubles]
) -> Band:
    scale = length / outputs
    stretch = max(scale, 1.0)
    centres = (np.arange(outputs) + 0.5) * scale
    starts = np.maximum((centres - support * stretch + 0.5).astype(np.intp), 0)
    ends = np.minimum((centres + support * stretch + 0.5).astype(np.intp), length)
    pixels = starts[:, None] + np.arange(int((ends - starts).max()))
    weights = kernel((pixels - centres[:, None] + 0.5) / stretch)
    weights *= pixels < ends[:, None]
    weights /= weights.sum(axis=1, keepdims=True)
    return Band(starts, np.rint(weights * _PILLOW_UNIT) / _PILLOW_UNIT, length)


_LANCZOS_LOBES = 3.0
_BICUBIC_REACH = 2.0
"""Reach of the kernels, in output pixels."""

_PILLOW_UNIT = float(1 << 22)
"""Pillow keeps the weights of 8-bit pictures as multiples of 2 to the power -22."""


def _lanczos_kernel(x: Doubles) -> Doubles:
    lobes = _LANCZOS_LOBES
    inside = np.abs(x) < lobes
    weights: Doubles = np.where(inside, np.sinc(x) * np.sinc(x / lobes), 0.0)
    return weights


def _bicubic_kernel(x: Doubles) -> Doubles:
    x = np.abs(x)
    inner = (1.5 * x - 2.5) * x * x + 1
    outer = ((-0.5 * x + 2.5) * x - 4) * x + 2
    return np.where(x < 1, inner, np.where(x < _BICUBIC_REACH, outer, 0.0))


def nearest_after(band: Band, length: int) -> Band:
    """Return ``band`` applied to the pixels that CImg's nearest resize picks.

    Its output x is input x * length / outputs, rounded down (``get_resize``, 1).
    """
    rows, run = band.weights.shape
    taken = np.minimum(band.starts[:, None] + np.arange(run), band.length - 1)
    source = taken * length // band.length
    starts = source[:, 0]
    longest = int((source[:, -1] - starts).max()) + 1
    flat = source - starts[:, None] + np.arange(rows)[:, None] * longest
    return Band(starts, _scatter(flat, band.weights, (rows, longest)), length)


def compose(outer: Band, inner: Band) -> Band:
    """Return the operator that applies ``inner``, then ``outer`` to its result."""
    rows, run = outer.weights.shape
    taken = np.minimum(outer.starts[:, None] + np.arange(run), outer.length - 1)
    starts = inner.starts[taken[:, 0]]
    begins = inner.starts[taken] - starts[:, None]
    reach = inner.weights.shape[1]
    longest = int(begins.max()) + reach
    flat = begins + np.arange(rows)[:, None] * longest
    flat = flat[:, :, None] + np.arange(reach)
    weights = outer.weights[:, :, None] * inner.weights[taken]
    return Band(starts, _scatter(flat, weights, (rows, longest)), inner.length)


def _scatter(flat: Indices, weights: Doubles, shape: tuple[int, int]) -> Doubles:
    rows, columns = shape
    summed = np.bincount(flat.ravel(), weights.ravel(), rows * columns)
    return summed.astype(np.float64, copy=False).reshape(shape)


_Builder = Callable[[int, int, int], Axis]


def _cache_axes(build: _Builder) -> _Builder:
    cached = lru_cache(_CACHED_AXES)(build)

    @wraps(build)
    def axis(length: int, outputs: int, scale: int) -> Axis:
        is_small = length // scale <= _CACHED_PIXELS
        return (cached if is_small else build)(length, outputs, scale)

    return axis


@_cache_axes
def pdq_axis(length: int, thumbnail: int, scale: int) -> Axis:
    """Return PDQ's operators for an axis in all geometries, interleaved.

    The thumbnail has 0 pixels if no tool shrinks the picture first, so that all
    geometries equal the full one.

    Returns:
        256 outputs: 16 groups, of each geometry in the order of ``Geometry``, of 4, and
        of 4 of the full geometry ``mirror``. 128 outputs without a thumbnail.
    """
    full = jarosz(length)
    bands = [full]
    if thumbnail:
        bands.append(nearest_after(jarosz(SHRUNK_SIDE), length))
        bands.append(compose(jarosz(thumbnail), bicubic(length, thumbnail)))
    return _interleave([*bands, mirror(full)], scale, groups=PDQ_GROUPS)


@_cache_axes
def lanczos_axis(length: int, outputs: int, scale: int) -> Axis:
    """Return a LANCZOS resize of the axis to ``outputs``, a multiple of 8."""
    return _interleave([lanczos(length, outputs)], scale, groups=_RESIZE_GROUPS)


@_cache_axes
def exact_lanczos_axis(length: int, outputs: int, scale: int) -> Axis:
    """Return the operator of ``lanczos_axis`` in double precision.

    Pillow's weights are integer multiples of 2 to the power -22, so that its sums are
    exact at scale 1. It takes twice as long.
    """
    bands = [lanczos(length, outputs)]
    return _interleave(bands, scale, groups=_RESIZE_GROUPS, dtype=_DOUBLE)


PDQ_GROUPS = 16
"""Groups of PDQ's 64 outputs. Narrow groups read each pixel once or twice and suit the
small-matrix kernels of BLAS: measured, 16 beat 8 by 1.5 and 1 by 11 times."""


_RESIZE_GROUPS = 4
"""Groups of a resize: its kernels overlap more, so that fewer groups are faster. Four
have eight outputs each, which fill a vector: measured, they take 0.7 to 0.75 times as
long as eight groups on planes of 340 to 1,440 pixels, and two are slower again."""


def _interleave(
    bands: Sequence[Band],
    scale: int,
    *,
    groups: int,
    dtype: np.dtype[np.floating[Any]] = _SINGLE,
) -> Axis:
    matrices = [band.project(scale).astype(dtype) for band in bands]
    cut = [matrix.reshape(groups, -1, matrix.shape[1]) for matrix in matrices]
    blocks = tuple(_block(np.concatenate(group)) for group in zip(*cut, strict=True))
    return Axis(sum(len(matrix) for matrix in matrices), blocks)


def _block(rows: Reals) -> tuple[slice, Reals]:
    used = np.flatnonzero(rows.any(axis=0))
    needed = slice(int(used[0]), int(used[-1]) + 1)
    return needed, np.ascontiguousarray(rows[:, needed].T)
