"""Colour profiles: which ones change what a picture shows, and littlecms's way.

A browser converts a picture by its ICC profile before it shows it, so a hostile profile
can turn a decoy into any picture. Most profiles are sRGB, which is what a picture
without one is shown in; those are recognised by their numbers, never by their
description, which anybody can write. How others are applied is in ``conversions.py``.

A profile that is none by its signature, or is for other samples than the picture has,
is passed over by every program. One that is a profile and means nothing that can be
worked out is a lack of the picture (``conversions.is_missing``), never passed over.
"""

import io
import struct
from collections.abc import Callable
from functools import lru_cache
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import ImageCms

from uploadfilter.pictures.colours import iccprofile
from uploadfilter.pictures.colours.icccurves import BadProfileError, read_curve
from uploadfilter.pictures.colours.iccprofile import CMYK, GREY, RGB, Tags

Doubles = NDArray[np.float64]
_Found = TypeVar("_Found")

MAX_PROFILE_BYTES: Final = 255 * 65_519
"""As much as a JPEG can hold in its markers, which is more than any real profile has:
those of printers reach 4 MB. Larger ones are not evaluated."""

_CACHED: Final = 16
"""Profiles whose verdicts and transforms are kept; cameras use a handful."""

_CACHED_BYTES: Final = 64 * 1024
_CACHED_LARGE: Final = 2
"""Of larger ones only those of one file are kept, for its further frames, so that the
cache of small ones stays below a megabyte; those of cameras and screens have 0.5 to 4
KB."""

PRIMARIES: Final = {
    b"rXYZ": (0.4361, 0.2225, 0.0139),
    b"gXYZ": (0.3851, 0.7169, 0.0971),
    b"bXYZ": (0.1431, 0.0606, 0.7141),
}
"""The primaries of sRGB as a profile states them, adapted to D50 (IEC 61966-2-1)."""

_PRIMARY_TOLERANCE: Final = 0.002
"""Profiles named sRGB differ by up to 0.001, Adobe RGB by 0.17. So much light is six
grey steps in pure dark blue, and less than one in what is not dark."""

_STEP_TOLERANCE: Final = 3.0
"""Grey steps by which a tone curve may differ from sRGB's. Between two pictures that
lie so close there is no difference of quality, and none of signals that matters."""

_CURVES: Final = {RGB: iccprofile.CURVES, GREY: (iccprofile.GREY_CURVE,)}
"""The tone curves that a profile must have, by what its samples are."""

_TABLES: Final = frozenset(
    {
        *(b"A2B0", b"A2B1", b"A2B2", b"A2B3"),
        *(b"D2B0", b"D2B1", b"D2B2", b"D2B3"),
        iccprofile.CODE_POINTS,
    }
)
"""Tags that say more than curves and primaries; programs differ in which they know."""

_MATTERING: Final = frozenset(
    {*iccprofile.PRIMARIES, *iccprofile.CURVES, iccprofile.GREY_CURVE, b"chad", b"wtpt"}
)
"""Tags of which programs take the first or the last, where there are two."""

_MOST_SHARED_TAGS: Final = 100
"""As many tags as littlecms reads (cmsio0.c, ``MAX_TABLE_TAG``)."""

_PLAIN_CLASSES: Final = frozenset({b"mntr", b"scnr", b"prtr", b"spac"})
_PLAIN_VERSION: Final = 4
_CLASS, _VERSION, _CONNECTION = slice(12, 16), slice(8, 9), slice(20, 24)

_INPUTS: Final[Doubles] = np.arange(256) / 255
"""All that 8-bit samples can be: curves are compared at each."""

_MODES: Final = {RGB: "RGB", GREY: "L", CMYK: "CMYK"}
"""Pillow's mode for the samples that a profile describes."""

_FIXED_16: Final = 65_536
_NAME_BYTES: Final = 4


def needs_conversion(profile: bytes | None) -> bool:
    """Return whether a profile changes what a picture shows.

    Args:
        profile: Bytes of an ICC profile, from anybody; ``None`` if there is none.

    Returns:
        False for sRGB, within three grey steps, and for what is no profile.
    """
    return bool(profile) and _changes_colours(iccprofile.cut(profile or b""))


def samples_of(profile: bytes) -> str | None:
    """Return the mode of the samples that a profile describes.

    Samples of a kind that no picture has (Lab, or none that anybody knows) are taken
    for RGB: so Chromium does with a PNG.

    Returns:
        ``RGB``, ``L`` or ``CMYK``; ``None`` of what has no header.
    """
    samples = profile[iccprofile.SAMPLES_PLACE]
    return _MODES.get(samples, "RGB") if len(samples) == _NAME_BYTES else None


def transform_of(profile: bytes) -> ImageCms.ImageCmsTransform | None:
    """Return littlecms's transform of the samples that a profile describes to sRGB.

    Args:
        profile: Bytes of an ICC profile that needs conversion.

    Returns:
        A transform from ``samples_of(profile)`` to ``RGB``; ``None`` if littlecms
        refuses the profile.
    """
    return _built(iccprofile.cut(profile))


