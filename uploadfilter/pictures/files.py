"""Make files from other files, for decoders that need a file."""

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import BinaryIO

from uploadfilter.contents.source import SourceFile


@dataclass(frozen=True, slots=True)
class _MadeSource:
    """A source whose bytes a function returns, as ``made_file`` describes it."""

    size: int
    some: Callable[[int, int], bytes]

    def read(self, offset: int, length: int) -> bytes:
        """Return up to ``length`` bytes from ``offset``."""
        wanted = max(min(length, self.size - offset), 0)
        data = self.some(offset, wanted)
        if not data or len(data) == wanted:
            return data
        parts = bytearray(data)
        while more := self.some(offset + len(parts), wanted - len(parts)):
            parts += more
        return bytes(parts)


def patch_file(file: BinaryIO, patches: Mapping[int, bytes]) -> BinaryIO:
    """Return a seekable file with other bytes at some offsets, without an overlap."""

    def read(offset: int, length: int) -> bytes:
        file.seek(offset)
        data = bytearray(file.read(length))
        for at, patch in patches.items():
            start, end = max(at, offset), min(at + len(patch), offset + len(data))
            if start < end:
                data[start - offset : end - offset] = patch[start - at : end - at]
        return bytes(data)

    return made_file(file.seek(0, io.SEEK_END), read)


def made_file(length: int, read: Callable[[int, int], bytes]) -> BinaryIO:
    """Return a file of a length whose bytes a function returns.

    It gives at most the requested number of bytes from a position, which may be the
    end; none only if none are requested or left.
    """
    return io.BufferedReader(SourceFile(_MadeSource(length, read)))
