"""Show a frame in every way in which it may be seen: one plane of luma for each.

A browser draws a transparent picture on the page behind it and converts colours by
their profile; the tools that make hash sets misread some modes. Each way has a name,
which becomes the name of a view:

==================  ================================================================
``stored``          the colours, without alpha and profile; always first
``white, black``    drawn on that colour, if any pixel is transparent
``grey:104, ...``   drawn on that grey, where it shows something else (``pages.py``)
``alpha``           the alpha itself, if any pixel is transparent
``icc``             the colours, converted to sRGB, if a profile (or what stands for
                    one in a PNG) changes anything
``icc/white, ...``  both
``icc:2``, ...      the same in another way, where programs read the profile in several
``cut``             samples of unknown range, cut off at black and white; ``stored``
                    stretches them
``raw``             as other tools misread the samples (``modes.raw_of``); of the first
                    frame only, since those tools know no other
==================  ================================================================

Rules this module keeps:

- Large frames are read in bands of rows, so that no conversion holds a second copy.
- A usual frame (grey or RGB, without a profile) costs one conversion, and no copy.
"""

import itertools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from PIL import Image

from uploadfilter.pictures import modes
from uploadfilter.pictures.colours.chunks import (
    CODE_POINTS,
    profile_of_chunks,
    profile_of_points,
)
from uploadfilter.pictures.colours.conversions import Conversion, conversion_of
from uploadfilter.pictures.frame import Frame
from uploadfilter.pictures.modes import Reading
from uploadfilter.pictures.picture import SCALES, Blend, Luma, Picture, Shape

STORED: Final = "stored"
CONVERTED: Final = "icc"
ALPHA: Final = "alpha"
RAW: Final = "raw"
CUT: Final = "cut"
GREY_PAGE: Final = "grey"
"""Names of showings, or words in them, that other modules treat in a special way."""

Pages = Callable[[Picture, Picture, int], Iterator[tuple[int, Blend]]]
"""From a picture on black, the same on white and the number of frames to the greys of
other pages, each with its picture."""

_Planes = Callable[[Image.Image, int], tuple[Image.Image, ...]]
"""From a band of a frame, and a factor of reduction, to the same band of several
planes."""

_LEAST_SIDE: Final = 512
"""Shortest side of a plane when a large frame is reduced, as libjpeg does with JPEGs:
signals of 64 million pixels would take seconds."""

_LONGEST_SIDE: Final = 12_288
"""A plane with a longer side is reduced even if its other side becomes too short: the
operators of a side of 65,535 pixels take seconds to build."""

_CONVERTED_SIDE: Final = 360
"""Shortest side of a plane that is converted by a profile. The conversion takes 16 ns
for each pixel, eight times as long as all signals."""

_CONVERTED_PIXELS: Final = 400_000
"""Most pixels of such a plane: a conversion by a table of four colours takes 0.3
microseconds for each."""

_OPAQUE: Final = 255
_WHITE: Final = 255
_BLACK: Final = 0


@dataclass(frozen=True, slots=True)
class Shown:
    """One way to show a frame: its name without the frame's number, and its luma."""

    name: str
    picture: Picture | Blend


def showings(frame: Frame, *, pages: Pages | None = None) -> Iterator[Shown]:
    """Yield every way to show a frame, ``stored`` first.

    ``pages`` chooses the grey pages on which a transparent frame is shown; without it,
    such a frame is shown on black and on white only.
    """
    image = frame.image
    reduction = reduction_of(image.size, scale=frame.scale)
    luma = modes.luma_of(image)
    yield from _show(frame, (STORED,), _single_plane(luma), reduction)
    alpha = _transparency(image)
    if alpha is not None:
        names = ("white", "black", ALPHA)
        backed = _show(frame, names, _draw_on_pages(luma, alpha), reduction)
        yield from _with_greys(backed, frame.count, pages)
    yield from _show_converted(frame, alpha, reduction, pages)
    cut = modes.cut_of(image)
    if cut is not None:
        yield from _show(frame, (CUT,), _single_plane(cut), reduction)
    raw = modes.raw_of(image) if frame.number == 0 else None
    if raw is not None:
        yield from _show(frame, (RAW,), _single_plane(raw), reduction)


def reduction_of(size: tuple[int, int], *, scale: int = 1) -> int:
    """Return the factor by which planes are smaller than a frame: 1, 2, 4 or 8.

    A frame that is smaller already is only reduced further if a side is too long.
    """
    by = 1
    if scale == 1 and math.prod(size) > modes.WHOLE_PIXELS:
        by = max(s for s in SCALES if s == 1 or min(size) >= s * _LEAST_SIDE)
    while max(size) > by * _LONGEST_SIDE and scale * by < SCALES[-1]:
        by *= 2
    return by


def _transparency(image: Image.Image) -> Reading | None:
    alpha = modes.alpha_of(image)
    if alpha is None:
        return None
    for _, band in modes.bands(image):
        if alpha(band).getextrema()[0] != _OPAQUE:
            return alpha
    return None


def _show(
    frame: Frame, names: tuple[str, ...], planes: _Planes, by: int
) -> Iterator[Shown]:
    """Yield the planes that a function makes from a frame's bands, with names."""
    scale = frame.scale
    width, height = frame.full if scale > 1 else frame.image.size
    shape = Shape(height=height, width=width, scale=scale * by)
    filled = _fill(frame.image, len(names), planes, by)
    for name in names:
        # Removed one by one, so that no plane is held longer than needed.
        yield Shown(name, Picture(plane=filled.pop(0), shape=shape))


