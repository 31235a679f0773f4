"""Look for many patterns at once, in one pass over the bytes.

The automata are those of Vectorscan. They take about a nanosecond for a byte, for any
number of patterns and any bytes. They are built when the module with the patterns is
imported, which is before the process is confined.

Patterns are written as for ``re``, without look-arounds, possessive repeats and
back-references; a dot matches every byte.
"""

from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple

import hyperscan

_Match = list[tuple[int, int]]


class Patterns:
    """Patterns that are looked for together.

    Args:
        expressions: The patterns, each for one byte or more.
        every: True for use with ``places_in``, which finds each match; false for
            ``numbers_in``, which only tells whether there is one.
    """

    def __init__(self, expressions: Sequence[str], *, every: bool = False) -> None:
        flags = hyperscan.HS_FLAG_DOTALL
        if not every:
            flags |= hyperscan.HS_FLAG_SINGLEMATCH
        self._automata = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
        self._automata.compile(
            expressions=[each.encode("ascii") for each in expressions],
            ids=list(range(len(expressions))),
            elements=len(expressions),
            flags=[flags] * len(expressions),
        )

    def numbers_in(self, data: bytes) -> set[int]:
        """Return the numbers of the patterns that match anywhere in bytes."""
        return {number for _, number in self.places_in(data)}

    def places_in(self, data: bytes, *, most: int | None = None) -> _Match:
        """Return the ends of all matches, in order, and the numbers of their patterns.

        Args:
            data: The bytes.
            most: Most places; the search ends after one more.
        """
        found: _Match = []
        if not data:
            return found
        note = _note if most is None else _Bounded(most).note
        with suppress(hyperscan.ScanTerminated):
            self._automata.scan(data, match_event_handler=note, context=found)
        return found


def _note(number: int, _start: int, end: int, _flags: int, found: object) -> None:
    """Note a match; a return value would end the search."""
    assert isinstance(found, list)  # noqa: S101  # what ``places_in`` gives
    found.append((end, number))


class _Bounded(NamedTuple):
    """Notes matches, and ends the search after one more than the most."""

    most: int

    def note(
        self, number: int, start: int, end: int, flags: int, found: object
    ) -> bool | None:
        """Note a match; a return value ends the search."""
        _note(number, start, end, flags, found)
        assert isinstance(found, list)  # noqa: S101  # what ``places_in`` gives
        return True if len(found) > self.most else None


def one_of(members: bytes) -> str:
    """Return a pattern for one byte of several."""
    return f"[{_listed(members)}]"


def none_of(members: bytes) -> str:
    """Return a pattern for one byte that is not of these."""
    return f"[^{_listed(members)}]"


def _listed(members: bytes) -> str:
    return "".join(f"\\x{byte:02x}" for byte in sorted(set(members)))
