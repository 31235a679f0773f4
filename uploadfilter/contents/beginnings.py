"""Find where pictures, containers and texts may begin in letters of base64.

A picture can begin at any letter of a string, and a decoder may skip what stands
between two letters. So all that is no letter is left out first, and the letters are
searched for what the first bytes of a file become at each of the three places of a
group of four letters.

Rules this module keeps: linear time whatever the letters; a stretch of them at a time;
what is found is a place to look at; the caller decodes from there and learns the rest.

How it is fast (300 MB of text in a second): each two neighbours are looked up in a
table; the few that stand in some beginning are compared with what follows them.
``slow_beginnings`` says the same, slowly and plainly; a test holds them together.

To add a beginning: a line in ``_MAGIC``, or in ``_FIRST`` if it is so short that it
counts only where a group begins.
"""

import binascii
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LETTERS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
"""The standard alphabet, in the order of its values."""

URL_LETTERS = b"-_"
"""What the alphabet for URLs has in the place of the last two."""

_STANDARD = bytes.maketrans(URL_LETTERS, LETTERS[-2:])
_NO_LETTER = bytes(
    byte for byte in range(256) if byte not in LETTERS and byte not in URL_LETTERS
)


def letters_of(text: bytes) -> bytes:
    """Return the letters of a text, in the standard alphabet, and nothing else."""
    return text.translate(_STANDARD, _NO_LETTER)


@dataclass(frozen=True, slots=True)
class Beginning:
    """Where something may begin in letters.

    Attributes:
        group: Number of the letter at which its group begins; may be negative, if the
            letters before it are missing.
        skipped: Bytes of that group before the first byte of the file; may be negative,
            if what is known of the file stands behind its first byte.
    """

    group: int
    skipped: int


_MAGIC: tuple[tuple[bytes, int], ...] = (
    (b"\xff\xd8\xff", 0),
    (b"\x89PNG", 0),
    (b"GIF8", 0),
    (b"RIFF", 0),
    (b"ftyp", 4),
    (b"JXL \r\n", 4),
    (b"jP  \r\n", 4),
    (b"\xff\x4f\xff\x51", 0),
    (b"II*\0", 0),
    (b"II+\0", 0),
    (b"II\xbc\1", 0),
    (b"MM\0*", 0),
    (b"MM\0+", 0),
    (b"8BPS", 0),
    (b"qoif", 0),
    (b"BM", 0),
    (b"PK\3\4", 0),
    (b"\x1f\x8b\x08", 0),
    (b"BZh", 0),
    (b"\xfd7zXZ", 0),
    (b"\x28\xb5\x2f\xfd", 0),
    (b"\x04\x22\x4d\x18", 0),
    (b"7z\xbc\xaf", 0),
    (b"Rar!", 0),
    (b"MSCF", 0),
    (b"%PDF-", 0),
    (b"\xd0\xcf\x11\xe0", 0),
    (b"ustar", 257),
)
"""Bytes that stand in a file, and how far behind its first byte. At least 16 bits."""

_FIRST: tuple[bytes, ...] = (
    b"\0\0\1\0",
    b"\0\0\2\0",
    b"\xff\x0a",
    *(b"P%d%c" % (form, blank) for form in range(1, 7) for blank in b"\n \r\t#"),
)
"""First bytes of icons, JPEG XL and PNM: they are common where they mean nothing, so
that they count only where a group of letters begins."""


# --- Tables --------------------------------------------------------------------------

_Words = NDArray[np.uint64]
_Places = NDArray[np.intp]

_FIRST_WHOLE = (0, 2, 3)
"""First letter of a group that stands for nothing but the file, by bytes skipped."""

_LETTER_BITS = 6
_PAIR = 2
_MARKS = 64


@dataclass(frozen=True, slots=True)
class _Needle:
    """What some first bytes become where a number of bytes precede them."""

    magic: bytes
    before: int
    skipped: int

    def letters(self, at: int) -> list[bytes]:
        """Return which letters may stand at a place behind the first whole one."""
        first = (_FIRST_WHOLE[self.skipped] + at) * _LETTER_BITS
        bits = "".join(f"{byte:08b}" for byte in self.magic)
        known = bits[first - 8 * self.skipped :][:_LETTER_BITS]
        return [
            LETTERS[value : value + 1]
            for value in range(64)
            if f"{value:06b}".startswith(known)
        ]


def _needles() -> tuple[_Needle, ...]:
    anywhere = [
        _Needle(magic, before, skipped)
        for magic, before in _MAGIC
        for skipped in range(3)
    ]
    return (*anywhere, *(_Needle(magic, 0, 0) for magic in _FIRST))


_NEEDLES = _needles()


def _pair_table(at: int) -> _Words:
    """Return the marks of the needles that have a pair of letters at a place.

    The index is a pair as numpy reads two bytes.
    """
    table = np.zeros(1 << 16, dtype=np.uint64)
    for number, needle in enumerate(_NEEDLES):
        mark = np.uint64(1 << number % _MARKS)
        for first in needle.letters(at):
            for second in needle.letters(at + 1):
                table[int.from_bytes(first + second, "little")] |= mark
    return table


