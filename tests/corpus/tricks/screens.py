"""Tricks with colours on a screen: impossible colours, or a transparent one."""

import struct
from functools import partial

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tests.corpus import pictures
from tests.corpus.tricks.kit import (
    COLOURS,
    GREY,
    Expected,
    Family,
    FileType,
    Pixels,
    dithered,
    grey,
    of_family,
    png_chunk,
    png_file,
)

_Doubles = NDArray[np.float64]
_MOST = 127.0


def _luma_on_screens(light: int, reach: _Doubles) -> _Doubles:
    """Return the luma of one stored luma with more or less of both colours."""
    colour = reach * _MOST
    red = np.clip(light + 1.402 * colour, 0, 255)
    green = np.clip(light - (0.344136 + 0.714136) * colour, 0, 255)
    blue = np.clip(light + 1.772 * colour, 0, 255)
    shown: _Doubles = 0.299 * red + 0.587 * green + 0.114 * blue
    return shown


def clipped(
    target: Image.Image, decoy: Image.Image, *, darkest: int = 118, brightest: int = 138
) -> Image.Image:
    """Return the decoy in luma, in colours that screens show as the target's luma.

    Args:
        target: The shown picture.
        decoy: The picture that is stored as luma.
        darkest: The least stored luma.
        brightest: The greatest stored luma.
    """
    stored = darkest + grey(decoy).astype(np.int64) * (brightest - darkest) // 255
    reach = np.linspace(-1, 1, 511)
    shown = {light: _luma_on_screens(light, reach) for light in np.unique(stored)}
    lowest = max(lumas.min() for lumas in shown.values())
    highest = min(lumas.max() for lumas in shown.values())
    wanted = lowest + (highest - lowest) * grey(target) / 255
    colours = np.zeros(stored.shape)
    for light, lumas in shown.items():
        order = np.argsort(lumas)
        here = stored == light
        places = np.searchsorted(lumas[order], wanted[here]).clip(0, len(reach) - 1)
        colours[here] = 128 + _MOST * reach[order][places]
    samples = np.dstack((stored, colours, colours)).astype(np.uint8)
    return Image.fromarray(samples, "YCbCr")


def _jpeg(
    target: Image.Image,
    decoy: Image.Image,
    *,
    range_of: tuple[int, int] = (118, 138),
    **options: object,
) -> bytes:
    darkest, brightest = range_of
    image = clipped(target, decoy, darkest=darkest, brightest=brightest)
    return pictures.jpeg(image, 92, **options)


_KEY = 20
"""The sample that is transparent; all others of the decoy are a little brighter."""


def _keyed(target: Image.Image, decoy: Image.Image) -> tuple[Pixels, NDArray[np.bool_]]:
    """Return the decoy in dark greys, and the pixels that become transparent."""
    return (grey(decoy) // 6 + _KEY + 1).astype(np.uint8), dithered(target)


def _key_of_more_bits(target: Image.Image, decoy: Image.Image, *, colour: int) -> bytes:
    """Mark a colour that differs in the bits above the eight of a sample."""
    samples, holes = _keyed(target, decoy)
    samples[holes] = _KEY
    bands = 3 if colour == COLOURS else 1
    key = struct.pack(f">{bands}H", *[0xFF00 | _KEY] * bands)
    stored = np.dstack((samples,) * 3) if colour == COLOURS else samples
    return png_file(stored, colour=colour, chunks=png_chunk(b"tRNS", key))


def _key_of_lower_bytes(target: Image.Image, decoy: Image.Image) -> bytes:
    """Mark a colour of 16 bits that differs from others only in its lowest byte."""
    samples, holes = _keyed(target, decoy)
    wide = np.dstack((samples.astype(np.uint16) << 8,) * 3)
    wide[holes] = (_KEY << 8, _KEY << 8, _KEY << 8 | 1)
    key = struct.pack(">3H", _KEY << 8, _KEY << 8, _KEY << 8 | 1)
    chunks = png_chunk(b"tRNS", key)
    return png_file(wide, depth=16, colour=COLOURS, chunks=chunks)


def _key_of_four_bits(target: Image.Image, decoy: Image.Image) -> bytes:
    """Mark the second darkest of sixteen greys."""
    samples = (grey(decoy) // 64 + 2).astype(np.uint8)
    samples[dithered(target)] = 1
    chunks = png_chunk(b"tRNS", struct.pack(">H", 1))
    return png_file(samples, depth=4, colour=GREY, chunks=chunks)


_colour = of_family(Family.COLOUR)
_alpha = of_family(Family.ALPHA)

SCREEN_TRICKS = (
    _colour(
        "jpeg-clipped",
        FileType.JPEG,
        partial(_jpeg, range_of=(12, 32), subsampling=0),
        "the decoy in luma, with colours that no screen has",
    ),
    _colour(
        "jpeg-clipped-dark",
        FileType.JPEG,
        partial(_jpeg, range_of=(0, 12), subsampling=0),
        "the same where the decoy is nearly black",
    ),
    _colour(
        "jpeg-clipped-bright",
        FileType.JPEG,
        partial(_jpeg, range_of=(235, 255), subsampling=0),
        "the same where the decoy is nearly white",
    ),
    _alpha(
        "png-key-more-bits",
        FileType.PNG,
        partial(_key_of_more_bits, colour=COLOURS),
        "a transparent colour with more bits than the samples",
    ),
    _alpha(
        "png-key-more-bits-grey",
        FileType.PNG,
        partial(_key_of_more_bits, colour=GREY),
        "the same in grey",
    ),
    _alpha(
        "png-key-deep",
        FileType.PNG,
        _key_of_lower_bytes,
        "a transparent colour of 16 bits that only its last byte tells from others",
        expected=Expected.REFUSED,
    ),
    _alpha(
        "png-key-4",
        FileType.PNG,
        _key_of_four_bits,
        "one transparent grey of sixteen",
    ),
)
