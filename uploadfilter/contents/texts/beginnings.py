"""Find the possible beginnings of pictures, containers and texts in letters of base64.

A picture can begin at any letter of a string, and a decoder may skip the bytes between
two letters. So all other bytes are removed first. Then the letters are searched for the
encoded first bytes of files, in each of the three positions within a group of four
letters.

Rules this module keeps: linear time for any letters; one stretch of letters at a time;
a beginning is only a place to look at: the caller decodes from there.

How it is fast (a GB of text in a second): all encoded first bytes are looked for in one
pass (``patterns.py``), and letters are decoded and compared only where one stands.
``slow_beginnings`` yields the same, slowly and plainly; a test compares the two.

The first letters of icons and cursors stand a hundred thousand times in the source map
of a program. So such a beginning counts only if somewhere after it stands the header of
a picture that an entry could point to.

To add a beginning: a line in ``_MAGIC``, or in ``_FIRST`` if it is so short that it may
count only where a string begins.
"""

import binascii
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from uploadfilter.contents.kinds.magic import (
    DIB_BITS,
    DIB_HEADER_BYTES,
    OLD_DIB_HEADER_BYTES,
)
from uploadfilter.contents.patterns import Patterns, none_of, one_of
from uploadfilter.contents.texts.effort import Effort

LETTERS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
"""The standard alphabet, in the order of its values."""

URL_LETTERS = b"-_"
"""The letters that replace the last two in the alphabet for URLs."""

_STANDARD = bytes.maketrans(URL_LETTERS, LETTERS[-2:])
_NO_LETTER = bytes(
    byte for byte in range(256) if byte not in LETTERS and byte not in URL_LETTERS
)


_NO_STANDARD_LETTER = _NO_LETTER + URL_LETTERS


def letters_of(text: bytes) -> bytes:
    """Return the letters of a text, in the standard alphabet, and nothing else."""
    return text.translate(_STANDARD, _NO_LETTER)


def standard_letters_of(text: bytes) -> bytes:
    """Return the letters of a text in the standard alphabet alone."""
    return text.translate(None, _NO_STANDARD_LETTER)


@dataclass(frozen=True, slots=True)
class Beginning:
    """A possible beginning of a file in letters.

    Attributes:
        group: Number of its group's first letter; may be negative, if letters are
            missing before it.
        skipped: Bytes of that group before the first byte of the file; may be negative,
            if the bytes by which the file is known stand after its first byte.
        is_first: Whether it counts only where a string begins.
    """

    group: int
    skipped: int
    is_first: bool = False


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
    (b"\xd7\xcd\xc6\x9a", 0),
    (b"\1\0\x09\0\0\1", 0),
    (b"\1\0\x09\0\0\3", 0),
    (b" EMF", 40),
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
    (b"wOFF", 0),
    (b"wOF2", 0),
    (b"\xd0\xcf\x11\xe0", 0),
    (b"ustar", 257),
)
"""Bytes of a file, at least 16 bits, and their offset from its first byte."""

_ICONS = (b"\0\0\1\0", b"\0\0\2\0")

_FIRST: tuple[bytes, ...] = (
    *_ICONS,
    b"\xff\x0a",
    *(b"P%d%c" % (form, blank) for form in range(1, 7) for blank in b"\n \r\t#"),
)
"""First bytes of icons, JPEG XL and PNM: they often occur by chance, so that they count
only where a string begins."""


# --- The beginnings -------------------------------------------------------------------

_FIRST_WHOLE = (0, 2, 3)
"""First letter of a group that encodes only bytes of the file, by bytes skipped."""

_LETTER_BITS = 6
_ALL_VALUES = 1 << _LETTER_BITS


def _bits_of(data: bytes) -> str:
    return "".join(f"{byte:08b}" for byte in data)


