"""Propose other kinds for a content than the one its first bytes clearly tell.

Readers disagree. One requires a valid header, another takes two letters for a bitmap;
one reads a drawing after a page of comments, another gives up; and people remove the
first byte of a file. So the bytes, the declared type and the ending of a name each
*propose* kinds (ADR 0036), and the scanner tries each of them. A proposal is a guess:
if it fails, that says nothing about the content.

Rules this module keeps: a bounded number of bytes is read; nothing is decoded; a kind
is also proposed if others may take the content for a picture that no decoder here
reads.

To add a kind whose readers accept more than its test in ``magic.py``: a line in
``LOOSE``.
"""

import itertools
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final
from xml.parsers import expat

from uploadfilter.contents.kinds import magic, rarities
from uploadfilter.contents.kinds.magic import HEAD_BYTES, Kind
from uploadfilter.contents.source import Source, stretches
from uploadfilter.endings import PICTURES_BY_NAME

MOST_STRAY_BYTES: Final = 64
"""Most stray bytes before a content. A byte order mark has three bytes, a line end two,
the header of a boot image 64."""

_MOST_PROLOGUE_BYTES: Final = 1 << 22
"""Bytes in which the first element of an XML document is looked for. A document with
more comments before it is taken for a drawing."""

_FIRST_BYTES: Final = 1 << 16
"""Bytes of it that are read at first."""

_MOST_BRANDS_BYTES: Final = 1 << 16
"""Bytes of a box of brands that are read. Real ones have forty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A kind that a content may have, and where a content of this kind would begin."""

    kind: Kind
    offset: int = 0


def kind_of(source: Source) -> Kind:
    """Tell the kind of a content by its first bytes, or by later bytes if needed."""
    kind = magic.sniff(source.read(0, HEAD_BYTES))
    if kind in _MEDIA:
        return _by_late_brands(source, kind)
    if kind is Kind.PDF and not has_object(source):
        # The magic stands in prose or in a program, which no reader opens.
        kind = magic.sniff(source.read(0, HEAD_BYTES).replace(b"%PDF-", b"%pdf-"))
    if kind in _MAY_BE_MARKUP and _is_drawing(source):
        return Kind.SVG
    return kind


_MEDIA: Final = frozenset({Kind.VIDEO, Kind.SOUND})
_MAY_BE_MARKUP: Final = frozenset({Kind.TEXT, Kind.XML, Kind.HTML, Kind.DATA})


def proposed(source: Source, kind: Kind) -> tuple[Proposal, ...]:
    """Return the kinds, besides ``kind``, that some reader may take a content for."""
    head = source.read(0, HEAD_BYTES)
    found = [
        Proposal(kind=loose)
        for test in (LOOSE if MAY_BE_LOOSE.match(head) else ())
        for loose in test(head)
        if loose is not kind
    ]
    if not (magic.is_picture(kind) or magic.is_container(kind)):
        found += _behind_stray_bytes(source, head)
        found += (Proposal(kind=each) for each in _loose_targa(head))
        if rarities.is_wireless(head, source.size):
            found.append(Proposal(kind=Kind.OTHER))
    return tuple(dict.fromkeys(found))


def claimed(kind: Kind, claims: tuple[str, ...], head: bytes) -> Kind | None:
    """Return the kind that names or media types claim, if the bytes do not tell it.

    A drawing, a TGA with a plausible header, or a picture that only other tools know
    (``Kind.OTHER``); ``None`` for anything else.
    """
    is_open = kind in {*_MAY_BE_MARKUP - {Kind.HTML}, Kind.SOUND}
    if not is_open and kind is not Kind.ICO:
        return None
    for claim in claims:
        word = claim.partition(";")[0].strip().lower()
        ending = "svg" if "svg" in word else _SEPARATOR.split(word)[-1]
        if ending in _DRAWN and is_open:
            return Kind.SVG
        if ending in _TARGA and is_open and _tga(head):
            return Kind.TGA
        if ending in PICTURES_BY_NAME:
            # A content that begins like an icon is a JBIG.
            return Kind.OTHER
    return None


