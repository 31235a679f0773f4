"""Read the number and the durations of a file's frames, without decoding any.

Pillow learns of a frame only when it reaches it, which is too late to choose a sample.
The data that are read here only serve this choice: a file with false data about its
frames gets the wrong sample, and decoding then ends with a reason.

Rules this module keeps: the number of steps is limited by the length of the file,
whatever it states, which also limits the later steps of Pillow; data that are cut off
or invalid end the count without an exception.

Sources: W3C PNG, third edition, section 11.3.6; Google's WebP container specification;
TIFF 6.0 and BigTIFF. GIFs and APNGs have their own modules; files of boxes are in
``boxes.py``.
"""

import io
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO, Final, Literal

from uploadfilter.pictures.sampling import Course

MOST_COUNTED = 5000
"""Most frames that are counted: three minutes at 24 a second. To reach a later frame,
all frames before it would have to be decoded, for 12 µs or more each."""

_FREE_STEPS = 10_000
_BYTES_PER_STEP = 64
"""Bytes of a file for each block or chunk that may be skipped, besides a fixed number.
Pillow skips them one by one as well, at up to 3 µs each, and would need a minute for a
file of empty ones. Writers fill them: 255 bytes in GIF, 8 KiB and more in PNG."""

_MOST_PAGES = 1000
"""Most pages of a TIFF. Pillow compares each with all earlier ones."""

_MOST_TAGS = 20_000
"""Most tags of a TIFF, in all pages together. Pillow takes 5 µs for each; a page has
20."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """The frames of a file.

    Attributes:
        durations: The duration of each frame, in milliseconds.
        canvas: Width and height of the shown picture, if the file gives them.
        is_whole: If false, there may be more frames than were counted, or the file
            contradicts itself.
        places: Offset of each frame in the file, empty if unknown.
        course: The cost of reaching each frame, if there are several.
    """

    durations: tuple[int, ...]
    canvas: tuple[int, int] = (0, 0)
    is_whole: bool = True
    places: tuple[int, ...] = ()
    course: Course | None = None


def starts_of(is_independent: Sequence[bool]) -> tuple[int, ...]:
    """Return for each frame the first frame that must be decoded for it.

    One is independent if it and all later frames look the same whatever was shown
    before. True for the first one.
    """
    starts, start = [], 0
    for number, begins in enumerate(is_independent):
        start = number if begins else start
        starts.append(start)
    return tuple(starts)


def steps_for(length: int) -> int:
    """Return the number of steps that a file of this length may take."""
    return _FREE_STEPS + length // _BYTES_PER_STEP


# --- PNG -----------------------------------------------------------------------------

_CHUNK_HEAD = struct.Struct(">I4s")
_CONTROL_BYTES = 26 + 4
"""Bytes of the control of a frame, and of its checksum."""


@dataclass(frozen=True, slots=True)
class PNGChunk:
    """A chunk of a PNG: name, offset, stated length, and first bytes of its body.

    They are as many as the control of a frame and its checksum have.
    """

    name: bytes
    start: int
    length: int
    head: bytes

    @property
    def end(self) -> int:
        """Return the offset after it and its checksum."""
        return self.start + self.length + 12


def png_chunks(file: BinaryIO, at: int = 8) -> Iterator[PNGChunk]:
    """Yield the chunks of a PNG from an offset on; a file that breaks off has fewer.

    The position of the file may change between two chunks.
    """
    while True:
        file.seek(at)
        head = file.read(_CHUNK_HEAD.size + _CONTROL_BYTES)
        if len(head) < _CHUNK_HEAD.size:
            return
        length, name = _CHUNK_HEAD.unpack_from(head)
        chunk = PNGChunk(name, at, length, head[_CHUNK_HEAD.size :])
        yield chunk
        if name == b"IEND":
            return
        at = chunk.end


# --- WebP ----------------------------------------------------------------------------


def webp_timing(data: bytes) -> Timing:
    """Return the frames of a WebP, and its canvas."""
    frames: list[_WebPFrame] = []
    canvas = (0, 0)
    steps_left = steps_for(len(data))
    for name, start, body in _riff_chunks(data):
        steps_left -= 1
        if name == b"ANMF":
            frames.append(_webp_frame(start, body, canvas))
        elif canvas == (0, 0):
            canvas = _webp_size(name, body)
        if len(frames) == MOST_COUNTED:
            steps_left = 0
        if steps_left <= 0:
            break
    return Timing(
        durations=tuple(each.duration for each in frames) or (0,),
        canvas=canvas,
        is_whole=steps_left > 0,
        places=tuple(each.start for each in frames),
        course=_webp_course(frames, canvas) if len(frames) > 1 else None,
    )


_FRAME_PIXELS: Final = 10_000
_SHARE_OF_CANVAS: Final = 4
"""The cost of a frame besides its own pixels: 0.1 ms, and copies of the canvas, which
are four times as fast."""


def _cost(width: int, height: int, canvas_pixels: int) -> int:
    return _FRAME_PIXELS + width * height + canvas_pixels // _SHARE_OF_CANVAS


@dataclass(frozen=True, slots=True)
class _WebPFrame:
    start: int
    width: int
    height: int
    duration: int
    is_independent: bool


_FRAME_HEAD_BYTES = 16
_FRAME_BYTES = 40
_NOT_BLENDED = 0x02
_LOSSLESS_ALPHA = 0x10
"""The bit for alpha in the last byte of a lossless picture's size."""


