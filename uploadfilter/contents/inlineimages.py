"""Find pictures that stand in the content of a page, among what is drawn.

Source:
    ISO 32000-2:2020, 8.9.7 "Inline images".
"""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

import pikepdf

from uploadfilter.contents.members import Shortfall
from uploadfilter.contents.pdfimages import SMALLEST_SIDE, Picture, described
from uploadfilter.contents.pdfpainted import Painting, painting_of
from uploadfilter.contents.pdfvalues import QPDF_ERRORS
from uploadfilter.model import Reason

_BEGIN = re.compile(rb"(?<![^\s>\])])BI(?=[\s/])")
_DATA = re.compile(rb"(?<=[\s>\]\w])\sID\s|[>\]]ID\s")
_END = re.compile(rb"\sEI(?![^\s])")

_MOST_DICTIONARY_BYTES = 4096
"""Longest dictionary that is read: a palette of 256 colours, written in octal."""

_MOST_IMAGES = 2_000
"""Dictionaries that are read in one stream: twice what callers take, and a tenth of a
second."""


_MOST_SPECKS = 50_000
"""Pictures of a few samples that are passed over in one stream, at 2 µs each."""


class InlineImage(NamedTuple):
    """A picture in a content stream, its data as packed, and how it is painted."""

    picture: Picture
    data: bytes
    painting: Painting | Shortfall | None = None


def inline_images(content: bytes) -> Iterator[InlineImage | Shortfall]:
    """Yield the pictures in a content stream; behind too many of them, a shortfall.

    Args:
        content: The stream, unpacked.
    """
    position = count = specks = 0
    while (position := content.find(b"BI", position)) >= 0:
        begin = _BEGIN.match(content, position)
        position += 2
        if begin is None:
            continue
        is_speck = _is_speck(content, position)
        specks += is_speck
        count += not is_speck
        if count > _MOST_IMAGES or specks > _MOST_SPECKS:
            yield Shortfall(reason=Reason.TOO_MANY_CONTENTS)
            return
        found = None if is_speck else _image(content, position)
        if found is not None:
            yield found
            position += len(found.data)


def _is_speck(content: bytes, start: int) -> bool:
    """Say quickly whether a picture is one of a few samples, which are not packed.

    Drawing programs fill areas with them, thousands on a page.

    Args:
        content: The stream.
        start: Where the dictionary begins.
    """
    found = _PLAIN_DICTIONARY.match(content, start, start + _MOST_PLAIN_BYTES)
    if found is None:
        return False
    sides = _SIDE.findall(found[0])
    names = [name for name, _ in sides]
    is_sized = sorted(names) == [b"H", b"W"]
    return is_sized and min(int(side) for _, side in sides) < SMALLEST_SIDE


_MOST_PLAIN_BYTES: Final = 256
_PLAIN_DICTIONARY: Final = re.compile(
    rb"(?:\s+|/(?:IM\s+true|W\s+\d{1,9}|H\s+\d{1,9}|BPC\s+\d{1,2}|CS\s*/(?:G|RGB|CMYK)"
    rb"|I\s+(?:true|false)|D\s*\[[\d\s]*\])(?=[\s/]))*+ID\s"
)
"""What nearly every such picture says, without a filter and without any other name."""

_SIDE: Final = re.compile(rb"/([WH])\s+(\d+)")


def _image(content: bytes, start: int) -> InlineImage | None:
    """Read the picture whose dictionary begins at an offset, if one does."""
    data = _DATA.search(content, start, start + _MOST_DICTIONARY_BYTES)
    found = data and _picture(content[start : data.start() + 1])
    if not data or not found:
        return None
    picture, painting = found
    end = _end(content, data.end(), picture)
    return InlineImage(picture, content[data.end() : end], painting)


def _picture(
    entries: bytes,
) -> tuple[Picture, Painting | Shortfall | None] | None:
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