def _fill(image: Image.Image, count: int, planes: _Planes, by: int) -> list[Luma]:
    """Fill planes band by band; planes of a single band are not copied."""
    size = -(-image.height // by), -(-image.width // by)
    filled: list[Luma] = []
    for top, band in modes.bands(image, rows_of=by):
        parts = [np.asarray(plane) for plane in planes(band, by)]
        if band is image:
            return parts
        if not filled:
            filled = [np.empty(size, np.uint8) for _ in range(count)]
        for whole, part in zip(filled, parts, strict=True):
            whole[top // by : top // by + len(part)] = part
    return filled


def _reduce(image: Image.Image, by: int) -> Image.Image:
    return image.reduce(by) if by > 1 else image


def _single_plane(reading: Reading) -> _Planes:
    return lambda band, by: (_reduce(reading(band), by),)


def _draw_on_pages(luma: Reading, alpha: Reading) -> _Planes:
    """Return a function that draws a band on white and on black, and gives its alpha.

    Luma is linear in the colours, so it can be drawn instead of them.
    """

    def draw(band: Image.Image, by: int) -> tuple[Image.Image, ...]:
        shade = alpha(band)
        drawn = (*_draw(luma(band), shade), shade)
        return tuple(_reduce(plane, by) for plane in drawn)

    return draw


def _draw(luma: Image.Image, alpha: Image.Image) -> tuple[Image.Image, Image.Image]:
    white, black = (
        Image.composite(luma, Image.new("L", luma.size, grey), alpha)
        for grey in (_WHITE, _BLACK)
    )
    return white, black


def _with_greys(
    backed: Iterator[Shown], frames: int, pages: Pages | None
) -> Iterator[Shown]:
    """Yield the showings, and those on grey pages between white and black."""
    if pages is None:
        yield from backed
        return
    kept: dict[str, Picture] = {}
    prefix = ""
    for item in backed:
        prefix, _, page = item.name.rpartition("/")
        if isinstance(item.picture, Picture):
            kept[page] = item.picture
        yield item
    if "white" not in kept:
        return
    prefix = f"{prefix}/" if prefix else ""
    for grey, picture in pages(kept["black"], kept["white"], frames):
        yield Shown(f"{prefix}{GREY_PAGE}:{grey}", picture)


def _show_converted(
    frame: Frame, alpha: Reading | None, by: int, pages: Pages | None
) -> Iterator[Shown]:
    conversions = list(_conversions(frame))
    while conversions and _may_be_halved(frame, by):
        by *= 2
    words = itertools.chain((CONVERTED,), map(f"{CONVERTED}:{{}}".format, range(2, 99)))
    for colours, conversion in conversions:
        names: list[str] = []
        for word in itertools.islice(words, len(conversion.transforms)):
            names.append(word)
            if alpha is not None:
                names += [f"{word}/white", f"{word}/black"]
        planes = _converter(colours, conversion, alpha)
        shown = _show(frame, tuple(names), planes, by)
        yield from _with_greys(shown, frame.count, pages)


def _converter(
    colours: Reading, conversion: Conversion, alpha: Reading | None
) -> _Planes:
    def convert(band: Image.Image, by: int) -> tuple[Image.Image, ...]:
        samples = colours(band)
        bare = conversion.lumas(_reduce(samples, by))
        if alpha is None:
            return bare
        seen, shade = _weight_by_alpha(samples, alpha(band), by)
        return _draw_each(list(zip(bare, conversion.lumas(seen), strict=True)), shade)

    return convert


def _draw_each(
    lumas: list[tuple[Image.Image, Image.Image]], shade: Image.Image
) -> tuple[Image.Image, ...]:
    """Return each luma without alpha, and the drawings of another one with an alpha."""
    planes: list[Image.Image] = []
    for luma, seen in lumas:
        planes += [luma, *_draw(seen, shade)]
    return tuple(planes)


def _conversions(frame: Frame) -> Iterator[tuple[Reading, Conversion]]:
    """Yield the samples of a frame, and what a profile for such samples makes of them.

    Browsers prefer the code points of a PNG to a profile, and use gamma and primaries
    without a profile; other programs do not.
    """
    info = frame.image.info
    found = (
        profile_of_points(info.get(CODE_POINTS), is_png=True),
        frame.profile,
        *frame.other_profiles,
        profile_of_chunks(info),
    )
    for profile in dict.fromkeys(found):
        conversion = None if profile is None else conversion_of(profile)
        if conversion is None:
            continue
        colours = modes.colours_of(frame.image, conversion.mode)
        if colours is not None:
            yield colours, conversion


def lacks_conversion(frame: Frame) -> bool:
    """Return whether programs may show other colours of a frame than those here."""
    return any(conversion.is_unsure for _, conversion in _conversions(frame))


def _may_be_halved(frame: Frame, by: int) -> bool:
    if frame.scale * by >= SCALES[-1]:
        return False
    width, height = frame.image.size
    if width * height > _CONVERTED_PIXELS * by**2:
        return True
    return min(width, height) >= 2 * by * _CONVERTED_SIDE


def _weight_by_alpha(
    samples: Image.Image, alpha: Image.Image, by: int
) -> tuple[Image.Image, Image.Image]:
    """Return reduced samples, weighted by alpha, and the reduced alpha."""
    if by == 1:
        return samples, alpha
    mode = samples.mode + "A"
    joined = Image.merge(mode, (*samples.split(), alpha))
    *seen, shade = joined.convert(mode[:-1] + "a").reduce(by).convert(mode).split()
    return Image.merge(samples.mode, seen), shade
