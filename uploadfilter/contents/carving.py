"""Find the possible beginnings of pictures in any content, at any offset.

A picture can stand after another one, in the middle of a video, or after a megabyte of
junk. Only decoding tells whether a picture begins there, since magic also occurs by
chance: about three times in 64 MiB of random bytes.

Rules this module keeps: a test asks for nothing without which a decoder shows the
picture, and the walk's budget ends what is tried in vain; linear time for any bytes;
one stretch of them in memory at a time; nothing is decoded; the search ends after
``most`` beginnings, and says so.

To add a form: a line in ``_FORMS``.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Literal, NamedTuple

from uploadfilter.contents.kinds import jxl, picturemagic
from uploadfilter.contents.kinds.magic import (
    DIB_BITS,
    DIB_HEADER_BYTES,
    OLD_DIB_HEADER_BYTES,
    Kind,
    sniff,
)
from uploadfilter.contents.needles import Needles
from uploadfilter.contents.scandata import outside_pixels
from uploadfilter.contents.source import Source, stretches

_OVERLAP_BYTES: Final = 64
"""Overlap of two stretches: more than the longest word with the bytes before it."""

_MOST_LOOKS: Final = 20_000
_BYTES_PER_LOOK: Final = 1 << 14
"""Bytes of a content for each beginning that is tested, besides a fixed number that
takes less than half a second. Random bytes have a quarter as many beginnings, nearly
all of them the two bytes of JPEG XL."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureStart:
    """A possible beginning of a picture.

    Attributes:
        is_thumbnail: Whether it stands in the header of the JPEG at the content's first
            byte, where cameras and editors write thumbnails.
    """

    offset: int
    kind: Kind
    is_thumbnail: bool = False


@dataclass(frozen=True, slots=True)
class TooMany:
    """The last item: there are more candidates, which were not yielded."""


class Unfinished:
    """The last item: not all readings of a text were searched."""


def candidates(
    source: Source,
    *,
    start: int = 0,
    most: int,
    spans: tuple[range, ...] | None = None,
) -> Iterator[PictureStart | TooMany]:
    """Yield every offset at which a picture may begin, in order.

    ``TooMany`` comes last if there are more than ``most``. ``spans`` are those of
    ``outside_pixels``, if they are known already; only what lies after ``start``
    counts.
    """
    header = _Header(source)
    most_looks = _MOST_LOOKS + source.size // _BYTES_PER_LOOK
    found = 0
    searched = [
        range(max(start, span.start), span.stop)
        for span in spans or outside_pixels(source)
    ]
    for looks, (offset, form) in enumerate(_beginnings(source, searched)):
        if looks == most_looks:
            yield TooMany()
            return
        kind = form.test(source, offset)
        if kind is None:
            continue
        if found == most:
            yield TooMany()
            return
        found += 1
        yield PictureStart(offset=offset, kind=kind, is_thumbnail=offset in header)


# --- The beginnings ------------------------------------------------------------------

_Test = Callable[[Source, int], Kind | None]
"""Tests the bytes from an offset on, and returns the kind."""


class _Form(NamedTuple):
    """The beginning of one kind of picture.

    Attributes:
        word: Bytes by which it is found.
        back: Bytes from the word back to the first byte.
        marks: Four bytes, of which one must stand at ``marks_at``; empty if any may.
        marks_at: Bytes from the first byte on to them.
    """

    word: bytes
    test: _Test
    back: int = 0
    marks: frozenset[bytes] = frozenset()
    marks_at: int = 0


def _is(kind: Kind) -> _Test:
    return lambda _source, _offset: kind


def _sniff_at(source: Source, offset: int) -> Kind | None:
    kind = sniff(source.read(offset, _SNIFFED_BYTES))
    return kind if kind in _BY_SNIFFING else None


_SNIFFED_BYTES: Final = 1 << 16
"""As many as the first box of a file may have brands."""

_BY_SNIFFING: Final = frozenset({Kind.BMP, Kind.AVIF, Kind.HEIC})


def _webp(source: Source, offset: int) -> Kind | None:
    """Require the chunk of a picture, or of an extended header, to come first."""
    return Kind.WEBP if source.read(offset + 15, 1) in {b" ", b"L", b"X"} else None


