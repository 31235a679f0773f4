"""Read colour profiles, and write those that other programs make of them.

Programs read one profile in different ways: Chromium (Skia) takes the first tag of a
name, any number of tags, and no table of real numbers; it prefers the code points in a
profile to everything else. littlecms, which converts here, does otherwise. So a profile
that programs may read in different ways is also written anew with only those tags that
the others use (``readings_of``), and each of these profiles is applied.

Source:
    ICC.1:2022, 7.2 (header), 7.3 (tags), 10.6 (``curveType``) and 10.11 (``mft2``).
"""

import re
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Final

import numpy as np
from numpy.typing import NDArray

Doubles = NDArray[np.float64]

MAX_PROFILE_BYTES: Final = 255 * 65_519
"""Longest profile that is evaluated: as many bytes as a JPEG can hold in its markers.
No real profile has more: those of printers have up to 4 MB."""

CODE_POINTS: Final = b"cicp"
TABLES: Final = (b"A2B0", b"A2B1")
D50: Final = (0.9642, 1.0, 0.8249)
"""The white of all profiles."""

_HEADER_BYTES: Final = 128
_CLASS, _VERSION, _SAMPLES = slice(12, 16), 8, slice(16, 20)
_SIGNATURE, _CONNECTION = slice(36, 40), slice(20, 24)
_SIGNED: Final = b"acsp"
_MODES: Final = {b"RGB ": "RGB", b"GRAY": "L", b"CMYK": "CMYK"}
"""Pillow's mode for the samples of a profile."""

_CLASSES: Final = frozenset({b"mntr", b"scnr", b"prtr", b"spac"})
_MOST_VERSION: Final = 4
_MOST_SHARED_TAGS: Final = 100
"""Most tags that littlecms reads (cmsio0.c, ``MAX_TABLE_TAG``)."""

_MOST_TAGS: Final = 5000
"""Most tags that are looked at. Real profiles have some dozens."""

_TAG: Final = np.dtype([("name", "S4"), ("start", ">u4"), ("length", ">u4")])
_PRIMARIES: Final = (b"rXYZ", b"gXYZ", b"bXYZ")
_CURVES: Final = (b"rTRC", b"gTRC", b"bTRC", b"kTRC")
_USED: Final = frozenset({*_PRIMARIES, *_CURVES, *TABLES})
_READ_BY_SOME: Final = frozenset(
    {CODE_POINTS, b"A2B3", b"D2B0", b"D2B1", b"D2B2", b"D2B3"}
)
"""Tags that take precedence over curves and tables, in some programs only."""

Tags = Sequence[tuple[bytes, memoryview]]


def cut(profile: bytes) -> bytes:
    """Cut a profile to its stated length, since padding must not hide a profile."""
    stated = int.from_bytes(profile[:4], "big")
    return profile[:stated] if stated < len(profile) else profile


def is_profile(profile: bytes) -> bool:
    """Return whether bytes have the signature; all programs ignore others."""
    return profile[_SIGNATURE] == _SIGNED


def is_for_pictures(profile: bytes) -> bool:
    """Return whether a profile is for samples that a picture can have."""
    return profile[_SAMPLES] in _MODES


def mode_of(profile: bytes) -> str:
    """Return Pillow's mode for the samples that a profile describes.

    Samples of a kind that no picture has (Lab, or an unknown kind) count as RGB, as in
    Chromium for a PNG.
    """
    return _MODES.get(profile[_SAMPLES], "RGB")


def readings_of(profile: bytes) -> tuple[bytes, ...]:
    """Return a profile, and the profiles as which other programs read it."""
    tags = _tags(profile)
    if _is_read_alike(profile, tags):
        return (profile,)
    used = _first_of_each(tags)
    if sum(map(len, used.values())) > MAX_PROFILE_BYTES:
        # Tags that overlap may have any length together.
        return profile, b""
    curves = {name: body for name, body in used.items() if name not in TABLES}
    table = next((used[name] for name in TABLES if name in used), None)
    found = [write(curves, like=profile)] if curves else []
    if table is not None:
        found.insert(0, write({**curves, TABLES[0]: table}, like=profile))
    return (profile, *dict.fromkeys(found))


def _first_of_each(tags: Tags) -> dict[bytes, memoryview]:
    return {name: body for name, body in reversed(tags) if name in _USED}


def has_table(profile: bytes) -> bool:
    """Return whether a profile has a table, which takes precedence over curves."""
    return any(name in TABLES for name, _ in _tags(profile))


def code_points_of(profile: bytes) -> bytes | None:
    """Return the four bytes of the first code-point tag of a profile, if it has one."""
    bodies = (body for name, body in _tags(profile) if name == CODE_POINTS)
    return next((bytes(body[8:12]) for body in bodies), None)


def _tags(profile: bytes) -> Tags:
    count = int.from_bytes(profile[_HEADER_BYTES : _HEADER_BYTES + 4], "big")
    room = (len(profile) - _HEADER_BYTES - 4) // _TAG.itemsize
    read = max(0, min(count, room, _MOST_TAGS))
    table = np.frombuffer(profile[_HEADER_BYTES + 4 :], _TAG, read)
    whole = memoryview(profile)
    return [
        (name, whole[start : start + length]) for name, start, length in table.tolist()
    ]


def _is_read_alike(profile: bytes, tags: Tags) -> bool:
    names = [name for name, _ in tags]
    return (
        profile[_CLASS] in _CLASSES
        and profile[_VERSION] <= _MOST_VERSION
        and is_for_pictures(profile)
        and len(tags) <= _MOST_SHARED_TAGS
        and len(set(names)) == len(names)
        and _READ_BY_SOME.isdisjoint(names)
        and (TABLES[1] not in names or TABLES[0] in names)
    )


