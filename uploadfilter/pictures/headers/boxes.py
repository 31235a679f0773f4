"""Read the items and frames of files that consist of boxes (AVIF, HEIC).

Rules this module keeps: only boxes at the places where decoders look for them count;
the number of skipped boxes is limited; a box that is cut off or invalid ends the
reading without an exception.

Source: ISO/IEC 14496-12 (boxes, ``stts``, ``stss``), 23008-12 (``iinf``).
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

_LARGE: Final = 1
_HEAD_BYTES: Final = 8
_LARGE_HEAD_BYTES: Final = 16
_MOST_BOXES: Final = 5000
"""Most boxes that are skipped on one level; files have some dozens, and one for each
item, of which up to 2,000 are counted."""

FULL: Final = 4
"""Bytes of version and flags."""

Span = tuple[int, int]
"""The start and the end of the content of a box."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """The frames that a sequence describes.

    Attributes:
        durations: The duration of each frame, in milliseconds.
        syncs: Numbers of the frames that can be decoded alone; empty if the file does
            not say.
        is_sure: Whether there is only one track of pictures, with one table of each
            kind, so that every decoder reads the same.
    """

    durations: tuple[int, ...]
    syncs: tuple[int, ...] = ()
    is_sure: bool = True


def item_count(data: bytes) -> int:
    """Return the number of items that a file states or lists, whichever is larger."""
    counts = [0]
    for meta in named(data, (0, len(data)), b"meta"):
        for start, end in named(data, (meta[0] + FULL, meta[1]), b"iinf"):
            is_long = data[start : start + 1] != b"\0"
            first = start + FULL + (4 if is_long else 2)
            said = int.from_bytes(data[start + FULL : first], "big")
            listed = sum(1 for _ in named_any(data, (first, end)))
            counts.append(max(said, listed))
    return sum(counts)


def has_box(data: bytes, name: bytes) -> bool:
    """Return whether a file has a box of this name at its top level."""
    return any(True for _ in named(data, (0, len(data)), name))


def with_other_name(data: bytes, name: bytes, other: bytes) -> bytes:
    """Return a file whose boxes of a name at its top level have another one."""
    for start, _ in named(data, (0, len(data)), name):
        at = data.rindex(name, 0, start)
        data = data[:at] + other + data[at + len(other) :]
    return data


def track_of(data: bytes, count: int) -> Track:
    """Read the frames that a sequence describes."""
    tracks = [
        span
        for moov in named(data, (0, len(data)), b"moov")
        for span in named(data, moov, b"trak")
        if _handler(data, span) in _SHOWN
    ]
    found = [_tables(data, span) for span in tracks]
    if len(found) != 1 or found[0] is None:
        return Track(durations=(0,) * count, is_sure=False)
    scale, times, syncs = found[0]
    durations = _durations(data, times, scale, count)
    return Track(
        durations=durations + (0,) * (count - len(durations)),
        syncs=() if syncs is None else _syncs(data, syncs, count),
        is_sure=len(durations) == count,
    )


_SHOWN: Final = frozenset({b"pict", b"vide"})
"""Handlers of tracks that are shown; transparency has another one, ``auxv``."""


def _handler(data: bytes, track: Span) -> bytes:
    for media in named(data, track, b"mdia"):
        for start, _ in named(data, media, b"hdlr"):
            return data[start + 8 : start + 12]
    return b""


def _tables(data: bytes, track: Span) -> tuple[int, Span, Span | None] | None:
    """Return a track's units a second, its durations and its independent frames.

    ``None`` if one of them is missing or occurs twice.
    """
    media = list(named(data, track, b"mdia"))
    heads = [head for each in media for head in named(data, each, b"mdhd")]
    tables = media
    for name in (b"minf", b"stbl"):
        tables = [inner for each in tables for inner in named(data, each, name)]
    times = [span for each in tables for span in named(data, each, b"stts")]
    syncs = [span for each in tables for span in named(data, each, b"stss")]
    if any(len(each) != 1 for each in (media, heads, tables, times)) or syncs[1:]:
        return None
    at = heads[0][0]
    at += 20 if any(data[at : at + 1]) else 12
    scale = int.from_bytes(data[at : at + 4], "big")
    return (scale, times[0], syncs[0] if syncs else None) if scale else None


_RUN: Final = struct.Struct(">II")


def _durations(data: bytes, table: Span, scale: int, count: int) -> tuple[int, ...]:
    durations: list[int] = []
    start, end = table[0] + FULL + 4, table[1]
    runs = int.from_bytes(data[start - 4 : start], "big")
    for at in range(start, min(start + runs * _RUN.size, end - 7), _RUN.size):
        samples, duration = _RUN.unpack_from(data, at)
        durations += [1000 * duration // scale] * min(samples, count - len(durations))
        if len(durations) >= count:
            break
    return tuple(durations)


def _syncs(data: bytes, table: Span, count: int) -> tuple[int, ...]:
    start, end = table[0] + FULL + 4, table[1]
    said = int.from_bytes(data[start - 4 : start], "big")
    numbers = (
        int.from_bytes(data[at : at + 4], "big") - 1
        for at in range(start, min(start + 4 * min(said, count), end - 3), 4)
    )
    return tuple(sorted({each for each in numbers if 0 <= each < count}))


def named(data: bytes, span: Span, name: bytes) -> Iterator[Span]:
    """Yield the content of each box with a name on one level."""
    for found, inner in named_any(data, span):
        if found == name:
            yield inner


def named_any(data: bytes, span: Span) -> Iterator[tuple[bytes, Span]]:
    """Yield the name and the content of each box on one level."""
    at, end = span
    for _ in range(_MOST_BOXES):
        if at + _HEAD_BYTES > end:
            return
        length, start = int.from_bytes(data[at : at + 4], "big"), at + _HEAD_BYTES
        if length == _LARGE:
            start = at + _LARGE_HEAD_BYTES
            length = int.from_bytes(data[at + 8 : start], "big")
        after = min(at + length, end) if length else end
        yield data[at + 4 : at + 8], (min(start, after), after)
        if after < start:
            return
        at = after


_CODEC = b"av1C"
_HIGH_BIT_DEPTH = 0x40


def is_deep(data: bytes) -> bool:
    """Return whether a part of an AVIF may have samples of more than 8 bits."""
    at = data.find(_CODEC)
    while at >= 0:
        flags = data[at + 6 : at + 7]
        if flags and flags[0] & _HIGH_BIT_DEPTH:
            return True
        at = data.find(_CODEC, at + 1)
    return False
