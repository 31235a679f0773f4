"""Cut, turn and mirror a picture that comes in strips and is reduced.

The last block of pixels along a side may be incomplete. If that side is mirrored
afterwards, this block would be the first, and all other blocks would be shifted. So
before the reduction a picture is padded at the side that will be the last one.
"""

from collections.abc import Iterable
from typing import Final

from PIL import Image

from uploadfilter.model import Reason
from uploadfilter.pictures.faults import BadPictureError
from uploadfilter.pictures.frame import Frame
from uploadfilter.pictures.limits import OverBudgetError
from uploadfilter.pictures.shrinking import Shrinker

_LEFT, _TOP, _RIGHT, _BOTTOM = range(4)
_ENDS: Final = frozenset({_RIGHT, _BOTTOM})


class Placing:
    """The cuts, rotations and mirrors of a picture, step by step.

    Args:
        size: Width and height of the stored picture.
    """

    def __init__(self, size: tuple[int, int]) -> None:
        self._stored = size
        self._cuts = [0, 0, 0, 0]
        # The sides of the stored picture that are now left, top, right and bottom.
        self._sides = [_LEFT, _TOP, _RIGHT, _BOTTOM]
        self._steps: list[Image.Transpose] = []

    @property
    def size(self) -> tuple[int, int]:
        """Return width and height after the steps so far."""
        width = self._stored[0] - self._cuts[_LEFT] - self._cuts[_RIGHT]
        height = self._stored[1] - self._cuts[_TOP] - self._cuts[_BOTTOM]
        return (height, width) if self._sides[_LEFT] % 2 else (width, height)

    def cut(self, left: int, top: int, right: int, bottom: int) -> None:
        """Cut pixels off each side.

        Raises:
            BadPictureError: No pixel would be left.
        """
        width, height = self.size
        if left + right >= width or top + bottom >= height:
            raise BadPictureError("nothing is left of it")
        for side, pixels in zip(self._sides, (left, top, right, bottom), strict=True):
            self._cuts[side] += pixels

    def turn(self) -> None:
        """Turn by 90 degrees, counter-clockwise."""
        left, top, right, bottom = self._sides
        self._sides = [top, right, bottom, left]
        self._steps.append(Image.Transpose.ROTATE_90)

    def mirror(self, *, is_left_to_right: bool) -> None:
        """Swap left and right, or top and bottom."""
        first = _LEFT if is_left_to_right else _TOP
        sides = self._sides
        sides[first], sides[first + 2] = sides[first + 2], sides[first]
        self._steps.append(
            Image.Transpose.FLIP_LEFT_RIGHT
            if is_left_to_right
            else Image.Transpose.FLIP_TOP_BOTTOM
        )

    def frame(
        self, strips: Iterable[Image.Image | None], by: int, number: int
    ) -> Frame:
        """Return a frame of a picture that comes in strips.

        Args:
            strips: Rows of the stored picture, from top to bottom; ``None`` for each
                missing piece of them.
            by: How many times smaller it becomes.
            number: The number of the frame.

        Raises:
            BadPictureError: There are no strips.
            OverBudgetError: The rest of it is too large to keep its size.
        """
        if by == 1:
            raise OverBudgetError(Reason.TOO_MANY_PIXELS)
        shrinker: Shrinker | None = None
        is_truncated, top = False, 0
        for strip in strips:
            if strip is None:
                is_truncated = True
                continue
            kept = self._kept(strip, top, by)
            top += strip.height
            if kept is None:
                continue
            if shrinker is None:
                shrinker = Shrinker(self._filled(by), strip.mode, by)
            shrinker.add(kept)
        if shrinker is None:
            raise BadPictureError("there is nothing of it")
        shrunk = shrinker.shrunk()
        image, stored = shrunk.image, shrunk.stored
        for step in self._steps:
            image = image.transpose(step)
            stored = None if stored is None else stored.transpose(step)
        return Frame(
            image=image,
            stored=stored,
            number=number,
            full=self.size,
            scale=by,
            is_truncated=is_truncated,
        )

    def _filled(self, by: int) -> tuple[int, int]:
        """Return the width and height with the padding."""
        left, upper = self._fill(by)
        width = self._stored[0] - self._cuts[_LEFT] - self._cuts[_RIGHT]
        height = self._stored[1] - self._cuts[_TOP] - self._cuts[_BOTTOM]
        return width + left, height + upper

    def _fill(self, by: int) -> tuple[int, int]:
        """Return the pixels of padding at the left and the upper side."""
        width = self._stored[0] - self._cuts[_LEFT] - self._cuts[_RIGHT]
        height = self._stored[1] - self._cuts[_TOP] - self._cuts[_BOTTOM]
        return (
            -width % by * (self._sides.index(_LEFT) in _ENDS),
            -height % by * (self._sides.index(_TOP) in _ENDS),
        )

    def _kept(self, strip: Image.Image, top: int, by: int) -> Image.Image | None:
        """Return the kept part of a strip, with padding.

        Args:
            strip: Some rows of the stored picture.
            top: Row of the stored picture at which it begins.
            by: How many times smaller it becomes.
        """
        first = self._cuts[_TOP]
        upper = max(first, top)
        lower = min(self._stored[1] - self._cuts[_BOTTOM], top + strip.height)
        if upper >= lower:
            return None
        right = self._stored[0] - self._cuts[_RIGHT]
        kept = strip.crop((self._cuts[_LEFT], upper - top, right, lower - top))
        left, above = self._fill(by)
        above *= upper == first
        if not left and not above:
            return kept
        return _filled_up(kept, left, above)


def _filled_up(image: Image.Image, left: int, above: int) -> Image.Image:
    """Return an image with its first column and row repeated before them."""
    width, height = image.width + left, image.height + above
    filled = Image.new(image.mode, (width, height))
    filled.paste(image, (left, above))
    if above:
        row = image.crop((0, 0, image.width, 1)).resize((image.width, above))
        filled.paste(row, (left, 0))
    if left:
        column = filled.crop((left, 0, left + 1, height)).resize((left, height))
        filled.paste(column, (0, 0))
    return filled
