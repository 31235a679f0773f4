"""Append bytes to the newest segment, durably and atomically.

After a failed write, the file is truncated to its last durable byte. The truncation is
synced before the next write, because the kernel may report a failed write only once.
Until the truncation succeeds, every write fails.
"""

import errno
import os
from contextlib import suppress
from pathlib import Path

from uploadfilter.decisions.files.segments import Segment, Sync
from uploadfilter.state import sync_directory


class Appender:
    """The open end of a log. Every method but ``close`` may raise ``OSError``."""

    def __init__(
        self, directory: Path, *, segment: Segment | None, size: int, sync: Sync
    ) -> None:
        self._directory = directory
        self._sync = sync
        self._file: int | None = None
        self._is_dirty = False
        self._leftover: Path | None = None
        self.segment = segment
        self.size = size
        if segment is not None:
            self._file = os.open(directory / segment.name, os.O_RDWR)

    def extend(self, data: bytes) -> None:
        """Append to the segment, durably."""
        self._repair()
        if self._file is None:
            raise RuntimeError("there is no segment yet")
        if os.fstat(self._file).st_nlink == 0:
            # The file was deleted: nobody would ever read the new bytes.
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        self._is_dirty = True
        try:
            _write(self._file, data, offset=self.size)
            self._sync(self._file)
        except OSError:
            # At once, if possible, so that readers do not see bytes that do not count.
            with suppress(OSError):
                self._repair()
            raise
        self._is_dirty = False
        self.size += len(data)

    def begin(self, segment: Segment, data: bytes) -> None:
        """Begin a new segment with ``data``; make the bytes and the name durable."""
        self._repair()
        try:
            file = self._create(self._directory / segment.name, data)
        except OSError:
            with suppress(OSError):
                self._repair()
            raise
        self._leftover = None
        self.close()
        self._file, self.segment, self.size = file, segment, len(data)

    def close(self) -> None:
        """Close the segment."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _create(self, path: Path, data: bytes) -> int:
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        self._leftover = path
        try:
            _write(file, data, offset=0)
            self._sync(file)
            sync_directory(self._directory, self._sync)
        except OSError:
            os.close(file)
            raise
        return file

    def _repair(self) -> None:
        if self._leftover is not None:
            self._leftover.unlink(missing_ok=True)
            sync_directory(self._directory, self._sync)
            self._leftover = None
        if self._is_dirty and self._file is not None:
            os.ftruncate(self._file, self.size)
            self._sync(self._file)
            self._is_dirty = False


def _write(file: int, data: bytes, *, offset: int) -> None:
    """Write all of ``data``; an almost full disk accepts only a part at first."""
    view = memoryview(data)
    while view:
        count = os.pwrite(file, view, offset)
        view = view[count:]
        offset += count
