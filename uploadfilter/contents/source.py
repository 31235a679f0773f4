"""Bytes that can be read anywhere: what containers and carving look at.

Rules this module keeps: a source never reads outside its own bytes, whatever it is
asked, and two sources over the same bytes do not disturb each other.
"""

from dataclasses import dataclass
from typing import Protocol


class Source(Protocol):
    """Random access to the bytes of one content."""

    @property
    def size(self) -> int:
        """Length in bytes."""

    def read(self, offset: int, length: int) -> bytes:
        """Return up to ``length`` bytes from ``offset``; fewer at the end, or none.

        Args:
            offset: 0 or more; beyond the end there is nothing.
            length: 0 or more.
        """


@dataclass(frozen=True, slots=True)
class MemorySource:
    """A source of bytes in memory.

    Attributes:
        data: All of them.
    """

    data: bytes

    @property
    def size(self) -> int:
        """Length in bytes."""
        return len(self.data)

    def read(self, offset: int, length: int) -> bytes:
        """Return up to ``length`` bytes from ``offset``."""
        return self.data[offset : offset + length]


@dataclass(frozen=True, slots=True)
class PartSource:
    """A part of another source, as a source.

    Attributes:
        whole: The other source.
        start: Offset of the part, 0 to ``whole.size``.
        size: Length of the part; ``start + size`` is at most ``whole.size``.
    """

    whole: Source
    start: int
    size: int

    def __post_init__(self) -> None:
        """Refuse a part that reaches outside the whole."""
        if not 0 <= self.start <= self.start + self.size <= self.whole.size:
            raise ValueError(
                f"bytes {self.start} to {self.start + self.size} are not within "
                f"{self.whole.size}"
            )

    def read(self, offset: int, length: int) -> bytes:
        """Return up to ``length`` bytes from ``offset``."""
        length = min(length, self.size - offset)
        return self.whole.read(self.start + offset, length) if length > 0 else b""
