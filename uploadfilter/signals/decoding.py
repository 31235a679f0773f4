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

To add a format, see ``formats.py``; the classes that read are in ``readers.py``.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import BinaryIO

import numpy as np
import pillow_heif
from PIL import AvifImagePlugin, Image, PngImagePlugin, TiffImagePlugin

from uploadfilter.model import Reason
from uploadfilter.signals.faults import DECODER_ERRORS, quiet
from uploadfilter.signals.formats import Format
from uploadfilter.signals.frame import Frame, Lack
from uploadfilter.signals.hashes import WHASH
from uploadfilter.signals.limits import DecodeLimits, OverBudgetError
from uploadfilter.signals.opening import open_reader
from uploadfilter.signals.readers import Reader
from uploadfilter.signals.sampling import sampled
from uploadfilter.signals.showing import lacks_conversion

__all__ = ["DecodeLimits", "frames_of", "prepare_process"]


def prepare_process() -> None:
    """Set what decoders keep per process; call it once, in a process that only scans.

    Pillow's own limit counts pixels before scaling, so it would refuse a JPEG of 200
    megapixels that costs little; ``DecodeLimits`` replaces it.
    """
    Image.MAX_IMAGE_PIXELS = None
    # These loggers tell of bad files, which are values here.
    TiffImagePlugin.logger.disabled = True
    PngImagePlugin.logger.disabled = True
    # A scanner has one core at most. libde265 starts its one thread all the same.
    AvifImagePlugin.DEFAULT_MAX_THREADS = 1
    pillow_heif.options.DECODE_THREADS = 0
    # A confined process can import nothing any more. Pillow would import its other
    # decoders when it meets the first bad file, imagehash its wavelets with the first
    # hash that needs them.
    Image.init()
    WHASH.signals(np.zeros((8, 8), dtype=np.uint8))


def frames_of(
    file: BinaryIO,
    *,
    formats: Sequence[Format],
    limits: DecodeLimits,
    most_frames: int | None = None,
) -> Iterator[Frame | Lack]:
    """Yield the frames of a file, and why they are not all there is.

    Whoever takes a frame may use its image up; it is gone when the next one is asked
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
    most = min(limits.max_frames, most_frames or limits.max_frames)
    count = len(reader.durations)
    reach = _reach(reader, limits)
    waiting = deque(sampled(reader.durations[:reach], most))
    reasons: list[Reason] = []
    pixels_left, tried = limits.max_total_pixels, 0
    while waiting and pixels_left >= 0:
        number = waiting.popleft()
        tried += 1
        shown = _shown(reader, number, least_side=limits.least_side)
        if isinstance(shown, Lack):
            reasons.append(shown.reason)
            if reader.passing_pixels:
                # Those behind it are built on it.
                break
            continue
        reasons.extend(_shortfalls(shown))
        pixels = shown.image.width * shown.image.height
        if not reader.passing_pixels and pixels * len(waiting) > pixels_left - pixels:
            # Pages are alike: of a long document, the last one is seen as well.
            waiting = _sparser(reader, number, most=pixels_left // pixels)
        pixels_left -= pixels
        yield replace(shown, count=reach)
        # The next one must not be in memory together with this one. The class's own
        # method leaves the caller's file open.
        Image.Image.close(shown.image)
    if tried < count:
        reasons.append(Reason.TOO_MANY_FRAMES)
    if reader.lack is not None:
        reasons.append(reader.lack)
    for reason in dict.fromkeys(reasons):
        yield Lack(reason=reason)


def _shortfalls(frame: Frame) -> Iterator[Reason]:
    """Yield why a frame does not show all that others may see of it."""
    if frame.is_truncated:
        yield Reason.TRUNCATED
    if lacks_conversion(frame):
        yield Reason.UNDECODABLE


def _sparser(reader: Reader, number: int, *, most: int) -> "deque[int]":
    """Choose fewer frames behind one, as far as there is room for as many in all."""
    chosen = sampled(reader.durations[number:], max(most, _FIRST_AND_LAST))
    return deque(number + place for place in chosen if place)


_FIRST_AND_LAST = 2


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


def _reach(reader: Reader, limits: DecodeLimits) -> int:
    """Return how many frames can be decoded, one after the other, within the limits."""
    if not reader.passing_pixels:
        return len(reader.durations)
    reach = max(1, limits.max_total_pixels // reader.passing_pixels)
    return min(reach, len(reader.durations))


def _shown(reader: Reader, number: int, *, least_side: int) -> Frame | Lack:
    """Decode one frame."""
    with quiet():
        try:
            frame = reader.frame(number)
            if min(frame.full) < least_side:
                return Lack(reason=Reason.UNDECODABLE)
            return replace(frame, count=len(reader.durations))
        except MemoryError:
            return Lack(reason=Reason.OUT_OF_MEMORY)
        except OverBudgetError as exc:
            return Lack(reason=exc.reason)
        except Image.DecompressionBombError:
            return Lack(reason=Reason.TOO_MANY_PIXELS)
        except DECODER_ERRORS:
            # Its header was sound, but there was nothing to show behind it.
            return Lack(reason=Reason.TRUNCATED)
