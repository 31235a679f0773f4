"""Put the frames of GIFs and APNGs together, as browsers do it.

Pillow unpacks the pieces, one at a time; each is drawn onto what the ones before it
left. Pillow would do that too, but otherwise than browsers: it keeps a disposal of a
GIF for the frames after it that name none, lets each frame make the canvas larger,
fills with a colour what browsers clear, and takes an APNG's frame back to what it has
just drawn.

Rules this module keeps: one piece and one canvas are in memory, and the copy that is
shown; a frame costs as much as its own rectangle.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import NamedTuple

import numpy as np
from PIL import Image

from uploadfilter.model import Reason
from uploadfilter.pictures.faults import BadPictureError
from uploadfilter.pictures.frame import Frame
from uploadfilter.pictures.reader import load, profile_of
from uploadfilter.pictures.sampling import Course

Box = tuple[int, int, int, int]
"""Left, top, right and bottom edge."""


class Disposal(Enum):
    """What becomes of a piece before the next one."""

    KEEP = auto()
    CLEAR = auto()
    RESTORE = auto()


class Drawing(Enum):
    """How a piece is drawn."""

    REPLACE = auto()
    """Whatever it is, it takes the place of what was there."""

    COVER = auto()
    """What is not transparent does."""

    BLEND = auto()
    """What is half transparent lets half of it through."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """One frame as it is stored.

    Attributes:
        box: Where it is on the canvas.
        drawing: How it is drawn.
        disposal: What becomes of it.
    """

    box: Box
    drawing: Drawing
    disposal: Disposal

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        left, top, right, bottom = self.box
        return right - left, bottom - top


class _Coloured(NamedTuple):
    """A piece with its colours, what else is known of it, and whether it broke off."""

    image: Image.Image
    info: dict[str | tuple[int, int], object]
    is_truncated: bool


_MOST_ALIKE = 256
"""Pieces that are kept, since others may be alike. They are of a few pixels."""


class ComposedReader:
    """An animation that is put together here.

    Args:
        size: Width and height of the canvas.
        pieces: Of each frame.
        opened: Opens the picture of a frame.
        alike: Returns the same for frames whose pictures are the same, wherever they
            are drawn; ``None`` where that is not worth asking.
        first: Opens the first one on the whole canvas, as it is stored.
        durations: Of all frames, in milliseconds.
        course: What it costs to come to each.
        keys: The key frames, if durations do not tell them.
        lack: What is known to be missing.
    """

    def __init__(
        self,
        size: tuple[int, int],
        pieces: Sequence[Piece],
        opened: Callable[[int], Image.Image],
        *,
        alike: Callable[[int], bytes | None] = lambda _number: None,
        first: Callable[[], Image.Image],
        durations: Sequence[int],
        course: Course | None,
        keys: Sequence[int] | None = None,
        lack: Reason | None = None,
    ) -> None:
        self.durations = durations
        self.course = course
        self.keys = keys
        self.lack = lack
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
        """Decode a frame, as far as the file goes; the first as it is stored."""
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
        """Return what is shown when this frame is."""
        start = self.course.starts[number] if self.course else 0
        if start > self._left_off or self._canvas.size != self._size:
            self._canvas = Image.new("RGBA", self._size)
            self._left_off = start
        for at in range(self._left_off, number):
            self._left_off = at + 1
            if self._pieces[at].disposal is not Disposal.RESTORE:
                # What is taken back leaves nothing for the frames after it.
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
        """Draw a piece on a canvas."""
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
        """Return a piece with its colours; of those that are alike, as before."""
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
        """Take a piece away, and what was under it, if it says so."""
        if piece.disposal is not Disposal.CLEAR:
            return
        box = within(piece.box, self._size)
        if box is not None:
            self._canvas.paste((0, 0, 0, 0), box)


def _coloured(image: Image.Image) -> Image.Image:
    """Return a piece with its colours and its transparency.

    Raises:
        BadPictureError: It has a transparent grey of 16 bits, which Pillow mixes up.
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
    """Return what it costs to draw a piece, and to keep what was there, in pixels."""
    times = 2 if piece.disposal is Disposal.RESTORE else 1
    return _FRAME_PIXELS + times * piece.size[0] * piece.size[1]


_FRAME_PIXELS = 10_000
"""What it costs to open a frame, beside its pixels: 0.1 ms."""


def begins_anew(pieces: Sequence[Piece], number: int, size: tuple[int, int]) -> bool:
    """Return whether nothing that was shown before a frame matters to it, nor later.

    Args:
        pieces: Of all frames.
        number: Which frame.
        size: Width and height of the canvas.
    """
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
    """Return a copy of a canvas, without its alpha if that is nothing."""
    lowest, _ = canvas.getchannel("A").getextrema()
    return canvas.convert("RGB") if lowest == _OPAQUE else canvas.copy()


_OPAQUE = 255
