"""Use one process after another until an upload is scanned.

Rules this module keeps:

- One upload has one process at a time, and a process has one upload. The process is
  given back only after its last reply was read; otherwise it is killed.
- A process that scanned a content alone, or that got a low priority, is never used
  again.
- Every wait for a process ends with the watch over the upload or with the process.
"""

import asyncio
import os
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

from uploadfilter.model import Reason
from uploadfilter.ongoing import EventLog
from uploadfilter.scanners.pool.channel import Closed
from uploadfilter.scanners.pool.crew import Crew, Warmth
from uploadfilter.scanners.pool.process import ScannerProcess
from uploadfilter.scanners.pool.progress import Loss, Progress
from uploadfilter.scanners.pool.settings import ScannerSettings
from uploadfilter.scanners.pool.watching import PUT_OFF, Watch
from uploadfilter.scanners.wire.control import CPU_DEATHS
from uploadfilter.scanners.wire.messages import (
    ContentReply,
    Handed,
    ProcessKind,
    encode_frame,
)

_COUNTED_AS: Final = {
    Loss.TIME: "timed_out",
    Loss.STARVED: "starved",
    Loss.CRASH: "crashed",
    Loss.ACCIDENT: "crashed",
    Loss.GARBAGE: "garbled",
    Loss.EXCESS: "garbled",
}

_SLOW_NICENESS: Final = 10
"""Added to the niceness of the service: a process at the usual priority gets ten times
the CPU time of a process at this one, which still gets a tenth."""

_LEAST_PRIORITY: Final = 19


_REPLIES_AT_ONCE: Final = 16
"""Most replies that are read at once, if they have arrived: about a millisecond."""

_USED_UP: Final = 0.85
"""Share of its CPU seconds after which a scan begins no further step (``scanning.py``):
a scan that the clock ends with less did not get its CPU time."""