def is_plain(profile: bytes) -> bool:
    """Return whether all programs go by the same curves and primaries of a profile.

    Args:
        profile: Bytes of a profile, as long as it says it is.
    """
    return _is_plain(profile, iccprofile.tags_of(profile))


def is_for_pictures(profile: bytes) -> bool:
    """Return whether a profile is for samples that a picture can have."""
    return profile[iccprofile.SAMPLES_PLACE] in _MODES


def contradicts_itself(profile: bytes) -> bool:
    """Say whether a table of a profile is for more or fewer colours than its samples.

    No program writes that, and programs differ in what they make of it.
    """
    profile = iccprofile.cut(profile)
    count = _COUNTS.get(profile[iccprofile.SAMPLES_PLACE])
    bodies = iccprofile.tags_of(profile).bodies
    inputs = [
        body[_INPUTS_AT]
        for name, body in bodies.items()
        if name in _LOOKUPS and bytes(body[:4]) in _LUTS and len(body) > _INPUTS_AT
    ]
    return count is not None and any(each != count for each in inputs)


_COUNTS: Final = {RGB: 3, GREY: 1, CMYK: 4}
_LOOKUPS: Final = frozenset({b"A2B0", b"A2B1", b"A2B2"})
_LUTS: Final = frozenset({b"mft1", b"mft2", b"mAB "})
_INPUTS_AT: Final = 8
"""Where tables of each of these kinds say how many colours they are for (ICC.1:2022,
10.10 to 10.12)."""


def cached(look: Callable[[bytes], _Found]) -> Callable[[bytes], _Found]:
    """Return ``look`` with a cache for small profiles, and for two large ones."""
    of_small, of_large = lru_cache(_CACHED)(look), lru_cache(_CACHED_LARGE)(look)

    def found(profile: bytes) -> _Found:
        is_small = len(profile) <= _CACHED_BYTES
        return (of_small if is_small else of_large)(profile)

    return found


@cached
def _built(profile: bytes) -> ImageCms.ImageCmsTransform | None:
    """Build the transform of a profile."""
    mode = samples_of(profile)
    if mode is None or len(profile) > MAX_PROFILE_BYTES:
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


@cached
def _changes_colours(profile: bytes) -> bool:
    """Return whether a profile is one, and not sRGB."""
    samples = profile[iccprofile.SAMPLES_PLACE]
    if profile[iccprofile.SIGNATURE_PLACE] != iccprofile.SIGNATURE:
        return False
    tags = iccprofile.tags_of(profile)
    curves = _CURVES.get(samples)
    if curves is None or not _is_plain(profile, tags):
        return True
    if samples == RGB and not _has_primaries(tags):
        return True
    return not all(_is_srgb_curve(tags.bodies.get(name)) for name in curves)


def _is_plain(profile: bytes, tags: Tags) -> bool:
    return (
        profile[_CLASS] in _PLAIN_CLASSES
        and profile[_VERSION][0] <= _PLAIN_VERSION
        and profile[_CONNECTION] == b"XYZ "
        and tags.count <= _MOST_SHARED_TAGS
        and _TABLES.isdisjoint(tags.bodies)
        and _MATTERING.isdisjoint(tags.repeated)
    )


def _has_primaries(tags: Tags) -> bool:
    """Return whether the primaries are those of sRGB."""
    for name, expected in PRIMARIES.items():
        body = tags.bodies.get(name, memoryview(b""))[8:20]
        if len(body) != struct.calcsize(">3i"):
            return False
        stated = (number / _FIXED_16 for number in struct.unpack(">3i", body))
        pairs = zip(stated, expected, strict=True)
        if any(abs(one - other) > _PRIMARY_TOLERANCE for one, other in pairs):
            return False
    return True


def _is_srgb_curve(tag: memoryview | None) -> bool:
    """Return whether a tone curve is sRGB's."""
    try:
        curve, _ = read_curve(tag or memoryview(b""))
    except BadProfileError:
        return False
    linear = np.clip(curve.light(_INPUTS), 0, 1)
    steps = np.abs(srgb_of(linear) - _INPUTS) * 255
    return bool(steps.max() <= _STEP_TOLERANCE)


def srgb_of(linear: Doubles) -> Doubles:
    """Return light as sRGB encodes it, 0 to 1 (IEC 61966-2-1)."""
    curved = 1.055 * np.power(linear, 1 / 2.4) - 0.055
    encoded: Doubles = np.where(linear <= _STRAIGHT_BELOW, 12.92 * linear, curved)
    return encoded


def linear_of(encoded: Doubles) -> Doubles:
    """Return the light of samples of sRGB, 0 to 1 (IEC 61966-2-1)."""
    curved = np.power((encoded + 0.055) / 1.055, 2.4)
    linear: Doubles = np.where(encoded <= _STRAIGHT_UP_TO, encoded / 12.92, curved)
    return linear


_STRAIGHT_BELOW: Final = 0.0031308
_STRAIGHT_UP_TO: Final = 0.04045
