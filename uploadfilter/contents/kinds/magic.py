"""Tell the kind of a content by its first bytes.

Names, declared types and endings are claims of the client; only the bytes decide how a
browser acts. A short magic is not enough: if it has fewer than four bytes, the bytes
after it must be plausible too, or a text that begins with "BMW" would be a picture.

To add a kind: a member of ``Kind``, a line in ``MAGIC`` or a test in ``_TESTS``, and,
if it is a picture or holds other contents, its place in the sets below; its family in
``families.py``.
"""

import re
from collections.abc import Callable
from enum import StrEnum

from uploadfilter.contents.kinds import (
    anymap,
    archivemagic,
    gif,
    mediamagic,
    picturemagic,
    rarities,
)

HEAD_BYTES = 1100
"""First bytes of a content that ``sniff`` needs: readers accept the magic of a PDF
anywhere in the first 1,024 bytes."""


class Kind(StrEnum):
    """The kind of a content."""

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
    JXR = "jxr"
    PNM = "pnm"
    QOI = "qoi"
    TGA = "tga"

    OTHER = "other"

    EPS = "eps"
    WMF = "wmf"
    EMF = "emf"

    ZIP = "zip"
    GZIP = "gzip"
    BZIP2 = "bzip2"
    XZ = "xz"
    ZSTD = "zstd"
    LZ4 = "lz4"
    SEVEN_ZIP = "7z"
    RAR = "rar"
    CAB = "cab"
    AR = "ar"
    CPIO = "cpio"
    LHA = "lha"
    XAR = "xar"
    RPM = "rpm"
    COMPRESS = "compress"
    LZIP = "lzip"
    ARCHIVE = "archive"
    SQLITE = "sqlite"
    TAR = "tar"
    PDF = "pdf"
    WOFF = "woff"
    OLE = "ole"
    GIT = "git"

    VIDEO = "video"
    SOUND = "sound"
    SVG = "svg"
    HTML = "html"
    XML = "xml"
    TEXT = "text"
    EMPTY = "empty"
    DATA = "data"


PICTURES = frozenset(
    {
        *(Kind.JPEG, Kind.PNG, Kind.GIF, Kind.WEBP, Kind.BMP, Kind.TIFF, Kind.ICO),
        *(Kind.AVIF, Kind.HEIC, Kind.JXL, Kind.JP2, Kind.PSD, Kind.JXR),
        *(Kind.PNM, Kind.QOI, Kind.TGA),
    }
)
"""The kinds that a browser, a viewer or an origin's own tools show as one picture.

A TGA has no magic: it is known only by its declared type.
"""

UNREAD = frozenset({Kind.OTHER})
"""The kinds that some tool of an origin opens as a picture, and that neither browsers
nor the decoders here read."""

DRAWINGS = frozenset({Kind.SVG, Kind.EPS, Kind.WMF, Kind.EMF})
"""Programs that draw: they can show any picture, and only running them tells which one.
Pictures that stand in them, unchanged or encoded, are found."""

CONTAINERS = frozenset(
    {
        *(Kind.ZIP, Kind.GZIP, Kind.BZIP2, Kind.XZ, Kind.ZSTD, Kind.LZ4),
        *(Kind.SEVEN_ZIP, Kind.RAR, Kind.CAB),
        *(Kind.AR, Kind.CPIO, Kind.LHA, Kind.XAR, Kind.RPM),
        *(Kind.COMPRESS, Kind.LZIP, Kind.ARCHIVE),
        Kind.TAR,
        Kind.PDF,
        Kind.OLE,
        Kind.GIT,
    }
)
"""Kinds that hold or wrap other contents; an ``ARCHIVE`` is one that is not opened
here."""

STRINGS = frozenset({Kind.SVG, Kind.HTML, Kind.XML, Kind.TEXT})
"""Kinds that people and programs read as text."""


def is_picture(kind: Kind) -> bool:
    """Return whether a browser or viewer shows this kind as a picture."""
    return kind in PICTURES


def is_drawing(kind: Kind) -> bool:
    """Return whether this kind is a program that draws."""
    return kind in DRAWINGS


def declares_picture(declared_type: str | None) -> bool:
    """Return whether a client declared a picture made of pixels."""
    declared = (declared_type or "").strip().lower()
    return declared.startswith("image/") and not declared.startswith("image/svg")