class Conversation:
    """The scan of one upload that has a place.

    Args:
        crew: Lends processes.
        settings: Tell when a scan is slow, and when a process is replaced.
        counts: The counts of uploads, contents and lost processes.
        log: The log for lost processes.

    Attributes:
        cpu_s: CPU seconds that processes used for it so far.
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
        self.cpu_s = 0.0
        self._loop = asyncio.get_running_loop()
        self._process: ScannerProcess | None = None
        self._used_before_s = 0.0
        self._content_began_s = 0.0
        self._slow_after_s = settings.slow_after_s
        self._is_low = False
        self._is_small = False
        self._is_broken_off = False
        self._slow_down: Callable[[], None] | None = None

    def break_off(self) -> None:
        """Break the scan off now; it goes on when it may."""
        self._is_broken_off = True
        if self._process is not None:
            self._process.channel.interrupt()

    async def run(
        self,
        progress: Progress,
        upload: Handed,
        *,
        slow_after_s: float,
        is_low: bool,
        is_small: bool,
        on_slow: Callable[[], None],
        go_on: Callable[[], Awaitable[Reason | None]],
    ) -> None:
        """Scan an upload to its end.

        Args:
            progress: Its contents and their results so far.
            upload: The bytes of the contents, or their descriptor.
            slow_after_s: CPU seconds after which the scan is slow.
            is_low: Whether it has a low priority from the start.
            is_small: Whether its contents are small pictures of common formats.
            on_slow: Called when the scan becomes slow.
            go_on: Waits until a scan that was broken off may go on; returns the reason
                if it may not.

        Raises:
            OSError: The upload is no open descriptor.
        """

        def slow_down() -> None:
            if self._process is not None and not self._is_low:
                _lower_priority(self._process)
            self._is_low = True
            on_slow()

        self._slow_after_s = slow_after_s
        self._is_low = is_low
        self._is_small = is_small
        self._slow_down = slow_down

        process = await self._next(progress, go_on)
        if isinstance(process, Reason):
            progress.give_up(process)
            return
        self._counts["uploads"] += 1
        # Time counts from now on: an upload is not slow because it waited for a
        # process.
        watch = Watch(
            slow_after_s=slow_after_s,
            slow_at_last_s=PUT_OFF * self._settings.slow_after_s,
            left_s=self._fast_for_s,
            on_slow=slow_down,
        )
        try:
            await self._attend(process, progress, upload, watch)
            while not progress.is_complete:
                process = await self._next(progress, go_on)
                if isinstance(process, Reason):
                    progress.give_up(process)
                    return
                await self._attend(process, progress, upload, watch)
        finally:
            watch.close()

    def _fast_for_s(self) -> float:
        """Return how many more CPU seconds it may use before it is slow.

        On a busy machine, a photo may take as long as a bomb. If it were put back for
        that, its scan would be repeated, and the load would grow further.
        """
        process = self._process
        used_s = self.cpu_s
        if process is not None:
            used_s += process.cpu_s - self._used_before_s
        return self._slow_after_s - used_s

    async def _next(
        self, progress: Progress, go_on: Callable[[], Awaitable[Reason | None]]
    ) -> ScannerProcess | Reason:
        """Borrow a process when the scan may go on, or return the reason."""
        refusal: Reason | None = None
        while refusal is None:
            if self._is_broken_off:
                refusal = await go_on()
                self._is_broken_off = False
                continue
            if progress.process is ProcessKind.LARGE and self._slow_down is not None:
                # It may have to wait, and must not hold a place meanwhile.
                self._slow_down()
            process = await self._crew.take(progress.process, warmth=self._warmth)
            if isinstance(process, Reason):
                refusal = process
            elif not self._is_broken_off:
                return process
            else:
                process.retire()
        self._counts["unserved"] += 1
        return refusal

    @property
    def _warmth(self) -> Warmth:
        """Return which processes are left to other scans."""
        if self._is_low:  # its process is never used again
            return Warmth.COLD
        return Warmth.WARMEST if self._is_small else Warmth.NOT_LAST

    async def _attend(
        self, process: ScannerProcess, progress: Progress, upload: Handed, watch: Watch
    ) -> None:
        """Let one process scan as much as it can; give it back or retire it."""
        kind = progress.process
        used_s = self._used_before_s = process.cpu_s
        began_s = self._loop.time()
        try:
            loss = await self._converse(process, progress, upload, watch)
        finally:
            cpu_s = process.cpu_s - used_s
            self.cpu_s += cpu_s
        wall_s = self._loop.time() - began_s
        if loss is not None and self._is_broken_off:
            process.retire()
            progress.break_off(wall_s=wall_s)
            return
        if loss is not None:
            process.retire()
            self._counts[_COUNTED_AS[loss]] += 1
            self._log.warning("scanner_lost", loss=loss.value)
            progress.lose(loss, wall_s=wall_s)
            return
        progress.finish(wall_s=wall_s, cpu_s=cpu_s)
        self._part(process, kind)

    async def _converse(
        self, process: ScannerProcess, progress: Progress, upload: Handed, watch: Watch
    ) -> Loss | None:
        """Send a request and read all replies; kill the process if interrupted."""
        self._process = process
        if self._is_low:
            _lower_priority(process)
        try:
            return await self._ask(process, progress, upload, watch)
        except asyncio.CancelledError:
            # The client is gone. Waiting for the end of its scan would delay others for
            # longer than making another process.
            self._counts["abandoned"] += 1
            process.retire()
            raise
        except BaseException:
            # A closed descriptor, or a bug here: the process cannot be used again.
            process.retire()
            raise
        finally:
            self._process = None
            watch.lift()

    async def _ask(
        self, process: ScannerProcess, progress: Progress, upload: Handed, watch: Watch
    ) -> Loss | None:
        """Send one request and read the replies; return the loss, if there is one."""
        attached = None if isinstance(upload, int) else len(upload)
        request = progress.ask(attached=attached)
        self._counts["alone"] += request.process is not ProcessKind.COMMON
        self._counts["large"] += request.process is ProcessKind.LARGE
        end_s = self._loop.time() + progress.wall_left_s
        self._limit(process, progress, watch, end_s)
        if not process.channel.is_quiet:
            # It sent something, or ended, since it was last used.
            return Loss.ACCIDENT
        if not await process.channel.send(encode_frame(request), upload):
            return Loss.ACCIDENT
        replies = 0
        while progress.is_asking:
            frame = await process.channel.receive()
            if isinstance(frame, Closed):
                used_s = process.cpu_s - self._content_began_s
                is_starved = used_s < _USED_UP * progress.content_cpu_s
                return await _cause(process, frame, is_starved=is_starved)
            reply = progress.read(frame)
            if isinstance(reply, Loss):
                return reply
            if not progress.take(reply):
                return Loss.GARBAGE
            self._note(process, reply)
            replies += 1
            if replies % _REPLIES_AT_ONCE == 0:
                await asyncio.sleep(0)  # let other tasks run
            if reply.is_last and progress.is_asking:
                self._limit(process, progress, watch, end_s)
        return None

    def _limit(
        self, process: ScannerProcess, progress: Progress, watch: Watch, end_s: float
    ) -> None:
        """Set the time limit of the next content."""
        self._content_began_s = process.cpu_s
        content_end_s = self._loop.time() + progress.content_wall_s
        watch.limit(process.channel, end_s=min(content_end_s, end_s))

    def _note(self, process: ScannerProcess, reply: ContentReply) -> None:
        """Count a reply, and note its consequences for the process."""
        process.is_worn |= reply.scan.reason is Reason.OUT_OF_MEMORY
        if reply.is_last:
            process.contents += 1
            self._counts["put_off" if reply.needs else "contents"] += 1
        if reply.fault:
            self._counts["faults"] += 1
            self._log.warning("scan_raised", fault=reply.fault)

    def _part(self, process: ScannerProcess, kind: ProcessKind) -> None:
        """Give back a process that has answered everything, or have it replaced."""
        if self._is_broken_off:
            process.retire()
        elif not process.channel.is_quiet:
            self._counts["garbled"] += 1
            process.retire()
        elif kind is not ProcessKind.COMMON:
            process.retire()
        elif self._is_done_with(process):
            self._counts["retired"] += 1
            process.retire()
        else:
            self._crew.give_back(process)

    def _is_done_with(self, process: ScannerProcess) -> bool:
        is_old = process.contents >= self._settings.recycle_after
        return process.is_worn or is_old or self._is_low


async def _cause(process: ScannerProcess, closed: Closed, *, is_starved: bool) -> Loss:
    """Return the kind of loss of a process whose frames have ended.

    Args:
        process: The process.
        closed: The end of its frames.
        is_starved: Whether it did not get the CPU time that its content may use. A scan
            waits for nothing else, so its end by the clock is then not due to the
            content.
    """
    match closed:
        case Closed.INTERRUPTED:
            return Loss.STARVED if is_starved else Loss.TIME
        case Closed.OVERSIZED:
            return Loss.GARBAGE
        case Closed.ENDED:
            code = await process.end()
            if process.is_orphan:
                return Loss.ACCIDENT
            return Loss.TIME if code in CPU_DEATHS else Loss.CRASH


def _lower_priority(process: ScannerProcess) -> None:
    """Give a process that has used much CPU time a low priority.

    An ordinary user cannot undo that, and neither can the process.
    """
    # If that is refused, or musl has no such call, its priority stays.
    with suppress(OSError):
        own = os.getpriority(os.PRIO_PROCESS, 0)
        niceness = min(own + _SLOW_NICENESS, _LEAST_PRIORITY)
        os.setpriority(os.PRIO_PROCESS, process.pid, niceness)
        # As a batch job it does not preempt a process that has just woken up.
        os.sched_setscheduler(process.pid, os.SCHED_BATCH, os.sched_param(0))
