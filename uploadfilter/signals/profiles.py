"""Colour profiles: which ones change what a picture shows, and how to apply them.

A browser converts a picture by its ICC profile before it shows it, so a hostile profile
can turn a decoy into any picture. Most profiles are sRGB, which is what a picture
without one is shown in; those are recognised by their numbers, never by their
description, which anybody can write.

What littlecms refuses, or what does not fit the samples, is ignored: browsers then show
the stored values.
"""

import io
import struct
from collections.abc import Callable
from functools import lru_cache
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import ImageCms

Doubles = NDArray[np.float64]
_Found = TypeVar("_Found")

MAX_PROFILE_BYTES = 255 * 65_519
"""As much as a JPEG can hold in its markers, which is more than any real profile has:
those of printers reach 4 MB. Larger ones are ignored."""

_CACHED = 16
"""Profiles whose verdicts and transforms are kept; cameras use a handful."""

_CACHED_BYTES = 64 * 1024
"""Of larger ones only the last is kept, for the further frames of its file, so that the
cache stays below a megabyte; those of cameras and screens have 0.5 to 4 KB."""

_HEADER_BYTES = 128
_SIGNATURE = slice(36, 40)
_SAMPLES = slice(16, 20)

_MAX_TAGS = 100
"""As many as littlecms reads (cmsio0.c, ``MAX_TABLE_TAG``)."""

_TAG = struct.Struct(">4sII")

PRIMARIES = {
    b"rXYZ": (0.4361, 0.2225, 0.0139),
    b"gXYZ": (0.3851, 0.7169, 0.0971),
    b"bXYZ": (0.1431, 0.0606, 0.7141),
}
"""The primaries of sRGB as a profile states them, adapted to D50 (IEC 61966-2-1)."""

_PRIMARY_TOLERANCE = 0.002
"""Profiles named sRGB differ by up to 0.001, Adobe RGB by 0.17. So much light is six
grey steps in pure dark blue, and less than one in what is not dark."""

_STEP_TOLERANCE = 3.0
"""Grey steps by which a tone curve may differ from sRGB's. Between two pictures that
lie so close there is no difference of quality, and none of signals that matters."""

_CURVES = {b"RGB ": (b"rTRC", b"gTRC", b"bTRC"), b"GRAY": (b"kTRC",)}
"""The tone curves that a profile must have, by what its samples are."""

_TABLES = frozenset(
    {b"A2B0", b"A2B1", b"A2B2", b"D2B0", b"D2B1", b"D2B2", b"D2B3"},
)
"""Tables that say more than curves and primaries; littlecms prefers them."""

_INPUTS: Doubles = np.arange(256) / 255
"""All that 8-bit samples can be: curves are compared at each."""

_MODES = {b"RGB ": "RGB", b"GRAY": "L", b"CMYK": "CMYK"}
"""Pillow's mode for the samples that a profile describes."""

_CURVE_TABLE, _CURVE_FORMULA = b"curv", b"para"
_FIXED_8 = 256
_FIXED_16 = 65_536
_LARGEST_SAMPLE = 65_535

_MOST_ENTRIES = 65_530
"""As many values of a curve as littlecms reads (cmsgamma.c)."""

_PARAMETERS = (1, 3, 4, 5, 7)
"""Numbers in the formula of each type (ICC.1:2022, table 68)."""


def needs_conversion(profile: bytes | None) -> bool:
    """Say whether a profile changes what a picture shows.

    Args:
        profile: Bytes of an ICC profile, from anybody; ``None`` if there is none.

    Returns:
        False for sRGB, within three grey steps, and for what is no profile.
    """
    if not profile:
        return False
    profile = _cut(profile)
    return len(profile) <= MAX_PROFILE_BYTES and _changes_colours(profile)


def _cut(profile: bytes) -> bytes:
    """Return a profile as long as it says it is: padding must not hide one."""
    stated = int.from_bytes(profile[:4], "big")
    return profile[:stated] if stated < len(profile) else profile


def samples_of(profile: bytes) -> str | None:
    """Return the mode of the samples that a profile describes, if it is one of ours."""
    return _MODES.get(profile[_SAMPLES])


def transform_of(profile: bytes) -> ImageCms.ImageCmsTransform | None:
    """Return the transform of samples that a profile describes to sRGB.

    Args:
        profile: Bytes of an ICC profile that needs conversion.

    Returns:
        A transform from ``samples_of(profile)`` to ``RGB``; ``None`` if littlecms
        refuses the profile.
    """
    return _built(_cut(profile))


def _cached(look: Callable[[bytes], _Found]) -> Callable[[bytes], _Found]:
    """Return ``look`` with a cache for small profiles, and for one large one."""
    of_small, of_large = lru_cache(_CACHED)(look), lru_cache(1)(look)

    def cached(profile: bytes) -> _Found:
        is_small = len(profile) <= _CACHED_BYTES
        return (of_small if is_small else of_large)(profile)

    return cached


