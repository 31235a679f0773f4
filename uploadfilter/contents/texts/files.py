"""Tell which decoded bytes are files that a scan can look into."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from uploadfilter.contents import carving
from uploadfilter.contents.kinds import jxl
from uploadfilter.contents.kinds.magic import (
    HEAD_BYTES,
    STRINGS,
    Kind,
    is_container,
    is_picture,
    sniff,
)
from uploadfilter.contents.source import MemorySource

KNOWN_BYTES: Final = 48
"""First bytes by which two readings of one string are recognised as such."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodedFile:
    """The decoded bytes of a string in a text.

    Attributes:
        name: The encoding and a running number: ``data:1``, ``base64:2``, ``hex:3``.
        data: The decoded bytes.
        is_carved: Whether files may begin anywhere in the data, by chance as well; else
            the data begin with the magic of a picture or a container, or are a drawing.
        known_by: The first bytes of the string's first reading, the same in all its
            readings; empty if there is only one.
    """

    name: str
    data: bytes
    is_carved: bool = False
    known_by: bytes = b""


@dataclass(frozen=True, slots=True)
class EncodedText:
    """A text that a string in a text encodes, to be searched itself."""

    data: bytes


def kind_of(head: bytes) -> Kind | None:
    """Return the kind of the first ``HEAD_BYTES``, or all, if a scan looks into it."""
    kind = sniff(head[:HEAD_BYTES])
    if kind is Kind.JXL and head.startswith(jxl.MAGIC) and not jxl.is_plausible(head):
        # A magic of two bytes stands in every 65,536th string by chance.
        return None
    is_known = is_picture(kind) or is_container(kind) or kind in _DRAWINGS
    return kind if is_known else None


_DRAWINGS: Final = frozenset({Kind.WMF, Kind.EMF})
"""Drawings of office suites, which hold bitmaps."""


def is_text(data: bytes) -> bool:
    """Return whether bytes are a text or markup; a few are no text."""
    return len(data) >= _LEAST_TEXT and sniff(data[:HEAD_BYTES]) in STRINGS


_LEAST_TEXT: Final = 60
"""Fewest bytes of a text that may hold a picture; every picture has more."""


MAGIC: Final[tuple[tuple[bytes, int], ...]] = (
    *((magic, 0) for magic in (b"\xff\xd8\xff", b"\x89PNG", b"GIF8", b"RIFF")),
    *((magic, 4) for magic in (b"ftyp", b"JXL \r\n", b"jP  \r\n")),
    *((magic, 0) for magic in (b"II*\0", b"II+\0", b"MM\0*", b"MM\0+", b"8BPS")),
    *((magic, 0) for magic in (b"PK\3\4", b"\x1f\x8b\x08", b"BZh", b"\xfd7zXZ\0")),
    *((magic, 0) for magic in (b"\x28\xb5\x2f\xfd", b"\x04\x22\x4d\x18")),
    *((magic, 0) for magic in (b"7z\xbc\xaf", b"Rar!", b"MSCF", b"%PDF-")),
    *((magic, 0) for magic in (b"\xd7\xcd\xc6\x9a", b"\xd0\xcf\x11\xe0")),
    *((b" EMF", 40), (b"ustar", 257)),
)
"""Magic of three bytes or more, by which a file is known wherever it stands in a string
of letters, and its offset from the file's first byte. Files with a shorter magic are
known where a string begins."""

_CONTAINERS: Final = (
    *(b"PK\3\4", b"\x1f\x8b\x08", b"BZh", b"\xfd7zXZ\0", b"\x28\xb5\x2f\xfd"),
    *(b"7z\xbc\xaf\x27\x1c", b"Rar!\x1a\7", b"%PDF-", b"\xd0\xcf\x11\xe0\xa1\xb1"),
)


def files_in(name: str, data: bytes) -> Iterator[EncodedFile]:
    """Yield the file that decoded bytes are, or those that may begin in them."""
    if kind_of(data) is not None:
        yield EncodedFile(name=name, data=data, known_by=data[:KNOWN_BYTES])
    else:
        yield from files_amid(name, data)


def files_amid(name: str, data: bytes) -> Iterator[EncodedFile]:
    """Yield the bytes from each container on, and those in which pictures may be."""
    for magic in _CONTAINERS:
        at = data.find(magic)
        if at >= 0 and kind_of(data[at : at + HEAD_BYTES]) is not None:
            yield EncodedFile(name=name, data=data[at:], is_carved=True)
    if any(True for _ in carving.candidates(MemorySource(data), most=1)):
        yield EncodedFile(name=name, data=data, is_carved=True)
