"""Unpack files that are one compressed stream, or several in a row.

Rules this module keeps: the bytes of a damaged stream before the damage are given, as
``gzip -d`` and browsers do; bytes after the last stream are left to carving; a bomb is
unpacked to at most one step over the budget.

To add a coding: its unpacker in ``unpackers.py`` and a ``StreamContainer`` here.
"""

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from typing import Final

from uploadfilter.contents.kinds.magic import Kind
from uploadfilter.contents.members import (
    Chunks,
    Member,
    Shortfall,
    UnpackMeter,
)
from uploadfilter.contents.source import Source
from uploadfilter.contents.unpackers import (
    BZIP2,
    DAMAGED,
    GZIP,
    LZMA,
    Brotli,
    Deflate,
    Unpacker,
    Zlib,
    ZlibOrDeflate,
    Zstandard,
)
from uploadfilter.model import Reason

PACKED_BYTES: Final = 16 * 1024
"""Bytes that an unpacker gets at a time: few, since the last piece of a damaged stream
is given again byte by byte."""

_PADDING_BYTES: Final = 64 * 1024
"""Zero bytes between two streams that are skipped at a time. There may be any number:
tapes and xz pad to blocks, and Python reads on after all of them."""

_MAGIC_BYTES: Final = 6
"""Bytes that are needed to recognise another stream."""

Unpacking = Generator[bytes | Shortfall, None, int | None]
"""Yields chunks, and returns the offset after the stream, or ``None`` after a
shortfall."""


def unpack(
    source: Source, make: Callable[[], Unpacker], meter: UnpackMeter, *, start: int = 0
) -> Unpacking:
    """Unpack one stream, in pieces of at most ``STEP_BYTES``; a shortfall comes last.

    Returns the offset after the stream; ``None`` after a shortfall.
    """
    unpacker = make()
    position, piece_at, given = start, start, 0
    while not unpacker.finished:
        piece = b""
        if unpacker.hungry:
            piece, piece_at = source.read(position, PACKED_BYTES), position
            position += len(piece)
            if not piece:
                yield DAMAGED
                return None
        unpacked = unpacker.step(piece)
        if unpacked == DAMAGED:
            again = _Damaged(source=source, start=start, piece_at=piece_at, given=given)
            return (yield from again.rest(make(), meter))
        if isinstance(unpacked, Shortfall):
            yield unpacked
            return None
        given += len(unpacked)
        yield from _nonempty(unpacked)
        packed = position - start
        reason = meter.excess(len(unpacked), unpacked=given, packed=packed)
        if reason is not None:
            yield Shortfall(reason=reason)
            return None
    return position - len(unpacker.leftover)


def _nonempty(chunk: bytes) -> Iterator[bytes]:
    if chunk:
        yield chunk


@dataclass(frozen=True, slots=True, kw_only=True)
class _Damaged:
    """A stream that is unpacked a second time, since a step of the first pass failed.

    That step gave nothing, although the damage may be at the end of its piece. So this
    piece is now given byte by byte.

    Attributes:
        piece_at: Offset of the piece with the damage.
        given: Number of bytes that the first pass gave; they are not given again.
    """

    source: Source
    start: int
    piece_at: int
    given: int

    def rest(self, unpacker: Unpacker, meter: UnpackMeter) -> Unpacking:
        """Yield the bytes that the first pass did not."""
        position, seen = self.start, 0
        while not unpacker.finished:
            piece = b""
            if unpacker.hungry:
                length = PACKED_BYTES if position < self.piece_at else 1
                piece = self.source.read(position, length)
                position += len(piece)
            unpacked = unpacker.step(piece)
            if isinstance(unpacked, Shortfall):
                yield unpacked
                return None
            fresh = unpacked[max(0, self.given - seen) :]
            seen += len(unpacked)
            yield from _nonempty(fresh)
            packed = position - self.start
            reason = meter.excess(len(fresh), unpacked=seen, packed=packed)
            if reason is not None:
                yield Shortfall(reason=reason)
                return None
        return position - len(unpacker.leftover)


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamContainer:
    """A file that is one compressed content.

    Attributes:
        kinds: Its kinds in ``magic.sniff``; empty if its first bytes do not tell it.
        starts: Returns whether bytes begin another stream of the same content.
    """

    kinds: frozenset[Kind]
    make: Callable[[], Unpacker]
    starts: Callable[[bytes], bool]

    def members(
        self, source: Source, meter: UnpackMeter
    ) -> Iterator[Member | Shortfall]:
        """Yield its only member, without a name."""
        yield Member(name="", content=self._chunks(source, meter))

    def _chunks(self, source: Source, meter: UnpackMeter) -> Chunks:
        position = 0
        for _ in range(meter.most_frames):
            behind = yield from unpack(source, self.make, meter, start=position)
            following = None if behind is None else self._next(source, behind)
            if following is None:
                return
            position = following
        yield Shortfall(reason=Reason.TOO_MANY_CONTENTS)

    def _next(self, source: Source, position: int) -> int | None:
        """Return the offset of the next stream, which zero bytes may precede."""
        while behind := source.read(position, _PADDING_BYTES):
            following = behind.lstrip(b"\0")
            position += len(behind) - len(following)
            if following:
                head = source.read(position, _MAGIC_BYTES)
                return position if self.starts(head) else None
        return None


def _starts_with(*magic: bytes) -> Callable[[bytes], bool]:
    return lambda head: head.startswith(magic)


_SKIPPED_FRAMES = tuple(bytes([0x50 + low]) + b"\x2a\x4d\x18" for low in range(16))

GZIPPED: Final = StreamContainer(
    kinds=frozenset({Kind.GZIP}), make=GZIP, starts=_starts_with(b"\x1f\x8b\x08")
)
BZIPPED: Final = StreamContainer(
    kinds=frozenset({Kind.BZIP2}), make=BZIP2, starts=_starts_with(b"BZh")
)
XZ: Final = StreamContainer(
    kinds=frozenset({Kind.XZ}), make=LZMA, starts=_starts_with(b"\xfd7zXZ\0")
)
ZSTD: Final = StreamContainer(
    kinds=frozenset({Kind.ZSTD}),
    make=Zstandard,
    starts=_starts_with(b"\x28\xb5\x2f\xfd", *_SKIPPED_FRAMES),
)
ZLIB: Final = StreamContainer(kinds=frozenset(), make=Zlib, starts=lambda _head: False)
RAW_DEFLATE: Final = StreamContainer(
    kinds=frozenset(), make=Deflate, starts=lambda _head: False
)
BROTLI: Final = StreamContainer(
    kinds=frozenset(), make=Brotli, starts=lambda _head: False
)
"""Streams that their bytes do not surely tell: they are tried if a name or type claims
them, or if they unpack to a known kind (``nameless.py``)."""

HTTP_DEFLATE: Final = StreamContainer(
    kinds=frozenset(), make=ZlibOrDeflate, starts=lambda _head: False
)
"""A deflate stream, bare or in a zlib wrapper: ``deflate`` of HTTP may be either (RFC
9110, 8.4.1.2)."""
