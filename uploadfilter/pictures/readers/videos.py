"""Read the frames of a video with PyAV, which calls FFmpeg.

PyAV is an extra (``uploadfilter[video]``). Rules this module keeps:

- FFmpeg gets our own file object, one demuxer that the first bytes name, and a list of
  decoders; it opens nothing else, and decodes in one thread.
- No index is trusted: packets are read in the order of the file, and only those that
  the plan (``moments.py``) names are decoded.
- A track whose frames need much memory is decoded in intra-coded frames only, and a
  larger one not at all.
- What is not reached is no error: the share that was seen is counted.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO, Final

import numpy as np
from PIL import Image

from uploadfilter.pictures.faults import note
from uploadfilter.pictures.moments import (
    TrackCourse,
    intra_of,
    joined,
    seen_percent,
    spans_of,
)

if TYPE_CHECKING:
    import av
else:
    try:
        import av
        import av.subtitles.stream  # else imported at the first file: too late
    except (ImportError, OSError):  # absent, or without a library that it needs
        av = None

IS_THERE: Final = av is not None
"""Whether videos can be read."""

CODECS: Final = frozenset(
    {"h264", "hevc", "vp8", "vp9", "libdav1d", "libaom-av1", "av1", "mpeg4", "mjpeg"}
)
"""Names of the decoders that may run: what browsers and phones play."""

MOST_PACKETS: Final = 300_000
"""Most packets of one pass: over two hours of film. Each takes 3 microseconds."""

_MOST_ENTRIES: Final = 2_000_000
"""Most frames that the tables of an MP4 may announce: FFmpeg allocates 24 bytes for
each before it reads one, and an entry need not have a byte in the file."""

_MOST_TRACKS: Final = 4
_HELD_FRAMES: Final = 18
"""Frames that a decoder may hold: 16 that others build on, and two in work."""

_HELD_BYTES: Final = 240_000_000
"""Most bytes of them: 4K in 8 bits has 224 million, and the process with its libraries
stays below 400 MiB."""

_INTRA_BYTES: Final = 80_000_000
"""Most bytes of a frame of which only intra-coded ones are decoded, two at a time: 8K
in 8 bits has 50 million."""

_LEAST_SIDE: Final = 512
"""Shorter side, in pixels, to which a large frame is reduced, as JPEGs are."""

_TABLES: Final = re.compile(
    rb"\0...(?:stsz.{8}|stz2.{8}|trun.{4})(?=(.{4}))", re.DOTALL
)
_CHUNK_BYTES: Final = 1 << 20
_OVERLAP_BYTES: Final = 24

_OPTIONS: Final = {
    "codec_whitelist": ",".join(sorted(CODECS)),
    "protocol_whitelist": "none",
    "probesize": "1000000",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """One frame of a video.

    Attributes:
        image: Its luma, reduced if it is large.
        track: Number of its track, from 0.
        time_s: When it is shown, in seconds from the first frame.
    """

    image: Image.Image
    track: int
    time_s: float


@dataclass(slots=True)
class _Track:
    """One track, and what was seen of it.

    Attributes:
        stream: FFmpeg's stream.
        course: Its frames, as far as packets were read.
        start: Time of its first frame, in units of the stream.
        is_whole: Whether all packets were read, and none was spoiled.
        is_heavy: Whether only intra-coded frames are decoded.
        seen_s: When the frames are shown that were decoded.
    """

    stream: "av.VideoStream"
    course: TrackCourse
    start: int
    is_whole: bool = True
    is_heavy: bool = False
    seen_s: list[float] = field(default_factory=list)

    @property
    def is_seen(self) -> bool:
        """Whether every second was seen."""
        return self.is_whole and self.percent == 100  # noqa: PLR2004 - percent

    @property
    def percent(self) -> int:
        """The share of its seconds that was seen."""
        return seen_percent(self.course, self.seen_s)


class Film:
    """A video, from which frames are read once.

    Args:
        file: The content, seekable.
        clock: Tells the CPU seconds of this process.
        until_s: Time on that clock after which no packet is decoded; ``None`` for no
            limit.
    """

    def __init__(
        self, file: BinaryIO, *, clock: Callable[[], float], until_s: float | None
    ) -> None:
        self._file = file
        self._clock = clock
        self._until_s = until_s
        self._tracks: list[_Track] = []
        self._is_opened = False

    @property
    def has_tracks(self) -> bool:
        """Whether it holds pictures, or may hold some that cannot be read."""
        return not self._is_opened or bool(self._tracks)

    @property
    def is_seen(self) -> bool:
        """Whether a frame of every second was seen."""
        return self._is_opened and all(track.is_seen for track in self._tracks)

    @property
    def percent(self) -> int:
        """The share of seconds that was seen, of the track that was seen least."""
        if not self._is_opened:
            return 0
        return min((track.percent for track in self._tracks), default=100)

    def end(self) -> None:
        """Note that the caller takes no more frames."""
        for track in self._tracks:
            track.is_whole = False

    def moments(self) -> Iterator[Moment]:
        """Yield frames: intra-coded ones, then all that there is time for."""
        form = form_of(self._file)
        if form is None or (form == "mov" and entries_of(self._file) > _MOST_ENTRIES):
            return
        self._file.seek(0)
        try:
            with av.open(self._file, format=form, options=_OPTIONS) as container:
                self._tracks = list(self._read_tracks(container))
                self._is_opened = True
                yield from self._read(container)
        except (av.FFmpegError, *_ERRORS) as exc:
            # What was seen by then counts; the rest is not seen.
            note(exc)
            self.end()

    def _read(self, container: "av.container.InputContainer") -> Iterator[Moment]:
        for number, track in enumerate(self._tracks):
            begun_s, chosen = self._clock(), intra_of(track.course)
            yield from self._decode(container, number, chosen)
            each_s = (self._clock() - begun_s) / max(1, len(track.seen_s))
            if track.is_heavy or self._has_ended():
                continue
            tracks_left = len(self._tracks) - number
            budget = self._frames_within(each_s, tracks_left)
            spans = spans_of(track.course, budget)
            if sum(map(len, spans)) > len(chosen):
                yield from self._decode(container, number, spans)

    def _frames_within(self, each_s: float, tracks_left: int) -> int:
        if self._until_s is None:
            return MOST_PACKETS
        left_s = (self._until_s - self._clock()) / tracks_left
        return int(left_s / max(each_s, _LEAST_FRAME_S))

    def _has_ended(self) -> bool:
        return self._until_s is not None and self._clock() > self._until_s

    # --- Packets -------------------------------------------------------------------

    def _read_tracks(
        self, container: "av.container.InputContainer"
    ) -> Iterator[_Track]:
        """Read all packets once; yield the tracks of pictures."""
        streams = [
            it
            for it in container.streams.video
            if not int(it.disposition) & _ATTACHED_PICTURE
        ]
        found: dict[int, tuple[list[int], list[int]]] = {}
        is_whole = self._read_course(container, found)
        for stream in streams[:_MOST_TRACKS]:
            times, intra = found.get(stream.index, ([], []))
            base, start = float(stream.time_base or 1), min(times, default=0)
            size = _frame_bytes(stream)
            is_read = stream.codec_context.name in CODECS and size <= _INTRA_BYTES
            yield _Track(
                stream=stream,
                course=TrackCourse(
                    times_s=[(time - start) * base for time in times],
                    intra=intra if is_read else [],
                ),
                start=start,
                is_whole=is_whole and is_read and len(streams) <= _MOST_TRACKS,
                is_heavy=size * _HELD_FRAMES > _HELD_BYTES,
            )

    def _read_course(
        self,
        container: "av.container.InputContainer",
        found: dict[int, tuple[list[int], list[int]]],
    ) -> bool:
        """Note the times and intra-coded frames of streams; return whether all are."""
        streams = container.streams.video[:_MOST_TRACKS]
        for count, packet in enumerate(container.demux(streams) if streams else ()):
            if count > MOST_PACKETS or (count % 64 == 0 and self._has_ended()):
                return False
            if not packet.size:
                continue
            times, intra = found.setdefault(packet.stream_index, ([], []))
            if packet.is_keyframe:
                intra.append(len(times))
            times.append(_time_of(packet) or (times[-1] + 1 if times else 0))
        return True

    def _decode(
        self,
        container: "av.container.InputContainer",
        number: int,
        spans: Sequence[range],
    ) -> Iterator[Moment]:
        """Read the packets of a track again, and decode the spans of them."""
        track = self._tracks[number]
        context = track.stream.codec_context
        container.seek(0, backward=True, any_frame=False)
        waiting, at = iter(joined(spans)), -1
        span = next(waiting, None)
        if context.is_open:
            context.flush_buffers()
        for packet in container.demux(track.stream):
            if span is None or self._has_ended():
                return
            at += bool(packet.size)
            if not packet.size or at < span.start:
                continue
            is_last = at + 1 >= span.stop
            yield from self._frames(context, packet, number, is_last=is_last)
            if is_last:
                span = next(waiting, None)

    def _frames(
        self,
        context: "av.VideoCodecContext",
        packet: "av.Packet",
        number: int,
        *,
        is_last: bool,
    ) -> Iterator[Moment]:
        """Decode a packet, and after the last one of a span what the decoder holds."""
        track = self._tracks[number]
        if not context.is_open:
            context.thread_count = 1
            context.thread_type = "NONE"
            context.options = {"max_pixels": str(_pixels_of(track.stream))}
        try:
            frames = context.decode(packet)
            if is_last:
                frames += context.decode(None)
                context.flush_buffers()
        except av.FFmpegError as exc:
            note(exc)
            track.is_whole = False
            return
        base = float(track.stream.time_base or 1)
        for frame in frames:
            time_s = ((frame.pts or 0) - track.start) * base
            track.seen_s.append(time_s)
            yield Moment(image=_luma(frame), track=number, time_s=max(0.0, time_s))


_ERRORS: Final = (OSError, ValueError, ArithmeticError, LookupError)
_EDGE_PIXELS: Final = 300_000
_LEAST_FRAME_S: Final = 0.0001
_ATTACHED_PICTURE: Final = 0x400
"""A cover, which is carved as any picture is (``AV_DISPOSITION_ATTACHED_PIC``)."""


def form_of(file: BinaryIO) -> str | None:
    """Return FFmpeg's name of the demuxer for a file, by its first bytes."""
    file.seek(0)
    head = file.read(12)
    if head.startswith(b"\x1a\x45\xdf\xa3"):
        return "matroska"
    if head[:4] == b"RIFF":
        return "avi" if head[8:12] == b"AVI " else None
    is_box = head[4:8] in _FIRST_BOXES
    return "mov" if is_box else None


