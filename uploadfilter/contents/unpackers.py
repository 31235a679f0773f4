"""Unpack one compressed stream, a bounded step at a time.

Rules this module keeps: a step gives at most ``STEP_BYTES``, however well the stream is
compressed; the memory of an unpacker for its window is bounded by ``WINDOW_BYTES``; an
exception of a library for bad bytes is caught at the call that raises it. These
exceptions were found with the mutations of ``tests/conformance/containers.py``.

To add a coding: a class with the four members of ``Unpacker``.
"""

import bz2
import lzma
import zlib
from collections.abc import Callable
from typing import Final, Protocol

import brotli
import inflate64
import zstandard
from typing_extensions import override

from uploadfilter.contents.members import Shortfall
from uploadfilter.model import Reason

STEP_BYTES: Final = 1024 * 1024
"""Most bytes that one step gives: the caller holds them besides the bytes that it
keeps."""

WINDOW_BYTES: Final = 64 * 1024 * 1024
"""Longest distance that a stream may look back, which its unpacker must hold.

``xz -9`` and ``zstd --ultra -21`` need this much, browsers accept 8 MiB, and three such
streams inside each other stay below the memory of a scanner.
"""

DAMAGED: Final = Shortfall(reason=Reason.TRUNCATED)
TOO_BIG: Final = Shortfall(reason=Reason.OUT_OF_MEMORY)
UNKNOWN: Final = Shortfall(reason=Reason.NOT_INSPECTED)


class Unpacker(Protocol):
    """One compressed stream that is being unpacked."""

    @property
    def finished(self) -> bool:
        """Return whether the stream ended properly."""

    @property
    def hungry(self) -> bool:
        """Return whether the next step needs packed bytes; otherwise it takes none."""

    @property
    def leftover(self) -> bytes:
        """Return the bytes that a finished stream did not need."""

    def step(self, packed: bytes) -> bytes | Shortfall:
        """Unpack some more; the packed bytes are empty unless it is ``hungry``.

        Returns up to ``STEP_BYTES`` bytes, possibly none; or the reason why it cannot
        go on, after which no step may follow.
        """


class Deflate:
    """A deflate stream, bare or in a wrapper: ``wbits`` of ``zlib.decompressobj``."""

    def __init__(self, wbits: int = -zlib.MAX_WBITS) -> None:
        self._stream = zlib.decompressobj(wbits)
        self.hungry = True

    @property
    def finished(self) -> bool:
        """Return whether the stream ended properly."""
        return self._stream.eof

    @property
    def leftover(self) -> bytes:
        """Return the bytes that it did not need."""
        return self._stream.unused_data

    def step(self, packed: bytes) -> bytes | Shortfall:
        """Unpack some more."""
        try:
            unpacked = self._stream.decompress(
                self._stream.unconsumed_tail + packed, STEP_BYTES
            )
        except zlib.error:  # bad header, code, distance or checksum
            return DAMAGED
        # After a full step, the library may hold output besides the unconsumed bytes.
        self.hungry = len(unpacked) < STEP_BYTES
        return unpacked


class Zlib(Deflate):
    """A deflate stream with the header and checksum of zlib."""

    def __init__(self) -> None:
        super().__init__(zlib.MAX_WBITS)


class GZIP(Deflate):
    """One member of a gzip file, with its header and checksum.

    Unknown flags are ignored, as Python does.
    """

    _FLAGS_AT: Final = 3
    _FLAGS: Final = 0x1F
    """The known flags (RFC 1952, 2.3.1)."""

    def __init__(self) -> None:
        super().__init__(zlib.MAX_WBITS + 16)
        self._seen = 0

    @override
    def step(self, packed: bytes) -> bytes | Shortfall:
        """Unpack some more."""
        at = self._FLAGS_AT - self._seen
        self._seen += len(packed)
        if 0 <= at < len(packed):
            flags = bytes((packed[at] & self._FLAGS,))
            packed = packed[:at] + flags + packed[at + 1 :]
        return super().step(packed)


