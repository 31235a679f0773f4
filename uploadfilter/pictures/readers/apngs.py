"""Read APNGs: find their frames, which Pillow decodes as separate PNGs.

Rules this module keeps: the number of steps is limited by the length of the file; a
file that contradicts itself about its frames is shown up to the contradiction, and is
not whole.

Source: W3C PNG, third edition, 4.9 and 11.3.6; where it leaves a choice, Chromium 156.
"""

import io
import re
import struct
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO, Final

from PIL import Image

from uploadfilter.model import Reason
from uploadfilter.pictures.formats import Format
from uploadfilter.pictures.headers.timing import (
    MOST_COUNTED,
    PNGChunk,
    png_chunks,
    starts_of,
    steps_for,
)
from uploadfilter.pictures.limits import DecodeLimits, check_frame
from uploadfilter.pictures.reader import Reader
from uploadfilter.pictures.readers.composing import (
    Composer,
    Disposal,
    Drawing,
    Piece,
    begins_anew,
    cost_of,
)
from uploadfilter.pictures.sampling import Course, key_frames

_MAGIC: Final = b"\x89PNG\r\n\x1a\n"
_CONTROL: Final = struct.Struct(">4xIIIIHHBB")
_DISPOSALS: Final = {1: Disposal.CLEAR, 2: Disposal.RESTORE}
_HAS_ALPHA: Final = 4
"""The bit of the colour type for alpha."""


@dataclass(frozen=True, slots=True, kw_only=True)
class APNGFrame:
    """One frame as it is stored, where its chunks begin, and its milliseconds."""

    piece: Piece
    start: int
    duration: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Frames:
    """The frames of a PNG.

    Attributes:
        frames: The frames in order; a default image that is not one of them comes
            first. Empty for a still PNG.
        has_default: Whether the first item is a default image that is not a frame.
        is_whole: If false, other decoders may show other frames.
    """

    frames: tuple[APNGFrame, ...] = ()
    canvas: tuple[int, int] = (0, 0)
    has_default: bool = False
    is_whole: bool = True


def frames_of_png(file: BinaryIO) -> Frames | None:
    """Return the frames of a PNG; ``None`` if there are too many chunks to skip."""
    found = _Chunks()
    steps_left = steps_for(file.seek(0, io.SEEK_END))
    for chunk in png_chunks(file):
        steps_left -= 1
        if steps_left < 0:
            return None
        found.note(chunk)
    return found.frames()


class _Chunks:
    def __init__(self) -> None:
        self._canvas = (0, 0)
        self._is_opaque = False
        self._stored: list[APNGFrame] = []
        self._claimed: list[int] = []
        self._data_at: int | None = None
        self._has_default = False
        self._has_frame_data = False
        self._letters = bytearray()
        self._sequence = 0

    def note(self, chunk: PNGChunk) -> None:
        """Note one chunk."""
        self._letters += self._letter(chunk)
        if chunk.name == b"IHDR" and not any(self._canvas):
            width, height, _, colour = struct.unpack_from(">IIBB", chunk.head.ljust(10))
            self._canvas = width, height
            self._is_opaque = not colour & _HAS_ALPHA
        elif chunk.name == b"tRNS":
            self._is_opaque = False
        elif chunk.name == b"acTL":
            # A control after the data is ignored.
            count = int.from_bytes(chunk.head[:4], "big")
            self._claimed.append(count if self._data_at is None else -1)
        elif chunk.name == b"IDAT" and self._data_at is None:
            self._data_at = chunk.start
            self._has_default = not self._stored
        elif chunk.name == b"fdAT":
            self._has_frame_data = True
        elif chunk.name == b"fcTL":
            self._stored.append(self._frame(chunk))

    def _letter(self, chunk: PNGChunk) -> bytes:
        """Return what a chunk is in ``_ORDER``: nothing if it may stand anywhere."""
        match chunk.name:
            case b"fcTL":
                return b"c" if self._is_next(chunk) and _is_known(chunk) else b"!"
            case b"fdAT":
                return b"f" if self._is_next(chunk) else b"!"
            case b"IDAT":
                return b"d"
            case b"IEND":
                return b"e"
            case name:
                is_head = name[:1] <= _LAST_CAPITAL or name == b"tRNS"
                return b"h" if is_head else b""

    def _is_next(self, chunk: PNGChunk) -> bool:
        """Return whether a chunk has the next number, and count on."""
        number = self._sequence.to_bytes(_NUMBER_BYTES, "big")
        self._sequence += 1
        return chunk.length >= _NUMBER_BYTES and chunk.head[:_NUMBER_BYTES] == number

    def _is_in_order(self) -> bool:
        return _ORDER.fullmatch(self._letters) is not None

    def _frame(self, chunk: PNGChunk) -> APNGFrame:
        """Read the control of a frame; denominator 0 means hundredths of a second."""
        fields = _CONTROL.unpack(
            chunk.head[: _CONTROL.size].ljust(_CONTROL.size, b"\0")
        )
        width, height, left, top, over, under, disposal, blend = fields
        piece = Piece(
            box=(left, top, left + width, top + height),
            drawing=Drawing.BLEND if blend and not self._is_opaque else Drawing.REPLACE,
            disposal=_DISPOSALS.get(disposal, Disposal.KEEP),
        )
        duration = 1000 * over // (under or 100)
        return APNGFrame(piece=piece, start=chunk.start, duration=duration)

    def frames(self) -> Frames:
        """Return the frames that the chunks describe."""
        default = APNGFrame(
            piece=Piece(
                box=(0, 0, *self._canvas),
                drawing=Drawing.REPLACE,
                disposal=Disposal.CLEAR,
            ),
            start=self._data_at or 0,
        )
        is_moving = bool(self._claimed or self._stored or self._has_frame_data)
        before = (default,) if self._has_default else ()
        return Frames(
            frames=(*before, *self._stored[:MOST_COUNTED]) if is_moving else (),
            canvas=self._canvas,
            has_default=self._has_default,
            is_whole=self._is_whole() if is_moving else True,
        )

    def _is_whole(self) -> bool:
        if self._claimed != [len(self._stored)] or len(self._stored) > MOST_COUNTED:
            return False
        boxes = [each.piece.box for each in self._stored]
        width, height = self._canvas
        is_inside = all(
            left < right <= width and top < bottom <= height
            for left, top, right, bottom in boxes
        )
        is_covered = self._has_default or boxes[:1] == [(0, 0, width, height)]
        return bool(boxes) and is_inside and is_covered and self._is_in_order()


