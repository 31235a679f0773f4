"""Decode the frames of a file: everything in it that a viewer shows as a picture.

Decoders run with an explicit list of formats. No format in it needs an interpreter, and
each is shown by browsers or by the tools that make hash sets. Results for bad bytes are
values: frames, and the reasons why there are not more.

Rules this module keeps:

- JPEGs are decoded at 1/2, 1/4 or 1/8 if both sides stay at 512 pixels or more, and in
  luma only if their colours are not needed.
- Costs are limited from the header, before anything is decoded.
- A file that breaks off is decoded up to its end: browsers show that much.
- Settings of decoders for a whole process are made by ``prepare_process``, in scanner
  processes only.

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
from uploadfilter.pictures.frame import Frame, Omission
from uploadfilter.pictures.limits import DecodeLimits, OverBudgetError
from uploadfilter.pictures.opening import open_reader
from uploadfilter.pictures.reader import Reader, keys_of
from uploadfilter.pictures.sampling import ChosenFrames, sample_frames, sample_within
from uploadfilter.pictures.showing import lacks_conversion

__all__ = ["DecodeLimits", "frames_of", "prepare_process"]


BLOCK_BYTES: Final = 1024 * 1024
"""Bytes that Pillow gives a decoder at a time: a JPEG of 1 MB decodes 4 % faster than
with 64 KiB, Pillow's default, and no faster with more."""


def prepare_process() -> None:
    """Configure the decoders of this process; call it once, only in a scanner.

    Pillow's own limit counts pixels before scaling, so it would refuse a JPEG of 200
    megapixels that costs little; ``DecodeLimits`` replaces it.
    """
    Image.MAX_IMAGE_PIXELS = None
    # Blocks of 64 KiB are copied three times on their way through a decoder.
    ImageFile.MAXBLOCK = BLOCK_BYTES
    # These loggers report bad files, which are values here.
    TiffImagePlugin.logger.disabled = True
    PngImagePlugin.logger.disabled = True
    # A scanner has at most one core. libde265 still starts its only thread.
    AvifImagePlugin.DEFAULT_MAX_THREADS = 1
    pillow_heif.options.DECODE_THREADS = 0
    # A confined process cannot import modules. Pillow would import its other decoders
    # at the first bad file.
    Image.init()


def frames_of(
    file: BinaryIO,
    *,
    formats: Sequence[Format],
    limits: DecodeLimits,
    most_frames: int | None = None,
) -> Iterator[Frame | Omission]:
    """Yield the frames of a file, and each reason why some are missing once.

    Formats are tried in their order. The first frame is the one that plain Pillow
    shows. The caller may change its image, which is freed when the next one is
    requested.
    """
    with quiet():
        reader = _open(file, formats, limits)
    if isinstance(reader, Omission):
        yield reader
        return
    yield from _Showing(reader, limits, most_frames or limits.max_frames).items()


