"""Hold the bytes of an upload until its verdict: in memory, then in an unlinked file.

Rules this module keeps:

- A spool is bytes in memory up to ``memory_per_upload``, and an unlinked file of mode
  0600 after that. Scanners get a copy of the bytes or the descriptor, the origin gets
  the bytes from there, and a crash leaves nothing.
- The memory and the disk space of all spools together are bounded, and so are those of
  one client's spools: ten slow uploads of one client must not keep everybody else out.
  A lack of room is an expected outcome, not an error: ``write`` returns ``False``.
- A process that gets the bytes cannot change them in the spool: it has a copy of its
  own, or a read-only descriptor (``share``).
"""

import asyncio
import errno
import os
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, ParamSpec, Self, TypeVar

from uploadfilter.errors import ServiceError
from uploadfilter.networks import Holdings

MIB = 1024 * 1024
GIB = 1024 * MIB

READ_SIZE_BYTES = 256 * 1024
"""Bytes that are read from a spool at a time; the socket accepts no more at once."""

FLUSH_BYTES = 512 * 1024
"""Most bytes that wait before they are written to disk: 256 uploads hold 128 MiB, and
an upload of 2 MB needs a thread three times instead of thirty."""

_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


_CLIENTS: Final = 4
"""How many clients together may fill all spools: the quarter of one holds two uploads
of the largest size and many of any other."""

_P = ParamSpec("_P")
_R = TypeVar("_R")


