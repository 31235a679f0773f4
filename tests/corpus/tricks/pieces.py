"""Tricks with files in which a picture lies in pieces, or packed without a magic.

Old office documents and databases are small file systems; tags of sound are spread, so
that no player takes them for sound; some programs write a bare stream.
"""

import base64
import struct
import zlib
from functools import partial
from typing import Final

from PIL import Image

from tests.corpus import pictures
from tests.corpus.tricks.kit import Expected, Family, FileType, Shown, of_family

_SECTOR_BYTES: Final = 512
_END, _FREE, _TABLE = 0xFFFF_FFFE, 0xFFFF_FFFF, 0xFFFF_FFFD
_NONE: Final = 0xFFFF_FFFF


def ole(*streams: tuple[str, bytes]) -> bytes:
    """Return a compound file whose sectors are in the opposite order.

    Args:
        streams: Names, and at least 4,096 bytes each.
    """
    follow: list[int] = []
    sectors: list[bytes] = []
    starts = []
    for _, data in streams:
        pieces = [
            data[at : at + _SECTOR_BYTES].ljust(_SECTOR_BYTES, b"\0")
            for at in range(0, len(data), _SECTOR_BYTES)
        ]
        first = len(sectors)
        sectors += reversed(pieces)
        starts.append(first + len(pieces) - 1)
        follow += [_END, *range(first, first + len(pieces) - 1)]
    entries = [ole_entry("Root Entry", 5, _END, 0)]
    entries += [
        ole_entry(name, 2, start, len(data))
        for (name, data), start in zip(streams, starts, strict=True)
    ]
    directory = b"".join(entries)
    directory += bytes(-len(directory) % _SECTOR_BYTES)
    directory_at = len(sectors)
    count = len(directory) // _SECTOR_BYTES
    sectors += [
        directory[at : at + _SECTOR_BYTES]
        for at in range(0, len(directory), _SECTOR_BYTES)
    ]
    follow += [*range(directory_at + 1, directory_at + count), _END]
    tables = 1
    while tables * _SECTOR_BYTES // 4 < len(follow) + tables:
        tables += 1
    places = range(len(sectors), len(sectors) + tables)
    follow += [_TABLE] * tables
    follow += [_FREE] * (tables * _SECTOR_BYTES // 4 - len(follow))
    table = struct.pack(f"<{len(follow)}L", *follow)
    head = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16)
    head += struct.pack("<HHHHH6x", 0x3E, 3, 0xFFFE, 9, 6)
    head += struct.pack(
        "<LLLLLLLLL", 0, tables, directory_at, 0, 4096, _END, 0, _END, 0
    )
    difat = [*places, *[_FREE] * (109 - tables)]
    return head + struct.pack("<109L", *difat) + b"".join(sectors) + table


def ole_entry(name: str, kind: int, start: int, size: int) -> bytes:
    """Return the entry of one stream in the directory of a compound file."""
    text = name.encode("utf-16-le") + b"\0\0"
    fixed = text.ljust(64, b"\0") + struct.pack("<HBB", len(text), kind, 1)
    return fixed + struct.pack("<3L36xLQ", _NONE, _NONE, _NONE, start, size)


def _stream(data: bytes) -> bytes:
    """Make a stream long enough for full sectors."""
    return data.ljust(4096, b"\0")


def _old_document(target: Image.Image, _decoy: Image.Image) -> bytes:
    """Put a JPEG into a message, in sectors from the last to the first."""
    return ole(("__substg1.0_37010102", _stream(pictures.jpeg(target))))


def _old_slides(target: Image.Image, _decoy: Image.Image) -> bytes:
    """Pack a picture as PowerPoint packs drawings."""
    packed = zlib.compress(pictures.encoded(target, "BMP"))
    return ole(("Pictures", _stream(bytes(50) + b"\0\xfe" + packed)))


