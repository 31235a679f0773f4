"""Count the work of decoding a JPEG before it is decoded.

The cost of a JPEG in one scan depends on its bytes and pixels. For a JPEG in several
scans, the decoder keeps coefficients of the full size until the last scan, at any
scale, and each scan visits its blocks again: 44 KB with two thousand scans would take
seconds.

Source: ITU-T T.81, annex B (markers) and G (progressive mode).
"""

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

_PICTURE_START = b"\xff\xd8"
_SCAN_START = b"\xff\xda"
_SCAN = 0xDA
_END = 0xD9
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""Markers that begin a frame (SOF0 to SOF15, without DHT, JPG and DAC)."""

_DECODED = frozenset({0xC0, 0xC1, 0xC2, 0xC3, 0xC9, 0xCA})
"""The frames that libjpeg-turbo decodes: not hierarchical, and not lossless arithmetic.
"""

_LOSSLESS = 0xC3
_BITS = 8
"""Bits of a sample. Pillow does not call libjpeg-turbo's functions for more."""

_PROGRESSIVE = frozenset({0xC2, 0xC6, 0xCA, 0xCE})
PACKET_START = b"http://ns.adobe.com/xap/1.0/\0"
LONG_PACKET_START = b"http://ns.adobe.com/xmp/extension/\0"
PROFILE_START = b"ICC_PROFILE\0"
INDEX_START = b"MPF\0"
GAIN_START = b"urn:iso:std:iso:ts:21496:-1\0"
_KEPT = {
    0xE1: (PACKET_START, LONG_PACKET_START),
    0xE2: (PROFILE_START, INDEX_START, GAIN_START),
}
"""Segments that change the shown picture: the first bytes of each, by its marker."""

_MOST_KEPT_BYTES = 40_000_000
"""Twice the length of the longest profile. A file with more bytes in such segments is
refused."""

_ALONE = frozenset({0x01, *range(0xD0, 0xD9)})
"""Markers without a segment."""

_OF_NO_LENGTH = _ALONE | {0x00, 0xFF, _END}
"""Bytes after 0xFF that are not the marker of a segment."""

_BYTES_PER_COEFFICIENT = 2
_BLOCK_SIDE = 8
_CHUNK_BYTES = 1024 * 1024
_MOST_SEGMENTS = 2000
"""Most segments before the first scan; a file with more is refused. A picture has some
dozens, or some hundreds with a large profile."""

_MOST_JUNK_BYTES = 64 * 1024
"""Most bytes between segments. Pillow, like this module, skips them one by one, and
would take 10 s for 100 MB."""

_MOST_HELD_BYTES = 200_000_000
"""Longest file that is looked at closely; in a longer one, all bytes that look like a
scan count as one."""

