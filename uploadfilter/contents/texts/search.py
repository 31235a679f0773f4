"""Find the files that are encoded in a text.

Escapes are undone again and again, up to a fixed depth; what is left is searched for
base64, hexadecimal and uuencode. Texts in these are searched themselves, and so is the
text without what markup's parsers drop, and without quoted-printable.

To add an encoding: a function that yields decoded bytes, and its line in
``_Search.files``. A way to read: a line in ``_Search._read_otherwise``.

Rules this module keeps: linear time for any bytes; at most ``held_bytes`` of text at a
time; the bytes of all readings are counted.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from uploadfilter.contents.carving import TooMany, Unfinished
from uploadfilter.contents.kinds.magic import HEAD_BYTES, Kind, sniff
from uploadfilter.contents.source import Source
from uploadfilter.contents.texts.base64s import announces_string, find_base64
from uploadfilter.contents.texts.digits import bytes_of_digits
from uploadfilter.contents.texts.escapes import undo_escapes, undo_percent_signs
from uploadfilter.contents.texts.files import (
    EncodedFile,
    EncodedText,
    files_in,
    is_text,
)
from uploadfilter.contents.texts.mails import undo_quoting, uuencoded_files
from uploadfilter.contents.texts.markup import (
    drawings,
    with_entities,
    without_cuts,
    without_style_escapes,
)
from uploadfilter.contents.texts.pieces import has_long_words, narrow, pieces

_MOST_HELD_BYTES: Final = 16 * 1024 * 1024
"""Most bytes of text that are searched together, even if more may be held: there are up
to six copies of them. The largest photos are shorter in base64."""

_SHORTEST: Final = 80
"""Fewest characters that may encode a picture, which has more than sixty bytes."""

_MOST_LAYERS: Final = 4
"""Most escapes in one another that are undone."""

_MOST_READ: Final = 8
_FREE_BYTES: Final = 1 << 18
"""Most bytes of all readings of a text together, in its lengths, besides a fixed number
for short texts."""


def find_files(
    source: Source, *, kind: Kind, most: int, held_bytes: int
) -> Iterator[EncodedFile | TooMany | Unfinished]:
    """Yield the files that the strings in a content encode, each once.

    A kind that is not read as text is only searched where it has long strings without a
    space. So many bytes, 1 or more, are searched together, a few times as many are held
    in memory, and longer strings are cut. Last comes ``Unfinished`` if not all readings
    were searched, or ``TooMany`` if there are more files than ``most``.
    """
    known = set[tuple[bool, int]]()
    is_unfinished = False
    for piece in pieces(source, kind, min(held_bytes, _MOST_HELD_BYTES)):
        search = _Search(piece)
        for found in search.files():
            key = (found.is_carved, hash(found.data))
            if key in known:
                continue
            if len(known) == most:
                yield TooMany()
                return
            known.add(key)
            yield replace(found, name=f"{found.name}:{len(known)}")
        is_unfinished |= search.is_unfinished
    if is_unfinished:
        yield Unfinished()


class _Search:
    """The search of one piece of text, and of the texts encoded in it."""

    def __init__(self, text: bytes) -> None:
        self._whole = text
        self._waiting = deque[bytes]((text,))
        self._known = set[int]()
        self._left = _MOST_READ * len(text) + _FREE_BYTES
        self.is_unfinished = False

    def files(self) -> Iterator[EncodedFile]:
        """Yield the files that strings encode, with names without a number."""
        while self._waiting:
            text = self._waiting.popleft()
            if not self._may_read(text):
                continue
            plain = text
            has_strings = has_long_words(text) or announces_string(text)
            for _ in range(_MOST_LAYERS if has_strings else 0):
                yield from _percent_encoded(plain)
                before, plain = plain, narrow(undo_escapes(plain))
                if plain == before:
                    break
            yield from self._decode(_letters_in(plain, has_strings=has_strings))
            if plain != text:
                # A decoder of base64 passes over the signs of escapes, too.
                yield from self._decode(find_base64(text, has_strings=False))
            for each in dict.fromkeys((text, plain)):
                # Signs of escapes are digits of uuencode, or stand before digits.
                yield from self._decode(_search_decoded("hex", bytes_of_digits(each)))
                yield from self._decode(
                    _search_decoded("uuencode", uuencoded_files(each))
                )
                yield from self._read_otherwise(
                    each,
                    has_strings=has_strings,
                    # A string may be a style sheet, without a word around it.
                    has_style=text is not self._whole or b"style" in each.lower(),
                )

    def _decode(
        self, items: Iterator[EncodedFile | EncodedText]
    ) -> Iterator[EncodedFile]:
        for item in items:
            if isinstance(item, EncodedText):
                self._waiting.append(narrow(item.data))
            else:
                yield item

    def _read_otherwise(
        self, text: bytes, *, has_strings: bool, has_style: bool
    ) -> Iterator[EncodedFile]:
        # Markup may cut a string at any place.
        markup = without_cuts(with_entities(text))
        style = without_style_escapes(text) if has_style else text
        mail = undo_quoting(text) if has_strings else text
        readings = (("markup", markup), ("style", style), ("quoted", mail))
        for name, reading in readings:
            if reading != text:
                yield from _files_beside(name, text, reading)
                self._waiting.append(reading)

    def _may_read(self, text: bytes) -> bool:
        """Count a text that is about to be searched, unless it was searched before."""
        key = hash(text)
        if len(text) < _SHORTEST or key in self._known:
            return False
        self._known.add(key)
        self._left -= len(text)
        self.is_unfinished |= self._left < 0
        return self._left >= 0


def _percent_encoded(text: bytes) -> Iterator[EncodedFile]:
    """Yield the files in the bytes that percent signs encode.

    In a form, a plus stands for a blank.
    """
    yield from _files_beside("percent", text, data := undo_percent_signs(text))
    if b"+" in text and not data.isascii():
        blank = text.replace(b"+", b" ")
        yield from _files_beside("percent", text, undo_percent_signs(blank))


def _files_beside(name: str, text: bytes, data: bytes) -> Iterator[EncodedFile]:
    """Yield the files in a reading of a text that has more bytes outside of ASCII."""
    if data == text or data.isascii():
        return
    more = len(data.translate(None, _ASCII)) - len(text.translate(None, _ASCII))
    if more >= _LEAST_MORE:
        yield from files_in(name, data)


_ASCII: Final = bytes(range(128))
_LEAST_MORE: Final = 20
"""Fewest such bytes of a picture that shows anything."""


def _letters_in(
    text: bytes, *, has_strings: bool
) -> Iterator[EncodedFile | EncodedText]:
    yield from find_base64(text, has_strings=has_strings)
    for drawing in drawings(text) if has_strings else ():
        if sniff(drawing[:HEAD_BYTES]) is Kind.SVG:
            yield EncodedFile(name="data", data=drawing)


def _search_decoded(
    name: str, strings: Iterator[bytes]
) -> Iterator[EncodedFile | EncodedText]:
    for data in strings:
        yield from (EncodedText(data),) if is_text(data) else files_in(name, data)
