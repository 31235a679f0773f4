"""Read a colour profile: the first tag of each name, as Skia does.

It is read with more tolerance than in Skia: if Skia rejects a profile, Chromium shows
the stored colours, which are compared in any case.

Source:
    ICC.1:2022, 7.2 (header), 7.3 (tags) and 9.2; where it leaves a choice, Skia, with
    which Chromium converts.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from uploadfilter.pictures.colours.icccurves import (
    BadProfileError,
    Curve,
    Floats,
    Formula,
    read_curve,
)
from uploadfilter.pictures.colours.icctables import ColourTable, read_table

SIGNATURE: Final = b"acsp"
SIGNATURE_PLACE: Final = slice(36, 40)
SAMPLES_PLACE: Final = slice(16, 20)
_CONNECTION_PLACE: Final = slice(20, 24)
_WHITE_PLACE: Final = 68
_HEADER_BYTES: Final = 128
_FIXED_16: Final = 65_536
_NAME_BYTES: Final = 4
_FEW: Final = 100
_D50: Final = (0.9642, 1.0, 0.8249)
_WHITE_REACH: Final = 0.009
"""Largest distance of a profile's white from D50; Skia allows a little more."""

RGB, GREY, CMYK = b"RGB ", b"GRAY", b"CMYK"

_MOST_TAGS: Final = 5000
"""Most tags that are read; a profile with more cannot be evaluated. Real ones have some
dozens."""

_TAG: Final = np.dtype([("name", "S4"), ("start", ">u4"), ("length", ">u4")])

PRIMARIES: Final = (b"rXYZ", b"gXYZ", b"bXYZ")
CURVES: Final = (b"rTRC", b"gTRC", b"bTRC")
GREY_CURVE: Final = b"kTRC"
TABLES: Final = (b"A2B0", b"A2B1")
"""The tables that Skia looks for; the first one in the profile counts."""

