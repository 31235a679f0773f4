"""Read one content of an upload, and nothing besides it.

Spans of a file are read with ``pread``. So the position of the descriptor, which the
proxy shares, never changes, and a decoder cannot seek into a neighbouring content.
"""

import io
import os
from collections.abc import Iterator
from typing import Final

from uploadfilter.contents.source import MemorySource, Source, SourceFile
from uploadfilter.model import Signal
from uploadfilter.scanners.wire.messages import ContentSpan, Handed
from uploadfilter.signals.exact import Digests, digests_of_bytes

CHUNK_BYTES: Final = 256 * 1024
"""Bytes of one read in a pass over a content; they stay in the second-level cache."""

BUFFERED_BYTES: Final = 4 * 1024 * 1024
"""Contents up to this length are read once and kept, which is faster than reading in
pieces.

Nearly every photo is shorter, and a hundredth of the address space does not matter.
"""


class SpanSource:
    """The bytes of one span, read from the descriptor.

    Args:
        fd: Descriptor of the upload; stays open.
        span: The part of it that this source shows.
    """

    def __init__(self, fd: int, span: ContentSpan) -> None:
        self._fd = fd
        self._offset = span.offset
        self.size = span.length

    def read(self, offset: int, length: int) -> bytes:
        """Return up to ``length`` bytes from ``offset``."""
        length = min(length, self.size - offset)
        return os.pread(self._fd, length, self._offset + offset) if length > 0 else b""


def open_span(upload: Handed, span: ContentSpan) -> Source:
    """Return the bytes of one content, in memory if it is short."""
    if not isinstance(upload, int):
        # This makes no copy of the whole.
        return MemorySource(bytes(upload)[span.offset : span.offset + span.length])
    source = SpanSource(upload, span)
    if span.length <= BUFFERED_BYTES:
        return MemorySource(source.read(0, span.length))
    return source


def open_file(source: Source) -> io.BytesIO | io.BufferedReader:
    """Open a source as a seekable binary file."""
    if isinstance(source, MemorySource):
        # It shares the bytes until a write, and nobody writes.
        return io.BytesIO(source.data)
    return io.BufferedReader(SourceFile(source), CHUNK_BYTES)


def chunks_of(source: Source) -> Iterator[bytes]:
    """Yield the bytes of a source, in order, in pieces of ``CHUNK_BYTES``."""
    for position in range(0, source.size, CHUNK_BYTES):
        chunk = source.read(position, CHUNK_BYTES)
        if not chunk:
            # The file is shorter than stated: all of its bytes were read.
            return
        yield chunk


def digests_of(source: Source) -> tuple[Signal, ...]:
    """Return md5, sha1 and sha256 of all bytes of a source."""
    if isinstance(source, MemorySource) and source.size <= CHUNK_BYTES:
        return digests_of_bytes(source.data)
    digests = Digests()
    for chunk in chunks_of(source):
        digests.update(chunk)
    return digests.signals()
