"""Call libarchive: the only module that uses its binding.

Rules this module keeps:

- Nothing but the bytes of a source reaches the library, and nothing but bytes, names
  and numbers come back. The library opens no file and starts no program: the filters
  that would (``lrzip``, ``lzop``, ``grzip``) are never switched on.
- The callbacks are made once, when this module is imported: each needs executable
  memory, which a confined process cannot make.
- An error of the library about bad bytes becomes a ``Shortfall``.

On a machine without the library, ``IS_THERE`` is false.

Source:
    libarchive's manual pages, archive_read(3) to archive_read_data(3).
"""

import ctypes
import errno
import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ctypes import byref, c_char_p, c_int, c_longlong, c_size_t, c_void_p
from dataclasses import dataclass, field
from typing import Final

from uploadfilter.contents.members import Shortfall
from uploadfilter.contents.source import Source
from uploadfilter.contents.unpackers import DAMAGED, STEP_BYTES, TOO_BIG, UNKNOWN
from uploadfilter.model import Reason

try:
    import libarchive
    from libarchive import ffi
except (ImportError, OSError, AttributeError, TypeError):  # missing, or too old
    libarchive = ffi = None

IS_THERE: Final = libarchive is not None
"""Whether this machine has the library."""

ENCRYPTED: Final = Shortfall(reason=Reason.ENCRYPTED)

_BLOCK_BYTES: Final = 64 * 1024
"""Bytes that the library gets at a time."""

_FILE: Final = 0o100000
_NOTHING_SAID: Final = 0
"""Types of members that have data, as in ``st_mode``; ``ar`` and ``raw`` give no type.
"""

_FOLDER_BITS: Final = 0o170000

_STRANGE: Final = ("not supported", "unsupported", "unavailable")
"""Words in the library's messages about methods that it does not know."""

_FAILED: Final = -30
_WHENCE_END: Final = 2


@dataclass(slots=True)
class _Position:
    source: Source
    at: int = 0
    block: "ctypes.Array[ctypes.c_char]" = field(
        default_factory=lambda: ctypes.create_string_buffer(_BLOCK_BYTES)
    )
    is_short_of_memory: bool = False


class _Sources:
    """The sources that are being read, by the number that callbacks get."""

    def __init__(self) -> None:
        self._open: dict[int, _Position] = {}
        self._numbers = itertools.count(1)
        self.read = ffi.READ_CALLBACK(self._read)
        self.seek = ffi.SEEK_CALLBACK(self._seek)

    @contextmanager
    def opened(self, source: Source) -> Iterator[tuple[int, _Position]]:
        """Give a source a number, until the ``with`` block ends."""
        number, position = next(self._numbers), _Position(source)
        self._open[number] = position
        try:
            yield number, position
        finally:
            del self._open[number]

    def _read(
        self, _archive: int, number: int, where: "ctypes._Pointer[c_void_p]"
    ) -> int:
        position = self._open[number]
        try:
            data = position.source.read(position.at, _BLOCK_BYTES)
        except MemoryError:
            # An exception must not pass through the library.
            position.is_short_of_memory = True
            return _FAILED
        position.at += len(data)
        # A cast would keep the bytes until the next collection of garbage.
        ctypes.memmove(position.block, data, len(data))
        where[0] = c_void_p(ctypes.addressof(position.block))
        return len(data)

    def _seek(self, _archive: int, number: int, offset: int, whence: int) -> int:
        position = self._open[number]
        bases = (0, position.at, position.source.size)
        position.at = max(0, bases[min(whence, _WHENCE_END)] + offset)
        return position.at


if IS_THERE:
    _SOURCES: Final = _Sources()
    ffi.ffi("read_has_encrypted_entries", [c_void_p], c_int)
    ffi.ffi("entry_is_encrypted", [c_void_p], c_int)
    ffi.ffi("read_set_options", [c_void_p, c_char_p], c_int)


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveMember:
    """One member; valid until the next one is read.

    Attributes:
        name: As it stands in the archive, or in UTF-8; empty if it cannot be read.
    """

    name: bytes
    is_file: bool
    is_encrypted: bool


