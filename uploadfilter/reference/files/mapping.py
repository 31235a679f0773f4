"""Immutable LMDB directories, mapped read-only and shared within the process.

LMDB allows a process to open a data file only once, and py-lmdb refuses the second
time. The reader of a proxy, a writer that builds on the same base and several readers
in one test all need the same file. So this module keeps one list of the directories
that this process has open. It is the only mutable state of its kind in the package,
because LMDB's rule concerns the process. A directory is closed when its last ``Mapped``
is garbage: the arrays that point into the map belong to objects that hold one.

A forked child must not use a mapped directory: children are started afresh, and every
descriptor is closed on exec.
"""

import contextlib
import fcntl
import mmap
import os
import sys
import threading
import weakref
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

import lmdb

from uploadfilter.reference.files.layout import (
    DATA_FILE,
    StoredPart,
    corrupt,
    file_check,
    sample_check,
    unreadable,
)

EXACT_NAME = b"exact"
"""Name of the LMDB database of exact signals; all other values are in the main one."""

NAMED_DATABASES = 2
"""Databases by name: the exact signals, and one that a later format may add."""

VERIFIED_BYTES = 64 << 20
"""Up to this size a whole data file is verified before it is mapped (0.1 s).

For larger files a reader compares only the size and a sample, so that ten million
entries are ready within a second; the writer verifies them before it builds on them.
"""

_PAGE_SIZE_AT = 40
"""Where a data file states its page size: after the header of the first page (16 bytes)
and magic, version, address and map size of the meta record (4, 4, 8 and 8 bytes)."""

_MOST_PAGE_BYTES = 1 << 15
"""LMDB's pages are as large as the machine's, but no larger than this."""

_PAGE_SIZES = frozenset(1 << bits for bits in range(9, 16))
"""The possible page sizes; a file that states another one is not a file of LMDB."""

_Key: TypeAlias = tuple[int, int]
_Identity: TypeAlias = tuple[int, int, int]


@dataclass(slots=True)
class _Shared:
    env: lmdb.Environment
    txn: lmdb.Transaction
    exact: lmdb._Database
    directory_fd: int
    data_fd: int
    written: _Identity
    check: str
    users: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def is_intact(self) -> bool:
        status = os.fstat(self.data_fd)
        # A file that was removed or replaced by rename has another time of change, but
        # still all of its data.
        return _written(status) == self.written or (
            not status.st_nlink and _written(status)[:2] == self.written[:2]
        )

    def close(self) -> None:
        self.txn.abort()
        self.env.close()
        os.close(self.data_fd)
        os.close(self.directory_fd)


def _written(status: os.stat_result) -> _Identity:
    """Return the facts that change when a file is written to.

    Somebody who restores a file may set its old modification time, but the time of
    change is set by the system.
    """
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns


