"""Find the letters of base64 that encode text.

An encoded text has no magic, but a pattern: the first bit of each byte is zero, and few
bytes are control characters. One in a hundred million random letters begins such a row
that is long enough; in prose and programs there are not many more.

Rules this module keeps: linear time for any letters: a few nanoseconds for each, and
one if there is no text.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from uploadfilter.contents.patterns import Patterns, one_of
from uploadfilter.contents.texts.beginnings import LETTERS

_GROUP = 4
_ROW = 8
"""Fewest groups of four letters in a row that decode to text: 24 bytes. A text that
holds encoded bytes has longer rows than prose whose letters are decoded."""

_STRETCH = 1 << 17
_GAP = 4096
"""Most letters between two stretches of text that become one: between them are
characters outside of ASCII, or a short binary part."""


@dataclass(frozen=True, slots=True)
class Textual:
    """Letters that encode text.

    Attributes:
        start: Number of the first letter; a group begins there.
        end: Number after the last letter.
    """

    start: int
    end: int


def _allowed(value: int, place: int) -> bool:
    """Return whether a letter may stand at a place of a group that is text."""
    match place:
        case 0:  # six bits of the first byte: blanks, or printable characters
            return value in {2, 3} or 8 <= value < 32  # noqa: PLR2004 - bytes
        case 1:  # the first four bits of the second byte
            return value & 15 in {0, 2, 3, 4, 5, 6, 7}
        case 2:  # the first two bits of the third byte
            return value & 2 == 0
        case _:
            return True


def _table(at: int) -> bytes:
    """Return for each byte the phases in which it may be text at a place, as bits."""
    table = bytearray(256)
    for value, letter in enumerate(LETTERS):
        table[letter] = sum(
            1 << phase
            for phase in range(_GROUP)
            if _allowed(value, (at - phase) % _GROUP)
        )
    return bytes(table)


_TABLES = tuple(_table(at) for at in range(_GROUP))


def _row() -> str:
    """Return a pattern that stands in each row of text, in any phase.

    Such a row begins with the first letter of a group of its phase.
    """
    group = [
        one_of(
            bytes(
                letter for value, letter in enumerate(LETTERS) if _allowed(value, place)
            )
        )
        for place in range(_GROUP)
    ]
    return f"(?:{''.join(group)}){{{_ROW - 1}}}{group[0]}"


EXPRESSION = _row()
_PATTERNS = Patterns([EXPRESSION])


def textuals(letters: bytes) -> Iterator[Textual]:
    """Yield the stretches of letters that encode text, phase by phase.

    Args:
        letters: Of the standard alphabet, and nothing else.
    """
    if not _PATTERNS.numbers_in(letters):
        return
    ends: dict[int, list[Textual]] = {}
    for at in range(0, len(letters), _STRETCH):
        piece = letters[at : at + _STRETCH + _GROUP * _ROW]
        for phase, first, last in _runs(piece):
            start = max(at + first * _GROUP + phase - _GROUP, 0)
            start += (phase - start) % _GROUP
            found = ends.setdefault(phase, [])
            end = at + (last + _ROW) * _GROUP
            if found and start - found[-1].end <= _GAP:
                found[-1] = Textual(found[-1].start, max(end, found[-1].end))
            else:
                found.append(Textual(start, end))
    for found in ends.values():
        yield from found


def _runs(piece: bytes) -> Iterator[tuple[int, int, int]]:
    """Yield phases, and the aligned groups at which first and last rows of text begin.

    Rows that overlap, or that are at most the gap apart, are one run: a long text has
    as many rows as groups.
    """
    count = len(piece) // _GROUP
    if count < _ROW:
        return
    marks = np.full(count, 0xFF, dtype=np.uint8)
    for at, table in enumerate(_TABLES):
        column = piece[at : count * _GROUP : _GROUP].translate(table)
        marks &= np.frombuffer(column, dtype=np.uint8)
    step = 1
    while step < _ROW:
        marks = marks[:-step] & marks[step:]
        step *= 2
    if not marks.any():
        return
    for phase in range(_GROUP):
        rows = np.flatnonzero(marks & np.uint8(1 << phase))
        if not len(rows):
            continue
        gaps = np.diff(rows) * _GROUP + phase - _GROUP * (_ROW + 1)
        breaks = np.flatnonzero(gaps > _GAP)
        firsts = rows[np.append(0, breaks + 1)].tolist()
        lasts = rows[np.append(breaks, len(rows) - 1)].tolist()
        for first, last in zip(firsts, lasts, strict=True):
            yield phase, first, last
