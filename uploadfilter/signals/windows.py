"""Reach the frames of a GIF that are looked at longest, though others come before.

A frame is built on all before it, so that of a long animation only the beginning could
be decoded within the limits; and whoever hides a picture puts it at the end, where it
stays. So a long GIF is cut: its beginning, its end, and the frames up to the one that
is shown longest are decoded as if each were a GIF. What is built on frames that were
left out lacks what they would have drawn; a frame that covers all shows as it is.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from uploadfilter.model import Reason
from uploadfilter.signals.frame import Frame
from uploadfilter.signals.limits import DecodeLimits
from uploadfilter.signals.readers import Reader
from uploadfilter.signals.timing import Timing

Opener = Callable[[bytes, Timing], Reader]
"""Opens a GIF with these frames."""

_END = b";"
_PARTS: Final = 4
"""Which share of the frames in reach is the end, and goes before the longest shown."""


def opened_in_reach(
    data: bytes, frames: Timing, opened: Opener, limits: DecodeLimits
) -> Reader:
    """Open a GIF, or windows of it if its frames are more than can be decoded.

    Args:
        data: The file.
        frames: Its frames, with their places; at least one.
        opened: What opens it.
        limits: What it may cost.
    """
    width, height = frames.canvas
    reach = limits.max_total_pixels // max(1, width * height)
    if len(frames.durations) <= max(1, reach):
        return opened(data, frames)
    windows = tuple(_windows(frames.durations, max(1, reach)))
    return _WindowReader(data, frames, opened, windows)


def _windows(durations: Sequence[int], reach: int) -> Iterator[range]:
    """Yield the frames to decode, at most ``reach``, as ranges in ascending order."""
    count = len(durations)
    few = reach // _PARTS or int(reach > 2)  # noqa: PLR2004  # first, longest and last
    longest = max(range(count), key=durations.__getitem__)
    chosen = {
        *range(reach - 2 * few),
        *range(max(0, longest + 1 - few), longest + 1 if few else 0),
        *range(count - few, count),
    }
    start = 0
    for number in sorted(chosen):
        if number - 1 not in chosen:
            start = number
        if number + 1 not in chosen:
            yield range(start, number + 1)


class _WindowReader:
    """Some of the frames of a GIF.

    Args:
        data: The file.
        frames: All its frames.
        opened: What opens a GIF.
        windows: Which of them to show.
    """

    lack: Reason | None = Reason.TOO_MANY_FRAMES

    def __init__(
        self,
        data: bytes,
        frames: Timing,
        opened: Opener,
        windows: Sequence[range],
    ) -> None:
        width, height = frames.canvas
        self.passing_pixels = width * height
        self._places = [(window, number) for window in windows for number in window]
        self.durations: Sequence[int] = tuple(
            frames.durations[number] for _, number in self._places
        )
        self._data = data
        self._frames = frames
        self._open = opened
        self._window = range(0)
        self._reader: Reader | None = None

    def frame(self, number: int) -> Frame:
        """Decode a frame; its number is that in the whole file."""
        window, place = self._places[number]
        if self._reader is None or window != self._window:
            self._reader = None  # before there is another
            self._reader = self._open(*self._cut(window))
            self._window = window
        return replace(self._reader.frame(place - window.start), number=place)

    def _cut(self, window: range) -> tuple[bytes, Timing]:
        """Return the GIF that has these frames only."""
        places = self._frames.places
        body = self._data[places[window.start] : places[window.stop]]
        frames = Timing(
            durations=self._frames.durations[window.start : window.stop],
            canvas=self._frames.canvas,
        )
        return self._data[: places[0]] + body + _END, frames
