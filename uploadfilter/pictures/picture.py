"""Define the decoded picture: one plane of luma.

A plane may be smaller than the picture: JPEGs are decoded at 1/2, 1/4 or 1/8, and each
pixel then represents a block of the full size. The perceptual types use both sizes, so
that a smaller plane gives the signals of the full picture (``operators.py``).
"""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from uploadfilter.model import SignalType

Luma = NDArray[np.uint8]
Floats = NDArray[np.float32]
Shrunk = NDArray[Any]
"""The data that a signal type keeps of a picture; each type knows their form."""


SCALES: Final = (1, 2, 4, 8)
"""The scales at which libjpeg can decode."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """The size of a picture and of its decoded plane.

    Attributes:
        height: Rows of the full picture, at least 1.
        width: Columns of the full picture, at least 1.
        scale: The plane is this many times smaller on both axes, rounded up: 1, 2, 4
            or 8.
    """

    height: int
    width: int
    scale: int = 1

    def __post_init__(self) -> None:
        if self.height < 1 or self.width < 1 or self.scale not in SCALES:
            raise ValueError(f"no picture has the shape {self!r}")

    @property
    def plane(self) -> tuple[int, int]:
        """Return the rows and columns of the plane."""
        return -(-self.height // self.scale), -(-self.width // self.scale)


@dataclass(frozen=True, slots=True)
class ShrunkPicture:
    """The data that a signal type has computed from a picture.

    Attributes:
        shrunk: The data that it keeps.
        projected: Results of its column operators, if a blend can use them.
    """

    shrunk: Shrunk
    projected: tuple[Floats, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A decoded picture.

    Attributes:
        plane: Luma, rows by columns, 0 to 255.
        shape: The full size, and the scale of the plane.
        known: The data that signal types have computed from it, so that each computes
            them only once.
    """

    plane: Luma
    shape: Shape
    known: dict[SignalType, ShrunkPicture] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        if self.plane.shape != self.shape.plane:
            raise ValueError(
                f"a plane of {self.plane.shape} does not fit {self.shape!r}"
            )


def part_of(plane: Luma, shape: Shape, rows: slice, columns: slice) -> Picture:
    """Return a part of a plane as a picture; its last pixels may be partial."""
    scale = shape.scale
    height, width = (
        min(int(kept.stop) * scale, length) - int(kept.start) * scale
        for kept, length in ((rows, shape.height), (columns, shape.width))
    )
    return Picture(
        plane=plane[rows, columns],
        shape=Shape(height=height, width=width, scale=scale),
    )


_WHOLE = 255
"""The share that means all."""


@dataclass(frozen=True, kw_only=True)
class Blend:
    """A mix of two pictures, with a share for each pixel.

    A linear function of a blend follows from its values for both pictures. The plane of
    a blend is only made when it is needed.

    Attributes:
        one: The picture for a share of 0.
        other: The picture for a share of 255, of the same shape.
        share: The share of the other picture: 0 to 255.
    """

    one: Picture
    other: Picture
    share: int

    @property
    def shape(self) -> Shape:
        """The full size, and how much smaller the plane is."""
        return self.one.shape

    @cached_property
    def plane(self) -> Luma:
        """Luma, rows by columns, 0 to 255."""
        return self.of_luma(self.one.plane, self.other.plane)

    def edges(self) -> list[Luma]:
        """Return the outermost lines: top, bottom, left, right."""
        one, other = self.one.plane, self.other.plane
        return [
            self.of_luma(one[place], other[place])
            for place in (np.s_[0], np.s_[-1], np.s_[:, 0], np.s_[:, -1])
        ]

    def of_luma(self, one: Luma, other: Luma) -> Luma:
        """Blend luma, rounded to within half a grey step."""
        blended = one * np.uint16(_WHOLE - self.share) + other * np.uint16(self.share)
        blended += np.uint16(_WHOLE // 2)
        return (blended // np.uint16(_WHOLE)).astype(np.uint8)

    def of_floats(self, one: Floats, other: Floats) -> Floats:
        """Blend values that are linear in luma."""
        blended = other - one
        blended *= np.float32(self.share / _WHOLE)
        blended += one
        return blended
