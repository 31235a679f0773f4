"""Join guesses, so that all of them are applied to a plane at once.

An upload has some 400 views of a kilobyte each: the calls cost more than the numbers
if each family is computed alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import compress
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from uploadfilter.model import QUALITY_FLOOR
from uploadfilter.outlines import WHOLE, Outline, Rectangle
from uploadfilter.signals.soft.axes import Floats
from uploadfilter.signals.soft.detail import qualities_of
from uploadfilter.signals.soft.reliabilities import bits_and_flips


class Prepared(Protocol):
    """Guesses that are ready to be applied to a plane."""

    @property
    def noise(self) -> Floats:
        """Result of ``reliabilities.expectations``."""

    @property
    def outlines(self) -> tuple[Outline, ...]:
        """The guesses."""

    def blocks(self, plane: Floats) -> Floats:
        """Return the estimated blocks, shape (guesses, 16, 16)."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Batch:
    """Guesses of several families.

    Attributes:
        noise: Result of ``reliabilities.expectations``, for each guess.
        places: The guesses whose picture is a part of the upload, with unknown
            detail.
        boxes: That part, for each of them.
    """

    parts: tuple[Prepared, ...]
    noise: Floats
    outlines: tuple[Outline, ...]
    places: NDArray[np.intp]
    boxes: tuple[Rectangle, ...]

    @classmethod
    def of(cls, parts: Sequence[Prepared], *, are_detailed: bool = False) -> Self:
        """Join the guesses of families.

        ``are_detailed``: the detail of all boxes was looked at before.
        """
        outlines = tuple(outline for part in parts for outline in part.outlines)
        boxed = [
            place
            for place, it in enumerate(outlines)
            if it.box != WHOLE and not are_detailed
        ]
        return cls(
            parts=tuple(parts),
            noise=np.concatenate([part.noise for part in parts]),
            outlines=outlines,
            places=np.array(boxed, np.intp),
            boxes=tuple(outlines[place].box for place in boxed),
        )

    def __len__(self) -> int:
        return len(self.outlines)

    def apply(self, plane: Floats, values: NDArray[np.uint8], flips: Floats) -> None:
        """Apply the guesses to a plane around its mean.

        Fills the values, shape (guesses, 32), and the probabilities of the bits,
        (guesses, 256).
        """
        blocks = np.empty(self.noise.shape, np.float32)
        start = 0
        for part in self.parts:
            end = start + len(part.outlines)
            blocks[start:end] = part.blocks(plane)
            start = end
        bits_and_flips(blocks, self.noise, (values, flips))

    def without_detail(self, plane: Floats) -> NDArray[np.intp]:
        """Return the guesses whose part of a plane alone would not be matched.

        The whole upload is asked for its quality elsewhere, as of all its views.
        """
        found = qualities_of(plane, self.boxes)
        return self.places[found < QUALITY_FLOOR]


def detailed(plane: Floats, boxes: Sequence[Rectangle]) -> list[Rectangle]:
    """Return the boxes that alone would be pictures that are matched."""
    shows = qualities_of(plane, boxes) >= QUALITY_FLOOR
    return list(compress(boxes, shows.tolist()))
