"""Read GIFs: find their frames, and draw each onto what the ones before it left.

Pillow unpacks the pieces, one at a time; they are put together here as browsers do it.
Pillow would draw each frame onto a whole new canvas, keep a disposal for the frames
after it that name none, and let each frame make the canvas larger.

Rules this module keeps: the steps that are taken are limited by the length of a file,
whatever it says; what is cut off or nonsense ends the count, and raises nothing; a
frame costs as much as its own rectangle.

Sources: CompuServe, "GIF89a" (1990); where it leaves a choice, what Chromium 156 does.
"""

import io
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from PIL import Image

from uploadfilter.model import Reason
from uploadfilter.signals.faults import BadPictureError
from uploadfilter.signals.formats import Format
from uploadfilter.signals.frame import Frame
from uploadfilter.signals.limits import DecodeLimits, check_frame
from uploadfilter.signals.readers import load
from uploadfilter.signals.sampling import Course
from uploadfilter.signals.timing import MOST_COUNTED, starts_of, steps_for

_HEADER = struct.Struct("<6sHHBBB")
_IMAGE = struct.Struct("<HHHHB")
_CONTROL = struct.Struct("<BHB")
_TABLE_FLAG = 0x80
_EXTENSION, _SEPARATOR, _TRAILER = b"!"[0], b","[0], b";"[0]
_GRAPHIC_CONTROL = 0xF9
_TRANSPARENT = 1
_CLEAR = 2
_RESTORE = frozenset({3, 4})
"""Disposals: the background comes back; what was there before comes back, for which
some old encoders write 4."""