def is_unread(kind: Kind) -> bool:
    """Return whether other tools open this kind as a picture, but no decoder here."""
    return kind in UNREAD


def is_container(kind: Kind) -> bool:
    """Return whether this kind holds or wraps other contents."""
    return kind in CONTAINERS


def sniff(head: bytes) -> Kind:
    """Tell the kind of a content by its first ``HEAD_BYTES``, or all; else ``DATA``."""
    if not head:
        return Kind.EMPTY
    found = begins_as(head)
    for test in _ANYWHERE:
        found = found or test(head)
    if found is Kind.VIDEO and mediamagic.is_only_sound(head):
        return Kind.SOUND
    return found or _text_kind(head)


def begins_as(data: bytes, at: int = 0) -> Kind | None:
    """Tell the kind that begins at the offset of a byte, by ``HEAD_BYTES`` there."""
    for magic, kind in _BY_FIRST_BYTE.get(data[at], ()):
        if data.startswith(magic, at):
            return kind
    for test in _TESTS.get(data[at], ()):
        found = test(data[at:] if at else data)
        if found is not None:
            return found
    return None


MAGIC: tuple[tuple[bytes, Kind], ...] = (
    (picturemagic.JPEG, Kind.JPEG),
    (picturemagic.PNG, Kind.PNG),
    *((magic, Kind.TIFF) for magic in picturemagic.TIFFS),
    (b"8BPS\0\x01", Kind.PSD),
    (b"8BPS\0\x02", Kind.PSD),
    (b"II\xbc\x01", Kind.JXR),
    (b"%!", Kind.EPS),
    (b"\x04%!", Kind.EPS),
    (b"\xc5\xd0\xd3\xc6", Kind.EPS),
    (b"push graphic-context", Kind.EPS),
    (b"\xd7\xcd\xc6\x9a", Kind.WMF),
    *((bytes((form, 0, 9, 0, 0, age)), Kind.WMF) for form in (1, 2) for age in (1, 3)),
    (b"\0\0\0\x0cJXL \r\n\x87\n", Kind.JXL),
    (b"\xff\x0a", Kind.JXL),
    (b"\0\0\0\x0cjP  \r\n\x87\n", Kind.JP2),
    (b"\xff\x4f\xff\x51", Kind.JP2),
    (b"PK\x03\x04", Kind.ZIP),
    (b"PK\x05\x06", Kind.ZIP),
    (b"PK\x07\x08", Kind.ZIP),
    (b"\xfd7zXZ\0", Kind.XZ),
    (b"\x28\xb5\x2f\xfd", Kind.ZSTD),
    (b"\x04\x22\x4d\x18", Kind.LZ4),
    (b"\x02\x21\x4c\x18", Kind.LZ4),
    (b"7z\xbc\xaf\x27\x1c", Kind.SEVEN_ZIP),
    (b"Rar!\x1a\x07", Kind.RAR),
    (b"MSCF\0\0\0\0", Kind.CAB),
    (b"!<arch>\n", Kind.AR),
    (b"xar!\0", Kind.XAR),
    (b"\xed\xab\xee\xdb", Kind.RPM),
    (b"LZIP\0", Kind.LZIP),
    (b"LZIP\1", Kind.LZIP),
    (b"SQLite format 3\0", Kind.SQLITE),
    (b"MSWIM\0\0\0", Kind.ARCHIVE),
    (b"hsqs", Kind.ARCHIVE),
    (b"StuffIt (c)", Kind.ARCHIVE),
    (b"ALZ\1\n\0", Kind.ARCHIVE),
    (b"EGGA\0\1", Kind.ARCHIVE),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", Kind.OLE),
    (b"wOFF", Kind.WOFF),
    (b"wOF2", Kind.WOFF),
    (b"PACK\0\0\0\2", Kind.GIT),
    (b"PACK\0\0\0\3", Kind.GIT),
    (b"\x1a\x45\xdf\xa3", Kind.VIDEO),
)
"""Magic at the first byte that is enough by itself."""

_BY_FIRST_BYTE = {
    first: tuple(item for item in MAGIC if item[0][0] == first)
    for first in {magic[0] for magic, _ in MAGIC}
}


def _gif(head: bytes) -> Kind | None:
    """Require a version, and after the screen descriptor bytes that are not prose."""
    return Kind.GIF if gif.is_plausible(head) else None


