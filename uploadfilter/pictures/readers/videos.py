"""Read the frames of a video with PyAV, which calls FFmpeg.

PyAV is an extra (``uploadfilter[video]``). Rules this module keeps:

- FFmpeg gets our own file object, one demuxer that the first bytes name, and a list of
  decoders; it opens nothing else, and decodes in one thread.
- No index is trusted: packets are read in the order of the file, and only those that
  the plan (``moments.py``) names are decoded.
- A track whose frames need much memory is decoded in intra-coded frames only, and a
  larger one not at all.
- Frames that are not reached are no error: the share of seconds is counted.
"""

import io
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, BinaryIO, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from uploadfilter.errors import UsageError
from uploadfilter.extras import load_extra
from uploadfilter.model import Reason
from uploadfilter.pictures.faults import note
from uploadfilter.pictures.headers.videoheads import MOST_ENTRIES, entries_of, form_of
from uploadfilter.pictures.moments import (
    MOST_INTRA,
    TrackCourse,
    intra_of,
    joined,
    seen_percent,
    spans_of,
)
from uploadfilter.pictures.picture import Luma

if TYPE_CHECKING:
    import av
else:
    try:
        # Later imports would come too late: the second one is made at the first file.
        av, _ = load_extra(
            *("av", "av.subtitles.stream"),
            purpose="a video",
            extra="video",
            error=UsageError,
        )
    except UsageError:  # absent, too old, or without a library that it needs
        av = None

IS_THERE: Final = av is not None
"""Whether videos can be read."""

CODECS: Final = frozenset(
    {"h264", "hevc", "vp8", "vp9", "libdav1d", "libaom-av1", "av1", "mpeg4", "mjpeg"}
)
"""Names of the decoders that may run: what browsers and phones play."""

MOST_PACKETS: Final = 300_000
"""Most packets of one pass: over two hours of video. Each takes 3 microseconds."""

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

_PROBES: Final = 16
"""Frames that are decoded first, over the whole length: they tell the cost of one."""

_MOST_FILLS: Final = 4
"""Most passes after those of intra-coded frames alone. Each decodes the frames of the
earlier ones again, which cost little, and knows the cost of a frame better."""

_CAUTION: Final = 0.8
"""Share of the time that is planned for: some frames cost more than others, and those
at the end must not be lost."""

