"""Read the tone curves of colour profiles as Skia does: from samples to light.

Source:
    ICC.1:2022, 10.6 ``curveType`` and 10.18 ``parametricCurveType``; where it leaves a
    choice, Skia, with which Chromium converts.
"""

import struct
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_TABLE, _FORMULA = b"curv", b"para"
_HEAD_BYTES: Final = 12
_FIXED_8: Final = 256
_FIXED_16: Final = 65_536
_MOST_ENTRIES: Final = 1 << 24
"""Most values of a curve that Skia reads."""

_PARAMETERS: Final = (1, 3, 4, 5, 7)
"""Numbers in the formula of each type (ICC.1:2022, table 68)."""


class BadProfileError(ValueError):
    """A profile, or a part of it, is not valid. Never leaves ``pictures``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Formula:
    """A curve of a power and, below a limit, a line."""

    gamma: float
    a: float = 1.0
    b: float = 0.0
    c: float = 0.0
    limit: float = 0.0
    e: float = 0.0
    f: float = 0.0

    def light(self, samples: Floats) -> Floats:
        """Return the light of samples; a negative sample gives negative light."""
        sizes = np.abs(samples)
        with np.errstate(all="ignore"):
            base = np.maximum(self.a * sizes + self.b, 0.0)
            powers = np.where(base > 0, np.power(base, self.gamma), 0.0) + self.e
            light = np.where(sizes < self.limit, self.c * sizes + self.f, powers)
            shown: Floats = np.nan_to_num(np.where(samples < 0, -light, light))
            return shown


@dataclass(frozen=True, slots=True, kw_only=True)
class CurveTable:
    """Values at equal steps from 0 to 1.

    Attributes:
        values: The values in the profile.
        largest: The value that means 1.
    """

    values: NDArray[np.uint16] | NDArray[np.uint8]
    largest: int

    def light(self, samples: Floats) -> Floats:
        """Return the light of samples, which are clipped to 0 and 1."""
        places = np.clip(np.nan_to_num(samples), 0, 1) * (len(self.values) - 1)
        low = places.astype(np.intp)
        high = np.minimum(low + 1, len(self.values) - 1)
        below = self.values[low].astype(np.float64)
        above = self.values[high].astype(np.float64)
        light: Floats = (below + (above - below) * (places - low)) / self.largest
        return light


Curve = Formula | CurveTable


def read_curve(tag: bytes | memoryview) -> tuple[Curve, int]:
    """Read a curve.

    Args:
        tag: Bytes from its first byte on; others may follow.

    Returns:
        The curve, and the number of its bytes.

    Raises:
        BadProfileError: It is not a curve, or not valid.
    """
    kind = bytes(tag[:4])
    if len(tag) < _HEAD_BYTES or kind not in {_TABLE, _FORMULA}:
        raise BadProfileError("no curve")
    return _table(tag) if kind == _TABLE else _formula(tag)


def _table(tag: bytes | memoryview) -> tuple[Curve, int]:
    """Read a curve of sampled values, or of one power."""
    count = int.from_bytes(tag[8:12], "big")
    end = _HEAD_BYTES + 2 * count
    if count > _MOST_ENTRIES or len(tag) < end:
        raise BadProfileError("a curve that is cut off")
    values = np.frombuffer(tag, ">u2", count, _HEAD_BYTES)
    if count == 0:
        return Formula(gamma=1.0), end
    if count == 1:
        return Formula(gamma=float(values[0]) / _FIXED_8), end
    return CurveTable(values=values, largest=_FIXED_16 - 1), end


def _formula(tag: bytes | memoryview) -> tuple[Curve, int]:
    """Read a curve of a power and, below a limit, a line."""
    kind = int.from_bytes(tag[8:10], "big")
    if kind >= len(_PARAMETERS):
        raise BadProfileError("an unknown formula")
    count = _PARAMETERS[kind]
    end = _HEAD_BYTES + 4 * count
    if len(tag) < end:
        raise BadProfileError("a formula that is cut off")
    stated = struct.unpack_from(f">{count}i", tag, _HEAD_BYTES)
    return _made(kind, *(number / _FIXED_16 for number in stated)), end


def _made(kind: int, gamma: float, *rest: float) -> Formula:
    """Return the formula of a type."""
    match kind:
        case 0:
            return Formula(gamma=gamma)
        case 1 | 2:
            a, b, *constant = rest
            lift = constant[0] if constant else 0.0
            if not a:
                raise BadProfileError("a formula without a slope")
            return Formula(gamma=gamma, a=a, b=b, limit=-b / a, e=lift, f=lift)
        case 3:
            a, b, c, limit = rest
            return Formula(gamma=gamma, a=a, b=b, c=c, limit=limit)
        case _:
            a, b, c, limit, e, f = rest
            return Formula(gamma=gamma, a=a, b=b, c=c, limit=limit, e=e, f=f)
