"""Read the pictures of fonts that are packed for the web.

A letter of a font may be a picture, which browsers show on any page that names the
font. In a plain font the picture stands unchanged, and is carved; WOFF packs each table
by itself, and WOFF 2 all tables together. Only the tables that hold pictures are
unpacked: fonts are common, and few have pictures.

Source:
    W3C, "WOFF File Format 1.0" (2012), sections 4 and 5; "WOFF File Format 2.0" (2024),
    sections 4.1 to 4.3 and 6.1; OpenType 1.9, "CBDT", "sbix", "SVG".
"""

from collections.abc import Iterator
from typing import Final

from uploadfilter.contents.kinds.magic import Kind
from uploadfilter.contents.members import Member, Shortfall, UnpackMeter
from uploadfilter.contents.source import PartSource, Source
from uploadfilter.contents.streams import unpack
from uploadfilter.contents.unpackers import DAMAGED, Brotli, Zlib
from uploadfilter.model import Reason

MAGICS: Final = (b"wOFF", b"wOF2")

_PICTURED: Final = frozenset({b"CBDT", b"sbix", b"SVG "})
"""Tables whose letters are pictures: PNG, JPEG, TIFF or SVG."""

_MOST_PICTURED: Final = 16
"""Most such tables of a font; a valid font has each table once."""

_HEAD_BYTES: Final = 44
_ENTRY_BYTES: Final = 20
_COUNT: Final = slice(12, 14)
"""The place of the number of tables in a head."""


class FontContainer:
    """A font in WOFF or WOFF 2."""

    kinds: Final = frozenset({Kind.WOFF})

    def members(
        self, source: Source, meter: UnpackMeter
    ) -> Iterator[Member | Shortfall]:
        """Yield the tables that hold pictures."""
        head = source.read(0, _NEW_HEAD_BYTES)
        if len(head) < _NEW_HEAD_BYTES:
            yield DAMAGED
        elif head.startswith(MAGICS[0]):
            yield from _tables(source, meter, int.from_bytes(head[_COUNT], "big"))
        else:
            yield from _all_tables(source, meter, int.from_bytes(head[_COUNT], "big"))


def _tables(
    source: Source, meter: UnpackMeter, count: int
) -> Iterator[Member | Shortfall]:
    """Yield the tables of a WOFF that hold pictures."""
    directory = source.read(_HEAD_BYTES, count * _ENTRY_BYTES)
    if len(directory) < count * _ENTRY_BYTES:
        yield DAMAGED
        return
    entries = (
        directory[at : at + _ENTRY_BYTES]
        for at in range(0, len(directory), _ENTRY_BYTES)
    )
    pictured = (entry for entry in entries if entry[:4] in _PICTURED)
    for number, entry in enumerate(pictured):
        if number == _MOST_PICTURED:
            yield Shortfall(reason=Reason.TOO_MANY_CONTENTS)
            return
        offset, packed, size = (
            int.from_bytes(entry[start : start + 4], "big") for start in (4, 8, 12)
        )
        name = entry[:4].decode("ascii").strip()
        if packed < size:
            yield Member(name=name, content=unpack(source, Zlib, meter, start=offset))
        else:
            start = min(offset, source.size)
            length = min(packed, source.size - start)
            yield Member(name=name, content=PartSource(source, start, length))
            if length < packed:
                yield DAMAGED


# --- WOFF 2 --------------------------------------------------------------------------

_NEW_HEAD_BYTES: Final = 48
_TAG: Final = 0x3F
_TAG_FOLLOWS: Final = 63
_KNOWN: Final = frozenset({32, 36, 37})
"""Numbers of the same tables in the list of known ones."""

_OUTLINES: Final = frozenset({10, 11})
"""Numbers of ``glyf`` and ``loca``, which are transformed unless the entry says
otherwise; all other tables are not transformed unless the entry says so."""

_NOT_TRANSFORMED: Final = 3
_COLLECTION: Final = b"ttcf"
_MOST_NUMBER_BYTES: Final = 5
_WORD: Final = 253
_MORE: Final = {255: 253, 254: 506}
"""First bytes of numbers of two bytes, with the value that is added to the second byte;
numbers of three bytes begin with ``_WORD``."""

_MOST_NAMED: Final = 10_000
"""Most fonts and tables that a collection names; a large one has twenty fonts of twenty
tables, and each takes a microsecond."""


class _Directory:
    """Reads the directory of a WOFF 2, byte by byte.

    Args:
        source: The font.
        at: Offset of the directory.

    Attributes:
        at: Offset after the bytes that were read.
    """

    def __init__(self, source: Source, at: int) -> None:
        self._source = source
        self.at = at

    def take(self, length: int) -> bytes:
        """Return the next bytes.

        Raises:
            ValueError: There are fewer.
        """
        data = self._source.read(self.at, length)
        if len(data) < length:
            raise ValueError("the directory breaks off")
        self.at += length
        return data

    def number(self) -> int:
        """Return the next number of seven bits a byte.

        Raises:
            ValueError: It has too many bytes, or breaks off.
        """
        value = 0
        for _ in range(_MOST_NUMBER_BYTES):
            (byte,) = self.take(1)
            value = value << 7 | byte & 0x7F
            if byte < 0x80:  # noqa: PLR2004 - the eighth bit
                return value
        raise ValueError("a number of too many bytes")

    def short(self) -> int:
        """Return the next number of one to three bytes.

        Raises:
            ValueError: It breaks off.
        """
        (first,) = self.take(1)
        if first == _WORD:
            return int.from_bytes(self.take(2), "big")
        if first in _MORE:
            return _MORE[first] + self.take(1)[0]
        return first

    def table(self) -> bool:
        """Skip an entry; return whether its table holds pictures.

        Raises:
            ValueError: It breaks off.
        """
        (flags,) = self.take(1)
        known, version = flags & _TAG, flags >> 6
        tag = self.take(4) if known == _TAG_FOLLOWS else b""
        self.number()
        is_outline = known in _OUTLINES
        if (version != _NOT_TRANSFORMED) if is_outline else version:
            self.number()
        return known in _KNOWN or tag in _PICTURED

    def fonts(self) -> None:
        """Skip the directory of a collection of fonts.

        Raises:
            ValueError: It breaks off, or names too many tables.
        """
        self.take(4)
        left = _MOST_NAMED
        for _ in range(self.short()):
            count = self.short()
            left -= 1 + count
            if left < 0:
                raise ValueError("too many tables")
            self.take(4)
            for _ in range(count):
                self.short()


def _all_tables(
    source: Source, meter: UnpackMeter, count: int
) -> Iterator[Member | Shortfall]:
    """Yield all tables of a WOFF 2 as one member, if any of them holds pictures."""
    directory = _Directory(source, _NEW_HEAD_BYTES)
    try:
        has_pictures = [directory.table() for _ in range(count)]
        if source.read(4, 4) == _COLLECTION:
            directory.fonts()
    except ValueError:
        yield DAMAGED
        return
    if any(has_pictures):
        chunks = unpack(source, Brotli, meter, start=directory.at)
        yield Member(name="tables", content=chunks)
