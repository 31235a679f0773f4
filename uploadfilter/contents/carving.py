"""Find the possible beginnings of pictures in any content, at any offset.

A picture can stand after another one, in the middle of a video, or after a megabyte of
junk. Only decoding tells whether a picture begins there, since magic also occurs by
chance: about three times in 64 MiB of random bytes.

Rules this module keeps: linear time for any bytes; one stretch of them in memory at a
time; nothing is decoded; the search ends after ``most`` beginnings, and says so.

How it is fast (a GiB of random bytes in about a third of a second): one pass of the
automata of ``patterns.py`` over a stretch finds every beginning. A stretch with very
many beginnings is searched form by form, more slowly, so that beginnings past ``most``
cost nothing.

To add a form: a line in ``_FORMS``.
"""

import heapq
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from uploadfilter.contents.kinds import jxl
from uploadfilter.contents.kinds.magic import (
    DIB_BITS,
    DIB_HEADER_BYTES,
    OLD_DIB_HEADER_BYTES,
    Kind,
    is_picture,
    sniff,
)
from uploadfilter.contents.patterns import Patterns
from uploadfilter.contents.source import MemorySource, Source

_STRETCH_BYTES = 1 << 19
"""Bytes that are searched at a time: they stay in the cache."""

_OVERLAP_BYTES = 64
"""Overlap of two stretches: more than the longest pattern."""

_MOST_AT_ONCE = _STRETCH_BYTES >> 8
"""Beginnings in a stretch above which it is searched form by form. Random bytes have
about eight."""

_MOST_LOOKS = 20_000
_BYTES_PER_LOOK = 1 << 14
"""Bytes of a content for each beginning that is tested, besides a fixed number that
takes less than half a second. Random bytes have a quarter as many beginnings, nearly
all of them the two bytes of JPEG XL."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureStart:
    """A possible beginning of a picture.

    Attributes:
        offset: Of its first byte.
        kind: The picture's kind.
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
    """The last item: all strings that begin like an encoded picture were yielded.

    Not all bytes in the middle of strings, or after junk in them, were looked at.
    """


def candidates(
    source: Source, *, start: int = 0, most: int
) -> Iterator[PictureStart | TooMany]:
    """Yield every offset at which a picture may begin, in order.

    Args:
        source: The content.
        start: Offset from which on beginnings count, 0 or more.
        most: Most candidates that are yielded, 0 or more.

    Yields:
        Candidates, and ``TooMany`` at the end if there are more than ``most``.
    """
    header = _Header(source)
    most_looks = _MOST_LOOKS + source.size // _BYTES_PER_LOOK
    found = 0
    for looks, (offset, form) in enumerate(_beginnings(source, start)):
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


def first(source: Source, kind: Kind) -> PictureStart:
    """Return the candidate at the first byte.

    Args:
        source: The content.
        kind: Its kind by ``magic.sniff``, which does not know bitmaps without the
            header of a file.
    """
    head = source.read(0, _OVERLAP_BYTES)
    for form in () if is_picture(kind) else _FORMS:
        found = form.test(source, 0) if form.pattern.match(head) else None
        if found is not None:
            return PictureStart(offset=0, kind=found)
    return PictureStart(offset=0, kind=kind)


def may_begin(head: bytes, kind: Kind) -> bool:
    """Return whether bytes in the middle of a content may begin a picture.

    Thousands of glyphs of fonts in base64 begin with the first three bytes of a JPEG.

    Args:
        head: Its first bytes, as many as there are.
        kind: Their kind by ``magic.sniff``.
    """
    return kind is not Kind.JPEG or _jpeg(MemorySource(head), 0) is not None


# --- The beginnings ------------------------------------------------------------------

_Test = Callable[[Source, int], Kind | None]


@dataclass(frozen=True, slots=True)
class _Form:
    """The beginning of one kind of picture.

    Attributes:
        expression: The first bytes, as a pattern for ``patterns.py``.
        length: Their number, at most ``_OVERLAP_BYTES``.
        pattern: The same for ``re``.
        test: Tests the bytes after them, and returns the kind.
    """

    expression: str
    length: int
    pattern: re.Pattern[bytes]
    test: _Test


def _is(kind: Kind) -> _Test:
    """Return a test that always returns one kind."""
    return lambda _source, _offset: kind


def _jpeg(source: Source, offset: int) -> Kind | None:
    """Require a whole first segment, and another marker after it.

    Bright pixels of bitmaps often look like the first bytes of a JPEG, and decoding at
    each place would cost too much.
    """
    start = source.read(offset + 2, _JPEG_HEAD_BYTES)
    head = start.lstrip(b"\xff")
    if len(head) < _JPEG_LENGTH_AT_END:
        return Kind.JPEG
    length = int.from_bytes(head[1:3], "big")
    skipped = len(start) - len(head)
    behind = source.read(offset + 2 + skipped + 1 + length, 1)
    plausible = head[0] in _JPEG_MARKERS and length >= _JPEG_LEAST_LENGTH
    return Kind.JPEG if plausible and behind in {b"\xff", b""} else None


_JPEG_HEAD_BYTES = 32
_JPEG_LENGTH_AT_END = 3
_JPEG_LEAST_LENGTH = 2
_JPEG_MARKERS = frozenset({*range(0xC0, 0xD0), 0xDB, 0xDD, *range(0xE0, 0xF0), 0xFE})
"""Markers that may come first."""


def _sniffed(source: Source, offset: int) -> Kind | None:
    """Test the bytes as the first bytes of a content are tested."""
    kind = sniff(source.read(offset, _SNIFFED_BYTES))
    return kind if kind in _BY_SNIFFING else None