_NUMBER_BYTES: Final = 4
_LAST_CAPITAL: Final = b"Z"
_ORDER: Final = re.compile(rb"h*(?:e|(?:ch*)?(?:d+(?:cf+)*[ce]?)?)")
"""The required order of controls, data, data of frames, the end, and other chunks that
matter; the file may break off. Browsers stop at the first frame out of order and keep
showing the frame before it. So that frame is the last one, whatever follows."""


def _is_known(chunk: PNGChunk) -> bool:
    body, checksum = chunk.head[: _CONTROL.size], chunk.head[_CONTROL.size :]
    crc = zlib.crc32(body, zlib.crc32(chunk.name))
    if chunk.length != _CONTROL.size or checksum != crc.to_bytes(4, "big"):
        return False
    disposal, blend = body[-2:]
    return disposal in _DISPOSALS.keys() | {0} and blend in {0, 1}


def apng_reader(
    file: BinaryIO,
    found: Frames,
    picture_format: Format,
    limits: DecodeLimits,
    *,
    dressed: Callable[[Image.Image], Image.Image],
) -> Reader:
    """Open an APNG with all its frames, at least one.

    ``dressed`` adds the metadata of all frames to the picture of one.
    """
    stored, canvas = found.frames, found.canvas
    ends = (*(each.start for each in stored[1:]), None)
    head = _head_of(file)

    def check(size: tuple[int, int]) -> None:
        check_frame(size, limits, bytes_per_pixel=picture_format.moving_bytes_per_pixel)

    def opened(number: int) -> Image.Image:
        each = stored[number]
        check(each.piece.size)
        data = _data_of(file, each.start, ends[number])
        parts = (_MAGIC, _header(head[0], each.piece.size), *head[1:], *data, _END)
        image = Image.open(io.BytesIO(b"".join(parts)), formats=picture_format.pillow)
        return dressed(image)

    check(canvas)
    pieces = [each.piece for each in stored]
    numbers = range(len(pieces))
    durations = tuple(each.duration for each in stored)
    course = Course(
        starts=starts_of([begins_anew(pieces, at, canvas) for at in numbers]),
        costs=tuple(map(cost_of, pieces)),
        shown_pixels=canvas[0] * canvas[1],
    )
    composer = Composer(canvas, pieces, opened, first=lambda: opened(0), course=course)
    return Reader(
        frame=composer.frame,
        durations=durations,
        keys=_keys_after_default(durations) if found.has_default else None,
        course=course,
        lack=None if found.is_whole else Reason.KEY_FRAME_UNSEEN,
    )


def _keys_after_default(durations: Sequence[int]) -> tuple[int, ...]:
    """Return the key frames, and the default image, which some viewers show instead."""
    return 0, *(1 + key for key in key_frames(durations[1:]))


def _head_of(file: BinaryIO) -> list[bytes]:
    parts = []
    for chunk in png_chunks(file):
        if chunk.name in {b"fcTL", b"IDAT", b"fdAT", b"IEND"}:
            break
        if chunk.name != b"acTL":
            parts.append(_chunk(chunk.name, _body(file, chunk)))
    return parts


def _header(chunk: bytes, size: tuple[int, int]) -> bytes:
    return _chunk(b"IHDR", struct.pack(">II", *size) + chunk[16:-4])


def _data_of(file: BinaryIO, start: int, end: int | None) -> Iterator[bytes]:
    for chunk in png_chunks(file, start):
        if end is not None and chunk.start >= end:
            return
        if chunk.name in {b"IDAT", b"fdAT"}:
            skipped = 4 if chunk.name == b"fdAT" else 0
            yield _chunk(b"IDAT", _body(file, chunk)[skipped:])


def _body(file: BinaryIO, chunk: PNGChunk) -> bytes:
    file.seek(chunk.start + 8)
    return file.read(chunk.length)


def _chunk(name: bytes, body: bytes) -> bytes:
    checksum = zlib.crc32(body, zlib.crc32(name))
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", checksum)


_END: Final = _chunk(b"IEND", b"")
