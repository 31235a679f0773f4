"""Read and write the colour profiles of pictures in PDF documents.

A document may give the samples of a JPEG a profile or another colour space. The decoder
gets the JPEG with an equivalent profile: the document's, or one made here with a table
that is computed from the colour space.

Source:
    ICC.1:2022, 7.2 "Profile header", 10.10 "lut16Type", annex B (JPEG).
"""

import struct
from collections.abc import Callable, Iterator
from itertools import product
from typing import Final

import numpy as np
from numpy.typing import NDArray

Table = NDArray[np.float64]

_PRIMARIES: Final = {
    b"rXYZ": (0.4361, 0.2225, 0.0139),
    b"gXYZ": (0.3851, 0.7169, 0.0971),
    b"bXYZ": (0.1431, 0.0606, 0.7141),
}
_CURVES: Final = {b"RGB ": (b"rTRC", b"gTRC", b"bTRC"), b"GRAY": (b"kTRC",)}
_PRIMARY_TOLERANCE: Final = 0.002
_STEP_TOLERANCE: Final = 2.0
"""Most grey steps by which a tone curve may differ from that of sRGB."""

_MOST_TAGS: Final = 50
_TAG: Final = struct.Struct(">4sII")
_LEVELS: Final = np.arange(256) / 255


def is_srgb(profile: bytes) -> bool:
    """Return whether a profile is surely sRGB, by a table or a formula.

    Other profiles that change nothing are not recognised; that only costs a second
    decode.
    """
    samples = profile[16:20]
    count = int.from_bytes(profile[128:132], "big")
    if samples not in _CURVES or count > _MOST_TAGS:
        return False
    table = profile[132 : 132 + _TAG.size * count]
    if len(table) < _TAG.size * count:
        return False
    found = [tuple(each) for each in _TAG.iter_unpack(table)]
    tags = {name: profile[at : at + length] for name, at, length in found}
    has_tables = any(name[1:3] == b"2B" for name in tags)
    if has_tables or len(tags) != len(found):
        return False
    primaries = _PRIMARIES if samples == b"RGB " else {}
    return all(_is_near(tags.get(n, b""), xyz) for n, xyz in primaries.items()) and all(
        _is_srgb_curve(tags.get(name, b"")) for name in _CURVES[samples]
    )


def _is_near(tag: bytes, xyz: tuple[float, ...]) -> bool:
    if len(tag) < 20:  # noqa: PLR2004  # type, zeros and three numbers
        return False
    stated = np.frombuffer(tag, ">i4", 3, 8) / 65_536
    return bool(np.abs(stated - np.array(xyz)).max() <= _PRIMARY_TOLERANCE)


def _is_srgb_curve(tag: bytes) -> bool:
    """Return whether a table of values is the tone curve of sRGB."""
    count = int.from_bytes(tag[8:12], "big")
    if tag[:4] == b"para":
        return tag[8:10] == b"\0\3" and _is_formula(tag)
    if tag[:4] != b"curv" or count < 2 or len(tag) < 12 + 2 * count:  # noqa: PLR2004
        return False
    values = np.frombuffer(tag, ">u2", count, 12) / 65_535
    light = np.interp(_LEVELS * (count - 1), np.arange(count), values)
    steps = np.abs(_encoded(light) - _LEVELS) * 255
    return bool(steps.max() <= _STEP_TOLERANCE)


def _is_formula(tag: bytes) -> bool:
    if len(tag) < 32:  # noqa: PLR2004  # type, kind and five numbers
        return False
    stated = np.frombuffer(tag, ">i4", 5, 12) / 65_536
    usual = np.array([2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045])
    return bool(np.abs(stated - usual).max() <= 0.0005)  # noqa: PLR2004


def _encoded(light: Table) -> Table:
    straight = 12.92 * light
    return np.where(light <= 0.0031308, straight, 1.055 * light ** (1 / 2.4) - 0.055)  # noqa: PLR2004


# --- A profile made of a colour space -------------------------------------------------

_GRIDS: Final = {1: 255, 3: 17, 4: 9}
"""Grid points on each axis of a table, by the number of components."""

SAMPLES: Final = {1: b"GRAY", 3: b"RGB ", 4: b"CMYK"}
"""The colour space signatures of profiles, by the number of components."""
_TO_XYZ_D50: Final = np.array(
    [
        [0.4360747, 0.3850649, 0.1430804],
        [0.2225045, 0.7168786, 0.0606169],
        [0.0139322, 0.0971045, 0.7141733],
    ]
)
_D50: Final = np.array([0.9642, 1.0, 0.8249])


def profile_of(convert: Callable[[Table], Table], components: int) -> bytes | None:
    """Make a profile from a function that converts samples to red, green and blue.

    Args:
        convert: Computes colours, with a row for each sample; all values are 0 to 1.
        components: Number of components of a sample.

    Returns:
        ``None`` if no profile has so many components.
    """
    if components not in _GRIDS:
        return None
    grid = _GRIDS[components]
    axis = np.arange(grid) / (grid - 1)
    places = np.array(list(product(axis, repeat=components)))
    table = _lab_samples(np.clip(convert(places), 0, 1))
    ramp = struct.pack(">2H", 0, 65_535)
    identity = struct.pack(">9i", *(65_536, 0, 0, 0, 65_536, 0, 0, 0, 65_536))
    lut = b"mft2" + bytes(4) + bytes([components, 3, grid, 0]) + identity
    lut += struct.pack(">2H", 2, 2) + ramp * components + table.tobytes() + ramp * 3
    return _profile(SAMPLES[components], lut)


