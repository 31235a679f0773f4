"""Compute pHash as imagehash defines it: 64 bits, in eight variants.

Luma is resized to 32 x 32 with Pillow's LANCZOS, which rounds to whole grey steps after
each axis; the 8 x 8 lowest frequencies of the DCT are compared with their median. The
resize is done with the operators of ``operators.py``, rounding included, so that a
plane decoded at a smaller scale gives the signal of the full picture.

The width is resized first, as every Pillow up to 12 did when most sets were made.
For a picture more than twice as high as wide, Pillow 13 resizes the height first; its
rounding then differs, by two bits if a coefficient nearly equals the median.

Source:
    imagehash 4.3, ``phash``; bits in its order, most significant first.
"""

import numpy as np

from uploadfilter.model import SignalRow, SignalType
from uploadfilter.pictures.picture import Blend, Floats, Picture, Shape, Shrunk
from uploadfilter.signals import operators
from uploadfilter.signals.dihedral import variants
from uploadfilter.signals.operators import Axis, Doubles, Reals

_SIDE = 32
_BLOCK_SIDE = 8
_BITS = _BLOCK_SIDE * _BLOCK_SIDE

_DCT: Doubles = 2 * np.cos(
    np.pi / (2 * _SIDE) * np.outer(np.arange(_BLOCK_SIDE), 2 * np.arange(_SIDE) + 1)
)
"""Rows 0 to 7 of the DCT-II of length 32, scaled as in SciPy."""

_DOUBT = np.float32(1e-4)
"""Largest error of a sum in single precision, in grey steps: about ten times the error
of a hundred products of luma."""

_NOISE_DIGITS = 6
"""Significant decimal places of a coefficient: grey steps are integers, so smaller
values are rounding errors, which must not give a flat picture bits."""


class PHash:
    """The signal type of imagehash, hackerfactor's "pHash"."""

    type = SignalType.PHASH
    is_linear = False

    def columns(self, shape: Shape) -> tuple[Axis, ...]:
        """Return the only column operator."""
        return (operators.lanczos_axis(shape.width, _SIDE, shape.scale),)

    def shrink(self, picture: Picture | Blend, projected: list[Floats]) -> Shrunk:
        """Return the 32 x 32 luma plane, in whole grey steps."""
        shape = picture.shape
        columns = projected[0]
        if shape.scale == 1 and isinstance(picture, Picture):
            _settle(columns, picture)
        axis = operators.exact_lanczos_axis(shape.height, _SIDE, shape.scale)
        narrow = _grey_steps(columns).astype(np.float64)
        return _grey_steps(operators.project_rows(narrow, axis))

    def rows(self, shrunk: Shrunk) -> tuple[SignalRow, ...]:
        """Return eight signals of the plane, by variant."""
        return (SignalRow(type=SignalType.PHASH, values=_values(shrunk)),)


def _settle(columns: Floats, picture: Picture) -> None:
    """Compute the sums exactly that single precision could round wrongly.

    For a picture of 640 x 480 these are a handful of 15,360 sums; computing all of them
    in double precision would cost twice as much. At other scales, and for blends, sums
    are not exact anyway.
    """
    steps = columns + np.float32(0.5)
    steps -= np.rint(steps)
    doubtful = np.flatnonzero(np.abs(steps, out=steps) < _DOUBT)
    axis = operators.exact_lanczos_axis(picture.shape.width, _SIDE, 1)
    for row, output in (divmod(place, _SIDE) for place in doubtful.tolist()):
        columns[row, output] = operators.output_of(picture.plane[row], axis, output)


def _grey_steps(luma: Reals) -> Reals:
    """Round luma as Pillow does: half up, 0 to 255."""
    half, black, white = (luma.dtype.type(number) for number in (0.5, 0, 255))
    steps: Reals = np.clip(np.floor(luma + half), black, white)
    return steps


def _values(small: Reals) -> bytes:
    block = np.round(_DCT @ small @ _DCT.T, _NOISE_DIGITS)
    flat = variants(block, first_frequency=0).reshape(-1, _BITS)
    ranked = np.sort(flat, axis=1)
    middle = ranked[:, _BITS // 2 - 1 : _BITS // 2 + 1]
    bits = flat > middle.mean(axis=1, keepdims=True)
    return np.packbits(bits, axis=1).tobytes()
