"""Find the unpacked thumbnails in the header of a JPEG.

File managers show a thumbnail in place of its picture. Those that are JPEGs are carved
like any other; unpacked ones are made files of, which are opened like any other.

Source:
    Exif 2.32, 4.5.8 (the thumbnail is the second directory of a TIFF); JFIF 1.02
    (``JFIF``, ``JFXX``).
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Final, Literal

import numpy as np

from uploadfilter.contents.kinds import picturemagic
from uploadfilter.pictures.headers.jpegscans import (
    EXIF_START,
    JFIF_MORE_START,
    JFIF_START,
)
from uploadfilter.pictures.reader import ChainedReader, Reader

Opener = Callable[[bytes], Reader | None]
"""Opens a TIFF, or a picture of Netpbm."""

_LEAST_SIDE: Final = 32
"""Shortest side, in pixels, of a picture inside another that is compared."""

_JFIF_SIDES: Final = len(JFIF_START) + 7
_PALETTE, _COLOURS = 0x11, 0x13
_PALETTE_BYTES: Final = 3 * 256
_ENTRY_BYTES: Final = 12


def with_thumbnails(
    stored: Reader, segments: Sequence[bytes], open_thumbnail: Opener
) -> Reader:
    """Return a reader that shows the unpacked thumbnails after the picture."""
    for segment in segments:
        for content in _thumbnails_in(segment):
            reader = open_thumbnail(content)
            if reader is not None:
                stored = ChainedReader(stored, reader)
    return stored


def _thumbnails_in(segment: bytes) -> Iterator[bytes]:
    """Yield the thumbnail in a segment as a file, if there is one."""
    if segment.startswith(JFIF_START):
        yield from _anymap(segment[_JFIF_SIDES:])
    elif segment.startswith(JFIF_MORE_START):
        kind, body = segment[len(JFIF_MORE_START)], segment[len(JFIF_MORE_START) + 1 :]
        if kind == _COLOURS:
            yield from _anymap(body)
        elif kind == _PALETTE:
            colours = np.frombuffer(body[2 : 2 + _PALETTE_BYTES], np.uint8)
            indices = np.frombuffer(body[2 + _PALETTE_BYTES :], np.uint8)
            if colours.size == _PALETTE_BYTES:
                yield from _anymap(
                    body[:2] + colours.reshape(256, 3)[indices].tobytes()
                )
    elif segment.startswith(EXIF_START):
        yield from _second_page(segment[len(EXIF_START) :])


def _anymap(body: bytes) -> Iterator[bytes]:
    """Yield a picture of Netpbm: the first two bytes are the sides of the thumbnail."""
    if len(body) > 1 and min(body[:2]) >= _LEAST_SIDE:
        yield b"P6 %d %d 255\n" % (body[0], body[1]) + body[2:]


def _second_page(tiff: bytes) -> Iterator[bytes]:
    """Yield a TIFF of the second directory alone; the first one has no picture."""
    if tiff[:4] not in picturemagic.TIFFS:
        return
    order: Literal["little", "big"] = "little" if tiff.startswith(b"II") else "big"
    first = int.from_bytes(tiff[4:8], order)
    count = int.from_bytes(tiff[first : first + 2], order)
    after = first + 2 + _ENTRY_BYTES * count
    second = tiff[after : after + 4]
    at = int.from_bytes(second, order)
    # A thumbnail that is a JPEG has no strips.
    entries = tiff[at + 2 : at + 2 + _ENTRY_BYTES * _MOST_ENTRIES]
    tags = {
        int.from_bytes(entries[place : place + 2], order)
        for place in range(0, len(entries), _ENTRY_BYTES)
    }
    if at and _STRIPS in tags:
        yield tiff[:4] + second + tiff[8:]


_STRIPS: Final = 273
_MOST_ENTRIES: Final = 50
