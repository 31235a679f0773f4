"""Colour profiles, written by hand for tricks and bombs."""

import struct

import numpy as np
from numpy.typing import NDArray

PRIMARIES = (
    (0.4361, 0.2225, 0.0139),
    (0.3851, 0.7169, 0.0971),
    (0.1431, 0.0606, 0.7141),
)
"""XYZ of sRGB's red, green and blue under D50, as ICC requires."""

WHITE = (0.9642, 1.0, 0.8249)
"""XYZ of D50."""

STEPS = 256
"""Steps of a curve: one for each stored value."""


def linear_of(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return light from sRGB values, both 0 to 1."""
    low = values <= 0.04045
    linear: NDArray[np.float64] = np.where(
        low, values / 12.92, ((values + 0.055) / 1.055) ** 2.4
    )
    return linear


RAMP = np.linspace(0, 1, STEPS)


def fixed(value: float) -> bytes:
    """Return a number as ICC's s15Fixed16."""
    return struct.pack(">i", round(value * 65536))


def xyz(values: tuple[float, ...]) -> bytes:
    """Return a colour as a tag."""
    return b"XYZ " + bytes(4) + b"".join(map(fixed, values))


def curve_of(light: NDArray[np.float64]) -> bytes:
    """Return a curve from stored values to light, both 0 to 1."""
    steps = np.round(light * 65535).astype(">u2").tobytes()
    return b"curv" + bytes(4) + struct.pack(">I", len(light)) + steps


def _text(words: str) -> bytes:
    """Return a description in the form of version 2 of ICC."""
    ascii_words = words.encode("ascii") + b"\0"
    length = struct.pack(">I", len(ascii_words))
    return b"desc" + bytes(4) + length + ascii_words + bytes(78)


def profile_of(
    tags: dict[bytes, bytes], *, space: bytes = b"RGB ", device: bytes = b"mntr"
) -> bytes:
    """Return an ICC profile, version 2.1, of its tags."""
    tags = {b"desc": _text("sample"), b"cprt": b"text" + bytes(4) + b"none\0", **tags}
    tags[b"wtpt"] = xyz(WHITE)
    table, data = struct.pack(">I", len(tags)), b""
    start = 128 + 4 + 12 * len(tags)
    for name, tag in tags.items():
        table += name + struct.pack(">II", start + len(data), len(tag))
        data += tag + bytes(-len(tag) % 4)
    date = struct.pack(">6H", 2024, 1, 1, 0, 0, 0)
    head = bytes(8) + struct.pack(">I", 0x02100000) + device + space + b"XYZ " + date
    head += b"acsp" + bytes(28) + b"".join(map(fixed, WHITE)) + bytes(48)
    size = struct.pack(">I", len(head) + len(table) + len(data))
    return size + head[4:] + table + data
