"""Short-cuts to pictures and their signals, for the tests of this room."""

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tests.corpus import pictures
from uploadfilter.model import Geometry, Reason, SignalType, Variant, View
from uploadfilter.pictures.decoding import DecodeLimits, frames_of
from uploadfilter.pictures.formats import FORMATS, Format
from uploadfilter.pictures.frame import Frame, Omission
from uploadfilter.pictures.picture import Luma, Picture, Shape
from uploadfilter.pictures.showing import showings
from uploadfilter.signals.views import view_of

LIMITS = DecodeLimits()


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A frame whose image may be kept, since it is a copy."""

    image: Image.Image
    number: int
    full: tuple[int, int]
    scale: int
    profile: bytes | None
    is_truncated: bool
    is_inverted: bool
    count: int

    @property
    def mode(self) -> str:
        """Mode of the image."""
        return self.image.mode

    @property
    def size(self) -> tuple[int, int]:
        """Size of the image."""
        return self.image.size


def frames(
    content: bytes,
    *,
    formats: Sequence[Format] = FORMATS,
    limits: DecodeLimits = LIMITS,
    most_frames: int | None = None,
) -> list[Kept]:
    """Return copies of the frames of content."""
    return [
        Kept(
            image=item.image.copy(),
            number=item.number,
            full=item.full,
            scale=item.scale,
            profile=item.profile,
            is_truncated=item.is_truncated,
            is_inverted=item.is_inverted,
            count=item.count,
        )
        for item in frames_of(
            io.BytesIO(content), formats=formats, limits=limits, most_frames=most_frames
        )
        if isinstance(item, Frame)
    ]


def lacks(
    content: bytes,
    *,
    formats: Sequence[Format] = FORMATS,
    limits: DecodeLimits = LIMITS,
    most_frames: int | None = None,
) -> list[Reason]:
    """Return why the frames of content are not all there is."""
    return [
        item.reason
        for item in frames_of(
            io.BytesIO(content), formats=formats, limits=limits, most_frames=most_frames
        )
        if isinstance(item, Omission)
    ]


@lru_cache(64)
def photograph(seed: int, width: int = 640, height: int = 480) -> Image.Image:
    """Return a generated photograph, which must not be changed."""
    return pictures.photograph(seed, width=width, height=height)


def luma(seed: int, width: int = 640, height: int = 480) -> Luma:
    """Return the luma of a generated photograph."""
    return np.asarray(photograph(seed, width, height).convert("L"))


def picture_of(plane: Luma) -> Picture:
    """Return a picture of a plane at full size."""
    height, width = plane.shape
    return Picture(plane=plane, shape=Shape(height=height, width=width))


def view(content: bytes) -> View:
    """Return the view of content that decodes."""
    return view_of(decoded(content), name="stored")


def decoded(content: bytes) -> Picture:
    """Return the picture that content shows first."""
    frame = next(frames_of(io.BytesIO(content), formats=FORMATS, limits=LIMITS))
    assert isinstance(frame, Frame)
    picture = next(showings(frame)).picture
    assert isinstance(picture, Picture)
    return picture


def value(
    of: View,
    signal_type: SignalType = SignalType.PDQ,
    *,
    variant: Variant = Variant.UPRIGHT,
    geometry: Geometry | None = None,
) -> bytes:
    """Return one value of a view; PDQ in full geometry unless another is named."""
    if geometry is None and signal_type is SignalType.PDQ:
        geometry = Geometry.FULL
    (found,) = (
        item.signal.value
        for item in of.signals
        if item.signal.type is signal_type
        and item.variant is variant
        and item.geometry is geometry
    )
    return found


TURNED: dict[Variant, Callable[[NDArray[Any]], NDArray[Any]]] = {
    Variant.UPRIGHT: lambda plane: plane,
    Variant.R90: lambda plane: np.rot90(plane, 1),
    Variant.R180: lambda plane: np.rot90(plane, 2),
    Variant.R270: lambda plane: np.rot90(plane, 3),
    Variant.MIRROR: np.fliplr,
    Variant.FLIP: np.flipud,
    Variant.TRANSPOSE: np.transpose,
    Variant.TRANSVERSE: lambda plane: np.rot90(plane, 2).T,
}
"""The operation on a plane for each variant's name."""