DIB_HEADER_BYTES = frozenset({12, *range(16, 65, 4), 42, 46, 108, 124})
"""Sizes of the headers that may follow ``BM``: those of Microsoft and those of OS/2,
which Chromium accepts at any shortened length."""

DIB_BITS = frozenset({1, 2, 4, 8, 16, 24, 32})
OLD_DIB_HEADER_BYTES = 12

_LARGE_BOX = 1


def _riff(head: bytes) -> Kind | None:
    if not head.startswith(b"RIFF"):
        return None
    return {b"WEBP": Kind.WEBP, b"AVI ": Kind.VIDEO}.get(head[8:12])


def _bmp(head: bytes) -> Kind | None:
    """Require a known header size and depth after ``BM``."""
    if not head.startswith(b"BM"):
        return None
    header = int.from_bytes(head[14:18], "little")
    depth_at = 24 if header == OLD_DIB_HEADER_BYTES else 28
    depth = int.from_bytes(head[depth_at : depth_at + 2], "little")
    plausible = header in DIB_HEADER_BYTES and depth in DIB_BITS
    return Kind.BMP if plausible else None


def _icon(head: bytes) -> Kind | None:
    """Require a directory entry that points to a picture after the directory.

    Some viewers skip entries that point elsewhere, and most ignore the length of an
    entry. So any entry within reach may be the one that is shown.
    """
    if not head.startswith(picturemagic.ICONS):
        return None
    count = int.from_bytes(head[4:6], "little")
    for start in range(6, min(6 + 16 * count, len(head) - 15), 16):
        entry = head[start : start + 16]
        length = int.from_bytes(entry[8:12], "little")
        offset = int.from_bytes(entry[12:16], "little")
        is_behind = offset >= 6 + 16 * count
        is_first = start == 6  # noqa: PLR2004  # after the count
        if is_behind and (
            (is_first and length) or _is_icon_entry(entry, head[offset:])
        ):
            return Kind.ICO
    return None


def _is_icon_entry(entry: bytes, body: bytes) -> bool:
    """Return whether an entry, and what is there of its picture, may be of an icon."""
    if entry[3]:  # reserved
        return False
    depth_or_place = int.from_bytes(entry[6:8], "little")
    begins = int.from_bytes(body[:4], "little")
    is_picture = body.startswith(b"\x89PNG") or begins in DIB_HEADER_BYTES
    return is_picture if body else depth_or_place <= _MOST_HOT_SPOT


_MOST_HOT_SPOT = 256
"""Largest distance of a cursor's hot spot from its upper edge, in pixels; icons have
their depth in this field."""


def _iso_media(head: bytes) -> Kind | None:
    """Tell pictures from videos by the brands of an ISO base media file.

    The major brand counts first; if it names no codec, the compatible brands count.
    """
    if head[4:8] != b"ftyp":
        return None
    size, start = int.from_bytes(head[:4], "big"), 8
    if size == _LARGE_BOX:
        size, start = int.from_bytes(head[8:16], "big"), 16
    end = min(size or len(head), len(head))
    brands = [head[start : start + 4]]
    brands += [head[at : at + 4] for at in range(start + 8, end - 3, 4)]
    for known, kind in _BY_BRAND:
        if brands[0] in known:
            return kind
    for known, kind in (*_BY_BRAND, (picturemagic.ANY_CODEC_BRANDS, Kind.HEIC)):
        if not known.isdisjoint(brands):
            return kind
    return Kind.VIDEO


_BY_BRAND = (
    (picturemagic.AVIF_BRANDS, Kind.AVIF),
    (picturemagic.HEIC_BRANDS, Kind.HEIC),
)


def _qoi(head: bytes) -> Kind | None:
    """Require three or four channels and one of the two colour spaces."""
    plausible = head[:4] == b"qoif" and head[12:13] in _QOI_CHANNELS
    return Kind.QOI if plausible and head[13:14] in {b"\0", b"\1"} else None


_QOI_CHANNELS = frozenset({b"\3", b"\4"})


def _pnm(head: bytes) -> Kind | None:
    is_cut = len(head) >= HEAD_BYTES
    return Kind.PNM if anymap.is_picture(head, is_cut=is_cut) else None


def _emf(head: bytes) -> Kind | None:
    return Kind.EMF if head[:4] == b"\1\0\0\0" and head[40:44] == b" EMF" else None


def _one(kind: Kind, is_one: Callable[[bytes], bool]) -> "_Test":
    return lambda head: kind if is_one(head) else None