class _Showing:
    def __init__(self, reader: Reader, limits: DecodeLimits, most: int) -> None:
        self._reader = reader
        self._limits = limits
        self._keys = frozenset(keys_of(reader))
        sample = _choose_frames(reader, limits, min(limits.max_frames, most))
        self._waiting = deque(sample.numbers)
        self._reach = sample.reach
        self._tried: set[int] = set()
        self._reasons: list[Reason] = []

    def items(self) -> Iterator[Frame | Omission]:
        """Yield the frames, then the reasons why some are missing."""
        pixels_left = self._limits.max_total_pixels
        while self._waiting:
            number = self._waiting.popleft()
            if pixels_left < 0 and number not in self._keys:
                continue
            self._tried.add(number)
            shown = _decode(self._reader, number, least_side=self._limits.least_side)
            if isinstance(shown, Omission):
                if shown.is_large:
                    # A large process will show the other frames as well.
                    yield shown
                    return
                self._fail(number, shown.reason)
                continue
            self._reasons.extend(_shortfalls(shown))
            pixels = shown.image.width * shown.image.height
            if pixels * len(self._waiting) > pixels_left - pixels:
                # Pages are alike: the last page of a long document is shown as well.
                self._thin_out(number, most=pixels_left // pixels)
            pixels_left -= pixels
            yield _with_count(shown, self._reach)
            # Two frames must not be in memory at once. The method of the class leaves
            # the caller's file open.
            Image.Image.close(shown.image)
        for reason in dict.fromkeys(self._all_reasons()):
            yield Omission(reason=reason)

    def _fail(self, number: int, reason: Reason) -> None:
        """Note that a frame, and every frame that builds on it, cannot be shown."""
        self._reasons.append(reason)
        course = self._reader.course
        if course is not None:
            built = {at for at in self._waiting if course.starts[at] <= number}
            self._waiting = deque(at for at in self._waiting if at not in built)
            self._tried |= built

    def _thin_out(self, number: int, *, most: int) -> None:
        waiting = (number, *self._waiting)
        keys = [
            place for place, at in enumerate(waiting) if not place or at in self._keys
        ]
        durations = [self._reader.durations[at] for at in waiting]
        places = sample_frames(durations, max(most, len(keys)), keys=keys)
        self._waiting = deque(waiting[place] for place in places if place)

    def _all_reasons(self) -> Iterator[Reason]:
        yield from self._reasons
        if not self._keys <= self._tried:
            yield Reason.KEY_FRAME_UNSEEN
        elif len(self._tried) < len(self._reader.durations) and not self._reasons:
            yield Reason.TOO_MANY_FRAMES
        if self._reader.lack is not None:
            yield self._reader.lack


def _with_count(frame: Frame, count: int) -> Frame:
    return frame if frame.count == count else replace(frame, count=count)


def _shortfalls(frame: Frame) -> Iterator[Reason]:
    if frame.is_truncated:
        yield Reason.TRUNCATED
    if lacks_conversion(frame):
        yield Reason.UNDECODABLE
    if frame.lack is not None:
        yield frame.lack


def _choose_frames(reader: Reader, limits: DecodeLimits, most: int) -> ChosenFrames:
    durations, keys, course = reader.durations, keys_of(reader), reader.course
    if course is None:
        numbers = sample_frames(durations, most, keys=keys)
        return ChosenFrames(numbers=numbers, reach=len(durations))
    fitting = limits.max_total_pixels // max(1, course.shown_pixels)
    return sample_within(
        durations,
        course,
        keys=keys,
        most=min(most, max(fitting, _MOST_KEYS)),
        budget=limits.max_total_pixels,
    )


_MOST_KEYS = 5
"""Most key frames that durations tell, and a picture that is shown instead of them: the
limit always allows these."""


def _open(
    file: BinaryIO, formats: Sequence[Format], limits: DecodeLimits
) -> Reader | Omission:
    try:
        reader = open_reader(file, formats, limits)
    except MemoryError:
        return Omission(reason=Reason.OUT_OF_MEMORY)
    except OverBudgetError as exc:
        return Omission(reason=exc.reason, is_large=exc.is_large)
    except Image.DecompressionBombError:
        return Omission(reason=Reason.TOO_MANY_PIXELS)
    return Omission(reason=Reason.UNDECODABLE) if reader is None else reader


def _decode(reader: Reader, number: int, *, least_side: int) -> Frame | Omission:
    with quiet():
        try:
            frame = reader.frame(number)
            if min(frame.full) < least_side:
                return Omission(reason=Reason.UNDECODABLE)
            return _with_count(frame, len(reader.durations))
        except MemoryError:
            return Omission(reason=Reason.OUT_OF_MEMORY)
        except OverBudgetError as exc:
            return Omission(reason=exc.reason, is_large=exc.is_large)
        except Image.DecompressionBombError:
            return Omission(reason=Reason.TOO_MANY_PIXELS)
        except DECODER_ERRORS as exc:
            note(exc)
            # The header was valid, but no picture data follow it.
            return Omission(reason=Reason.TRUNCATED)
