"""Scan files by their names, for the commands that read files of a machine."""

import asyncio
import os
from collections.abc import Callable
from contextlib import AbstractContextManager

from uploadfilter.model import Scan, SignalType
from uploadfilter.scanners.files import open_regular, type_guesser
from uploadfilter.scanners.pool.pool import ScannerPool
from uploadfilter.scanners.wire.messages import ContentSpan

ONLY_CONTENT = "0"
"""The path of a file's content; its own name is not passed on to a scanner."""


class FileScanner:
    """Scans files with a pool.

    Args:
        pool: The pool.
        types: The signal types to compute.
        workers: Most files that are open at a time, 1 or more.
        windows: Whether views of the windows of each frame are wanted too.
    """

    def __init__(
        self,
        pool: ScannerPool,
        *,
        types: frozenset[SignalType],
        workers: int,
        windows: bool = False,
    ) -> None:
        self._pool = pool
        self._types = types
        self._windows = windows
        self._declared_type = type_guesser()
        # Files wait here and not in the pool, which gives up on what waits for long.
        self._free = asyncio.Semaphore(workers)

    async def scan(self, name: str, *, path: str = ONLY_CONTENT) -> Scan:
        """Scan one file, and compute its digests.

        Args:
            name: Its name for the system.
            path: ``Scan.path`` of its content.

        Raises:
            OSError: It cannot be opened, or is not a regular file.
        """
        async with self._free:
            handle = open_regular(name)
            try:
                return await self._scan(handle, name, path)
            finally:
                os.close(handle)

    async def scan_opened(
        self,
        opened: Callable[[], AbstractContextManager[int]],
        name: str,
        *,
        path: str = ONLY_CONTENT,
    ) -> Scan:
        """Scan one file that the caller opens, and compute its digests.

        Args:
            opened: Opens the file as a descriptor of a regular or memory file; it is
                called in a thread, once the file's turn has come.
            name: Its name, by which its type is guessed.
            path: ``Scan.path`` of its content.

        Raises:
            Exception: ``opened`` raised it.
        """
        async with self._free:
            held = opened()
            handle = await asyncio.to_thread(held.__enter__)
            try:
                scan = await self._scan(handle, name, path)
            except BaseException:
                held.__exit__(None, None, None)
                raise
            # At its end it may find that the file changed, which must not be hidden.
            held.__exit__(None, None, None)
            return scan

    async def _scan(self, handle: int, name: str, path: str) -> Scan:
        span = ContentSpan(
            path=path,
            offset=0,
            length=os.fstat(handle).st_size,
            declared_type=self._declared_type(name),
        )
        (scan,) = await self._pool.scan(
            handle,
            (span,),
            types=self._types,
            digests=True,
            windows=self._windows,
        )
        return scan
