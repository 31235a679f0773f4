"""Convert samples by a colour profile, in each way in which programs read it.

Programs use different parts of one profile. Chromium (Skia) takes the first tag of a
name, and prefers code points to tables, and tables to curves. littlecms, which most
other programs use, knows more kinds of tables and fewer tags. For the profiles of
cameras and screens both give the same colours, and there is one conversion, by
littlecms; for others there is one for each way.

Rules this module keeps: the colours of Skia are computed here, number by number;
nothing as large as the picture is held in memory, except its samples and its luma.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

from uploadfilter.pictures.colours import codepoints, gammas, iccprofile
from uploadfilter.pictures.colours.icccurves import (
    BadProfileError,
    Curve,
    Floats,
    Formula,
)
from uploadfilter.pictures.colours.iccprofile import Profile
from uploadfilter.pictures.colours.icctables import ColourTable
from uploadfilter.pictures.colours.profiles import (
    MAX_PROFILE_BYTES,
    cached,
    is_plain,
    linear_of,
    samples_of,
    srgb_of,
    transform_of,
)

_TO_XYZ: Final[Floats] = np.array(
    [
        [0.436065674, 0.385147095, 0.143066406],
        [0.222488403, 0.716873169, 0.060607910],
        [0.013916016, 0.097076416, 0.714096069],
    ]
)
"""From the light of sRGB to XYZ, adapted to D50, as in profiles."""

_FROM_XYZ: Final[Floats] = np.linalg.inv(_TO_XYZ).astype(np.float64)
_D50: Final[Floats] = np.array([0.9642, 1.0, 0.8249])

_STEPS: Final = 8192
"""Steps of light that are distinguished; in dark areas each is a third of a grey step.
"""

_CHUNK: Final = 1 << 14
"""Pixels that are computed at a time."""

_TOLERANCE: Final = 3
"""Grey steps by which two conversions may differ and still count as one."""


class Conversion(Protocol):
    """One way to convert samples."""

    @property
    def mode(self) -> str:
        """Return Pillow's mode for the samples: ``RGB``, ``L`` or ``CMYK``."""

    @property
    def is_dear(self) -> bool:
        """Return whether it takes more than 0.04 microseconds for each pixel."""

    def luma(self, samples: Image.Image) -> Image.Image:
        """Return the luma of the converted samples."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _ByLittlecms:
    """A conversion by littlecms."""

    mode: str
    transform: ImageCms.ImageCmsTransform
    is_dear: bool = False

    def luma(self, samples: Image.Image) -> Image.Image:
        return self.transform.apply(samples).convert("L")


@dataclass(frozen=True, slots=True, kw_only=True)
class _BySkia:
    """A conversion in the way of Skia.

    Attributes:
        mode: Pillow's mode for the samples.
        lights: For each channel, the value of each of its 256 samples.
        light: From these values to light of sRGB, with a row for each pixel.
    """

    mode: str
    lights: Sequence[Floats]
    light: Callable[[Sequence[Floats]], Floats]
    is_dear: bool = True

    def luma(self, samples: Image.Image) -> Image.Image:
        pixels = np.asarray(samples).reshape(-1, len(samples.getbands()))
        shown = np.empty((len(pixels), 3), np.uint8)
        for start in range(0, len(pixels), _CHUNK):
            part = pixels[start : start + _CHUNK].T
            known = [
                ramp[channel]
                for ramp, channel in zip(self.lights, _channels(part), strict=False)
            ]
            shown[start : start + _CHUNK] = _encoded(self.light(known))
        whole = shown.reshape(samples.height, samples.width, 3)
        return Image.fromarray(whole).convert("L")


def _channels(samples: NDArray[np.uint8]) -> Iterator[NDArray[np.uint8]]:
    """Yield four channels of samples; a profile may use fewer of them.

    A grey sample counts for three channels; the fourth channel of colours is opaque.
    """
    yield from samples if len(samples) > 1 else (samples[0],) * 3
    yield np.full_like(samples[0], 255)


def _encoded(light: Floats) -> NDArray[np.uint8]:
    """Encode light as sRGB."""
    steps = _within(light) * (_STEPS - 1) + 0.5
    return _ENCODED[steps.astype(np.intp)]


def _within(light: Floats) -> Floats:
    """Clip light to 0 to 1; NaN becomes dark."""
    within: Floats = np.fmin(np.fmax(light, 0), 1)
    return within


_DECODED: Final = linear_of(np.arange(256) / 255)
_ENCODED: Final = np.round(srgb_of(np.linspace(0, 1, _STEPS)) * 255).astype(np.uint8)


@cached
def conversions_of(profile: bytes) -> tuple[Conversion, ...]:
    """Return all conversions by a profile that may give different colours.

    Args:
        profile: Bytes of a profile, from anybody.

    Returns:
        Conversions of samples of the same mode; empty if it cannot be evaluated.
    """
    profile = iccprofile.cut(profile)
    mode = samples_of(profile)
    if mode is None or len(profile) > MAX_PROFILE_BYTES:
        return ()
    transform = transform_of(profile)
    by_littlecms = (
        () if transform is None else (_ByLittlecms(mode=mode, transform=transform),)
    )
    try:
        by_skia = tuple(_by_skia(iccprofile.read_profile(profile), mode))
    except BadProfileError:
        return by_littlecms
    if is_plain(profile) and by_littlecms and _agree(by_littlecms[0], by_skia[0]):
        return by_littlecms
    return (*by_skia, *by_littlecms)


@cached
def is_steep(profile: bytes) -> bool:
    """Return whether one step of a sample may change the shown colour by many steps.

    If so, samples that were reduced in size or to 8 bits before the conversion do not
    show the same picture: a pattern of single pixels, or the last bits of 16, may be a
    picture. Each channel is tried over its whole range, with the others at a few
    values.

    Args:
        profile: Bytes of a profile, from anybody.
    """
    return any(
        np.abs(np.diff(np.asarray(item.luma(_RAMPS[item.mode])).astype(int))).max()
        > _STEEP
        for item in conversions_of(profile)
    )


@cached
def is_jagged(profile: bytes) -> bool:
    """Return whether a curve distinguishes samples that are equal in 8 bits.

    Args:
        profile: Bytes of a profile, from anybody.
    """
    try:
        found = iccprofile.read_profile(iccprofile.cut(profile))
    except BadProfileError:
        return False
    table = found.table
    of_table = () if table is None else (*table.curves, *table.outputs)
    return any(map(_is_jagged, (*(found.curves or ()), *of_table)))


def _is_jagged(curve: Curve) -> bool:
    fine = np.linspace(0, 1, _FINE)
    coarse = np.linspace(0, 1, 256)
    between = np.interp(fine, coarse, curve.light(coarse))
    steps = (srgb_of(np.clip(item, 0, 1)) for item in (between, curve.light(fine)))
    first, second = steps
    return bool(np.abs(first - second).max() * 255 > _STEEP)


_FINE: Final = 65_536
"""Number of values of a sample of 16 bits."""

_STEEP: Final = 48
"""Grey steps by which one step may change a colour. Linear light has seven, raw colours
of cameras have up to 42."""


def _ramps(channels: int) -> NDArray[np.uint8]:
    """Return rows of colours; in each row one channel goes over its whole range."""
    others = np.array((0, 60, 128, 190, 255)[:: 1 + (channels > 3)], np.uint8)  # noqa: PLR2004
    bases = np.stack(np.meshgrid(*[others] * (channels - 1)), axis=-1)
    bases = bases.reshape(-1, channels - 1).repeat(256, axis=0)
    ramp = np.tile(np.arange(256, dtype=np.uint8), len(bases) // 256)
    rows = [np.insert(bases, at, ramp, axis=1) for at in range(channels)]
    return np.concatenate(rows).reshape(-1, 256, channels)


def _agree(one: Conversion, other: Conversion) -> bool:
    """Return whether two conversions by the same curves and primaries agree.

    All values of each channel are tried, and colours spread evenly over the space.
    """
    tried = _TRIED[one.mode]
    lumas = (np.asarray(item.luma(tried)).astype(int) for item in (one, other))
    first, second = lumas
    return bool(np.abs(first - second).max() <= _TOLERANCE)


def _colours_to_try() -> NDArray[np.uint8]:
    """Return ramps of each channel and of all channels, and a cube of colours."""
    ramp = np.arange(256, dtype=np.uint8)
    none = np.zeros(256, np.uint8)
    ramps = [
        np.stack([ramp if number in used else none for number in range(3)], axis=1)
        for used in ({0}, {1}, {2}, {0, 1, 2})
    ]
    edge = np.linspace(0, 255, 8).astype(np.uint8)
    cube = np.stack(np.meshgrid(edge, edge, edge), axis=-1).reshape(-1, 3)
    return np.concatenate((*ramps, cube))[None]


_TRIED: Final = {
    "RGB": Image.fromarray(_colours_to_try()),
    "L": Image.fromarray(np.arange(256, dtype=np.uint8)[None]),
}


_RAMPS: Final = {
    "RGB": Image.fromarray(_ramps(3)),
    "CMYK": Image.fromarray(_ramps(4), mode="CMYK"),
    "L": Image.fromarray(np.arange(256, dtype=np.uint8)[None]),
}


def _by_skia(profile: Profile, mode: str) -> Iterator[Conversion]:
    """Yield the possible conversions of Skia, the most likely first."""
    stated = None if mode == "CMYK" else _by_code_points(profile, mode)
    if stated is not None:
        yield stated
    if profile.table is not None:
        yield _by_table(profile.table, profile, mode)
        named = _named_primaries(profile)
        if named is not None:
            yield _by_table(profile.table, replace(profile, matrix=named), mode)
    if profile.curves is not None and profile.matrix is not None and mode != "CMYK":
        yield from _by_matrix(profile, profile.matrix, mode)


def _named_primaries(profile: Profile) -> Floats | None:
    """Return the primaries of the code points in a profile, if they are known."""
    points = profile.code_points
    if points is None or points[2:] != b"\0\1":
        return None
    return gammas.matrix_of(points[0])


def _by_code_points(profile: Profile, mode: str) -> Conversion | None:
    """Return the conversion by the code points in a profile, if they are known.

    If one of the two is unknown, the profile's own primaries or curves replace it.
    """
    points = profile.code_points
    if points is None or points[2:] != b"\0\1":
        return None
    matrix = _named_primaries(profile)
    curve = codepoints.SRGB if points[1] in _CAMERAS else points[1]
    light = codepoints.light_of(curve)
    if matrix is None and light is None:
        return None
    matrix = profile.matrix if matrix is None else matrix
    ramp = np.arange(256) / 255
    own = [item.light(ramp) for item in profile.curves or ()]
    lights = own if light is None else [light] * 3
    if matrix is None or not lights:
        return None
    return _BySkia(mode=mode, lights=lights, light=_mixing(matrix))


_CAMERAS: Final = frozenset({1, 6, 11})
"""Curves of cameras, which Chromium reads as the curve of sRGB in a profile."""


def _gamut(profile: Profile) -> Floats:
    """Return the primaries in which Chromium keeps colours until it shows them."""
    matrix = profile.matrix
    if matrix is None or abs(np.linalg.det(matrix)) < 1e-9:  # noqa: PLR2004
        return _TO_XYZ
    return matrix


def _by_table(table: ColourTable, profile: Profile, mode: str) -> Conversion:
    gamut = _gamut(profile)
    into = np.linalg.inv(gamut).T
    shown = (_FROM_XYZ @ gamut).T
    kept = _kept(profile)

    def light(samples: Sequence[Floats]) -> Floats:
        colours = table.connected(samples)
        xyz = _of_lab(colours) if profile.is_lab else colours
        mixed: Floats = kept(_within(xyz @ into)) @ shown
        return mixed

    return _BySkia(mode=mode, lights=table.lights(), light=light)


def _kept(profile: Profile) -> Callable[[Floats], Floats]:
    """Return a function that rounds light to the eight bits in which Chromium keeps it.

    The bits are in the curve of the profile, if that is one formula, or else of sRGB.
    """
    curve = _one_formula(profile)
    if curve is None or _gamut(profile) is _TO_XYZ:
        return lambda light: _DECODED[_encoded(light)]
    ramp = curve.light(np.arange(256) / 255)
    between = curve.light((np.arange(255) + 0.5) / 255)
    if (np.diff(between) < 0).any():
        return lambda light: light
    return lambda light: ramp[np.searchsorted(between, light)]


def _one_formula(profile: Profile) -> Formula | None:
    """Return the curve of a profile, if one formula covers all samples."""
    first, *others = profile.curves or (None,)
    is_one = isinstance(first, Formula) and all(curve == first for curve in others)
    return first if is_one and isinstance(first, Formula) else None


def _of_lab(colours: Floats) -> Floats:
    """Convert Lab to XYZ, both in the encoding of a table."""
    lightness = colours[:, 0] * 100
    red, yellow = (colours[:, at] * 255 - 128 for at in (1, 2))
    middle = (lightness + 16) / 116
    parts = np.stack((middle + red / 500, middle, middle - yellow / 200), axis=1)
    cubes = parts**3
    light = np.where(cubes > 0.008856, cubes, (parts - 16 / 116) / 7.787)  # noqa: PLR2004
    xyz: Floats = light * _D50
    return xyz


def _by_matrix(profile: Profile, matrix: Floats, mode: str) -> Iterator[Conversion]:
    """Yield conversions by curves and primaries.

    Light beyond the range of a screen is clipped before the primaries are applied, if
    it is kept in eight bits, or only afterwards.
    """
    light = _mixing(matrix)
    ramp = np.arange(256) / 255
    lights = [curve.light(ramp) for curve in profile.curves or ()]
    cut = [np.clip(one, 0, 1) for one in lights]
    yield _BySkia(mode=mode, lights=cut, light=light)
    is_cut = any((one != other).any() for one, other in zip(lights, cut, strict=True))
    if is_cut and _one_formula(profile) is not None:
        yield _BySkia(mode=mode, lights=lights, light=light)


def _mixing(matrix: Floats) -> Callable[[Sequence[Floats]], Floats]:
    """Return a function that converts light of these primaries to light of sRGB."""
    shown = (_FROM_XYZ @ matrix).T

    def light(samples: Sequence[Floats]) -> Floats:
        mixed: Floats = np.stack(samples, axis=1) @ shown
        return mixed

    return light
