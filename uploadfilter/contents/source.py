"""Provide random access to the bytes of a content, for containers and carving.

Rules this module keeps: a source never reads outside its own bytes, whatever the
arguments are, and two sources over the same bytes do not affect each other.
"""

import io
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final, Protocol

from typing_extensions import Buffer, override


class Source(Protocol):
    """Random access to the bytes of one content."""

    @property
    def size(self) -> int:
        """Length in bytes."""

    def read(self, offset: int, length: int) -> bytes:
        """Return up to ``length`` bytes from an offset, 0 or more; fewer at its end."""


@dataclass(frozen=True, slots=True)
class MemorySource:
    """A source of bytes in memory."""

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
    """A part of another source, as a source; it must not reach outside the whole."""

    whole: Source
    start: int
    size: int

    def __post_init__(self) -> None:
        if not 0 <= self.start <= self.start + self.size <= self.whole.size:
            raise ValueError(
                f"bytes {self.start} to {self.start + self.size} are not within "
                f"{self.whole.size}"
            )

    def read(self, offset: int, length: int) -> bytes:
        """Return up to ``length`` bytes from ``offset``."""
        length = min(length, self.size - offset)
        return self.whole.read(self.start + offset, length) if length > 0 else b""


class JoinedSource:
    """Parts of another source, each from a start to an end, joined in one source."""

    def __init__(self, whole: Source, spans: Sequence[tuple[int, int]]) -> None:
        self._whole = whole
        self._spans = spans
        lengths = (end - start for start, end in spans)
        self._ends = list(accumulate(lengths))
        self.size = self._ends[-1] if self._ends else 0

    def read(self, offset: int, length: int) -> bytes:
        """Return up to ``length`` bytes from ``offset``."""
        pieces = list[bytes]()
        number = bisect_right(self._ends, offset)
        while length > 0 and number < len(self._spans):
            end = self._spans[number][1]
            at = end - (self._ends[number] - offset)
            piece = self._whole.read(at, min(length, end - at))
            pieces.append(piece)
            offset, length = offset + end - at, length - (end - at)
            number += 1
        return b"".join(pieces)


def join_parts(whole: Source, spans: Iterable[tuple[int, int]]) -> Source:
    """Return parts of a source as one, in memory if they are few bytes.

    They may reach out of it, and come in any order.
    """
    joined = list[tuple[int, int]]()
    for first, last in spans:
        start, end = min(first, whole.size), min(last, whole.size)
        if joined and joined[-1][1] == start:
            joined[-1] = (joined[-1][0], end)
        elif start < end:
            joined.append((start, end))
    source = JoinedSource(whole, joined)
    is_short = source.size <= _SETTLED_BYTES
    return MemorySource(source.read(0, source.size)) if is_short else source


_SETTLED_BYTES: Final = 256 * 1024
"""Bytes up to which joined parts are held: they are read often."""


class SourceFile(io.RawIOBase):
    """A source as a seekable, read-only file."""

    def __init__(self, source: Source) -> None:
        super().__init__()
        self._source = source
        self._position = 0

    @override
    def readable(self) -> bool:
        return True

    @override
    def seekable(self) -> bool:
        return True

    @override
    def tell(self) -> int:
        return self._position

    @override
    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move to a position within the source or beyond its end."""
        bases = {
            io.SEEK_SET: 0,
            io.SEEK_CUR: self._position,
            io.SEEK_END: self._source.size,
        }
        if bases[whence] + offset < 0:
            raise OSError("seek before the start of the content")
        self._position = bases[whence] + offset
        return self._position

    @override
    def readall(self) -> bytes:
        """Return all bytes from the position on, in one piece."""
        data = self._source.read(self._position, self._source.size)
        self._position += len(data)
        return data

    @override
    def readinto(self, buffer: Buffer, /) -> int:
        """Fill ``buffer`` from the position, up to the end of the source."""
        target = memoryview(buffer).cast("B")
        data = self._source.read(self._position, len(target))
        target[: len(data)] = data
        self._position += len(data)
        return len(data)


def stretches(
    source: Source, spans: Iterable[range] | None = None, *, overlap: int
) -> Iterator[tuple[int, int, bytes]]:
    """Yield offset, length and bytes of stretches that are searched one by one.

    ``overlap`` more bytes follow, in which a word that begins in a stretch may end.
    """
    for span in (range(source.size),) if spans is None else spans:
        for at in range(span.start, span.stop, STRETCH_BYTES):
            length = min(STRETCH_BYTES, span.stop - at)
            yield at, length, source.read(at, length + overlap)


STRETCH_BYTES: Final = 1 << 17
"""Bytes that are searched at a time: they stay in the cache, and the memory of longer
ones is fetched from the system each time."""


def opened(source: Source) -> io.BufferedReader:
    """Open a source as a file, for a library that needs one."""
    return io.BufferedReader(SourceFile(source), _BUFFER_BYTES)


_BUFFER_BYTES = 64 * 1024
"""Bytes that are read ahead, for a library that reads a few bytes at a time."""
