"""Convert the gamma, primaries and code points of a PNG to a colour profile.

Browsers prefer code points to a profile, and use gamma and primaries without a profile.
So all of these can hide a picture, as a profile can. Here they become a profile, so
that there is only one way of conversion.

Source:
    PNG, third edition, 11.3.2.1 ``cHRM``, 11.3.2.2 ``gAMA`` and 11.3.2.6 ``cICP``.
"""

import struct
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from uploadfilter.pictures.colours import codepoints
from uploadfilter.pictures.colours.profiles import PRIMARIES

CODE_POINTS: Final = "cicp"
"""The key of the four bytes of ``cICP`` in the metadata of an image."""

ODD: Final = "odd profile"
"""The key that marks an image whose profile browsers ignore, and other programs may
not."""

Doubles = NDArray[np.float64]

_INTENTS: Final = range(4)
"""Valid values in ``sRGB``; browsers ignore the chunk with any other value."""

_USUAL_POWER: Final = 2.2
_USUAL_REACH: Final = 0.1
"""Distance from 2.2 within which a power means sRGB: most encoders write it so, and
browsers read it so."""

_SMALLEST_GAMMA, _LARGEST_GAMMA = 0.001, 100.0
"""Beyond these, everything is black or white, and a profile cannot hold the numbers."""

_PLACES: Final = 8
"""Count of numbers in the chunk: x and y of white, red, green and blue."""

_SRGB_PLACES: Final = (0.3127, 0.329, 0.64, 0.33, 0.3, 0.6, 0.15, 0.06)
_PLACE_REACH: Final = 0.002

_D50: Final = (0.9642, 1.0, 0.8249)
_MOST: Final = 32_767.0
_UNIT: Final = 65_536
_LARGEST_VALUE: Final = 65_535

_BRADFORD: Final[Doubles] = np.array(
    [[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]]
)
"""From XYZ to the cone responses in which white is adapted (ICC.1:2022, annex E)."""


def profile_of_chunks(info: Mapping[Any, object]) -> bytes | None:
    """Return a profile for the chunks of a PNG.

    Args:
        info: Pillow's metadata of the chunks.

    Returns:
        A profile for RGB; ``None`` if there are no such chunks, if they mean sRGB, or
        if they are not valid.
    """
    if info.get("srgb") in _INTENTS:
        return None
    curve = _curve(info.get("gamma"))
    columns = _columns(info.get("chromaticity"))
    if curve is None and columns is None:
        return None
    return _profile(curve or _SRGB_CURVE, columns or list(PRIMARIES.values()))


def has_chunks(info: Mapping[Any, object]) -> bool:
    """Return whether an image may have chunks that can become a profile.

    Args:
        info: Pillow's facts about the image.
    """
    return bool(info.get(CODE_POINTS)) or "gamma" in info or "chromaticity" in info


def profile_of_code_points(info: Mapping[Any, object]) -> bytes | None:
    """Return a profile for the code points of a PNG.

    Args:
        info: Pillow's facts about the image.

    Returns:
        A profile for RGB; ``None`` if there are no code points, or if they are unknown.
    """
    stored = info.get(CODE_POINTS)
    return profile_of_points(stored) if isinstance(stored, bytes) else None


def profile_of_points(stored: bytes) -> bytes | None:
    """Return a profile for four code points, if they are known."""
    points = codepoints.read(stored)
    if points is None:
        return None
    curve = _SRGB_CURVE if points.light is None else _table(points.light)
    return _profile(curve, _columns(points.places) or list(PRIMARIES.values()))


def matrix_of(primaries: int) -> Doubles | None:
    """Return the primaries of a code point, in columns; ``None`` if it is unknown."""
    places = codepoints.PLACES.get(primaries)
    if places is None:
        return None
    return np.array(_columns(places) or list(PRIMARIES.values())).T


def _table(light: Doubles) -> bytes:
    """Return a curve of values at equal steps (ICC.1:2022, 10.6)."""
    values = np.round(light * _LARGEST_VALUE).astype(">u2").tobytes()
    return struct.pack(">4s4xI", b"curv", len(light)) + values


def _formula(kind: int, *numbers: float) -> bytes:
    """Return a parametric curve of a profile (ICC.1:2022, 10.18)."""
    return struct.pack(">4s4xHxx", b"para", kind) + _fixed(numbers)


def _fixed(numbers: Sequence[float]) -> bytes:
    """Return numbers in the fixed-point form of a profile."""
    whole = (round(number * _UNIT) for number in numbers)
    return struct.pack(f">{len(numbers)}i", *whole)


_SRGB_CURVE: Final = _formula(3, 2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)


def _curve(gamma: object) -> bytes | None:
    """Return the curve of a gamma, unless it is the usual one."""
    if not isinstance(gamma, float) or not _SMALLEST_GAMMA < gamma < _LARGEST_GAMMA:
        return None
    if abs(1 / gamma - _USUAL_POWER) < _USUAL_REACH:
        return None
    return _formula(0, 1 / gamma)


def _columns(places: object) -> list[tuple[float, ...]] | None:
    """Compute the primaries of a profile from their chromaticities."""
    if not isinstance(places, tuple) or len(places) != _PLACES:
        return None
    if np.abs(np.subtract(places, _SRGB_PLACES)).max() < _PLACE_REACH:
        return None
    x, y = np.array(places, np.float64).reshape(4, 2).T
    with np.errstate(all="ignore"):
        # Only white has a given intensity; those of the others follow from it.
        colours = np.stack((x, y, 1 - x - y))
        adapted = _adapted(colours[:, 1:], colours[:, 0] / y[0])
    if adapted is None or not (np.abs(adapted) < _MOST).all():
        return None
    return [tuple(column) for column in adapted.T.tolist()]


def _adapted(primaries: Doubles, white: Doubles) -> Doubles | None:
    """Scale primaries so that they give white, and adapt white to that of a profile."""
    try:
        strengths = np.linalg.solve(primaries, white)
    except np.linalg.LinAlgError:
        return None
    cones = (_BRADFORD @ np.array(_D50)) / (_BRADFORD @ white)
    adaptation = np.linalg.inv(_BRADFORD) @ (cones[:, None] * _BRADFORD)
    adapted: Doubles = adaptation @ (primaries * strengths)
    return adapted


def _profile(curve: bytes, columns: Sequence[Sequence[float]]) -> bytes:
    """Return the smallest profile, version 4.3, of a curve and three primaries."""
    tags: list[tuple[bytes, bytes]] = []
    for name, column in zip(PRIMARIES, columns, strict=True):
        tags.append((name, b"XYZ " + bytes(4) + _fixed(column)))
        tags.append((name[:1] + b"TRC", curve))
    table, body = struct.pack(">I", len(tags)), b""
    start = 128 + 4 + 12 * len(tags)
    for name, tag in tags:
        table += struct.pack(">4sII", name, start + len(body), len(tag))
        body += tag
    size = start + len(body)
    head = struct.pack(
        ">I4xI4s4s4s12x4s", size, 0x04300000, b"mntr", b"RGB ", b"XYZ ", b"acsp"
    )
    return head + bytes(28) + _fixed(_D50) + bytes(48) + table + body
