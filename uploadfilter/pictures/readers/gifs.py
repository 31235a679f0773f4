"""Read GIFs: find their frames, which Pillow decodes as separate GIFs.

Rules this module keeps: the number of steps is limited by the length of the file,
whatever it states; data that are cut off or invalid end the count without an exception.

Sources: CompuServe, "GIF89a" (1990); where it leaves a choice, Chromium 156.
"""

import io
import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from PIL import Image

from uploadfilter.model import Reason
from uploadfilter.pictures.faults import BadPictureError
from uploadfilter.pictures.formats import Format
from uploadfilter.pictures.headers.timing import MOST_COUNTED, starts_of, steps_for
from uploadfilter.pictures.limits import DecodeLimits, OverBudgetError, check_frame
from uploadfilter.pictures.reader import Reader
from uploadfilter.pictures.readers.composing import (
    Box,
    Composer,
    Disposal,
    Drawing,
    Piece,
    begins_anew,
    cost_of,
)
from uploadfilter.pictures.sampling import Course

_HEADER = struct.Struct("<6sHHBBB")
_IMAGE = struct.Struct("<HHHHB")
_CONTROL = struct.Struct("<BHB")
_TABLE_FLAG = 0x80
_EXTENSION, _SEPARATOR, _TRAILER = b"!"[0], b","[0], b";"[0]
_GRAPHIC_CONTROL = 0xF9
_TRANSPARENT = 1
_DISPOSALS: Final = {
    2: Disposal.CLEAR,
    3: Disposal.RESTORE,
    # Some old encoders write this instead of the value before.
    4: Disposal.RESTORE,
}
_END = b";"


@dataclass(frozen=True, slots=True, kw_only=True)
class GIFFrame:
    """One frame as it is stored.

    Attributes:
        start: Offset of its image descriptor in the file.
        duration: Its duration, in milliseconds.
        disposal: The number of its disposal method.
    """

    box: Box
    start: int
    end: int
    duration: int = 0
    disposal: int = 0
    transparent: int | None = None

    @property
    def piece(self) -> Piece:
        """Return the way of drawing it."""
        return Piece(
            box=self.box,
            drawing=Drawing.REPLACE if self.transparent is None else Drawing.COVER,
            disposal=_DISPOSALS.get(self.disposal, Disposal.KEEP),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Pieces:
    """The frames of a GIF.

    Attributes:
        pieces: In order; only the first ``MOST_COUNTED`` of a long file.
        canvas: Width and height of the shown picture.
        head: Length of the header with the global colour table.
        is_whole: If false, there may be more frames than were counted.
        is_cut: If true, the file breaks off before the next frame begins.
        is_sure: If false, decoders may disagree about which frames are shown, or for
            how long.
    """

    pieces: tuple[GIFFrame, ...]
    canvas: tuple[int, int] = (0, 0)
    head: int = 0
    is_whole: bool = True
    is_cut: bool = False
    is_sure: bool = True


def pieces_of(data: bytes) -> Pieces:
    """Return the frames of a GIF; the canvas is at least as large as the first."""
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
        is_sure=walk.is_sure,
    )


def _table_bytes(flags: int) -> int:
    return 3 << ((flags & 7) + 1) if flags & _TABLE_FLAG else 0


_WIDEST_CODE = bytes((12,))
"""Most bits of a code of LZW; the byte before the data of an image gives their number.
"""


@dataclass(slots=True)
class _Walk:
    """Goes from block to block.

    It is sure if every frame has at most one control, of the usual length, and directly
    follows the block before it. Some decoders skip stray bytes; browsers stop there and
    keep showing the frame before.
    """

    data: bytes
    at: int
    steps_left: int = field(init=False)
    is_cut: bool = False
    is_sure: bool = True

    def __post_init__(self) -> None:
        self.steps_left = steps_for(len(self.data))

    def pieces(self) -> Iterator[GIFFrame]:
        """Yield each frame."""
        control: tuple[int, int, int] | None = None
        is_astray = False
        while self.at < len(self.data) and self.steps_left > 0:
            block = self.data[self.at]
            self.at += 1
            self.steps_left -= 1
            if block == _EXTENSION:
                control = self._extension(control)
            elif block == _SEPARATOR:
                piece = self._image(control or (0, 0, 0))
                if piece is None:
                    return
                self.is_sure &= not is_astray
                yield piece
                control = None
            elif block == _TRAILER:
                return
            else:
                is_astray = True

    def _extension(
        self, control: tuple[int, int, int] | None
    ) -> tuple[int, int, int] | None:
        start = self.at + 2
        if self.data[self.at : self.at + 1] == bytes((_GRAPHIC_CONTROL,)):
            is_usual = self.data[start - 1 : start] == bytes((_CONTROL.size,))
            if control is not None or not is_usual:
                self.is_sure = False
            if start + _CONTROL.size <= len(self.data):
                control = _CONTROL.unpack_from(self.data, start)
        self.at += 1
        self._skip_blocks()
        return control

    def _image(self, control: tuple[int, int, int]) -> GIFFrame | None:
        if self.at + _IMAGE.size > len(self.data):
            self.is_cut = True
            return None
        start = self.at - 1
        left, top, width, height, flags = _IMAGE.unpack_from(self.data, self.at)
        self.at += _IMAGE.size + _table_bytes(flags) + 1
        if self.data[self.at - 1 : self.at] > _WIDEST_CODE:
            # No decoder accepts it: a comma in prose, or the end of the readable data.
            return None
        self._skip_blocks()
        if self.steps_left <= 0:
            return None
        said, delay, colour = control
        return GIFFrame(
            box=(left, top, left + width, top + height),
            start=start,
            end=min(self.at, len(self.data)),
            duration=10 * delay,
            disposal=said >> 2 & 7,
            transparent=colour if said & _TRANSPARENT else None,
        )

    def _skip_blocks(self) -> None:
        data, at, steps, end = self.data, self.at, self.steps_left, len(self.data)
        while at < end and data[at] and steps > 0:
            at += data[at] + 1
            steps -= 1
        self.at, self.steps_left = at + 1, steps
        self.is_cut = at >= end


