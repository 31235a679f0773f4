"""Scan the new files of a source into a store, as fast as allowed.

An engine scans files, on this machine or on many; their scans become rows here, where
the secret is.

Rules this module keeps: an engine gets no secret; rows reach the disk each minute, so
that an interrupted scan goes on where it was; memory does not grow with the number of
files, except by 16 bytes for each that is scanned already.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple, Protocol, TypeAlias

from uploadfilter.lookback.rows import (
    StoredContent,
    encode,
    keyed,
    reason_of,
    unkeyed,
    values_of,
    walked,
)
from uploadfilter.lookback.sources import FileSource, Item, Trouble, TroubleError
from uploadfilter.lookback.store import FileRow, LookBackStore
from uploadfilter.model import Reason, SignalType
from uploadfilter.reference.entries.secret import Secret
from uploadfilter.scanners.filescanning import FileScanner
from uploadfilter.scanners.in_order import WINDOW_PER_JOB, in_order
from uploadfilter.scanners.pool.pool import ScannerPool
from uploadfilter.scanners.pool.settings import ScannerSettings
from uploadfilter.signals import pdq

FLUSH_S: Final = 60.0
"""Seconds after which rows are put on the disk: the most work that a crash loses."""

START_S: Final = 300.0
"""Seconds within which a scanner must be ready: a busy machine may take long, and
nobody waits for an answer here."""

TYPES: Final = (SignalType.PDQ, SignalType.PHASH)
"""Perceptual types that are kept if the operator chose so: those that sets have."""


class ScannedFile(NamedTuple):
    """The result of one file.

    Attributes:
        trouble: Why it has no scan; ``None`` if it has one.
        reason: Why it is not checked, although nothing may match it.
        content: The scan, with digests that are not keyed; ``None`` without one.
    """

    item: Item
    trouble: Trouble | None
    reason: Reason | None
    content: StoredContent | None


Report: TypeAlias = Callable[[ScannedFile], None]


class Engine(Protocol):
    """Scans files, several at a time."""

    def run(self, items: Iterator[Item], report: Report) -> None:
        """Scan files, and report each once, in any order.

        Raises:
            UploadFilterError: It cannot go on; files that were not reported are not
                scanned.
        """


@dataclass(slots=True)
class Pace:
    """Bounds how fast files are read.

    Args:
        bytes_s: Most bytes a second; ``None`` for no bound.
        files_s: Most files a second; ``None`` for no bound.
        clock: Monotonic seconds.
    """

    bytes_s: float | None
    files_s: float | None
    clock: Callable[[], float]
    _next_s: float = 0.0

    def delay_s(self, size: int) -> float:
        """Return how long to wait before a file is read, and count it."""
        now_s = self.clock()
        begin_s = max(now_s, self._next_s)
        by_bytes = size / self.bytes_s if self.bytes_s else 0.0
        by_files = 1 / self.files_s if self.files_s else 0.0
        self._next_s = begin_s + max(by_bytes, by_files)
        return begin_s - now_s


@dataclass(slots=True)
class ScanCounts:
    """The result of a run.

    Attributes:
        known: Files whose version was scanned before.
        unchecked: Files with a scan that could not be checked, known ones included.
    """

    scanned: int = 0
    known: int = 0
    unchecked: int = 0
    bytes: int = 0
    troubles: Counter[Trouble] = field(default_factory=Counter)

    @property
    def is_whole(self) -> bool:
        """Whether each file has a complete scan."""
        return not self.unchecked and not self.troubles


def scan_source(
    source: FileSource,
    store: LookBackStore,
    engine: Engine,
    *,
    secret: Secret,
    clock: Callable[[], float],
    advance: Callable[[], None],
) -> ScanCounts:
    """Scan the files of a source that have no scan in the store.

    Raises:
        UploadFilterError: The engine or the store cannot go on. The rows so far stay.
    """
    counts, flushed_s = ScanCounts(), clock()

    def wanted() -> Iterator[Item]:
        for item in source.items():
            if item.trouble is not None:
                report(ScannedFile(item, item.trouble, None, None))
            elif store.is_done(item):
                counts.known += 1
                counts.unchecked += store.is_unchecked(item)
                advance()
            else:
                yield item

    def report(scanned: ScannedFile) -> None:
        nonlocal flushed_s
        _count(counts, scanned)
        # A file that is gone needs no row; its older rows are matched no more than it
        # is there, which a person sees.
        if scanned.trouble is not Trouble.VANISHED:
            store.add(row_of(scanned, store.info.types, secret))
        if clock() - flushed_s >= FLUSH_S:
            store.flush()
            flushed_s = clock()
        advance()

    engine.run(wanted(), report)
    return counts


class LocalEngine:
    """Scans on this machine, in the confined processes of a pool.

    Args:
        jobs: Processes; ``None`` for one for each CPU.
        pace: Bounds how fast files are read.
    """

    def __init__(
        self,
        source: FileSource,
        *,
        jobs: int | None,
        types: tuple[SignalType, ...],
        pace: Pace,
    ) -> None:
        self._source = source
        self._settings = settings_of(jobs)
        self._types = types
        self._pace = pace

    def run(self, items: Iterator[Item], report: Report) -> None:
        """Scan files, and report them in their order."""
        asyncio.run(self._run(items, report))

    async def _run(self, items: Iterator[Item], report: Report) -> None:
        workers = self._settings.workers
        async with ScannerPool.open(self._settings) as pool:
            one = OneByOne(self._source, pool, workers=workers, types=self._types)

            async def paced(item: Item) -> ScannedFile:
                await asyncio.sleep(self._pace.delay_s(item.size))
                return await one.scan(item)

            await in_order(map(paced, items), report, window=workers * WINDOW_PER_JOB)


def settings_of(jobs: int | None) -> ScannerSettings:
    """Return the settings of a pool with a number of processes."""
    if jobs is None:
        return ScannerSettings(start_timeout_s=START_S)
    return ScannerSettings(workers=jobs, start_timeout_s=START_S)


class OneByOne:
    """Scans single files with a pool.

    Args:
        workers: Most files that are open at a time.
    """

    def __init__(
        self,
        source: FileSource,
        pool: ScannerPool,
        *,
        workers: int,
        types: tuple[SignalType, ...],
    ) -> None:
        self._source = source
        self._types = types
        # The verdict on a file needs the usual types, whatever is kept of them.
        computed = frozenset(TYPES)
        self._scanner = FileScanner(pool, types=computed, workers=workers)

    async def scan(self, item: Item) -> ScannedFile:
        """Scan one file."""
        try:
            scan = await self._scanner.scan_opened(
                lambda: self._source.opened(item), item.name
            )
        except TroubleError as exc:
            return ScannedFile(item, exc.trouble, None, None)
        content = unkeyed(scan, types=self._types, quality_of=pdq.quality)
        return ScannedFile(item, None, reason_of(scan), content)


def _count(counts: ScanCounts, scanned: ScannedFile) -> None:
    if scanned.trouble is not None:
        counts.troubles[scanned.trouble] += 1
        return
    counts.scanned += 1
    counts.bytes += scanned.item.size
    counts.unchecked += scanned.reason is not None


def row_of(
    scanned: ScannedFile, types: tuple[SignalType, ...], secret: Secret
) -> FileRow:
    """Return the row of a file."""
    if scanned.content is None:
        return FileRow(item=scanned.item, trouble=scanned.trouble)
    content = keyed(scanned.content, secret)
    return FileRow(
        item=scanned.item,
        reason=scanned.reason,
        keys=b"".join(key for it in walked(content) for _, key in it.exact),
        values={kind: values_of(content, kind) for kind in types},
        scan=encode(content),
    )
