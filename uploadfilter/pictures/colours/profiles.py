"""Tell which colour profiles change a picture, and convert with littlecms.

A browser converts a picture by its ICC profile before it shows it, so a hostile profile
can turn a decoy into any picture. Most profiles are sRGB, in which pictures without a
profile are shown; those are recognised by their numbers, never by their description,
which anybody can write. The others are applied in ``conversions.py``.

Every program ignores a profile without the signature, or for other samples than those
of the picture. A profile with the signature that cannot be evaluated is never ignored:
it is a lack of the picture (``conversions.is_missing``).
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
"""Longest profile that is evaluated: as many bytes as a JPEG can hold in its markers.
No real profile has more: those of printers have up to 4 MB."""

_CACHED: Final = 16
"""Profiles whose results and transforms are kept; cameras use a handful."""

_CACHED_BYTES: Final = 64 * 1024
_CACHED_LARGE: Final = 2
"""Larger profiles that are kept: those of one file, for its further frames. So the
cache of small ones stays below a megabyte; profiles of cameras and screens have 0.5 to
4 KB."""

PRIMARIES: Final = {
    b"rXYZ": (0.4361, 0.2225, 0.0139),
    b"gXYZ": (0.3851, 0.7169, 0.0971),
    b"bXYZ": (0.1431, 0.0606, 0.7141),
}
"""The primaries of sRGB in the form of profiles, adapted to D50 (IEC 61966-2-1)."""

_PRIMARY_TOLERANCE: Final = 0.002
"""Most difference of primaries. Profiles named sRGB differ by up to 0.001, Adobe RGB by
0.17. This difference is six grey steps in pure dark blue, and less than one in brighter
colours."""

_STEP_TOLERANCE: Final = 3.0
"""Grey steps by which a tone curve may differ from that of sRGB. Two pictures with so
small a difference have the same quality, and signals with no difference that matters.
"""

_CURVES: Final = {RGB: iccprofile.CURVES, GREY: (iccprofile.GREY_CURVE,)}
"""The tone curves that a profile must have, by the kind of its samples."""

_TABLES: Final = frozenset(
    {
        *(b"A2B0", b"A2B1", b"A2B2", b"A2B3"),
        *(b"D2B0", b"D2B1", b"D2B2", b"D2B3"),
        iccprofile.CODE_POINTS,
    }
)
"""Tags that take precedence over curves and primaries; programs know different ones."""

_MATTERING: Final = frozenset(
    {*iccprofile.PRIMARIES, *iccprofile.CURVES, iccprofile.GREY_CURVE, b"chad", b"wtpt"}
)
"""Tags that may occur twice: some programs use the first, others the last."""

_MOST_SHARED_TAGS: Final = 100
"""Most tags that littlecms reads (cmsio0.c, ``MAX_TABLE_TAG``)."""

_PLAIN_CLASSES: Final = frozenset({b"mntr", b"scnr", b"prtr", b"spac"})
_PLAIN_VERSION: Final = 4
_CLASS, _VERSION, _CONNECTION = slice(12, 16), slice(8, 9), slice(20, 24)

_INPUTS: Final[Doubles] = np.arange(256) / 255
"""All values of 8-bit samples: curves are compared at each."""

_MODES: Final = {RGB: "RGB", GREY: "L", CMYK: "CMYK"}
"""Pillow's mode for the samples of a profile."""

_FIXED_16: Final = 65_536
_NAME_BYTES: Final = 4


def needs_conversion(profile: bytes | None) -> bool:
    """Return whether a profile changes the shown picture.

    Args:
        profile: Untrusted bytes of an ICC profile; ``None`` if there is none.

    Returns:
        False for sRGB, within three grey steps, and for bytes that are not a profile.
    """
    return bool(profile) and _changes_colours(iccprofile.cut(profile or b""))


def samples_of(profile: bytes) -> str | None:
    """Return the mode of the samples that a profile describes.

    Samples of a kind that no picture has (Lab, or an unknown kind) count as RGB, as in
    Chromium for a PNG.

    Returns:
        ``RGB``, ``L`` or ``CMYK``; ``None`` for bytes without a header.
    """
    samples = profile[iccprofile.SAMPLES_PLACE]
    return _MODES.get(samples, "RGB") if len(samples) == _NAME_BYTES else None


def transform_of(profile: bytes) -> ImageCms.ImageCmsTransform | None:
    """Return littlecms's transform from the samples of a profile to sRGB.

    Args:
        profile: Bytes of an ICC profile that needs conversion.

    Returns:
        A transform from ``samples_of(profile)`` to ``RGB``; ``None`` if littlecms
        refuses the profile.
    """
    return _built(iccprofile.cut(profile))


def is_plain(profile: bytes) -> bool:
    """Return whether all programs use the same curves and primaries of a profile.

    Args:
        profile: Bytes of a profile, cut to its stated length.
    """
    return _is_plain(profile, iccprofile.tags_of(profile))


def is_for_pictures(profile: bytes) -> bool:
    """Return whether a profile is for samples that a picture can have."""
    return profile[iccprofile.SAMPLES_PLACE] in _MODES


def contradicts_itself(profile: bytes) -> bool:
    """Return whether a table of a profile is for another number of channels.

    No program writes such a profile, and programs read it in different ways.
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
"""Offset of the number of colours in tables of each of these kinds (ICC.1:2022, 10.10
to 10.12)."""


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
    """Return whether bytes are a profile, and not sRGB."""
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
    """Return whether a tone curve is that of sRGB."""
    try:
        curve, _ = read_curve(tag or memoryview(b""))
    except BadProfileError:
        return False
    linear = np.clip(curve.light(_INPUTS), 0, 1)
    steps = np.abs(srgb_of(linear) - _INPUTS) * 255
    return bool(steps.max() <= _STEP_TOLERANCE)


def srgb_of(linear: Doubles) -> Doubles:
    """Encode light as sRGB, 0 to 1 (IEC 61966-2-1)."""
    curved = 1.055 * np.power(linear, 1 / 2.4) - 0.055
    encoded: Doubles = np.where(linear <= _STRAIGHT_BELOW, 12.92 * linear, curved)
    return encoded


def linear_of(encoded: Doubles) -> Doubles:
    """Decode samples of sRGB to light, 0 to 1 (IEC 61966-2-1)."""
    curved = np.power((encoded + 0.055) / 1.055, 2.4)
    linear: Doubles = np.where(encoded <= _STRAIGHT_UP_TO, encoded / 12.92, curved)
    return linear


_STRAIGHT_BELOW: Final = 0.0031308
_STRAIGHT_UP_TO: Final = 0.04045
