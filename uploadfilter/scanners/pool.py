"""Scan uploads in scanner processes, whatever their contents do to those.

Rules this module keeps:

- One upload has one process at a time, and a process one upload. It goes back only
  after its last reply was read; otherwise it is killed.
- ``scan`` raises neither for what content does nor for what the pool lacks: both are
  reasons in scans. It waits no longer than its settings say.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final

from uploadfilter.model import Reason, Scan, SignalType
from uploadfilter.scanners.channel import Closed
from uploadfilter.scanners.confinement import CPU_DEATHS
from uploadfilter.scanners.crew import Crew
from uploadfilter.scanners.messages import ContentSpan, encode_frame
from uploadfilter.scanners.process import ScannerProcess
from uploadfilter.scanners.progress import Loss, Progress
from uploadfilter.scanners.replies import read_reply
from uploadfilter.scanners.settings import (
    EventLog,
    PoolFigures,
    ScannerSettings,
    SilentLog,
)

_COUNTED_AS: Final = {
    Loss.TIME: "timed_out",
    Loss.CRASH: "crashed",
    Loss.GARBAGE: "garbled",
}


class ScannerPool:
    """Scans uploads; made by ``open``.

    Args:
        crew: The processes.
        settings: How long things may take.
        counts: What is counted, by the names of ``PoolFigures``.
        log: Where the operator reads of lost processes.
    """

    def __init__(
        self,
        crew: Crew,
        settings: ScannerSettings,
        *,
        counts: Counter[str],
        log: EventLog,
    ) -> None:
        self._crew = crew
        self._settings = settings
        self._counts = counts
        self._log = log
        self._drains: set[asyncio.Task[None]] = set()

    @classmethod
    @asynccontextmanager
    async def open(
        cls, settings: ScannerSettings, *, log: EventLog | None = None
    ) -> AsyncIterator["ScannerPool"]:
        """Keep scanner processes for the length of the block.

        Args:
            settings: How many, and what they may cost.
            log: Operational log; nothing is logged without one.

        Raises:
            ScannerError: Not one process can be started. Later on that is no error but
                the reason ``no_scanner``, and goes away by itself.
        """
        counts: Counter[str] = Counter()
        log = SilentLog() if log is None else log
        crew = Crew(settings, counts=counts, log=log)
        async with crew.keeping():
            pool = cls(crew, settings, counts=counts, log=log)
            try:
                yield pool
            finally:
                await pool._end_drains()

    @property
    def pids(self) -> tuple[int, ...]:
        """Process ids of the scanners that are alive."""
        return self._crew.pids

    @property
    def cpu_s(self) -> float:
        """CPU seconds that all scanners used so far, dead ones included."""
        return self._crew.cpu_s

    @property
    def figures(self) -> PoolFigures:
        """What the pool has done so far."""
        return PoolFigures(**self._counts)

    async def scan(
        self,
        fd: int,
        spans: Sequence[ContentSpan],
        *,
        types: frozenset[SignalType],
        digests: bool = False,
    ) -> tuple[Scan, ...]:
        """Scan the contents of one upload.

        Args:
            fd: Open, readable descriptor of a regular or memory file that holds them
                all; its position is not used. A scanner could write through it if it
                were writable.
            spans: Its contents.
            types: Perceptual signal types to compute.
            digests: Also compute md5, sha1 and sha256 of each content. They are the
                scanner's claim: do not ask where a decoder that was taken over must not
                decide what is looked up.

        Returns:
            One scan for each span, in order, with the span's path. If the pool could
            not serve, those that are missing have the reason ``overloaded`` or
            ``no_scanner``.

        Raises:
            OSError: ``fd`` is no open descriptor.
        """
        progress = Progress(
            spans,
            types=types,
            budgets=self._settings.budgets,
            digests=digests,
            max_losses=self._settings.losses_per_upload,
        )
        again = False
        while not progress.is_complete:
            process = await self._crew.acquire(again=again)
            if isinstance(process, Reason):
                self._counts["unserved"] += 1
                progress.give_up(process)
                break
            self._counts["uploads"] += not again
            again = True
            await self._attend(process, progress, fd)
        return progress.scans

    async def _attend(
        self, process: ScannerProcess, progress: Progress, fd: int
    ) -> None:
        """Have one process scan what is left, as far as it comes; part with it."""
        began_s = self._now()
        try:
            loss = await self._converse(process, progress, fd)
        except asyncio.CancelledError:
            self._abandon(process, len(progress.left))
            raise
        except BaseException:
            # A closed descriptor, or a fault of ours: the process would be lost to us.
            process.retire()
            raise
        progress.spend_wall(self._now() - began_s)
        if loss is None:
            self._give_back(process)
            return
        process.retire()
        self._counts[_COUNTED_AS[loss]] += 1
        self._log.warning("scanner_lost", loss=loss.value)
        progress.lose(loss)

    async def _converse(
        self, process: ScannerProcess, progress: Progress, fd: int
    ) -> Loss | None:
        """Send one request and read its replies; return how the process was lost."""
        end_s = self._now() + progress.wall_left_s
        asked = progress.left
        try:
            for index, span in enumerate(asked):
                content_s = progress.wall_of(span)
                async with asyncio.timeout(min(content_s, end_s - self._now())):
                    if index == 0 and not await self._send(process, progress, fd):
                        return Loss.CRASH
                    frame = await process.channel.receive()
                if isinstance(frame, Closed):
                    return await _cause(process, frame)
                if not self._record(process, progress, frame, index):
                    return Loss.GARBAGE
        except TimeoutError:
            return Loss.TIME
        return None

    async def _send(self, process: ScannerProcess, progress: Progress, fd: int) -> bool:
        if not process.channel.is_quiet:
            # It has spoken, or ended, since it was last used.
            return False
        return await process.channel.send(encode_frame(progress.request()), fd)

    def _record(
        self, process: ScannerProcess, progress: Progress, frame: bytes, index: int
    ) -> bool:
        """Take one reply; return false if it is none."""
        reply = read_reply(
            frame,
            progress.left[0],
            index=index,
            budgets=progress.budgets,
            digests=progress.digests,
        )
        if reply is None:
            return False
        process.contents += 1
        process.is_worn |= reply.scan.reason is Reason.OUT_OF_MEMORY
        self._counts["contents"] += 1
        if reply.fault:
            self._log.warning("scan_raised", fault=reply.fault)
        progress.record(reply.scan)
        return True

    def _give_back(self, process: ScannerProcess) -> None:
        """Return a process that has answered everything, or replace it."""
        if not process.channel.is_quiet:
            self._counts["garbled"] += 1
            process.retire()
        elif process.is_worn or process.contents >= self._settings.recycle_after:
            self._counts["retired"] += 1
            process.retire()
        else:
            self._crew.release(process)

    def _abandon(self, process: ScannerProcess, unread: int) -> None:
        """Part with a process whose caller was cancelled in mid-scan."""
        drain = asyncio.get_running_loop().create_task(
            self._drain(process, unread), name=f"scanner-drain-{process.pid}"
        )
        self._drains.add(drain)
        drain.add_done_callback(self._drains.discard)

    async def _drain(self, process: ScannerProcess, unread: int) -> None:
        """Let a process finish for nobody, but not for long."""
        try:
            async with asyncio.timeout(self._settings.drain_s):
                for _ in range(unread):
                    await process.channel.receive()
                    process.contents += 1
        except TimeoutError:
            self._counts["abandoned"] += 1
            process.retire()
            return
        self._give_back(process)

    async def _end_drains(self) -> None:
        drains = tuple(self._drains)
        for drain in drains:
            drain.cancel()
        await asyncio.gather(*drains, return_exceptions=True)

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()


async def _cause(process: ScannerProcess, closed: Closed) -> Loss:
    """Return how a process was lost whose frames have ended."""
    if closed is Closed.OVERSIZED:
        return Loss.GARBAGE
    return Loss.TIME if await process.end() in CPU_DEATHS else Loss.CRASH
