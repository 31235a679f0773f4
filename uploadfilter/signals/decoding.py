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

import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import BinaryIO

import numpy as np
import pillow_heif
from PIL import AvifImagePlugin, Image, JpegImagePlugin, PngImagePlugin, TiffImagePlugin

from uploadfilter.model import Reason
from uploadfilter.signals.faults import DECODER_ERRORS, quiet
from uploadfilter.signals.formats import Format
from uploadfilter.signals.frame import Frame, Lack
from uploadfilter.signals.hashes import WHASH
from uploadfilter.signals.limits import DecodeLimits, OverBudgetError
from uploadfilter.signals.opening import open_reader
from uploadfilter.signals.picture import Note, Picture, Shape
from uploadfilter.signals.readers import Reader
from uploadfilter.signals.sampling import sampled

__all__ = ["DecodeLimits", "NoPicture", "decode", "frames_of", "prepare_process"]


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
    chosen = sampled(reader.durations[:reach], most)
    reasons: list[Reason] = []
    for number in chosen:
        shown = _shown(reader, number)
        if isinstance(shown, Lack):
            reasons.append(shown.reason)
            if reader.passing_pixels:
                # Those behind it are built on it.
                break
            continue
        if shown.is_truncated:
            reasons.append(Reason.TRUNCATED)
        yield replace(shown, count=reach)
        # The next one must not be in memory together with this one. The class's own
        # method leaves the caller's file open.
        Image.Image.close(shown.image)
    if len(chosen) < reach:
        reasons.append(Reason.TOO_MANY_FRAMES)
    if reach < count:
        reasons.append(Reason.TOO_MANY_PIXELS)
    if reader.lack is not None:
        reasons.append(reader.lack)
    for reason in dict.fromkeys(reasons):
        yield Lack(reason=reason)


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


def _shown(reader: Reader, number: int) -> Frame | Lack:
    """Decode one frame."""
    with quiet():
        try:
            frame = reader.frame(number)
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


# --- One plane of a file's first frame: what scanners use until they take frames ------

_FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF", "AVIF", "ICO")
"""What is decoded; a JPEG with several pictures (MPO) is opened as JPEG."""

_DEFAULT = DecodeLimits()
_DRAFT_SIDE = 512
"""Both sides of a scaled JPEG stay at least this long, in pixels.

At 256 the drift of PDQ against the full resolution grows from 4 to 10 bits at most, and
saves a tenth of the time.
"""

_LARGE_PIXELS = 4_000_000
"""Above this, a picture that could not be decoded at a smaller scale is shrunk after
decoding, as libjpeg does before it: signals of 64 million pixels would take seconds."""

_END_OF_IMAGE = b"\xff\xd9"


@dataclass(frozen=True, slots=True, kw_only=True)
class NoPicture:
    """Content that did not become a picture.

    Attributes:
        reason: ``UNDECODABLE``, ``TRUNCATED`` (it broke off before anything could be
            shown), ``TOO_MANY_PIXELS`` or ``OUT_OF_MEMORY``.
    """

    reason: Reason


def decode(file: BinaryIO, *, limits: DecodeLimits = _DEFAULT) -> Picture | NoPicture:
    """Decode the picture in ``file``.

    Args:
        file: The content, seekable, read from its beginning.
        limits: What it may cost.

    Returns:
        The picture, whose ``reason`` says what it does not show; or none and why.
    """
    with quiet():
        try:
            return _decoded(file, limits)
        except MemoryError:
            return NoPicture(reason=Reason.OUT_OF_MEMORY)
        except (Image.DecompressionBombError, _TooManyPixels):
            return NoPicture(reason=Reason.TOO_MANY_PIXELS)
        except DECODER_ERRORS:
            return NoPicture(reason=Reason.UNDECODABLE)


class _TooManyPixels(Exception):  # noqa: N818  # not an error: it becomes a reason
    """The header promises more pixels than the limit; ends a decode from within."""


def _decoded(file: BinaryIO, limits: DecodeLimits) -> Picture | NoPicture:
    """Decode strictly, then as far as a broken file goes."""
    file.seek(0)
    image = Image.open(file, formats=_FORMATS)
    full = image.size
    scale = _drafted(image)
    _check_pixels(image, limits)
    notes = _notes(image)
    try:
        image.load()
    except DECODER_ERRORS:
        return _salvaged(file, image, full=full, scale=scale, notes=notes)
    return _picture(image, full=full, scale=scale, notes=notes)