def _lab_samples(colours: Table) -> NDArray[np.uint16]:
    """Return colours as lightness and two colour differences, in 16 bits each."""
    light = np.where(
        colours <= 0.04045,  # noqa: PLR2004
        colours / 12.92,
        ((colours + 0.055) / 1.055) ** 2.4,
    )
    ratios = light @ _TO_XYZ_D50.T / _D50
    roots = np.where(
        ratios > 216 / 24389, np.cbrt(ratios), (24389 / 27 * ratios + 16) / 116
    )
    lab = np.stack(
        (
            (116 * roots[:, 1] - 16) * 652.8,
            (500 * (roots[:, 0] - roots[:, 1]) + 128) * 256,
            (200 * (roots[:, 1] - roots[:, 2]) + 128) * 256,
        ),
        axis=1,
    )
    samples: NDArray[np.uint16] = np.clip(np.rint(lab), 0, 65_535).astype(">u2")
    return samples


def _profile(samples: bytes, lut: bytes) -> bytes:
    """Return a profile, version 2.4, of one table."""
    white = b"XYZ " + bytes(4) + struct.pack(">3i", 63_190, 65_536, 54_061)
    text = b"text" + bytes(4) + b"none\0\0\0\0"
    words = b"desc" + bytes(4) + struct.pack(">I", 1) + bytes(80)
    tags = {b"A2B0": lut, b"cprt": text, b"desc": words, b"wtpt": white}
    entries, body = struct.pack(">I", len(tags)), b""
    start = 132 + _TAG.size * len(tags)
    for name, tag in tags.items():
        entries += _TAG.pack(name, start + len(body), len(tag))
        body += tag.ljust(-(-len(tag) // 4) * 4, b"\0")
    head = struct.pack(
        ">I4sI4s4s4s", 0, bytes(4), 0x02400000, b"scnr", samples, b"Lab "
    )
    head += bytes(12) + b"acsp" + bytes(28) + struct.pack(">3i", 63_190, 65_536, 54_061)
    head = head.ljust(128, b"\0")
    whole = head + entries + body
    return struct.pack(">I", len(whole)) + whole[4:]


# --- JPEG -----------------------------------------------------------------------------

_PART_BYTES: Final = 65_519
_PROFILE_MARK: Final = b"ICC_PROFILE\0"
_APP0, _APP2, _APP14, _SOS, _EOI = 0xE0, 0xE2, 0xEE, 0xDA, 0xD9
_FRAMES: Final = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})


def with_profile(jpeg: bytes, profile: bytes) -> Iterator[bytes]:
    """Yield a JPEG with its profile replaced."""
    parts = [
        profile[start : start + _PART_BYTES]
        for start in range(0, len(profile), _PART_BYTES)
    ]
    yield jpeg[:2]
    for number, part in enumerate(parts, start=1):
        body = _PROFILE_MARK + bytes([number, len(parts)]) + part
        yield struct.pack(">BBH", 0xFF, _APP2, len(body) + 2) + body
    at = 2
    for marker, start, end in _segments(jpeg):
        yield jpeg[at:start]
        own = marker == _APP2 and jpeg.startswith(_PROFILE_MARK, start + 4)
        yield b"" if own else jpeg[start:end]
        at = end
    yield jpeg[at:]


def with_transform(jpeg: bytes, components: int) -> bytes:
    """Return a JPEG with a segment that tells the meaning of its components.

    Args:
        jpeg: A JPEG without Adobe's segment.
        components: 3 for luma and two colour differences, 4 for these and black, 0 if
            each component is a colour.
    """
    body = b"Adobe" + struct.pack(">HHHB", 100, 0, 0, _TRANSFORMS[components])
    parts = [jpeg[:2], struct.pack(">BBH", 0xFF, _APP14, len(body) + 2), body]
    at = 2
    for marker, start, end in _segments(jpeg):
        # After this segment, decoders do not look for another.
        is_jfif = marker == _APP0 and jpeg.startswith(b"JFIF", start + 4)
        parts += [jpeg[at:start], b"" if is_jfif else jpeg[start:end]]
        at = end
    return b"".join([*parts, jpeg[at:]])


_TRANSFORMS: Final = {0: 0, 3: 1, 4: 2}
"""Numbers of Adobe's segment (ITU-T T.872, 6.5.3)."""


def components_of(jpeg: bytes) -> tuple[int, bool]:
    """Return the number of components of a JPEG, and whether it has Adobe's segment."""
    count, is_adobe = 0, False
    for marker, start, end in _segments(jpeg):
        if marker in _FRAMES and end - start > 9:  # noqa: PLR2004
            count = count or jpeg[start + 9]
        is_adobe |= marker == _APP14 and jpeg.startswith(b"Adobe", start + 4)
    return count, is_adobe


def _segments(jpeg: bytes) -> Iterator[tuple[int, int, int]]:
    """Yield marker, start and end of each segment before the first scan."""
    at = 2
    while at + 4 <= len(jpeg) and jpeg[at] == 0xFF:  # noqa: PLR2004
        marker = jpeg[at + 1]
        if marker in {_SOS, _EOI}:
            return
        if marker == 0xFF:  # noqa: PLR2004  # a fill byte
            at += 1
            continue
        end = at + 2 + int.from_bytes(jpeg[at + 2 : at + 4], "big")
        yield marker, at, min(end, len(jpeg))
        at = end