NEXT_MARKER = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")
"""A marker within the data of a scan, but not a stuffed zero, restart or fill byte."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JPEGCost:
    """The work of decoding a JPEG.

    Attributes:
        scans: Number of scans, or a larger number; at least 1.
        block_visits: Number of blocks of all scans together, or a larger number.
        coefficient_bytes: Bytes of coefficients that are held; 0 if it has only one
            scan.
        is_lossless: Whether it has samples instead of coefficients, so that it cannot
            be reduced or converted while it is decoded.
        segments: The segments before the first scan that may change the shown picture:
            colour profiles, metadata (XMP) and others.
    """

    size: tuple[int, int]
    scans: int
    block_visits: int
    coefficient_bytes: int
    is_lossless: bool = False
    segments: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Header:
    """The frame header, and the first scan after it."""

    size: tuple[int, int]
    is_progressive: bool
    is_lossless: bool
    blocks: dict[int, int]
    """Number of blocks of each component."""

    first_scan: frozenset[int]
    data_start: int
    segments: tuple[bytes, ...]

    @property
    def has_several_scans(self) -> bool:
        """Return whether libjpeg reads on after the first scan."""
        return self.is_progressive or len(self.first_scan) < len(self.blocks)


def cost_of(
    file: BinaryIO, *, enough_scans: int, enough_visits: int
) -> JPEGCost | None:
    """Return the cost of a JPEG; exact unless it is clearly below the given figures.

    ``None`` if there is no frame with a scan, or one that the decoder does not show.
    """
    header = _read_header(file)
    if header is None:
        return None
    all_blocks = sum(header.blocks.values())
    if not header.has_several_scans:
        return JPEGCost(
            size=header.size,
            scans=1,
            block_visits=all_blocks,
            coefficient_bytes=0,
            is_lossless=header.is_lossless,
            segments=header.segments,
        )
    scans = _bytes_like_scans(file)
    visits = scans * all_blocks
    is_suspect = scans > enough_scans or visits > enough_visits
    if is_suspect and file.seek(0, io.SEEK_END) <= _MOST_HELD_BYTES:
        # A profile or a thumbnail may contain such bytes too: look more closely.
        scans, visits = _exact(file, header)
    return JPEGCost(
        size=header.size,
        scans=scans,
        block_visits=visits,
        coefficient_bytes=all_blocks * _BLOCK_SIDE**2 * _BYTES_PER_COEFFICIENT,
        is_lossless=header.is_lossless,
        segments=header.segments,
    )


def shown_length(file: BinaryIO) -> int:
    """Return the number of bytes of a truncated JPEG that a decoder can use.

    A decoder that waits for the rest of a table does not show the scans before it, so a
    table that broke off is left out.
    """
    header = _read_header(file)
    length = file.seek(0, io.SEEK_END)
    if header is None or not header.has_several_scans or length > _MOST_HELD_BYTES:
        return length
    file.seek(0)
    data = file.read()
    for start, _, end in _segments_between(data, header.data_start):
        if end > length:
            return start
    return length


def _bytes_like_scans(file: BinaryIO) -> int:
    """Count the bytes of a scan's marker, wherever they stand."""
    file.seek(0)
    count = 0
    last = b""
    while chunk := file.read(_CHUNK_BYTES):
        count += (last + chunk).count(_SCAN_START)
        last = chunk[-1:]
    return count


def _exact(file: BinaryIO, header: _Header) -> tuple[int, int]:
    file.seek(0)
    data = file.read()
    scans, visits = 0, 0
    for components in _scans(data, header.data_start):
        scans += 1
        visits += sum(header.blocks.get(number, 0) for number in components)
    return scans + 1, visits + sum(header.blocks[item] for item in header.first_scan)


def _scans(data: bytes, at: int) -> Iterator[frozenset[int]]:
    for start, marker, end in _segments_between(data, at):
        if marker == _SCAN:
            yield _components(data[start + 4 : end])


def _segments_between(data: bytes, at: int) -> Iterator[tuple[int, int, int]]:
    while (found := NEXT_MARKER.search(data, at)) is not None:
        marker = data[found.start() + 1]
        at = found.end()
        if marker == _END:
            return
        if marker in _ALONE:
            continue
        # The length includes itself; if it is cut off, the segment is too.
        at += max(2, int.from_bytes(data[at : at + 2], "big"))
        yield found.start(), marker, at


def _components(segment: bytes) -> frozenset[int]:
    count = segment[0] if segment else 0
    return frozenset(segment[1 : 1 + 2 * count : 2])


def _read_header(file: BinaryIO) -> _Header | None:
    file.seek(0)
    if file.read(2) != _PICTURE_START:
        return None
    frame: tuple[int, bytes] | None = None
    kept: list[bytes] = []
    room = _MOST_KEPT_BYTES
    for marker, segment in _segments(file):
        if marker in _FRAMES:
            frame = marker, segment
        elif segment.startswith(_KEPT.get(marker, ())):
            room -= len(segment)
            if room < 0:
                return None
            kept.append(segment)
        elif marker == _SCAN and frame is not None:
            return _header(frame, _components(segment), file.tell(), tuple(kept))
        elif marker == _SCAN:
            return None
    return None


