"""Find letters of base64 that stand for text.

What encodes a text has no magic, but it has a pattern: the first bit of each byte is
zero, and few bytes are controls. Of random letters one in a hundred million goes on so
for long enough, and of prose and programs not many more.

Rules this module keeps: linear time whatever the letters, a few nanoseconds for each,
and one where there is no text.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from uploadfilter.contents.beginnings import LETTERS
from uploadfilter.contents.patterns import Patterns, one_of

_GROUP = 4
_ROW = 8
"""Groups of four letters that must go on like text: 24 bytes. A text in which something
is encoded has more of them in a row than prose in which each letter is a byte."""

_STRETCH = 1 << 17
_GAP = 4096
"""Letters between two stretches of text that are taken for one: letters outside of
ASCII, or a short binary part."""


@dataclass(frozen=True, slots=True)
class Textual:
    """Letters that stand for text.

    Attributes:
        start: Number of the first letter, where a group begins.
        end: Number behind the last one.
    """

    start: int
    end: int


def _allowed(value: int, place: int) -> bool:
    """Return whether a letter may stand at a place of a group that is text."""
    match place:
        case 0:  # six bits of the first byte: blanks, or what is printed
            return value in {2, 3} or 8 <= value < 32  # noqa: PLR2004 - bytes
        case 1:  # the first four bits of the second byte
            return value & 15 in {0, 2, 3, 4, 5, 6, 7}
        case 2:  # the first two bits of the third byte
            return value & 2 == 0
        case _:
            return True


def _table(at: int) -> bytes:
    """Return for each byte at a place the phases in which it may be text, as bits."""
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
    """Return a pattern that is in each row of text, in whatever phase.

    Such a row has all letters from the first one that begins a group of its phase.
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
    """Yield the stretches of letters that stand for text, phase by phase.

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
    """Yield phases, and at which aligned groups the first and last row of text begin.

    Rows that overlap, or have no more than the gap between them, are one run: a long
    text has as many rows as groups.
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