def write(tags: Mapping[bytes, bytes | memoryview], *, like: bytes = b"") -> bytes:
    """Write a profile of tags, for RGB and XYZ or in the spaces of another profile."""
    samples = like[_SAMPLES] if is_for_pictures(like) else b"RGB "
    start = _HEADER_BYTES + 4 + _TAG.itemsize * len(tags)
    entries, bodies = struct.pack(">I", len(tags)), b""
    for name, tag in tags.items():
        entries += struct.pack(">4sII", name, start + len(bodies), len(tag))
        bodies += bytes(tag) + bytes(-len(tag) % 4)
    head = struct.pack(
        ">I4xI4s4s4s12x4s28x12s48x",
        start + len(bodies),
        0x04300000,
        b"mntr",
        samples,
        like[_CONNECTION] or b"XYZ ",
        _SIGNED,
        fixed_point(D50),
    )
    return head + entries + bodies


def fixed_point(numbers: Iterable[float]) -> bytes:
    """Return numbers in the fixed-point form of a profile."""
    return b"".join(struct.pack(">i", round(number * 65_536)) for number in numbers)


def is_odd(profile: bytes) -> bool:
    """Return whether a profile is of a kind that no camera, screen or printer has.

    A curve that goes up and down can show bits of a sample that nobody sees otherwise.
    Where primaries do not add up to white, or a table has a matrix before it, programs
    compute different colours.
    """
    tags = _tags(profile)
    used = _first_of_each(tags).values()
    return (
        len(tags) >= _MOST_TAGS
        or any(map(_has_many_curves, used))
        or any(_is_bent(values) for body in used for values in _curve_values(body))
        or any(map(_overshoots, used))
        or any(map(_has_matrix, used))
        or not (has_table(profile) or _has_white(profile))
    )


def _has_many_curves(tag: memoryview) -> bool:
    beginnings = _BEGINNING.finditer(tag)
    return next(islice(beginnings, _MOST_CURVES, None), None) is not None


_BEGINNING: Final = re.compile(rb"(?:curv|para)\0{4}")
_MOST_CURVES: Final = 24
"""Most curves of a tag that are looked at: a table of fifteen colours has 21."""


def _overshoots(tag: memoryview) -> bool:
    """Return whether a formula in a tag gives more light than white has."""
    for found in _FORMULA.finditer(tag):
        stated = tag[found.end() : found.end() + 4 * _PARAMETERS[found[1][0]]]
        numbers = np.frombuffer(stated, ">i4", len(stated) // 4).tolist()
        _, a, b, c, limit, _, lift = (numbers + [0] * 7)[:7]
        if max(a + b, c / 65_536 * limit + lift) > _MOST_LIGHT * 65_536:
            return True
    return False


_FORMULA: Final = re.compile(rb"para\0{5}([\1-\4])..", re.DOTALL)
_PARAMETERS: Final = (1, 3, 4, 5, 7)
"""Numbers in the formula of each type (ICC.1:2022, table 68)."""

_MOST_LIGHT: Final = 1.05


def _has_matrix(tag: memoryview) -> bool:
    """Return whether a table has a matrix, which is for three colours only."""
    table = _TABLE.match(tag)
    return table is not None and table[2] == b"\3" and table[3] != _IDENTITY


def _has_white(profile: bytes) -> bool:
    """Return whether the primaries of a profile, if it has any, add up to white."""
    bodies = dict(reversed(_tags(profile)))
    columns = [bytes(bodies.get(name, b""))[8:20] for name in _PRIMARIES]
    if not any(columns):
        return True
    if any(len(column) != struct.calcsize(">3i") for column in columns):
        return False
    white = sum(np.frombuffer(column, ">i4") / 65_536 for column in columns)
    is_white = np.abs(white - np.array(D50)).max() <= _WHITE_REACH
    return bool(is_white) and profile[_CONNECTION] == b"XYZ "


_WHITE_REACH: Final = 0.05
"""Largest distance of the sum of primaries from white: some old profiles are not
adapted to it exactly."""


def _curve_values(tag: memoryview) -> Iterator[Doubles]:
    for found in _CURVE.finditer(tag):
        yield _values(tag, found.end(), int.from_bytes(found[1], "big"))
    table = _TABLE.match(tag)
    if table is not None and table[1] == b"2":
        entries = int.from_bytes(table[4], "big")
        for number in range(table[2][0]):
            yield _values(tag, table.end() + 2 * number * entries, entries)


_CURVE: Final = re.compile(rb"curv\0{4}(.{4})", re.DOTALL)
_TABLE: Final = re.compile(rb"mft([12])\0{4}(.)...(.{36})(.{2})..", re.DOTALL)
_IDENTITY: Final = fixed_point((1, 0, 0, 0, 1, 0, 0, 0, 1))
_MOST_VALUES: Final = 65_536
"""Most values of a curve that are looked at; littlecms refuses longer ones."""


def _values(tag: memoryview, at: int, count: int) -> Doubles:
    room = min(count, _MOST_VALUES, max(0, len(tag) - at) // 2)
    return np.frombuffer(tag, ">u2", room, min(at, len(tag))) / 65_535


def _is_bent(values: Doubles) -> bool:
    """Return whether a curve goes back by more than a few steps in all."""
    if len(values) < 2:  # noqa: PLR2004 -- a single value has no direction
        return False
    way = np.abs(np.diff(values)).sum()
    return bool(way - np.ptp(values) > _MOST_WAY_BACK)


_MOST_WAY_BACK: Final = 0.05
"""Way that a curve may go back in all, as a share of its range: measured curves waver.
"""
