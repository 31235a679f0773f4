"""Compute dHash, aHash and wHash with the library imagehash, in eight variants.

They are computed only if an active hash set has them, so special operators are not
worthwhile. The plane is first shrunk by an integer factor, so that a picture of 64
million pixels costs no more than one of a quarter of a million.

To add another of imagehash's types, add its name in ``model.py``, its function here
and its line in ``registry.py``.
"""

from collections.abc import Callable
from dataclasses import dataclass

import imagehash
import numpy as np
from PIL import Image

from uploadfilter.model import VARIANTS, SignalRow, SignalType, Variant
from uploadfilter.pictures.picture import (
    Blend,
    Floats,
    Luma,
    Picture,
    Shape,
    Shrunk,
)
from uploadfilter.signals.operators import Axis

_ENOUGH_PIXELS = 256
"""Least shorter side of the shrunk plane, in pixels: 32 times the eight of the hashes.
"""

_TURNS: dict[Variant, Image.Transpose] = {
    Variant.R90: Image.Transpose.ROTATE_90,
    Variant.R180: Image.Transpose.ROTATE_180,
    Variant.R270: Image.Transpose.ROTATE_270,
    Variant.MIRROR: Image.Transpose.FLIP_LEFT_RIGHT,
    Variant.FLIP: Image.Transpose.FLIP_TOP_BOTTOM,
    Variant.TRANSPOSE: Image.Transpose.TRANSPOSE,
    Variant.TRANSVERSE: Image.Transpose.TRANSVERSE,
}


@dataclass(frozen=True, slots=True)
class ImageHash:
    """A signal type that a function of imagehash computes."""

    type: SignalType
    compute: Callable[[Image.Image], imagehash.ImageHash]
    is_linear: bool = False

    def columns(self, shape: Shape) -> tuple[Axis, ...]:
        """Return no operators: the picture itself is hashed."""
        del shape
        return ()

    def shrink(self, picture: Picture | Blend, projected: list[Floats]) -> Shrunk:
        """Return the plane, made smaller by a whole number if it is large."""
        del projected
        return _reduce(picture)

    def rows(self, shrunk: Shrunk) -> tuple[SignalRow, ...]:
        """Return eight signals of the plane, by variant."""
        image = Image.fromarray(shrunk)
        values = [_value(self.compute(_turn(image, each))) for each in VARIANTS]
        return (SignalRow(type=self.type, values=b"".join(values)),)


DHASH = ImageHash(SignalType.DHASH, imagehash.dhash)
"""A bit tells whether a pixel is brighter than its left neighbour."""

AHASH = ImageHash(SignalType.AHASH, imagehash.average_hash)
"""A bit tells whether a pixel is brighter than the mean."""

WHASH = ImageHash(SignalType.WHASH, imagehash.whash)
"""A bit tells whether a Haar coefficient is above the median."""


def prepare_process() -> None:
    """Load the late imports of imagehash; a confined process can import no more."""
    WHASH.rows(np.zeros((8, 8), dtype=np.uint8))


def _reduce(picture: Picture | Blend) -> Luma:
    factor = min(picture.plane.shape) // _ENOUGH_PIXELS
    if factor <= 1:
        return picture.plane
    return np.asarray(Image.fromarray(picture.plane).reduce(factor))


def _turn(image: Image.Image, variant: Variant) -> Image.Image:
    return image.transpose(_TURNS[variant]) if variant in _TURNS else image


def _value(computed: imagehash.ImageHash) -> bytes:
    return np.packbits(computed.hash.ravel()).tobytes()
