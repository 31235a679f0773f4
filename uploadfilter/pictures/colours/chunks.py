"""Write the gamma, primaries and code points of a picture as a colour profile.

Browsers prefer code points to a profile, and use gamma and primaries without a profile.
So all of these can hide a picture, as a profile can. Here they become a profile, so
that there is only one way of conversion.

Source:
    PNG, third edition, 11.3.2.1 ``cHRM``, 11.3.2.2 ``gAMA`` and 11.3.2.6 ``cICP``;
    ITU-T H.273 (07/2024), tables 2 and 3. For light brighter than a screen (PQ) every
    viewer has its own way; here it is the way of Chromium 156, as measured. HLG moves
    PDQ by ten bits at most, and counts as the curve of sRGB.
"""

import struct
from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from uploadfilter.pictures.colours.profiles import D50, Doubles, fixed_point, write

CODE_POINTS: Final = "cicp"
"""The key of the four bytes of ``cICP`` in the metadata of an image."""

_INTENTS: Final = range(4)
"""Valid values in ``sRGB``; browsers ignore the chunk with any other value."""

_USUAL_POWER, _USUAL_REACH = 2.2, 0.1
"""A power this near means sRGB: most encoders write it so, and browsers read it so."""

_SMALLEST_GAMMA, _LARGEST_GAMMA = 0.001, 100.0
"""Beyond these, everything is black or white."""

_MOST: Final = 32_767.0
"""Largest number in a profile."""

_RAMP: Final = np.linspace(0.0, 1.0, 4096)
"""The samples for which a profile gives the light."""

_D65, _C = (0.3127, 0.329), (0.31, 0.316)
_PLACES: Final[Mapping[int, tuple[float, ...]]] = {
    1: (*_D65, 0.64, 0.33, 0.3, 0.6, 0.15, 0.06),
    4: (*_C, 0.67, 0.33, 0.21, 0.71, 0.14, 0.08),
    5: (*_D65, 0.64, 0.33, 0.29, 0.6, 0.15, 0.06),
    6: (*_D65, 0.63, 0.34, 0.31, 0.595, 0.155, 0.07),
    7: (*_D65, 0.63, 0.34, 0.31, 0.595, 0.155, 0.07),
    8: (*_C, 0.681, 0.319, 0.243, 0.692, 0.145, 0.049),
    9: (*_D65, 0.708, 0.292, 0.17, 0.797, 0.131, 0.046),
    10: (1 / 3, 1 / 3, 1.0, 0.0, 0.0, 1.0, 0.0, 0.0),
    11: (0.314, 0.351, 0.68, 0.32, 0.265, 0.69, 0.15, 0.06),
    12: (*_D65, 0.68, 0.32, 0.265, 0.69, 0.15, 0.06),
    22: (*_D65, 0.63, 0.34, 0.295, 0.605, 0.155, 0.077),
}
"""Primaries by number: x and y of white, red, green and blue."""

_SRGB: Final = 1
_SRGB_CURVE: Final = 13
_CAMERAS: Final = frozenset({1, 6, 11, 14, 15})
"""Curves of cameras, which Chromium reads as that of sRGB, except in a PNG."""

_PQ_SHOWN: Final = (0, 1, 6, 18, 34, 54, 80, 112, 153, 200, 229, 250, *(255,) * 4)
"""The greys that Chromium shows for greys in sixteen steps."""


def profile_of_chunks(info: Mapping[Any, object]) -> bytes | None:
    """Return a profile for the gamma and the primaries of a PNG.

    ``None`` if there are no such chunks, if they mean sRGB, or if they are not valid.
    """
    if info.get("srgb") in _INTENTS:
        return None
    light = _light_of_gamma(info.get("gamma"))
    primaries = _primaries(info.get("chromaticity"))
    if light is None and primaries is None:
        return None
    return _profile(
        _light_of_srgb(_RAMP) if light is None else light,
        _primaries(_PLACES[_SRGB]) if primaries is None else primaries,
    )