class _Registry:
    """The directories that this process has open, by the identity of the data file."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: dict[_Key, _Shared] = {}
        self._released: deque[_Key] = deque()

    def has(self, data_fd: int, check: str) -> bool:
        status = os.fstat(data_fd)
        with self._lock:
            shared = self._open.get((status.st_dev, status.st_ino))
            return shared is not None and shared.check == check and shared.is_intact()

    def acquire(
        self, fd: int, data_fd: int, path: Path, check: str
    ) -> tuple[_Key, _Shared]:
        """Return the shared map of a directory; it takes both descriptors over."""
        status = os.fstat(data_fd)
        key = (status.st_dev, status.st_ino)
        with self._lock:
            self._sweep()
            shared = self._open.get(key)
            if shared is None:
                shared = self._open[key] = _map(fd, data_fd, path, check)
            elif not shared.is_intact():
                # LMDB cannot open the file again while the old map is in use.
                raise corrupt(path / DATA_FILE, "was written over while it is in use")
            else:
                os.close(fd)
                os.close(data_fd)
            shared.users += 1
        return key, shared

    def release(self, key: _Key) -> None:
        """Note that one user of a map is gone; safe to call from a finaliser.

        The garbage collector may run while this very thread holds the lock. Then the
        next thread that needs the lock closes the map.
        """
        self._released.append(key)
        if self._lock.acquire(blocking=False):
            try:
                self._sweep()
            finally:
                self._lock.release()

    def _sweep(self) -> None:
        while self._released:
            key = self._released.popleft()
            shared = self._open[key]
            shared.users -= 1
            if not shared.users:
                del self._open[key]
                shared.close()


_REGISTRY = _Registry()


class Mapped:
    """An immutable directory, for as long as this object lives.

    Values are views of the map: keep this object as long as any of them. Its methods
    may be called from several threads.
    """

    def __init__(self, key: _Key, shared: _Shared, path: Path) -> None:
        self.path = path
        self.key = key
        self._shared = shared
        # Not at exit: a thread may still be searching, and the system closes all files.
        weakref.finalize(self, _REGISTRY.release, key).atexit = False

    def is_same(self, other: "Mapped") -> bool:
        """Tell whether both are the same map of the same file."""
        return self.key == other.key

    def is_intact(self) -> bool:
        """Tell whether the file is unchanged since it was mapped.

        A file that is replaced by rename, as it should be, stays unchanged for its
        present users. A file that is written over in place changes, and cannot be
        trusted.
        """
        return self._shared.is_intact()

    def value(self, name: bytes) -> memoryview:
        """Return one value of the main database, without copying it."""
        with self._shared.lock, _translated(self.path):
            value = self._shared.txn.get(name)
        if value is None:
            raise corrupt(self.path, f"holds no {name.decode()!r}")
        return memoryview(value)

    def look_up(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """Return the stored value of each exact key, in one read transaction."""
        shared = self._shared
        with shared.lock, _translated(self.path):
            found = [shared.txn.get(key, db=shared.exact) for key in keys]
        return [None if value is None else bytes(value) for value in found]

    def pairs(self) -> Iterator[tuple[bytes, bytes]]:
        """Yield every exact key with its value, in the order of the keys."""
        # It has its own transaction, so that no other thread waits for the lock
        # meanwhile.
        shared = self._shared
        with _translated(self.path), shared.env.begin() as txn:
            for key, value in txn.cursor(db=shared.exact):
                yield bytes(key), bytes(value)


def open_mapped(path: Path, part: StoredPart, *, verify: bool = False) -> Mapped | None:
    """Map an immutable directory, or share the map that this process already has.

    Args:
        path: The directory.
        part: Size and check values of its data file, from ``current``.
        verify: Compare the whole file with its check value, however large it is.

    Returns:
        ``None`` if the directory is not there, or is being removed by the writer.
    """
    try:
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    except FileNotFoundError:
        return None
    except OSError as exc:
        raise unreadable(path, exc) from exc
    with contextlib.ExitStack() as undo:
        undo.callback(os.close, fd)
        try:
            fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
            data_fd = os.open(DATA_FILE, os.O_RDONLY, dir_fd=fd)
            undo.callback(os.close, data_fd)
            if verify or not _REGISTRY.has(data_fd, part.check):
                whole = verify or part.size <= VERIFIED_BYTES
                _check_file(data_fd, path, part, whole=whole)
        except (BlockingIOError, FileNotFoundError):
            return None
        except OSError as exc:
            raise unreadable(path, exc) from exc
        key, shared = _REGISTRY.acquire(fd, data_fd, path, part.check)
        undo.pop_all()
    return Mapped(key, shared, path)


def _check_file(data_fd: int, path: Path, part: StoredPart, *, whole: bool) -> None:
    file = path / DATA_FILE
    size = os.fstat(data_fd).st_size
    if size != part.size:
        raise corrupt(file, f"has {size} bytes instead of {part.size}")
    data = Path(f"/proc/self/fd/{data_fd}")
    sound = sample_check(data) == part.sample
    if not sound or (whole and file_check(data) != part.check):
        raise corrupt(file, "does not agree with its check value")
    _check_page_size(os.pread(data_fd, 4, _PAGE_SIZE_AT), file)


def _check_page_size(stated: bytes, file: Path) -> None:
    """Refuse a file whose page size is not that of this machine."""
    size = int.from_bytes(stated, sys.byteorder)
    own = min(mmap.PAGESIZE, _MOST_PAGE_BYTES)
    if size != own and size in _PAGE_SIZES:
        raise corrupt(
            file, f"comes from a machine with pages of {size} bytes, this one has {own}"
        )


def _map(fd: int, data_fd: int, path: Path, check: str) -> _Shared:
    written = _written(os.fstat(data_fd))
    with _translated(path):
        env = lmdb.open(
            f"/proc/self/fd/{fd}",
            readonly=True,
            create=False,
            lock=False,
            max_dbs=NAMED_DATABASES,
        )
        _close_on_exec(os.fstat(data_fd))
        # The name needs a transaction of its own, or later ones would not know it.
        exact = env.open_db(EXACT_NAME, create=False)
        txn = env.begin(buffers=True)
    return _Shared(
        env=env,
        txn=txn,
        exact=exact,
        directory_fd=fd,
        data_fd=data_fd,
        written=written,
        check=check,
    )


def _close_on_exec(data: os.stat_result) -> None:
    """Keep children from inheriting a file that LMDB opens as inheritable."""
    for name in os.listdir("/proc/self/fd"):  # noqa: PTH208 - names are numbers
        with contextlib.suppress(OSError):
            if os.path.samestat(os.fstat(int(name)), data):
                os.set_inheritable(int(name), False)


@contextlib.contextmanager
def _translated(path: Path) -> Iterator[None]:
    """Turn LMDB's errors about a damaged file into errors of this program."""
    try:
        yield
    except lmdb.Error as exc:
        raise corrupt(path / DATA_FILE, f"cannot be read: {exc}") from exc
