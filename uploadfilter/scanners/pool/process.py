"""Control a template process, and the scanners that it forks, from the proxy.

Linux only: processes are watched through pidfds, which every event loop can wait for
and which need neither a thread nor the signal SIGCHLD. A scanner is a child of the
template, so the template reaps it and reports its exit code; its pidfd is enough to
kill it.
"""

import asyncio
import os
import select
import signal
import socket
from collections import deque
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import Final, assert_never

from uploadfilter.errors import ScannerError
from uploadfilter.scanners.pool.channel import Channel, Closed
from uploadfilter.scanners.pool.launching import (
    Child,
    ProcessSettings,
    cpu_s_of,
    spawn,
    tail,
)
from uploadfilter.scanners.wire.control import (
    FORK,
    FORK_LARGE,
    MAX_REPORT_BYTES,
    Died,
    Forked,
    ForkRefused,
    Started,
    Support,
    decode_report,
)
from uploadfilter.scanners.wire.messages import Ready, Unready, decode_reply

MAX_FORKS: Final = 1000
"""Most scanners of one template: a memory layout that an attacker learned is soon gone.
A template costs 0.3 CPU seconds and a fork milliseconds, so this costs a tenth more."""

MAX_CRASHES: Final = 8
"""Crashed scanners after which their template is replaced: probing a layout byte by
byte takes hundreds of crashes in the same layout."""

_CRASHES: Final = frozenset(
    {signal.SIGSEGV, signal.SIGBUS, signal.SIGILL, signal.SIGABRT, signal.SIGSYS}
)
"""Signals of a crashed decoder; neither a budget nor this program sends them."""

_END_TIMEOUT_S: Final = 10.0
"""Longest wait for the end of a killed process: milliseconds are usual, unless the
kernel holds it in a read."""

_FAREWELL_S: Final = 2.0
"""Seconds after which an ending template is killed; it needs milliseconds."""


class ScannerProcess:
    """A scanner process that is ready, until it is ended; made by ``Template.fork``.

    Args:
        pid: Process id.
        sock: This side's end of its socket, non-blocking.
        pidfd: A descriptor that becomes readable when it ends; closed with it.

    Attributes:
        pid: Process id.
        channel: The socket to it.
        over: Set when the process must not be used any more: its socket ended, or
            ``retire`` was called.
        contents: Number of contents that it has scanned, counted by its user.
        is_worn: Set by its user when it should be replaced.
        was_lent: Set by the crew that lends it.
        is_orphan: True once its template has ended, which ends it too.
        is_large: Whether it has the address space of a large one.
    """

    def __init__(self, *, pid: int, sock: socket.socket, pidfd: int) -> None:
        self.pid = pid
        self.over = asyncio.Event()
        self.contents = 0
        self.is_worn = False
        self.was_lent = False
        self.is_orphan = False
        self.is_large = False
        self.channel = Channel(sock, on_closed=self.over.set)
        self._pidfd = pidfd
        self._ended = asyncio.Event()
        self._code = 0
        self._cpu_s = 0.0

    def retire(self) -> None:
        """Kill the process; it has nothing to save."""
        self.over.set()
        # First, for it ends by itself, as if it had been asked to, without its socket.
        if not self._ended.is_set():
            _kill(self._pidfd)
        self.channel.close()

    async def end(self) -> int:
        """Wait for the end of a process whose socket ended or that was retired.

        This closes the socket, which also ends a process that only stopped answering.

        Returns:
            Its exit code, negative for the number of the signal that killed it.

        Raises:
            ScannerError: It does not end.
        """
        self.channel.close()
        await _await_end(self._ended, self.pid)
        return self._code

    @property
    def cpu_s(self) -> float:
        """Return the CPU seconds of the process so far, as the kernel counts them."""
        if not self._ended.is_set():
            self._cpu_s = max(self._cpu_s, cpu_s_of(self.pid))
        return self._cpu_s

    async def await_ready(self, timeout_s: float) -> None:
        """Wait until the process reports that it is confined and ready.

        Raises:
            ScannerError: It reports a failure, ends or takes too long.
        """
        try:
            async with asyncio.timeout(timeout_s):
                frame = await self.channel.receive()
        except TimeoutError as exc:
            raise _not_ready_in(timeout_s) from exc
        reply = None if isinstance(frame, Closed) else decode_reply(frame)
        if isinstance(reply, Unready):
            raise ScannerError(
                f"a scanner process cannot be confined: {reply.error}",
                hint="The kernel refuses a confinement that it offers: check the "
                "container or the unit around the proxy.",
            )
        if not isinstance(reply, Ready):
            raise ScannerError("a scanner process ended before it was ready")

    def ended(self, code: int, cpu_s: float = 0.0) -> None:
        """Note the template's report on the end of this process."""
        self._code = code
        self._cpu_s = max(self._cpu_s, cpu_s)
        os.close(self._pidfd)
        self._ended.set()

    def orphaned(self) -> None:
        """Wait for the end without the template, whose end kills this process."""
        self.is_orphan = True
        loop = asyncio.get_running_loop()
        loop.add_reader(self._pidfd, self._orphan_ended)

    def _orphan_ended(self) -> None:
        asyncio.get_running_loop().remove_reader(self._pidfd)
        # The service inherits orphans if it is the first process of a container.
        with suppress(ChildProcessError):
            os.waitpid(self.pid, os.WNOHANG)
        self.ended(-signal.SIGKILL)


