"""Have the pictures of a folder scanned, and write their signals down.

The pictures stay in their folder: the scanners of the filter read them in their
sandbox, and only signals come out. Rules this module keeps: the order is that of the
names; memory does not grow with the number of files; an interrupted build goes on at
the same place.
"""

import os
from collections.abc import Callable, Iterator
from pathlib import Path, PurePath

from uploadfilter.issuing.building import (
    TYPES,
    BuildFile,
    LeftOut,
    Naming,
    entry_of,
)
from uploadfilter.model import Entry, Reason
from uploadfilter.scanners.files import FoundFile, find
from uploadfilter.scanners.filescanning import FileScanner
from uploadfilter.scanners.in_order import WINDOW_PER_JOB, in_order
from uploadfilter.scanners.pool.pool import ScannerPool
from uploadfilter.scanners.pool.settings import ScannerSettings
from uploadfilter.signals import pdq
from uploadfilter.unfinished import mark_of


async def build(
    source: Path,
    out: BuildFile,
    naming: Naming,
    settings: ScannerSettings,
    *,
    on_done: Callable[[], None],
    windows: bool = False,
) -> None:
    """Make entries of the pictures of a folder.

    Args:
        source: The folder.
        out: Receives the result of each file; the caller finishes it.
        naming: Gives ids and categories.
        settings: Settings of the scanners.
        on_done: Called for each finished file, also of an earlier run.
        windows: Whether entries have the signals of the windows of a picture too.

    Raises:
        IssuerError: The entries cannot be written.
        ScannerError: No scanner can be started.
    """
    async with ScannerPool.open(settings) as pool:
        scanner = FileScanner(
            pool, types=TYPES, workers=settings.workers, windows=windows
        )
        builder = _Builder(scanner, source, naming)

        def report(done: tuple[str, Entry | LeftOut, int]) -> None:
            out.add(*done)
            on_done()

        to_do = _to_do(source, out, on_done)
        work = (builder.make(mark, found) for mark, found in to_do)
        await in_order(work, report, window=settings.workers * WINDOW_PER_JOB)


def _to_do(
    source: Path, out: BuildFile, on_done: Callable[[], None]
) -> Iterator[tuple[str, FoundFile]]:
    for found in find([str(source)]):
        try:
            mark = mark_of(
                os.path.relpath(found.path, source),
                os.stat(found.path),  # noqa: PTH116 - names stay as given
            )
        except OSError:
            mark = "unreadable"
        if out.is_done(mark):
            on_done()
        else:
            yield mark, found


def _below(source: Path, path: str) -> PurePath:
    return PurePath(os.path.relpath(path, source))


class _Builder:
    """Makes entries; it may work on several files at a time."""

    def __init__(self, scanner: FileScanner, source: Path, naming: Naming) -> None:
        self._scanner = scanner
        self._source = source
        self._naming = naming

    async def make(
        self, mark: str, found: FoundFile
    ) -> tuple[str, Entry | LeftOut, int]:
        naming, path = self._naming, _below(self._source, found.path)
        if found.problem is not None:
            is_unreadable = found.problem is Reason.UNREADABLE
            why = LeftOut.UNREADABLE if is_unreadable else LeftOut.NO_FILE
            return mark, why, naming.row_of(path)
        if not naming.needs_digests(path):
            named = naming.of(path)
            if isinstance(named, LeftOut):
                return mark, named, naming.row_of(path)
        try:
            scan = await self._scanner.scan(found.path)
        except OSError:
            return mark, LeftOut.UNREADABLE, naming.row_of(path)
        row, named = naming.row_of(path, scan.exact), naming.of(path, scan.exact)
        if isinstance(named, LeftOut):
            return mark, named, row
        entry_id, category = named
        made = entry_of(
            scan, entry_id=entry_id, category=category, quality_of=pdq.quality
        )
        return mark, made, row