@_cached
def _built(profile: bytes) -> ImageCms.ImageCmsTransform | None:
    """Build the transform of a profile."""
    mode = samples_of(profile)
    if mode is None:
        return None
    try:
        return ImageCms.buildTransform(
            ImageCms.ImageCmsProfile(io.BytesIO(profile)),
            ImageCms.createProfile("sRGB"),
            mode,
            "RGB",
            renderingIntent=ImageCms.Intent.PERCEPTUAL,
        )
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return None


@_cached
def _changes_colours(profile: bytes) -> bool:
    """Say whether a profile is one, and not sRGB."""
    samples = profile[_SAMPLES]
    if profile[_SIGNATURE] != b"acsp" or samples not in _MODES:
        return False
    tags = _tags(profile)
    curves = _CURVES.get(samples)
    if curves is None or not _TABLES.isdisjoint(tags):
        return True
    if samples == b"RGB " and not _has_primaries(tags):
        return True
    return not all(_is_srgb_curve(tags.get(name, b"")) for name in curves)


def _tags(profile: bytes) -> dict[bytes, bytes]:
    """Return the tags of a profile by name; what lies outside of it is cut off."""
    count = int.from_bytes(profile[_HEADER_BYTES : _HEADER_BYTES + 4], "big")
    table = profile[_HEADER_BYTES + 4 :][: min(count, _MAX_TAGS) * _TAG.size]
    whole = len(table) - len(table) % _TAG.size
    tags: dict[bytes, bytes] = {}
    for name, offset, length in _TAG.iter_unpack(table[:whole]):
        tags.setdefault(name, profile[offset : offset + length])
    return tags


def _has_primaries(tags: dict[bytes, bytes]) -> bool:
    """Say whether the primaries are those of sRGB."""
    for name, expected in PRIMARIES.items():
        body = tags.get(name, b"")[8:20]
        if len(body) != struct.calcsize(">3i"):
            return False
        stated = (number / _FIXED_16 for number in struct.unpack(">3i", body))
        pairs = zip(stated, expected, strict=True)
        if any(abs(one - other) > _PRIMARY_TOLERANCE for one, other in pairs):
            return False
    return True


def _is_srgb_curve(tag: bytes) -> bool:
    """Say whether a tone curve is sRGB's."""
    linear = _evaluated(tag)
    if linear is None or not np.isfinite(linear).all():
        return False
    steps = np.abs(_encoded(np.clip(linear, 0, 1)) - _INPUTS) * 255
    return bool(steps.max() <= _STEP_TOLERANCE)


def _encoded(linear: Doubles) -> Doubles:
    """Return light as sRGB encodes it, 0 to 1 (IEC 61966-2-1)."""
    curved = 1.055 * np.power(linear, 1 / 2.4) - 0.055
    encoded: Doubles = np.where(linear <= _STRAIGHT_BELOW, 12.92 * linear, curved)
    return encoded


_STRAIGHT_BELOW = 0.0031308


def _evaluated(tag: bytes) -> Doubles | None:
    """Return the light that a tone curve gives for each input; ``None`` if unclear.

    Source:
        ICC.1:2022, 10.6 ``curveType`` and 10.18 ``parametricCurveType``.
    """
    if tag.startswith(_CURVE_TABLE):
        return _evaluated_table(tag)
    if tag.startswith(_CURVE_FORMULA):
        return _evaluated_formula(tag)
    return None


def _evaluated_table(tag: bytes) -> Doubles | None:
    """Evaluate a curve of sampled values, or of one power."""
    count = int.from_bytes(tag[8:12], "big")
    if count > _MOST_ENTRIES or len(tag) < 12 + 2 * count:
        return None
    if count == 0:
        return _INPUTS
    values = np.frombuffer(tag, ">u2", count, 12).astype(np.float64)
    light: Doubles
    if count == 1:
        light = np.power(_INPUTS, values[0] / _FIXED_8)
    else:
        places = _INPUTS * (count - 1)
        light = np.interp(places, np.arange(count), values / _LARGEST_SAMPLE)
    return light


def _evaluated_formula(tag: bytes) -> Doubles | None:
    """Evaluate a curve of a power and, below a limit, of a line."""
    kind = int.from_bytes(tag[8:10], "big")
    if kind >= len(_PARAMETERS):
        return None
    count = _PARAMETERS[kind]
    if len(tag) < 12 + 4 * count:
        return None
    stated = np.frombuffer(tag, ">i4", count, 12) / _FIXED_16
    gamma, a, b, c, d, e, f = _seven(kind, [float(number) for number in stated])
    with np.errstate(all="ignore"):
        powers = np.power(a * _INPUTS + b, gamma) + e
        light: Doubles = np.where(d <= _INPUTS, powers, c * _INPUTS + f)
        return light


def _seven(kind: int, stated: list[float]) -> tuple[float, ...]:
    """Return the parameters of any type as those of the most general one."""
    gamma, *rest = stated
    match kind:
        case 0:
            return gamma, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0
        case 1 | 2:
            a, b, *constant = rest
            lift = constant[0] if constant else 0.0
            limit = -b / a if a else np.inf
            return gamma, a, b, 0.0, limit, lift, lift
        case 3:
            a, b, c, d = rest
            return gamma, a, b, c, d, 0.0, 0.0
        case _:
            a, b, c, d, e, f = rest
            return gamma, a, b, c, d, e, f
