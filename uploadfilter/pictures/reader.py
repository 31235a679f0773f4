"""An opened file, and how Pillow reads one.

Rules this module keeps:

- A reader holds one loaded image at a time, besides the data that its decoder keeps of
  earlier frames to build the next one.
- Nothing is decoded before ``check_frame`` has seen its size.
- Every format except JPEG XL and HEIC is opened by Pillow, with an explicit list of
  names. The libraries for those two are called directly, so that Pillow never opens
  them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from PIL import Image

from uploadfilter.model import Reason
from uploadfilter.pictures.faults import DECODER_ERRORS
from uploadfilter.pictures.formats import Format
from uploadfilter.pictures.frame import Frame
from uploadfilter.pictures.headers.pieces import (
    check_pieces,
    contradicts_itself,
    has_unknown_sample,
    piece_bytes,
)
from uploadfilter.pictures.limits import DecodeLimits, check_frame
from uploadfilter.pictures.sampling import Course, key_frames

DRAFT_SIDE = 512
"""Both sides of a scaled JPEG stay at least this long, in pixels.

With 256 the largest difference of PDQ from the full resolution grows from 4 to 10 bits,
and a tenth of the time is saved.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """An opened file that is not decoded yet.

    Attributes:
        frame: Decodes a frame by its number; several in ascending order only. Raises
            ``OverBudgetError`` if it would cost too much, and ``MemoryError``.
        durations: The duration of each frame, in any unit; there is at least one.
        lack: The reason if something is missing even if every frame is shown.
        keys: The key frames by importance; ``None`` if durations tell them.
        course: The cost of reaching each frame; ``None`` if all are independent.
    """

    frame: Callable[[int], Frame]
    durations: Sequence[int] = (0,)
    lack: Reason | None = None
    keys: Sequence[int] | None = None
    course: Course | None = None


def read_pillow(
    image: Image.Image,
    picture_format: Format,
    limits: DecodeLimits,
    *,
    count: int = 1,
    held_bytes: int = 0,
    is_padded: bool = False,
    is_deep: bool = False,
) -> Reader:
    """Return a reader of a file that Pillow reads by itself.

    ``held_bytes`` are other ones in memory. ``is_padded``: zeros stand for missing
    bytes.
    """
    is_moving = count > 1
    bytes_per_pixel = max(
        picture_format.bytes_per_pixel,
        picture_format.moving_bytes_per_pixel if is_moving else 0,
        picture_format.deep_bytes_per_pixel if is_deep else 0,
    )

    def frame(number: int) -> Frame:
        if number:
            image.seek(number)
        check_pieces(image)
        check_frame(
            image.size,
            limits,
            bytes_per_pixel=bytes_per_pixel,
            held_bytes=held_bytes + piece_bytes(image),
        )
        has_spare = _reads_spare_samples(image)
        is_unread = has_unknown_sample(image) and not has_spare
        is_unsure = is_unread or contradicts_itself(image)
        is_truncated = load(image) or is_padded
        # The decoder continues with its own image, so this one may change.
        shown = image.copy() if is_moving else image
        if has_spare and shown.getchannel("A").getbbox() is None:
            shown = shown.convert(shown.mode[:-1])
        return Frame(
            image=shown,
            number=number,
            full=image.size,
            profile=profile_of(image),
            is_truncated=is_truncated,
            lack=Reason.UNDECODABLE if is_unsure else None,
        )

    return Reader(frame=frame, durations=(0,) * count)


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


_WITH_SPARE: Final = frozenset({"L", "P", "RGB"})
_SPARE: Final = {
    "X": "A",
    "LX": "LA",
    "PX": "PA",
    **{
        mode: mode.replace("X", "A")
        for mode in ("RGBX", "RGBX;16L", "RGBX;16B", "RGBX;16N", "BGRX", "XBGR", "BGXR")
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


def chain(first: Reader, second: Reader) -> Reader:
    """Return a reader of the frames of two readers of one file.

    The first shows the same frames as plain Pillow, the second those that other
    programs may show instead.
    """
    before = len(first.durations)

    def frame(number: int) -> Frame:
        if number < before:
            return first.frame(number)
        return replace(second.frame(number - before), number=number)

    courses = [_course_of(first), _course_of(second)]
    return Reader(
        frame=frame,
        durations=(*first.durations, *second.durations),
        lack=first.lack or second.lack,
        keys=(*keys_of(first), *(before + key for key in keys_of(second))),
        course=Course(
            starts=(*courses[0].starts, *(before + at for at in courses[1].starts)),
            costs=(*courses[0].costs, *courses[1].costs),
            shown_pixels=max(each.shown_pixels for each in courses),
        ),
    )


def _course_of(reader: Reader) -> Course:
    count = len(reader.durations)
    return reader.course or Course(
        starts=range(count), costs=(0,) * count, shown_pixels=0
    )
