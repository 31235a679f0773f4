"""Columns in unnamed files beside the reference set that they will belong to.

Rules this module keeps: no other process can open such a file, and nothing is left of
it after the process has ended, however it ends. A full disk is an error with a hint.
"""

import contextlib
import mmap
import os
import shutil
import tempfile
import weakref
from pathlib import Path
from typing import Any

from uploadfilter.errors import StoreError


class FileColumn:
    """A column in a file; only the part in use takes memory."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        try:
            with tempfile.TemporaryFile(dir=directory, buffering=0) as file:
                self._fd = os.dup(file.fileno())
        except OSError as exc:
            raise self._failed(exc) from exc
        # An import that is refused drops its columns without looking at them.
        self._close = weakref.finalize(self, os.close, self._fd)
        self._bytes = 0

    def write(self, data: Any, /) -> None:  # noqa: ANN401 - any buffer
        """Add the bytes of a buffer."""
        rest = memoryview(data).cast("B")
        self._bytes += len(rest)
        try:
            while rest:
                rest = rest[os.write(self._fd, rest) :]
        except OSError as exc:
            raise self._failed(exc) from exc

    def view(self) -> memoryview:
        """Return all bytes, without a copy; nothing may be written afterwards."""
        if self._bytes:
            mapped = mmap.mmap(self._fd, self._bytes, access=mmap.ACCESS_READ)
            found = memoryview(mapped)
        else:
            found = memoryview(b"")
        self._close()
        return found

    def _failed(self, exc: OSError) -> StoreError:
        free = "free space unknown"
        with contextlib.suppress(OSError):
            free = f"{shutil.disk_usage(self._directory).free >> 20} MiB free"
        return StoreError(
            f"cannot keep entries in {str(self._directory)!r}: {exc.strerror} ({free})",
            hint="Nothing has changed. Make room on the disk or check that it is sound "
            "and writable, then try again.",
        )