def _rare(head: bytes) -> Kind | None:
    """Test for pictures that tools of origins open and browsers do not show."""
    return Kind.OTHER if rarities.is_one(head) else None


def _pdf(head: bytes) -> Kind | None:
    """Look for the magic of a PDF as far from the start as readers do."""
    return Kind.PDF if b"%PDF-" in head[:1024] else None


_Test = Callable[[bytes], Kind | None]
_CPIO = _one(Kind.CPIO, archivemagic.is_cpio)

_TESTS: dict[int, tuple[_Test, ...]] = {
    0x00: (_icon, _iso_media),
    0x01: (_emf,),
    0x1F: (
        _one(Kind.GZIP, archivemagic.is_gzip),
        _one(Kind.COMPRESS, archivemagic.is_compress),
    ),
    ord("0"): (_one(Kind.GIT, archivemagic.is_git_push), _CPIO),
    ord("`"): (_one(Kind.ARCHIVE, archivemagic.is_arj),),
    0xC7: (_CPIO,),
    ord("B"): (_bmp, _one(Kind.BZIP2, archivemagic.is_bzip2)),
    ord("G"): (_gif,),
    ord("P"): (_pnm,),
    ord("R"): (_riff,),
    ord("q"): (_qoi, _CPIO),
}
"""Tests by the first byte."""

_ANYWHERE: tuple[_Test, ...] = (
    _one(Kind.LHA, archivemagic.is_lha),
    _one(Kind.ARCHIVE, archivemagic.is_ace),
    _one(Kind.TAR, archivemagic.is_tar),
    _pdf,
    _rare,
    _one(Kind.SOUND, mediamagic.is_sound),
    _one(Kind.VIDEO, mediamagic.is_video),
)
"""Tests for any first byte."""


FIRST_BYTES = frozenset(_BY_FIRST_BYTE) | frozenset(_TESTS)

_CONTROLS = bytes(set(range(32)) - set(b"\t\n\r\f\x1b"))
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
_UTF16_SEEN_BYTES = 64


def _text_kind(head: bytes) -> Kind:
    is_wide = head.startswith(_UTF16_MARKS)
    if is_wide or _alternates(head[:_UTF16_SEEN_BYTES]):
        # Latin letters in UTF-16 without their zeros are ASCII.
        head = head.translate(None, b"\0")
    # The proxy tests every field of every form: this is the quickest test.
    if not is_wide and len(head.translate(None, _CONTROLS)) < len(head):
        return Kind.DATA
    return _markup(head.removeprefix(b"\xef\xbb\xbf").removeprefix(head[: 2 * is_wide]))


def _alternates(head: bytes) -> bool:
    """Return whether every second byte is zero and the others are not."""
    for zeros, others in ((head[::2], head[1::2]), (head[1::2], head[::2])):
        if others and not any(zeros) and 0 not in others:
            return True
    return False


_PROLOGUE = re.compile(
    rb"(?:\s+|<!--.*?-->|<\?xml.*?\?>|<\?.*?\?>)*", re.DOTALL | re.IGNORECASE
)
_XHTML = re.compile(rb"<(?:!doctype\s+)?html[\s>/]", re.IGNORECASE)
_SVG = re.compile(rb"<(?:[\w.-]+:)?svg[\s>/]", re.IGNORECASE)
_HTML = re.compile(
    rb"<(?:!doctype\s+html|html|head|body|script|iframe|h1|div|font|table|a|style|title"
    rb"|b|br|p|img|picture|meta|link)[\s>/]",
    re.IGNORECASE,
)
"""Tags by which browsers know HTML (mimesniff.spec.whatwg.org, 7.1), and a few more."""


def _markup(text: bytes) -> Kind:
    """Tell markup by its first element, after comments and declarations."""
    text = text.lstrip()
    prologue = _PROLOGUE.match(text)
    rest = text[prologue.end() if prologue else 0 :]
    is_xml = text[:5].lower() == b"<?xml"
    if (_XHTML if is_xml else _HTML).match(rest):
        return Kind.HTML
    # A document type may contain declarations before the first element.
    if _SVG.match(rest) or (rest.startswith((b"<!", b"<?")) and _SVG.search(rest)):
        return Kind.SVG
    if is_xml:
        return Kind.XML
    # After a comment, browsers read any text as HTML.
    return Kind.HTML if text.startswith(b"<!--") else Kind.TEXT
