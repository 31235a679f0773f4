"""Look for many patterns at once, in one pass over the bytes.

The automata are those of Vectorscan. They take about a nanosecond for a byte, however
many patterns there are and whatever the bytes. They are built when a module that has
patterns is imported, which is before a process is confined.

Patterns are written as for ``re``, without what looks around, possessive repeats and
groups that are referred to; a dot stands for every byte.
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
        every: If true, ``places_in`` is asked for each place where one ends; if false,
            ``numbers_in`` only whether it stands anywhere.
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
        """Return the numbers of the patterns that stand anywhere in bytes."""
        return {number for _, number in self.places_in(data)}

    def places_in(self, data: bytes, *, most: int | None = None) -> _Match:
        """Return where patterns end, in the order of the bytes, and their numbers.

        Args:
            data: The bytes.
            most: Places beyond which the search ends: there is then one more.
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
