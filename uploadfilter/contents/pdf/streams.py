"""Find the objects of a PDF document that are streams, without reading the others.

A document may have a million objects, packed into a few kilobytes, and each object
takes hundreds of bytes when it is read. Pictures and files are streams. Each stream
stands in the file itself: first its number, then the word that begins its data.

Source:
    ISO 32000-2:2020, 7.3.8 "Stream objects", 7.3.10 "Indirect objects".
"""

import re
from collections.abc import Iterator
from typing import Final

from uploadfilter.contents.source import Source

ObjectNumber = tuple[int, int]
"""Number and generation of an object."""

_WINDOW_BYTES: Final = 1024 * 1024
_WORD: Final = b"stream"
_START = re.compile(rb"stream(?=[\s\0()<>\[\]{}/%])")
_NUMBER = re.compile(rb"(?<!\d)0{0,9}([1-9]\d{0,8})[\s\0]{1,16}(\d{1,5})[\s\0]{0,16}\Z")

_MOST_DICTIONARY_BYTES: Final = 64 * 1024
"""Bytes before the data of a stream in which its number is looked for."""

_MOST_NUMBER_BYTES: Final = 48
_MOST_REPAIRED: Final = 20_000
"""Most words that begin or end an object in a document that is repaired; qpdf takes
five microseconds for each."""

_MOST_TRIES: Final = 8
"""Most words ``obj`` that are tried before the data of a stream."""


def stream_numbers(source: Source) -> Iterator[ObjectNumber | None]:
    """Yield the numbers of the streams in a document, in the order of the file.

    Some numbers may come twice, or be missing in the document's table.

    Yields:
        Numbers; ``None`` for data whose number is unknown: then all objects of the
        document must be read.
    """
    start = 0
    while start < source.size:
        before = min(start, _MOST_DICTIONARY_BYTES)
        window = source.read(start - before, before + _WINDOW_BYTES + len(_WORD) + 1)
        for place in _words(window, before, before + _WINDOW_BYTES):
            yield _number_before(window, place)
        start += _WINDOW_BYTES


def is_repairable(source: Source) -> bool:
    """Return whether a damaged document has so few objects that it can be repaired."""
    windows = (
        source.read(start, _WINDOW_BYTES)
        for start in range(0, source.size, _WINDOW_BYTES)
    )
    return sum(window.count(b"obj") for window in windows) <= _MOST_REPAIRED


def _words(window: bytes, start: int, end: int) -> Iterator[int]:
    """Yield the offsets where data seem to begin, from ``start`` to before ``end``."""
    place = window.find(_WORD, start)
    while 0 <= place < end:
        if window[place - 3 : place] != b"end" and _START.match(window, place):
            yield place
        place = window.find(_WORD, place + 1)


def _number_before(window: bytes, place: int) -> ObjectNumber | None:
    """Return the object number before a dictionary."""
    start = max(0, place - _MOST_DICTIONARY_BYTES)
    for _ in range(_MOST_TRIES):
        place = window.rfind(b"obj", start, place)
        if place < 0 or window[place - 3 : place] == b"end":
            return None
        match = _NUMBER.search(window, max(0, place - _MOST_NUMBER_BYTES), place)
        if match:
            return int(match[1]), int(match[2])
    return None