CODE_POINTS: Final = b"cicp"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tags:
    """The tags of a profile.

    Attributes:
        bodies: The first tag of each name.
        count: Number of all tags, including repeated ones.
        repeated: Names that occur more than once.
    """

    bodies: dict[bytes, memoryview]
    count: int
    repeated: frozenset[bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A profile that can be evaluated.

    Attributes:
        samples: The kind of its samples: ``RGB``, ``GREY``, ``CMYK`` or others.
        curves: Three curves from sample to light, if there are any.
        matrix: From three lights to XYZ, in columns, if there is one.
        table: A table, which takes precedence, if there is one.
        is_lab: Whether the table gives Lab.
        code_points: Four bytes of code points, if there are any.
    """

    samples: bytes
    curves: tuple[Curve, ...] | None = None
    matrix: Floats | None = None
    table: ColourTable | None = None
    is_lab: bool = False
    code_points: bytes | None = None


def cut(profile: bytes) -> bytes:
    """Cut a profile to its stated length, since padding must not hide a profile."""
    stated = int.from_bytes(profile[:4], "big")
    return profile[:stated] if stated < len(profile) else profile


def tags_of(profile: bytes) -> Tags:
    """Return the tags of a profile; bytes outside of it are cut off."""
    count = int.from_bytes(profile[_HEADER_BYTES : _HEADER_BYTES + 4], "big")
    room = (len(profile) - _HEADER_BYTES - 4) // _TAG.itemsize
    read = max(0, min(count, room, _MOST_TAGS))
    table = np.frombuffer(profile[_HEADER_BYTES + 4 :], _TAG, read)
    whole = memoryview(profile)
    bodies: dict[bytes, memoryview] = {}
    repeated: set[bytes] = set()
    for name, start, length in table.tolist():
        if name in bodies:
            repeated.add(name)
        else:
            bodies[name] = whole[start : start + length]
    return Tags(bodies=bodies, count=count, repeated=frozenset(repeated))


def read_profile(profile: bytes) -> Profile:
    """Read a profile.

    Args:
        profile: Its bytes, cut to its stated length.

    Returns:
        Its readable parts: at least curves with a matrix, a table or code points.

    Raises:
        BadProfileError: It is not a profile, or nothing in it can be evaluated.
    """
    samples = profile[SAMPLES_PLACE]
    if profile[SIGNATURE_PLACE] != SIGNATURE:
        raise BadProfileError("no profile")
    found = tags_of(profile)
    if found.count > _MOST_TAGS:
        raise BadProfileError("too many tags")
    tags = found.bodies
    is_lab = profile[_CONNECTION_PLACE] == b"Lab "
    read = Profile(
        samples=samples,
        curves=_curves(tags, samples),
        matrix=_white(profile) if _is_grey(tags, samples) else _matrix(tags),
        table=_table(tags, is_xyz=not is_lab),
        is_lab=is_lab,
        code_points=_code_points(tags),
    )
    has_matrix = read.curves is not None and read.matrix is not None
    if not has_matrix and read.table is None and read.code_points is None:
        raise BadProfileError("nothing to evaluate")
    return read


def is_strict(profile: bytes) -> bool:
    """Return whether a profile is so correct that Chromium surely uses it.

    Args:
        profile: A plain profile (``profiles.is_plain``), cut to its stated length.
    """
    tags = tags_of(profile)
    room = (len(profile) - _HEADER_BYTES - 4) // _TAG.itemsize
    read = max(0, min(tags.count, _FEW, room))
    table = np.frombuffer(profile[_HEADER_BYTES + 4 :], _TAG, read)
    ends = table["start"].astype(np.int64) + table["length"]
    white = _white(profile)
    size = int.from_bytes(profile[:4], "big")
    return (
        size == len(profile)
        and tags.count <= len(table)
        and bool((ends <= size).all())
        and bool((table["length"] >= _NAME_BYTES).all())
        and white is not None
        and bool(np.abs(np.diag(white) - _D50).max() < _WHITE_REACH)
        and not any(name.startswith(b"B2A") for name in tags.bodies)
        and all(map(_is_sound, _curves(tags.bodies, profile[SAMPLES_PLACE]) or (None,)))
    )


def _is_sound(curve: Curve | None) -> bool:
    """Return whether Skia accepts a curve."""
    if isinstance(curve, Formula):
        numbers = curve.gamma, curve.a, curve.c, curve.limit
        return min(*numbers, curve.a * curve.limit + curve.b) >= 0
    return curve is not None


def _is_grey(tags: dict[bytes, memoryview], samples: bytes) -> bool:
    return samples == GREY and GREY_CURVE in tags


def _curves(tags: dict[bytes, memoryview], samples: bytes) -> tuple[Curve, ...] | None:
    names: Sequence[bytes] = CURVES
    if _is_grey(tags, samples):
        names = (GREY_CURVE,) * 3
    try:
        return tuple(read_curve(tags.get(name, memoryview(b"")))[0] for name in names)
    except BadProfileError:
        return None


def _white(profile: bytes) -> Floats | None:
    """Return the mix of lights that gives grey."""
    body = profile[_WHITE_PLACE : _WHITE_PLACE + 12]
    if len(body) < 12:  # noqa: PLR2004 -- three numbers
        return None
    return np.diag(np.frombuffer(body, ">i4") / _FIXED_16)


def _matrix(tags: dict[bytes, memoryview]) -> Floats | None:
    columns = [bytes(tags.get(name, b"")) for name in PRIMARIES]
    if any(body[:4] != b"XYZ " or len(body) < 20 for body in columns):  # noqa: PLR2004
        return None
    numbers = [struct.unpack_from(">3i", body, 8) for body in columns]
    return np.array(numbers, np.float64).T / _FIXED_16


def _table(tags: dict[bytes, memoryview], *, is_xyz: bool) -> ColourTable | None:
    """Return the first table, which may be for another number of samples."""
    body = next((tags[name] for name in TABLES if name in tags), None)
    if body is None:
        return None
    try:
        return read_table(body, is_xyz=is_xyz)
    except BadProfileError:
        return None


def _code_points(tags: dict[bytes, memoryview]) -> bytes | None:
    body = bytes(tags.get(CODE_POINTS, b"")[:12])
    is_whole = body[:4] == CODE_POINTS and len(body) == 12  # noqa: PLR2004
    return body[8:12] if is_whole else None
