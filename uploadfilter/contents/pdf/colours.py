"""Read the colour spaces of a PDF document that picture decoders know.

Source:
    ISO 32000-2:2020, 8.6 "Colour spaces".
"""

from typing import Final, NamedTuple

import numpy as np
import pikepdf

from uploadfilter.contents.members import Shortfall
from uploadfilter.contents.pdf.filters import filters_of, unfiltered
from uploadfilter.contents.pdf.rasters import CMYK, GREY, RGB
from uploadfilter.contents.pdf.values import items_of, text_of, value_of, whole

_MOST_NESTED: Final = 4
"""Most colour spaces that refer to each other in a row: a palette of inks over a
profile has two; without a limit, a space could refer to itself."""

_CHANNELS: Final = {
    "/DeviceGray": GREY,
    "/CalGray": GREY,
    "/G": GREY,
    "/DeviceRGB": RGB,
    "/CalRGB": RGB,
    "/RGB": RGB,
    "/DeviceCMYK": CMYK,
    "/CMYK": CMYK,
}


class Colours(NamedTuple):
    """The colour space of a picture, in the terms of ``Raster``.

    Attributes:
        channels: ``GREY``, ``RGB`` or ``CMYK``.
        palette: As in ``Raster``.
        is_ink: Whether the values are amounts of ink, although decoders take them for
            light.
    """

    channels: int
    palette: bytes = b""
    is_ink: bool = False


def colours_of(space: object, *, depth: int = 0) -> Colours | None:
    """Read a colour space; return ``None`` if decoders have none like it."""
    name, *rest = items_of(space) or [None]
    if depth > _MOST_NESTED or not isinstance(name, pikepdf.Name):
        return None
    first = rest[0] if rest else None
    match text_of(name):
        case "/ICCBased":
            return _by_count(whole(value_of(first, "/N")))
        case "/Indexed" | "/I":
            base = colours_of(first, depth=depth + 1)
            return _indexed(base, _lookup(rest[-1] if rest else None))
        case "/Separation":
            return Colours(GREY, is_ink=True)
        case "/DeviceN":
            return _inks(len(items_of(first)))
        case _:
            return _by_count(_CHANNELS.get(text_of(name), 0))


def _inks(count: int) -> Colours | None:
    """Treat up to three inks as the light that they absorb."""
    colours = _by_count(count)
    return colours and colours._replace(is_ink=count != CMYK)


def _by_count(channels: int) -> Colours | None:
    return Colours(channels) if channels in {GREY, RGB, CMYK} else None


def _indexed(base: Colours | None, lookup: bytes) -> Colours | None:
    """Convert the colours of a palette to red, green and blue."""
    if base is None:
        return None
    lookup = lookup[: len(lookup) // base.channels * base.channels]
    values = np.frombuffer(lookup, np.uint8).reshape(-1, base.channels)
    if base.channels == CMYK:
        light = 255 - values.astype(np.uint16)
        values = (light[:, :3] * light[:, 3:] // 255).astype(np.uint8)
    if base.is_ink:
        values = 255 - values
    if base.channels == GREY:
        values = np.repeat(values, RGB, axis=1)
    return Colours(GREY, values.tobytes() or b"\0\0\0")


def _lookup(lookup: object) -> bytes:
    """Return the bytes of a palette, which are a string or a stream."""
    if isinstance(lookup, pikepdf.String):
        return bytes(lookup)
    if isinstance(lookup, pikepdf.Stream):
        data = unfiltered(lookup.read_raw_bytes(), filters_of(lookup))
        return b"" if isinstance(data, Shortfall) else data[: 256 * CMYK]
    return b""
