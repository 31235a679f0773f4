"""Find the files in the letters of base64, whatever stands between the letters.

Programs that decode base64 pass over white space, and most of them over everything else
that is no letter. So all letters of a text are looked at as one long string. In it, a
file is found by its magic, which three or four letters spell, in one of three ways: a
byte may begin at the first, second or third bit pair of a letter.
"""

import binascii
import string
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from uploadfilter.contents.kinds.magic import HEAD_BYTES
from uploadfilter.contents.needles import Needles
from uploadfilter.contents.texts.files import MAGIC, kind_of

ALPHABET: Final = (string.ascii_letters + string.digits + "+/").encode()
URL_LETTERS: Final = b"-_"
"""What stands for the last two letters in URLs."""

STANDARD: Final = bytes.maketrans(URL_LETTERS, b"+/")
NO_LETTER: Final = bytes(set(range(256)) - set(ALPHABET) - set(URL_LETTERS))
NO_STANDARD_LETTER: Final = bytes(set(range(256)) - set(ALPHABET))

_LETTER_BITS: Final = 6
_BYTE_BITS: Final = 8
_PHASES: Final = 3
_BLOCK_BYTES: Final = 4096


def decode(letters: bytes, *, bit: int = 0, most: int | None = None) -> bytes:
    """Decode letters of the standard alphabet, from an even bit on."""
    first, within = divmod(bit, _LETTER_BITS)
    # As many letters before it that the rest begins at a whole byte.
    before = within // 2
    needed = len(letters) if most is None else -(-(most + before) // 3) * 4
    group = b"A" * before + letters[first : first + needed]
    group = group[: len(group) - (len(group) % 4 == 1)]
    data = binascii.a2b_base64(group + b"=" * (-len(group) % 4))
    return data[before : None if most is None else before + most]


@dataclass(frozen=True, slots=True)
class _Spelling:
    """The letters that are all of a magic, and the bits from them back to the file."""

    letters: bytes
    back: int


def _spellings() -> Iterator[_Spelling]:
    for magic, offset in MAGIC:
        for phase in range(_PHASES):
            encoded = binascii.b2a_base64(bytes(phase) + magic, newline=False)
            first = -(-phase * _BYTE_BITS // _LETTER_BITS)
            last = (phase + len(magic)) * _BYTE_BITS // _LETTER_BITS
            back = first * _LETTER_BITS - phase * _BYTE_BITS + offset * _BYTE_BITS
            yield _Spelling(encoded[first:last], back)


_SPELLINGS: Final = tuple(_spellings())
_NEEDLES: Final = Needles([each.letters for each in _SPELLINGS])


def possible_starts(letters: bytes) -> list[int]:
    """Return the first bits at which files may begin, up to ``MOST_STARTS``."""
    bits = set[int]()
    for at, number in _NEEDLES.places_in(letters):
        bit = at * _LETTER_BITS - _SPELLINGS[number].back
        if bit >= 0:
            bits.add(bit)
        if len(bits) == MOST_STARTS:
            break
    return sorted(bits)


MOST_STARTS: Final = 20_000
"""Most beginnings that are looked at one by one: hundredths of a second."""


def is_file(letters: bytes, bit: int) -> bool:
    """Return whether a file begins at a bit."""
    return kind_of(decode(letters, bit=bit, most=HEAD_BYTES)) is not None


def offsets_of(numbers: Sequence[int], text: bytes, deleted: bytes) -> Iterator[int]:
    """Yield where letters stand in their text, by their numbers from 0 on, in order.

    ``deleted`` are the bytes of the text that are no letters.
    """
    is_letter = bytes(byte not in deleted for byte in range(256))
    done, before = 0, 0
    for at in range(0, len(text), _BLOCK_BYTES):
        if done == len(numbers):
            return
        flags = text[at : at + _BLOCK_BYTES].translate(is_letter)
        count = flags.count(1)
        here = bisect_left(numbers, before + count, lo=done)
        if here > done:
            places = np.flatnonzero(np.frombuffer(flags, dtype=np.uint8))
            inside = np.array(numbers[done:here], dtype=np.intp) - before
            yield from (places[inside] + at).tolist()
        done, before = here, before + count