_HERE, _NEXT, _LAST = _pair_table(0), _pair_table(2), _pair_table(4)
_IS_HERE = _HERE != 0
_BY_MARK = {
    1 << mark: _NEEDLES[mark::_MARKS] for mark in range(min(_MARKS, len(_NEEDLES)))
}

_STRETCH = 1 << 17
"""Letters that are looked at together: they stay in the cache."""

_SEEN = 6
"""Letters of a needle that are compared by tables."""

_FEW = 8192
"""Letters up to which to look up all costs less than to sort out the rare ones."""


# --- The search ----------------------------------------------------------------------


def beginnings(letters: bytes) -> Iterator[Beginning]:
    """Yield where something may begin, in the order of the letters.

    Args:
        letters: Of the standard alphabet, and nothing else.
    """
    if len(letters) <= _FEW:
        for place, marks in _marked_in_few(letters):
            yield from _verified(letters, place, marks)
        return
    for at in range(0, len(letters), _STRETCH):
        piece = letters[at : at + _STRETCH + _SEEN]
        for place, marks in _marked(piece):
            if place < _STRETCH:
                yield from _verified(letters, at + place, marks)


def _marked(piece: bytes) -> list[tuple[int, int]]:
    """Return the places of pairs that begin a needle, and which needles."""
    even = np.frombuffer(piece, dtype="<u2", count=len(piece) // 2)
    odd = np.frombuffer(piece, dtype="<u2", count=(len(piece) - 1) // 2, offset=1)
    places = np.concatenate(
        (
            2 * np.flatnonzero(_IS_HERE.take(even)),
            2 * np.flatnonzero(_IS_HERE.take(odd)) + 1,
        )
    )
    if not len(places):
        return []
    data = np.frombuffer(piece, dtype=np.uint8)
    places, marks = _followed(data, places, _HERE[_pairs(data, places)], _NEXT, 2)
    places, marks = _followed(data, places, marks, _LAST, 4)
    order = np.argsort(places)
    return list(zip(places[order].tolist(), marks[order].tolist(), strict=True))


def _marked_in_few(letters: bytes) -> list[tuple[int, int]]:
    """Return the same of few letters: all pairs of them are looked up at once."""
    data = np.frombuffer(letters + b"A" * _SEEN, dtype=np.uint8)
    pairs = data[1:].astype(np.uint16)
    pairs <<= 8
    pairs |= data[:-1]
    marks = _HERE.take(pairs[:-4])
    marks &= _NEXT.take(pairs[2:-2])
    marks &= _LAST.take(pairs[4:])
    places = np.flatnonzero(marks)
    if not len(places):
        return []
    return list(zip(places.tolist(), marks[places].tolist(), strict=True))


def _followed(
    data: NDArray[np.uint8], places: _Places, marks: _Words, table: _Words, at: int
) -> tuple[_Places, _Words]:
    """Keep the places behind which some needle goes on."""
    marks = marks & table[_pairs(data, places + at)]
    kept = marks != 0
    return places[kept], marks[kept]


def _pairs(data: NDArray[np.uint8], places: _Places) -> NDArray[np.intp]:
    """Return the pairs of letters at places; behind the end, that of zeros."""
    first = data.take(places, mode="clip").astype(np.intp)
    return first | data.take(places + 1, mode="clip").astype(np.intp) << 8


def _verified(letters: bytes, place: int, marks: int) -> Iterator[Beginning]:
    """Yield the needles that stand at a place indeed."""
    while marks:
        lowest = marks & -marks
        marks ^= lowest
        for needle in _BY_MARK[lowest]:
            group = place - _FIRST_WHOLE[needle.skipped]
            if _stands(letters, group, needle):
                yield Beginning(group, needle.skipped - needle.before)


def _stands(letters: bytes, group: int, needle: _Needle) -> bool:
    data = decoded(letters, group, needle.skipped + len(needle.magic))
    return data.startswith(needle.magic, needle.skipped)


def decoded(letters: bytes, group: int, length: int) -> bytes:
    """Return bytes that letters stand for, as many as there are up to a length.

    Args:
        letters: Of the standard alphabet.
        group: Where a group begins; letters before the first count as zero.
        length: Bytes, counted from there.
    """
    needed = -(-length // 3) * 4
    piece = b"A" * -min(group, 0) + letters[max(group, 0) : max(group + needed, 0)]
    piece = piece[: len(piece) - (len(piece) % 4 == 1)]
    return binascii.a2b_base64(piece + b"=" * (-len(piece) % 4))[:length]


def slow_beginnings(letters: bytes) -> Iterator[Beginning]:
    """Yield what ``beginnings`` yields: decode at every letter and compare."""
    for place in range(-3, len(letters)):
        for needle in _NEEDLES:
            if place + _FIRST_WHOLE[needle.skipped] >= 0 and _stands(
                letters, place, needle
            ):
                yield Beginning(place, needle.skipped - needle.before)
