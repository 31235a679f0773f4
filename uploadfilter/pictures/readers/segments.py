"""Begin a WebP at a later frame that does not build on others.

A frame builds on all frames before it, so that somebody can hide a picture after more
decoys than can be decoded. But many frames cover the whole canvas. So an animation is
cut before each of these, and a segment is opened like a separate file: the frames
before it cost nothing.
"""

import struct
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import replace

from uploadfilter.model import Reason
from uploadfilter.pictures.frame import Frame
from uploadfilter.pictures.headers.timing import Timing
from uploadfilter.pictures.reader import Reader
from uploadfilter.pictures.sampling import Course

Opener = Callable[[range], Reader]
"""Opens the frames of a segment."""


class SegmentReader:
    """An animation that is decoded segment by segment.

    Args:
        durations: The durations of all its frames, in milliseconds.
        course: The cost of reaching each frame.
        lack: The reason if something is known to be missing.
        opened: Opens a segment.
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
        """Decode a frame by its number in the whole file."""
        if self._reader is None or number not in self._segment:
            self._segment = self._segment_of(number)
            self._reader = None  # before the next one is opened
            self._reader = self._open(self._segment)
        frame = self._reader.frame(number - self._segment.start)
        return replace(frame, number=number)

    def _segment_of(self, number: int) -> range:
        """Return the segment with a frame."""
        after = bisect_right(self._starts, number)
        ends = (*self._starts, len(self.durations))
        return range(ends[after - 1], ends[after])


def webp_segment(data: bytes, frames: Timing, segment: range) -> bytes:
    """Return some frames of a WebP as a file without its profile and metadata.

    Args:
        data: The WebP.
        frames: All its frames.
        segment: The numbers of the frames.
    """
    if segment == range(len(frames.places)):
        return data
    places = (*frames.places, len(data))
    sides = b"".join((side - 1).to_bytes(3, "little") for side in frames.canvas)
    parts = (
        b"WEBPVP8X",
        struct.pack("<II", _HEAD_BYTES, data[_FLAGS_AT] & _HAS_ALPHA | _MOVES),
        sides,
        b"ANIM",
        struct.pack("<IIH", _ANIMATION_BYTES, 0, 0),
        data[places[segment.start] : places[segment.stop]],
    )
    body = b"".join(parts)
    return b"RIFF" + struct.pack("<I", len(body)) + body


_HEAD_BYTES, _ANIMATION_BYTES = 10, 6
_FLAGS_AT, _HAS_ALPHA, _MOVES = 20, 0x10, 0x02
