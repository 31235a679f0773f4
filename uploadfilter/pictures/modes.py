"""Read samples of any of Pillow's modes: as luma, alpha, and as tools misread them.

Each function takes a loaded image and returns a *reading*: a function from a piece of
that image to 8-bit grey. Data of the whole image (a palette, the range of
floating-point numbers) are looked up once, so that large images can be read in bands of
rows.
"""

from collections.abc import Callable, Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Reading = Callable[[Image.Image], Image.Image]
"""From a piece of an image to 8-bit grey (or colours) of the same size."""

WHOLE_PIXELS: Final = 4_000_000
"""Most pixels of an image that is read in one piece."""

_BAND_PIXELS: Final = 1 << 20
"""Pixels of a band of a larger image: its colours have 4 MiB, and several bands are
held at a time; the calls of Pillow still cost little."""

_OPAQUE: Final = 255
_LEVELS: Final = 256
_SIXTEEN_BITS: Final = frozenset({"I;16", "I;16B", "I;16L", "I;16N"})
_NUMBERS: Final = frozenset({"I", "F"})


def bands(image: Image.Image, *, rows_of: int = 1) -> Iterator[tuple[int, Image.Image]]:
    """Yield an image in bands of rows, each with the number of its first row.

    Each band except the last has a multiple of ``rows_of`` rows, and is a copy; a small
    image is one band and is not copied.
    """
    width, height = image.size
    if width * height <= WHOLE_PIXELS:
        yield 0, image
        return
    rows = max(1, _BAND_PIXELS // (width * rows_of)) * rows_of
    for top in range(0, height, rows):
        yield top, image.crop((0, top, width, min(top + rows, height)))


def luma_of(image: Image.Image) -> Reading:
    """Return the reading of an image's colours as luma, without their alpha."""
    if image.mode in _NUMBERS:
        return _stretch(image)
    return _LUMAS.get(image.mode, _luma)


def _luma(piece: Image.Image) -> Image.Image:
    """Convert with Pillow: there is no better way for these modes."""
    if piece.mode == "L":
        return piece
    return _without_transparency(piece).convert("L")


def _without_transparency(piece: Image.Image) -> Image.Image:
    """Return a piece without the note of a transparent colour.

    Pillow would keep the note, and warn if it cannot.
    """
    if "transparency" not in piece.info:
        return piece
    bare = piece.copy()
    del bare.info["transparency"]
    return bare


def _luma_by_rgb(piece: Image.Image) -> Image.Image:
    """Convert by way of RGB, for modes that Pillow cannot convert to luma correctly.

    Pillow's luma of YCbCr is Y alone, even for colours that a screen cannot show.
    """
    return piece.convert("RGB").convert("L")


def _luma_by_alpha(piece: Image.Image) -> Image.Image:
    """Divide by the alpha first, for premultiplied samples."""
    return piece.convert(piece.mode.upper()).convert("L")


def _luma_of_lab(piece: Image.Image) -> Image.Image:
    return piece.getchannel(0)


def _luma_of_16_bits(piece: Image.Image) -> Image.Image:
    """Scale 16 bits to 8: 65535 becomes 255. Pillow's own conversion clips at 255."""
    samples = np.asarray(piece).astype(np.uint32)
    return Image.fromarray(((samples + 128) // 257).astype(np.uint8))


_LUMAS: Final[dict[str, Reading]] = {
    "CMYK": _luma_by_rgb,
    "HSV": _luma_by_rgb,
    "YCbCr": _luma_by_rgb,
    "RGBa": _luma_by_alpha,
    "La": _luma_by_alpha,
    "LAB": _luma_of_lab,
    **dict.fromkeys(_SIXTEEN_BITS, _luma_of_16_bits),
}
"""Modes that ``convert("L")`` refuses or converts wrongly."""


def _stretch(image: Image.Image) -> Reading:
    """Stretch samples of unknown range (32 bits or floating-point) over 0 to 255."""
    extremes = [_extremes(_numbers(band)) for _, band in bands(image)]
    lowest = min(low for low, _ in extremes)
    reach = max(high for _, high in extremes) - lowest
    factor = 255 / reach if 0 < reach < np.inf else 0.0

    def stretch(piece: Image.Image) -> Image.Image:
        steps = np.rint((_numbers(piece) - lowest) * factor)
        return Image.fromarray(steps.astype(np.uint8))

    return stretch


def cut_of(image: Image.Image) -> Reading | None:
    """Return the reading that cuts samples of unknown range off at black and white.

    Viewers take 1 for the white of real numbers. One number far away would make the
    stretched samples all alike. ``None`` if the range of the samples is known.
    """
    white = _WHITES.get(image.mode)
    if white is None:
        return None

    def cut(piece: Image.Image) -> Image.Image:
        steps = np.rint(np.clip(_numbers(piece) * (255 / white), 0, 255))
        return Image.fromarray(steps.astype(np.uint8))

    return cut


_WHITES: Final = {"F": 1.0, "I": 65_535.0}


def _numbers(piece: Image.Image) -> NDArray[np.float64]:
    """Return samples as floating-point numbers; NaN and infinity count as zero."""
    samples = np.asarray(piece, dtype=np.float64)
    return np.nan_to_num(samples, copy=False, nan=0.0, posinf=0.0, neginf=0.0)


def _extremes(samples: NDArray[np.float64]) -> tuple[float, float]:
    return float(samples.min()), float(samples.max())


def alpha_of(image: Image.Image) -> Reading | None:
    """Return the reading of an image's alpha; ``None`` if it can have none."""
    if image.mode.endswith(("A", "a")):
        return _last_channel
    if image.mode == "P":
        return _alpha_of_palette(image)
    marked = image.info.get("transparency")
    if isinstance(marked, tuple) and image.mode == "RGB":
        return _alpha_of_colour(marked)
    if isinstance(marked, int):
        return _alpha_of_sample(image.mode, marked)
    return None


def _last_channel(piece: Image.Image) -> Image.Image:
    return piece.getchannel(len(piece.getbands()) - 1)


def _alpha_of_palette(image: Image.Image) -> Reading | None:
    alphas = [_OPAQUE] * _LEVELS
    if image.palette is not None and image.palette.mode == "RGBA":
        own = (image.getpalette("RGBA") or [])[3::4]
        alphas[: len(own)] = own
    marked = image.info.get("transparency")
    if isinstance(marked, bytes):
        alphas[: len(marked)] = list(marked[:_LEVELS])
    elif isinstance(marked, int) and 0 <= marked < _LEVELS:
        alphas[marked] = 0
    if min(alphas) == _OPAQUE:
        return None
    return lambda piece: piece.point(alphas, "L")


def _alpha_of_colour(marked: tuple[int, ...]) -> Reading | None:
    """Return the reading that makes one colour transparent.

    For 16-bit colours, Pillow keeps the high bytes, but the mark in 16 bits.
    """
    colour = tuple(v >> 8 if max(marked) >= _LEVELS else v for v in marked)

    def read(piece: Image.Image) -> Image.Image:
        same = (np.asarray(piece) == np.asarray(colour)).all(axis=2)
        return _opaque_but(same)

    return read


def _alpha_of_sample(mode: str, marked: int) -> Reading | None:
    if mode not in {"1", "L", *_SIXTEEN_BITS}:
        return None

    def read(piece: Image.Image) -> Image.Image:
        grey = piece.convert("L") if piece.mode == "1" else piece
        return _opaque_but(np.asarray(grey) == marked)

    return read


def _opaque_but(transparent: NDArray[np.bool_]) -> Image.Image:
    return Image.fromarray(np.where(transparent, 0, _OPAQUE).astype(np.uint8))


def colours_of(image: Image.Image, mode: str) -> Reading | None:
    """Return the reading of an image's samples in the mode of a profile.

    ``None`` if the samples are of another kind, so that the profile does not fit. Grey
    samples are also colours.
    """
    kind = "CMYK" if image.mode == "CMYK" else "LAB" if image.mode == "LAB" else "RGB"
    if image.mode in _GREYS and mode in {"L", "RGB"}:
        luma = luma_of(image)
        return lambda piece: luma(piece).convert(mode)
    if kind != mode:
        return None
    return _colours


_GREYS: Final = frozenset({"1", "L", "LA", "La"}) | _SIXTEEN_BITS | _NUMBERS


def _colours(piece: Image.Image) -> Image.Image:
    if piece.mode in {"RGB", "CMYK"}:
        return piece
    if piece.mode == "RGBa":
        piece = piece.convert("RGBA")
    return _without_transparency(piece).convert("RGB")


def raw_of(image: Image.Image) -> Reading | None:
    """Return the reading of tools for hash sets that misread an image, if they do.

    ``threatexchange`` takes ``numpy.asarray`` of the opened image: it reads the indices
    of a palette as grey, and the first three channels of any mode as red, green and
    blue. Only for 16-bit grey does it convert to colours, which clips every sample
    above 255; with other samples of more than 8 bits it fails. ``imagehash`` converts
    to luma, which clips those too, and reads palettes and CMYK properly.

    Returns:
        ``None`` if both read the stored samples (without alpha), or fail.

    Source:
        threatexchange 1.2.17, signal_type/pdq/pdq_hasher.py; imagehash 4.3.2.
    """
    return _RAWS.get(image.mode)


def _indices(piece: Image.Image) -> Image.Image:
    return Image.fromarray(np.asarray(piece))


def _first_channels(piece: Image.Image) -> Image.Image:
    return Image.fromarray(np.ascontiguousarray(np.asarray(piece)[:, :, :3])).convert(
        "L"
    )


def _clip(piece: Image.Image) -> Image.Image:
    return _without_transparency(piece).convert("L")


_RAWS: Final[dict[str, Reading]] = {
    "P": _indices,
    "CMYK": _first_channels,
    "YCbCr": _first_channels,
    "HSV": _first_channels,
    "LAB": _first_channels,
    "RGBa": _first_channels,
    **dict.fromkeys(_SIXTEEN_BITS | _NUMBERS, _clip),
}