def _webp_frame(start: int, body: bytes, canvas: tuple[int, int]) -> _WebPFrame:
    left, top, width, height, duration = (
        int.from_bytes(body[at : at + 3], "little") for at in range(0, 15, 3)
    )
    size = width + 1, height + 1
    covers = (left, top, *size) == (0, 0, *canvas)
    is_replaced = bool(body[15:16] and body[15] & _NOT_BLENDED)
    stored = body[_FRAME_HEAD_BYTES : _FRAME_HEAD_BYTES + 4]
    bits = body[_FRAME_HEAD_BYTES + 12 : _FRAME_HEAD_BYTES + 13]
    is_opaque = stored == b"VP8 " or (
        stored == b"VP8L" and bits != b"" and not bits[0] & _LOSSLESS_ALPHA
    )
    return _WebPFrame(start, *size, duration, covers and (is_replaced or is_opaque))


def _webp_course(frames: Sequence[_WebPFrame], canvas: tuple[int, int]) -> Course:
    pixels = canvas[0] * canvas[1]
    return Course(
        starts=starts_of([each.is_independent for each in frames]),
        costs=tuple(_cost(each.width, each.height, pixels) for each in frames),
        shown_pixels=pixels,
    )


def _riff_chunks(data: bytes) -> Iterator[tuple[bytes, int, bytes]]:
    at = 12
    end = min(len(data), 8 + int.from_bytes(data[4:8], "little"))
    while at + 8 <= end:
        length = int.from_bytes(data[at + 4 : at + 8], "little")
        yield data[at : at + 4], at, data[at + 8 : at + 8 + _FRAME_BYTES]
        at += 8 + length + length % 2


def _webp_size(name: bytes, body: bytes) -> tuple[int, int]:
    if name == b"VP8X":
        return (
            int.from_bytes(body[4:7], "little") + 1,
            int.from_bytes(body[7:10], "little") + 1,
        )
    if name == b"VP8 ":
        return (
            int.from_bytes(body[6:8], "little") & 0x3FFF,
            int.from_bytes(body[8:10], "little") & 0x3FFF,
        )
    if name == b"VP8L":
        bits = int.from_bytes(body[1:5], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    return 0, 0


# --- TIFF ----------------------------------------------------------------------------

_BIG_TIFF = 43


def tiff_pages(file: BinaryIO) -> Timing:
    """Return the pages of a TIFF, all with the same duration."""
    file.seek(0)
    head = file.read(16)
    order: Literal["little", "big"] = "little" if head[:2] == b"II" else "big"
    is_big = int.from_bytes(head[2:4], order) == _BIG_TIFF
    size, entry, word = (8, 20, 8) if is_big else (2, 12, 4)
    at = int.from_bytes(head[8:16] if is_big else head[4:8], order)
    seen: set[int] = set()
    tags = 0
    length = file.seek(0, io.SEEK_END)
    while at and at not in seen and len(seen) < _MOST_PAGES:
        if at >= length:
            # It broke off, which the caller notices at this page.
            seen.add(at)
            break
        file.seek(at)
        entries = int.from_bytes(file.read(size), order)
        tags += entries
        if tags > _MOST_TAGS:
            break
        seen.add(at)
        file.seek(min(length, at + size + entries * entry))
        at = int.from_bytes(file.read(word), order)
    is_whole = tags <= _MOST_TAGS and (not at or at in seen)
    return Timing(durations=(1,) * len(seen), is_whole=is_whole)