def _drafted(image: Image.Image) -> int:
    """Let a JPEG be decoded smaller and in luma; return how many times smaller.

    Pillow takes ``L`` for three-colour JPEGs only, so four-colour ones keep their mode.
    """
    if not isinstance(image, JpegImagePlugin.JpegImageFile):
        return 1
    before = image.width
    image.draft("L", (_DRAFT_SIDE, _DRAFT_SIDE))
    return min(_SCALES, key=lambda scale: abs(-(-before // scale) - image.width))


_SCALES = (1, 2, 4, 8)


def _check_pixels(image: Image.Image, limits: DecodeLimits) -> None:
    """End the decode if it would give too many pixels."""
    if image.width * image.height > limits.max_pixels:
        raise _TooManyPixels


def _picture(
    image: Image.Image,
    *,
    full: tuple[int, int],
    scale: int,
    notes: frozenset[Note],
    truncated: bool = False,
) -> Picture:
    """Return the picture of a loaded image, which is used up."""
    width, height = full if scale > 1 else image.size
    notes |= _alpha_notes(image)
    grey = _grey(image)
    if grey is not image:
        # A large picture must not be in memory twice. The class's own method leaves
        # the caller's file open.
        Image.Image.close(image)
    if scale == 1 and width * height > _LARGE_PIXELS:
        scale = _scale_of(min(width, height))
        grey = grey.reduce(scale) if scale > 1 else grey
    return Picture(
        plane=np.asarray(grey),
        shape=Shape(height=height, width=width, scale=scale),
        notes=notes,
        truncated=truncated,
    )


def _scale_of(short_side: int) -> int:
    """Return the largest scale that leaves the shorter side long enough."""
    return max(
        scale for scale in _SCALES if scale == 1 or short_side >= scale * _DRAFT_SIDE
    )


def _salvaged(
    file: BinaryIO,
    image: Image.Image,
    *,
    full: tuple[int, int],
    scale: int,
    notes: frozenset[Note],
) -> Picture | NoPicture:
    """Return what could be decoded of a broken file, if it shows anything."""
    if isinstance(image, JpegImagePlugin.JpegImageFile):
        image = _ended(file)
        image.load()
    else:
        # Without tiles left to decode, Pillow hands out what the decoder wrote so far.
        image.tile = []  # type: ignore[attr-defined]  # only files have tiles
    if _shows_nothing(image):
        return NoPicture(reason=Reason.TRUNCATED)
    return _picture(image, full=full, scale=scale, notes=notes, truncated=True)


def _ended(file: BinaryIO) -> Image.Image:
    """Reopen a JPEG with an end marker behind it.

    libjpeg then shows what it has, of a progressive one every scan that arrived, as
    browsers do; Pillow alone would give nothing of it.
    """
    file.seek(0)
    image = Image.open(io.BytesIO(file.read() + _END_OF_IMAGE), formats=_FORMATS)
    _drafted(image)
    return image


def _shows_nothing(image: Image.Image) -> bool:
    """Say whether every value of every channel is zero, so that nothing arrived."""
    extrema = np.asarray(image.getextrema())
    return not extrema.any()


def _notes(image: Image.Image) -> frozenset[Note]:
    """Return what an opened, not yet loaded image has beside its one view."""
    notes = set()
    sizes = image.info.get("sizes")
    if getattr(image, "is_animated", False) or (sizes and len(sizes) > 1):
        notes.add(Note.FRAMES)
    if image.info.get("icc_profile"):
        notes.add(Note.PROFILE)
    if _JPEG_MAGIC in image.info.get("exif", b""):
        notes.add(Note.EMBEDDED)
    if "transparency" in image.info:
        notes.add(Note.ALPHA)
    return frozenset(notes)


_JPEG_MAGIC = b"\xff\xd8\xff"


def _alpha_notes(image: Image.Image) -> frozenset[Note]:
    """Return the note on transparency of a loaded image, if any pixel has some."""
    if not image.mode.endswith(("A", "a")):
        return frozenset()
    lowest, _ = image.getchannel(image.getbands()[-1]).getextrema()
    opaque = lowest == _OPAQUE
    return frozenset() if opaque else frozenset({Note.ALPHA})


_OPAQUE = 255


def _grey(image: Image.Image) -> Image.Image:
    """Return the luma of a loaded image, without its alpha, as 8-bit grey."""
    if image.mode == "L":
        return image
    convert = _CONVERSIONS.get(image.mode)
    return convert(image) if convert is not None else image.convert("L")


def _grey_of_colours(image: Image.Image) -> Image.Image:
    """Go through RGB, for modes from which Pillow has no way to luma."""
    return image.convert("RGB").convert("L")


def _grey_of_lab(image: Image.Image) -> Image.Image:
    """Take the lightness, since Pillow has no plain way from LAB."""
    return image.getchannel(0)


def _grey_of_16_bits(image: Image.Image) -> Image.Image:
    """Scale 16 bits to 8: 65535 becomes 255. Pillow's own conversion clips at 255."""
    samples = np.asarray(image).astype(np.uint32)
    return Image.fromarray(((samples + 128) // 257).astype(np.uint8))


def _grey_of_numbers(image: Image.Image) -> Image.Image:
    """Stretch samples of unknown range (32-bit or real numbers) over 0 to 255."""
    samples = np.nan_to_num(np.asarray(image, dtype=np.float32))
    lowest, highest = float(samples.min()), float(samples.max())
    reach = highest - lowest
    if not 0 < reach < float("inf"):
        return Image.new("L", image.size)
    stretched = (samples - np.float32(lowest)) * np.float32(255 / reach)
    return Image.fromarray(np.rint(stretched).astype(np.uint8))


_CONVERSIONS: dict[str, Callable[[Image.Image], Image.Image]] = {
    "CMYK": _grey_of_colours,
    "HSV": _grey_of_colours,
    "YCbCr": _grey_of_colours,
    "PA": _grey_of_colours,
    "RGBa": _grey_of_colours,
    "La": _grey_of_colours,
    "LAB": _grey_of_lab,
    "I;16": _grey_of_16_bits,
    "I;16B": _grey_of_16_bits,
    "I;16L": _grey_of_16_bits,
    "I;16N": _grey_of_16_bits,
    "I": _grey_of_numbers,
    "F": _grey_of_numbers,
}
"""Ways to luma for the modes that ``convert("L")`` refuses or gets wrong."""