def _segments(file: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """Yield markers and their segments, and skip junk, as libjpeg does."""
    junk_left = _MOST_JUNK_BYTES
    for _ in range(_MOST_SEGMENTS):
        head = file.read(4)
        if _has_length(head):
            # The usual case: one read instead of one for each byte.
            yield head[1], file.read(int.from_bytes(head[2:], "big") - 2)
            continue
        file.seek(-len(head), io.SEEK_CUR)
        marker, skipped = _skip_to_marker(file, most=junk_left)
        junk_left -= skipped
        if marker is None or marker == _END:
            return
        if marker == _PICTURE_START[1]:
            # A second start of an image, at which every decoder stops.
            return
        if marker in _ALONE:
            continue
        length = int.from_bytes(file.read(2), "big")
        if length < 2:  # noqa: PLR2004  # the length counts itself
            return
        yield marker, file.read(length - 2)


def _has_length(head: bytes) -> bool:
    return (
        len(head) == 4  # noqa: PLR2004  # two bytes each
        and head[0] == 0xFF  # noqa: PLR2004
        and head[1] not in _OF_NO_LENGTH
        and (head[2] > 0 or head[3] >= 2)  # noqa: PLR2004  # the length counts itself
    )


def _skip_to_marker(file: BinaryIO, *, most: int) -> tuple[int | None, int]:
    """Find the next byte that follows 0xFF and is neither 0xFF nor 0; count others."""
    skipped, follows = -2, False
    while (byte := file.read(1)) and skipped < most:
        skipped += 1
        if follows and byte not in b"\0\xff":
            return byte[0], skipped
        follows = byte == b"\xff"
    return None, skipped


def _header(
    frame: tuple[int, bytes],
    first_scan: frozenset[int],
    data_start: int,
    segments: tuple[bytes, ...],
) -> _Header | None:
    marker, segment = frame
    height = int.from_bytes(segment[1:3], "big")
    width = int.from_bytes(segment[3:5], "big")
    specs = {
        segment[at]: (segment[at + 1] >> 4, segment[at + 1] & 15)
        for at in range(6, len(segment) - 2, 3)
    }
    is_sound = marker in _DECODED and segment[:1] == bytes((_BITS,))
    is_sound = (
        is_sound and bool(height and width and specs) and first_scan <= specs.keys()
    )
    across, down = [h for h, _ in specs.values()], [v for _, v in specs.values()]
    if not is_sound or not (all(across) and all(down)):
        return None
    widest, tallest = max(across), max(down)
    units = -(-width // (_BLOCK_SIDE * widest)) * -(-height // (_BLOCK_SIDE * tallest))
    return _Header(
        size=(width, height),
        is_progressive=marker in _PROGRESSIVE,
        is_lossless=marker == _LOSSLESS,
        blocks={number: units * h * v for number, (h, v) in specs.items()},
        first_scan=first_scan,
        data_start=data_start,
        segments=segments,
    )


def profile_of(segments: tuple[bytes, ...]) -> bytes | None:
    """Join the parts of a colour profile, as Chromium 156 does (ICC.1:2022, annex B.4).

    The profile is complete as soon as every part has been read, and later parts do not
    count. Before that, two parts with the same number, or two different totals, make it
    invalid. The number and the total come first, a byte each.
    """
    found: dict[int, bytes] = {}
    expected = 0
    for segment in segments:
        part = segment.removeprefix(PROFILE_START)
        if part is segment or len(part) <= 2:  # noqa: PLR2004 -- the two numbers alone
            continue
        number, count = part[0], part[1]
        expected = expected or count
        if not 1 <= number <= count or count != expected or number in found:
            return None
        found[number] = part[2:]
        if len(found) == expected:
            return b"".join(found[at] for at in range(1, expected + 1))
    return None
