"""Decode content into one plane of luma, once, at the smallest scale that serves.

Pillow decodes, with an explicit list of formats: none that runs an interpreter, and
none that a browser and the tools behind hash sets would not show. What bytes do to a
decoder is a value here: a picture, a picture with a reason, or none with a reason.

Rules this module keeps:

- JPEGs are decoded at 1/2, 1/4 or 1/8 where both sides stay at 512 pixels or more, and
  three-colour ones in luma only, which saves the work on colour.
- Pixels are limited after scaling, from the header, before anything is decoded.
- A file that broke off is decoded as far as it goes: browsers show that much.
- Pillow's own limits are process-wide settings, so ``prepare_process`` changes them in
  scanner processes only.

To add a format, add it to ``_FORMATS``, its magic in ``contents/magic.py``, and a file
to the tests; they say which exceptions its decoder raises.
"""

import io
import struct
import warnings
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
from PIL import Image, JpegImagePlugin, PngImagePlugin, TiffImagePlugin

from uploadfilter.model import Reason
from uploadfilter.signals.picture import Luma, Note, Picture, Shape

_FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF", "AVIF", "ICO")
"""What is decoded; a JPEG with several pictures (MPO) is opened as JPEG."""

_DRAFT_SIDE = 512
"""Both sides of a scaled JPEG stay at least this long, in pixels.

At 256 the drift of PDQ against the full resolution grows from 4 to 10 bits at most, and
saves a tenth of the time.
"""

_END_OF_IMAGE = b"\xff\xd9"

_DECODER_ERRORS = (
    OSError,
    EOFError,
    SyntaxError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    ArithmeticError,
    AssertionError,
    RuntimeError,
    struct.error,
    zlib.error,
)
"""What Pillow's plugins raise on bad bytes.

Its own contract names ``OSError`` and ``SyntaxError`` only. 100,000 mutated files of
every format raised ``OSError``, ``ValueError`` (PNG, TIFF) and ``RuntimeError`` (AVIF);
the others are what plugins that index into a header without checks can raise.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodeLimits:
    """What a decode may cost.

    Attributes:
        max_pixels: Pixels after scaling. 64 million is more than any camera's JPEG at
            1/8 or a 60-megapixel PNG, and 64 to 256 MB while decoding.
    """

    max_pixels: int = 64_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class NoPicture:
    """Content that did not become a picture.

    Attributes:
        reason: ``UNDECODABLE``, ``TRUNCATED`` (it broke off before anything could be
            shown), ``TOO_MANY_PIXELS`` or ``OUT_OF_MEMORY``.
    """

    reason: Reason


def prepare_process() -> None:
    """Set what Pillow keeps per process; call it once, in a process that only scans.

    Pillow's own limit counts pixels before scaling, so it would refuse a JPEG of 200
    megapixels that costs little; ``DecodeLimits`` replaces it.
    """
    Image.MAX_IMAGE_PIXELS = None
    # These loggers tell of bad files, which are values here.
    TiffImagePlugin.logger.disabled = True
    PngImagePlugin.logger.disabled = True
    # Pillow would import its other decoders when it meets the first bad file, which is
    # when a confined process may no longer read them.
    Image.init()


def decode(
    file: BinaryIO, *, limits: DecodeLimits = DecodeLimits()
) -> Picture | NoPicture:
    """Decode the picture in ``file``.

    Args:
        file: The content, seekable, read from its beginning.
        limits: What it may cost.

    Returns:
        The picture, whose ``reason`` says what it does not show; or none and why.
    """
    with _quiet():
        try:
            return _decoded(file, limits)
        except MemoryError:
            return NoPicture(reason=Reason.OUT_OF_MEMORY)
        except (Image.DecompressionBombError, _TooManyPixels):
            return NoPicture(reason=Reason.TOO_MANY_PIXELS)
        except _DECODER_ERRORS:
            return NoPicture(reason=Reason.UNDECODABLE)


class _TooManyPixels(Exception):  # noqa: N818  # not an error: it becomes a reason
    """The header promises more pixels than the limit; ends a decode from within."""


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the decoders' warnings about bad files out of the process's output."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


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
    except _DECODER_ERRORS:
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
    """Return the picture of a loaded image."""
    width, height = full if scale > 1 else image.size
    return Picture(
        plane=_luma(image),
        shape=Shape(height=height, width=width, scale=scale),
        notes=notes | _alpha_notes(image),
        truncated=truncated,
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


def _luma(image: Image.Image) -> Luma:
    """Return the luma of a loaded image, without its alpha, shape (rows, columns)."""
    if image.mode == "L":
        return np.asarray(image)
    convert = _CONVERSIONS.get(image.mode)
    if convert is not None:
        return convert(image)
    return np.asarray(image.convert("L"))


def _luma_of_colours(image: Image.Image) -> Luma:
    """Go through RGB, for modes from which Pillow has no way to luma."""
    return np.asarray(image.convert("RGB").convert("L"))


def _luma_of_lab(image: Image.Image) -> Luma:
    """Take the lightness, since Pillow has no plain way from LAB."""
    return np.asarray(image.getchannel(0))


def _luma_of_16_bits(image: Image.Image) -> Luma:
    """Scale 16 bits to 8: 65535 becomes 255. Pillow's own conversion clips at 255."""
    samples = np.asarray(image).astype(np.uint32)
    return ((samples + 128) // 257).astype(np.uint8)


def _luma_of_numbers(image: Image.Image) -> Luma:
    """Stretch samples of unknown range (32-bit or real numbers) over 0 to 255."""
    samples = np.nan_to_num(np.asarray(image, dtype=np.float32))
    lowest, highest = float(samples.min()), float(samples.max())
    reach = highest - lowest
    if not 0 < reach < float("inf"):
        return np.zeros(samples.shape, np.uint8)
    stretched = (samples - np.float32(lowest)) * np.float32(255 / reach)
    luma: Luma = np.rint(stretched).astype(np.uint8)
    return luma


_CONVERSIONS: dict[str, Callable[[Image.Image], Luma]] = {
    "CMYK": _luma_of_colours,
    "HSV": _luma_of_colours,
    "YCbCr": _luma_of_colours,
    "PA": _luma_of_colours,
    "RGBa": _luma_of_colours,
    "La": _luma_of_colours,
    "LAB": _luma_of_lab,
    "I;16": _luma_of_16_bits,
    "I;16B": _luma_of_16_bits,
    "I;16L": _luma_of_16_bits,
    "I;16N": _luma_of_16_bits,
    "I": _luma_of_numbers,
    "F": _luma_of_numbers,
}
"""Ways to luma for the modes that ``convert("L")`` refuses or gets wrong."""
