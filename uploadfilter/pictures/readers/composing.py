"""Compose the frames of GIFs and APNGs in the same way as browsers.

Pillow decodes the pieces, one at a time; each piece is drawn onto the canvas that the
earlier pieces left. Pillow could compose them too, but not like browsers: it keeps the
disposal of a GIF frame for later frames without one, enlarges the canvas for each
frame, fills areas with a colour that browsers clear, and resets an APNG's frame to the
picture that it has just drawn.

Rules this module keeps: only one piece, one canvas and the shown copy are in memory; a
frame costs as much as its own rectangle.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import NamedTuple

import numpy as np
from PIL import Image

from uploadfilter.pictures.faults import BadPictureError
from uploadfilter.pictures.frame import Frame
from uploadfilter.pictures.reader import load, profile_of
from uploadfilter.pictures.sampling import Course

Box = tuple[int, int, int, int]
"""Left, top, right and bottom edge."""


class Disposal(Enum):
    """The disposal of a piece before the next one is drawn."""

    KEEP = auto()
    CLEAR = auto()
    RESTORE = auto()


class Drawing(Enum):
    """The ways of drawing a piece."""

    REPLACE = auto()
    """All of its pixels replace the pixels of the canvas."""

    COVER = auto()
    """Its pixels replace those of the canvas, except transparent ones."""

    BLEND = auto()
    """Its pixels are blended with those of the canvas by their alpha."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """The place of a frame on the canvas, how it is drawn, and its disposal."""

    box: Box
    drawing: Drawing
    disposal: Disposal

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        left, top, right, bottom = self.box
        return right - left, bottom - top


class _Coloured(NamedTuple):
    image: Image.Image
    info: dict[str | tuple[int, int], object]
    is_truncated: bool


_MOST_ALIKE = 256
"""Most pieces that are kept for later ones that are alike; they have few pixels."""


class Composer:
    """Composes the frames of an animation.

    ``alike`` returns equal values for frames with equal pictures, wherever they are
    drawn; ``None`` if a comparison is not worth its cost. ``first`` opens the first
    frame on the whole canvas, as stored.
    """

    def __init__(
        self,
        size: tuple[int, int],
        pieces: Sequence[Piece],
        opened: Callable[[int], Image.Image],
        *,
        alike: Callable[[int], bytes | None] = lambda _number: None,
        first: Callable[[], Image.Image],
        course: Course | None,
    ) -> None:
        self._course = course
        self._size = size
        self._pieces = pieces
        self._open = opened
        self._open_first = first
        self._alike = alike
        self._coloured: dict[bytes, _Coloured] = {}
        self._canvas = Image.new("RGBA", (0, 0))
        self._left_off = 0
        self._is_truncated = False
        self._info: dict[str | tuple[int, int], object] = {}

    def frame(self, number: int) -> Frame:
        """Decode a frame, up to the end of the file; the first frame as stored."""
        if number == 0:
            image = self._open_first()
            self._is_truncated = load(image)
        else:
            image = self._drawn_up_to(number)
        return Frame(
            image=image,
            number=number,
            full=image.size,
            profile=profile_of(image),
            is_truncated=self._is_truncated,
        )

    def _drawn_up_to(self, number: int) -> Image.Image:
        start = self._course.starts[number] if self._course else 0
        if start > self._left_off or self._canvas.size != self._size:
            self._canvas = Image.new("RGBA", self._size)
            self._left_off = start
        for at in range(self._left_off, number):
            self._left_off = at + 1
            if self._pieces[at].disposal is not Disposal.RESTORE:
                # A piece that is taken back leaves nothing for later frames.
                self._draw(at, self._canvas)
                self._clear(self._pieces[at])
        self._left_off = number + 1
        if self._pieces[number].disposal is Disposal.RESTORE:
            shown = self._canvas.copy()
            self._draw(number, shown)
        else:
            self._draw(number, self._canvas)
            shown = _without_alpha(self._canvas)
            self._clear(self._pieces[number])
        shown.info |= self._info
        return shown

    def _draw(self, number: int, canvas: Image.Image) -> None:
        piece = self._pieces[number]
        box = within(piece.box, self._size)
        if box is None:
            return
        found = self._coloured_piece(number)
        self._is_truncated |= found.is_truncated
        self._info = found.info
        left, top = piece.box[:2]
        inner = (box[0] - left, box[1] - top, box[2] - left, box[3] - top)
        over = found.image
        if inner != (0, 0, *over.size):
            over = over.crop(inner)
        if piece.drawing is Drawing.BLEND:
            canvas.alpha_composite(over, box[:2])
        elif piece.drawing is Drawing.COVER:
            canvas.paste(over, box, over)
        else:
            canvas.paste(over, box)

    def _coloured_piece(self, number: int) -> "_Coloured":
        key = self._alike(number)
        known = None if key is None else self._coloured.get(key)
        if known is not None:
            return known
        image = self._open(number)
        is_truncated = load(image)
        info = {
            name: value for name, value in image.info.items() if name != "transparency"
        }
        found = _Coloured(_coloured(image), info, is_truncated)
        if key is not None and len(self._coloured) < _MOST_ALIKE:
            self._coloured[key] = found
        return found

    def _clear(self, piece: Piece) -> None:
        if piece.disposal is not Disposal.CLEAR:
            return
        box = within(piece.box, self._size)
        if box is not None:
            self._canvas.paste((0, 0, 0, 0), box)


def _coloured(image: Image.Image) -> Image.Image:
    """Return a piece in RGB, with its transparency.

    Raises:
        BadPictureError: It has a transparent grey of 16 bits, which Pillow reads
            wrongly.
    """
    if image.mode.startswith("I"):
        if "transparency" in image.info:
            raise BadPictureError("a transparent grey of 16 bits")
        image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    return image.convert("RGBA")


def within(box: Box, size: tuple[int, int]) -> Box | None:
    """Return the part of a box that is on a canvas, if any."""
    left, top, right, bottom = box
    right, bottom = min(right, size[0]), min(bottom, size[1])
    return (left, top, right, bottom) if left < right and top < bottom else None


def cost_of(piece: Piece) -> int:
    """Return the cost, in pixels, of drawing a piece and saving the pixels below it."""
    times = 2 if piece.disposal is Disposal.RESTORE else 1
    return _FRAME_PIXELS + times * piece.size[0] * piece.size[1]


_FRAME_PIXELS = 10_000
"""The cost of opening a frame besides its pixels: 0.1 ms."""


def begins_anew(pieces: Sequence[Piece], number: int, size: tuple[int, int]) -> bool:
    """Return whether no earlier frame matters for this frame or for any later one."""
    whole = (0, 0, *size)
    piece = pieces[number]
    if (
        within(piece.box, size) == whole
        and piece.drawing is Drawing.REPLACE
        and piece.disposal is not Disposal.RESTORE
    ):
        return True
    last = pieces[number - 1] if number else None
    return last is None or (
        last.disposal is Disposal.CLEAR and within(last.box, size) == whole
    )


def _without_alpha(canvas: Image.Image) -> Image.Image:
    lowest, _ = canvas.getchannel("A").getextrema()
    return canvas.convert("RGB") if lowest == _OPAQUE else canvas.copy()


_OPAQUE = 255