_OPTIONS: Final = {
    "codec_whitelist": ",".join(sorted(CODECS)),
    "protocol_whitelist": "none",
    "probesize": "1000000",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """One frame of a video.

    Attributes:
        time_s: When it is shown, in seconds from the first frame.
        is_pq: Whether its luma is PQ, a kind of HDR.
    """

    frame: "av.VideoFrame"
    track: int
    time_s: float
    is_pq: bool = False

    @property
    def sample(self) -> Luma:
        """A few samples of it in a grid, which say whether something changed.

        They take a hundredth of the time of the whole frame.
        """
        rows, depth = _rows(self.frame)
        by = max(1, min(rows.shape) // _SAMPLES)
        few: Luma = (rows[::by, ::by] >> (depth - 8)).astype(np.uint8)
        return few

    def image(self, *, as_stored: bool = False) -> Image.Image:
        """Return its luma in the full range, reduced if it is large.

        ``as_stored``: PQ stays as it is, grey as programs without HDR show it.
        """
        rows, depth = _rows(self.frame)
        if depth > 8:  # noqa: PLR2004 - bits of a byte
            rows = (rows >> (depth - 8)).astype(np.uint8)
        image = Image.fromarray(np.ascontiguousarray(rows))
        sides = (1, 2, 4, 8)
        by = max(it for it in sides if it == 1 or min(image.size) >= it * _LEAST_SIDE)
        if by > 1:
            image = image.reduce(by)
        if self.frame.color_range != _FULL_RANGE:
            image = image.point(_STRETCHED)
        return image.point(_FROM_PQ) if self.is_pq and not as_stored else image


@dataclass(slots=True, kw_only=True)
class _Track:
    """One track, and what was seen of it.

    Attributes:
        base_s: Its unit of time, in seconds; no stream may be asked once the file is
            closed.
        start: Time of its first frame, in these units.
        repeated: Times of more than one frame, in the same units.
        is_known: Whether it is in a listed codec, and not too large.
        is_whole: Whether all packets were read, and none was spoiled.
        is_heavy: Whether only intra-coded frames are decoded.
        seen: Times of the frames that were decoded, in the same units.
    """

    stream: "av.VideoStream"
    course: TrackCourse
    base_s: float
    start: int
    repeated: frozenset[int]
    is_known: bool = True
    is_whole: bool = True
    is_heavy: bool = False
    spent_s: float = 0.0
    seen: set[int] = field(default_factory=set)

    def time_s(self, time: int) -> float:
        """Return a time in seconds from the first frame."""
        return (time - self.start) * self.base_s

    @property
    def percent(self) -> int:
        """The share of its seconds that was seen."""
        return seen_percent(self.course, [self.time_s(it) for it in self.seen])


class Video:
    """A video, from which frames are read once, up to a time of a clock of CPU seconds.

    ``most_intra`` intra-coded frames come before everything else.
    """

    def __init__(
        self,
        file: BinaryIO,
        *,
        clock: Callable[[], float],
        until_s: float | None,
        most_intra: int = MOST_INTRA,
    ) -> None:
        self._file = file
        self._clock = clock
        self._until_s = until_s
        self._most_intra = most_intra
        self._tracks: list[_Track] = []
        self._is_opened = False
        self._is_late = False

    @property
    def lacks(self) -> tuple[Reason, ...]:
        """Why frames were not seen, once the caller takes no more; empty if all were.

        A frame of every second counts as all.
        """
        if not self._is_opened:
            late = Reason.VIDEO_UNFINISHED
            return (late if self._is_late else Reason.NOT_INSPECTED,)
        known = [track for track in self._tracks if track.is_known]
        lacks = [] if len(known) == len(self._tracks) else [Reason.NOT_INSPECTED]
        if any(not it.is_whole or it.percent < _ALL_PERCENT for it in known):
            lacks.append(Reason.VIDEO_UNFINISHED)
        return tuple(lacks)

    @property
    def percent(self) -> int | None:
        """The share of seconds that was seen, of the track that was seen least.

        ``None`` if there is none, or it could not be opened.
        """
        if not self._is_opened:
            return 0 if self._is_late else None
        return min((track.percent for track in self._tracks), default=None)

    def moments(self) -> Iterator[Moment]:
        """Yield frames: intra-coded ones, then all that there is time for."""
        form = form_of(self._file)
        if form is None or (form == "mov" and entries_of(self._file) > MOST_ENTRIES):
            return
        self._file.seek(0)
        timed = _TimedFile(self._file, self._has_ended)
        try:
            with av.open(timed, format=form, options=_OPTIONS) as container:
                self._tracks = list(self._read_tracks(container))
                self._is_opened = True
                yield from self._read(container)
        except TimeoutError:
            self._is_late = True
        except (av.FFmpegError, *_ERRORS) as exc:
            # Frames that were seen by then count.
            note(exc)
            for track in self._tracks:
                track.is_whole = False

    def _read(self, container: "av.container.InputContainer") -> Iterator[Moment]:
        for number, track in enumerate(self._tracks):
            fills = () if track.is_heavy else (None,) * _MOST_FILLS
            for most in (_PROBES, self._most_intra, *fills):
                budget = self._frames_within(track, len(self._tracks) - number)
                if most is None:
                    spans = spans_of(track.course, budget, self._most_intra)
                else:
                    spans = intra_of(track.course, min(most, budget))
                if self._has_ended() or sum(map(len, spans)) <= len(track.seen):
                    continue
                begun_s = self._clock()
                yield from self._decode(container, number, spans)
                track.spent_s += self._clock() - begun_s

    def _frames_within(self, track: _Track, tracks_left: int) -> int:
        if self._until_s is None or not track.seen:
            return MOST_PACKETS
        left_s = _CAUTION * (self._until_s - self._clock()) / tracks_left
        each_s = max(track.spent_s / len(track.seen), _LEAST_FRAME_S)
        # Frames of earlier passes cost little: they are only decoded again.
        return len(track.seen) + max(0, int(left_s / each_s))

    def _has_ended(self) -> bool:
        return self._until_s is not None and self._clock() > self._until_s

    # --- Packets -------------------------------------------------------------------

    def _read_tracks(
        self, container: "av.container.InputContainer"
    ) -> Iterator[_Track]:
        streams = [
            it
            for it in container.streams.video
            if not int(it.disposition) & _ATTACHED_PICTURE
        ]
        found: dict[int, tuple[list[int], list[int]]] = {}
        is_whole = self._read_course(container, streams[:_MOST_TRACKS], found)
        for place, stream in enumerate(streams):
            times, intra = found.get(stream.index, ([], []))
            base_s, start = float(stream.time_base or 1), min(times, default=0)
            size = _frame_bytes(stream)
            is_known = size is not None and place < _MOST_TRACKS
            counts = Counter(times)
            yield _Track(
                stream=stream,
                course=TrackCourse(
                    times_s=[(time - start) * base_s for time in times],
                    intra=intra if is_known else [],
                ),
                base_s=base_s,
                start=start,
                repeated=frozenset(it for it, count in counts.items() if count > 1),
                is_known=is_known,
                is_whole=is_whole,
                is_heavy=(size or 0) * _HELD_FRAMES > _HELD_BYTES,
            )

    def _read_course(
        self,
        container: "av.container.InputContainer",
        streams: "Sequence[av.VideoStream]",
        found: dict[int, tuple[list[int], list[int]]],
    ) -> bool:
        """Note the times and intra-coded frames of streams; return whether all are."""
        for count, packet in enumerate(container.demux(*streams) if streams else ()):
            if count > MOST_PACKETS or (count % 64 == 0 and self._has_ended()):
                return False
            if not packet.size:
                continue
            times, intra = found.setdefault(packet.stream_index, ([], []))
            if packet.is_keyframe:
                intra.append(len(times))
            time = _time_of(packet)
            times.append((times[-1] + 1 if times else 0) if time is None else time)
        return True

    def _decode(
        self,
        container: "av.container.InputContainer",
        number: int,
        spans: Sequence[range],
    ) -> Iterator[Moment]:
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
        for frame in frames:
            time = _time_of(frame)
            if time in track.seen and time not in track.repeated:
                continue  # in an earlier pass
            time = track.start if time is None else time
            track.seen.add(time)
            time_s = max(0.0, track.time_s(time))
            is_pq = context.color_trc == _PQ
            yield Moment(frame=frame, track=number, time_s=time_s, is_pq=is_pq)


def sample_video(picture: Image.Image) -> bytes:
    """Return a video of one frame, Motion JPEG in AVI, to try whether it is read."""
    file = io.BytesIO()
    with av.open(file, "w", format="avi") as container:
        stream = container.add_stream("mjpeg", rate=1)
        stream.width, stream.height = picture.size
        stream.pix_fmt = "yuvj420p"
        container.mux(stream.encode(av.VideoFrame.from_image(picture)))
        container.mux(stream.encode())
    return file.getvalue()


class _TimedFile:
    """A file that ends at a time: FFmpeg reads a whole index without a pause."""

    def __init__(self, file: BinaryIO, has_ended: Callable[[], bool]) -> None:
        self._file = file
        self._has_ended = has_ended
        self.seek, self.tell = file.seek, file.tell

    def read(self, size: int = -1) -> bytes:
        """Return bytes from the position on; ``TimeoutError`` once the time is over."""
        if self._has_ended():
            raise TimeoutError
        return self._file.read(size)


_ERRORS: Final = (OSError, ValueError, ArithmeticError, LookupError)
_EDGE_PIXELS: Final = 300_000
_ALL_PERCENT: Final = 100
_LEAST_FRAME_S: Final = 0.0001
_ATTACHED_PICTURE: Final = 0x400
"""A cover, which is carved as any picture is (``AV_DISPOSITION_ATTACHED_PIC``)."""


def _time_of(item: "av.Packet | av.VideoFrame") -> int | None:
    time: int | None = item.dts if item.pts is None else item.pts
    return time


def _pixels_of(stream: "av.VideoStream") -> int:
    """Return the most pixels of a frame, with the edges that decoders add to it."""
    context = stream.codec_context
    return int(context.width * context.height * 5 // 4 + _EDGE_PIXELS)


def _frame_bytes(stream: "av.VideoStream") -> int | None:
    """Return the bytes of a frame in memory, as its header says.

    ``None`` if it is in no listed codec, or too large.
    """
    context = stream.codec_context
    if context is None or context.name not in CODECS:
        return None
    layout = av.VideoFormat(context.pix_fmt or "yuv420p")
    size = int(context.width * context.height * layout.padded_bits_per_pixel // 8)
    return size if size <= _INTRA_BYTES else None


def _rows(frame: "av.VideoFrame") -> tuple[NDArray[np.unsignedinteger[Any]], int]:
    """Return the luma of a frame without a copy, and its depth in bits."""
    depth = frame.format.components[0].bits
    if not frame.format.name.startswith(("yuv", "gray")) or "yuyv" in frame.format.name:
        frame, depth = frame.reformat(format="gray"), 8
    plane = frame.planes[0]
    rows = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)[: frame.height]
    if depth > 8:  # noqa: PLR2004 - bits of a byte
        return rows[:, : 2 * frame.width].view("<u2"), depth
    return rows[:, : frame.width], depth


_SAMPLES: Final = 32
"""Samples along the shorter side of a frame."""

_FULL_RANGE: Final = 2
_STRETCHED: Final = [
    round(min(255, max(0, (it - 16) * 255 / 219))) for it in range(256)
]
"""Luma from 16 to 235, as most videos have it, in 0 to 255."""

_PQ: Final = 16
"""The transfer of SMPTE ST 2084, by its number in ITU-T H.273."""


def _from_pq(signal: float) -> int:
    """Return a PQ signal, 0 to 1, as a grey step of a screen without HDR.

    White is 203 cd/m2, as BT.2408 has it; brighter light is white, too.
    """
    root = float(signal ** (1 / 78.84375))
    level = max(root - 0.8359375, 0) / (18.8515625 - 18.6875 * root)
    nits = 10_000 * float(level ** (1 / 0.1593017578125))
    return round(255 * float(min(nits / 203, 1) ** (1 / 2.2)))


_FROM_PQ: Final = [_from_pq(it / 255) for it in range(256)]
