"""Append bytes to the newest segment so that all of them are durable, or none is there.

After a failed write the file is cut back to its last durable byte, and so that the
kernel cannot claim later what it could not do now, that cut is synced before anything
else is written. Until this succeeds every write fails.
"""

import errno
import os
from contextlib import suppress
from pathlib import Path

from uploadfilter.decisions.files.segments import Segment, Sync
from uploadfilter.state import sync_directory


class Appender:
    """The open end of a log. Every method but ``close`` may raise ``OSError``.

    Args:
        directory: Of the log.
        segment: The newest segment; ``None`` before the first.
        size: Its durable bytes.
        sync: Makes a file durable.
    """

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
            # Someone has deleted it: what is written now nobody will ever read.
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        self._is_dirty = True
        try:
            _write(self._file, data, offset=self.size)
            self._sync(self._file)
        except OSError:
            # Now, if that works, so that readers do not see what never counted.
            with suppress(OSError):
                self._repair()
            raise
        self._is_dirty = False
        self.size += len(data)

    def begin(self, segment: Segment, data: bytes) -> None:
        """Begin a new segment with ``data``, durably, and its name too."""
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
        """Undo what a failed write left behind."""
        if self._leftover is not None:
            self._leftover.unlink(missing_ok=True)
            sync_directory(self._directory, self._sync)
            self._leftover = None
        if self._is_dirty and self._file is not None:
            os.ftruncate(self._file, self.size)
            self._sync(self._file)
            self._is_dirty = False


def _write(file: int, data: bytes, *, offset: int) -> None:
    """Write all of ``data``; a disk that fills up takes a part first."""
    view = memoryview(data)
    while view:
        count = os.pwrite(file, view, offset)
        view = view[count:]
        offset += count
