"""A source whose bytes lie in pieces of another one.

Rules this module keeps: adjacent pieces become one; bytes outside of the other source
are left out.
"""

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple, Self

from uploadfilter.contents.source import MemorySource, Source


class Run(NamedTuple):
    """A piece: its first byte in the other source, and its length."""

    at: int
    length: int


@dataclass(frozen=True, slots=True)
class RunSource:
    """The pieces of a source, joined in one source.

    Attributes:
        whole: The other source.
        runs: The pieces, by their place in it.
        starts: Offset of each piece in this source.
        size: Length of all pieces.
    """

    whole: Source
    runs: tuple[Run, ...]
    starts: tuple[int, ...]
    size: int

    @classmethod
    def of(cls, whole: Source, runs: Iterable[Run]) -> Self:
        """Join pieces in one source."""
        joined: list[Run] = []
        for at, length in runs:
            length = max(0, min(length, whole.size - at))  # noqa: PLW2901
            if joined and sum(joined[-1]) == at:
                joined[-1] = Run(joined[-1].at, joined[-1].length + length)
            elif length:
                joined.append(Run(at, length))
        starts, size = [], 0
        for run in joined:
            starts.append(size)
            size += run.length
        return cls(whole, tuple(joined), tuple(starts), size)

    def read(self, offset: int, length: int) -> bytes:
        """Return up to ``length`` bytes from ``offset``."""
        number = max(0, bisect_right(self.starts, offset) - 1)
        found = bytearray()
        while number < len(self.runs) and len(found) < length:
            run = self.runs[number]
            inside = offset + len(found) - self.starts[number]
            wanted = min(length - len(found), run.length - inside)
            if wanted > 0:
                found += self.whole.read(run.at + inside, wanted)
            number += 1
        return bytes(found)

    def part(self, start: int, size: int) -> "RunSource":
        """Return some of the bytes as a source."""
        number = max(0, bisect_right(self.starts, start) - 1)
        runs: list[Run] = []
        while size > 0 and number < len(self.runs):
            run = self.runs[number]
            inside = max(0, start - self.starts[number])
            length = min(size, run.length - inside)
            runs.append(Run(run.at + inside, length))
            size -= length
            number += 1
        return RunSource.of(self.whole, runs)

    @property
    def settled(self) -> Source:
        """Return the same bytes, in memory if they are few: they are read often."""
        is_short = self.size <= _SETTLED_BYTES
        return MemorySource(self.read(0, self.size)) if is_short else self


_SETTLED_BYTES = 256 * 1024
