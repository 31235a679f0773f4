"""Colour profiles made in code, for the tests of this room."""

import struct
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Doubles = NDArray[np.float64]

SRGB = ((0.4361, 0.2225, 0.0139), (0.3851, 0.7169, 0.0971), (0.1431, 0.0606, 0.7141))
DISPLAY_P3 = (
    (0.5151, 0.2412, -0.0011),
    (0.2920, 0.6922, 0.0419),
    (0.1571, 0.0666, 0.7841),
)
ADOBE = ((0.6097, 0.3111, 0.0195), (0.2053, 0.6257, 0.0609), (0.1492, 0.0632, 0.7446))
"""Primaries, adapted to D50."""

_WHITE = (0.9642, 1.0, 0.8249)


def srgb_light(count: int = 1024) -> Doubles:
    """Return sRGB's tone curve at equal steps."""
    ramp = np.linspace(0, 1, count)
    return np.where(ramp <= 0.04045, ramp / 12.92, ((ramp + 0.055) / 1.055) ** 2.4)


def table(light: Doubles) -> bytes:
    """Return a curve of sampled values, 0 to 1."""
    samples = np.round(light * 65535).astype(">u2").tobytes()
    return b"curv" + bytes(4) + struct.pack(">I", len(light)) + samples


def power(gamma: float) -> bytes:
    """Return a curve of one power."""
    return b"curv" + bytes(4) + struct.pack(">IH", 1, round(gamma * 256))


def formula(kind: int, *parameters: float) -> bytes:
    """Return a parametric curve."""
    numbers = b"".join(fixed(number) for number in parameters)
    return b"para" + bytes(4) + struct.pack(">HH", kind, 0) + numbers


def colour_profile(
    curve: bytes,
    primaries: Sequence[Sequence[float]] = SRGB,
    *,
    more: dict[bytes, bytes] | None = None,
    says: bytes = b"sRGB",
) -> bytes:
    """Return a profile for RGB of one curve and three primaries."""
    tags = dict(more or {})
    for letter, primary in zip((b"r", b"g", b"b"), primaries, strict=True):
        tags[letter + b"XYZ"] = xyz(primary)
        tags[letter + b"TRC"] = curve
    return profile(tags, says=says)


def grey_profile(curve: bytes) -> bytes:
    """Return a profile for grey of one curve."""
    return profile({b"kTRC": curve}, samples=b"GRAY")


def profile(
    tags: dict[bytes, bytes], *, samples: bytes = b"RGB ", says: bytes = b"sRGB"
) -> bytes:
    """Return a profile, version 2.1, of its tags; its description says ``says``."""
    words = says + b"\0"
    tags = {
        b"desc": b"desc" + bytes(4) + struct.pack(">I", len(words)) + words + bytes(78),
        b"cprt": b"text" + bytes(4) + b"none\0",
        b"wtpt": xyz(_WHITE),
        **tags,
    }
    entries, body = struct.pack(">I", len(tags)), b""
    start = 128 + 4 + 12 * len(tags)
    for name, tag in tags.items():
        entries += name + struct.pack(">II", start + len(body), len(tag))
        body += tag + bytes(-len(tag) % 4)
    head = bytes(8) + struct.pack(">I", 0x02100000) + b"mntr" + samples + b"XYZ "
    head += struct.pack(">6H", 2024, 1, 1, 0, 0, 0) + b"acsp" + bytes(28)
    head += b"".join(map(fixed, _WHITE)) + bytes(48)
    size = struct.pack(">I", len(head) + len(entries) + len(body))
    return size + head[4:] + entries + body


def renamed(profile: bytes, name: bytes, to: bytes) -> bytes:
    """Return a profile in whose table of tags one has another's name."""
    return profile.replace(name, to, 1)


def headed(profile: bytes, *, at: int, to: bytes) -> bytes:
    """Return a profile with other bytes in its header."""
    return profile[:at] + to + profile[at + len(to) :]


def xyz(colour: Sequence[float]) -> bytes:
    """Return a colour of three numbers."""
    return b"XYZ " + bytes(4) + b"".join(map(fixed, colour))


def fixed(number: float) -> bytes:
    """Return a number in the fixed-point form of a profile."""
    return struct.pack(">i", round(number * 65536))


SRGB_FORMULA = formula(3, 2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
