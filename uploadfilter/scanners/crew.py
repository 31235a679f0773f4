"""Keep a fixed number of scanner processes alive and lend them out, first come first.

Each process has a *keeper*, a task that starts it, waits for its end, reaps it and
starts the next one; after a failed start, or the death of a process that nobody used,
it waits longer each time. Whoever has borrowed a process gives it back with ``release``
or calls ``retire`` on it, which wakes its keeper.
"""

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from uploadfilter.errors import ScannerError
from uploadfilter.model import Reason
from uploadfilter.scanners.process import ProcessSettings, ScannerProcess
from uploadfilter.scanners.settings import EventLog, ScannerSettings

_FIRST_BACK_OFF_S: Final = 0.1
_LONGEST_BACK_OFF_S: Final = 5.0
"""A machine without memory or process ids gets better in seconds, if at all."""

_START_GRACE_S: Final = 15.0
"""Seconds beyond the time of a start in which its keeper ends it and reports."""


class Crew:
    """Scanner processes and the queue of those who wait for one.

    Args:
        settings: How many there are, how they start, how long one waits for them.
        counts: Where ``started`` and ``start_failures`` are counted.
        log: Where the operator reads of processes that do not start.
    """

    def __init__(
        self, settings: ScannerSettings, *, counts: Counter[str], log: EventLog
    ) -> None:
        self._settings = settings
        self._process_settings = ProcessSettings(
            module=settings.module,
            address_space=settings.budgets.address_space,
            start_timeout_s=settings.start_timeout_s,
        )
        self._counts = counts
        self._log = log
        self._live: set[ScannerProcess] = set()
        self._idle: list[ScannerProcess] = []
        self._waiting: deque[asyncio.Future[ScannerProcess | Reason]] = deque()
        self._start_error: ScannerError | None = None
        self._ended_cpu_s = 0.0

    @asynccontextmanager
    async def keeping(self) -> AsyncIterator[None]:
        """Start the processes; end them with the block.

        The block begins once the first process is ready.

        Raises:
            ScannerError: None can be started.
        """
        loop = asyncio.get_running_loop()
        keepers = [
            loop.create_task(self._keep(), name=f"scanner-keeper-{number}")
            for number in range(self._settings.workers)
        ]
        try:
            await self._await_first()
            yield
        finally:
            for keeper in keepers:
                keeper.cancel()
            # Errors of keepers are bugs; they come out here, the block's own first.
            done = await asyncio.gather(*keepers, return_exceptions=True)
            self._answer_all(Reason.NO_SCANNER)
        for result in done:
            if isinstance(result, BaseException) and not isinstance(
                result, asyncio.CancelledError
            ):
                raise result

    @property
    def pids(self) -> tuple[int, ...]:
        """Process ids of the scanners that are alive."""
        return tuple(sorted(process.pid for process in self._live))

    @property
    def cpu_s(self) -> float:
        """CPU seconds of all scanners, dead ones included."""
        return self._ended_cpu_s + sum(process.cpu_s for process in self._live)

    async def acquire(self, *, again: bool) -> ScannerProcess | Reason:
        """Borrow a process that nobody else uses.

        Args:
            again: True for an upload that has already lost one; it does not queue up
                behind those that came later, nor is it turned away.

        Returns:
            ``overloaded`` if too many wait or the wait is too long, ``no_scanner`` if
            none can be started.
        """
        while self._idle:
            # The one that was used last has the warmest caches.
            process = self._idle.pop()
            if not process.over.is_set():
                process.was_lent = True
                return process
        if self._start_error is not None and not self._live:
            return Reason.NO_SCANNER
        if not again and len(self._waiting) >= self._settings.queue_limit:
            return Reason.OVERLOADED
        return await self._wait_in_queue(self._settings.queue_wait_s, first=again)

    def release(self, process: ScannerProcess) -> None:
        """Take a process back that can be used again at once."""
        if process.over.is_set():
            return
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                process.was_lent = True
                waiter.set_result(process)
                return
        self._idle.append(process)

    async def _wait_in_queue(
        self, timeout_s: float, *, first: bool
    ) -> ScannerProcess | Reason:
        waiter: asyncio.Future[ScannerProcess | Reason]
        waiter = asyncio.get_running_loop().create_future()
        if first:
            self._waiting.appendleft(waiter)
        else:
            self._waiting.append(waiter)
        try:
            async with asyncio.timeout(timeout_s):
                return await waiter
        except TimeoutError:
            self._forget(waiter)
            return Reason.OVERLOADED
        except asyncio.CancelledError:
            self._forget(waiter)
            raise

    def _forget(self, waiter: "asyncio.Future[ScannerProcess | Reason]") -> None:
        """Leave the queue; pass on a process that was given in the same moment."""
        if waiter in self._waiting:
            self._waiting.remove(waiter)
        if waiter.done() and not waiter.cancelled():
            given = waiter.result()
            if isinstance(given, ScannerProcess):
                self.release(given)

    async def _keep(self) -> None:
        """Have one process alive, for ever."""
        back_off_s = 0.0
        while True:
            await asyncio.sleep(back_off_s)
            useful = await self._keep_one()
            back_off_s = 0.0 if useful else self._longer(back_off_s)

    @staticmethod
    def _longer(back_off_s: float) -> float:
        return min(max(_FIRST_BACK_OFF_S, 2 * back_off_s), _LONGEST_BACK_OFF_S)

    async def _keep_one(self) -> bool:
        """Start a process, wait until it is over, reap it.

        Returns:
            False if it did not start, or died before anyone used it. One that died in
            someone's hands counts as useful: hostile contents must not be able to make
            the pool wait longer and longer.
        """
        try:
            process = await ScannerProcess.start(self._process_settings)
        except ScannerError as exc:
            self._start_failed(exc)
            return False
        self._counts["started"] += 1
        self._start_error = None
        self._live.add(process)
        try:
            self.release(process)
            await process.over.wait()
        finally:
            self._live.discard(process)
            if process in self._idle:
                self._idle.remove(process)
            process.retire()
            await self._bury(process)
        return process.was_lent

    async def _bury(self, process: ScannerProcess) -> None:
        try:
            await process.end()
        except ScannerError as exc:
            self._log.warning("scanner_immortal", error=str(exc))
            return
        self._ended_cpu_s += process.cpu_s

    async def _await_first(self) -> None:
        """Wait until one process is ready.

        Raises:
            ScannerError: The first that was tried did not become ready.
        """
        patience_s = self._settings.start_timeout_s + _START_GRACE_S
        first = await self._wait_in_queue(patience_s, first=True)
        if isinstance(first, Reason):
            raise self._start_error or ScannerError("no scanner process became ready")
        self.release(first)

    def _start_failed(self, error: ScannerError) -> None:
        self._counts["start_failures"] += 1
        self._start_error = error
        self._log.warning("scanner_start_failed", error=str(error), hint=error.hint)
        if not self._live:
            self._answer_all(Reason.NO_SCANNER)

    def _answer_all(self, reason: Reason) -> None:
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_result(reason)
