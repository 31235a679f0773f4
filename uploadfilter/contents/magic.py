"""Say what content is by its first bytes.

Names, declared types and endings are the uploader's claims; only the bytes decide what
a browser will do. A short magic is not enough: where it has fewer than four bytes, what
follows must be plausible too, or a text that begins with "BMW" would be a picture.

To add a kind: a member of ``Kind``, a line in ``_MAGIC`` or a test in ``_TESTS``, and,
if it is a picture or holds other contents, its place in the sets below.
"""

from collections.abc import Callable
from enum import StrEnum

HEAD_BYTES = 1100
"""How much of a content ``sniff`` wants to see: readers accept a PDF's magic anywhere
in the first 1,024 bytes."""


class Kind(StrEnum):
    """What a content is."""

    JPEG = "jpeg"
    PNG = "png"
    GIF = "gif"
    WEBP = "webp"
    BMP = "bmp"
    TIFF = "tiff"
    ICO = "ico"
    AVIF = "avif"
    HEIC = "heic"
    JXL = "jxl"
    JP2 = "jp2"
    PSD = "psd"

    ZIP = "zip"
    GZIP = "gzip"
    BZIP2 = "bzip2"
    XZ = "xz"
    ZSTD = "zstd"
    LZ4 = "lz4"
    SEVEN_ZIP = "7z"
    RAR = "rar"
    CAB = "cab"
    TAR = "tar"
    PDF = "pdf"
    OLE = "ole"

    VIDEO = "video"
    SVG = "svg"
    HTML = "html"
    XML = "xml"
    TEXT = "text"
    EMPTY = "empty"
    DATA = "data"


DECODED = frozenset(
    {
        Kind.JPEG,
        Kind.PNG,
        Kind.GIF,
        Kind.WEBP,
        Kind.BMP,
        Kind.TIFF,
        Kind.ICO,
        Kind.AVIF,
    }
)
"""Pictures that this release decodes."""

PICTURES = DECODED | {Kind.HEIC, Kind.JXL, Kind.JP2, Kind.PSD}

CONTAINERS = frozenset(
    {
        Kind.ZIP,
        Kind.GZIP,
        Kind.BZIP2,
        Kind.XZ,
        Kind.ZSTD,
        Kind.LZ4,
        Kind.SEVEN_ZIP,
        Kind.RAR,
        Kind.CAB,
        Kind.TAR,
        Kind.PDF,
        Kind.OLE,
    }
)

STRINGS = frozenset({Kind.SVG, Kind.HTML, Kind.XML, Kind.TEXT})
"""Kinds that people and programs read as text."""


def is_picture(kind: Kind) -> bool:
    """Say whether a browser or viewer shows this kind as a picture."""
    return kind in PICTURES


def is_decoded(kind: Kind) -> bool:
    """Say whether this release decodes this kind of picture."""
    return kind in DECODED


def is_container(kind: Kind) -> bool:
    """Say whether this kind holds or wraps other contents."""
    return kind in CONTAINERS


def sniff(head: bytes) -> Kind:
    """Say what content is.

    Args:
        head: Its first bytes, best ``HEAD_BYTES`` of them, or all.

    Returns:
        The kind; ``DATA`` if nothing is known about it.
    """
    if not head:
        return Kind.EMPTY
    for magic, kind in _MAGIC:
        if head.startswith(magic):
            return kind
    for test in _TESTS:
        found = test(head)
        if found is not None:
            return found
    return _text_kind(head)


_MAGIC: tuple[tuple[bytes, Kind], ...] = (
    (b"\xff\xd8\xff", Kind.JPEG),
    (b"\x89PNG\r\n\x1a\n", Kind.PNG),
    (b"GIF87a", Kind.GIF),
    (b"GIF89a", Kind.GIF),
    (b"II*\0", Kind.TIFF),
    (b"MM\0*", Kind.TIFF),
    (b"II+\0", Kind.TIFF),
    (b"MM\0+", Kind.TIFF),
    (b"8BPS\0\x01", Kind.PSD),
    (b"8BPS\0\x02", Kind.PSD),
    (b"\0\0\0\x0cJXL \r\n\x87\n", Kind.JXL),
    (b"\xff\x0a", Kind.JXL),
    (b"\0\0\0\x0cjP  \r\n\x87\n", Kind.JP2),
    (b"\xff\x4f\xff\x51", Kind.JP2),
    (b"PK\x03\x04", Kind.ZIP),
    (b"PK\x05\x06", Kind.ZIP),
    (b"PK\x07\x08", Kind.ZIP),
    (b"\x1f\x8b\x08", Kind.GZIP),
    (b"\xfd7zXZ\0", Kind.XZ),
    (b"\x28\xb5\x2f\xfd", Kind.ZSTD),
    (b"\x04\x22\x4d\x18", Kind.LZ4),
    (b"7z\xbc\xaf\x27\x1c", Kind.SEVEN_ZIP),
    (b"Rar!\x1a\x07", Kind.RAR),
    (b"MSCF\0\0\0\0", Kind.CAB),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", Kind.OLE),
    (b"\x1a\x45\xdf\xa3", Kind.VIDEO),
)
"""Magic that is enough by itself, at the first byte."""

