"""Planes for the tests of the soft views, out of the project's own drawings."""

import numpy as np
from numpy.typing import NDArray

from tests.pictures.sketches import luma
from uploadfilter.pictures.picture import Luma, Picture, Shape
from uploadfilter.signals import pdq

Plane = NDArray[np.float32]


def plane_of(pixels: Luma) -> Plane:
    """Return PDQ's plane of a picture's luma."""
    height, width = pixels.shape
    shape = Shape(height=height, width=width, scale=1)
    plane: Plane = pdq.plane_of(Picture(plane=pixels, shape=shape))
    return plane


def drawn(seed: int, width: int = 640, height: int = 480) -> Luma:
    """Return the luma of a drawing with detail at every scale."""
    return luma(seed, width, height)


def bits_of(plane: Plane) -> NDArray[np.bool_]:
    """Return the bits of a plane's PDQ in the order of ``np.unpackbits``."""
    bits: NDArray[np.bool_] = pdq.bits_of(plane[None])[0, ::-1]
    return bits


def value_of(plane: Plane) -> bytes:
    """Return a plane's PDQ."""
    return np.packbits(bits_of(plane)).tobytes()
