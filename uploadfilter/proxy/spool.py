"""Hold the bytes of an upload until its verdict: in memory, then in an unlinked file.

Rules this module keeps:

- A spool is *one file descriptor* from its first byte: an anonymous memory file up to
  ``memory_per_upload``, an unlinked file of mode 0600 after that. Scanners are handed
  the descriptor, the origin is sent from it, and nothing is left behind by a crash.
- What all spools hold together is bounded in memory and on disk. No room is an
  expected outcome, not an error: ``write`` answers ``False``.
- What was written cannot be changed by whoever is handed the descriptor: memory is
  sealed, the file is handed on read-only (``share``).
"""

import asyncio
import errno
import fcntl
import os
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ParamSpec, TypeVar

MIB = 1024 * 1024
GIB = 1024 * MIB

READ_SIZE_BYTES = 256 * 1024
"""How much is read from a spool at a time; the socket takes no more at once."""

_SEALS = (
    fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE
)
_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


_P = ParamSpec("_P")
_R = TypeVar("_R")


@dataclass(frozen=True, slots=True, kw_only=True)
class SpoolLimits:
    """How much the spools may hold.

    Attributes:
        memory_per_upload_bytes: An upload that grows beyond goes to disk. Most photos
            of phones are 2 to 5 MB and arrive slowly, so that memory would be held for
            their whole way; 1 MiB keeps thumbnails and forms off the disk.
        memory_total_bytes: All spools together; 256 uploads at the limit above.
        disk_total_bytes: All spools together; ten uploads of the largest size.
    """

    memory_per_upload_bytes: int = MIB
    memory_total_bytes: int = 256 * MIB
    disk_total_bytes: int = 20 * GIB

    def __post_init__(self) -> None:
        """Refuse limits that no upload could keep."""
        for name in ("memory_per_upload_bytes", "memory_total_bytes"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must not be negative")
        if self.disk_total_bytes < 1:
            raise ValueError("disk_total_bytes must be positive")


class SpoolRoom:
    """The room that all spools of a process share.

    Args:
        limits: How much they may hold together.
        directory: Where unlinked files are made; ``None`` for the system's own place
            for temporary files.
    """

    def __init__(self, limits: SpoolLimits, *, directory: str | None = None) -> None:
        self.limits = limits
        self.directory = directory or tempfile.gettempdir()
        self.memory_bytes = 0
        self.disk_bytes = 0

    @contextmanager
    def spool(self) -> Iterator["Spool"]:
        """Open an empty spool for the length of the block."""
        spool = Spool(self)
        try:
            yield spool
        finally:
            spool.close()

    def take_memory(self, size: int) -> bool:
        """Reserve ``size`` bytes of memory; false if there is no room."""
        if self.memory_bytes + size > self.limits.memory_total_bytes:
            return False
        self.memory_bytes += size
        return True

    def take_disk(self, size: int) -> bool:
        """Reserve ``size`` bytes of disk; false if there is no room."""
        if self.disk_bytes + size > self.limits.disk_total_bytes:
            return False
        self.disk_bytes += size
        return True


class Spool:
    """The bytes of one upload, in the order in which they came.

    Attributes:
        size: Bytes written so far.
    """

    def __init__(self, room: SpoolRoom) -> None:
        self._room = room
        self._fd = -1
        self._on_disk = False
        self._sealed = False
        self._threads = 0
        self._closed = False
        self._memory_bytes = 0
        self._disk_bytes = 0
        self.size = 0

    async def write(self, data: bytes) -> bool:
        """Append ``data``; false, with nothing appended, if there is no room for it."""
        if self._fits_memory(len(data)):
            self._write_memory(data)
            return True
        try:
            return await self._write_disk(data)
        except OSError as exc:
            if exc.errno in _NO_ROOM:
                return False
            raise

    def _fits_memory(self, more: int) -> bool:
        """Reserve memory for ``more`` bytes, unless this spool belongs on disk."""
        limit = self._room.limits.memory_per_upload_bytes
        if self._on_disk or self.size + more > limit:
            return False
        if not self._room.take_memory(more):
            return False
        self._memory_bytes += more
        return True

    def _write_memory(self, data: bytes) -> None:
        if self._fd < 0:
            flags = os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING
            self._fd = os.memfd_create("upload", flags)
        _write_all(self._fd, data)
        self.size += len(data)

    async def _write_disk(self, data: bytes) -> bool:
        if not self._on_disk and not await self._move_to_disk():
            return False
        if not self._take_disk(len(data)):
            return False
        await self._in_thread(_write_all, self._fd, data, self.size)
        self.size += len(data)
        return True

    def _take_disk(self, size: int) -> bool:
        """Reserve disk until this spool is closed, whatever becomes of the write."""
        if not self._room.take_disk(size):
            return False
        self._disk_bytes += size
        return True

    async def _move_to_disk(self) -> bool:
        """Copy what memory holds into an unlinked file and go on there."""
        if not self._take_disk(self.size):
            return False
        held = os.pread(self._fd, self.size, 0) if self._fd >= 0 else b""
        fd = await self._in_thread(_unlinked_file, self._room.directory, held)
        if self._fd >= 0:
            os.close(self._fd)
        self._room.memory_bytes -= self._memory_bytes
        self._memory_bytes = 0
        self._fd, self._on_disk = fd, True
        return True

    def share(self) -> int:
        """Make the bytes unchangeable and return a descriptor to hand on.

        Returns:
            A descriptor that the caller closes; reading from it does not move ours.
        """
        if self._fd < 0:
            self._write_memory(b"")
        if not self._on_disk and not self._sealed:
            fcntl.fcntl(self._fd, fcntl.F_ADD_SEALS, _SEALS)
            self._sealed = True
        return os.open(f"/proc/self/fd/{self._fd}", os.O_RDONLY | os.O_CLOEXEC)

    async def read(
        self, start: int = 0, length: int | None = None
    ) -> AsyncIterator[bytes]:
        """Yield ``length`` bytes from ``start`` (all that follow by default)."""
        end = self.size if length is None else start + length
        while start < end and not self._closed:
            size = min(READ_SIZE_BYTES, end - start)
            if self._on_disk:
                data = await self._in_thread(os.pread, self._fd, size, start)
            else:
                data = os.pread(self._fd, size, start)
            if not data:
                raise OSError(errno.EIO, "a spool is shorter than what was written")
            start += len(data)
            yield data

    def close(self) -> None:
        """Give the bytes and their room back; may be called twice."""
        self._closed = True
        self._close_when_idle()
        self._room.memory_bytes -= self._memory_bytes
        self._room.disk_bytes -= self._disk_bytes
        self._memory_bytes = self._disk_bytes = 0

    def _close_when_idle(self) -> None:
        """Close the descriptor, once no thread works on it any more.

        A thread that still had its number would work on whatever file is given the
        same number next, which may be another upload.
        """
        if self._closed and self._threads == 0 and self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    async def _in_thread(
        self, work: Callable[_P, _R], *args: _P.args, **kwargs: _P.kwargs
    ) -> _R:
        """Run ``work`` on the descriptor in a thread, to its end if cancelled."""
        future = asyncio.ensure_future(asyncio.to_thread(work, *args, **kwargs))
        self._threads += 1
        future.add_done_callback(self._thread_ended)
        return await asyncio.shield(future)

    def _thread_ended(self, _future: asyncio.Future[Any]) -> None:
        self._threads -= 1
        self._close_when_idle()


def _write_all(fd: int, data: bytes, offset: int | None = None) -> None:
    """Write every byte of ``data``, at ``offset`` if one is given."""
    view = memoryview(data)
    while view:
        if offset is None:
            written = os.write(fd, view)
        else:
            written = os.pwrite(fd, view, offset)
            offset += written
        view = view[written:]


def _unlinked_file(directory: str, held: bytes) -> int:
    """Make a file of mode 0600 that has no name, holding ``held``."""
    flags = os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC
    try:
        fd = os.open(directory, flags, 0o600)
    except OSError as exc:
        # Some file systems (overlay, NFS) have no nameless files: EOPNOTSUPP, EISDIR.
        if exc.errno not in {errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL}:
            raise
        fd, path = tempfile.mkstemp(dir=directory)
        os.unlink(path)  # noqa: PTH108 - a path as the system returned it
    try:
        _write_all(fd, held, 0)
    except OSError:
        os.close(fd)
        raise
    return fd