_DIB_HEADER_BYTES = frozenset({12, 16, 40, 52, 56, 64, 108, 124})
"""Sizes of the headers that may follow ``BM`` (Microsoft's and OS/2's)."""

_DIB_BITS = frozenset({1, 2, 4, 8, 16, 24, 32})
_OLD_DIB_HEADER_BYTES = 12

_AVIF_BRANDS = frozenset({b"avif", b"avis"})
_HEIC_BRANDS = frozenset(
    {
        *(b"heic", b"heix", b"heim", b"heis"),
        *(b"hevc", b"hevx", b"hevm", b"hevs"),
        *(b"mif1", b"mif2", b"msf1", b"miaf"),
    }
)


def _riff(head: bytes) -> Kind | None:
    """Tell WebP from the other users of RIFF."""
    if not head.startswith(b"RIFF"):
        return None
    return {b"WEBP": Kind.WEBP, b"AVI ": Kind.VIDEO}.get(head[8:12])


def _bmp(head: bytes) -> Kind | None:
    """Require a known header size and depth after ``BM``."""
    if not head.startswith(b"BM"):
        return None
    header = int.from_bytes(head[14:18], "little")
    depth_at = 24 if header == _OLD_DIB_HEADER_BYTES else 28
    depth = int.from_bytes(head[depth_at : depth_at + 2], "little")
    plausible = header in _DIB_HEADER_BYTES and depth in _DIB_BITS
    return Kind.BMP if plausible else None


def _icon(head: bytes) -> Kind | None:
    """Require a first directory entry that points behind the directory."""
    if head[:4] not in {b"\0\0\1\0", b"\0\0\2\0"}:
        return None
    count = int.from_bytes(head[4:6], "little")
    length = int.from_bytes(head[14:18], "little")
    offset = int.from_bytes(head[18:22], "little")
    return Kind.ICO if count and length and offset >= 6 + 16 * count else None


def _iso_media(head: bytes) -> Kind | None:
    """Tell pictures from videos by the brands of an ISO base media file."""
    if head[4:8] != b"ftyp":
        return None
    size = min(int.from_bytes(head[:4], "big"), len(head))
    brands = {head[8:12], *(head[at : at + 4] for at in range(16, size, 4))}
    if brands & _AVIF_BRANDS:
        return Kind.AVIF
    return Kind.HEIC if brands & _HEIC_BRANDS else Kind.VIDEO


def _bzip2(head: bytes) -> Kind | None:
    """Require the level and the first block's or the stream's magic after ``BZh``."""
    if head[:3] != b"BZh" or head[3:4] not in b"123456789":
        return None
    starts = head[4:10] in {b"1AY&SY", b"\x17rE8P\x90"}
    return Kind.BZIP2 if starts else None


def _tar(head: bytes) -> Kind | None:
    """Look for the magic that POSIX and GNU tar put behind the first name."""
    return Kind.TAR if head[257:262] == b"ustar" else None


def _pdf(head: bytes) -> Kind | None:
    """Look for a PDF's magic as far down as readers do."""
    return Kind.PDF if b"%PDF-" in head[:1024] else None


_TESTS: tuple[Callable[[bytes], Kind | None], ...] = (
    _riff,
    _bmp,
    _icon,
    _iso_media,
    _bzip2,
    _tar,
    _pdf,
)

_CONTROLS = frozenset(range(32)) - frozenset(b"\t\n\r\f\x1b")
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")


def _text_kind(head: bytes) -> Kind:
    """Tell text and markup from other data."""
    if head.startswith(_UTF16_MARKS):
        return Kind.TEXT
    if not _CONTROLS.isdisjoint(head):
        return Kind.DATA
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if start.startswith((b"<!doctype html", b"<html")):
        return Kind.HTML
    if b"<svg" in start:
        return Kind.SVG
    return Kind.XML if start.startswith(b"<?xml") else Kind.TEXT