def profile_of_points(stored: object, *, is_png: bool = False) -> bytes | None:
    """Return a profile for four code points: primaries, transfer, matrix and range.

    ``None`` if they are not those of full-range RGB, or unknown. In a PNG itself, they
    mean other curves than in an AVIF or a profile.
    """
    if not isinstance(stored, bytes) or stored[2:] != b"\0\1":
        return None
    primaries, transfer = stored[:2]
    if transfer in _CAMERAS and not is_png:
        transfer = _SRGB_CURVE
    places, light = _PLACES.get(primaries), _LIGHTS.get(transfer)
    if places is None or light is None:
        return None
    return _profile(light, _primaries(places))


def _light_of_gamma(gamma: object) -> Doubles | None:
    if not isinstance(gamma, float) or not _SMALLEST_GAMMA < gamma < _LARGEST_GAMMA:
        return None
    if abs(1 / gamma - _USUAL_POWER) < _USUAL_REACH:
        return None
    light: Doubles = np.power(_RAMP, 1 / gamma)
    return light


def _light_of_srgb(samples: Doubles) -> Doubles:
    return np.where(
        samples <= 0.04045,  # noqa: PLR2004 -- IEC 61966-2-1
        samples / 12.92,
        np.power((samples + 0.055) / 1.055, 2.4),
    )


_LIGHTS: Final[Mapping[int, Doubles]] = {
    # The curve of the screens that they are for, not the inverse of the cameras' curve.
    **dict.fromkeys(_CAMERAS, np.power(_RAMP, 2.4)),
    4: np.power(_RAMP, 2.2),
    5: np.power(_RAMP, 2.8),
    7: np.where(
        _RAMP < 0.0913,  # noqa: PLR2004 -- the end of its line
        _RAMP / 4,
        np.power((_RAMP + 0.1115) / 1.1115, 1 / 0.45),
    ),
    8: _RAMP,
    _SRGB_CURVE: _light_of_srgb(_RAMP),
    16: _light_of_srgb(np.interp(_RAMP, np.linspace(0, 1, 16), _PQ_SHOWN) / 255),
    17: np.minimum(np.power(_RAMP, 2.6) * (52.37 / 48), 1),
    18: _light_of_srgb(_RAMP),
}
"""The light of samples by the number of a transfer, 1 at the brightness of a screen."""


def _primaries(places: object) -> Doubles | None:
    """Compute the primaries of a profile, in columns, from their chromaticities."""
    if not isinstance(places, tuple) or len(places) != len(_PLACES[_SRGB]):
        return None
    x, y = np.array(places, np.float64).reshape(4, 2).T
    try:
        with np.errstate(all="ignore"):
            # Only white has a given intensity; those of the others follow from it.
            colours = np.stack((x, y, 1 - x - y))
            white = colours[:, 0] / y[0]
            shares = np.linalg.solve(colours[:, 1:], white)
            cones = (_BRADFORD @ np.array(D50)) / (_BRADFORD @ white)
            adaptation = np.linalg.solve(_BRADFORD, cones[:, None] * _BRADFORD)
            adapted = adaptation @ (colours[:, 1:] * shares)
    except np.linalg.LinAlgError:
        return None
    return adapted if (np.abs(adapted) < _MOST).all() else None


_BRADFORD: Final[Doubles] = np.array(
    [[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]]
)
"""From XYZ to the cone responses in which white is adapted (ICC.1:2022, annex E)."""


def _profile(light: Doubles, primaries: Doubles | None) -> bytes | None:
    if primaries is None:
        return None
    values = np.round(light * 65_535).astype(">u2").tobytes()
    curve = struct.pack(">4s4xI", b"curv", len(light)) + values
    tags: dict[bytes, bytes] = {}
    for letter, column in zip((b"r", b"g", b"b"), primaries.T, strict=True):
        tags[letter + b"XYZ"] = b"XYZ " + bytes(4) + fixed_point(column)
        tags[letter + b"TRC"] = curve
    return write(tags)
