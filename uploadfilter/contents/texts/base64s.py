"""Decode the strings of base64 in one reading of a text.

The usual string has no letter before it and consists of letters and white space. It is
decoded to its last letter, so that its exact signals are those of the file. A file may
also begin in the middle of letters, for a decoder that skips the letters before it. And
decoders of PHP, Python and Node skip every byte that is not a letter, so that a string
may also go on after any sign.

Rules this module keeps: a file is decoded only after its beginning was found
(``beginnings.py``, ``textual.py``); each beginning is counted.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from uploadfilter.contents import carving, nameless, streams
from uploadfilter.contents.kinds.magic import HEAD_BYTES, Kind, sniff
from uploadfilter.contents.patterns import Patterns
from uploadfilter.contents.source import MemorySource
from uploadfilter.contents.texts import textual
from uploadfilter.contents.texts.beginnings import (
    ANYWHERE,
    AT_FIRST,
    URL_LETTERS,
    Beginning,
    beginnings,
    begins_strings,
    decoded,
    letters_of,
    may_be_icons,
    standard_letters_of,
)
from uploadfilter.contents.texts.codings import holds_characters
from uploadfilter.contents.texts.effort import Effort
from uploadfilter.contents.texts.found import (
    KNOWN_BYTES,
    STANDARD,
    Encoded,
    from_base64,
    in_bytes,
    is_printed,
    is_text,
    joined,
    kind_of,
)
from uploadfilter.contents.texts.hot import Hot
from uploadfilter.contents.texts.textual import Textual, textuals

_ANYTHING = Patterns([textual.EXPRESSION, *ANYWHERE, *AT_FIRST])


def _is_anything(found: set[int], text: bytes) -> bool:
    """Return whether anything begins in a text, by the patterns in its letters."""
    return bool(found) and (min(found) <= len(ANYWHERE) or begins_strings(text))


_METAFILES = frozenset({Kind.WMF, Kind.EMF})
"""Drawings whose bitmaps have no magic, so that they cannot be found in letters."""

_SKIPPED = tuple(bytes((letter,)) for letter in URL_LETTERS)
"""Letters that decoders of the standard alphabet skip."""

_WORD = rb"A-Za-z0-9+/\-_"
_STRING = re.compile(rb"[%b\s]*" % _WORD)
_WORD_END = re.compile(rb"[%b]*\Z" % _WORD)
_WORDS = re.compile(rb"[%b]+" % _WORD)
_PADDED_WITHIN = re.compile(rb"=+[\s\"',\\\[\]]{0,8}[A-Za-z0-9+/]")
_TRY_STEPS, _LOOK_STEPS, _TEXT_STEPS = 3, 12, 20
"""Steps for finding a beginning, for testing its kind, and for reading a text."""

_BYTES_PER_STEP = 1024
_LEAST_REST = 32
"""Fewest letters after a string that may be its continuation."""

_MOST_REST = 16 * 1024 * 1024
"""Longest file, in bytes, that is decoded from a string that goes on after other signs.
"""

_MOST_BACK = 256
"""Letters that are looked at before the first letters that were found to be text."""


class Base64Search:
    """The search of one reading of a text.

    Args:
        text: The reading.
        effort: The budget of steps.
    """

    def __init__(self, text: bytes, effort: Effort) -> None:
        self._text = text
        self._effort = effort
        self._letters = letters_of(text)
        self._places: _Offsets | None = None
        self._phases: dict[int, bytes] = {}
        self._covered: dict[int, int] = {}
        self._known: set[int] = set()
        self._complete: frozenset[int] = frozenset()
        self._has_strings: bool | None = None
        self._string = 0, 0
        self.last_found = 0
        self.is_complete = False

    def may_find(self) -> bool:
        """Return whether a file or text may begin, whichever letters a decoder skips.

        If not, none begins in the text without the letters for URLs either.
        """
        text, found = self._text, _ANYTHING.numbers_in(self._letters)
        if _is_anything(found, text):
            return True
        if not any(letter in text for letter in _SKIPPED):
            return False
        found = _ANYTHING.numbers_in(standard_letters_of(text))
        return bool(found) and _is_anything(found, text.translate(None, URL_LETTERS))

    def found(
        self, known: set[int], complete: frozenset[int] = frozenset()
    ) -> Iterator[Encoded]:
        """Yield the files that begin in the letters.

        Args:
            known: Offsets of the strings that were decoded before.
            complete: Offsets of the strings that hold a file from its first byte to its
                last.

        Raises:
            SpentError: The budget of steps is used up.
        """
        self._known, self._complete = known, complete
        plus = b""
        if b" " in self._text and may_be_icons(self._letters):
            plus = letters_of(self._text.replace(b" ", b"+"))
        for beginning in beginnings(self._letters, self._effort, plus=plus):
            self._effort.take(_TRY_STEPS)
            group, skipped = _normal(beginning)
            if group < self._covered.get(group % 4, 0):
                # It is within a string that was yielded.
                continue
            if beginning.is_first and not self._begins_at(group):
                continue
            self._effort.take(_LOOK_STEPS)
            head = decoded(self._letters, group, HEAD_BYTES + skipped)[skipped:]
            kind = kind_of(head)
            if kind is not None:
                yield from self._at(group, skipped, head)
            elif sniff(head) in _METAFILES:
                data = self._from(group, skipped)
                yield from in_bytes("base64", data, self._effort)

    def _begins_at(self, group: int) -> bool:
        """Return whether a string begins with a group: no letter stands before it."""
        if self._has_strings is None:
            self._has_strings = begins_strings(self._text)
        if not self._has_strings:
            return False
        at = self._offset_of(max(group, 0))
        return not _WORDS.match(self._text, max(at - 1, 0), at)

    def _at(self, group: int, skipped: int, head: bytes) -> Iterator[Encoded]:
        """Yield the readings of a string."""
        text, at = self._text, self._offset_of(max(group, 0))
        self.last_found, self.is_complete = at, False
        first = head[:KNOWN_BYTES]
        if skipped or _WORDS.match(text, max(at - 1, 0), at):
            if carving.may_begin(head, sniff(head)):
                data = self._from(group, skipped)
                yield Encoded(name="base64", data=data, is_carved=True)
            return
        # A string that begins within another one ends with it.
        if not self._string[0] <= at < self._string[1]:
            self._string = at, _end_of(text, at)
        end = self._string[1]
        within = len(letters_of(text[at:end]))
        self._covered[group % 4] = group + within
        if at in self._complete:
            self.is_complete = True
            return
        is_complete = False
        for data in () if at in self._known else spelled(text[at:end]):
            if kind_of(data) is not None:
                is_complete |= ends_as_it_says(data)
                self.is_complete = is_complete
                yield Encoded(name="base64", data=data, known_by=first)
        if is_complete or len(self._letters) - group - within < _LEAST_REST:
            return
        rest = [self._from(group, 0)]
        if _PADDED_WITHIN.match(text, end):
            # Each part has its own padding, as if it stood alone.
            rest.append(self._parts(at))
        for data in rest:
            yield Encoded(name="base64", data=data, is_carved=True, known_by=first)

    def _from(self, group: int, skipped: int) -> bytes:
        """Decode all letters from a group on, whatever separates them."""
        phase = group % 4
        if phase not in self._phases:
            self._effort.take(len(self._letters) // _BYTES_PER_STEP)
            self._phases[phase] = from_base64(self._letters[phase:])
        start = max((group - phase) // 4 * 3 + skipped, 0)
        data = self._phases[phase][start : start + _MOST_REST]
        self._effort.take(len(data) // _BYTES_PER_STEP)
        return data

    def _parts(self, at: int) -> bytes:
        """Decode each word from an offset on by itself, and join the results."""
        parts = list[bytes]()
        for match in _WORDS.finditer(self._text, at):
            self._effort.take(1)
            parts.append(from_base64(match[0].translate(STANDARD)))
        return b"".join(parts)[:_MOST_REST]

    def _offset_of(self, letter: int) -> int:
        """Return the offset of a letter in the text."""
        if self._places is None:
            self._effort.take(1 + len(self._text) // _BYTES_PER_STEP)
            self._places = _Offsets(self._text)
        return self._places.of(letter)

    def dense(self) -> list[Hot]:
        """Return the stretches whose letters look like encoded bytes.

        Capitals, small letters and digits each have about the share of encoded bytes.
        """
        return [
            Hot(
                start=self._offset_of(first * _BLOCK),
                end=self._offset_of(end * _BLOCK),
                first=self._offset_of(max(first - 1, 0) * _BLOCK),
                last=self._offset_of((end + 1) * _BLOCK),
            )
            for first, end in _rows_of(self._dense_blocks())
        ]

    def _dense_blocks(self) -> NDArray[np.bool_]:
        """Return for each block of letters whether it looks like encoded bytes."""
        count = len(self._letters) // _BLOCK
        if not count:
            return _NO_BLOCKS
        sample = self._letters[: count * _BLOCK : _BLOCK_SAMPLING]
        capitals = len(sample) - len(sample.translate(None, _CAPITALS))
        if capitals < _LEAST_CAPITALS * _BLOCK // _BLOCK_SAMPLING:
            # There are too few capitals even for a single block.
            return _NO_BLOCKS
        if not _has_capitals(sample.translate(_IS_CAPITAL), count):
            return _NO_BLOCKS
        sample = sample.translate(_SORTS)
        sorts = np.frombuffer(sample, dtype=np.uint8).reshape(count, -1)
        is_dense = np.ones(count, dtype=np.bool_)
        for sort, least in _LEAST_SORTS:
            share = np.count_nonzero(sorts & sort, axis=1) / sorts.shape[1]
            is_dense &= share >= least
            if not is_dense.any():
                return _NO_BLOCKS
        return is_dense

    # --- Texts -----------------------------------------------------------------------

    def texts(self, effort: Effort) -> Iterator[tuple[bytes, bool]]:
        """Yield the texts that letters encode, and whether each was searched before.

        Args:
            effort: The budget of steps.

        Raises:
            SpentError: The budget of steps is used up.
        """
        for each in textuals(self._letters):
            if each.start < self._covered.get(each.start % 4, 0):
                # It is a stretch of a file that was yielded.
                continue
            effort.take(_TEXT_STEPS + (each.end - each.start) // 64)
            text, is_known = self._text_of(each)
            if is_printed(text):
                yield text, is_known

    def _text_of(self, each: Textual) -> tuple[bytes, bool]:
        """Decode a text from the beginning of its string, or from its first letters."""
        at = self._offset_of(each.start)
        before = self._text[max(at - _MOST_BACK, 0) : at]
        word = _WORD_END.search(before)
        letters = len(word[0]) if word else 0
        start = each.start - (letters if letters % 4 == 0 else letters // 4 * 4)
        last = each.end + _MOST_BACK
        data = decoded(self._letters, start, (last - start) // 4 * 3 + 3)
        return data, at - letters in self._known


# --- Packed strings ------------------------------------------------------------------


def packed(text: bytes, effort: Effort) -> Iterator[Encoded]:
    """Yield the long strings that are packed without a magic, and old tar files.

    Raises:
        SpentError: The budget of steps is used up.
    """
    flags = text.translate(_IN_WORD)
    at = flags.find(_LONG)
    while at >= 0:
        end = _end_of(text, at)
        effort.take(1 if end - at < _LEAST_PACKED else _LOOK_STEPS)
        head = text[at : min(end, at + _HEAD_LETTERS)]
        head = from_base64(joined(head)) if len(head) >= _LEAST_PACKED else b""
        claim = claim_of(head) if head else ""
        if head and (claim or _is_other_text(text[at:end], head)):
            data = from_base64(joined(text[at:end]))
            yield Encoded(name="base64", data=data, claim=claim or TEXT)
        elif kind_of(head) is Kind.TAR:
            yield Encoded(name="base64", data=from_base64(joined(text[at:end])))
        at = flags.find(_LONG, end)


_IN_WORD = bytes(bool(letters_of(bytes((byte,)))) for byte in range(256))
_LEAST_ROW = 64
_LONG = b"\1" * _LEAST_ROW
PACKED_SIGN = f"[A-Za-z0-9+/_-]{{{_LEAST_ROW}}}"
"""A pattern that stands in every text in which ``packed`` finds anything."""

_LEAST_PACKED = 200
"""Fewest letters of a packed picture, in a row and in all lines; checksums have fewer.
"""
_HEAD_LETTERS = 1500


TEXT = "text"
"""The claim of a content that is to be searched as a text."""


def claim_of(head: bytes) -> str:
    """Return the claim for bytes that are packed without a magic; empty for others.

    Args:
        head: The first bytes, as many as possible.
    """
    first = head[:_TOLD_BYTES]
    is_even = len(set(first)) < len(first) // 3
    if len(head) < _LEAST_CLAIMED or is_even or kind_of(head) is not None:
        return ""
    container = nameless.stream_in(MemorySource(head))
    return _CLAIMS.get(id(container), "")


_LEAST_CLAIMED = 64
_TOLD_BYTES = 256
"""Bytes that are looked at to tell whether bytes may be packed: of 256 random bytes 162
differ, of rows and texts a few."""

_CLAIMS = {
    id(streams.ZLIB): "zlib",
    id(streams.RAW_DEFLATE): "deflate",
    id(streams.XZ): "lzma",
    id(streams.BROTLI): "br",
}


def _is_other_text(string: bytes, head: bytes) -> bool:
    """Return whether a string encodes a text that is not mostly ASCII.

    Texts in ASCII are found by their rows of letters (``textual.py``), at any offset.
    """
    if is_printed(head) and b"\x1b" not in head:
        return False
    is_latin = b"\xc2" in head or b"\xc3" in head
    return is_text(head) or (
        is_latin and holds_characters(from_base64(joined(string[:_CHARACTER_LETTERS])))
    )


_CHARACTER_LETTERS = 8192
"""Letters within which such a text has the control characters of a picture's header."""


