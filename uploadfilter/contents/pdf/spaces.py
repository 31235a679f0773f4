"""Compute the colours of samples from the colour space of a PDF document.

``colours.py`` reads the colour spaces that picture decoders know. This module has
the others: inks that a function mixes, Lab, palettes of any of these. Each space
converts a table of component values, with a row for each sample, to red, green and blue
from 0 to 1.

Source:
    ISO 32000-2:2020, 8.6 "Colour spaces"; IEC 61966-2-1 (sRGB).
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np
import pikepdf
from numpy.typing import NDArray

from uploadfilter.contents.pdf.functions import data_of, function_cost, function_of
from uploadfilter.contents.pdf.profiles import SAMPLES, is_srgb
from uploadfilter.contents.pdf.values import items_of, reals, text_of, value_of, whole

Table = NDArray[np.float64]
Convert = Callable[[Table], Table]

MOST_COMPONENTS: Final = 8
"""Most inks of one sample; printers have four to seven."""

_MOST_NESTED: Final = 4
_MOST_PROFILE_BYTES: Final = 4 * 1024 * 1024
_LEAST_PROFILE_BYTES: Final = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class Space:
    """A colour space.

    Attributes:
        ranges: Lowest and highest value of each component, shape (components, 2).
        convert: From component values to red, green and blue, 0 to 1.
        profile: An ICC profile for 1, 3 or 4 components; ``convert`` then does the same
            as readers without colour management.
        is_index: Whether the only component is an index of colours, whatever its bits.
        is_device: Whether picture decoders know the space.
        cost: About how many steps one sample takes.
    """

    ranges: Table
    convert: Convert
    profile: bytes = b""
    is_index: bool = False
    is_device: bool = False
    cost: int = 24


def space_of(space: object, *, depth: int = 0) -> Space | None:
    """Read a colour space; return ``None`` if it cannot be evaluated."""
    name, *rest = items_of(space) or [None]
    if depth > _MOST_NESTED or not isinstance(name, pikepdf.Name):
        return None
    first = rest[0] if rest else None
    kind = text_of(name)
    if kind in _DEVICES:
        return _device(_DEVICES[kind])
    if kind in _MEASURED:
        return _MEASURED[kind](first)
    if kind == "/ICCBased":
        return _profiled(first, depth)
    if kind in {"/Indexed", "/I"}:
        return _indexed(rest, depth)
    return _inks(kind, rest, depth) if kind in {"/Separation", "/DeviceN"} else None


_DEVICES: Final = {
    **dict.fromkeys(("/DeviceGray", "/G"), 1),
    **dict.fromkeys(("/DeviceRGB", "/RGB"), 3),
    **dict.fromkeys(("/DeviceCMYK", "/CMYK"), 4),
}


def _device(count: int) -> Space:
    converts = {1: _from_grey, 3: _from_rgb, 4: _from_cmyk}
    return Space(ranges=_unit(count), convert=converts[count], is_device=True)


def _unit(count: int) -> Table:
    return np.array([[0.0, 1.0]] * count)


def _from_grey(values: Table) -> Table:
    return np.repeat(values[:, :1], 3, axis=1)


def _from_rgb(values: Table) -> Table:
    return values[:, :3]


def _from_cmyk(values: Table) -> Table:
    """Subtract the inks from white, as readers without a profile do."""
    return (1 - values[:, :3]) * (1 - values[:, 3:4])


def _profiled(stream: object, depth: int) -> Space | None:
    """Read a space that an ICC profile describes, and its alternate space."""
    count = whole(value_of(stream, "/N"))
    if count not in {1, 3, 4}:
        return None
    instead = value_of(stream, "/Alternate")
    other = None if instead is None else space_of(instead, depth=depth + 1)
    if other is None or other.is_index or len(other.ranges) != count:
        other = _device(count)
    profile = data_of(stream) or b""
    if not _LEAST_PROFILE_BYTES <= len(profile) <= _MOST_PROFILE_BYTES:
        profile = b""
    # Readers ignore a profile that is not for such samples.
    is_one = profile[36:40] == b"acsp" and profile[16:20] == SAMPLES[count]
    if not is_one or is_srgb(profile):
        profile = b""
    return Space(
        ranges=other.ranges,
        convert=other.convert,
        profile=profile,
        is_device=other.is_device,
    )


def _indexed(rest: list[object], depth: int) -> Space | None:
    """Read a space whose only component is an index of colours of another space."""
    base = space_of(rest[0], depth=depth + 1) if rest else None
    if base is None or base.is_index:
        return None
    lookup = rest[-1]
    data = bytes(lookup) if isinstance(lookup, pikepdf.String) else data_of(lookup)
    count = len(base.ranges)
    colours = (data or b"")[: 256 * count]
    if len(colours) < count:
        return None
    table = np.frombuffer(colours[: len(colours) // count * count], np.uint8)
    shares = table.reshape(-1, count) / 255
    low, high = base.ranges[:, 0], base.ranges[:, 1]
    palette = base.convert(low + shares * (high - low))

    def convert(values: Table) -> Table:
        numbers = np.clip(np.rint(values[:, 0]), 0, len(palette) - 1)
        chosen: Table = palette[numbers.astype(np.int64)]
        return chosen

    return Space(
        ranges=np.array([[0.0, 255.0]]),
        convert=convert,
        is_index=True,
        is_device=base.is_device and not base.profile,
    )


def _inks(name: str, rest: list[object], depth: int) -> Space | None:
    """Read a space of inks, which a function converts to another space."""
    if len(rest) < 3:  # noqa: PLR2004  # inks, space and function
        return None
    count = 1 if name == "/Separation" else len(items_of(rest[0]))
    other = space_of(rest[1], depth=depth + 1)
    function = function_of(rest[2])
    if other is None or other.is_index or function is None:
        return None
    if not 0 < count <= MOST_COMPONENTS:
        return None
    width = len(other.ranges)

    def convert(values: Table) -> Table:
        mixed = function(values)
        if mixed.shape[1] < width:
            mixed = np.pad(mixed, ((0, 0), (0, width - mixed.shape[1])))
        return other.convert(np.clip(mixed, other.ranges[:, 0], other.ranges[:, 1]))

    cost = other.cost + function_cost(rest[2])
    return Space(ranges=_unit(count), convert=convert, cost=cost)


_D65: Final = np.array([0.9505, 1.0, 1.089])
_TO_SRGB: Final = np.array(
    [
        [3.2404542, -1.5371385, -0.4985314],
        [-0.9692660, 1.8760108, 0.0415560],
        [0.0556434, -0.2040259, 1.0572252],
    ]
)
_STRAIGHT: Final = 6 / 29


def _lab(parameters: object) -> Space:
    """Read a space of lightness and two colour differences.

    Its white point is shown as white: readers adapt it to the white of the screen.
    """
    reach = reals(value_of(parameters, "/Range"))
    reach = reach if len(reach) == 4 else [-100.0, 100.0, -100.0, 100.0]  # noqa: PLR2004
    ranges = np.array([[0.0, 100.0], reach[:2], reach[2:]])
    return Space(ranges=ranges, convert=_from_lab, cost=40)


def _from_lab(values: Table) -> Table:
    middle = (values[:, 0] + 16) / 116
    ratios = np.stack(
        (middle + values[:, 1] / 500, middle, middle - values[:, 2] / 200), axis=1
    )
    curved, straight = ratios**3, 3 * _STRAIGHT**2 * (ratios - 4 / 29)
    return _encoded(np.where(ratios >= _STRAIGHT, curved, straight) * _D65)


def _encoded(light: Table) -> Table:
    """Encode linear light as sRGB, under the white of a screen."""
    linear = np.clip(np.nan_to_num(light @ _TO_SRGB.T), 0, 1)
    colours: Table = np.where(
        linear <= _DARK, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055
    )
    return colours


_DARK: Final = 0.0031308
"""Light below which the curve of sRGB is a straight line."""

_BRADFORD: Final = np.array(
    [[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]]
)
"""From light to the responses of the three kinds of receptors in an eye, which are
scaled from one white to another (ICC.1:2022, annex E)."""

_LEAST_WHITE: Final = 1e-3
_MOST_LIGHT: Final = 1e3
"""Largest amount of light; larger numbers have no meaning."""

_LEAST_SHOWN: Final = 10 / 255
"""Least difference between the colours of a calibrated space and of the device space
that counts: the spaces that programs write for sRGB differ by less."""


def _calibrated(count: int, parameters: object) -> Space:
    """Read a calibrated space of grey, or of red, green and blue."""
    gammas = reals(value_of(parameters, "/Gamma"))
    gammas = gammas if len(gammas) == count else [1.0] * count
    white = np.array(reals(value_of(parameters, "/WhitePoint")))
    if white.shape != (3,) or white.min() < _LEAST_WHITE:
        white = _D65
    numbers = reals(value_of(parameters, "/Matrix"))
    matrix = np.array(numbers).reshape(3, 3) if len(numbers) == 9 else np.eye(3)  # noqa: PLR2004
    matrix = white[None] if count == 1 else np.clip(matrix, -_MOST_LIGHT, _MOST_LIGHT)
    seen = _BRADFORD @ white
    scales = (_BRADFORD @ _D65) / np.where(np.abs(seen) < _LEAST_WHITE, 1, seen)
    adapted = np.linalg.inv(_BRADFORD) @ np.diag(scales) @ _BRADFORD

    def convert(values: Table) -> Table:
        with np.errstate(all="ignore"):
            raised = np.nan_to_num(np.clip(values, 0, 1) ** gammas)
        light = np.clip(raised, 0, _MOST_LIGHT) @ matrix
        return _encoded(light @ adapted.T)

    steps = np.linspace(0, 1, 6)
    grid = np.stack(np.meshgrid(*[steps] * count), axis=-1).reshape(-1, count)
    device = _device(count)
    is_usual = np.abs(convert(grid) - device.convert(grid)).max() <= _LEAST_SHOWN
    return device if is_usual else Space(ranges=_unit(count), convert=convert, cost=60)


_MEASURED: Final[dict[str, Callable[[object], Space]]] = {
    "/CalGray": partial(_calibrated, 1),
    "/CalRGB": partial(_calibrated, 3),
    "/Lab": _lab,
}
