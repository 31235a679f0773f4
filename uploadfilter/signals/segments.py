"""Begin an animation at a later frame, where that frame does not build on others.

A frame is built on all before it, so that whoever hides a picture puts it after more
decoys than can be decoded. But many frames cover all that was there. So an animation is
cut before each of those, and a segment is opened as if it were a file of its own: what
comes before it costs nothing.
"""

import io
import struct
import zlib
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import BinaryIO

from uploadfilter.model import Reason
from uploadfilter.signals.frame import Frame
from uploadfilter.signals.readers import Reader
from uploadfilter.signals.sampling import Course
from uploadfilter.signals.timing import PNGChunk, Timing, png_chunks

Opener = Callable[[range], Reader]
"""Opens the frames of a segment."""


class SegmentReader:
    """An animation that is decoded segment by segment.

    Args:
        durations: Of all its frames, in milliseconds.
        course: What it costs to come to each.
        lack: What is known to be missing.
        opened: What opens a segment.
    """

    keys: Sequence[int] | None = None

    def __init__(
        self,
        durations: Sequence[int],
        course: Course,
        opened: Opener,
        *,
        lack: Reason | None = None,
    ) -> None:
        self.durations = durations
        self.course: Course | None = course
        self.lack = lack
        self._starts = sorted({0, *course.starts})
        self._open = opened
        self._segment = range(0)
        self._reader: Reader | None = None

    def frame(self, number: int) -> Frame:
        """Decode a frame; its number is that in the whole file."""
        if self._reader is None or number not in self._segment:
            self._segment = self._segment_of(number)
            self._reader = None  # before there is another
            self._reader = self._open(self._segment)
        frame = self._reader.frame(number - self._segment.start)
        return replace(frame, number=number)

    def _segment_of(self, number: int) -> range:
        """Return the frames that are opened together with one."""
        after = bisect_right(self._starts, number)
        ends = (*self._starts, len(self.durations))
        return range(ends[after - 1], ends[after])


def webp_segment(data: bytes, frames: Timing, segment: range) -> bytes:
    """Return some frames of a WebP as a file.

    Args:
        data: The WebP.
        frames: All its frames.
        segment: Which of them.
    """
    places = (*frames.places, len(data))
    if segment == range(len(frames.places)):
        return data
    body = data[8 : places[0]] + data[places[segment.start] : places[segment.stop]]
    return b"RIFF" + struct.pack("<I", len(body)) + body


def png_segment(file: BinaryIO, frames: Timing, segment: range) -> BinaryIO:
    """Return some frames of an APNG as a file.

    Args:
        file: The APNG, seekable.
        frames: All its frames, the default image among them if it is none of them.
        segment: Which of them.
    """
    count = len(frames.places)
    if frames.is_whole and segment == range(count):
        return file
    stop = frames.places[segment.stop] if segment.stop < count else None
    chunks = png_chunks(file, frames.places[segment.start])
    parts = [b"\x89PNG\r\n\x1a\n"]
    for chunk in png_chunks(file):
        if chunk.name in {b"fcTL", b"IDAT", b"fdAT", b"IEND"}:
            break
        if chunk.name != b"acTL":
            parts.append(_chunk(chunk.name, _body(file, chunk)))
    if len(segment) > 1:
        parts.append(_chunk(b"acTL", struct.pack(">II", len(segment), 0)))
    parts += _renumbered(file, chunks, stop, is_moving=len(segment) > 1)
    return io.BytesIO(b"".join(parts) + _chunk(b"IEND", b""))


def _renumbered(
    file: BinaryIO, chunks: Iterator[PNGChunk], stop: int | None, *, is_moving: bool
) -> Iterator[bytes]:
    """Yield chunks of frames, the first of which becomes the default image."""
    number, controls = 0, 0
    for chunk in chunks:
        if stop is not None and chunk.start >= stop:
            return
        body = _body(file, chunk)
        if chunk.name == b"fcTL":
            controls += 1
            if is_moving:
                yield _chunk(b"fcTL", struct.pack(">I", number) + body[4:])
                number += 1
        elif chunk.name == b"fdAT" and controls > 1:
            yield _chunk(b"fdAT", struct.pack(">I", number) + body[4:])
            number += 1
        elif chunk.name == b"fdAT":
            yield _chunk(b"IDAT", body[4:])
        elif chunk.name == b"IDAT":
            yield _chunk(b"IDAT", body)


def _body(file: BinaryIO, chunk: PNGChunk) -> bytes:
    """Return what a chunk holds, as far as it arrived."""
    file.seek(chunk.start + 8)
    return file.read(chunk.length)


def _chunk(name: bytes, body: bytes) -> bytes:
    checksum = zlib.crc32(body, zlib.crc32(name))
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", checksum)
