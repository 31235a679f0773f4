"""Read one content out of the descriptor of its upload, and nothing beside it.

Spans are read with ``pread``, so that the position of the descriptor, which the proxy
shares, is never touched, and a decoder cannot seek into a neighbouring content.
"""

import io
import os
from collections.abc import Iterator
from typing import Final

from typing_extensions import Buffer, override

from uploadfilter.scanners.messages import ContentSpan

CHUNK_BYTES: Final = 256 * 1024
"""One read of a pass over a whole content; stays in the second-level cache."""

BUFFERED_BYTES: Final = 4 * 1024 * 1024
"""Contents up to this length are read at once, which is faster than in pieces.

Nearly every photo is shorter; and a hundredth of the address space does not matter.
"""


class SpanFile(io.RawIOBase):
    """A read-only, seekable file of one span.

    Args:
        fd: Descriptor of the upload; stays open.
        span: The part of it that this file shows.
    """

    def __init__(self, fd: int, span: ContentSpan) -> None:
        super().__init__()
        self._fd = fd
        self._offset = span.offset
        self._length = span.length
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
    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move to a position within the span or beyond its end, never before it."""
        base = {
            os.SEEK_SET: 0,
            os.SEEK_CUR: self._position,
            os.SEEK_END: self._length,
        }[whence]
        if base + offset < 0:
            raise OSError("seek before the start of the content")
        self._position = base + offset
        return self._position

    @override
    def readinto(self, buffer: Buffer, /) -> int:
        """Fill ``buffer`` from the position, up to the end of the span."""
        target = memoryview(buffer).cast("B")
        wanted = max(0, min(len(target), self._length - self._position))
        done = os.preadv(self._fd, [target[:wanted]], self._offset + self._position)
        self._position += done
        return done


def open_span(fd: int, span: ContentSpan) -> io.BytesIO | io.BufferedReader:
    """Open one content as a seekable binary file."""
    raw = SpanFile(fd, span)
    if span.length <= BUFFERED_BYTES:
        return io.BytesIO(raw.readall())
    return io.BufferedReader(raw, CHUNK_BYTES)


def chunks_of(fd: int, span: ContentSpan) -> Iterator[bytes]:
    """Yield the bytes of one content, in order, in pieces of ``CHUNK_BYTES``."""
    position, end = span.offset, span.offset + span.length
    while position < end:
        chunk = os.pread(fd, min(CHUNK_BYTES, end - position), position)
        if not chunk:
            # The file is shorter than it was said to be: what is there was read.
            return
        position += len(chunk)
        yield chunk
