"""Define the code points of colours: primaries, and curves from sample to light.

Source:
    ITU-T H.273 (07/2024), tables 2 and 3. For light brighter than a screen (PQ and HLG)
    every viewer has its own way; here it is the way of Chromium 156, as measured.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Doubles = NDArray[np.float64]

SRGB: Final = 13
"""The number of the transfer of sRGB; some other numbers have the same formula."""

_D65: Final = (0.3127, 0.329)
_C: Final = (0.31, 0.316)

PLACES: Final[Mapping[int, tuple[float, ...]]] = {
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

_RAMP: Final = np.linspace(0.0, 1.0, 256)
"""The samples for which the light is given."""

_MEASURED_AT: Final = np.linspace(0.0, 1.0, 16)
_PQ_SHOWN: Final = (
    *(0, 1, 6, 18, 34, 54, 80, 112),
    *(153, 200, 229, 250, 255, 255, 255, 255),
)
_HLG_SHOWN: Final = (
    *(0, 3, 16, 31, 46, 61, 76, 91),
    *(107, 126, 150, 179, 207, 225, 241, 255),
)
"""The greys that Chromium shows for greys in sixteen steps."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CodePoints:
    """The curve and the primaries of two code points.

    Attributes:
        places: As in ``PLACES``.
        light: Light, 0 to 1, for each of 256 samples from 0 to 1, both included;
            ``None`` for the curve of sRGB.
    """

    places: tuple[float, ...]
    light: Doubles | None


def read(stored: bytes) -> CodePoints | None:
    """Read four code points: primaries, transfer, matrix and range.

    Args:
        stored: The bytes of the PNG chunk.

    Returns:
        ``None`` if they are not those of full-range RGB, or unknown: browsers then
        ignore them.
    """
    if len(stored) != 4 or stored[2:] != b"\0\1":  # noqa: PLR2004 -- four code points
        return None
    places = PLACES.get(stored[0])
    if places is None:
        return None
    if stored[1] == SRGB:
        return CodePoints(places=places, light=None)
    light = _CURVES.get(stored[1])
    return None if light is None else CodePoints(places=places, light=light)


def light_of(curve: int) -> Doubles | None:
    """Return the light of each of 256 samples by the curve's number, if it is known."""
    if curve == SRGB:
        return np.where(
            _RAMP <= 0.04045,  # noqa: PLR2004 -- sRGB
            _RAMP / 12.92,
            np.power((_RAMP + 0.055) / 1.055, 2.4),
        )
    return _CURVES.get(curve)


def _power(gamma: float, scale: float = 1.0) -> Doubles:
    """Return a power curve, clipped at the brightness of a screen."""
    light: Doubles = np.minimum(np.power(_RAMP, gamma) * scale, 1.0)
    return light


def _of_shown(greys: tuple[int, ...]) -> Doubles:
    """Return the light of the greys that are shown for sixteen greys."""
    shown = np.interp(_RAMP, _MEASURED_AT, np.array(greys) / 255)
    light: Doubles = np.where(
        shown <= 0.04045,  # noqa: PLR2004 -- sRGB
        shown / 12.92,
        np.power((shown + 0.055) / 1.055, 2.4),
    )
    return light


_CURVES: Final[Mapping[int, Doubles]] = {
    # The curve of the screens that they are for, not the inverse of the cameras' curve.
    **dict.fromkeys((1, 6, 11, 14, 15), _power(2.4)),
    4: _power(2.2),
    5: _power(2.8),
    7: np.where(
        _RAMP < 0.0913,  # noqa: PLR2004 -- the end of its line
        _RAMP / 4,
        np.power((_RAMP + 0.1115) / 1.1115, 1 / 0.45),
    ),
    8: _power(1.0),
    16: _of_shown(_PQ_SHOWN),
    17: _power(2.6, 52.37 / 48),
    18: _of_shown(_HLG_SHOWN),
}
"""The light curves, by the number of a transfer."""
