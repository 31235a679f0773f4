"""Find pictures that stand in the content of a page, among what is drawn.

Source:
    ISO 32000-2:2020, 8.9.7 "Inline images".
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

import pikepdf

from uploadfilter.contents.members import MOST_HEADERS
from uploadfilter.contents.pdfimages import Picture, described

_BEGIN = re.compile(rb"(?<![^\s>\])])BI(?=[\s/])")
_DATA = re.compile(rb"(?<=[\s>\]\w])\sID\s|[>\]]ID\s")
_END = re.compile(rb"\sEI(?![^\s])")

_MOST_DICTIONARY_BYTES = 4096
"""Longest dictionary that is read: a palette of 256 colours, written in octal."""


class InlineImage(NamedTuple):
    """A picture in a content stream, and its data as packed."""

    picture: Picture
    data: bytes


def inline_images(content: bytes) -> Iterator[InlineImage]:
    """Yield the pictures in a content stream, up to ``MOST_HEADERS``.

    Args:
        content: The stream, unpacked.
    """
    position = 0
    for _ in range(MOST_HEADERS):
        begin = _BEGIN.search(content, position)
        if begin is None:
            return
        position = begin.end()
        data = _DATA.search(content, position, position + _MOST_DICTIONARY_BYTES)
        picture = data and _picture(content[position : data.start() + 1])
        if data and picture:
            end = _end(content, data.end(), picture)
            yield InlineImage(picture, content[data.end() : end])
            position = end


def _picture(entries: bytes) -> Picture | None:
    """Read a dictionary that has no brackets around it."""
    try:
        dictionary = pikepdf.Object.parse(b"<<" + entries + b">>")
    except pikepdf.PikepdfError:  # no dictionary, or one that names a key twice
        has_size = b"/W" in entries and b"/H" in entries
        return Picture(raster=None, filters=()) if has_size else None
    picture = described(dictionary)
    return picture if picture.raster or picture.is_file else None


def _end(content: bytes, start: int, picture: Picture) -> int:
    """Return where data end: their length is known only if they are not packed."""
    if picture.raster and not picture.filters:
        start = min(start + picture.raster.size, len(content))
    end = _END.search(content, start)
    return end.start() if end else len(content)
