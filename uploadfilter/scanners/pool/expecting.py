"""Estimate the cost of a scan from the first bytes of its contents.

Nothing is decoded, and headers may be false: the estimate decides which scan goes first
and in which lane, but never which contents are inspected. A scan that takes longer is
noticed when it is slow (``queueing.py``).

To add a format: its reader and its figure in ``_PICTURES``.
"""

import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

import msgspec

from uploadfilter.contents.kinds import magic
from uploadfilter.contents.kinds.magic import Kind

LOOKED_AT_BYTES: Final = 64 * 1024
"""Bytes of a content that may be small. The size of a JPEG mostly follows its Exif,
which has at most this many."""

SMALL_S: Final = 0.03
"""CPU seconds up to which a scan is small, a third of what makes it slow: JPEGs of four
megapixels, PNGs and GIFs of three quarters of one, WebPs of one."""

SMALL_CONTENTS: Final = 8
"""Contents of a small upload: a picture and the fields of its form."""

SHORT_BYTES: Final = 4096
"""Most bytes of a small content that is not a picture, such as a field."""

_CONTENT_S: Final = 0.0015
_BYTE_S: Final = 1.5e-8
"""CPU seconds for each content and for each of its bytes, measured with photos."""


class Expected(msgspec.Struct, frozen=True, kw_only=True):
    """The estimate of a scan.

    Attributes:
        cost_s: CPU seconds.
        is_small: Whether the cost is low, and all contents are of common kinds.
    """

    cost_s: float
    is_small: bool


def expected(contents: Iterable[tuple[bytes, int]]) -> Expected:
    """Estimate the scan of an upload.

    Args:
        contents: The first bytes of each content, ``LOOKED_AT_BYTES`` of them if
            possible, and its length.
    """
    cost_s, count, is_common = 0.0, 0, True
    for head, length in contents:
        count += 1
        cost_s += _CONTENT_S + length * _BYTE_S
        picture = _PICTURES.get(magic.sniff(head[: magic.HEAD_BYTES]))
        pixels = picture.pixels(head) if picture is not None else None
        if picture is not None and pixels is not None:
            cost_s += picture.more_s + pixels * picture.pixel_s
        else:
            is_common &= picture is None and length <= SHORT_BYTES
    is_small = is_common and count <= SMALL_CONTENTS and cost_s <= SMALL_S
    return Expected(cost_s=cost_s, is_small=is_small)


def may_be_small(length: int) -> bool:
    """Return whether an upload of a length may turn out to be small."""
    return _CONTENT_S + length * _BYTE_S <= SMALL_S


def _jpeg_pixels(head: bytes) -> int | None:
    """Return the pixels by the first frame header (T.81, B.2.2)."""
    at = 2
    for _ in range(_MOST_SEGMENTS):
        if at + _FRAME_BYTES > len(head) or head[at] != _MARKER:
            return None
        if head[at + 1] in _FRAMES:
            height, width = struct.unpack_from(">HH", head, at + 5)
            return int(height) * int(width)
        at += 2 + int.from_bytes(head[at + 2 : at + 4], "big")
    return None


_MOST_SEGMENTS: Final = 64
"""Most segments before the frame: a camera writes a dozen."""

_FRAME_BYTES: Final = 9
_MARKER: Final = 0xFF
_FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


def _png_pixels(head: bytes) -> int | None:
    """Return the pixels by IHDR, which is first (PNG, 11.2.1)."""
    if len(head) < 24 or head[12:16] != b"IHDR":  # noqa: PLR2004 - its end
        return None
    width, height = struct.unpack_from(">II", head, 16)
    return int(width) * int(height)


def _gif_pixels(head: bytes) -> int | None:
    """Return the pixels of the screen (GIF89a, 18)."""
    if len(head) < 10:  # noqa: PLR2004 - its end
        return None
    width, height = struct.unpack_from("<HH", head, 6)
    return int(width) * int(height)


def _webp_pixels(head: bytes) -> int | None:
    """Return the pixels by the first chunk (RFC 9649, 2.5 to 2.7)."""
    if len(head) < 30:  # noqa: PLR2004 - the end of the longest
        return None
    match head[12:16]:
        case b"VP8 ":
            width, height = struct.unpack_from("<HH", head, 26)
            return int(width & 0x3FFF) * int(height & 0x3FFF)
        case b"VP8L":
            bits = int.from_bytes(head[21:25], "little")
            return ((bits & 0x3FFF) + 1) * ((bits >> 14 & 0x3FFF) + 1)
        case b"VP8X":
            width = int.from_bytes(head[24:27], "little") + 1
            height = int.from_bytes(head[27:30], "little") + 1
            return width * height
        case _:
            return None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Picture:
    """A format.

    Attributes:
        pixels: Reads the number of pixels; returns ``None`` if the header does not tell
            it.
        pixel_s: CPU seconds for each pixel, measured with photos.
        more_s: CPU seconds for a separate process, if the format needs one.
    """

    pixels: Callable[[bytes], int | None]
    pixel_s: float
    more_s: float = 0.0


_PICTURES: Final = {
    Kind.JPEG: _Picture(pixels=_jpeg_pixels, pixel_s=3e-9),
    Kind.PNG: _Picture(pixels=_png_pixels, pixel_s=3.5e-8),
    Kind.GIF: _Picture(pixels=_gif_pixels, pixel_s=3e-8, more_s=0.006),
    Kind.WEBP: _Picture(pixels=_webp_pixels, pixel_s=2.2e-8, more_s=0.006),
}


_REMEMBERED_SCANS: Final = 32
"""Number of scans over which the usual time is averaged."""


class Usual:
    """The usual real time of scans, compared with the expected time.

    Args:
        first_s: Seconds that both times are before the first scan.
    """

    def __init__(self, first_s: float) -> None:
        self._took_s = self._expected_s = first_s
        self._scans = 0

    @property
    def ratio(self) -> float:
        """Return the real time divided by the expected time."""
        return self._took_s / self._expected_s

    def add(self, took_s: float, expected_s: float) -> None:
        """Take one more scan into account."""
        self._scans = min(self._scans + 1, _REMEMBERED_SCANS)
        self._took_s += (took_s - self._took_s) / self._scans
        self._expected_s += (expected_s - self._expected_s) / self._scans
