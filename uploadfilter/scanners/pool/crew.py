"""Make scanner processes, keep spare ones, lend them, and reap them.

Processes are forked from one warm process, the *template*, in some 5 ms. A *fresh*
process has scanned no content yet and may scan any; a *common* process has scanned
contents of the common formats, and only gets more of these. Some fresh ones are kept
ready as spares. The first scan of a fresh process takes 9 ms of CPU more than a later
one, for pages that it touches first; so warm processes are kept for small scans, and
scans that end their process do not get them.

A *large* process has more memory for one large picture. It is forked when it is wanted,
and the next one only after it has ended.

A caller that borrowed a process gives it back with ``give_back``, or calls ``retire``
on it. When a template ends, its processes end too. The next template is started at
once, or after a growing wait if no process of the last one was ever used.
"""

import asyncio
import logging
from collections import Counter, deque
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from enum import StrEnum
from typing import Final

from uploadfilter.errors import ScannerError
from uploadfilter.model import Reason
from uploadfilter.ongoing import EventLog, OngoingFaults
from uploadfilter.scanners.pool.launching import ProcessSettings
from uploadfilter.scanners.pool.process import ScannerProcess, Template
from uploadfilter.scanners.pool.settings import ScannerSettings
from uploadfilter.scanners.wire.control import Support
from uploadfilter.scanners.wire.messages import ProcessKind

_FIRST_BACK_OFF_S: Final = 0.1
_LONGEST_BACK_OFF_S: Final = 5.0
"""Longest wait in seconds: a machine without memory or process ids recovers in seconds,
if at all."""

_PATIENCE_WITH_TEMPLATE_S: Final = 0.5
"""Wait after a failed fork, in seconds, beyond which a template is replaced: after four
failures."""

_START_GRACE_S: Final = 15.0
"""Seconds after the time limit of a start within which its failure is known."""


_OF_FRESH: Final = (ProcessKind.COMMON, ProcessKind.ALONE)
"""The kinds that a process may become which has scanned nothing yet."""


class Warmth(StrEnum):
    """The common process that a scan prefers to a fresh one."""

    WARMEST = "warmest"  # small scans: the pages of a fresh process would cost more
    NOT_LAST = "not_last"  # large scans: any but the last one at hand
    COLD = "cold"  # scans that end their process: none


