"""Have the pictures of a folder scanned, and write their signals down.

The pictures stay in their folder: the scanners of the filter read them in their
sandbox, and only signals come out. Rules this module keeps: the order is that of the
names; memory does not grow with the number of files; an interrupted build goes on at
the same place.
"""

import asyncio
import os
from collections.abc import Callable, Iterator
from pathlib import Path, PurePath

from uploadfilter.contents.kinds.magic import PICTURES
from uploadfilter.issuing.building import (
    TYPES,
    BuildFile,
    FileResult,
    LeftOut,
    Naming,
    doubt_of,
    entry_of,
)
from uploadfilter.issuing.generic import KnownGoodCheck
from uploadfilter.model import Entry, Reason, Scan
from uploadfilter.scanners.files import FoundFile, find, type_guesser
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
    damaged: bool = False,
    known_good: KnownGoodCheck | None = None,
) -> None:
    """Make entries of the pictures of a folder.

    Args:
        source: The folder.
        out: Receives the result of each file; the caller finishes it.
        naming: Gives ids and categories.
        settings: Settings of the scanners.
        on_done: Called for each finished file, also of an earlier run.
        windows: Whether entries have the signals of the windows of a picture too.
        damaged: Whether pictures that were not read whole become entries too.
        known_good: The comparison with known-good corpora; ``None`` for none.

    Raises:
        IssuerError: The entries cannot be written.
        ScannerError: No scanner can be started.
    """
    async with ScannerPool.open(settings) as pool:
        scanner = FileScanner(
            pool, types=TYPES, workers=settings.workers, windows=windows
        )
        builder = _Builder(scanner, source, naming, known_good, damaged=damaged)

        def report(done: FileResult) -> None:
            out.add(done)
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
        if out.is_done(mark, found.path):
            on_done()
        else:
            yield mark, found


def _below(source: Path, path: str) -> PurePath:
    return PurePath(os.path.relpath(path, source))


class _Builder:
    def __init__(
        self,
        scanner: FileScanner,
        source: Path,
        naming: Naming,
        known_good: KnownGoodCheck | None,
        *,
        damaged: bool,
    ) -> None:
        self._scanner = scanner
        self._source = source
        self._naming = naming
        self._known_good = known_good
        self._lists_damaged = damaged
        self._declared_type = type_guesser()

    async def make(self, mark: str, found: FoundFile) -> FileResult:
        path = _below(self._source, found.path)
        scan = await self._scan(found, path)
        made: Entry | LeftOut
        if isinstance(scan, LeftOut):
            row = self._naming.row_of(path)
            made, doubt, detail = scan, None, ""
        else:
            row = self._naming.row_of(path, scan.exact)
            named = self._naming.of(path, scan.exact)
            made, doubt, detail = await self._judge(found, scan, named)
        return FileResult(
            mark=mark, path=found.path, made=made, row=row, doubt=doubt, detail=detail
        )

    async def _scan(self, found: FoundFile, path: PurePath) -> Scan | LeftOut:
        if found.problem is not None:
            is_unreadable = found.problem is Reason.UNREADABLE
            return LeftOut.UNREADABLE if is_unreadable else LeftOut.NO_FILE
        if not self._naming.needs_digests(path):
            named = self._naming.of(path)
            if isinstance(named, LeftOut):
                return named
        try:
            return await self._scanner.scan(found.path)
        except OSError:
            return LeftOut.UNREADABLE

    async def _judge(
        self, found: FoundFile, scan: Scan, named: tuple[str, str] | LeftOut
    ) -> tuple[Entry | LeftOut, LeftOut | None, str]:
        """Return the entry of a scan, or why there is none; a doubt; and its detail."""
        if isinstance(named, LeftOut):
            return named, None, ""
        entry_id, category = named
        made = entry_of(
            scan, entry_id=entry_id, category=category, quality_of=pdq.quality
        )
        if isinstance(made, LeftOut):
            if made is LeftOut.NO_PICTURE and self._is_picture(found, scan):
                made = LeftOut.DAMAGED
            return made, None, (scan.reason or "") if made is LeftOut.DAMAGED else ""
        doubt = doubt_of(scan)
        if doubt is not None and not self._lists_damaged:
            return doubt, None, scan.reason or ""
        known = self._known_good
        corpus = "" if known is None else await asyncio.to_thread(known.corpus_of, made)
        if known is not None and corpus:
            why = LeftOut.KNOWN_GOOD
            return (why, None, corpus) if known.leaves_out else (made, why, corpus)
        return made, doubt, (scan.reason or "") if doubt else ""

    def _is_picture(self, found: FoundFile, scan: Scan) -> bool:
        """Tell whether a file without a view is a picture by its bytes or its name."""
        declared = self._declared_type(found.path) or ""
        return scan.kind in PICTURES or declared.startswith("image/")