_SEPARATOR: Final = re.compile(r"[./+-]")
_DRAWN: Final = frozenset(
    {"svg", "svgz", "eps", "ps", "postscript", "ai", "wmf", "emf", "mvg", "msl"}
)
_TARGA: Final = frozenset({"tga", "targa", "icb", "vda", "vst"})
"""Endings of names and of media types for formats that need no magic."""


# --- Readers that take less ----------------------------------------------------------


def _loose_gif(head: bytes) -> Iterator[Kind]:
    """Yield a GIF: readers skip unknown blocks, and ImageMagick tests four letters."""
    if head[:4] == b"GIF8":
        yield Kind.GIF


def _loose_bitmap(head: bytes) -> Iterator[Kind]:
    """Yield a bitmap with any depth or size of header, or without a file header."""
    header = int.from_bytes(head[14:18], "little")
    is_bitmap = head[:2] == b"BM" and 0 < header <= _LONGEST_DIB_HEADER
    if is_bitmap or _is_bare_bitmap(head):
        yield Kind.BMP


_LONGEST_DIB_HEADER: Final = 255
_BARE_DIB_HEADERS: Final = frozenset({12, 40, 52, 56, 64, 108, 124})


def _is_bare_bitmap(head: bytes) -> bool:
    """Return whether bytes are a bitmap without a file header, which Pillow opens."""
    header = int.from_bytes(head[:4], "little")
    depth_at = 10 if header == _OLD_DIB_HEADER else 14
    depth = int.from_bytes(head[depth_at : depth_at + 2], "little")
    return header in _BARE_DIB_HEADERS and depth in _DEPTHS


_OLD_DIB_HEADER: Final = 12
_DEPTHS: Final = frozenset({1, 2, 4, 8, 16, 24, 32})


def _loose_icon(head: bytes) -> Iterator[Kind]:
    """Yield an icon whose entries have any length: browsers use only the offset."""
    if head[:4] in {b"\0\0\1\0", b"\0\0\2\0"} and head[4:6] not in {b"", b"\0\0"}:
        yield Kind.ICO


def _loose_tiff(head: bytes) -> Iterator[Kind]:
    """Yield a TIFF with the number 42 in either byte order, as Pillow does."""
    if head[:4] in {b"II\0*", b"MM*\0"}:
        yield Kind.TIFF


def _loose_media(head: bytes) -> Iterator[Kind]:
    """Yield pictures in items, which readers know from the fifth byte on."""
    if head[4:8] == b"ftyp" and head[0]:
        yield from (Kind.AVIF, Kind.HEIC)


def _loose_anymap(head: bytes) -> Iterator[Kind]:
    """Yield anymaps with other characters between their numbers."""
    if _ANYMAP.match(head):
        yield Kind.PNM


_ANYMAP: Final = re.compile(
    rb"P(?:[1-6](?:[^\w#]|#[^\r\n]*[\r\n])+\d{1,10}(?:[^\w#]|#[^\r\n]*[\r\n])+\d"
    # In ImageMagick any character except a digit separates two numbers.
    rb"|[1-3](?:[^\dP]{1,16}\d{1,10}){10}|[4-6](?:\D{1,64}\d{1,10}){2}[^\0]*?[\0-\x08\x80-\xff])",
    re.DOTALL,
)


def _loose_coding(head: bytes) -> Iterator[Kind]:
    """Yield a QOI: not every reader tests the channels and the colour space."""
    if head[:4] == b"qoif":
        yield Kind.QOI


def _loose_targa(head: bytes) -> Iterator[Kind]:
    """Yield a TGA: Pillow tries it on files that have no other format."""
    if _tga(head):
        yield Kind.TGA