# Needles ask for few of these, but thousands of times, at the start of each scanner.
@cache
def _that_begin(bits: str) -> bytes:
    """Return the letters whose value begins with at most six bits."""
    least = int(bits.ljust(_LETTER_BITS, "0"), 2)
    return LETTERS[least : least + (_ALL_VALUES >> len(bits))]


@cache
def _that_end(bits: str) -> bytes:
    """Return the letters whose value ends with at most six bits."""
    return LETTERS[int(bits or "0", 2) :: 1 << len(bits)]


@dataclass(frozen=True, slots=True)
class _Needle:
    """The letters of some first bytes after a number of skipped bytes."""

    magic: bytes
    before: int
    skipped: int
    is_first: bool = False

    def at(self, group: int) -> Beginning:
        """Return the beginning of a file whose first bytes stand in a group."""
        return Beginning(group, self.skipped - self.before, self.is_first)

    @property
    def letters(self) -> list[bytes]:
        """Return the allowed letters of each place, from the first whole letter on."""
        at, bits = self._first_whole_bit, _bits_of(self.magic)
        return [
            _that_begin(bits[first : first + _LETTER_BITS])
            for first in range(at, len(bits), _LETTER_BITS)
        ]

    @property
    def letter_before(self) -> bytes:
        """Return the letters that may stand before these, where bytes are skipped."""
        return _that_end(_bits_of(self.magic)[: self._first_whole_bit])

    @property
    def _first_whole_bit(self) -> int:
        """Return the first bit in the file of the first letter with no other bits."""
        return _FIRST_WHOLE[self.skipped] * _LETTER_BITS - 8 * self.skipped


def _needles() -> tuple[_Needle, ...]:
    anywhere = [
        _Needle(magic, before, skipped)
        for magic, before in _MAGIC
        for skipped in range(3)
    ]
    # The needles of icons come last: most texts are searched without them.
    firsts = sorted(_FIRST, key=_ICONS.__contains__)
    return (*anywhere, *(_Needle(magic, 0, 0, is_first=True) for magic in firsts))


_NEEDLES = _needles()


_LENGTHS = tuple(len(needle.letters) for needle in _NEEDLES)


def _expression(needle: _Needle) -> str:
    """Return a pattern for the letters of a needle, from its first whole letter on.

    The letter before has some bits of the needle, unless that letter is missing.
    """
    whole = "".join(map(one_of, needle.letters))
    return f"(?:^|{one_of(needle.letter_before)}){whole}" if needle.skipped else whole


_BETWEEN = none_of(LETTERS + URL_LETTERS)


def _strings() -> list[str]:
    """Return patterns for strings that begin with bytes which count only there.

    Strings that begin alike share one pattern.
    """
    alike: dict[tuple[bytes, ...], list[set[int]]] = {}
    for needle in _NEEDLES:
        if needle.is_first:
            places = alike.setdefault(
                tuple(needle.letters[:2]), [set() for _ in needle.letters]
            )
            for place, letters in zip(places, needle.letters, strict=True):
                place.update(letters)
                place.update(URL_LETTERS[:1] if b"+" in letters else b"")
                place.update(URL_LETTERS[1:] if b"/" in letters else b"")
    return [
        f"(?:^|{_BETWEEN}){f'{_BETWEEN}*'.join(one_of(bytes(each)) for each in places)}"
        for places in alike.values()
    ]


_EXPRESSIONS = tuple(map(_expression, _NEEDLES))
_PATTERNS = Patterns(_EXPRESSIONS, every=True)
_BUT_ICONS = Patterns(_EXPRESSIONS[: -len(_ICONS)], every=True)
_ICON_LETTERS = (b"AAABA", b"AAACA")
"""The first letters of ``_ICONS``."""

_STRINGS = Patterns(_strings())

ANYWHERE = tuple(map(_expression, (each for each in _NEEDLES if not each.is_first)))
"""Patterns of the beginnings that count anywhere: letters without them have none."""

AT_FIRST = tuple(map(_expression, (each for each in _NEEDLES if each.is_first)))
"""The same for the beginnings that count only where a string begins."""