class Deflate64:
    """A stream of Deflate64, the method of Windows for files of more than 2 GB.

    The library has no limit for the output of a step, and only tells whether the stream
    ended within its input. So it gets few bytes at a time.
    """

    _PIECE_BYTES: Final = 16
    _MOST_BYTES: Final = 8 * 65_538
    """Most bytes that a piece unpacks to: 18 bits encode 65,538 bytes."""

    def __init__(self) -> None:
        self._stream = inflate64.Inflater()
        self._held = b""

    @property
    def finished(self) -> bool:
        """Return whether the stream ended properly."""
        return bool(self._stream.eof)

    @property
    def hungry(self) -> bool:
        """Return whether the next step needs more packed bytes."""
        return not self._held

    @property
    def leftover(self) -> bytes:
        """Return the bytes that it did not need, except for a few."""
        return self._held

    def step(self, packed: bytes) -> bytes | Shortfall:
        """Unpack some more."""
        held, at, given = self._held + packed, 0, bytearray()
        while at < len(held) and len(given) <= STEP_BYTES - self._MOST_BYTES:
            piece = held[at : at + self._PIECE_BYTES]
            at += len(piece)
            try:
                given += self._stream.inflate(piece)
            except ValueError:  # bad code or distance
                return DAMAGED
            if self._stream.eof:
                break
        self._held = held[at:]
        return bytes(given)


class ZlibOrDeflate(Deflate):
    """A deflate stream in a zlib wrapper, or a bare one."""

    def __init__(self) -> None:
        super().__init__(zlib.MAX_WBITS)
        self._is_begun = False

    @override
    def step(self, packed: bytes) -> bytes | Shortfall:
        """Unpack some more; the first bytes tell the wrapper."""
        if not self._is_begun:
            self._is_begun = True
            is_zlib = packed[:1] == b"x" and int.from_bytes(packed[:2], "big") % 31 == 0
            if not is_zlib:
                self._stream = zlib.decompressobj(-zlib.MAX_WBITS)
        return super().step(packed)


class _LibraryStream:
    def __init__(self, stream: bz2.BZ2Decompressor | lzma.LZMADecompressor) -> None:
        self._stream = stream

    @property
    def finished(self) -> bool:
        """Return whether the stream ended properly."""
        return self._stream.eof

    @property
    def hungry(self) -> bool:
        """Return whether the next step needs more packed bytes."""
        return self._stream.needs_input

    @property
    def leftover(self) -> bytes:
        """Return the bytes that it did not need."""
        return self._stream.unused_data


class BZIP2(_LibraryStream):
    """One bzip2 stream; it never holds more than 4 MB."""

    def __init__(self) -> None:
        super().__init__(bz2.BZ2Decompressor())

    def step(self, packed: bytes) -> bytes | Shortfall:
        """Unpack some more."""
        try:
            return self._stream.decompress(packed, STEP_BYTES)
        except OSError:  # bad magic, code or checksum
            return DAMAGED


class LZMA(_LibraryStream):
    """One stream of xz, or of the older lzma format.

    ``head`` is put before it: in a zip member, the header of the old format stands
    elsewhere.
    """

    _MEMORY_BYTES: Final = WINDOW_BYTES + 2 * 1024 * 1024
    """Memory for the window and the tables of liblzma: ``xz -9`` needs 65 MiB."""

    def __init__(self, head: bytes = b"") -> None:
        # When it guesses the format, the library accepts only some headers of the old
        # one.
        super().__init__(
            lzma.LZMADecompressor(
                format=lzma.FORMAT_ALONE if head else lzma.FORMAT_AUTO,
                memlimit=self._MEMORY_BYTES,
            )
        )
        self._head = head

    def step(self, packed: bytes) -> bytes | Shortfall:
        """Unpack some more."""
        head, self._head = self._head, b""
        try:
            return self._stream.decompress(head + packed, STEP_BYTES)
        except lzma.LZMAError as exc:  # bad magic, options, code or checksum
            # The library tells this error only by its message.
            return TOO_BIG if "emory usage limit" in str(exc) else DAMAGED


class Brotli:
    """One brotli stream; it never holds more than 16 MiB."""

    _LIMIT_BYTES: Final = STEP_BYTES // 2
    """The library may exceed its limit, by less than the same amount."""

    def __init__(self) -> None:
        self._stream = brotli.Decompressor()
        self._is_full = False
        self.leftover = b""

    @property
    def finished(self) -> bool:
        """Return whether the stream ended properly."""
        return bool(self._stream.is_finished())

    @property
    def hungry(self) -> bool:
        """Return whether the next step needs more packed bytes."""
        # The library also says so while it holds back output over the limit.
        return not self._is_full and bool(self._stream.can_accept_more_data())

    def step(self, packed: bytes) -> bytes | Shortfall:
        """Unpack some more."""
        try:
            unpacked: bytes = self._stream.process(
                packed, output_buffer_limit=self._LIMIT_BYTES
            )
        except brotli.error:  # bad code, or bytes after the end
            return DAMAGED
        self._is_full = len(unpacked) >= self._LIMIT_BYTES
        return unpacked


