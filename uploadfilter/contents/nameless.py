"""Tell compressed streams without a magic by their unpacked bytes.

A content of unknown kind may be a stream of zlib, raw deflate, brotli or old LZMA. A
few KiB are unpacked. If a picture, a container, markup or a text begins there, the
content is taken for such a stream. Each try takes some microseconds.
"""

import struct
from collections.abc import Callable
from typing import Final, NamedTuple

from uploadfilter.contents.kinds import magic
from uploadfilter.contents.kinds.magic import Kind
from uploadfilter.contents.members import Shortfall
from uploadfilter.contents.source import MemorySource, Source
from uploadfilter.contents.streams import BROTLI, RAW_DEFLATE, XZ, ZLIB, StreamContainer

_PIECE_BYTES: Final = 16 * 1024
_MOST_PIECES: Final = 64
"""Most pieces of a stream that are given until the first unpacked byte. Brotli has
tables of 8 KiB before the first byte, and any stream may begin with empty blocks; other
bytes are told in the first few hundred."""

_LEAST_BYTES: Final = 64
"""Fewest unpacked bytes that count: fewer may look like a known kind by chance."""

_LEAST_TEXT: Final = 512
"""Fewest bytes of a text, all without a control character: chance gives no such row."""

_LZMA_HEAD: Final = struct.Struct("<BLQB")
_MOST_PROPERTIES: Final = 225
_UNKNOWN_SIZE: Final = 0xFFFF_FFFF_FFFF_FFFF
_MOST_SIZE: Final = 1 << 40


def stream_in(source: Source) -> StreamContainer | None:
    """Return the container for a stream without magic; ``None`` if it is not one."""
    return _stream_in(source, _MOST_STREAMS)


def _stream_in(source: Source, depth: int) -> StreamContainer | None:
    head = source.read(0, _LZMA_HEAD.size)
    for coding in _CODINGS if head else ():
        if coding.may_be(head) and _is_known(coding.container, source, depth):
            return coding.container
    return None


_MOST_STREAMS: Final = 8
"""Most nested streams without a magic that are recognised."""


def _is_known(container: StreamContainer, source: Source, depth: int) -> bool:
    """Return whether a stream unpacks to a known kind."""
    found = _beginning(container, source)
    if found is None or len(found) < _LEAST_BYTES:
        return False
    kind = magic.sniff(found[: magic.HEAD_BYTES])
    if kind is Kind.TEXT:
        return len(found) >= _LEAST_TEXT
    if kind is Kind.DATA and depth > 1:
        return _stream_in(MemorySource(found), depth - 1) is not None
    return kind not in {Kind.DATA, Kind.EMPTY}


def _beginning(container: StreamContainer, source: Source) -> bytes | None:
    """Unpack the first bytes of a stream; return ``None`` if it is not one."""
    unpacker, found, given = container.make(), b"", 0
    while not unpacker.finished and len(found) < magic.HEAD_BYTES:
        piece = b""
        if unpacker.hungry:
            piece = source.read(given, _PIECE_BYTES)
            given += len(piece)
        if unpacker.hungry and (not piece or given > _MOST_PIECES * _PIECE_BYTES):
            break
        step = unpacker.step(piece)
        if isinstance(step, Shortfall):
            return None
        found += step
    return found


def _may_be_zlib(head: bytes) -> bool:
    """Require the method deflate, a valid window, and the check bits of the header."""
    return head[0] & 0x8F == 8 and int.from_bytes(head[:2], "big") % 31 == 0  # noqa: PLR2004


def _may_be_lzma(head: bytes) -> bool:
    """Require properties, a window and a size as encoders write them."""
    if len(head) < _LZMA_HEAD.size:
        return False
    properties, window, size, first = _LZMA_HEAD.unpack_from(head)
    is_window = window & window - 1 == 0 or window in _HALF_STEPS
    is_size = size == _UNKNOWN_SIZE or size < _MOST_SIZE
    return properties < _MOST_PROPERTIES and is_window and is_size and not first


_HALF_STEPS: Final = frozenset({3 << bit for bit in range(10, 31)} | {0xFFFF_FFFF})


class _Coding(NamedTuple):
    """A coding without magic, and a quick test whether bytes may be in it."""

    container: StreamContainer
    may_be: Callable[[bytes], bool]


_CODINGS: Final = (
    _Coding(ZLIB, _may_be_zlib),
    _Coding(XZ, _may_be_lzma),
    _Coding(RAW_DEFLATE, lambda head: head[0] & 6 != 6),  # noqa: PLR2004 - no such block
    _Coding(BROTLI, lambda _head: True),
)