def _old_sheet(target: Image.Image, _decoy: Image.Image) -> bytes:
    """Cut a PNG into pieces as Excel cuts drawings."""
    data = pictures.png(target)
    kinds = [0x00EB, *[0x003C] * (len(data) // 1000)]
    records = [
        struct.pack("<HH", kind, len(piece)) + piece
        for kind, at in zip(kinds, range(0, len(data), 1000), strict=False)
        for piece in (data[at : at + 1000],)
    ]
    begin = struct.pack("<HHL", 0x0809, 4, 0x0600)
    return ole(("Workbook", _stream(begin + b"".join(records))))


def _locked_document(target: Image.Image, _decoy: Image.Image) -> bytes:
    """Mark the document as one that needs a password."""
    hidden = bytes(255 - byte for byte in pictures.jpeg(target))
    return ole(("EncryptedPackage", _stream(hidden)))


def synchsafe(number: int) -> bytes:
    """Write seven bits in each byte."""
    return bytes(number >> shift & 127 for shift in (21, 14, 7, 0))


def _cover(picture: bytes) -> bytes:
    """Return the body of a frame with a cover."""
    return b"\0image/jpeg\0\3\0" + picture


def _spread_cover(target: Image.Image, _decoy: Image.Image) -> bytes:
    """Put a zero after each byte 0xFF in the tag of a sound file."""
    body = _cover(pictures.jpeg(target))
    frame = b"APIC" + struct.pack(">LH", len(body), 0) + body
    tag = frame.replace(b"\xff", b"\xff\0")
    return b"ID3\3\0\x80" + synchsafe(len(tag)) + tag


def _spread_frame(target: Image.Image, _decoy: Image.Image) -> bytes:
    """Do so in only one frame, as the newest tags do."""
    body = _cover(pictures.jpeg(target)).replace(b"\xff", b"\xff\0")
    frame = b"APIC" + synchsafe(len(body)) + b"\0\2" + body
    return b"ID3\4\0\0" + synchsafe(len(frame)) + frame


def _packed_frame(target: Image.Image, _decoy: Image.Image) -> bytes:
    """Pack the frame with the cover."""
    body = _cover(pictures.encoded(target, "BMP"))
    packed = struct.pack(">L", len(body)) + zlib.compress(body)
    frame = b"APIC" + struct.pack(">L", len(packed)) + b"\0\x80" + packed
    return b"ID3\3\0\0" + synchsafe(len(frame)) + frame


def _ogg(target: Image.Image, _decoy: Image.Image) -> bytes:
    """Put a cover into the comments of a sound file, which pages cut in pieces."""
    picture = struct.pack(">LL", 3, 10) + b"image/jpeg" + bytes(20)
    data = pictures.jpeg(target)
    picture += struct.pack(">L", len(data)) + data
    comment = b"METADATA_BLOCK_PICTURE=" + base64.b64encode(picture)
    packet = b"\3vorbis" + bytes(8) + struct.pack("<L", len(comment)) + comment
    file = b""
    for number, at in enumerate(range(0, len(packet), 2550)):
        body = packet[at : at + 2550]
        lengths = [255] * (len(body) // 255) + [len(body) % 255]
        head = struct.pack("<4sBBqLLL", b"OggS", 0, 1, 0, 7, number, 0)
        file += head + bytes((len(lengths), *lengths)) + body
    return file


_held = partial(of_family(Family.CONTAINER), shown=Shown.NOTHING)

PIECES_TRICKS = (
    _held("ole", FileType.DATA, _old_document, "in an old message, in pieces"),
    _held("ole-packed", FileType.DATA, _old_slides, "packed in old slides"),
    _held("ole-cut", FileType.DATA, _old_sheet, "cut in pieces in an old sheet"),
    _held(
        "ole-encrypted",
        FileType.DATA,
        _locked_document,
        "in a document with a password",
        expected=Expected.REFUSED,
    ),
    _held("id3-spread", FileType.DATA, _spread_cover, "a cover, spread"),
    _held("id3-spread-frame", FileType.DATA, _spread_frame, "a cover, itself spread"),
    _held("id3-packed", FileType.DATA, _packed_frame, "a cover, packed"),
    _held("ogg-cover", FileType.DATA, _ogg, "a cover as text, cut by pages"),
)
