"""Convert samples by a colour profile, with littlecms.

A browser converts a picture by its profile before it shows it, so a hostile profile can
turn a decoy into any picture. The colours as stored are always compared; so are those
of each reading of a profile (``profiles.readings_of``), unless they are those of sRGB.

The colours that other programs show are *unsure* if littlecms refuses a profile, or if
it is of a kind that no camera, screen or printer has: a step of a sample becomes a leap
of light, or curves go up and down. Then both readings are compared, and the picture has
a lack.
"""

import io
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

from uploadfilter.pictures.colours import chunks, profiles

_Result = TypeVar("_Result")

_CACHED: Final = 16
"""Profiles whose conversions are kept; cameras use a handful."""

_CACHED_BYTES: Final = 64 * 1024
_CACHED_LARGE: Final = 2
"""Larger profiles that are kept: those of one file, for its further frames. So the
cache of small ones stays below a megabyte; profiles of cameras and screens have 0.5 to
4 KB."""

_TOLERANCE: Final = 3
"""Grey steps by which a profile may change luma and still count as sRGB. Two pictures
with so small a difference have signals with no difference that matters."""

_STEEP: Final = 48
"""Grey steps by which one step of a sample may change luma. Linear light has 13, raw
colours of cameras have up to 42."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversion:
    """What a profile makes of samples.

    Attributes:
        mode: Pillow's mode for the samples: ``RGB``, ``L`` or ``CMYK``.
        transforms: To sRGB, one for each reading of the profile that littlecms takes.
        is_unsure: Whether programs may show other colours than these.
    """

    mode: str
    transforms: tuple[ImageCms.ImageCmsTransform, ...]
    is_unsure: bool

    def lumas(self, samples: Image.Image) -> tuple[Image.Image, ...]:
        """Return the luma of samples in each reading."""
        return tuple(_luma(transform, samples) for transform in self.transforms)


def _luma(transform: ImageCms.ImageCmsTransform, samples: Image.Image) -> Image.Image:
    return transform.apply(samples).convert("L")


def _with_cache(look: Callable[[bytes], _Result]) -> Callable[[bytes], _Result]:
    of_small, of_large = lru_cache(_CACHED)(look), lru_cache(_CACHED_LARGE)(look)

    def look_up(profile: bytes) -> _Result:
        is_small = len(profile) <= _CACHED_BYTES
        return (of_small if is_small else of_large)(profile)

    return look_up


def needs_conversion(profile: bytes | None) -> bool:
    """Return whether a profile, which is untrusted, changes the shown picture."""
    return profile is not None and conversion_of(profile) is not None


@_with_cache
def conversion_of(profile: bytes) -> Conversion | None:
    """Return what a profile makes of samples; ``None`` for sRGB and other bytes."""
    profile = profiles.cut(profile)
    if not profiles.is_profile(profile):
        return None
    mode = profiles.mode_of(profile)
    if len(profile) > profiles.MAX_PROFILE_BYTES:
        return Conversion(mode=mode, transforms=(), is_unsure=True)
    readings = profiles.readings_of(profile)
    stated = chunks.profile_of_points(profiles.code_points_of(profile))
    if stated is not None and mode == "RGB":
        readings += (stated,)
    transforms = [_transform(reading, mode) for reading in readings]
    if len(readings) == 1 and _is_srgb(profile, transforms[0], mode):
        return None
    found = tuple(item for item in transforms if item is not None)
    is_unsure = (
        None in (transforms[1:] or transforms)
        or profiles.is_odd(profile)
        or not profiles.is_for_pictures(profile)
        or any(_is_steep(reading, mode) for reading in readings)
    )
    return Conversion(mode=mode, transforms=found, is_unsure=is_unsure)


def _transform(
    profile: bytes, mode: str, flags: ImageCms.Flags = ImageCms.Flags.NONE
) -> ImageCms.ImageCmsTransform | None:
    try:
        return ImageCms.buildTransform(
            ImageCms.ImageCmsProfile(io.BytesIO(profile)),
            _srgb(),
            mode,
            "RGB",
            renderingIntent=ImageCms.Intent.PERCEPTUAL,
            flags=flags,
        )
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return None


@lru_cache(1)
def _srgb() -> ImageCms.ImageCmsProfile:
    """Return sRGB in version 2; for later ones littlecms makes black points equal."""
    made = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return ImageCms.ImageCmsProfile(io.BytesIO(made[:8] + b"\2" + made[9:]))


def _is_srgb(
    profile: bytes, transform: ImageCms.ImageCmsTransform | None, mode: str
) -> bool:
    """Return whether curves and primaries change nothing; a table may, anywhere."""
    if transform is None or mode == "CMYK" or profiles.has_table(profile):
        return False
    stored = np.asarray(_RAMPS[mode].convert("L"))
    changed = np.asarray(_luma(transform, _RAMPS[mode])).astype(int)
    return bool(np.abs(changed - stored).max() <= _TOLERANCE)


def _is_steep(profile: bytes, mode: str) -> bool:
    """Return whether one step of a sample may change the colour by many steps.

    If so, samples that were reduced in size or to 8 bits before the conversion do not
    show the same picture: a pattern of single pixels may be one. Each channel is tried
    over its whole range, with the others at a few values; without the approximations
    by which littlecms is fast.
    """
    transform = _transform(profile, mode, ImageCms.Flags.NOOPTIMIZE)
    if transform is None:
        return False
    colours = np.asarray(transform.apply(_RAMPS[mode])).astype(int)
    return bool(np.abs(np.diff(colours, axis=1)).max() > _STEEP)


def _ramps(channels: int) -> NDArray[np.uint8]:
    """Return rows of colours; in each row one channel goes over its whole range."""
    others = np.array((0, 128, 255), np.uint8)[:: channels - 2]
    bases = np.stack(np.meshgrid(*[others] * (channels - 1)), axis=-1)
    bases = bases.reshape(-1, channels - 1).repeat(256, axis=0)
    ramp = np.tile(np.arange(256, dtype=np.uint8), len(bases) // 256)
    rows = [np.insert(bases, at, ramp, axis=1) for at in range(channels)]
    return np.concatenate(rows).reshape(-1, 256, channels)


_RAMPS: Final = {
    "RGB": Image.fromarray(_ramps(3)),
    "CMYK": Image.fromarray(_ramps(4), mode="CMYK"),
    "L": Image.fromarray(np.arange(256, dtype=np.uint8)[None]),
}