@dataclass(slots=True)
class ArchiveReader:
    """One pass through an archive."""

    _archive: int | None
    _position: _Position
    _entry: c_void_p = field(default_factory=c_void_p)
    _number: int = 0

    def entries(self) -> Iterator[ArchiveMember | Shortfall]:
        """Yield the headers one by one; a shortfall is the last item."""
        while self._archive is not None:
            self._number += 1
            try:
                ended = ffi.read_next_header(self._archive, byref(self._entry))
            except libarchive.ArchiveError as exc:
                yield self._shortfall(exc)
                return
            if ended == ffi.ARCHIVE_EOF:
                return
            kind = ffi.entry_filetype(self._entry) & _FOLDER_BITS
            yield ArchiveMember(
                name=ffi.entry_pathname(self._entry) or b"",
                is_file=kind in {_FILE, _NOTHING_SAID},
                is_encrypted=bool(ffi.entry_is_encrypted(self._entry)),
            )

    def blocks(
        self, may_fill: Callable[[int], bool] | None = None
    ) -> Iterator[bytes | Shortfall]:
        """Yield the bytes of the current member, in order; a shortfall comes last.

        Holes count only with ``may_fill``, which returns whether zeros may fill one of
        so many bytes: some of the library's readers go on counting from the member
        before.
        """
        return self._blocks(self._number, may_fill)

    def _blocks(
        self, number: int, may_fill: Callable[[int], bool] | None
    ) -> Iterator[bytes | Shortfall]:
        at, length, offset = c_void_p(), c_size_t(), c_longlong()
        out, given = (byref(at), byref(length), byref(offset)), 0
        while self._archive is not None and number == self._number:
            try:
                ended = ffi.read_data_block(self._archive, *out)
            except libarchive.ArchiveError as exc:
                yield self._shortfall(exc)
                return
            hole = max(0, offset.value - given) if may_fill else 0
            given += hole + length.value
            if may_fill and not may_fill(hole):
                yield UNKNOWN
                return
            yield from _zeros(hole)
            if ended == ffi.ARCHIVE_EOF:
                return
            for start in range(0, length.value, STEP_BYTES):
                size = min(STEP_BYTES, length.value - start)
                yield ctypes.string_at((at.value or 0) + start, size)
            if ended == ffi.ARCHIVE_WARN:
                yield DAMAGED  # a wrong checksum
                return

    def end(self) -> None:
        """Free the memory of the library; nothing can be read afterwards."""
        archive, self._archive = self._archive, None
        if archive is not None:
            ffi.read_free(archive)

    def _shortfall(self, exc: "libarchive.ArchiveError") -> Shortfall:
        """Return the cause of an error; some are only in the library's message."""
        text = str(exc.msg or "").lower()
        if self._position.is_short_of_memory or exc.errno == errno.ENOMEM:
            return TOO_BIG
        if ffi.read_has_encrypted_entries(self._archive) == 1 or "encrypt" in text:
            return ENCRYPTED
        is_strange = any(word in text for word in _STRANGE)
        return UNKNOWN if is_strange else DAMAGED


def _zeros(count: int) -> Iterator[bytes]:
    for start in range(0, count, STEP_BYTES):
        yield bytes(min(STEP_BYTES, count - start))


@contextmanager
def reading(
    source: Source, *, formats: tuple[str, ...], filters: tuple[str, ...]
) -> Iterator[ArchiveReader | Shortfall]:
    """Begin to read an archive."""
    archive = ffi.read_new()
    with _SOURCES.opened(source) as (number, position):
        begun = ArchiveReader(archive, position)
        try:
            for name in formats:
                ffi.get_read_format_function(name)(archive)
            # Tapes and ``tar -i`` go on after the mark of an archive's end.
            ffi.read_set_options(archive, b"read_concatenated_archives")
            for name in filters:
                ffi.get_read_filter_function(name)(archive)
            ffi.read_set_seek_callback(archive, _SOURCES.seek)
            yield begun if _is_opened(archive, number) else DAMAGED
        finally:
            begun.end()


def _is_opened(archive: int, number: int) -> bool:
    try:
        ffi.read_open(archive, number, ffi.NO_OPEN_CB, _SOURCES.read, ffi.NO_CLOSE_CB)
    except libarchive.ArchiveError:
        return False
    return True