def _tiff(source: Source, offset: int) -> Kind | None:
    """Require a first directory that gives the size and the place of a picture.

    The EXIF of a photo, the index of an MPO and the notes of some cameras begin like a
    TIFF, but their first directory describes no picture; a thumbnail in them has its
    own magic.
    """
    order, classic = _TIFF_ORDERS[source.read(offset, 4)]
    width = 4 if classic else 8
    at = offset + int.from_bytes(source.read(offset + width, width), order)
    count_bytes, entry_bytes = (2, 12) if classic else (8, 20)
    count = int.from_bytes(source.read(at, count_bytes), order)
    if not 0 < count <= _MOST_TIFF_ENTRIES:
        return None
    entries = source.read(at + count_bytes, count * entry_bytes)
    first, second = entries[::entry_bytes], entries[1::entry_bytes]
    low, high = (first, second) if order == "little" else (second, first)
    tags = {a | b << 8 for a, b in zip(low, high, strict=False)}
    is_picture = tags >= _TIFF_SIZE and not tags.isdisjoint(_TIFF_PIXELS)
    return Kind.TIFF if is_picture else None


_TIFF_ORDERS: Final[dict[bytes, tuple[Literal["little", "big"], bool]]] = {
    b"II*\0": ("little", True),
    b"MM\0*": ("big", True),
    b"II+\0": ("little", False),
    b"MM\0+": ("big", False),
}
"""Byte order, and the bytes of an offset: four, or eight in a BigTIFF."""

_MOST_TIFF_ENTRIES: Final = 4096
"""Most entries of a directory that libtiff reads."""

_TIFF_SIZE: Final = frozenset({256, 257})
"""Tags of width and height, without which no program shows a TIFF."""

_TIFF_PIXELS: Final = frozenset({273, 324})
"""Tags of the offsets of strips and of tiles."""


def _codestream(source: Source, offset: int) -> Kind | None:
    """Require a plausible header that is not part of a decoded container."""
    if source.read(0, len(_JXL_BOX)) == _JXL_BOX and offset >= _JXL_NAME_BYTES:
        before = source.read(offset - _JXL_NAME_BYTES, _JXL_NAME_BYTES)
        if before == b"jxlc":
            return None
    head = source.read(offset, jxl.HEAD_BYTES)
    return Kind.JXL if jxl.is_plausible(head) else None


_JXL_BOX = b"\0\0\0\x0cJXL \r\n\x87\n"
_JXL_NAME_BYTES = 4