def spelled(string: bytes) -> Iterator[bytes]:
    """Decode a string without its white space, then with a plus for each blank."""
    yield from_base64(joined(string))
    if b" " in string.strip():
        string = string.translate(STANDARD, b"\r\n\t\f\v").strip()
        yield from_base64(string.replace(b" ", b"+"))


def _normal(beginning: Beginning) -> tuple[int, int]:
    """Return the group of a beginning and its skipped bytes, reduced to 0, 1 or 2."""
    back = -(beginning.skipped // 3)
    return beginning.group - 4 * back, beginning.skipped + 3 * back


def _end_of(text: bytes, at: int) -> int:
    match = _STRING.match(text, at)
    return match.end() if match else at


def ends_as_it_says(data: bytes) -> bool:
    """Return whether a file ends where its header says: no later byte counts."""
    match sniff(data[:32]):
        case Kind.JPEG:
            return data[-2:] == b"\xff\xd9" and b"\xff\xda" in data
        case Kind.GIF:
            return data[-2:] == b"\0;"
        case Kind.PNG:
            return b"IEND" in data[-12:] and b"IDAT" in data
        case Kind.WEBP:
            return int.from_bytes(data[4:8], "little") + 8 <= len(data)
        case _:
            return False


class _Offsets:
    """The offsets of the letters of a text."""

    def __init__(self, text: bytes) -> None:
        self._text = text
        self._counts = [0]
        self._last, self._places = -1, np.zeros(0, dtype=np.intp)
        for at in range(0, len(text), _STRETCH):
            piece = text[at : at + _STRETCH]
            self._counts.append(self._counts[-1] + len(letters_of(piece)))

    def of(self, letter: int) -> int:
        """Return the offset of a letter by its number; the end if there are fewer."""
        stretch = bisect_right(self._counts, letter) - 1
        at = stretch * _STRETCH
        if stretch != self._last:
            piece = np.frombuffer(self._text[at : at + _STRETCH], dtype=np.uint8)
            self._last, self._places = stretch, np.flatnonzero(_IS_LETTER.take(piece))
        within = letter - self._counts[stretch]
        is_there = within < len(self._places)
        return at + int(self._places[within]) if is_there else len(self._text)


_STRETCH = 4096
_IS_LETTER = np.array([bool(letters_of(bytes((byte,)))) for byte in range(256)])


def _has_capitals(flags: bytes, count: int) -> bool:
    """Return whether any of ``count`` blocks has enough capitals.

    Args:
        flags: One byte for each letter of the sample, 1 for a capital.
        count: Number of blocks.
    """
    words = np.frombuffer(flags, dtype=np.uint64).reshape(count, -1)
    # In each byte of a sum there are as many as there are words, at most.
    sums = words.sum(axis=1).view(np.uint8).reshape(count, -1)
    least = _LEAST_CAPITALS * (len(flags) // count)
    return bool((sums.sum(axis=1, dtype=np.uint16) >= least).any())


def _rows_of(flags: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Return where flags are set in a row: starts and ends."""
    if not len(flags):
        return []
    edges = np.flatnonzero(np.diff(flags, prepend=False, append=False))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))


_NO_BLOCKS = np.zeros(0, dtype=np.bool_)
_BLOCK, _BLOCK_SAMPLING = 1024, 4
_LEAST_CAPITALS = 0.28
_CAPITAL, _DIGIT, _SMALL, _LATE = 1, 2, 4, 8
_LEAST_SORTS = (
    (_CAPITAL, _LEAST_CAPITALS),
    (_LATE, 0.18),
    (_DIGIT, 0.07),
    (_SMALL, 0.2),
)
"""The sorts of letters, and the least share of each. Of packed bytes in base64, 26 of
64 letters are capitals, 20 are capitals from ``G`` on, 10 are digits, and 20 are small
letters from ``g`` on; the shares here are lower by four times the deviation of one in a
thousand samples. Names in capitals, prose, programs, digits and tables of characters
(``\ua9da-\ua9dd``) lack one or the other."""

_CAPITALS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_IS_CAPITAL = bytes(byte in _CAPITALS for byte in range(256))
_SORTS = bytes(
    _CAPITAL * (byte in _CAPITALS)
    | _LATE * (byte in _CAPITALS[6:])
    | _DIGIT * (byte in b"0123456789")
    | _SMALL * (byte in b"ghijklmnopqrstuvwxyz")
    for byte in range(256)
)
