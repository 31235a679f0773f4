"""Read frames from opened files: the readers that serve several formats.

A reader that serves one format alone is in ``readers``.

Rules this module keeps:

- A reader holds one loaded image at a time, besides the data that its decoder keeps of
  earlier frames to build the next one.
- Nothing is decoded before ``check_frame`` has seen its size.
- Every format except JPEG XL and HEIC is opened by Pillow, with an explicit list of
  names. The libraries for those two are called directly, so that Pillow never opens
  them.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final, Protocol

import numpy as np
from PIL import Image

from uploadfilter.model import Reason
from uploadfilter.pictures.faults import DECODER_ERRORS
from uploadfilter.pictures.formats import Format
from uploadfilter.pictures.frame import Frame
from uploadfilter.pictures.headers.pieces import (
    check_pieces,
    contradicts_itself,
    piece_bytes,
)
from uploadfilter.pictures.limits import DecodeLimits, check_frame
from uploadfilter.pictures.sampling import Course, key_frames

DRAFT_SIDE = 512
"""Both sides of a scaled JPEG stay at least this long, in pixels.

With 256 the largest difference of PDQ from the full resolution grows from 4 to 10 bits,
and a tenth of the time is saved.
"""


class Reader(Protocol):
    """An opened file that is not decoded yet."""

    @property
    def durations(self) -> Sequence[int]:
        """Return the duration of each frame, in any unit; there is at least one."""

    @property
    def lack(self) -> Reason | None:
        """Return the reason if something is missing even if every frame is shown."""

    @property
    def keys(self) -> Sequence[int] | None:
        """Return the key frames by importance; ``None`` if durations tell them."""

    @property
    def course(self) -> Course | None:
        """Return the cost of reaching each frame; ``None`` if all are independent."""

    def frame(self, number: int) -> Frame:
        """Decode a frame; several frames must be decoded in ascending order.

        Args:
            number: 0 or more, less than the number of durations.

        Raises:
            OverBudgetError: It would cost too much.
            MemoryError: There was not enough memory.
        """


class PillowReader:
    """A file that Pillow reads by itself, with one frame or several.

    Args:
        image: As Pillow opened it.
        picture_format: Its format.
        limits: The limits of a frame's cost.
        durations: One for each frame.
        lack: The reason if something is known to be missing.
        keys: Its key frames, if durations do not tell them.
        course: The cost of reaching each frame.
        held_bytes: Other bytes in memory.
        is_padded: Whether zeros stand for missing bytes of the file.
        is_deep: Whether its samples have more than 8 bits.
    """

    def __init__(
        self,
        image: Image.Image,
        picture_format: Format,
        limits: DecodeLimits,
        *,
        durations: Sequence[int] = (0,),
        lack: Reason | None = None,
        keys: Sequence[int] | None = None,
        course: Course | None = None,
        held_bytes: int = 0,
        is_padded: bool = False,
        is_deep: bool = False,
    ) -> None:
        self.durations = durations
        self.lack = lack
        self.keys = keys
        self.course = course
        self._image = image
        self._limits = limits
        self._held_bytes = held_bytes
        self._is_padded = is_padded
        self._is_moving = len(durations) > 1
        self._bytes_per_pixel = max(
            picture_format.bytes_per_pixel,
            picture_format.moving_bytes_per_pixel if self._is_moving else 0,
            picture_format.deep_bytes_per_pixel if is_deep else 0,
        )

    def frame(self, number: int) -> Frame:
        """Decode a frame, up to the end of the file."""
        image = self._image
        if number:
            image.seek(number)
        check_pieces(image)
        if contradicts_itself(image):
            self.lack = Reason.UNDECODABLE
        check_frame(
            image.size,
            self._limits,
            bytes_per_pixel=self._bytes_per_pixel,
            held_bytes=self._held_bytes + piece_bytes(image),
        )
        has_spare = _reads_spare_samples(image)
        is_truncated = load(image) or self._is_padded
        # The decoder continues with its own image, so this one may change.
        shown = image.copy() if self._is_moving else image
        if has_spare and shown.getchannel("A").getbbox() is None:
            shown = shown.convert(shown.mode[:-1])
        return Frame(
            image=shown,
            number=number,
            full=image.size,
            profile=profile_of(image),
            is_truncated=is_truncated,
        )


def _reads_spare_samples(image: Image.Image) -> bool:
    """Let the samples beside the colours, whose meaning is unknown, be read as alpha.

    They are alpha to some programs, and nothing to others. If all are zero, they are
    nothing to all.
    """
    tiles = getattr(image, "tile", [])
    modes = {_raw_mode(tile.args) for tile in tiles}
    if image.mode not in _WITH_SPARE or not modes & _SPARE.keys():
        return False
    image.tile = [  # type: ignore[attr-defined]  # only files have tiles
        tile._replace(args=_as_alpha(tile.args)) for tile in tiles
    ]
    image._mode = image.mode + "A"  # noqa: SLF001 -- Pillow's plugins set it so
    return True


def _raw_mode(args: object) -> object:
    return args[0] if isinstance(args, tuple) and args else args


def _as_alpha(args: object) -> object:
    mode = str(_raw_mode(args))
    named = _SPARE.get(mode, mode)
    return (named, *args[1:]) if isinstance(args, tuple) else named


_WITH_SPARE: Final = frozenset({"L", "RGB"})
_SPARE: Final = {
    "X": "A",
    "LX": "LA",
    **{
        mode: mode.replace("X", "A")
        for mode in ("RGBX", "RGBX;16L", "RGBX;16B", "BGRX", "XBGR", "BGXR")
    },
}
"""Pillow's names of samples with one to be skipped, and of the same with alpha."""


