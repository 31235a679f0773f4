"""Read how many frames a file has and how long each is shown, without decoding any.

Pillow learns of a frame when it comes to it, which is too late to choose a sample. What
is read here only chooses: a file that lies about its frames gets the wrong sample, and
decoding then ends with a reason.

Rules this module keeps: the steps that are taken are limited by the length of a file,
whatever it says, which also limits those of Pillow behind it; what is cut off or
nonsense ends the count, and raises nothing.

Sources: CSS "GIF89a" (1990); W3C PNG, third edition, section 11.3.6; Google's WebP
container specification; ISO/IEC 14496-12 (``stts``); TIFF 6.0 and BigTIFF.
"""

import io
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import BinaryIO, Literal

MOST_COUNTED = 5000
"""Frames that are counted: three minutes at 24 a second. To come to a later one, all
before it would have to be decoded, for 12 µs or more each."""

_FREE_STEPS = 10_000
_BYTES_PER_STEP = 64
"""Blocks and chunks that are stepped over: so many, and one for so many bytes. Pillow
steps over them one by one as well, at up to 3 µs each, and a file of empty ones would
take it a minute. Writers fill them: 255 bytes in GIF, 8 KiB and more in PNG."""

_MOST_PAGES = 1000
"""Pages of a TIFF. Pillow compares each with all before it."""

_MOST_TAGS = 20_000
"""Tags of a TIFF, in all pages together. Pillow takes 5 µs for each; a page has 20."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """The frames of a file.

    Attributes:
        durations: For how long each frame is shown, in a unit of the file's.
        canvas: Width and height that all frames together need, where the file says so.
        is_whole: If false, there may be more frames than were counted, or the file
            contradicts itself.
        is_cut: If true, the file breaks off before the next frame begins.
        places: Where the blocks of each frame begin, and where those of the last end;
            empty where that is not known.
    """

    durations: tuple[int, ...]
    canvas: tuple[int, int] = (0, 0)
    is_whole: bool = True
    is_cut: bool = False
    places: tuple[int, ...] = ()


def _steps_for(length: int) -> int:
    """Return how many steps a file of this length may take."""
    return _FREE_STEPS + length // _BYTES_PER_STEP


# --- GIF -----------------------------------------------------------------------------

_GIF_HEADER = struct.Struct("<6sHHBBB")
_GIF_IMAGE = struct.Struct("<HHHHB")
_TABLE_FLAG = 0x80
_EXTENSION, _IMAGE = b"!"[0], b","[0]
_GRAPHIC_CONTROL = 0xF9


def gif_timing(data: bytes) -> Timing:
    """Return the frames of a GIF; its canvas is as large as its largest frame."""
    if len(data) < _GIF_HEADER.size:
        return Timing(durations=(), is_whole=False)
    _, width, height, flags, _, _ = _GIF_HEADER.unpack_from(data)
    walk = _GIFWalk(data, _GIF_HEADER.size + _table_bytes(flags))
    durations: list[int] = []
    places = [walk.at]
    for right, bottom, duration in islice(walk.images(), MOST_COUNTED + 1):
        width, height = max(width, right), max(height, bottom)
        durations.append(duration)
        places.append(min(walk.at, len(data)))
    return Timing(
        durations=tuple(durations[:MOST_COUNTED]),
        canvas=(width, height),
        is_whole=len(durations) <= MOST_COUNTED and walk.steps_left > 0,
        is_cut=len(durations) <= MOST_COUNTED and walk.is_cut,
        places=tuple(places[: MOST_COUNTED + 1]),
    )


def _table_bytes(flags: int) -> int:
    """Return the length of the colour table that flags announce."""
    return 3 << ((flags & 7) + 1) if flags & _TABLE_FLAG else 0


class _GIFWalk:
    """Steps from block to block.

    Attributes:
        at: Where it is: behind an image, when it yields one.
        steps_left: How many more blocks are stepped over.
        is_cut: Whether the data break off within a block.
    """

    def __init__(self, data: bytes, at: int) -> None:
        self._data = data
        self.at = at
        self.steps_left = _steps_for(len(data))
        self.is_cut = False

    def images(self) -> Iterator[tuple[int, int, int]]:
        """Yield the right and bottom edge and the duration of each frame."""
        data, duration = self._data, 0
        while self.at < len(data) and self.steps_left > 0:
            block = data[self.at]
            self.at += 1
            self.steps_left -= 1
            if block == _EXTENSION:
                if data[self.at : self.at + 1] == bytes((_GRAPHIC_CONTROL,)):
                    start = self.at + 3
                    duration = int.from_bytes(data[start : start + 2], "little")
                self.at += 1
                self._skip_blocks()
            elif block == _IMAGE:
                edges = self._image()
                if edges is None:
                    self.is_cut = True
                    return
                yield *edges, duration
                duration = 0
            elif block == b";"[0]:
                return

    def _image(self) -> tuple[int, int] | None:
        """Step over an image; return its right and bottom edge."""
        if self.at + _GIF_IMAGE.size > len(self._data):
            return None
        left, top, width, height, flags = _GIF_IMAGE.unpack_from(self._data, self.at)
        self.at += _GIF_IMAGE.size + _table_bytes(flags) + 1
        self._skip_blocks()
        return left + width, top + height

    def _skip_blocks(self) -> None:
        """Step over data blocks up to the empty one."""
        data, at, steps, end = self._data, self.at, self.steps_left, len(self._data)
        while at < end and data[at] and steps > 0:
            at += data[at] + 1
            steps -= 1
        self.at, self.steps_left = at + 1, steps
        self.is_cut = at >= end


# --- PNG -----------------------------------------------------------------------------

_CHUNK_HEAD = struct.Struct(">I4s")
_CONTROL_BYTES = 26


@dataclass(frozen=True, slots=True)
class PNGChunk:
    """A chunk of a PNG.

    Attributes:
        name: Four bytes.
        start: Where it begins in the file, with its length and name.
        length: How long it says that its body is.
        head: The beginning of its body: as much as the control of a frame has.
    """

    name: bytes
    start: int
    length: int
    head: bytes

    @property
    def end(self) -> int:
        """Where it ends, with its checksum."""
        return self.start + self.length + 12


def png_timing(file: BinaryIO) -> Timing | None:
    """Return the frames of an APNG; the default image counts if it is not one of them.

    Args:
        file: The PNG, seekable, read from its beginning.

    Returns:
        The frames, without any of a PNG that does not move; ``None`` if there are too
        many chunks to step over.
    """
    durations: list[int] = []
    claimed, starts_with_default = 0, False
    steps_left = _steps_for(file.seek(0, io.SEEK_END))
    for chunk in png_chunks(file):
        steps_left -= 1
        if steps_left < 0:
            return None
        if chunk.name == b"acTL":
            claimed = int.from_bytes(chunk.head[:4], "big")
        elif chunk.name == b"IDAT":
            starts_with_default = starts_with_default or not durations
        elif chunk.name == b"fcTL":
            durations.append(_apng_duration(chunk.head))
    return Timing(
        durations=(*((0,) if starts_with_default else ()), *durations),
        is_whole=claimed == len(durations) <= MOST_COUNTED,
    )


def png_chunks(file: BinaryIO) -> Iterator[PNGChunk]:
    """Yield the chunks of a PNG up to its end; a file that breaks off has fewer.

    Args:
        file: The PNG, seekable; it may be read from elsewhere between two chunks.
    """
    at = 8
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


def _apng_duration(body: bytes) -> int:
    """Return a frame's duration in milliseconds; no denominator means hundredths."""
    over = int.from_bytes(body[20:22], "big")
    under = int.from_bytes(body[22:24], "big")
    return 1000 * over // (under or 100)


