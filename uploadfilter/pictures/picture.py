"""The picture: what a decoder makes of content, as one plane of luma.

A plane may be smaller than the picture: JPEGs are decoded at 1/2, 1/4 or 1/8, and each
pixel then stands for a block of the full size. The perceptual types know both sizes, so
that a smaller plane gives the signals of the full picture (``operators.py``).
"""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from uploadfilter.model import SignalType

Luma = NDArray[np.uint8]
Floats = NDArray[np.float32]
Shrunk = NDArray[Any]
"""What a signal type keeps of a picture before it compares: it knows the kind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """The size of a picture and of the plane that was decoded of it.

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
        """Refuse what no decoder can produce."""
        if self.height < 1 or self.width < 1 or self.scale not in _SCALES:
            raise ValueError(f"no picture has the shape {self!r}")

    @property
    def plane(self) -> tuple[int, int]:
        """Rows and columns of the plane."""
        return -(-self.height // self.scale), -(-self.width // self.scale)


_SCALES = (1, 2, 4, 8)
"""The scales at which libjpeg decodes from the coefficients."""


@dataclass(frozen=True, slots=True)
class ShrunkPicture:
    """What a signal type has made of a picture.

    Attributes:
        shrunk: What it keeps before it compares.
        projected: Results of its column operators, where they are of use to a blend.
    """

    shrunk: Shrunk
    projected: tuple[Floats, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A decoded picture.

    Attributes:
        plane: Luma, rows by columns, 0 to 255.
        shape: The full size, and how much smaller the plane is.
        known: What signal types have made of it, so that none does so twice.
    """

    plane: Luma
    shape: Shape
    known: dict[SignalType, ShrunkPicture] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        """Refuse a plane that does not fit the shape."""
        if self.plane.shape != self.shape.plane:
            raise ValueError(
                f"a plane of {self.plane.shape} does not fit {self.shape!r}"
            )


_WHOLE = 255
"""The share of all."""


@dataclass(frozen=True, kw_only=True)
class Blend:
    """A picture that is so much of one and the rest of another, pixel by pixel.

    What is linear in a picture is known of a blend when it is known of both, and its
    plane is only made where somebody looks at it.

    Attributes:
        one: What a share of 0 shows.
        other: What a share of 255 shows, of the same shape.
        share: How much of the other: 0 to 255.
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
        """Blend luma; it is rounded as nearly as half a grey step."""
        blended = one * np.uint16(_WHOLE - self.share) + other * np.uint16(self.share)
        blended += np.uint16(_WHOLE // 2)
        return (blended // np.uint16(_WHOLE)).astype(np.uint8)

    def of_floats(self, one: Floats, other: Floats) -> Floats:
        """Blend what is linear in luma."""
        blended = other - one
        blended *= np.float32(self.share / _WHOLE)
        blended += one
        return blended