def begins_strings(text: bytes) -> bool:
    """Return whether a string of a text begins with bytes that count only there."""
    return bool(_STRINGS.numbers_in(text))


_STRETCH = 1 << 17
"""Letters that are searched at a time; the places found in them are held in memory."""

_OVERLAP = max(_LENGTHS) - 1


# --- The contents of icons ------------------------------------------------------------

_Places = tuple[frozenset[int], ...]
"""The allowed values of each of some bytes."""

_ANY = frozenset(range(256))
_ZERO = frozenset({0})
_LENGTH = (_ANY, _ANY, frozenset({0, 1, 254, 255}), frozenset({0, 255}))
"""The bytes of a side in pixels, up to 131,071; negative in bitmaps from the top down.
"""


def _header(sizes: frozenset[int], side: _Places) -> _Places:
    """Return the header of a bitmap: its size, its sides, its planes and its bits."""
    size = (sizes, _ZERO, _ZERO, _ZERO)
    return (*size, *side, *side, _ANY, _ANY, DIB_BITS, _ZERO)


_HELD: tuple[_Places, ...] = (
    tuple(frozenset({byte}) for byte in b"\x89PNG"),
    _header(frozenset({OLD_DIB_HEADER_BYTES}), (_ANY, _ANY)),
    _header(DIB_HEADER_BYTES - {OLD_DIB_HEADER_BYTES}, _LENGTH),
)
"""The first bytes of the pictures in icons and cursors. No program shows anything else
that an entry points to."""

_HELD_BYTES = max(map(len, _HELD))


def _is_held(data: bytes) -> bool:
    """Return whether bytes begin a picture of an icon whose sides are not zero."""
    fits = [
        places
        for places in _HELD
        if len(data) >= len(places)
        and all(byte in may for byte, may in zip(data, places, strict=False))
    ]
    if not fits or data.startswith(b"\x89PNG"):
        return bool(fits)
    side = 2 if data[0] == OLD_DIB_HEADER_BYTES else 4
    return any(data[4 : 4 + side]) and any(data[4 + side : 4 + 2 * side])


_LAST_WITHIN = 8 - _LETTER_BITS
"""Bit of a byte at which the last letter begins that encodes bits of this byte alone.
"""