def _bare_bitmap(source: Source, offset: int) -> Kind | None:
    """Require a header whose numbers agree and that is not part of a decoded file.

    Drawings of Windows (WMF, EMF), texts with them (RTF) and programs contain bitmaps
    without the header of a file, which word processors show.
    """
    head = source.read(offset, _WHOLE_DIB_HEADER)
    is_old = head[0] == OLD_DIB_HEADER_BYTES
    at, wide = (8, 2) if is_old else (12, 4)
    width, height = (
        abs(int.from_bytes(head[i : i + wide], "little", signed=not is_old))
        for i in (4, 4 + wide)
    )
    bits = int.from_bytes(head[at + 2 : at + 4], "little")
    packing = 0 if is_old else int.from_bytes(head[16:20], "little")
    row_bytes = -(-width * bits // 32) * 4
    left = source.size - offset - head[0]
    # The header of an icon gives twice the height; a mask follows the colours.
    icon_bytes = (row_bytes + -(-width // 32) * 4) * height // 2
    is_held = packing in _RUN_LENGTHS or min(row_bytes * height, icon_bytes) <= left
    is_wide = _LEAST_SIDE <= min(width, height) <= max(width, height) <= _MOST_SIDE
    is_usual = head[0] in DIB_HEADER_BYTES and bits in _DIB_PACKINGS.get(packing, ())
    is_bitmap = is_wide and is_usual and is_held
    return Kind.BMP if is_bitmap and not _is_in_file(source, offset, head[0]) else None


_WHOLE_DIB_HEADER = 20
"""Bytes of a header up to and with the field of the packing."""

_DIB_PACKINGS: dict[int, frozenset[int]] = {
    0: DIB_BITS,
    1: frozenset({8}),
    2: frozenset({4}),
    3: frozenset({16, 32}),
    6: frozenset({16, 32}),
}
"""Allowed bits of a pixel, by packing: none, two kinds of runs, masks of three or four.
"""

_RUN_LENGTHS = frozenset({1, 2})
_LEAST_SIDE, _MOST_SIDE = 32, 0xFFFF
"""Shortest and longest side in pixels: smaller pictures are not compared, and no bitmap
is larger."""


def _is_in_file(source: Source, offset: int, header_bytes: int) -> bool:
    """Return whether a file header that points to its pixels stands before it."""
    before = source.read(max(offset - _BMP_FILE_HEAD, 0), min(offset, _BMP_FILE_HEAD))
    start = int.from_bytes(before[10:14], "little") - _BMP_FILE_HEAD - header_bytes
    return before.startswith(b"BM") and 0 <= start <= _MOST_COLOURS_BYTES


_BMP_FILE_HEAD = 14
_MOST_COLOURS_BYTES = 4 * 256
"""Length of a palette: nothing longer stands between a header and the pixels."""


def _sizes(header_bytes: frozenset[int]) -> frozenset[bytes]:
    return frozenset(size.to_bytes(4, "little") for size in header_bytes)


def _bitmaps(back: int, header_bytes: frozenset[int]) -> Iterator[_Form]:
    for bits in sorted(DIB_BITS):
        word = b"\1\0" + bytes((bits, 0))
        yield _Form(word, _bare_bitmap, back, _sizes(header_bytes))


_BOX: Final = frozenset({b"\0\0\0\x0c"})
_OLD: Final = frozenset({OLD_DIB_HEADER_BYTES})

_FORMS: Final[tuple[_Form, ...]] = (
    _Form(picturemagic.JPEG, _is(Kind.JPEG)),
    _Form(picturemagic.PNG, _is(Kind.PNG)),
    *(_Form(word, _is(Kind.GIF)) for word in picturemagic.GIFS),
    _Form(b"WEBPVP8", _webp, 8, frozenset({b"RIFF"})),
    _Form(b"ftyp", _sniff_at, 4),
    _Form(b"JXL \r\n\x87\n", _is(Kind.JXL), 4, _BOX),
    _Form(b"jP  \r\n\x87\n", _is(Kind.JP2), 4, _BOX),
    _Form(jxl.MAGIC, _codestream),
    *(_Form(word, _tiff) for word in _TIFF_ORDERS),
    _Form(b"BM", _sniff_at, 0, _sizes(DIB_HEADER_BYTES), _BMP_FILE_HEAD),
    *_bitmaps(12, DIB_HEADER_BYTES - _OLD),
    *_bitmaps(8, _OLD),
    *(_Form(b"8BPS\0" + version, _is(Kind.PSD)) for version in (b"\1", b"\2")),
)
"""The forms that are searched for. Icons are not: their four bytes are common in
programs and fonts, and an icon holds a PNG, which is found, or an old bitmap of at most
256 pixels. Nor is the bare codestream of JPEG 2000, which stands in every JP2."""


# --- The search ----------------------------------------------------------------------

_NEEDLES: Final = Needles([form.word for form in _FORMS])


def _beginnings(source: Source, spans: list[range]) -> Iterator[tuple[int, _Form]]:
    for at, length, piece in stretches(source, spans, overlap=_OVERLAP_BYTES):
        for offset, form in _in_piece(piece):
            if offset < length:
                yield at + offset, form


def _in_piece(piece: bytes) -> Iterator[tuple[int, _Form]]:
    found = sorted(
        (place - _FORMS[number].back, number)
        for place, number in _NEEDLES.places_in(piece)
    )
    for offset, number in found:
        form = _FORMS[number]
        mark = piece[offset + form.marks_at : offset + form.marks_at + _MARK_BYTES]
        if offset >= 0 and (not form.marks or mark in form.marks):
            yield offset, form


_MARK_BYTES: Final = 4


# --- Thumbnails ----------------------------------------------------------------------


class _Header:
    """The segments that may hold pictures in the JPEG at a content's beginning."""

    def __init__(self, source: Source) -> None:
        self._source = source

    def __contains__(self, offset: int) -> bool:
        return any(start <= offset < end for start, end in self._spans)

    @cached_property
    def _spans(self) -> list[tuple[int, int]]:
        return list(_application_segments(self._source))


def _application_segments(source: Source) -> Iterator[tuple[int, int]]:
    """Yield the spans of a JPEG's APP segments, up to the first that is damaged."""
    if source.read(0, 2) != b"\xff\xd8":
        return
    at = 2
    for _ in range(_MOST_SEGMENTS):
        head = source.read(at, 4)
        if len(head) < 4 or head[0] != 0xFF or head[1] in _NO_SEGMENT:  # noqa: PLR2004
            return
        end = at + 2 + int.from_bytes(head[2:], "big")
        if head[1] in _APPLICATION:
            yield at, end
        at = end


_MOST_SEGMENTS = 64
_NO_SEGMENT = frozenset({0x00, 0x01, 0xDA, *range(0xD0, 0xDA), 0xFF})
"""Markers without a length, and those among the pixels."""
_APPLICATION = frozenset(range(0xE0, 0xF0))
