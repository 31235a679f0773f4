"""Find the archives that begin in the middle of another content.

Such contents are programs that unpack themselves, and photos with an archive appended:
WinRAR and 7-Zip look for their magic in any file.

Rules this module keeps: linear time; six bytes of magic are not enough, since programs
contain them to search for them, so that the checksum of the bytes after the magic must
be right.

To add a format: a line in ``_FORMS``.
"""

import struct
import zlib
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from uploadfilter.contents.kinds import magic
from uploadfilter.contents.kinds.magic import Kind
from uploadfilter.contents.source import Source, stretches

_MOST_STARTS: Final = 8
"""Most archives that are opened in one content; their tools open only the first."""

_MOST_LOOKS: Final = 2000
"""Most places with the magic of an archive that are tested. Programs contain it once or
twice, and each test takes two microseconds."""

_OVERLAP_BYTES: Final = 16
"""Overlap of two stretches: longer than any magic."""

_SEARCHED: Final = frozenset({Kind.PDF, Kind.OLE})
"""Containers that are searched. In others, archives among the members would be found
twice."""


def archives(
    source: Source, kind: Kind, spans: tuple[range, ...]
) -> Iterator[tuple[int, Kind] | None]:
    """Yield offset and kind of each archive after the first byte of some spans.

    ``None`` comes last if there are more places that were not looked at.
    """
    if magic.is_container(kind) and kind not in _SEARCHED:
        return
    found = 0
    for looks, (offset, form) in enumerate(_places(source, spans)):
        if looks == _MOST_LOOKS or found == _MOST_STARTS:
            yield None
            return
        if form.is_one(source, offset):
            found += 1
            yield offset, form.kind


def _places(source: Source, spans: tuple[range, ...]) -> Iterator[tuple[int, "_Form"]]:
    for at, length, piece in stretches(source, spans, overlap=_OVERLAP_BYTES):
        for place, form in sorted(_in_piece(piece), key=lambda each: each[0]):
            if place < length and at + place:
                yield at + place, form


def _in_piece(piece: bytes) -> Iterator[tuple[int, "_Form"]]:
    for form in _FORMS:
        at = piece.find(form.magic)
        while at >= 0:
            yield at, form
            at = piece.find(form.magic, at + 1)


# --- Forms ---------------------------------------------------------------------------


class _Form(NamedTuple):
    magic: bytes
    kind: Kind
    is_one: Callable[[Source, int], bool]


def _is_seven_zip(source: Source, at: int) -> bool:
    head = source.read(at, _SEVEN_ZIP.size)
    if len(head) < _SEVEN_ZIP.size:
        return False
    check, offset, size = _SEVEN_ZIP.unpack(head)
    is_there = at + _SEVEN_ZIP.size + offset + size <= source.size
    return bool(is_there and check == zlib.crc32(head[12:]))


_SEVEN_ZIP: Final = struct.Struct("<8xLQQ4x")


def _is_rar(source: Source, at: int) -> bool:
    head = source.read(at, _RAR_BYTES)
    if head[6:8] == b"\1\0":
        # RAR 5.0 archive format, "Main archive header"; its length has one byte.
        body = head[12 : 13 + head[12]] if len(head) > _RAR5_BYTES else b""
        return len(body) > 1 and head[8:12] == struct.pack("<L", zlib.crc32(body))
    length = int.from_bytes(head[12:14], "little")
    body = head[9 : 7 + length]
    is_main = head[6:7] == b"\0" and head[9:10] == b"\x73" and len(body) == length - 2
    return is_main and head[7:9] == struct.pack("<H", zlib.crc32(body) & 0xFFFF)


_RAR_BYTES: Final = 256
_RAR5_BYTES: Final = 13


def _is_cabinet(source: Source, at: int) -> bool:
    head = source.read(at, 26)
    length = int.from_bytes(head[8:12], "little")
    return head[24:26] == b"\3\1" and length <= source.size - at


_FORMS: Final = (
    _Form(b"7z\xbc\xaf\x27\x1c", Kind.SEVEN_ZIP, _is_seven_zip),
    _Form(b"Rar!\x1a\7", Kind.RAR, _is_rar),
    _Form(b"MSCF\0\0\0\0", Kind.CAB, _is_cabinet),
)