def _tga(head: bytes) -> bool:
    """Return whether the header of a TGA is valid; readers test nothing else."""
    if len(head) < _TGA_HEADER_BYTES:
        return False
    sides = (int.from_bytes(head[at : at + 2], "little") for at in (12, 14))
    return (
        (head[1] == 0 or (head[1] == 1 and head[7] in _TGA_TABLE_DEPTHS))
        and head[2] in _TGA_FORMS
        and head[16] in _TGA_DEPTHS
        and all(side >= _LEAST_SIDE for side in sides)
    )


_TGA_HEADER_BYTES: Final = 18
_TGA_FORMS: Final = frozenset({1, 2, 3, 9, 10, 11})
_TGA_DEPTHS: Final = frozenset({1, 8, 15, 16, 24, 32})
_TGA_TABLE_DEPTHS: Final = frozenset({15, 16, 24, 32})
_LEAST_SIDE: Final = 32
"""Shortest side in pixels: nobody can tell what a smaller picture shows."""

LOOSE: Final[tuple[Callable[[bytes], Iterator[Kind]], ...]] = (
    _loose_gif,
    _loose_bitmap,
    _loose_icon,
    _loose_tiff,
    _loose_media,
    _loose_anymap,
    _loose_coding,
)


MAY_BE_LOOSE: Final = re.compile(rb"[BGIMPq\0]|.\0\0\0|.{4}ftyp", re.DOTALL)
"""The first bytes of these formats; archives have thousands of texts without them."""


# --- Behind stray bytes --------------------------------------------------------------


def _behind_stray_bytes(source: Source, head: bytes) -> Iterator[Proposal]:
    for first in MAY_BEGIN.finditer(head, 1, _SEEN_BYTES):
        offset = first.start()
        if offset > MOST_STRAY_BYTES:
            break
        found = magic.begins_as(head, offset)
        if found is Kind.ICO and _shows_nothing(source, offset):
            continue
        if found is not None and found not in _CARVED_WITH_CARE:
            yield Proposal(kind=found, offset=offset)
    at = head.find(b"ustar", _USTAR_AT + 1, _USTAR_AT + MOST_STRAY_BYTES + 5)
    if at > 0:
        yield Proposal(kind=Kind.TAR, offset=at - _USTAR_AT)


def _shows_nothing(source: Source, offset: int) -> bool:
    """Return whether all entries of an icon point behind the end of the content.

    The header of a JPEG without a density (that of libjpeg and Pillow by default) holds
    the six bytes of an icon's beginning. Icons are decoded in a process of their own,
    which costs as much as a photo.
    """
    count = int.from_bytes(source.read(offset + 4, 2), "little")
    if count > _MOST_ICON_ENTRIES:
        return False
    entries = source.read(offset + 6, count * _ICON_ENTRY_BYTES)
    return all(
        int.from_bytes(entries[at + 12 : at + 16], "little") >= source.size
        for at in range(0, len(entries), _ICON_ENTRY_BYTES)
    )


_ICON_ENTRY_BYTES: Final = 16
_MOST_ICON_ENTRIES: Final = 64
"""Most entries of an icon that are read for this test. Icons have about ten."""

_SEEN_BYTES: Final = 2 * MOST_STRAY_BYTES
"""Bytes in which beginnings are looked for, including those after the last stray byte.
"""

_FIRST_TWO: Final = frozenset(
    {
        *(known[:2] for known, _ in magic.MAGIC),
        # It needs at least the bytes that the tests of ``magic.py`` require.
        *(b"\x1f\x8b", b"\x1f\x9d", b"`\xea", b"\xc7q", b"q\xc7", b"qo"),
        *(b"0%c" % digit for digit in b"0123456789abcdef"),
        *(b"P%d" % form for form in range(1, 7)),
        *(b"BM", b"BZ", b"GI", b"RI"),
    }
)
_LEAST_WORD: Final = 3


