"""Make the views of a video: one for each frame that shows something new.

Signals take longer than decoding. So a frame is looked at if it differs much from the
last one that was, or once in a quarter of a second; and it is dropped without detail,
or if it is like the last kept one. Most seconds show what the second before showed.

The name of a view says when its frame is shown, ``ms:12480``; ``track:1/`` stands
before it in further tracks, behind it ``/pq`` where the luma of HDR is as stored, and
``/trim:1`` where bars at the sides were cut off.
"""

from collections.abc import Iterator
from typing import Final

import numpy as np
from PIL import Image

from uploadfilter.model import QUALITY_FLOOR, SignalType, View
from uploadfilter.pictures.picture import Luma, Picture, Shape
from uploadfilter.pictures.readers.videos import Moment, Video
from uploadfilter.signals import pdq
from uploadfilter.signals.trimming import trim
from uploadfilter.signals.views import view_of

_ALIKE_BITS: Final = 2
"""Bits of PDQ up to which a frame is like the last kept one: the noise of coding."""

_NEAR_BITS: Final = 8
"""The same, once half of the views are used up: a quarter of the threshold."""

_SAME_STEPS: Final = 1
"""Grey steps of the samples up to which a frame is the same as another one."""

_CHANGED_STEPS: Final = 8
"""Grey steps of the samples, in the mean, from which on a frame shows something else.
Two photographs differ by forty, and two frames of a camera that moves by three."""

_LOOK_S: Final = 0.25
"""Seconds after which a frame is looked at that changed less."""

_LATEST_MS: Final = 900_000_000
"""Latest time in a name, in milliseconds: ten days."""


def views_of_video(
    video: Video, *, types: frozenset[SignalType], most_views: int
) -> Iterator[View | None]:
    """Yield the views of a video, with the signals that a search needs.

    ``None`` comes after each frame without one, so that the caller can look at the
    clock.
    """
    kept: dict[int, _Kept] = {}
    names: set[str] = set()
    for moment in video.moments():
        shown = kept.setdefault(moment.track, _Kept())
        if shown.is_new(moment):
            picture = _picture(moment.image())
            view = view_of(picture, name=_name(moment, names), types=types)
            # The fewer views are left, the more a frame has to show.
            most_bits = _NEAR_BITS if 2 * len(names) >= most_views else _ALIKE_BITS
            if shown.keep(view, most_bits):
                for each in _looks(moment, view, picture, types):
                    if len(names) == most_views:
                        return
                    names.add(each.name)
                    yield each
        yield None


class _Kept:
    """The last frame of a track that was looked at, and the last kept one."""

    def __init__(self) -> None:
        self._sample: Luma | None = None
        self._time_s = 0.0
        self._value = b""

    def is_new(self, moment: Moment) -> bool:
        """Return whether a frame is looked at, and note it."""
        sample, last = moment.sample, self._sample
        # Recorded calls change their size with the connection.
        if last is not None and last.shape == sample.shape:
            steps = np.abs(sample.astype(np.int16) - last)
            is_soon = abs(moment.time_s - self._time_s) < _LOOK_S
            if steps.max() <= _SAME_STEPS or (
                is_soon and steps.mean() < _CHANGED_STEPS
            ):
                return False
        self._sample, self._time_s = sample, moment.time_s
        return True

    def keep(self, view: View, most_bits: int) -> bool:
        """Keep a frame, unless it has no detail or only so many bits differ."""
        value = view.value(SignalType.PDQ) or b""
        before, is_plain = self._value, pdq.quality(view.plane) < QUALITY_FLOOR
        differing = int.from_bytes(value, "big") ^ int.from_bytes(before, "big")
        is_alike = bool(before) and differing.bit_count() <= most_bits
        if is_plain or is_alike:
            return False
        self._value = value
        return True


def _name(moment: Moment, names: set[str]) -> str:
    prefix = f"track:{moment.track}/" if moment.track else ""
    time_ms = min(round(moment.time_s * 1000), _LATEST_MS)
    while (name := f"{prefix}ms:{time_ms}") in names:
        time_ms += 1
    return name


def _picture(image: Image.Image) -> Picture:
    plane = np.asarray(image)
    height, width = plane.shape
    return Picture(plane=plane, shape=Shape(height=height, width=width, scale=1))


def _looks(
    moment: Moment, view: View, picture: Picture, types: frozenset[SignalType]
) -> Iterator[View]:
    yield from _with_trims(view, picture, types)
    if moment.is_pq:
        picture = _picture(moment.image(as_stored=True))
        view = view_of(picture, name=f"{view.name}/pq", types=types)
        yield from _with_trims(view, picture, types)


def _with_trims(
    view: View, picture: Picture, types: frozenset[SignalType]
) -> Iterator[View]:
    yield view
    for step, inner in enumerate(trim(picture), start=1):
        yield view_of(inner, name=f"{view.name}/trim:{step}", types=types)
