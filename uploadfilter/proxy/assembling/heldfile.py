"""The two files of one upload in pieces: its bytes, and its journal.

Rules this module keeps:

- The process that changes an upload holds an exclusive ``flock`` on its journal. The
  kernel releases it when the process ends, however it ends.
- ``commit`` syncs the bytes, then writes and syncs the line of the piece: a line never
  speaks of bytes that a power cut may take. Bytes without a line are overwritten.
- A file whose lock was waited for may be gone meanwhile: it has no name any more, and
  counts as missing.
- Files are 0600, and their names say nothing: a keyed hash.

Everything blocks; ``store.py`` calls it in threads.
"""

import errno
import fcntl
import os
from collections.abc import Iterable
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Final

from uploadfilter.state import PRIVATE_FILE, sync_directory
from uploadfilter.uploads.assembly.assembly import Assembly, Denial, State
from uploadfilter.uploads.assembly.journal import (
    MOST_BYTES,
    Decided,
    Restored,
    Step,
    Undone,
    UploadHead,
    line,
    restore,
)

JOURNAL: Final = ".journal"
DATA: Final = ".data"

_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_BLOCK: Final = 1024 * 1024
"""Bytes that are read at a time."""


def denial_of(exc: OSError) -> Denial:
    """Return what a failure of the disk means."""
    return Denial.FULL if exc.errno in _FULL else Denial.UNUSABLE