_END = b";"
_FRAME_PIXELS: Final = 10_000
"""What it costs to open a frame, beside its pixels: 0.1 ms."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """One frame as it is stored.

    Attributes:
        box: Left, top, right and bottom edge on the canvas.
        start: Where its image descriptor begins in the file.
        end: Where its data end.
        duration: For how long it is shown, in milliseconds.
        disposal: What becomes of it before the next one.
        transparent: The colour that shows what was there before, if there is one.
    """

    box: tuple[int, int, int, int]
    start: int
    end: int
    duration: int = 0
    disposal: int = 0
    transparent: int | None = None

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        left, top, right, bottom = self.box
        return right - left, bottom - top


@dataclass(frozen=True, slots=True, kw_only=True)
class Pieces:
    """The frames of a GIF.

    Attributes:
        pieces: In order; of a long file the first ``MOST_COUNTED``.
        canvas: Width and height of what is shown.
        head: Length of the header with the colours of all.
        is_whole: If false, there may be more than were counted.
        is_cut: If true, the file breaks off before the next frame begins.
        is_timed: If false, decoders may disagree about how long a frame is shown.
    """

    pieces: tuple[Piece, ...]
    canvas: tuple[int, int] = (0, 0)
    head: int = 0
    is_whole: bool = True
    is_cut: bool = False
    is_timed: bool = True


def pieces_of(data: bytes) -> Pieces:
    """Return the frames of a GIF; its canvas is at least as large as its first."""
    if len(data) < _HEADER.size:
        return Pieces(pieces=(), is_whole=False)
    _, width, height, flags, _, _ = _HEADER.unpack_from(data)
    head = _HEADER.size + _table_bytes(flags)
    walk = _Walk(data, head)
    found = list(islice(walk.pieces(), MOST_COUNTED + 1))
    if found:
        width, height = max(width, found[0].box[2]), max(height, found[0].box[3])
    is_counted = len(found) <= MOST_COUNTED
    return Pieces(
        pieces=tuple(found[:MOST_COUNTED]),
        canvas=(width, height),
        head=head,
        is_whole=is_counted and walk.steps_left > 0,
        is_cut=is_counted and walk.is_cut,
        is_timed=walk.is_timed,
    )


def _table_bytes(flags: int) -> int:
    """Return the length of the colour table that flags announce."""
    return 3 << ((flags & 7) + 1) if flags & _TABLE_FLAG else 0


_WIDEST_CODE = bytes((12,))
"""Bits of a code of LZW, as the byte before the data of an image says them."""


@dataclass(slots=True)
class _Walk:
    """Steps from block to block.

    Attributes:
        data: The file.
        at: Where it is: after an image, when it yields one.
        steps_left: How many more blocks are stepped over.
        is_cut: Whether the data break off within a block.
        is_timed: Whether every frame has one control at most, of the usual length.
    """

    data: bytes
    at: int
    steps_left: int = field(init=False)
    is_cut: bool = False
    is_timed: bool = True

    def __post_init__(self) -> None:
        """Limit the steps by the length of the file."""
        self.steps_left = steps_for(len(self.data))

    def pieces(self) -> Iterator[Piece]:
        """Yield each frame."""
        control: tuple[int, int, int] | None = None
        while self.at < len(self.data) and self.steps_left > 0:
            block = self.data[self.at]
            self.at += 1
            self.steps_left -= 1
            if block == _EXTENSION:
                control = self._extension(control)
            elif block == _SEPARATOR:
                piece = self._image(control or (0, 0, 0))
                if piece is None:
                    self.is_cut = True
                    return
                yield piece
                control = None
            elif block == _TRAILER:
                return

    def _extension(
        self, control: tuple[int, int, int] | None
    ) -> tuple[int, int, int] | None:
        """Step over an extension; return the control that holds after it."""
        start = self.at + 2
        if self.data[self.at : self.at + 1] == bytes((_GRAPHIC_CONTROL,)):
            is_usual = self.data[start - 1 : start] == bytes((_CONTROL.size,))
            if control is not None or not is_usual:
                self.is_timed = False
            if start + _CONTROL.size <= len(self.data):
                control = _CONTROL.unpack_from(self.data, start)
        self.at += 1
        self._skip_blocks()
        return control

    def _image(self, control: tuple[int, int, int]) -> Piece | None:
        """Step over an image, and return it."""
        if self.at + _IMAGE.size > len(self.data):
            return None
        start = self.at - 1
        left, top, width, height, flags = _IMAGE.unpack_from(self.data, self.at)
        self.at += _IMAGE.size + _table_bytes(flags) + 1
        if self.data[self.at - 1 : self.at] > _WIDEST_CODE:
            # No decoder takes it: a comma in prose, or the end of what is readable.
            return None
        self._skip_blocks()
        said, delay, colour = control
        return Piece(
            box=(left, top, left + width, top + height),
            start=start,
            end=min(self.at, len(self.data)),
            duration=10 * delay,
            disposal=said >> 2 & 7,
            transparent=colour if said & _TRANSPARENT else None,
        )

    def _skip_blocks(self) -> None:
        """Step over data blocks up to the empty one."""
        data, at, steps, end = self.data, self.at, self.steps_left, len(self.data)
        while at < end and data[at] and steps > 0:
            at += data[at] + 1
            steps -= 1
        self.at, self.steps_left = at + 1, steps
        self.is_cut = at >= end


class GIFReader:
    """A GIF with all its frames.

    Args:
        data: The file.
        picture_format: The format.
        limits: What a frame may cost.

    Raises:
        BadPictureError: It has no frame.
        OverBudgetError: Its canvas is too large.
    """

    def __init__(
        self, data: bytes, picture_format: Format, limits: DecodeLimits
    ) -> None:
        found = pieces_of(data)
        if not found.pieces:
            raise BadPictureError("no frame in reach")
        self._pieces, self._size, self._head = found.pieces, found.canvas, found.head
        self._data = data
        self._limits = limits
        self._format = picture_format
        is_moving = len(found.pieces) > 1
        self._check(self._size, is_moving=is_moving)
        self.durations: Sequence[int] = tuple(each.duration for each in found.pieces)
        self.keys: Sequence[int] | None = (
            None if found.is_timed else range(len(found.pieces))
        )
        self.course = _course(found) if is_moving else None
        self.lack = Reason.TRUNCATED if found.is_cut else None
        if not found.is_whole:
            self.lack = Reason.KEY_FRAME_UNSEEN
        self._canvas: Image.Image | None = None
        self._left_off = 0
        self._is_truncated = False

    def frame(self, number: int) -> Frame:
        """Decode a frame, as far as the file goes; the first as it is stored."""
        if number == 0:
            image = self._opened(self._pieces[0], self._size, (0, 0))
            is_truncated = load(image)
        else:
            image = self._drawn_up_to(number)
            is_truncated = self._is_truncated
        return Frame(
            image=image,
            number=number,
            full=image.size,
            is_truncated=is_truncated,
        )

    def _drawn_up_to(self, number: int) -> Image.Image:
        """Return what is shown when this frame is."""
        assert self.course is not None  # noqa: S101 -- there are several frames
        start = self.course.starts[number]
        canvas = self._canvas
        if canvas is None or start > self._left_off:
            canvas = Image.new("RGBA", self._size)
            self._left_off = start
        before: Image.Image | None = None
        self._canvas = canvas
        for at in range(self._left_off, number + 1):
            self._left_off = at + 1
            before = self._draw(canvas, self._pieces[at])
            if at == number:
                break
            self._dispose(canvas, self._pieces[at], before)
        shown = _without_alpha(canvas)
        self._dispose(canvas, self._pieces[number], before)
        return shown

    def _draw(self, canvas: Image.Image, piece: Piece) -> Image.Image | None:
        """Draw a piece; return what was there before, if that is to come back."""
        box = _within(piece.box, canvas.size)
        if box is None:
            return None
        before = canvas.crop(box) if piece.disposal in _RESTORE else None
        image = self._opened(piece, piece.size, piece.box[:2])
        self._is_truncated |= load(image)
        left, top = piece.box[:2]
        inner = (box[0] - left, box[1] - top, box[2] - left, box[3] - top)
        drawn = image.crop(inner) if inner != (0, 0, *piece.size) else image
        if piece.transparent is None:
            canvas.paste(drawn.convert("RGBA"), box)
        else:
            over = drawn.convert("RGBA")
            canvas.paste(over, box, over)
        return before

    @staticmethod
    def _dispose(canvas: Image.Image, piece: Piece, before: Image.Image | None) -> None:
        """Take a piece away, if it says so."""
        box = _within(piece.box, canvas.size)
        if box is None:
            return
        if before is not None:
            canvas.paste(before, box)
        elif piece.disposal == _CLEAR:
            canvas.paste((0, 0, 0, 0), box)

    def _opened(
        self, piece: Piece, screen: tuple[int, int], origin: tuple[int, int]
    ) -> Image.Image:
        """Open a piece as a GIF of its own.

        Args:
            piece: The piece.
            screen: Width and height of that GIF.
            origin: Where its upper left corner is on the canvas.
        """
        self._check(screen, is_moving=len(self._pieces) > 1)
        head = self._data[: self._head]
        flags = 0 if piece.transparent is None else _TRANSPARENT
        control = _CONTROL.pack(flags, 0, piece.transparent or 0)
        left, top = piece.box[0] - origin[0], piece.box[1] - origin[1]
        parts = (
            head[:6],
            struct.pack("<HH", *screen),
            head[10:],
            bytes((_EXTENSION, _GRAPHIC_CONTROL, len(control))),
            control,
            b"\0,",
            struct.pack("<HH", left, top),
            self._data[piece.start + 5 : piece.end],
            _END,
        )
        return Image.open(io.BytesIO(b"".join(parts)), formats=self._format.pillow)

    def _check(self, size: tuple[int, int], *, is_moving: bool) -> None:
        check_frame(
            size,
            self._limits,
            bytes_per_pixel=self._format.moving_bytes_per_pixel
            if is_moving
            else self._format.bytes_per_pixel,
            held_bytes=2 * len(self._data),
        )


def _course(found: Pieces) -> Course:
    """Return what it costs to come to each frame."""
    pieces, canvas = found.pieces, found.canvas
    covers = [_within(each.box, canvas) == (0, 0, *canvas) for each in pieces]
    is_independent = [
        (
            covers[number]
            and piece.transparent is None
            and piece.disposal not in _RESTORE
        )
        or (covers[number - 1] and pieces[number - 1].disposal == _CLEAR)
        for number, piece in enumerate(pieces)
    ]
    return Course(
        starts=starts_of([True, *is_independent[1:]]),
        costs=tuple(
            _FRAME_PIXELS + each.size[0] * each.size[1] for each in found.pieces
        ),
        shown_pixels=canvas[0] * canvas[1],
    )


def _within(
    box: tuple[int, int, int, int], size: tuple[int, int]
) -> tuple[int, int, int, int] | None:
    """Return the part of a box that is on a canvas, if any."""
    left, top, right, bottom = box
    right, bottom = min(right, size[0]), min(bottom, size[1])
    return (left, top, right, bottom) if left < right and top < bottom else None


def _without_alpha(canvas: Image.Image) -> Image.Image:
    """Return a copy of a canvas, without its alpha if that is nothing."""
    lowest, _ = canvas.getchannel("A").getextrema()
    return canvas.convert("RGB") if lowest == _OPAQUE else canvas.copy()


_OPAQUE = 255
