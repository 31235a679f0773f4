"""Find the inline images in the content streams of a PDF document.

Source:
    ISO 32000-2:2020, 8.9.7 "Inline images".
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final, NamedTuple

import pikepdf

from uploadfilter.contents.members import Shortfall
from uploadfilter.contents.pdf.images import PDFPicture, Sight, described
from uploadfilter.contents.pdf.painted import Painting, painting_of
from uploadfilter.contents.pdf.values import QPDF_ERRORS
from uploadfilter.model import Reason

_BEGIN = re.compile(rb"(?<![^\s>\])])BI(?=[\s/])")
_DATA = re.compile(rb"(?<=[\s>\]\w])\sID\s|[>\]]ID\s")
_END = re.compile(rb"\sEI(?![^\s])")

_MOST_DICTIONARY_BYTES = 4096
"""Longest dictionary that is read: a palette of 256 colours, written in octal."""

_IMAGES = 200
_BYTES_PER_IMAGE = 256
"""Bytes of a document for each different picture that is read, besides a fixed number.
Each takes a millisecond; a letter of a scanned font has 300 bytes."""

_MOST_OTHERS = 2_000
"""Most words ``BI`` in one stream that do not begin a picture, at up to 50 µs each."""

_MOST_SPECKS = 50_000
"""Most pictures that are passed over in one stream, at 2 µs each: those of a few
samples, or read before."""


_TOO_MANY: Final = Shortfall(reason=Reason.TOO_MANY_CONTENTS)

_Read = tuple[PDFPicture, Painting | Shortfall | None]
"""The picture that a dictionary describes, and its painting."""


class InlineImage(NamedTuple):
    """A picture in a content stream, its packed data, and its painting."""

    picture: PDFPicture
    data: bytes
    painting: Painting | Shortfall | None = None


class Drawn:
    """The pictures that were read so far in the content streams of one document.

    Maps and forms draw one picture a thousand times, so each dictionary and each
    picture is read only once.

    Args:
        document_bytes: Length of the document.
        sight: Tells which of its pictures are too small.
    """

    def __init__(self, document_bytes: int, sight: Sight) -> None:
        self.sight = sight
        self._left = _IMAGES + document_bytes // _BYTES_PER_IMAGE
        self._read: dict[bytes, _Read | None] = {}
        self._seen: set[int] = set()

    @property
    def is_full(self) -> bool:
        """Return whether there were more different pictures than are read."""
        return self._left < 0

    def read(self, entries: bytes) -> _Read | None:
        """Read a dictionary; return ``None`` if it describes no picture."""
        if entries not in self._read:
            self._read[entries] = _picture(entries)
        return self._read[entries]

    def is_new(self, picture: bytes) -> bool:
        """Note a picture; return whether it is the first with these bytes.

        Args:
            picture: Its dictionary and its data. Forging their hash needs a secret of
                this process.
        """
        known = hash(picture)
        is_new = known not in self._seen
        self._seen.add(known)
        self._left -= is_new
        return is_new


def inline_images(content: bytes, drawn: Drawn) -> Iterator[InlineImage | Shortfall]:
    """Yield the new pictures in a content stream; after too many, a shortfall.

    Args:
        content: The stream, unpacked.
        drawn: The pictures that were read so far in the document.
    """
    position = specks = others = 0
    while (position := content.find(b"BI", position)) >= 0:
        begin = _BEGIN.match(content, position)
        position += 2
        if begin is None:
            continue
        if specks >= _MOST_SPECKS or others >= _MOST_OTHERS:
            yield _TOO_MANY
            return
        if _is_speck(content, position, drawn.sight):
            specks += 1
            continue
        found = _image(content, position, drawn)
        if found is None:
            others += 1
            continue
        image, end = found
        if not drawn.is_new(content[position:end]):
            specks += 1
        elif drawn.is_full:
            yield _TOO_MANY
            return
        else:
            yield image
        position = end


def left_open(content: bytes) -> int | None:
    """Return the start of a stream's last picture, if it does not end in the stream.

    A page may have several streams, which are read as one: the dictionary of a picture
    may stand in one of them, and its data in the next.
    """
    position = len(content)
    for _ in range(_MOST_BACK):
        position = content.rfind(b"BI", 0, position)
        if position < 0:
            return None
        if _MAY_BE_OPEN.match(content, position) is not None:
            break
    return position if _END.search(content, position) is None else None


_MOST_BACK = 1000
"""Most places with the letters BI that are passed over. If there are more, the last one
is taken for the beginning; no page has so many."""

_MAY_BE_OPEN = re.compile(rb"(?<![^\s>\])])BI(?:\s*\Z|\s+%|\s*/)")
"""The word BI, followed by a name, a comment or the end: texts contain BI as well."""


def _is_speck(content: bytes, start: int, sight: Sight) -> bool:
    """Test quickly whether a picture of unpacked samples is too small.

    Drawing programs fill areas with such pictures, thousands on a page.

    Args:
        content: The stream.
        start: Offset of the dictionary.
        sight: Tells which pictures are too small.
    """
    end = content.find(b"ID", start, start + _MOST_PLAIN_BYTES)
    side = _plain_side(content[start : end + 3]) if end > 0 else None
    return side is not None and sight.passes_over(side)


@lru_cache(maxsize=1024)
def _plain_side(dictionary: bytes) -> int | None:
    """Return the shorter side in a dictionary of the usual kind; ``None`` for others.

    Most pictures of a page share a few dictionaries.
    """
    if _PLAIN_DICTIONARY.fullmatch(dictionary) is None:
        return None
    sides = _SIDE.findall(dictionary)
    is_sized = sorted(name for name, _ in sides) == [b"H", b"W"]
    return min(int(side) for _, side in sides) if is_sized else None


_MOST_PLAIN_BYTES: Final = 256
_PLAIN_DICTIONARY: Final = re.compile(
    rb"(?:\s++|/(?:IM\s+true|W\s+\d{1,9}|H\s+\d{1,9}|BPC\s+\d{1,2}|CS\s*/(?:G|RGB|CMYK)"
    rb"|I\s+(?:true|false)|D\s*\[[\d\s]*\])(?=[\s/]))*ID\s"
)
"""The usual dictionary of such a picture, without a filter and without any other name.
"""

_SIDE: Final = re.compile(rb"/([WH])\s+(\d+)")


def _image(content: bytes, start: int, drawn: Drawn) -> tuple[InlineImage, int] | None:
    """Read the picture whose dictionary begins at an offset, and return its end."""
    data = _DATA.search(content, start, start + _MOST_DICTIONARY_BYTES)
    found = data and drawn.read(content[start : data.start() + 1])
    if not data or not found:
        return None
    picture, painting = found
    end = _end(content, data.end(), picture)
    return InlineImage(picture, content[data.end() : end], painting), end


def _picture(entries: bytes) -> _Read | None:
    """Read a dictionary that has no brackets around it."""
    try:
        dictionary = pikepdf.Object.parse(b"<<" + entries + b">>")
    except QPDF_ERRORS:  # not a dictionary, or one that names a key twice
        has_size = b"/W" in entries and b"/H" in entries
        return (PDFPicture(raster=None, filters=()), None) if has_size else None
    picture, painting = described(dictionary), painting_of(dictionary)
    is_one = picture.raster or picture.is_file or painting
    return (picture, painting) if is_one else None


def _end(content: bytes, start: int, picture: PDFPicture) -> int:
    """Return the end of the data; their length is known only if they are not packed."""
    if picture.raster and not picture.filters:
        start = min(start + picture.raster.size, len(content))
    end = _END.search(content, start)
    return end.start() if end else len(content)
