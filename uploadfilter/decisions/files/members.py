"""Read and write the compressed form of a segment: gzip, in members of 1 MiB each.

A compressed segment is an ordinary gzip file (RFC 1952) of several members, which
``zcat`` and ``zgrep`` read. It holds the bytes of the segment and nothing else: no
name, no time. The header of the first member states the length of the segment in an
extra field, so that a file which was cut off between two members is noticed.

Rules this module keeps: a reader gets every byte of the segment, or an error that names
the file; it holds some hundred kilobytes, whatever the file unpacks to; one zlib always
compresses the same bytes to the same file.
"""

import io
import os
import struct
import zlib
from collections.abc import Iterator
from typing import BinaryIO, Final

from typing_extensions import Buffer, override

from uploadfilter.errors import LogCorruptError

SUFFIX: Final = ".gz"
"""It follows the name of the segment."""

MEMBER_BYTES: Final = 1024 * 1024
"""Bytes of a segment in one member. A person who salvages a damaged file by hand loses
one member, some 1,100 uploads. With members of 64 KiB files are 5 % larger, with a
single member 0.3 % smaller."""

LEVEL: Final = 6
"""Level 9 makes records 2 % smaller for twice the CPU time, level 1 makes them 15 %
larger for half (``docs/decisions/0010-what-is-logged-and-for-how-long.md``)."""

MOST_RATIO: Final = 200
"""Most bytes for each compressed byte. Records of uploads reach 7, because each holds
two hashes of 32 random bytes. A file beyond that was made to fill a reader's time; the
proxy leaves a segment that it would compress further as it is."""

SLACK_BYTES: Final = 16 * 1024 * 1024
"""Bytes that any file may unpack to: as many as one record has at most."""

_GZIP_WINDOW: Final = 31
"""The window size by which zlib reads and writes gzip members."""

_RAW_WINDOW: Final = -15
_MAGIC: Final = b"\x1f\x8b\x08\x04"
"""A gzip member with an extra field."""

_HEAD: Final = struct.Struct("<4sIBBH2sHQ")
_TRAILER: Final = struct.Struct("<II")
_FIELD: Final = b"UL"
_FIELD_BYTES: Final = 8
_EXTRA_BYTES: Final = 12
_UNKNOWN_SYSTEM: Final = 255

_READ_BYTES: Final = 64 * 1024

_HINT: Final = (
    "Restore the file from a copy of the log; its .jsonl file is as good. 'gzip -t' "
    "tests a copy. Keep the damaged file: zcat shows the records before the damage."
)


def compressed(source: BinaryIO, size: int) -> Iterator[bytes]:
    """Yield the compressed form of a segment, member by member.

    Args:
        source: The segment, at its beginning.
        size: Its length in bytes.

    Raises:
        ValueError: It has another length.
    """
    left = size
    head = _HEAD.pack(
        *(_MAGIC, 0, 0, _UNKNOWN_SYSTEM),
        *(_EXTRA_BYTES, _FIELD, _FIELD_BYTES, size),
    )
    while data := source.read(min(MEMBER_BYTES, max(left, 1))):
        left -= len(data)
        if head:
            raw = zlib.compressobj(LEVEL, wbits=_RAW_WINDOW, memLevel=9)
            body = raw.compress(data) + raw.flush()
            end = _TRAILER.pack(zlib.crc32(data), len(data))
            yield head + body + end
            head = b""
        else:
            member = zlib.compressobj(LEVEL, wbits=_GZIP_WINDOW, memLevel=9)
            yield member.compress(data) + member.flush()
    if left:
        raise ValueError(f"the segment has not {size} bytes")


def stated_size(head: bytes) -> int | None:
    """Return the length that a compressed segment states; ``None`` if it does not.

    Args:
        head: The first bytes of the file, at least ``HEAD_BYTES``.
    """
    if len(head) < HEAD_BYTES:
        return None
    magic, _, _, _, extra, field, length, size = _HEAD.unpack_from(head)
    if (magic, field, length) != (_MAGIC, _FIELD, _FIELD_BYTES) or extra < _EXTRA_BYTES:
        return None
    return int(size)


HEAD_BYTES: Final = _HEAD.size


class MemberReader(io.RawIOBase):
    """The bytes of a segment, out of its compressed form.

    ``seek`` reads all bytes before the new position, so it takes at most the time of
    reading the file once: 0.2 s for 64 MiB.

    Args:
        file: The compressed file, at its beginning. It is closed with the reader.
        name: Its name, for errors.
    """

    def __init__(self, file: BinaryIO, name: str) -> None:
        super().__init__()
        self._file = file
        self._name = name
        self._stated: int | None = None
        self._begin()

    def _begin(self) -> None:
        self._inflate: zlib._Decompress | None = None
        self._input = b""
        self._taken = 0
        self._at = 0
        self._is_over = False

    @override
    def readable(self) -> bool:
        return True

    @override
    def seekable(self) -> bool:
        return True

    @override
    def tell(self) -> int:
        return self._at

    @override
    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to an offset from the beginning, or to the end.

        Raises:
            LogCorruptError: The file is damaged.
            ValueError: ``whence`` is another one.
        """
        if whence == os.SEEK_CUR:
            offset += self._at
        elif whence == os.SEEK_END:
            while self.read(_READ_BYTES):
                pass
            offset += self._at
        if offset < self._at:
            self._file.seek(0)
            self._begin()
        while self._at < offset and self.read(min(_READ_BYTES, offset - self._at)):
            pass
        return self._at

    @override
    def readinto(self, buffer: Buffer) -> int:
        """Read the next bytes; 0 at the end.

        Raises:
            LogCorruptError: The file is damaged, cut off, or unpacks to too much.
        """
        view = memoryview(buffer).cast("B")
        data = b""
        while view and not data and not self._is_over:
            data = self._next(len(view))
        view[: len(data)] = data
        return len(data)

    @override
    def close(self) -> None:
        self._file.close()
        super().close()

    def _next(self, most: int) -> bytes:
        """Unpack some bytes; none between two members, and at the end."""
        if not self._input:
            self._input = self._file.read(_READ_BYTES)
            if self._taken == 0:
                self._stated = stated_size(self._input)
            self._taken += len(self._input)
        if self._inflate is None:
            if not self._input:
                self._end()
                return b""
            self._inflate = zlib.decompressobj(_GZIP_WINDOW)
        elif not self._input:
            raise self._damaged("it is cut off")
        try:
            data = self._inflate.decompress(self._input, most)
        except zlib.error as exc:
            raise self._damaged(str(exc)) from exc
        if self._inflate.eof:
            self._input = self._inflate.unused_data
            self._inflate = None
        else:
            self._input = self._inflate.unconsumed_tail
        self._at += len(data)
        if self._at > SLACK_BYTES + MOST_RATIO * self._taken:
            raise self._damaged(f"it unpacks to more than {MOST_RATIO} times its size")
        return data

    def _end(self) -> None:
        if self._taken == 0:
            raise self._damaged("it is empty")
        if self._stated is not None and self._at != self._stated:
            why = f"it has {self._at} bytes of the {self._stated} that it states"
            raise self._damaged(why)
        self._is_over = True

    def _damaged(self, why: str) -> LogCorruptError:
        return LogCorruptError(
            f"the compressed file {self._name!r} is damaged after byte {self._at} of "
            f"its records: {why}",
            hint=_HINT,
        )