def _beginnings() -> Iterator[bytes]:
    """Yield patterns for the first byte of kinds, with look-aheads for the next bytes.

    Words often have the first byte of a magic, but not the second one too. Tables of
    numbers are full of zeros, so that more bytes are tested if the first is a control.
    """
    seconds: dict[int, set[int]] = {}
    for first, *rest in _FIRST_TWO:
        if first in magic.FIRST_BYTES and first >= _LEAST_WORD:
            seconds.setdefault(first, set()).update(rest)
    for first, allowed in seconds.items():
        after = re.escape(bytes(sorted(allowed)))
        yield b"%s(?=[%s])" % (re.escape(bytes((first,))), after)
    for known, _ in magic.MAGIC:
        if known[0] < _LEAST_WORD:
            yield b"%s(?=%s)" % (re.escape(known[:1]), re.escape(known[1:]))
    yield rb"\0(?=\0[\1\2]\0|.{3}ftyp)"
    yield rb"\x01(?=\0\0\0)"


MAY_BEGIN: Final = re.compile(b"|".join(_beginnings()), re.DOTALL)
"""The places where a kind may begin: in most texts, of which archives have thousands,
there are none."""

_USTAR_AT: Final = 257

_CARVED_WITH_CARE: Final = frozenset({Kind.JXL, Kind.VIDEO})
"""Kinds that only carving looks for. A magic of two bytes is common, so that carving
tests more; and a video is looked into only at its first byte."""


# --- Documents -----------------------------------------------------------------------


def has_object(source: Source) -> bool:
    """Return whether a number and ``obj`` stand in a content, as in every PDF document.

    Readers find objects by a table of offsets, or search for these words. A content
    without them is not a document to any reader.
    """
    return any(
        b"obj" in piece and _OBJECT.search(piece)
        for _, _, piece in stretches(source, overlap=_OVERLAP_BYTES)
    )


_OVERLAP_BYTES: Final = 4096
_OBJECT: Final = re.compile(rb"\d(?:[\s\0]|%[^\r\n]*+[\r\n])*obj(?![A-Za-z])")
"""Comments may stand between the number and the word, as between any two words."""


# --- Brands far away -----------------------------------------------------------------


def _by_late_brands(source: Source, kind: Kind) -> Kind:
    """Look for the brands of pictures in all of a long first box."""
    size = int.from_bytes(source.read(0, 4), "big")
    if source.read(4, 4) != b"ftyp" or size <= HEAD_BYTES:
        return kind
    return magic.sniff(source.read(0, min(size, _MOST_BRANDS_BYTES)))


# --- The first element of a drawing --------------------------------------------------


class _FirstElement(Exception):  # noqa: N818  # not an error: it ends the reading
    """The name of the first element is known."""


def _is_drawing(source: Source) -> bool:
    """Return whether the first element of an XML document is ``svg``."""
    if not _MAY_BE_XML.match(source.read(0, HEAD_BYTES)):
        return False
    parser = expat.ParserCreate()
    parser.StartElementHandler = _stop
    try:
        # Not piece by piece: older releases begin a long comment anew for each.
        for start, end in itertools.pairwise((0, _FIRST_BYTES, _MOST_PROLOGUE_BYTES)):
            parser.Parse(source.read(start, end - start), False)
    except _FirstElement as first:
        name = str(first)
    except expat.ExpatError:
        # Other readers may take what is no valid XML.
        text = source.read(0, _MOST_PROLOGUE_BYTES).translate(None, b"\0")
        element = _ELEMENT.search(_COMMENT.sub(b"", text))
        name = element[1].decode("latin-1") if element else ""
    else:
        return source.size > _MOST_PROLOGUE_BYTES
    return name.rpartition(":")[2].lower() == "svg"


def _stop(name: str, _attributes: object) -> None:
    raise _FirstElement(name)


_MAY_BE_XML: Final = re.compile(rb"(?:\xef\xbb\xbf|\xff\xfe|\xfe\xff)?[\s\0]*(?:<|\Z)")
_COMMENT: Final = re.compile(rb"<!--.*?(?:-->|\Z)", re.DOTALL)
_ELEMENT: Final = re.compile(rb"<([^\s<>/!?]+)[\s/>]")
