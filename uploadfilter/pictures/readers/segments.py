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

from uploadfilter.pictures.frame import Frame
from uploadfilter.pictures.headers.timing import Timing
from uploadfilter.pictures.reader import Reader
from uploadfilter.pictures.sampling import Course


def read_segments(
    durations: Sequence[int], course: Course, open_segment: Callable[[range], Reader]
) -> Reader:
    """Return a reader of an animation that is decoded segment by segment."""
    starts = (*sorted({0, *course.starts}), len(durations))
    segment, reader = range(0), None

    def frame(number: int) -> Frame:
        nonlocal segment, reader
        if reader is None or number not in segment:
            after = bisect_right(starts, number)
            segment = range(starts[after - 1], starts[after])
            reader = None  # before the next one is opened
            reader = open_segment(segment)
        return replace(reader.frame(number - segment.start), number=number)

    return Reader(frame=frame, durations=durations, course=course)


def webp_segment(data: bytes, frames: Timing, segment: range) -> bytes:
    """Return some frames of a WebP as a file without its profile and metadata."""
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