class Crew:
    """The scanner processes, and the scans that wait for one."""

    def __init__(
        self, settings: ScannerSettings, *, counts: Counter[str], log: EventLog
    ) -> None:
        self._settings = settings
        self._process_settings = ProcessSettings(
            module=settings.module,
            address_space=settings.budgets.address_space,
            large_address_space=settings.budgets.large_address_space,
            start_timeout_s=settings.start_timeout_s,
            require_sandbox=settings.require_sandbox,
        )
        self._counts = counts
        self._log = log
        self._faults = OngoingFaults(log)
        self._live: set[ScannerProcess] = set()
        self._common: list[ScannerProcess] = []
        self._fresh: deque[ScannerProcess] = deque()
        self._waiting: deque[_Waiter] = deque()
        self._wanted = asyncio.Event()
        self._start_error: ScannerError | None = None
        self._was_useful = False
        self.support: Support | None = None  # not known before the first start
        self._large_lane = asyncio.Lock()
        self._fork_back_off_s = 0.0
        self._ended_cpu_s = 0.0
        self._templates: set[Template] = set()
        self._ended_template_cpu_s = 0.0
        self._tasks: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def keeping(self) -> AsyncIterator[None]:
        """Keep processes during the block; end all of them with it.

        The block begins once the first process is ready.

        Raises:
            ScannerError: No process can be made.
        """
        keeper = asyncio.get_running_loop().create_task(
            self._keep(), name="scanner-keeper"
        )
        try:
            await self._await_first()
            yield
        finally:
            await self._go_home(keeper)
        for task in (keeper, *self._tasks):
            # An error here is a bug; an error of the block takes precedence.
            if not task.cancelled() and (error := task.exception()):
                raise error

    async def _go_home(self, keeper: asyncio.Task[None]) -> None:
        keeper.cancel()
        await asyncio.wait([keeper])
        # From now on no scan waits, not even one that has just lost its process.
        self._start_error = ScannerError("the pool is closed")
        for process in tuple(self._live):
            process.retire()
        while pending := [task for task in self._tasks if not task.done()]:
            await asyncio.wait(pending)
        self._answer_all(Reason.NO_SCANNER)

    @property
    def pids(self) -> tuple[int, ...]:
        """Return the process ids of the living scanners, without templates."""
        return tuple(sorted(process.pid for process in self._live))

    @property
    def cpu_s(self) -> float:
        """Return the CPU seconds of all scanners, living and ended."""
        return self._ended_cpu_s + sum(process.cpu_s for process in self._live)

    @property
    def template_cpu_s(self) -> float:
        """Return the CPU seconds of all templates, living and ended."""
        living = sum(template.cpu_s for template in self._templates)
        return self._ended_template_cpu_s + living

    @property
    def is_ready(self) -> bool:
        """Return whether there are processes, and nothing is known to prevent more."""
        return bool(self._live) and self._start_error is None

    async def take(
        self, kind: ProcessKind, *, warmth: Warmth = Warmth.WARMEST
    ) -> ScannerProcess | Reason:
        """Borrow a process that no other scan uses.

        Args:
            kind: Its kind; only a common one must be given back.
            warmth: The process that is taken if fresh and common ones are at hand.

        Returns:
            A process; ``no_scanner`` if none can be made, ``overloaded`` if that takes
            too long.
        """
        if kind is ProcessKind.LARGE:
            return await self._take_large()
        alone = kind is ProcessKind.ALONE
        process = self._at_hand(Warmth.COLD if alone else warmth)
        if process is None and not alone:
            process = self._at_hand(Warmth.WARMEST)
        if process is not None:
            self._lend(process)
            return process
        if self._start_error is not None and (alone or not self._live):
            return Reason.NO_SCANNER
        return await self._wait(kind, timeout_s=self._settings.queue_wait_s)

    async def _take_large(self) -> ScannerProcess | Reason:
        """Have a large process forked, after the one before has ended."""
        try:
            async with asyncio.timeout(self._settings.queue_wait_s):
                await self._large_lane.acquire()
        except TimeoutError:
            return Reason.OVERLOADED
        process: ScannerProcess | Reason = Reason.NO_SCANNER
        try:
            if self._start_error is None:
                process = await self._wait(
                    ProcessKind.LARGE, timeout_s=self._settings.queue_wait_s
                )
        finally:
            if isinstance(process, Reason):
                self._large_lane.release()
        return process

    def give_back(self, process: ScannerProcess) -> None:
        """Take back a common process that can be used again at once."""
        if process.is_large:
            process.retire()
        if process.over.is_set():
            return
        waiter = self._next_waiter(ProcessKind.COMMON)
        if waiter is not None:
            waiter.given.set_result(process)
        elif len(self._common) < self._settings.at_a_time:
            self._common.append(process)
        else:
            process.retire()

    def _at_hand(self, warmth: Warmth) -> ScannerProcess | None:
        """Return an idle process, if there is one; a common one if that is allowed."""
        least = {Warmth.WARMEST: 1, Warmth.NOT_LAST: 2}.get(warmth)
        while least is not None and len(self._common) >= least:
            # The process that was used last has the warmest caches.
            process = self._common.pop(-1 if warmth is Warmth.WARMEST else 0)
            if not process.over.is_set():
                return process
        while self._fresh:
            process = self._fresh.popleft()
            self._wanted.set()
            if not process.over.is_set():
                return process
        return None

    def _lend(self, process: ScannerProcess) -> None:
        process.was_lent = True
        self._was_useful = True

    async def _wait(
        self, kind: ProcessKind, *, timeout_s: float
    ) -> ScannerProcess | Reason:
        waiter = _Waiter(kind)
        self._waiting.append(waiter)
        self._wanted.set()
        try:
            async with asyncio.timeout(timeout_s):
                given = await waiter.given
        except TimeoutError:
            self._forget(waiter)
            return Reason.OVERLOADED
        except asyncio.CancelledError:
            self._forget(waiter)
            raise
        if isinstance(given, ScannerProcess):
            self._lend(given)
        return given

    def _forget(self, waiter: "_Waiter") -> None:
        """Stop waiting; pass on a process that was given at the same moment."""
        if waiter in self._waiting:
            self._waiting.remove(waiter)
        if waiter.given.done() and not waiter.given.cancelled():
            given = waiter.given.result()
            if isinstance(given, ScannerProcess):
                # It may be a common process, so it must not be lent as a fresh one.
                self.give_back(given)

    def _next_waiter(self, *kinds: ProcessKind) -> "_Waiter | None":
        """Remove and return the scan that has waited longest for one of these kinds."""
        for waiter in tuple(self._waiting):
            if waiter.kind in kinds:
                self._waiting.remove(waiter)
                if not waiter.given.done():
                    return waiter
        return None

    async def _keep(self) -> None:
        """Keep a template running until the pool is closed."""
        back_off_s = 0.0
        template: Template | None = None
        while True:
            if template is None:
                await asyncio.sleep(back_off_s)
                template = await self._start()
            if template is None:
                back_off_s = self._longer(back_off_s)
                continue
            self._was_useful = False
            template = await self._use_up(template)
            # If one of its processes was used, its end counts as an accident: hostile
            # contents must not be able to make the pool wait longer and longer.
            back_off_s = 0.0 if self._was_useful else self._longer(back_off_s)

    @staticmethod
    def _longer(back_off_s: float) -> float:
        return min(max(_FIRST_BACK_OFF_S, 2 * back_off_s), _LONGEST_BACK_OFF_S)

    async def _start(self) -> Template | None:
        """Start a template; log the reason if that fails."""
        try:
            template = await Template.start(self._process_settings)
        except ScannerError as exc:
            self._start_failed(exc)
            return None
        self._templates.add(template)
        self._counts["started"] += 1
        self._start_error = None
        self._faults.recover("scanner_start_failed")
        self._say_lacks(template.support)
        return template

    def _say_lacks(self, support: Support) -> None:
        """Log once what the machine lacks."""
        if self.support is not None:
            return
        self.support = support
        if support.lacks:
            self._log.warning("sandbox_incomplete", lacks=list(support.lacks))
        if not support.libarchive:
            self._log.warning("libarchive_missing")
        if not support.videos:
            self._log.info("videos_not_inspected")

    async def _use_up(self, template: Template) -> Template | None:
        """Fork processes from a template until it ends or its successor is ready.

        Returns:
            The successor of a worn template; ``None`` if there is none.
        """
        loop = asyncio.get_running_loop()
        over = loop.create_task(template.over.wait(), name="scanner-template-over")
        over.add_done_callback(self._look_again)
        children: set[ScannerProcess] = set()
        successor: asyncio.Task[Template | None] | None = None
        try:
            while not template.over.is_set() and not (successor and successor.done()):
                if template.is_worn and successor is None:
                    successor = loop.create_task(self._start(), name="scanner-template")
                    successor.add_done_callback(self._look_again)
                await self._supply(template, children)
            return None if successor is None else await successor
        except asyncio.CancelledError:
            if successor is not None:
                await self._call_off(successor)
            raise
        finally:
            over.cancel()
            # Do not wait for its last scanners: the next template is needed now.
            self._hold(self._end(template, children), name="scanner-template-end")

    def _look_again(self, _: object) -> None:
        """Wake the tasks that wait for work."""
        self._wanted.set()

    async def _call_off(self, starting: "asyncio.Task[Template | None]") -> None:
        """End a template that is starting and not needed any more."""
        starting.cancel()
        await asyncio.wait([starting])
        if not starting.cancelled() and (template := starting.result()):
            template.retire()
            await self._bury(template)
            self._templates.discard(template)

    async def _end(self, template: Template, children: set[ScannerProcess]) -> None:
        """Let the scanners of a worn template finish, then end it."""
        for process in tuple(children):
            process.is_worn = True
            if process in self._common or process in self._fresh:
                process.retire()
        for process in tuple(children):
            await process.over.wait()
        template.retire()
        await self._bury(template)
        self._templates.discard(template)
        self._ended_template_cpu_s += template.cpu_s

    async def _supply(self, template: Template, children: set[ScannerProcess]) -> None:
        """Fork one process if one is wanted; otherwise wait until one is."""
        if not self._is_short:
            self._wanted.clear()
            await self._wanted.wait()
        elif await self._fork(template, children):
            self._fork_back_off_s = 0.0
        elif self._fork_back_off_s > _PATIENCE_WITH_TEMPLATE_S:
            # It may hang. If only processes are lacking, its own are freed.
            self._fork_back_off_s = 0.0
            template.retire()
        elif not template.over.is_set():
            self._fork_back_off_s = self._longer(self._fork_back_off_s)
            await asyncio.sleep(self._fork_back_off_s)

    @property
    def _is_short(self) -> bool:
        """Return whether another process is wanted, or a test that one can be made."""
        is_failing = self._start_error is not None
        return len(self._fresh) < self._settings.spares or (
            bool(self._waiting) or is_failing
        )

    async def _fork(self, template: Template, children: set[ScannerProcess]) -> bool:
        is_large = any(waiter.kind is ProcessKind.LARGE for waiter in self._waiting)
        try:
            process = await template.fork(is_large=is_large)
        except ScannerError as exc:
            if not template.over.is_set():
                self._start_failed(exc)
            return False
        self._counts["forked"] += 1
        self._start_error = None
        self._live.add(process)
        children.add(process)
        self._hold(self._watch(process, children), name=f"scanner-{process.pid}")
        kinds = (ProcessKind.LARGE,) if is_large else _OF_FRESH
        waiter = self._next_waiter(*kinds)
        if waiter is None and is_large:
            process.retire()
        elif waiter is None:
            self._fresh.append(process)
        else:
            waiter.given.set_result(process)
        return True

    def _hold(self, work: Coroutine[None, None, None], *, name: str) -> None:
        """Run a task and keep it; keep also its error, which is a bug."""
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._let_go)

    def _let_go(self, task: asyncio.Task[None]) -> None:
        if task.cancelled() or task.exception() is None:
            self._tasks.discard(task)

    async def _watch(
        self, process: ScannerProcess, siblings: set[ScannerProcess]
    ) -> None:
        """Wait for the end of a process, and reap it."""
        try:
            await process.over.wait()
        finally:
            self._live.discard(process)
            siblings.discard(process)
            for idle in (self._common, self._fresh):
                if process in idle:
                    idle.remove(process)
                    self._wanted.set()
            process.retire()
            await self._bury(process)
            self._ended_cpu_s += process.cpu_s
            if process.is_large and process.was_lent:
                self._large_lane.release()

    async def _bury(self, process: ScannerProcess | Template) -> None:
        try:
            await process.end()
        except ScannerError as exc:
            self._log.warning("scanner_immortal", error=str(exc))

    async def _await_first(self) -> None:
        """Wait until one process is ready.

        Raises:
            ScannerError: The first process did not become ready.
        """
        patience_s = self._settings.start_timeout_s + _START_GRACE_S
        first = await self._wait(ProcessKind.ALONE, timeout_s=patience_s)
        if isinstance(first, Reason):
            raise self._start_error or ScannerError(
                "no scanner process became ready",
                hint="See scanner_start_failed in the operational log.",
            )
        first.was_lent = False
        self._was_useful = False
        self._fresh.append(first)

    def _start_failed(self, error: ScannerError) -> None:
        self._counts["start_failures"] += 1
        self._start_error = error
        self._faults.fail(
            "scanner_start_failed",
            level=logging.WARNING,
            error=str(error),
            hint=error.hint,
        )
        self._answer_all(Reason.NO_SCANNER)

    def _answer_all(self, reason: Reason) -> None:
        """Answer the scans that wait for a process which will not be made."""
        waiting, self._waiting = self._waiting, deque()
        for waiter in waiting:
            if waiter.given.done():
                continue
            if self._live and waiter.kind is ProcessKind.COMMON:
                self._waiting.append(waiter)  # for a process that is given back
            else:
                waiter.given.set_result(reason)


class _Waiter:
    """A scan that waits for a process."""

    def __init__(self, kind: ProcessKind) -> None:
        self.kind = kind
        self.given: asyncio.Future[ScannerProcess | Reason]
        self.given = asyncio.get_running_loop().create_future()