def profile_of(image: Image.Image) -> bytes | None:
    """Return the ICC profile of an image, if there is one."""
    profile = image.info.get("icc_profile")
    return profile if isinstance(profile, bytes) and profile else None


def load(image: Image.Image) -> bool:
    """Load an image; return whether the file broke off before its end."""
    try:
        image.load()
    except DECODER_ERRORS:
        # Without tiles left to decode, Pillow returns the pixels written so far.
        image.tile = []  # type: ignore[attr-defined]  # only files have tiles
        if shows_nothing(image):
            raise
        return True
    return False


def shows_nothing(image: Image.Image) -> bool:
    """Return whether every value of every channel is zero: no pixel arrived."""
    return not np.asarray(image.getextrema()).any()


def keys_of(reader: Reader) -> Sequence[int]:
    """Return the key frames of a file, the most important first."""
    return key_frames(reader.durations) if reader.keys is None else reader.keys


def _chained(first: Reader, second: Reader) -> Course | None:
    """Return the cost of reaching the frames of two readers."""
    courses = [_course_of(first), _course_of(second)]
    before = len(first.durations)
    return Course(
        starts=(*courses[0].starts, *(before + at for at in courses[1].starts)),
        costs=(*courses[0].costs, *courses[1].costs),
        shown_pixels=max(each.shown_pixels for each in courses),
    )


def _course_of(reader: Reader) -> Course:
    """Return the course of a reader; independent frames cost nothing."""
    count = len(reader.durations)
    return reader.course or Course(
        starts=range(count), costs=(0,) * count, shown_pixels=0
    )


class ChainedReader:
    """Two readers of one file, one after the other.

    Args:
        first: Shows the same frames as plain Pillow.
        second: Shows the frames that other programs may show instead.
    """

    def __init__(self, first: Reader, second: Reader) -> None:
        self._first = first
        self._second = second
        before = len(first.durations)
        self.durations: Sequence[int] = (*first.durations, *second.durations)
        self.lack = first.lack or second.lack
        self.keys: Sequence[int] | None = (
            *keys_of(first),
            *(before + key for key in keys_of(second)),
        )
        self.course = _chained(first, second)

    def frame(self, number: int) -> Frame:
        """Decode a frame of either."""
        before = len(self._first.durations)
        if number < before:
            return self._first.frame(number)
        return replace(self._second.frame(number - before), number=number)


class AdaptedReader:
    """A reader of a file whose frames are not shown as its decoder gives them.

    Args:
        stored: Shows the frames as stored.
        adapt: Returns a frame with what the file says besides.
        lack: The reason if something is known to be missing.
    """

    def __init__(
        self,
        stored: Reader,
        adapt: Callable[[Frame], Frame] = lambda frame: frame,
        *,
        lack: Reason | None = None,
    ) -> None:
        self._stored = stored
        self._adapt = adapt
        self.durations = stored.durations
        self.lack = lack or stored.lack
        self.keys = stored.keys
        self.course = stored.course

    def frame(self, number: int) -> Frame:
        """Decode a frame, and adapt it."""
        return self._adapt(self._stored.frame(number))


class ItemsReader:
    """The first frame of each of several pictures in one file.

    Args:
        items: The number of each in its file.
        open_item: Opens one.
        lack: The reason if something is known to be missing.
    """

    course: Course | None = None

    def __init__(
        self,
        items: Sequence[int],
        open_item: Callable[[int], Reader],
        lack: Reason | None,
    ) -> None:
        self.durations: Sequence[int] = (0,) * len(items)
        self.keys: Sequence[int] | None = range(len(items))
        self.lack = lack
        self._items = items
        self._open_item = open_item

    def frame(self, number: int) -> Frame:
        """Open a picture, and decode it."""
        return replace(self._open_item(self._items[number]).frame(0), number=number)