_SNIFFED_BYTES = 256
_BY_SNIFFING = frozenset({Kind.GIF, Kind.BMP, Kind.AVIF, Kind.HEIC})


def _gif(source: Source, offset: int) -> Kind | None:
    """Require a first block after the palette: programs contain the bare magic."""
    if _sniffed(source, offset) is None:
        return None
    flags = source.read(offset + 10, 1) or b"\0"
    table_bytes = 3 << (flags[0] & 7) + 1 if flags[0] >> 7 else 0
    block = source.read(offset + 13 + table_bytes, 2)
    is_block = block[:1] == b"," or block in _GIF_EXTENSIONS
    return Kind.GIF if is_block else None


_GIF_EXTENSIONS = frozenset(b"!" + bytes((label,)) for label in (1, 0xF9, 0xFE, 0xFF))


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
    if at < offset + 2 * width or not 0 < count <= _MOST_TIFF_ENTRIES:
        return None
    entries = source.read(at + count_bytes, count * entry_bytes)
    first, second = entries[::entry_bytes], entries[1::entry_bytes]
    low, high = (first, second) if order == "little" else (second, first)
    tags = {a | b << 8 for a, b in zip(low, high, strict=False)}
    is_picture = tags >= _TIFF_SIZE and not tags.isdisjoint(_TIFF_PIXELS)
    return Kind.TIFF if is_picture else None


_TIFF_ORDERS: dict[bytes, tuple[Literal["little", "big"], bool]] = {
    b"II*\0": ("little", True),
    b"MM\0*": ("big", True),
    b"II+\0": ("little", False),
    b"MM\0+": ("big", False),
}
"""Byte order, and the bytes of an offset: four, or eight in a BigTIFF."""

_MOST_TIFF_ENTRIES = 512
"""Most entries of a directory. Real ones have twenty; to read as many as the largest
count says would cost a hundred times as much."""

_TIFF_SIZE = frozenset({256, 257})
"""Tags of width and height, without which no program shows a TIFF."""

_TIFF_PIXELS = frozenset({273, 324})
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


def _form(expression: str, length: int, test: _Test) -> _Form:
    pattern = re.compile(expression.encode("ascii"), re.DOTALL)
    return _Form(expression, length, pattern, test)


_FORMS: tuple[_Form, ...] = (
    # The first marker, which fill bytes may precede.
    _form(r"\xff\xd8\xff[\xc0-\xcf\xdb\xdd\xe0-\xef\xfe\xff]", 4, _jpeg),
    _form(r"\x89PNG\r\n\x1a\n", 8, _is(Kind.PNG)),
    _form(r"GIF8[79]a", 6, _gif),
    # Without the extended header, the chunk of the picture comes first.
    _form(r"RIFF.{4}WEBPVP8[ LX]", 16, _is(Kind.WEBP)),
    _form(r"\x00\x00..ftyp", 8, _sniffed),
    _form(r"\x00{3}\x0cJXL \r\n\x87\n", 12, _is(Kind.JXL)),
    _form(r"\x00{3}\x0cjP  \r\n\x87\n", 12, _is(Kind.JP2)),
    _form(r"\xff\n", 2, _codestream),
    _form(r"II[*+]\x00", 4, _tiff),
    _form(r"MM\x00[*+]", 4, _tiff),
    _form(r"BM.{12}[\x0c-\x7c]\x00{3}", 18, _sniffed),
    # The old header, and the others: sides up to 65,535, negative from the top down.
    _form(r"\x0c\x00{3}.{4}\x01\x00[\x01\x04\x08\x18]\x00", 12, _bare_bitmap),
    _form(
        r"[\x10-\x7c]\x00{3}(?:..\x00\x00|..\xff\xff){2}"
        r"\x01\x00[\x01\x02\x04\x08\x10\x18\x20]\x00[\x00-\x03\x06]\x00{3}",
        20,
        _bare_bitmap,
    ),
    _form(r"8BPS\x00[\x01\x02]\x00{6}", 12, _is(Kind.PSD)),
)
"""The forms that are searched for. Icons are not: their four bytes are common in
programs and fonts, and an icon holds a PNG, which is found, or an old bitmap of at most
256 pixels. Nor is the bare codestream of JPEG 2000, which stands in every JP2."""


# --- The search ----------------------------------------------------------------------

_PATTERNS = Patterns([form.expression for form in _FORMS], every=True)


def _beginnings(source: Source, start: int) -> Iterator[tuple[int, _Form]]:
    """Yield the matches of the patterns, in order, stretch by stretch."""
    for at in range(start, source.size, _STRETCH_BYTES):
        piece = source.read(at, _STRETCH_BYTES + _OVERLAP_BYTES)
        for offset, number in _in_stretch(piece):
            yield at + offset, _FORMS[number]


def _in_stretch(piece: bytes) -> Iterable[tuple[int, int]]:
    """Yield offsets within a stretch in order, each with the number of its form."""
    places = _PATTERNS.places_in(piece, most=_MOST_AT_ONCE)
    if len(places) > _MOST_AT_ONCE:
        # The caller may want only the first few, so that none is looked for early.
        return heapq.merge(*(_of_form(piece, number) for number in range(len(_FORMS))))
    found = sorted((end - _FORMS[number].length, number) for end, number in places)
    return [each for each in found if each[0] < _STRETCH_BYTES]


def _of_form(piece: bytes, number: int) -> Iterator[tuple[int, int]]:
    """Yield the places of one form in a stretch."""
    pattern = _FORMS[number].pattern
    found = pattern.search(piece)
    while found and found.start() < _STRETCH_BYTES:
        yield found.start(), number
        found = pattern.search(piece, found.start() + 1)


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