class Template:
    """A process with everything imported, from which scanners are forked.

    Attributes:
        pid: Process id.
        over: Set when it forks no more: its socket ended, or ``retire`` was called.
            Its scanners die with it.
        support: The confinement of its scanners.
        forks: Number of scanners that were ordered.
    """

    def __init__(self, child: Child, settings: ProcessSettings) -> None:
        self.pid = child.popen.pid
        self.over = asyncio.Event()
        self.support = Support(seccomp=False, landlock_abi=0)
        self.forks = 0
        self._settings = settings
        self._errors = child.errors
        self._last_words = ""
        self._crashes = 0
        self._scanners: dict[int, ScannerProcess] = {}
        self._orders: deque[_Order] = deque()
        self._started = asyncio.Event()
        self._silent = asyncio.Event()
        self._ended = asyncio.Event()
        self._cpu_s = 0.0
        self._popen = child.popen
        self._control = child.sock
        self._pidfd = child.pidfd
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._pidfd, self._reap)
        self._loop.add_reader(self._control, self._read)

    @classmethod
    async def start(cls, settings: ProcessSettings) -> "Template":
        """Start a template and wait until it is ready to fork.

        It ends with the thread that calls this (``confinement.py``), so a helper thread
        must not call it: the few milliseconds of ``exec`` block the event loop.

        Raises:
            ScannerError: It could not be started, was not ready in time, or cannot
                confine scanners as the settings require; the hint is the end of its
                output, or a remedy.
        """
        try:
            child = spawn(settings)
        except OSError as exc:
            raise ScannerError(f"cannot start a scanner process: {exc}") from exc
        template = cls(child, settings)
        try:
            await template._await_start()
        except BaseException:
            template.retire()
            await template.end()
            raise
        return template

    async def fork(self, *, is_large: bool = False) -> ScannerProcess:
        """Fork a scanner and wait until it is ready.

        Args:
            is_large: Whether it gets more address space.

        Raises:
            ScannerError: The template has ended or cannot fork, or the scanner cannot
                be confined or is not ready in time.
        """
        if self.over.is_set():
            raise self._over_error()
        self.forks += 1
        try:
            return await self._fork(is_large)
        except ScannerError:
            if self._has_hung_up:
                # Its end is noticed here before the event loop reads it.
                self.retire()
            raise

    async def _fork(self, is_large: bool) -> ScannerProcess:
        process = await self._order(FORK_LARGE if is_large else FORK)
        process.is_large = is_large
        try:
            await process.await_ready(self._settings.start_timeout_s)
        except BaseException:
            process.retire()
            await process.end()
            raise
        return process

    @property
    def _has_hung_up(self) -> bool:
        """Return whether the template has closed its end of the control socket.

        A process that ends closes its descriptors before the kernel kills its children,
        so that this is true when a scanner is seen to end together with its template.
        """
        if self.over.is_set():
            return True
        poll = select.poll()
        poll.register(self._control, 0)
        return any(events & select.POLLHUP for _, events in poll.poll(0))

    @property
    def is_worn(self) -> bool:
        """Return whether a new template should replace this one.

        The scanners of a template share their memory layout, so that a content which
        takes one over, or crashes many, reveals the layout of the next.
        """
        return self.forks >= MAX_FORKS or self._crashes >= MAX_CRASHES

    @property
    def cpu_s(self) -> float:
        """Return the CPU seconds that the template itself used."""
        if not self._ended.is_set():
            self._cpu_s = max(self._cpu_s, cpu_s_of(self.pid))
        return self._cpu_s

    def retire(self) -> None:
        """Have the template kill and reap its scanners, and end."""
        self.over.set()
        # It reads the end of its orders, and still has to report ended scanners.
        with suppress(OSError):
            self._control.shutdown(socket.SHUT_WR)
        for order in self._orders:
            order.refuse("its template has ended")

    async def end(self) -> int:
        """Wait for the end of the template and its scanners; it must be retired before.

        Returns:
            Its exit code, negative for the number of the signal that killed it.

        Raises:
            ScannerError: One of them does not end.
        """
        self.retire()
        scanners = tuple(self._scanners.values())
        try:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._ended.wait(), _FAREWELL_S)
            if not self._ended.is_set():
                _kill(self._pidfd)
            await _await_end(self._ended, self.pid)
            await self._silent.wait()
            for process in scanners:
                await process.end()
        finally:
            if not self._errors.closed:
                self._last_words = tail(self._errors.fileno())
                self._errors.close()
        return int(self._popen.returncode)

    async def _await_start(self) -> None:
        """Wait for the first report.

        Raises:
            ScannerError: It does not come, or reports too little confinement.
        """
        over = self._loop.create_task(self.over.wait())
        started = self._loop.create_task(self._started.wait())
        timeout_s = self._settings.start_timeout_s
        try:
            await asyncio.wait(
                (over, started), timeout=timeout_s, return_when="FIRST_COMPLETED"
            )
        finally:
            over.cancel()
            started.cancel()
        if self.over.is_set():
            raise self._over_error()
        if not self._started.is_set():
            raise _not_ready_in(timeout_s)
        if self._settings.require_sandbox and self.support.lacks:
            raise ScannerError(
                f"scanners cannot be confined: no {', no '.join(self.support.lacks)}",
                hint="Give this machine a kernel and a libseccomp that offer it, or "
                "set require_sandbox to false.",
            )

    async def _order(self, packet: bytes) -> ScannerProcess:
        """Ask for a scanner; return it before it is ready."""
        try:
            sock = self._send_order(packet)
        except OSError as exc:
            raise ScannerError(f"cannot ask for a scanner process: {exc}") from exc
        order = _Order(sock=sock, answer=self._loop.create_future())
        self._orders.append(order)
        timeout_s = self._settings.start_timeout_s
        try:
            async with asyncio.timeout(timeout_s):
                return await order.answer
        except TimeoutError as exc:
            raise _not_ready_in(timeout_s) from exc

    def _send_order(self, packet: bytes) -> socket.socket:
        """Order a scanner; return this side's end of the socket that it will serve.

        Raises:
            OSError: There is no descriptor left, or the template has ended.
        """
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        with theirs, ExitStack() as undo:
            undo.callback(ours.close)
            ours.setblocking(False)
            socket.send_fds(self._control, [packet], [theirs.fileno()])
            undo.pop_all()
        return ours

    def _read(self) -> None:
        """Read one report; the event loop calls again for the next one."""
        try:
            packet, fds, _, _ = socket.recv_fds(
                self._control, MAX_REPORT_BYTES, 1, socket.MSG_CMSG_CLOEXEC
            )
        except (BlockingIOError, InterruptedError):
            return
        except ConnectionResetError:
            packet, fds = b"", []
        if not packet:
            self._stop()
            return
        report = decode_report(packet)
        match report:
            case Started():
                self.support = report.support
                self._started.set()
            case Forked():
                self._forked(report.pid, fds)
            case ForkRefused():
                self._refused(report.error)
            case Died():
                self._died(report)
            case _:
                assert_never(report)

    def _refused(self, error: str) -> None:
        order = self._orders.popleft()
        order.refuse(error)
        order.sock.close()

    def _forked(self, pid: int, fds: Sequence[int]) -> None:
        if not fds:
            # There was no descriptor left for it here. The scanner is lost and ends
            # with its socket.
            self._refused("too many open files")
            return
        order = self._orders.popleft()
        process = ScannerProcess(pid=pid, sock=order.sock, pidfd=fds[0])
        self._scanners[pid] = process
        if order.answer.done():
            process.retire()  # the task that asked for it was cancelled
        else:
            order.answer.set_result(process)

    def _died(self, report: Died) -> None:
        if -report.code in _CRASHES:
            self._crashes += 1
        process = self._scanners.pop(report.pid, None)
        if process is not None:
            process.ended(report.code, report.cpu_s)

    def _stop(self) -> None:
        """Note the end of the reports, after which nothing is known about scanners."""
        self._loop.remove_reader(self._control)
        self.retire()
        self._control.close()
        while self._orders:
            self._orders.popleft().sock.close()
        for process in self._scanners.values():
            process.orphaned()
        self._silent.set()

    def _reap(self) -> None:
        """Read the exit code; called when the template has ended."""
        self._loop.remove_reader(self._pidfd)
        _, status, usage = os.wait4(self.pid, 0)
        self._popen.returncode = os.waitstatus_to_exitcode(status)
        self._cpu_s = usage.ru_utime + usage.ru_stime
        os.close(self._pidfd)
        self._ended.set()

    def _over_error(self) -> ScannerError:
        if not self._errors.closed:
            self._last_words = tail(self._errors.fileno())
        return ScannerError(
            "a scanner process ended before it was ready", hint=self._last_words
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Order:
    """An ordered scanner: this side's end of its socket, and the waiting task."""

    sock: socket.socket
    answer: asyncio.Future[ScannerProcess]

    def refuse(self, error: str) -> None:
        """Report an error to the waiting task, if it still waits."""
        if not self.answer.done():
            self.answer.set_exception(
                ScannerError(f"cannot fork a scanner process: {error}")
            )


def _kill(pidfd: int) -> None:
    """Kill a process that may have been reaped already."""
    with suppress(ProcessLookupError):
        signal.pidfd_send_signal(pidfd, signal.SIGKILL)


async def _await_end(ended: asyncio.Event, pid: int) -> None:
    try:
        async with asyncio.timeout(_END_TIMEOUT_S):
            await ended.wait()
    except TimeoutError as exc:
        raise ScannerError(f"scanner process {pid} cannot be killed") from exc


def _not_ready_in(timeout_s: float) -> ScannerError:
    return ScannerError(
        f"a scanner process was not ready within {timeout_s:g} s",
        hint="Give it CPU time or memory, or raise start_timeout_s in [scanner].",
    )
