"""Find pictures that stand in the content of a page, among what is drawn.

Source:
    ISO 32000-2:2020, 8.9.7 "Inline images".
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final, NamedTuple

import pikepdf

from uploadfilter.contents.members import Shortfall
from uploadfilter.contents.pdfimages import Picture, Sight, described
from uploadfilter.contents.pdfpainted import Painting, painting_of
from uploadfilter.contents.pdfvalues import QPDF_ERRORS
from uploadfilter.model import Reason

_BEGIN = re.compile(rb"(?<![^\s>\])])BI(?=[\s/])")
_DATA = re.compile(rb"(?<=[\s>\]\w])\sID\s|[>\]]ID\s")
_END = re.compile(rb"\sEI(?![^\s])")

_MOST_DICTIONARY_BYTES = 4096
"""Longest dictionary that is read: a palette of 256 colours, written in octal."""

_IMAGES = 200
_BYTES_PER_IMAGE = 256
"""Different pictures that are read in a document: so many in any, and more by its
length. Each takes a millisecond; a letter of a scanned font has 300 bytes."""

_MOST_OTHERS = 2_000
"""Words in one stream that begin no picture, at up to 50 µs each."""

_MOST_SPECKS = 50_000
"""Pictures of a few samples, or that were read before, which are passed over in one
stream, at 2 µs each."""


_TOO_MANY: Final = Shortfall(reason=Reason.TOO_MANY_CONTENTS)

_Read = tuple[Picture, Painting | Shortfall | None]
"""What a dictionary says of a picture, and how it is painted."""


class InlineImage(NamedTuple):
    """A picture in a content stream, its data as packed, and how it is painted."""

    picture: Picture
    data: bytes
    painting: Painting | Shortfall | None = None


class Drawn:
    """The pictures that were read in the content streams of one document so far.

    Maps and forms draw one picture a thousand times. Dictionaries are read once, and so
    are pictures.

    Args:
        document_bytes: Length of the document.
        sight: Which of its pictures are too small.
    """

    def __init__(self, document_bytes: int, sight: Sight) -> None:
        self.sight = sight
        self._left = _IMAGES + document_bytes // _BYTES_PER_IMAGE
        self._read: dict[bytes, _Read | None] = {}
        self._seen: set[int] = set()

    @property
    def is_full(self) -> bool:
        """Whether there were more different pictures than are read."""
        return self._left < 0

    def read(self, entries: bytes) -> _Read | None:
        """Return what a dictionary says, if it is one of a picture."""
        if entries not in self._read:
            self._read[entries] = _picture(entries)
        return self._read[entries]

    def is_new(self, picture: bytes) -> bool:
        """Note a picture; say whether it is the first with these bytes.

        Args:
            picture: Its dictionary and its data. Who forges their hash must know a
                secret of this process.
        """
        known = hash(picture)
        is_new = known not in self._seen
        self._seen.add(known)
        self._left -= is_new
        return is_new


def inline_images(content: bytes, drawn: Drawn) -> Iterator[InlineImage | Shortfall]:
    """Yield the new pictures in a content stream; behind too many, a shortfall.

    Args:
        content: The stream, unpacked.
        drawn: Those of the document so far.
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
    """Return where the last picture of a stream begins, if it does not end there.

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
"""Other places with these letters that are passed over. Of more, the last one is taken
for the beginning: so many stand in no page."""

_MAY_BE_OPEN = re.compile(rb"(?<![^\s>\])])BI(?:\s*\Z|\s+%|\s*/)")
"""Behind it stands a name, a comment or nothing: texts speak of BI as well."""


def _is_speck(content: bytes, start: int, sight: Sight) -> bool:
    """Say quickly whether a picture is too small, if its samples are not packed.

    Drawing programs fill areas with them, thousands on a page.

    Args:
        content: The stream.
        start: Where the dictionary begins.
        sight: Which pictures are too small.
    """
    end = content.find(b"ID", start, start + _MOST_PLAIN_BYTES)
    side = _plain_side(content[start : end + 3]) if end > 0 else None
    return side is not None and sight.passes_over(side)


@lru_cache(maxsize=1024)
def _plain_side(dictionary: bytes) -> int | None:
    """Return the shorter side that a dictionary of the usual kind says, if it is one.

    Most pictures of a page have one of a few dictionaries.
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
"""What nearly every such picture says, without a filter and without any other name."""

_SIDE: Final = re.compile(rb"/([WH])\s+(\d+)")


def _image(content: bytes, start: int, drawn: Drawn) -> tuple[InlineImage, int] | None:
    """Read the picture whose dictionary begins at an offset, and say where it ends."""
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
    except QPDF_ERRORS:  # no dictionary, or one that names a key twice
        has_size = b"/W" in entries and b"/H" in entries
        return (Picture(raster=None, filters=()), None) if has_size else None
    picture, painting = described(dictionary), painting_of(dictionary)
    is_one = picture.raster or picture.is_file or painting
    return (picture, painting) if is_one else None


def _end(content: bytes, start: int, picture: Picture) -> int:
    """Return where data end: their length is known only if they are not packed."""
    if picture.raster and not picture.filters:
        start = min(start + picture.raster.size, len(content))
    end = _END.search(content, start)
    return end.start() if end else len(content)
