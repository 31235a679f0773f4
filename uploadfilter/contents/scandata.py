"""Find the packed pixels of a JPEG, in which nothing else can stand.

In them each byte 0xFF is followed by a zero or by a restart marker, which no other file
keeps to for long. So they need not be searched for other files: half of all bytes that
are uploaded are such pixels.

Source:
    ITU-T T.81, B.1.1.5 and B.2.
"""

from typing import Final

import numpy as np

from uploadfilter.contents.source import Source

_BLOCK_BYTES: Final = 1 << 17
_MOST_SEGMENTS: Final = 512
_SCAN: Final = 0xDA
_MARK: Final = 0xFF

_IN_PIXELS: Final = np.zeros(256, dtype=np.bool_)
_IN_PIXELS[[0x00, *range(0xD0, 0xD8)]] = True

_BETWEEN_SCANS: Final = frozenset({0xC4, _SCAN, 0xDB, 0xDC, 0xDD})
"""Segments that may stand between two scans: tables, heads, a number of lines."""


def outside_pixels(source: Source) -> tuple[range, range]:
    """Return the spans before and after the packed pixels of a JPEG; one may be empty.

    Viewers would show another file among the pixels as pixels.
    """
    pixels = scan_data(source)
    return range(pixels.start), range(pixels.stop, source.size)


def scan_data(source: Source) -> range:
    """Return the span of the packed pixels of the JPEG that a content begins with.

    From the head of the first scan to the first byte that is no pixel; empty if it is
    no JPEG or its header is not valid.
    """
    start = _first_scan(source)
    if start is None:
        return range(0)
    end = _end_of_segment(source, start)
    while (behind := _end_of_pixels(source, end)) is not None:
        end = behind
        if source.read(end + 1, 1)[0] not in _BETWEEN_SCANS:
            return range(start, end)
        end = min(_end_of_segment(source, end), source.size)
    return range(start, source.size)


def _first_scan(source: Source) -> int | None:
    at = 2 if source.read(0, 2) == b"\xff\xd8" else source.size
    for _ in range(_MOST_SEGMENTS):
        head = source.read(at, 2)
        if len(head) < len(b"\xff\xda") or head[0] != _MARK:
            return None
        if head[1] == _SCAN:
            return at
        at = _end_of_segment(source, at)
    return None


def _end_of_segment(source: Source, at: int) -> int:
    return at + 2 + int.from_bytes(source.read(at + 2, 2), "big")


def _end_of_pixels(source: Source, start: int) -> int | None:
    for at in range(start, source.size, _BLOCK_BYTES):
        block = np.frombuffer(source.read(at, _BLOCK_BYTES + 1), dtype=np.uint8)
        marks = np.flatnonzero(block[:-1] == _MARK)
        others = marks[~_IN_PIXELS[block[marks + 1]]]
        if others.size:
            return at + int(others[0])
    return None
