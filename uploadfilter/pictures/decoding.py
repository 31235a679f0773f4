"""Make frames of a file: everything in it that a viewer would show as a picture.

Decoders run with an explicit list of formats: none that runs an interpreter, and none
that a browser and the tools behind hash sets would not show. What bytes do to a decoder
is a value here: frames, and what kept the file from giving more.

Rules this module keeps:

- JPEGs are decoded at 1/2, 1/4 or 1/8 where both sides stay at 512 pixels or more, and
  in luma only where nobody needs their colours.
- Costs are limited from the header, before anything is decoded.
- A file that broke off is decoded as far as it goes: browsers show that much.
- What decoders keep per process is set by ``prepare_process``, in scanner processes
  only.

To add a format, see ``formats.py``; the classes that read are in
``reader.py`` and ``readers/``.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import BinaryIO, Final

import pillow_heif
from PIL import (
    AvifImagePlugin,
    Image,
    ImageFile,
    PngImagePlugin,
    TiffImagePlugin,
)

from uploadfilter.model import Reason
from uploadfilter.pictures.faults import DECODER_ERRORS, note, quiet
from uploadfilter.pictures.formats import Format
from uploadfilter.pictures.frame import Frame, Lack
from uploadfilter.pictures.limits import DecodeLimits, OverBudgetError
from uploadfilter.pictures.opening import open_reader
from uploadfilter.pictures.reader import Reader, keys_of
from uploadfilter.pictures.sampling import Sample, sampled, sampled_in_reach
from uploadfilter.pictures.showing import lacks_conversion

__all__ = ["DecodeLimits", "frames_of", "prepare_process"]


BLOCK_BYTES: Final = 1024 * 1024
"""How much Pillow hands to a decoder at a time: a JPEG of 1 MB decodes 4 % sooner than
with 64 KiB, Pillow's default, and no sooner with more."""


def prepare_process() -> None:
    """Set what decoders keep per process; call it once, in a process that only scans.

    Pillow's own limit counts pixels before scaling, so it would refuse a JPEG of 200
    megapixels that costs little; ``DecodeLimits`` replaces it.
    """
    Image.MAX_IMAGE_PIXELS = None
    # Blocks of 64 KiB are copied three times on their way into a decoder and out again.
    ImageFile.MAXBLOCK = BLOCK_BYTES
    # These loggers tell of bad files, which are values here.
    TiffImagePlugin.logger.disabled = True
    PngImagePlugin.logger.disabled = True
    # A scanner has one core at most. libde265 starts its one thread all the same.
    AvifImagePlugin.DEFAULT_MAX_THREADS = 1
    pillow_heif.options.DECODE_THREADS = 0
    # A confined process can import nothing any more. Pillow would import its other
    # decoders when it meets the first bad file.
    Image.init()


def frames_of(
    file: BinaryIO,
    *,
    formats: Sequence[Format],
    limits: DecodeLimits,
    most_frames: int | None = None,
) -> Iterator[Frame | Lack]:
    """Yield the frames of a file, and why they are not all there is.

    The caller may use the image of a frame up; it is gone when the next one is asked
    for.

    Args:
        file: The content, seekable, read from its beginning.
        formats: What it may be, tried in this order.
        limits: What it may cost.
        most_frames: If fewer than ``limits.max_frames``, at most so many frames.

    Yields:
        Frames in ascending order, the first of which is what plain Pillow shows, and a
        ``Lack`` for each reason why something is not shown, once each.
    """
    with quiet():
        reader = _opened(file, formats, limits)
    if isinstance(reader, Lack):
        yield reader
        return
    yield from _Showing(reader, limits, most_frames or limits.max_frames).items()