def gif_reader(data: bytes, picture_format: Format, limits: DecodeLimits) -> Reader:
    """Open a GIF with all its frames."""
    found = pieces_of(data)
    stored, canvas = found.pieces, found.canvas
    if not stored:
        raise BadPictureError("no frame in reach")
    is_moving = len(stored) > 1

    def check(size: tuple[int, int]) -> None:
        check_frame(
            size,
            limits,
            bytes_per_pixel=picture_format.moving_bytes_per_pixel
            if is_moving
            else picture_format.bytes_per_pixel,
            held_bytes=2 * len(data),
        )

    def opened(number: int, screen: tuple[int, int] | None = None) -> Image.Image:
        check(screen or stored[number].piece.size)
        unpacked = _unpacked(data, found.head, stored[number]) if not screen else None
        if unpacked is not None:
            return unpacked
        file = io.BytesIO(_file_of(data, found.head, stored[number], screen))
        return Image.open(file, formats=picture_format.pillow)

    with _too_large_is_cut() if found.is_cut else nullcontext():
        check(canvas)
    pieces = [each.piece for each in stored]
    lack = Reason.TRUNCATED if found.is_cut else None
    course = _course(pieces, canvas) if is_moving else None
    composer = Composer(
        canvas,
        pieces,
        opened,
        alike=lambda number: _tiny_bytes(data, stored[number]),
        first=lambda: opened(0, canvas),
        course=course,
    )
    return Reader(
        frame=composer.frame,
        durations=tuple(each.duration for each in stored),
        course=course,
        keys=None if found.is_sure else range(len(stored)),
        lack=lack if found.is_whole else Reason.KEY_FRAME_UNSEEN,
    )


def _tiny_bytes(data: bytes, stored: GIFFrame) -> bytes | None:
    """Return what tells a tiny frame from others, wherever it is; else ``None``."""
    left, top, right, bottom = stored.box
    is_tiny = right - left <= _TINY_SIDE and bottom - top <= _TINY_SIDE
    if not is_tiny or stored.end - stored.start > _MOST_TINY_BYTES:
        return None
    # The place is followed by size, colours and data.
    clear = (stored.transparent is not None, stored.transparent or 0)
    return bytes(clear) + data[stored.start + 5 : stored.end]


@contextmanager
def _too_large_is_cut() -> Iterator[None]:
    """Ignore a frame that is too large, in a file that breaks off.

    Letters after a string of base64 may look like a frame of any size.
    """
    try:
        yield
    except OverBudgetError as exc:
        raise BadPictureError("it breaks off in a frame that is too large") from exc


def _course(pieces: Sequence[Piece], canvas: tuple[int, int]) -> Course:
    numbers = range(len(pieces))
    return Course(
        starts=starts_of([begins_anew(pieces, number, canvas) for number in numbers]),
        costs=tuple(map(cost_of, pieces)),
        shown_pixels=canvas[0] * canvas[1],
    )


def _file_of(
    data: bytes, head: int, stored: GIFFrame, screen: tuple[int, int] | None
) -> bytes:
    """Return a frame as a separate GIF, at its place on a screen if there is one."""
    left, top = (0, 0) if screen is None else stored.box[:2]
    flags = 0 if stored.transparent is None else _TRANSPARENT
    control = _CONTROL.pack(flags, 0, stored.transparent or 0)
    parts = (
        data[:6],
        struct.pack("<HH", *(screen or stored.piece.size)),
        data[10:head],
        bytes((_EXTENSION, _GRAPHIC_CONTROL, len(control))),
        control,
        b"\0,",
        struct.pack("<HH", left, top),
        data[stored.start + 5 : stored.end],
        _END,
    )
    return b"".join(parts)


def _unpacked(data: bytes, head: int, stored: GIFFrame) -> Image.Image | None:
    """Decode a frame with Pillow's decoder, without a file around it.

    Opening a file takes ten times as long as decoding a small frame. ``None`` if it is
    damaged, or cut off.
    """
    flags = data[stored.start + _IMAGE.size]
    first = stored.start + 1 + _IMAGE.size
    at = first + _table_bytes(flags)
    colours = data[first:at] or data[_HEADER.size : head]
    filling = stored.transparent or 0
    # Pillow treats samples that are indices of equal greys as grey samples.
    mode = "L" if _GREYS.startswith(colours) else "P"
    image = Image.new(mode, stored.piece.size, filling)
    try:
        image.frombytes(
            data[at + 1 : stored.end],
            "gif",
            (data[at], bool(flags & _INTERLACED), -1),
        )
    except (ValueError, IndexError, OSError):
        return None
    if mode == "P":
        image.putpalette(colours)
    if stored.transparent is not None:
        image.info["transparency"] = stored.transparent
    return image


_MOST_TINY_BYTES = 64
_TINY_SIDE = 64
"""Most bytes, and longest side in pixels, of frames of which thousands may be alike."""

_INTERLACED = 0x40
_GREYS = bytes(value for grey in range(256) for value in (grey, grey, grey))