class Zstandard:
    """One frame of zstd, or a skippable frame.

    The library has no limit for the output of a step. So the frame is cut into its
    blocks here, and each block gives at most 128 KiB.

    Source:
        RFC 8878, section 3.1, "Frames".
    """

    _START_BYTES: Final = 5
    _BLOCK_HEAD_BYTES: Final = 3
    _CHECKSUM_BYTES: Final = 4
    _MOST_BLOCK_BYTES: Final = 128 * 1024
    _SKIPPED_MAGIC: Final = frozenset(
        bytes([0x50 + low]) + b"\x2a\x4d\x18" for low in range(16)
    )
    _SKIPPED_HEAD_BYTES: Final = 8

    def __init__(self) -> None:
        maker = zstandard.ZstdDecompressor(max_window_size=WINDOW_BYTES)
        self._stream = maker.decompressobj()
        self._held = bytearray()
        self._has_checksum = False
        self._skip_bytes = 0
        self._next: Callable[[], bytes | Shortfall] = self._start
        self._wanted = self._START_BYTES
        self.finished = False

    @property
    def hungry(self) -> bool:
        """Return whether the next step needs more packed bytes."""
        return len(self._held) < self._wanted

    @property
    def leftover(self) -> bytes:
        """Return the bytes that it did not need."""
        return bytes(self._held)

    def step(self, packed: bytes) -> bytes | Shortfall:
        """Unpack some more: at most one block."""
        self._held += packed
        return b"" if self.hungry else self._next()

    def _then(self, wanted: int, following: Callable[[], bytes | Shortfall]) -> None:
        self._wanted, self._next = wanted, following

    def _cut(self) -> bytes:
        taken = bytes(self._held[: self._wanted])
        del self._held[: self._wanted]
        return taken

    def _start(self) -> bytes:
        """Learn the length of a frame's head from its first bytes."""
        if bytes(self._held[:4]) in self._SKIPPED_MAGIC:
            self._then(self._SKIPPED_HEAD_BYTES, self._skipped_head)
            return b""
        flags = self._held[4]
        single = flags >> 5 & 1
        size_bytes = (single, 2, 4, 8)[flags >> 6]
        dictionary_bytes = (0, 1, 2, 4)[flags & 3]
        head_bytes = self._START_BYTES + (1 - single) + dictionary_bytes + size_bytes
        self._then(head_bytes, self._head)
        return b""

    def _head(self) -> bytes | Shortfall:
        """Read the head of a frame, before any memory is taken for its window."""
        head = self._cut()
        try:
            frame = zstandard.get_frame_parameters(head)
        except zstandard.ZstdError:  # bad magic or a reserved bit
            return DAMAGED
        if frame.window_size > WINDOW_BYTES:
            return TOO_BIG
        if frame.dict_id:
            return UNKNOWN
        self._has_checksum = frame.has_checksum
        self._then(self._BLOCK_HEAD_BYTES, self._block_head)
        return self._feed(head)

    def _block_head(self) -> bytes | Shortfall:
        head = int.from_bytes(self._held[: self._BLOCK_HEAD_BYTES], "little")
        size = head >> 3
        if size > self._MOST_BLOCK_BYTES:
            return DAMAGED
        is_repeated = head >> 1 & 3 == 1
        stored_bytes = 1 if is_repeated else size
        self._then(self._BLOCK_HEAD_BYTES + stored_bytes, self._block)
        return b""

    def _block(self) -> bytes | Shortfall:
        block = self._cut()
        is_last = block[0] & 1
        if not is_last:
            self._then(self._BLOCK_HEAD_BYTES, self._block_head)
        elif self._has_checksum:
            self._then(self._CHECKSUM_BYTES, self._checksum)
        else:
            self.finished = True
        return self._feed(block)

    def _checksum(self) -> bytes | Shortfall:
        self.finished = True
        return self._feed(self._cut())

    def _feed(self, piece: bytes) -> bytes | Shortfall:
        try:
            return self._stream.decompress(piece)
        except zstandard.ZstdError:  # bad block or checksum
            return DAMAGED

    def _skipped_head(self) -> bytes:
        self._skip_bytes = int.from_bytes(self._cut()[4:], "little")
        return self._skip(b"")

    def _skipped(self) -> bytes:
        return self._skip(self._cut())

    def _skip(self, piece: bytes) -> bytes:
        self._skip_bytes -= len(piece)
        self.finished = self._skip_bytes == 0
        self._then(min(self._skip_bytes, self._MOST_BLOCK_BYTES), self._skipped)
        return b""