class _Showing:
    """The frames of an opened file on their way out.

    Args:
        reader: The file.
        limits: What it may cost.
        most: At most how many frames to show.
    """

    def __init__(self, reader: Reader, limits: DecodeLimits, most: int) -> None:
        self._reader = reader
        self._limits = limits
        self._keys = frozenset(keys_of(reader))
        sample = _sample(reader, limits, min(limits.max_frames, most))
        self._waiting = deque(sample.numbers)
        self._reach = sample.reach
        self._tried: set[int] = set()
        self._reasons: list[Reason] = []

    def items(self) -> Iterator[Frame | Lack]:
        """Yield the frames, then why they are not all there is."""
        pixels_left = self._limits.max_total_pixels
        while self._waiting:
            number = self._waiting.popleft()
            if pixels_left < 0 and number not in self._keys:
                continue
            self._tried.add(number)
            shown = _shown(self._reader, number, least_side=self._limits.least_side)
            if isinstance(shown, Lack):
                self._fail(number, shown.reason)
                continue
            self._reasons.extend(_shortfalls(shown))
            pixels = shown.image.width * shown.image.height
            if pixels * len(self._waiting) > pixels_left - pixels:
                # Pages are alike: of a long document, the last one is seen as well.
                self._thin_out(number, most=pixels_left // pixels)
            pixels_left -= pixels
            yield _counted(shown, self._reach)
            # The next one must not be in memory together with this one. The class's own
            # method leaves the caller's file open.
            Image.Image.close(shown.image)
        yield from map(_lack, dict.fromkeys(self._all_reasons()))

    def _fail(self, number: int, reason: Reason) -> None:
        """Note that a frame cannot be shown, nor any that is built on it."""
        self._reasons.append(reason)
        course = self._reader.course
        if course is not None:
            built = {at for at in self._waiting if course.starts[at] <= number}
            self._waiting = deque(at for at in self._waiting if at not in built)
            self._tried |= built

    def _thin_out(self, number: int, *, most: int) -> None:
        """Choose fewer of the frames that wait, as far as there is room for."""
        waiting = (number, *self._waiting)
        keys = [
            place for place, at in enumerate(waiting) if not place or at in self._keys
        ]
        durations = [self._reader.durations[at] for at in waiting]
        places = sampled(durations, max(most, len(keys)), keys=keys)
        self._waiting = deque(waiting[place] for place in places if place)

    def _all_reasons(self) -> Iterator[Reason]:
        """Yield why the frames are not all there is."""
        yield from self._reasons
        if not self._keys <= self._tried:
            yield Reason.KEY_FRAME_UNSEEN
        elif len(self._tried) < len(self._reader.durations) and not self._reasons:
            yield Reason.TOO_MANY_FRAMES
        if self._reader.lack is not None:
            yield self._reader.lack


def _counted(frame: Frame, count: int) -> Frame:
    """Return a frame of so many; most files have one."""
    return frame if frame.count == count else replace(frame, count=count)


def _shortfalls(frame: Frame) -> Iterator[Reason]:
    """Yield why a frame does not show all that others may see of it."""
    if frame.is_truncated:
        yield Reason.TRUNCATED
    if lacks_conversion(frame):
        yield Reason.UNDECODABLE


def _lack(reason: Reason) -> Lack:
    return Lack(reason=reason)


def _sample(reader: Reader, limits: DecodeLimits, most: int) -> Sample:
    """Choose the frames to show."""
    durations, keys, course = reader.durations, keys_of(reader), reader.course
    if course is None:
        numbers = sampled(durations, most, keys=keys)
        return Sample(numbers=numbers, reach=len(durations))
    fitting = limits.max_total_pixels // max(1, course.shown_pixels)
    return sampled_in_reach(
        durations,
        course,
        keys=keys,
        most=min(most, max(fitting, _MOST_KEYS)),
        budget=limits.max_total_pixels,
    )


_MOST_KEYS = 5
"""Key frames that durations tell, and a picture that is shown instead of them: there is
always room for these."""


def _opened(
    file: BinaryIO, formats: Sequence[Format], limits: DecodeLimits
) -> Reader | Lack:
    """Open a file as the first format that it is."""
    try:
        reader = open_reader(file, formats, limits)
    except MemoryError:
        return Lack(reason=Reason.OUT_OF_MEMORY)
    except OverBudgetError as exc:
        return Lack(reason=exc.reason)
    except Image.DecompressionBombError:
        return Lack(reason=Reason.TOO_MANY_PIXELS)
    return Lack(reason=Reason.UNDECODABLE) if reader is None else reader


def _shown(reader: Reader, number: int, *, least_side: int) -> Frame | Lack:
    """Decode one frame."""
    with quiet():
        try:
            frame = reader.frame(number)
            if min(frame.full) < least_side:
                return Lack(reason=Reason.UNDECODABLE)
            return _counted(frame, len(reader.durations))
        except MemoryError:
            return Lack(reason=Reason.OUT_OF_MEMORY)
        except OverBudgetError as exc:
            return Lack(reason=exc.reason)
        except Image.DecompressionBombError:
            return Lack(reason=Reason.TOO_MANY_PIXELS)
        except DECODER_ERRORS as exc:
            note(exc)
            # Its header was sound, but there was nothing to show behind it.
            return Lack(reason=Reason.TRUNCATED)
