"""Call libarchive: the one module that knows its binding.

Rules this module keeps:

- Nothing but the bytes of a source reaches the library, and nothing but bytes, names
  and numbers come back. It opens no file and starts no program: the filters that would
  (``lrzip``, ``lzop``, ``grzip``) are never switched on.
- The functions that the library calls back are made once, when this module is imported:
  a confined process cannot make memory executable, which each of them needs.
- What bad bytes do to the library is a ``Shortfall``.

Where the machine lacks the library, ``IS_THERE`` is false.

Source:
    libarchive's manual pages, archive_read(3) to archive_read_data(3).
"""

import ctypes
import errno
import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ctypes import POINTER, byref, c_char_p, c_int, c_longlong, c_size_t, c_void_p
from dataclasses import dataclass, field
from typing import Final

from uploadfilter.contents.members import Shortfall
from uploadfilter.contents.source import Source
from uploadfilter.contents.unpackers import DAMAGED, STEP_BYTES, TOO_BIG, UNKNOWN
from uploadfilter.model import Reason

try:
    import libarchive
    from libarchive import ffi
except (OSError, AttributeError, TypeError):  # what it raises where it is missing
    libarchive = ffi = None

IS_THERE: Final = libarchive is not None
"""Whether this machine has the library."""

ENCRYPTED: Final = Shortfall(reason=Reason.ENCRYPTED)

_BLOCK_BYTES: Final = 64 * 1024
"""How much the library gets at a time."""

_FILE: Final = 0o100000
_NOTHING_SAID: Final = 0
"""Types of members that have bytes, as in ``st_mode``; ``ar`` and ``raw`` say none."""

_FOLDER_BITS: Final = 0o170000

_STRANGE: Final = ("not supported", "unsupported", "unavailable")
"""Words of the library for what it does not know."""

_FAILED: Final = -30
_WHENCE_END: Final = 2


@dataclass(slots=True)
class _Position:
    """Where the library reads in a source, and what it was given last."""

    source: Source
    at: int = 0
    block: bytes = b""
    is_short_of_memory: bool = False


class _Sources:
    """The sources that are being read, by the number that the library gives back.

    Attributes:
        read: What the library calls for more bytes.
        seek: What it calls to go elsewhere.
    """

    def __init__(self) -> None:
        self._open: dict[int, _Position] = {}
        self._numbers = itertools.count(1)
        self.read = ffi.READ_CALLBACK(self._read)
        self.seek = ffi.SEEK_CALLBACK(self._seek)

    @contextmanager
    def opened(self, source: Source) -> Iterator[tuple[int, _Position]]:
        """Give a source a number for the length of the block."""
        number, position = next(self._numbers), _Position(source)
        self._open[number] = position
        try:
            yield number, position
        finally:
            del self._open[number]

    def _read(self, _archive: int, number: int, where: int) -> int:
        position = self._open[number]
        try:
            position.block = position.source.read(position.at, _BLOCK_BYTES)
        except MemoryError:
            # It must not go up through the library.
            position.is_short_of_memory = True
            return _FAILED
        position.at += len(position.block)
        begin = ctypes.cast(c_char_p(position.block), c_void_p)
        ctypes.cast(where, POINTER(c_void_p))[0] = begin
        return len(position.block)

    def _seek(self, _archive: int, number: int, offset: int, whence: int) -> int:
        position = self._open[number]
        bases = (0, position.at, position.source.size)
        position.at = max(0, bases[min(whence, _WHENCE_END)] + offset)
        return position.at


if IS_THERE:
    _SOURCES: Final = _Sources()
    ffi.ffi("read_has_encrypted_entries", [c_void_p], c_int)
    ffi.ffi("entry_is_encrypted", [c_void_p], c_int)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One member, until the next one is asked for.

    Attributes:
        name: As it stands in the archive, or in UTF-8; empty if nobody can tell.
        is_file: Whether it is a plain file.
        is_encrypted: Whether it needs a password.
    """

    name: bytes
    is_file: bool
    is_encrypted: bool


@dataclass(slots=True)
class Reading:
    """One way through an archive.

    Args:
        _archive: The library's handle, as long as it may be used.
        _position: Where it reads.
    """

    _archive: int | None
    _position: _Position
    _entry: c_void_p = field(default_factory=c_void_p)
    _number: int = 0

    def entries(self) -> Iterator[Entry | Shortfall]:
        """Yield what headers say, one by one; a shortfall is the last item."""
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
            yield Entry(
                name=ffi.entry_pathname(self._entry) or b"",
                is_file=kind in {_FILE, _NOTHING_SAID},
                is_encrypted=bool(ffi.entry_is_encrypted(self._entry)),
            )

    def blocks(
        self, may_fill: Callable[[int], bool] | None = None
    ) -> Iterator[bytes | Shortfall]:
        """Return the bytes of the member at hand, in order; a shortfall comes last.

        Of a member that is not at hand any more there is nothing.

        Args:
            may_fill: Says whether so many zeros may stand for a hole. Without it, what
                the library says of holes does not count: some of its readers count on
                from the member before.
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
        """Free what the library holds; nothing can be read any more."""
        archive, self._archive = self._archive, None
        if archive is not None:
            ffi.read_free(archive)

    def _shortfall(self, exc: "libarchive.ArchiveError") -> Shortfall:
        """Say what went wrong; the library tells some of it by its text only."""
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
) -> Iterator[Reading | Shortfall]:
    """Begin to read an archive.

    Args:
        source: Its bytes.
        formats: The only ones that are tried, as the library calls them.
        filters: What may be around it, as the library calls it.
    """
    archive = ffi.read_new()
    with _SOURCES.opened(source) as (number, position):
        begun = Reading(archive, position)
        try:
            for name in formats:
                ffi.get_read_format_function(name)(archive)
            for name in filters:
                ffi.get_read_filter_function(name)(archive)
            ffi.read_set_seek_callback(archive, _SOURCES.seek)
            yield begun if _is_opened(archive, number) else DAMAGED
        finally:
            begun.end()


def _is_opened(archive: int, number: int) -> bool:
    """Return whether the library takes a source for an archive."""
    try:
        ffi.read_open(archive, number, ffi.NO_OPEN_CB, _SOURCES.read, ffi.NO_CLOSE_CB)
    except libarchive.ArchiveError:
        return False
    return True
