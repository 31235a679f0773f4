"""Say which part of an entry's picture an upload shows, and where.

An altered copy shows a part of the original, somewhere in the upload: cut, turned by a
few degrees, inside a frame, partly covered. An ``Outline`` holds these few numbers and
nothing of the picture, so that records and pages may show it.

Like ``model.py``, this module imports nothing of the package.
"""

import math
from dataclasses import dataclass
from typing import Final, Self

from typing_extensions import override

Rectangle = tuple[float, float, float, float]
"""Left, top, right and bottom edge, as fractions of the sides, 0 to 1 if inside."""

Point = tuple[float, float]
"""Distance from the left and from the top, as fractions of the sides."""

WHOLE: Final[Rectangle] = (0.0, 0.0, 1.0, 1.0)

_CORNERS: Final[tuple[Point, ...]] = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))

_MOST_CUT: Final = 0.95
"""Most of a side that may be missing: less than a twentieth shows no picture."""

_WIDTHS: Final = {"box": 4, "crop": 4, "angle": 1, "aspect": 1, "hidden": 4}
"""The words of the text form, and how many numbers follow each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outline:
    """The part of an original that a view shows, and its place in the upload.

    The upload is the one turned as ``Match.variant`` says. The default is the whole
    original, upright, and nothing else.

    Attributes:
        left: Part of the original's width that was cut off at the left; negative if the
            upload shows that much beyond the original.
        top: The same of the height, at the top.
        right: The same of the width, at the right.
        bottom: The same of the height, at the bottom.
        angle: Degrees by which the original was turned, counter-clockwise, about its
            centre, before it was cut.
        aspect: Width of the original divided by its height, as far as the angle needs
            it.
        box: The part of the upload that shows the original; the rest is a frame.
        hidden: The part of the box that something else covers; ``None`` if nothing.
    """

    left: float = 0.0
    top: float = 0.0
    right: float = 0.0
    bottom: float = 0.0
    angle: float = 0.0
    aspect: float = 1.0
    box: Rectangle = WHOLE
    hidden: Rectangle | None = None

    def __post_init__(self) -> None:
        """Refuse an outline that shows nothing."""
        for cut in (self.left + self.right, self.top + self.bottom):
            if not cut <= _MOST_CUT:
                raise ValueError(f"cut off {cut!r} of a side, most {_MOST_CUT}")
        if not (self.box[0] < self.box[2] and self.box[1] < self.box[3]):
            raise ValueError(f"empty box {self.box!r}")
        if not self.aspect > 0:
            raise ValueError(f"aspect {self.aspect!r} is not above 0")

    @override
    def __str__(self) -> str:
        """Return the text form: ``crop 0.05 0.05 0 0, angle -2``, or ``whole``."""
        cuts = (self.left, self.top, self.right, self.bottom)
        parts: list[tuple[str, tuple[float, ...]]] = []
        if self.box != WHOLE:
            parts.append(("box", self.box))
        if any(cuts):
            parts.append(("crop", cuts))
        if self.angle:
            parts += [("angle", (self.angle,)), ("aspect", (self.aspect,))]
        if self.hidden is not None:
            parts.append(("hidden", self.hidden))
        texts = (" ".join((word, *map(_short, numbers))) for word, numbers in parts)
        return ", ".join(texts) or "whole"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the outline of a text form; numbers have four digits.

        Raises:
            ValueError: It is no text form of an outline.
        """
        found: dict[str, tuple[float, ...]] = {}
        for part in text.split(", ") if text != "whole" else ():
            word, *numbers = part.split(" ")
            if word in found or len(numbers) != _WIDTHS.get(word):
                raise ValueError(f"not a part of an outline: {part!r}")
            found[word] = tuple(map(float, numbers))
        left, top, right, bottom = found.get("crop", (0.0,) * 4)
        return cls(
            left=left,
            top=top,
            right=right,
            bottom=bottom,
            angle=found.get("angle", (0.0,))[0],
            aspect=found.get("aspect", (1.0,))[0],
            box=_rectangle(found["box"]) if "box" in found else WHOLE,
            hidden=_rectangle(found["hidden"]) if "hidden" in found else None,
        )

    def corners(self) -> tuple[Point, ...]:
        """Return where the original's corners lie in the upload, from the top left on.

        Returns:
            Four points in clockwise order; outside 0 to 1 where the original was cut.
        """
        return tuple(map(self.place, _CORNERS))

    def place(self, point: Point) -> Point:
        """Return where a point of the original lies in the upload."""
        x, y = self._turned(point)
        across = (x - self.left) / (1 - self.left - self.right)
        down = (y - self.top) / (1 - self.top - self.bottom)
        left, top, right, bottom = self.box
        return left + across * (right - left), top + down * (bottom - top)

    def _turned(self, point: Point) -> Point:
        """Return a point of the original after the turn, before the cut."""
        # The axis of rows points down, so a counter-clockwise turn has this sign.
        angle = math.radians(self.angle)
        x, y = (point[0] - 0.5) * self.aspect, point[1] - 0.5
        cosine, sine = math.cos(angle), math.sin(angle)
        across, down = x * cosine + y * sine, y * cosine - x * sine
        return across / self.aspect + 0.5, down + 0.5


def _short(number: float) -> str:
    """Return a number with at most four digits after the point, without zeros."""
    return f"{round(number, 4) + 0:g}"


def _rectangle(numbers: tuple[float, ...]) -> Rectangle:
    left, top, right, bottom = numbers
    return left, top, right, bottom