def _held_expression(places: _Places, skipped: int) -> str:
    """Return a pattern for the whole letters of a header.

    Each letter is matched by itself, so that the pattern also matches a few others.
    """
    bits = [{f"{byte:08b}" for byte in may} for may in (_ANY,) * skipped + places]
    letters = list[str]()
    for at in range(_FIRST_WHOLE[skipped], len(bits) * 8 // _LETTER_BITS):
        first, start = divmod(at * _LETTER_BITS, 8)
        end = start + _LETTER_BITS
        # Bits that no letter sees are left out before bytes are paired.
        ones = {one[start:end] for one in bits[first]}
        is_split = start > _LAST_WITHIN
        others = {each[: end - 8] for each in bits[first + 1]} if is_split else {""}
        values = {one + other for one in ones for other in others}
        letters.append(one_of(bytes(LETTERS[int(value, 2)] for value in values)))
    return "".join(letters)


_HELD_NEEDLES = tuple((places, skipped) for places in _HELD for skipped in range(3))
_HELD_PATTERNS = Patterns(
    [_held_expression(places, skipped) for places, skipped in _HELD_NEEDLES],
    every=True,
)
_HELD_LENGTHS = tuple(
    (skipped + len(places)) * 8 // _LETTER_BITS for places, skipped in _HELD_NEEDLES
)
"""The letters of a header, from the group's first letter to the last whole one."""


def last_held(letters: bytes, effort: Effort | None = None) -> int:
    """Return the beginning of the last picture that an icon may hold.

    Args:
        letters: Of the standard alphabet, and nothing else.
        effort: The budget of steps; without one, nothing is counted.

    Returns:
        Number of the first letter of the group that has the picture's first byte; -1 if
        there is no such picture. Letters may be missing before it, so that the group
        need not be aligned with the icon's groups.

    Raises:
        SpentError: The budget of steps is used up.
    """
    found = _HELD_PATTERNS.places_in(letters)
    if effort is not None:
        effort.take(1 + len(found))
    last = -1
    for end, number in found:
        group, skipped = end - _HELD_LENGTHS[number], _HELD_NEEDLES[number][1]
        if group > last and _is_held(
            decoded(letters, group, skipped + _HELD_BYTES)[skipped:]
        ):
            last = group
    return last


def slow_last_held(letters: bytes) -> int:
    """Return the same as ``last_held``, by decoding at every letter."""
    last = -1
    for group in range(-3, len(letters)):
        data = decoded(letters, group, _HELD_BYTES + 2)
        if any(_is_held(data[skipped:]) for skipped in range(3)):
            last = group
    return last


# --- The search ----------------------------------------------------------------------


def may_be_icons(letters: bytes) -> bool:
    """Return whether the first bytes of an icon may stand anywhere in letters."""
    return any(each in letters for each in _ICON_LETTERS)


def beginnings(
    letters: bytes, effort: Effort | None = None, *, plus: bytes = b""
) -> Iterator[Beginning]:
    """Yield the possible beginnings, in the order of the letters.

    Args:
        letters: Of the standard alphabet, and nothing else.
        effort: The budget of steps; without one, nothing is counted.
        plus: The same with a plus for each blank of the text, if a form may have turned
            a plus into a blank.

    Raises:
        SpentError: The budget of steps is used up.
    """
    patterns, last = _BUT_ICONS, -1
    if may_be_icons(letters):
        is_plus = last_held(plus, effort) >= 0
        last = len(letters) if is_plus else last_held(letters, effort)
        patterns = _PATTERNS if last >= 0 else _BUT_ICONS
    for at in range(0, len(letters), _STRETCH):
        piece = letters[at : at + _STRETCH + _OVERLAP]
        found = sorted(
            (end - _LENGTHS[number], number)
            for end, number in patterns.places_in(piece)
        )
        if effort is not None:
            effort.take(len(found) // _FOUND_PER_STEP)
        for place, number in found:
            needle = _NEEDLES[number]
            group = at + place - _FIRST_WHOLE[needle.skipped]
            if needle.magic in _ICONS and group >= last:
                continue
            if place < _STRETCH and _stands(letters, group, needle):
                yield needle.at(group)


_FOUND_PER_STEP = 2
"""Patterns that are found in a microsecond, if nothing is decoded there."""


def _stands(letters: bytes, group: int, needle: _Needle) -> bool:
    data = decoded(letters, group, needle.skipped + len(needle.magic))
    return data.startswith(needle.magic, needle.skipped)


def decoded(letters: bytes, group: int, length: int) -> bytes:
    """Decode letters, up to a number of bytes.

    Args:
        letters: Of the standard alphabet.
        group: Number of a group's first letter; letters before the first count as zero.
        length: Most bytes that are returned.
    """
    needed = -(-length // 3) * 4
    piece = b"A" * -min(group, 0) + letters[max(group, 0) : max(group + needed, 0)]
    piece = piece[: len(piece) - (len(piece) % 4 == 1)]
    return binascii.a2b_base64(piece + b"=" * (-len(piece) % 4))[:length]


def slow_beginnings(letters: bytes, *, plus: bytes = b"") -> Iterator[Beginning]:
    """Yield the same as ``beginnings``, by decoding at every letter."""
    last = len(letters) if slow_last_held(plus) >= 0 else slow_last_held(letters)
    for place in range(-3, len(letters)):
        for needle in _NEEDLES:
            if needle.magic in _ICONS and place >= last:
                continue
            if place + _FIRST_WHOLE[needle.skipped] >= 0 and _stands(
                letters, place, needle
            ):
                yield Beginning(place, needle.skipped - needle.before)
