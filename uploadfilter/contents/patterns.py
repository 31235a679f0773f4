"""Look for many patterns at once, in one pass over the bytes.

The automata are those of Vectorscan. They take about a nanosecond for a byte, for any
number of patterns and any bytes. To build all of them takes as long as to load
everything else that a scanner needs, so a process that needs all takes those that
another one has built (``build_all``), and any other process builds each at its first
use.

Patterns are written as for ``re``, without look-arounds, possessive repeats and
back-references; a dot matches every byte.
"""

import hashlib
import platform
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Final, NamedTuple
from weakref import WeakSet

import hyperscan

_Match = list[tuple[int, int]]

_MODE: Final = hyperscan.HS_MODE_BLOCK

_BUILDER: Final = f"{getattr(hyperscan, '__version__', '')} {platform.machine()}"
"""What else automata depend on: the library, and the kind of machine."""


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
        self._flags = flags
        self._expressions = tuple(expressions)
        self._built: hyperscan.Database | None = None
        _ALL.add(self)

    @property
    def key(self) -> str:
        """Return the name of the automata: equal for all that find the same."""
        text = repr((_BUILDER, self._flags, self._expressions))
        return hashlib.sha256(text.encode("ascii")).hexdigest()

    def build(self, serialized: bytes | None = None) -> bytes:
        """Build the automata, so that no search does.

        Args:
            serialized: What this method returned in another process, for the same
                ``key``; they are built here if the library does not take them.

        Returns:
            The automata, serialized: those that were given, if it took them.
        """
        if serialized is not None:
            with suppress(hyperscan.HyperscanError):
                self._built = _loaded(serialized)
                return serialized
        self._built = self._compiled()
        return hyperscan.dumpb(self._built)

    def _compiled(self) -> hyperscan.Database:
        automata = hyperscan.Database(mode=_MODE)
        automata.compile(
            expressions=[each.encode("ascii") for each in self._expressions],
            ids=list(range(len(self._expressions))),
            elements=len(self._expressions),
            flags=[self._flags] * len(self._expressions),
        )
        return automata

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
        if self._built is None:
            self._built = self._compiled()
        note = _note if most is None else _Bounded(most).note
        with suppress(hyperscan.ScanTerminated):
            self._built.scan(data, match_event_handler=note, context=found)
        return found


def _loaded(serialized: bytes) -> hyperscan.Database:
    """Return automata that were serialized.

    Raises:
        hyperscan.HyperscanError: They are those of another library or machine.
    """
    automata = hyperscan.loadb(serialized, _MODE)
    automata.scratch = hyperscan.Scratch(automata)
    return automata


_ALL: Final[WeakSet[Patterns]] = WeakSet()
"""All patterns of this process."""


def build_all(known: Mapping[str, bytes]) -> dict[str, bytes]:
    """Build the automata of all patterns, so that no search does.

    Args:
        known: Automata of another process, by their keys, as this function returns
            them; others are built here.

    Returns:
        The automata of all patterns, serialized, by their keys.
    """
    wanted = sorted(_ALL, key=lambda each: each.key)
    return {each.key: each.build(known.get(each.key)) for each in wanted}


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