class HeldFile:
    """One upload in pieces, whose lock this process holds by its journal. Close it."""

    def __init__(
        self, directory: Path, name: str, *, journal: int, data: int, known: Restored
    ) -> None:
        self.name = name
        self.head = known.head
        self.assembly: Assembly = known.assembly
        self._directory = directory
        self._journal = journal
        self._data = data
        self._end = known.length
        self._place = known.assembly.offset

    @classmethod
    def create(
        cls, directory: Path, name: str, head: UploadHead
    ) -> "HeldFile | Denial":
        """Begin an upload, durably.

        Raises:
            OSError: The disk does not take it.
        """
        path = directory / f"{name}{JOURNAL}"
        with ExitStack() as undoing:
            try:
                journal = _open(path, os.O_CREAT | os.O_EXCL, undoing)
            except FileExistsError:
                return Denial.EXISTS
            if not _is_locked(journal):
                return Denial.BUSY
            undoing.callback(path.unlink, missing_ok=True)
            flags = os.O_CREAT | os.O_TRUNC
            data = _open(directory / f"{name}{DATA}", flags, undoing)
            text = line(head)
            _write_all(journal, text, 0)
            os.fdatasync(journal)
            sync_directory(directory)
            undoing.pop_all()
        assembly = Assembly(total=head.total, most_bytes=head.most)
        known = Restored(head=head, assembly=assembly, length=len(text))
        return cls(directory, name, journal=journal, data=data, known=known)

    @classmethod
    def open(cls, directory: Path, name: str) -> "HeldFile | Denial":
        """Lock an upload that was begun, and read its journal.

        An upload that another process was replaying when it ended, and one that is
        damaged, are removed: their clients begin anew.

        Raises:
            OSError: The disk fails.
        """
        with ExitStack() as closing:
            try:
                journal = _open(directory / f"{name}{JOURNAL}", 0, closing)
                fcntl.flock(journal, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except FileNotFoundError:
                return Denial.MISSING
            except BlockingIOError:
                return Denial.BUSY
            if os.fstat(journal).st_nlink == 0:
                return Denial.MISSING
            known, data = _read(journal), -1
            with suppress(FileNotFoundError):
                data = _open(directory / f"{name}{DATA}", 0, closing)
            if known is None or data < 0 or not _is_whole(known, data):
                remove(directory, name)
                return Denial.MISSING
            held = cls(directory, name, journal=journal, data=data, known=known)
            if _is_undecided(known):
                held.undo()
            closing.pop_all()
        return held

    def keep(self, data: Iterable[bytes]) -> None:
        """Keep bytes of the piece that has begun.

        Raises:
            OSError: The disk does not take them.
        """
        for each in data:
            _write_all(self._data, each, self._place)
            self._place += len(each)

    def commit(self, *, is_whole: bool) -> None:
        """Make the piece that has arrived durable; see ``Assembly.end``.

        Raises:
            OSError: It is not durable, and does not count.
        """
        piece = self.assembly.end(is_whole=is_whole)
        if piece is None:
            return
        try:
            os.fdatasync(self._data)
            self._note(piece)
        except OSError:
            self._place = self.assembly.offset
            raise
        self.assembly.add(piece)

    def drop(self) -> None:
        """Forget the piece that has begun, and give its bytes back to the disk.

        Raises:
            OSError: They stay on disk until they are overwritten.
        """
        self.assembly.drop()
        self._cut()

    def undo(self) -> None:
        """Forget the last committed piece, durably."""
        self._note(Undone())
        self.assembly.undo()
        self._cut()

    def decide(self, decision: str) -> None:
        """Make it durable that the replay may begin.

        Raises:
            OSError: It is not durable.
            ValueError: The upload is not complete.
        """
        self.assembly.decide()
        self._note(Decided(decision))

    def read(self, start: int, size: int) -> bytes:
        """Return at most ``size`` bytes of the upload, from ``start`` on."""
        return os.pread(self._data, min(size, _BLOCK), start)

    def remove(self) -> None:
        """Delete the upload; its lock is held until ``close``."""
        remove(self._directory, self.name)

    def close(self) -> None:
        """Release the lock; may be called twice."""
        for fd in {self._journal, self._data} - {-1}:
            os.close(fd)
        self._journal = self._data = -1

    def _cut(self) -> None:
        self._place = self.assembly.offset
        os.ftruncate(self._data, self._place)

    def _note(self, step: Step) -> None:
        text = line(step)
        try:
            _write_all(self._journal, text, self._end)
            os.fdatasync(self._journal)
        except OSError:
            with suppress(OSError):
                os.ftruncate(self._journal, self._end)
            raise
        self._end += len(text)


def peek(directory: Path, name: str) -> Restored | None:
    """Return an upload as its journal has it now, without its lock.

    The last piece of a complete upload does not count before the verdict, because a
    client that is told the whole length takes the upload for done.

    Raises:
        OSError: The disk fails.
    """
    try:
        with (directory / f"{name}{JOURNAL}").open("rb") as journal:
            known = _read(journal.fileno())
    except FileNotFoundError:
        return None
    if known is not None and _is_undecided(known):
        known.assembly.undo()
    return known


def remove(directory: Path, name: str) -> None:
    """Delete the files of an upload, whose lock is held.

    The journal goes last: without it the next upload of this name may begin, and both
    names belong to that one.
    """
    for suffix in (DATA, JOURNAL):
        with suppress(FileNotFoundError):
            (directory / f"{name}{suffix}").unlink()


def client_of(directory: Path, name: str) -> str:
    """Return the client in the head of an upload; empty if it cannot be read."""
    found = peek(directory, name)
    return found.head.client if found else ""


def remove_unlocked(directory: Path, name: str) -> bool:
    """Delete an expired upload, unless somebody has its lock."""
    held = HeldFile.open(directory, name)
    if held is Denial.BUSY:
        return False
    remove(directory, name)
    if not isinstance(held, Denial):
        held.close()
    return True


def _is_locked(journal: int) -> bool:
    """Lock a journal that was just made, unless somebody was faster.

    Who finds it before it has a head takes it for damaged, and deletes it.
    """
    try:
        fcntl.flock(journal, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return os.fstat(journal).st_nlink > 0


def _is_whole(known: Restored, data: int) -> bool:
    """Tell whether no replay was cut off, and no byte is gone."""
    is_replayed = known.assembly.state is State.DECIDED
    return not is_replayed and os.fstat(data).st_size >= known.assembly.offset


def _is_undecided(known: Restored) -> bool:
    """Tell whether an upload is complete, has no verdict, and waits for no others."""
    return known.assembly.state is State.COMPLETE and not known.head.is_part


def _read(journal: int) -> Restored | None:
    data = os.pread(journal, MOST_BYTES, 0)
    return restore(data) if len(data) < MOST_BYTES else None


def _write_all(fd: int, data: bytes, offset: int) -> None:
    view = memoryview(data)
    while view:
        written = os.pwrite(fd, view, offset)
        offset += written
        view = view[written:]


def _open(path: Path, flags: int, closing: ExitStack) -> int:
    """Open a file until the stack closes."""
    fd = os.open(path, os.O_RDWR | os.O_CLOEXEC | flags, PRIVATE_FILE)
    closing.callback(os.close, fd)
    return fd