_FIRST_BOXES: Final = frozenset(
    {b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"}
)


def entries_of(file: BinaryIO) -> int:
    """Return how many frames the tables of an MP4 announce."""
    total, tail = 0, b""
    file.seek(0)
    while block := file.read(_CHUNK_BYTES):
        data = tail + block
        for match in _TABLES.finditer(data):
            total += int.from_bytes(match[1], "big")
        tail = data[-_OVERLAP_BYTES:]
    return total


def _time_of(packet: "av.Packet") -> int | None:
    time: int | None = packet.dts if packet.pts is None else packet.pts
    return time


def _pixels_of(stream: "av.VideoStream") -> int:
    """Return the most pixels of a frame, with the edges that decoders add to it."""
    context = stream.codec_context
    return int(context.width * context.height * 5 // 4 + _EDGE_PIXELS)


def _frame_bytes(stream: "av.VideoStream") -> int:
    """Return the bytes of a frame in memory, as its header says."""
    context = stream.codec_context
    layout = av.VideoFormat(context.pix_fmt or "yuv420p")
    return int(context.width * context.height * layout.padded_bits_per_pixel // 8)


def _luma(frame: "av.VideoFrame") -> Image.Image:
    """Return the luma of a frame in its full range, reduced if it is large."""
    depth = frame.format.components[0].bits
    if not frame.format.name.startswith(("yuv", "gray")) or "yuyv" in frame.format.name:
        frame, depth = frame.reformat(format="gray"), 8
    plane = frame.planes[0]
    rows = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)[: frame.height]
    if depth > 8:  # noqa: PLR2004 - bits of a byte
        wide = rows[:, : 2 * frame.width].view("<u2")
        rows = (wide >> (depth - 8)).astype(np.uint8)
    image = Image.fromarray(np.ascontiguousarray(rows[:, : frame.width]))
    by = max(
        it for it in (1, 2, 4, 8) if it == 1 or min(image.size) >= it * _LEAST_SIDE
    )
    if by > 1:
        image = image.reduce(by)
    if frame.color_range != _FULL_RANGE:
        image = image.point(_STRETCHED)
    return image


_FULL_RANGE: Final = 2
_STRETCHED: Final = [
    round(min(255, max(0, (it - 16) * 255 / 219))) for it in range(256)
]
"""Luma from 16 to 235, as most videos have it, in 0 to 255."""
