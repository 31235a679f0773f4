"""The picture: what a decoder makes of content, as one plane of luma.

A plane may be smaller than the picture: JPEGs are decoded at 1/2, 1/4 or 1/8, and each
pixel then stands for a block of the full size. The perceptual types know both sizes, so
that a smaller plane gives the signals of the full picture (``operators.py``).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

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


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A decoded picture.

    Attributes:
        plane: Luma, rows by columns, 0 to 255.
        shape: The full size, and how much smaller the plane is.
    """

    plane: Luma
    shape: Shape

    def __post_init__(self) -> None:
        """Refuse a plane that does not fit the shape."""
        if self.plane.shape != self.shape.plane:
            raise ValueError(
                f"a plane of {self.plane.shape} does not fit {self.shape!r}"
            )