@dataclass(frozen=True, slots=True, kw_only=True)
class SpoolLimits:
    """Limits of the spools.

    Attributes:
        memory_per_upload_bytes: Memory of one upload; a larger one goes to disk. Most
            photos of phones are 2 to 5 MB and arrive slowly, so that memory would be
            held for their whole way; 1 MiB keeps thumbnails and forms off the disk.
        memory_total_bytes: Memory of all spools together; beyond, uploads go to disk.
            256 uploads of 1 MiB.
        disk_total_bytes: Disk space of all spools together; ten uploads of the largest
            size.
    """

    memory_per_upload_bytes: int = MIB
    memory_total_bytes: int = 256 * MIB
    disk_total_bytes: int = 20 * GIB

    def __post_init__(self) -> None:
        """Refuse negative limits, and an impossible zero."""
        for name in ("memory_per_upload_bytes", "memory_total_bytes"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must not be negative")
        if self.disk_total_bytes < 1:
            raise ValueError("disk_total_bytes must be positive")

    @property
    def memory_per_client_bytes(self) -> int:
        """Memory of the spools of one client; beyond, they go to disk."""
        return self.memory_total_bytes // _CLIENTS

    @property
    def disk_per_client_bytes(self) -> int:
        """Disk space of the spools of one client."""
        return self.disk_total_bytes // _CLIENTS


@dataclass(slots=True)
class _Share:
    """The bytes in the spools of one client; without a client there is no bound."""

    client: str
    memory_bytes: int = 0
    disk_bytes: int = 0
    spools: int = 0

    @property
    def is_bounded(self) -> bool:
        """Whether it belongs to a client."""
        return bool(self.client)


class SpoolRoom:
    """The room that all spools of a process share.

    Args:
        limits: Limits of all spools together.
        directory: Directory for unlinked files; ``None`` for the system's directory of
            temporary files.
        on_full_share: Called whenever a client may not hold more, though there is room.
    """

    def __init__(
        self,
        limits: SpoolLimits,
        *,
        directory: str | None = None,
        on_full_share: Callable[[], None] = lambda: None,
    ) -> None:
        self.limits = limits
        self.directory = directory or tempfile.gettempdir()
        self.memory_bytes = 0
        self.disk_bytes = 0
        self._on_full_share = on_full_share
        self._shares: dict[str, _Share] = {}
        self._on_disk = Holdings()
        # Of one disk, more writers are no faster; on few cores they delay the loop.
        self.writers = asyncio.Semaphore(len(os.sched_getaffinity(0)))

    @classmethod
    def tried(
        cls,
        limits: SpoolLimits,
        *,
        directory: str | None,
        on_full_share: Callable[[], None],
    ) -> "SpoolRoom":
        """Make room at the start, and not find out at the first large upload.

        Raises:
            ServiceError: No file can be made in the directory.
        """
        try:
            room = cls(limits, directory=directory, on_full_share=on_full_share)
            with tempfile.TemporaryFile(dir=room.directory):
                return room
        except OSError as exc:
            where = directory or "every directory for temporary files"
            raise ServiceError(
                f"cannot hold uploads in {where!r}: {exc.strerror}",
                hint="Name a directory that this user may write to: spool_directory in "
                "the configuration file.",
            ) from exc

    def spool(self, client: str = "") -> "Spool":
        """Return an empty spool, to be open during a block.

        Args:
            client: The client whose share it uses; ``""`` means no client.
        """
        share = self._shares.get(client)
        if share is None:
            share = self._shares[client] = _Share(client)
        return Spool(self, share)

    def forget(self, share: "_Share") -> None:
        """Note that a spool of a client is gone."""
        share.spools -= 1
        if not share.spools and self._shares.get(share.client) is share:
            del self._shares[share.client]

    def has_room(self, client: str, size: int) -> bool:
        """Tell whether there is room for ``size`` more bytes; nothing is reserved."""
        if size <= self.limits.memory_per_upload_bytes:
            return True
        if self.disk_bytes + size > self.limits.disk_total_bytes:
            return False
        share = self._shares.get(client)
        held = share.disk_bytes if share else 0
        # Only here, at the head: a body that was let in is not cut off for it.
        is_fair = not self._on_disk.is_fair_share_held(
            client, most=self.limits.disk_total_bytes
        )
        if client and (not is_fair or self._is_too_much(client, held + size)):
            self._on_full_share()
            return False
        return True

    def _is_too_much(self, client: str, held: int) -> bool:
        """Tell whether the share of a client, or of one of its networks, is used up."""
        per_client = self.limits.disk_per_client_bytes
        most = self.limits.disk_total_bytes
        return held > per_client or self._on_disk.is_share_held(
            client, most=most, per_client=per_client
        )

    def take_memory(self, size: int, share: "_Share") -> bool:
        """Reserve ``size`` bytes of memory; false if there is no room."""
        of_client = share.memory_bytes + size
        if self.memory_bytes + size > self.limits.memory_total_bytes:
            return False
        if share.is_bounded and of_client > self.limits.memory_per_client_bytes:
            return False
        self.memory_bytes += size
        share.memory_bytes += size
        return True

    def take_disk(self, size: int, share: "_Share") -> bool:
        """Reserve ``size`` bytes of disk; false if there is no room."""
        if self.disk_bytes + size > self.limits.disk_total_bytes:
            return False
        of_client = share.disk_bytes + size
        if share.is_bounded and self._is_too_much(share.client, of_client):
            self._on_full_share()
            return False
        self.disk_bytes += size
        share.disk_bytes += size
        self._on_disk.add(share.client, size)
        return True

    def give_back(self, share: "_Share", *, memory: int = 0, disk: int = 0) -> None:
        """Return bytes that were reserved."""
        self.memory_bytes -= memory
        self.disk_bytes -= disk
        share.memory_bytes -= memory
        share.disk_bytes -= disk
        if disk:
            self._on_disk.add(share.client, -disk)


class Spool:
    """The bytes of one upload, in the order in which they arrived.

    They begin in memory. A larger upload continues in a file on disk, written in large
    pieces, because handing a piece to a thread costs as much as writing a hundred
    kilobytes: the last bytes wait in ``_tail``.

    Attributes:
        size: Bytes written so far.
    """

    def __init__(self, room: SpoolRoom, share: _Share) -> None:
        share.spools += 1
        self._room = room
        self._share = share
        self._memory = bytearray()
        self._file = -1
        self._in_file = 0
        self._tail: list[bytes] = []
        self._threads = 0
        self._closed = False
        self._memory_bytes = 0
        self._disk_bytes = 0
        self.size = 0

    async def write(self, data: bytes) -> bool:
        """Append ``data``; false, with nothing appended, if there is no room for it."""
        if self._fits_memory(len(data)):
            self._memory += data
            self.size += len(data)
            return True
        missing = self.size - self._disk_bytes  # the bytes in memory so far
        if not self._take_disk(missing + len(data)):
            return False
        self._tail.append(data)
        self.size += len(data)
        if self._unwritten() < FLUSH_BYTES or await self._flushed():
            return True
        self._tail.pop()
        self.size -= len(data)
        return False

    def _unwritten(self) -> int:
        """Return how many bytes wait for the file, those of the memory left out."""
        return self.size - max(self._in_file, len(self._memory))

    def _fits_memory(self, more: int) -> bool:
        """Reserve memory for ``more`` bytes, unless this spool belongs on disk."""
        limit = self._room.limits.memory_per_upload_bytes
        if self._disk_bytes or self.size + more > limit:
            return False
        if not self._room.take_memory(more, self._share):
            return False
        self._memory_bytes += more
        return True

    def _take_disk(self, size: int) -> bool:
        """Reserve disk until this spool is closed, even if the write fails."""
        if not self._room.take_disk(size, self._share):
            return False
        self._disk_bytes += size
        return True

    async def _flushed(self) -> bool:
        """Write everything into the file; false if there is no room for it there."""
        try:
            if self._file >= 0:
                await self._written(self._tail, self._in_file)
            else:
                await self._move_to_disk()
        except OSError as exc:
            if exc.errno in _NO_ROOM:
                return False
            raise
        self._tail = []
        self._in_file = self.size
        return True

    async def _written(self, pieces: Sequence[bytes | bytearray], offset: int) -> None:
        """Write pieces into the file, in turn with other spools."""
        async with self._room.writers:
            await self._in_thread(_write_all, self._file, pieces, offset)

    async def _move_to_disk(self) -> None:
        """Copy the bytes in memory, and the waiting ones, into an unlinked file."""
        self._file = _unlinked_file(self._room.directory)
        pieces: list[bytes | bytearray] = [self._memory, *self._tail]
        try:
            await self._written(pieces, 0)
        except OSError:
            os.close(self._file)
            self._file = -1
            raise
        self._memory = bytearray()
        # Bytes that wait for the file are in memory too, and keep their room there.
        kept = min(self._memory_bytes, FLUSH_BYTES)
        self._room.give_back(self._share, memory=self._memory_bytes - kept)
        self._memory_bytes = kept

    def whole(self, most: int) -> bytes | None:
        """Return all bytes if they are in memory and not longer than ``most``."""
        if self._disk_bytes or self.size > most:
            return None
        return bytes(self._memory)

    async def share(self) -> int | memoryview | None:
        """Return the bytes, or a descriptor of them that can be passed on.

        Returns:
            Bytes that stay unchanged as long as nothing more is written, or a
            descriptor that the caller closes (``closed``); reading from it does not
            move the spool's own position. ``None`` if there is no room on the disk for
            bytes that still have to be written.
        """
        if not self._disk_bytes:
            return memoryview(self._memory)
        if not await self._flushed():
            return None
        return os.open(f"/proc/self/fd/{self._file}", os.O_RDONLY | os.O_CLOEXEC)

    async def read(
        self, start: int = 0, length: int | None = None
    ) -> AsyncIterator[bytes]:
        """Yield ``length`` bytes from ``start`` (all that follow by default)."""
        end = self.size if length is None else start + length
        while start < end and not self._closed:
            size = min(READ_SIZE_BYTES, end - start)
            data = await self._read_at(start, size)
            if not data:
                raise OSError(errno.EIO, "a spool is shorter than the written bytes")
            start += len(data)
            yield data

    async def _read_at(self, start: int, size: int) -> bytes:
        """Return up to ``size`` bytes, from memory or disk."""
        held = max(self._in_file, len(self._memory))
        if start >= held:
            offset = start - held
            return b"".join(self._tail)[offset : offset + size]
        size = min(size, held - start)
        if self._memory:
            return bytes(memoryview(self._memory)[start : start + size])
        cached = _read_cached(self._file, size, start)
        if cached is not None:
            return cached
        return await self._in_thread(os.pread, self._file, size, start)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Release the bytes and their room; may be called twice."""
        if not self._closed:
            self._room.forget(self._share)
        self._closed = True
        self._memory = bytearray()
        self._tail = []
        self._close_when_idle()
        self._room.give_back(
            self._share, memory=self._memory_bytes, disk=self._disk_bytes
        )
        self._memory_bytes = self._disk_bytes = 0

    def _close_when_idle(self) -> None:
        """Close the descriptor when no thread works on it any more.

        Otherwise a thread with its number could work on the next file with the same
        number, which may be another upload.
        """
        if self._closed and self._threads == 0 and self._file >= 0:
            os.close(self._file)
            self._file = -1

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


def _read_cached(fd: int, size: int, start: int) -> bytes | None:
    """Read from the page cache; ``None`` if that would have to wait for the disk.

    Bytes that were just written are nearly always in it, and a thread costs more.
    """
    buffer = bytearray(size)
    try:
        count = os.preadv(fd, [buffer], start, os.RWF_NOWAIT)
    except OSError as exc:
        # Not in the cache; or a file system that cannot tell.
        if exc.errno in {errno.EAGAIN, errno.EOPNOTSUPP}:
            return None
        raise
    return bytes(memoryview(buffer)[:count]) if count else None


def _write_all(fd: int, pieces: Sequence[bytes | bytearray], offset: int) -> None:
    """Write every byte of ``pieces``, one after the other, at ``offset``."""
    for piece in pieces:
        view = memoryview(piece)
        while view:
            written = os.pwrite(fd, view, offset)
            offset += written
            view = view[written:]


@contextmanager
def closed(shared: int | memoryview) -> Iterator[None]:
    """Close the result of ``Spool.share`` at the end of the block."""
    try:
        yield
    finally:
        if isinstance(shared, int):
            os.close(shared)
        else:
            shared.release()


def _unlinked_file(directory: str) -> int:
    """Make an empty file of mode 0600 that has no name."""
    flags = os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC
    try:
        return os.open(directory, flags, 0o600)
    except OSError as exc:
        # Some file systems (overlay, NFS) have no unnamed files: EOPNOTSUPP, EISDIR.
        if exc.errno not in {errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL}:
            raise
    fd, path = tempfile.mkstemp(dir=directory)
    os.unlink(path)  # noqa: PTH108 - a path as the system returned it
    return fd
