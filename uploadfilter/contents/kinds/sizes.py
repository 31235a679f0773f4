"""Read the size of a picture from its header, without decoding it.

It is used for pictures inside a text that do not decode: a probe of a script, or a word
that begins like a picture. Such a picture counts if it is, or may be, large enough to
be recognised; the others are dropped and counted.

Rules this module keeps: a picture whose header is not understood is not small.

To add a format: a function in ``_SIZES``. Pictures of other formats are never small.
"""

import struct
from collections.abc import Callable
from typing import Final

from uploadfilter.contents.kinds.magic import Kind

LEAST_SIDE: Final = 32
"""Shorter side, in pixels, below which nobody can tell what a picture shows."""

_LEAST_BYTES: Final = 60
"""Fewest bytes of a picture that shows anything."""

_Size = tuple[int, int] | None
"""Width and height; ``None`` without a header that any decoder would accept."""

_UNKNOWN: Final = (LEAST_SIDE, LEAST_SIDE)


def is_small(data: bytes, kind: Kind) -> bool:
    """Return whether an undecodable picture would be too small to be recognised."""
    if len(data) < _LEAST_BYTES:
        return True
    measure = _SIZES.get(kind)
    if measure is None:
        return False
    try:
        size = measure(data)
    except struct.error:
        # The data end within the header: there is nothing to show.
        return True
    return size is None or min(size) < LEAST_SIDE


def is_said_small(data: bytes, kind: Kind) -> bool:
    """Return whether a picture is small according to a header that is understood.

    Unlike ``is_small``, it is for pictures that may be intact.
    """
    measure = _SIZES.get(kind)
    try:
        size = measure(data) if measure else None
    except struct.error:
        return False
    return size is not None and min(size) < LEAST_SIDE


def is_icon(data: bytes, kind: Kind) -> bool:
    """Return whether a picture is surely no larger than an icon in every decoder.

    All readers agree only about a PNG without a second header, which some readers use.
    """
    if kind is not Kind.PNG or len(data) > MOST_ICON_BYTES:
        return False
    is_plain = data[8:16] == b"\0\0\0\x0dIHDR" and data.count(b"IHDR") == 1
    if not is_plain or len(data) < _LEAST_BYTES:
        return False
    width, height = struct.unpack_from(">II", data, 16)
    return bool(max(width, height) <= LEAST_SIDE)


MOST_ICON_BYTES: Final = 16 * 1024
"""Most bytes of an icon: four times the bytes of 32 x 32 pixels in four channels."""


def _gif(data: bytes) -> _Size:
    """Return the larger of the screen and the first frame, which browsers show."""
    screen = struct.unpack_from("<HH", data, 6)
    flags = data[10] if len(data) > 10 else 0  # noqa: PLR2004 - its place
    at = 13 + (3 << (flags & 7) + 1 if flags >> 7 else 0)
    for _ in range(_MOST_BLOCKS):
        if data[at : at + 1] == b",":
            frame = struct.unpack_from("<HH", data, at + 5)
            return max(screen[0], frame[0]), max(screen[1], frame[1])
        if data[at : at + 1] != b"!":
            return None
        at += 2
        while length := data[at : at + 1].strip(b"\0"):
            at += 1 + length[0]
        at += 1
    return _UNKNOWN


_MOST_BLOCKS: Final = 1000


def _png(data: bytes) -> _Size:
    if data[12:16] != b"IHDR":
        return None
    width, height = struct.unpack_from(">II", data, 16)
    return width, height


def _jpeg(data: bytes) -> _Size:
    at = 2
    for _ in range(_MOST_BLOCKS):
        at = data.find(b"\xff", at)
        while data[at + 1 : at + 2] == b"\xff":
            at += 1
        if at < 0:
            return None
        marker, length = struct.unpack_from(">BH", data, at + 1)
        if marker in _FRAME_HEADERS:
            height, width = struct.unpack_from(">HH", data, at + 5)
            return width, height or _UNKNOWN[1]
        at += 2 + (0 if marker in _NO_SEGMENT else length)
    return _UNKNOWN


_FRAME_HEADERS: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_NO_SEGMENT: Final = frozenset({0x00, 0x01, *range(0xD0, 0xD9)})


def _bmp(data: bytes) -> _Size:
    (header,) = struct.unpack_from("<I", data, 14)
    form = "<HH" if header == _OLD_HEADER else "<ii"
    width, height = struct.unpack_from(form, data, 18)
    return abs(width), abs(height)


_OLD_HEADER: Final = 12


def _webp(data: bytes) -> _Size:
    match data[12:16]:
        case b"VP8 ":
            width, height = struct.unpack_from("<HH", data, 26)
            return width & 0x3FFF, height & 0x3FFF
        case b"VP8L":
            (bits,) = struct.unpack_from("<I", data, 21)
            return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        case b"VP8X":
            return _three(data, 24) + 1, _three(data, 27) + 1
        case _:
            return None


def _three(data: bytes, at: int) -> int:
    low, high = struct.unpack_from("<HB", data, at)
    return int(high << 16 | low)


def _jp2(data: bytes) -> _Size:
    at = data.find(b"ihdr", 0, _MOST_HEADER_BYTES)
    if at >= 0:
        height, width = struct.unpack_from(">II", data, at + 4)
        return width, height
    at = data.find(b"\xff\x4f\xff\x51", 0, _MOST_HEADER_BYTES)
    if at < 0:
        return _UNKNOWN
    width, height, left, top = struct.unpack_from(">IIII", data, at + 8)
    return max(width - left, 0), max(height - top, 0)


_MOST_HEADER_BYTES: Final = 4096


def _jxr(data: bytes) -> _Size:
    (at,) = struct.unpack_from("<I", data, 4)
    (count,) = struct.unpack_from("<H", data, at)
    found = dict[int, int]()
    for number in range(count):
        tag, form, _, value = struct.unpack_from("<HHII", data, at + 2 + 12 * number)
        found[tag] = value & 0xFFFF if form == _SHORT else value
    width, height = found.get(_JXR_WIDTH), found.get(_JXR_HEIGHT)
    return None if width is None or height is None else (width, height)


_SHORT: Final = 3
_JXR_WIDTH, _JXR_HEIGHT = 0xBC80, 0xBC81

_SIZES: Final[dict[Kind, Callable[[bytes], _Size]]] = {
    Kind.GIF: _gif,
    Kind.PNG: _png,
    Kind.JPEG: _jpeg,
    Kind.BMP: _bmp,
    Kind.WEBP: _webp,
    Kind.JP2: _jp2,
    Kind.JXR: _jxr,
}
