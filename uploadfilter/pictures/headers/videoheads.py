"""Read the beginnings of videos, and the tables of frames in an MP4.

Rules this module keeps: no index is trusted. A table may announce any number of frames;
so they are counted before FFmpeg reads the table.

Source:
    ISO/IEC 14496-12, 8.7.3 and 8.8.8.
"""

import io
from collections.abc import Iterator
from typing import BinaryIO, Final

MOST_ENTRIES: Final = 2_000_000
"""Most frames that the tables of an MP4 may announce: FFmpeg allocates 24 bytes for
each before it reads one, and an entry need not have a byte in the file."""

_TABLES: Final = {b"stsz": 12, b"stz2": 12, b"trun": 8}
"""Tables of frames, and where they count them, in bytes from their name on."""

_CHUNK_BYTES: Final = 1 << 20
_TABLE_BYTES: Final = 16


def form_of(file: BinaryIO) -> str | None:
    """Return FFmpeg's name of the demuxer for a file, by its first bytes."""
    file.seek(0)
    head = file.read(12)
    if head.startswith(b"\x1a\x45\xdf\xa3"):
        return "matroska"
    if head[:4] == b"RIFF":
        return "avi" if head[8:12] == b"AVI " else None
    is_box = head[4:8] in _FIRST_BOXES
    return "mov" if is_box else None


_FIRST_BOXES: Final = frozenset(
    {b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"}
)


def entries_of(file: BinaryIO) -> int:
    """Return how many frames the tables of an MP4 announce."""
    return sum(count for span in _spans(file) for count in _counts(file, span))


def _spans(file: BinaryIO) -> Iterator[range]:
    """Yield the bytes outside of media data, in which any word stands by chance."""
    end, at, begin = file.seek(0, io.SEEK_END), 0, 0
    for _ in range(_MOST_BOXES):
        file.seek(at)
        head = file.read(16)
        size = int.from_bytes(head[:4], "big")
        if size == _IS_LONG:
            size = int.from_bytes(head[8:], "big")
        if size < _BOX_BYTES or at + size > end:
            break
        if head[4:8] == b"mdat":
            yield range(begin, at)
            begin = at + size
        at += size
    yield range(begin, end)


_IS_LONG: Final = 1
_BOX_BYTES: Final = 8
_MOST_BOXES: Final = 100_000
"""Most boxes that are looked at: those of a video of four hours in short fragments."""


def _counts(file: BinaryIO, span: range) -> Iterator[int]:
    tail = b""
    for at in range(span.start, span.stop, _CHUNK_BYTES):
        file.seek(at)
        data = tail + file.read(min(_CHUNK_BYTES, span.stop - at))
        yield from _counts_in(data)
        tail = data[1 - _TABLE_BYTES :]


def _counts_in(data: bytes) -> Iterator[int]:
    for name, place in _TABLES.items():
        at = data.find(name)
        # A longer tail of the last bytes would hold a whole table twice.
        while 0 <= at <= len(data) - _TABLE_BYTES:
            yield int.from_bytes(data[at + place : at + place + 4], "big")
            at = data.find(name, at + 1)