# --- WebP ----------------------------------------------------------------------------


def webp_timing(data: bytes) -> Timing:
    """Return the frames of a WebP, and its canvas."""
    durations: list[int] = []
    canvas = (0, 0)
    for name, body in _riff_chunks(data):
        if name == b"ANMF":
            durations.append(int.from_bytes(body[12:15], "little"))
        elif canvas == (0, 0):
            canvas = _webp_size(name, body)
        if len(durations) == MOST_COUNTED:
            return Timing(durations=tuple(durations), canvas=canvas, is_whole=False)
    return Timing(durations=tuple(durations) or (0,), canvas=canvas)


def _riff_chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield the names of chunks, and the beginning of what they hold."""
    at = 12
    for _ in range(_steps_for(len(data))):
        if at + 8 > len(data):
            return
        length = int.from_bytes(data[at + 4 : at + 8], "little")
        yield data[at : at + 4], data[at + 8 : at + 24]
        at += 8 + length + length % 2


def _webp_size(name: bytes, body: bytes) -> tuple[int, int]:
    """Return the width and height that a chunk gives, or nothing."""
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


# --- AVIF ----------------------------------------------------------------------------

_TIME_TO_SAMPLE = re.compile(rb"stts\0\0\0\0")
_RUN = struct.Struct(">II")


def avif_durations(data: bytes, count: int) -> tuple[int, ...]:
    """Return for how long each frame of an AVIF sequence is shown.

    The first table of durations in the file is taken for that of the colours, which is
    where writers put it; where there is none, all frames are alike.

    Args:
        data: The file.
        count: How many frames its decoder sees.
    """
    durations: list[int] = []
    found = _TIME_TO_SAMPLE.search(data)
    if found is not None:
        at = found.end() + 4
        runs = int.from_bytes(data[found.end() : at], "big")
        end = min(at + runs * _RUN.size, len(data) - _RUN.size + 1)
        for start in range(at, end, _RUN.size):
            samples, duration = _RUN.unpack_from(data, start)
            durations += [duration] * min(samples, count - len(durations))
            if len(durations) >= count:
                break
    return tuple(durations) + (0,) * (count - len(durations))


_CODEC = b"av1C"
_HIGH_BIT_DEPTH = 0x40


def avif_is_deep(data: bytes) -> bool:
    """Return whether a part of an AVIF may have samples of more than 8 bits.

    Args:
        data: The file; each of its parts has a box that says so.
    """
    at = data.find(_CODEC)
    while at >= 0:
        flags = data[at + 6 : at + 7]
        if flags and flags[0] & _HIGH_BIT_DEPTH:
            return True
        at = data.find(_CODEC, at + 1)
    return False


# --- TIFF ----------------------------------------------------------------------------

_BIG_TIFF = 43


def tiff_pages(file: BinaryIO) -> Timing:
    """Return the pages of a TIFF, all shown for as long.

    Args:
        file: The TIFF, seekable, read from its beginning.
    """
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
            # It broke off: whoever asks for this page learns of it.
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
