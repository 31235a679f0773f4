"""Find the files that a text holds in base64.

The strings come first: where one begins, all of it is decoded, up to the first byte
that is neither a letter nor white space. If that is a file, it is one with its digests.
The other beginnings of files (``letters.py``) stand amid letters, or between other
bytes that programs pass over: from there on, all letters of the text are decoded.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from uploadfilter.contents.kinds.magic import HEAD_BYTES, Kind, sniff
from uploadfilter.contents.texts.files import (
    KNOWN_BYTES,
    EncodedFile,
    EncodedText,
    files_amid,
    is_text,
    kind_of,
)
from uploadfilter.contents.texts.letters import (
    ALPHABET,
    MOST_STARTS,
    NO_LETTER,
    NO_STANDARD_LETTER,
    STANDARD,
    URL_LETTERS,
    decode,
    is_file,
    offsets_of,
    possible_starts,
)

_NAME: Final = "base64"
_URI_NAME: Final = "data"
_IN_URI: Final = re.compile(rb"base64\s*,")

_SHORTEST: Final = 80
"""Fewest letters of a string that may be a whole picture."""

_IS_LETTER: Final = bytes(byte in ALPHABET + URL_LETTERS for byte in range(256))
_SAMPLING: Final = 4
_LONG_LINE: Final = b"\1" * 56
"""A line of letters; mails and keys have 76 and 64 in a line."""

_WIDE: Final = (b"\xff\xfe", b"\xfe\xff")
"""The marks of UTF-16."""

_HEX: Final = b"0123456789abcdefABCDEF"
_CONTROLS: Final = bytes(set(range(32)) - set(b"\t\n\r\f\x1b"))
_SHORT_MAGIC: Final = (b"BM", b"\xff\x0a", b"\0\0\1\0", b"\0\0\2\0")
"""Magic that occurs too often by chance to count amid letters."""

_LETTERS_AND_SPACE: Final = re.compile(rb"[A-Za-z0-9+/\-_\s]*")
_LONG: Final = re.compile(rb"[A-Za-z0-9+/\-_\s]{80}")
_WORD: Final = re.compile(rb"\S+")


_Place = tuple[int, int]
"""Where a file begins: the offset in the text, and the bit in the letters."""


def announces_string(text: bytes) -> bool:
    """Return whether a ``data:`` URI says that base64 follows, with blanks or without.

    >>> announces_string(b"url(DATA:image/png;BASE64 ,iVBO Rw0K")
    True
    """
    lowered = text.lower()
    return b"base64" in lowered and _IN_URI.search(lowered) is not None


def find_base64(
    text: bytes, *, has_strings: bool
) -> Iterator[EncodedFile | EncodedText]:
    """Yield the files and the texts that a text holds in base64.

    ``has_strings``: there are long strings without a space in it.
    """
    letters = text.translate(STANDARD, NO_LETTER)
    places = _places(letters, text, NO_LETTER)
    covered = list[tuple[int, int]]()
    passed = 0
    for at, name in _string_starts(text, places) if has_strings else ():
        if at < passed:
            continue
        string = _String.at(text, at, name)
        passed = string.end
        contents = list(string.contents(name))
        yield from contents
        if contents and (name == _URI_NAME or string.is_all):
            covered.append((at, string.end))
    yield from _amid(letters, places, covered)
    if any(bytes((letter,)) in text for letter in URL_LETTERS):
        # Programs that know only the standard alphabet pass over these letters.
        letters = text.translate(None, NO_STANDARD_LETTER)
        places = _places(letters, text, NO_STANDARD_LETTER)
        yield from _amid(letters, places, covered)


def _places(letters: bytes, text: bytes, deleted: bytes) -> list[_Place]:
    bits = possible_starts(letters)
    numbers = [bit // 6 for bit in bits]
    return list(zip(offsets_of(numbers, text, deleted), bits, strict=True))


def _amid(
    letters: bytes, places: list[_Place], covered: list[tuple[int, int]]
) -> Iterator[EncodedFile]:
    """Yield the decoded letters from the first file on that was not found yet.

    Files whose bytes begin at different bits are decoded by themselves.
    """
    firsts = dict[int, int]()
    tries = 0
    spans = iter(covered)
    span = next(spans, None)
    for at, bit in places:
        while span is not None and span[1] <= at:
            span = next(spans, None)
        if bit % 8 in firsts or (span is not None and at >= span[0]):
            continue
        tries += 1
        if tries > _MOST_TRIES or is_file(letters, bit):
            firsts[bit % 8] = bit
    if len(places) == MOST_STARTS:
        # Whatever comes after them may begin at any bit.
        for bit in range(places[-1][1], places[-1][1] + 8, 2):
            firsts.setdefault(bit % 8, bit)
    for bit in firsts.values():
        yield from files_amid(_NAME, decode(letters, bit=bit))


_MOST_TRIES: Final = 5000
"""Most beginnings that are tested, ten microseconds each; one more counts untested."""


# --- Strings -------------------------------------------------------------------------


def _string_starts(text: bytes, places: list[_Place]) -> list[tuple[int, str]]:
    """Return the offsets at which strings begin, in order, with names for them."""
    begun = {
        at: _NAME
        for at, bit in places
        if bit % 6 == 0
        and not (at and _IS_LETTER[text[at - 1]])
        and _LONG.match(text, at)
    }
    begun.update((at, _NAME) for at in _long_lines(text))
    begun.update((at, _URI_NAME) for at in _uris(text))
    return sorted(begun.items())


def _long_lines(text: bytes) -> Iterator[int]:
    """Yield the starts of long lines of letters that may be a file or a text."""
    if _LONG_LINE[::_SAMPLING] not in text[::_SAMPLING].translate(_IS_LETTER):
        return
    flags = text.translate(_IS_LETTER)
    at = flags.find(_LONG_LINE)
    while at >= 0:
        line = text[at : at + len(_LONG_LINE)]
        if line.translate(None, _HEX):
            first = decode(line.translate(STANDARD))
            if _is_plain(first) or first.startswith(_SHORT_MAGIC):
                yield at
        end = flags.find(b"\0", at)
        at = flags.find(_LONG_LINE, end) if end >= 0 else -1


def _is_plain(first: bytes) -> bool:
    """Return whether bytes may begin a text, with two bytes a character or with one."""
    is_wide = first.startswith(_WIDE) or not any(first[::2]) or not any(first[1::2])
    return is_wide or len(first.translate(None, _CONTROLS)) == len(first)


def _uris(text: bytes) -> Iterator[int]:
    for match in _IN_URI.finditer(text.lower()):
        at = match.end()
        if _LONG.match(text, at):
            yield (
                at
                + len(text[at : at + _SHORTEST])
                - len(text[at : at + _SHORTEST].lstrip())
            )


@dataclass(frozen=True, slots=True)
class _String:
    """A string of base64.

    Attributes:
        is_enclosed: Whether it stands in quotes, or is all of an element.
    """

    letters: bytes
    end: int
    is_enclosed: bool

    @classmethod
    def at(cls, text: bytes, at: int, name: str) -> "_String":
        """Return the string that begins at an offset, which is that of a letter."""
        match = _LETTERS_AND_SPACE.match(text, at)
        block = match[0] if match else b""
        words = [word.span() for word in _WORD.finditer(block)]
        before, behind = text[at - 1 : at], text[at + len(block) : at + len(block) + 1]
        if not (name == _URI_NAME and behind in _URI_ENDS):
            del words[1 + _last_line(block, words) :]
        letters = b"".join(block[start:end] for start, end in words)
        end = at + words[-1][1]
        behind = text[end : end + 4].lstrip(b"=\r\n")[:1]
        return cls(letters, end, (before, behind) in _AROUND)

    @property
    def is_all(self) -> bool:
        """Return whether no letters after it belong to it."""
        is_long = len(self.letters) >= _SHORTEST
        data = decode(self.letters.translate(STANDARD))
        return (is_long and self.is_enclosed) or _is_whole(data)

    def contents(self, name: str) -> Iterator[EncodedFile | EncodedText]:
        """Yield the file or the text that it encodes, in each alphabet."""
        if len(self.letters) < _SHORTEST:
            return
        data = decode(self.letters.translate(STANDARD))
        readings = [data]
        if _has(self.letters, URL_LETTERS) and _has(self.letters, b"+/"):
            letters = self.letters.translate(None, URL_LETTERS)
            readings.append(decode(letters))
        for each in readings:
            if kind_of(each) is not None or sniff(each[:HEAD_BYTES]) is Kind.SVG:
                yield EncodedFile(name=name, data=each, known_by=data[:KNOWN_BYTES])
            if is_text(each):
                yield EncodedText(each)


_URI_ENDS: Final = frozenset({b'"', b"'", b")", b"=", b""})
_AROUND: Final = frozenset({(b'"', b'"'), (b"'", b"'"), (b">", b"<")})


def _has(letters: bytes, any_of: bytes) -> bool:
    return any(bytes((letter,)) in letters for letter in any_of)


def _last_line(block: bytes, words: list[tuple[int, int]]) -> int:
    """Return the number of the last line that belongs to a string.

    All lines but the first and the last have the same length; no line of a mail begins
    with two hyphens, as the end of a part does.
    """
    width = 0
    for number, (start, end) in enumerate(words[1:], start=1):
        gap = block[words[number - 1][1] : start]
        is_wrapped = b"\n" in gap or b"\r" in gap
        if not is_wrapped or block.startswith(b"--", start) or end - start > width > 0:
            return number - 1
        width = width or max(end - start, words[0][1])
        if end - start < width:
            return number
    return len(words) - 1


_END_BYTES: Final = 64
_ENDS: Final = {
    Kind.JPEG: b"\xff\xd9",
    Kind.PNG: b"IEND",
    Kind.GIF: b";",
    Kind.ZIP: b"PK\5\6",
    Kind.PDF: b"%%EOF",
}
"""What stands among the last bytes of a whole file."""


def _is_whole(data: bytes) -> bool:
    kind = kind_of(data)
    if kind is Kind.WEBP:
        return int.from_bytes(data[4:8], "little") <= len(data) - 8
    end = _ENDS.get(kind) if kind else None
    return end is not None and end in data[-_END_BYTES:]
