"""One scanner process: how it starts, how it is ended, and what it used.

Linux only: processes are watched through pidfds, which every event loop can wait for
and which need neither a thread nor the signal SIGCHLD.
"""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import sysconfig
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from uploadfilter.errors import ScannerError
from uploadfilter.scanners.channel import Channel, Closed
from uploadfilter.scanners.messages import Ready, decode_reply

WORKER_MODULE: Final = "uploadfilter.scanners.worker"

_PACKAGE_ROOT: Final = Path(__file__).resolve().parents[2]
_PASSED_PREFIXES: Final = ("OPENBLAS_",)
_PASSED_NAMES: Final = frozenset({"LD_LIBRARY_PATH"})
"""What a process needs to load its libraries; it gets nothing else of this one's
environment, and forgets even that once it has started."""

_TUNING: Final = {
    # Matrices of a picture are too small for threads, whose stacks and arenas would
    # count as address space.
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    # Every picture needs the same few MiB as the one before. By default glibc returns
    # them after each, and the page faults to get them back double the CPU time of a
    # picture of 1 megapixel. Larger blocks, and what is free beyond this, go back.
    "MALLOC_MMAP_THRESHOLD_": str(32 * 1024 * 1024),
    "MALLOC_TRIM_THRESHOLD_": str(64 * 1024 * 1024),
}

_ERROR_TAIL_BYTES: Final = 2000
"""How much of what a failed process wrote is shown to the operator."""

_END_TIMEOUT_S: Final = 10.0
"""A killed process is gone in milliseconds, unless the kernel holds it in a read."""

_TICKS_PER_S: Final = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessSettings:
    """How a scanner process is started.

    Attributes:
        module: What ``python -m`` runs; tests run others.
        address_space: Bytes of address space.
        start_timeout_s: Seconds until it must be ready. 0.3 are enough on an idle
            machine; a host that boots starts everything at once.
    """

    module: str = WORKER_MODULE
    address_space: int
    start_timeout_s: float = 30.0


class ScannerProcess:
    """A scanner process that is ready, until it is ended.

    Attributes:
        pid: Process id.
        channel: The socket to it.
        over: Set when the process must not be used any more: its socket ended, or
            ``retire`` was called.
        contents: How many contents it has scanned, counted by whoever uses it.
        is_worn: Set by whoever uses it when it should be replaced.
        was_lent: Set by whoever lends it.
    """

    def __init__(self, child: "_Child") -> None:
        self.pid = child.popen.pid
        self.over = asyncio.Event()
        self.contents = 0
        self.is_worn = False
        self.was_lent = False
        self.channel = Channel(child.sock, on_closed=self.over.set)
        self._popen = child.popen
        self._loop = asyncio.get_running_loop()
        self._ended = asyncio.Event()
        self._cpu_s = 0.0
        self._pidfd = child.pidfd
        self._loop.add_reader(self._pidfd, self._reap)

    @classmethod
    async def start(cls, settings: ProcessSettings) -> "ScannerProcess":
        """Start a process and wait until it is ready.

        The process dies with the thread that calls this (``confinement.py``), so this
        is no work for a helper thread: the few milliseconds of ``exec`` are spent on
        the event loop.

        Raises:
            ScannerError: It could not be started, or was not ready in time; the hint
                is the end of what it wrote.
        """
        with os.fdopen(os.memfd_create("scanner-errors"), "w+b") as errors:
            try:
                process = cls(_spawn(settings, errors.fileno()))
            except OSError as exc:
                raise ScannerError(f"cannot start a scanner process: {exc}") from exc
            try:
                await process._await_ready(settings.start_timeout_s)
            except BaseException as exc:
                process.retire()
                await process.end()
                if isinstance(exc, ScannerError):
                    exc.hint = _tail(errors.fileno())
                raise
            return process

    def retire(self) -> None:
        """Kill the process: it holds nothing that would be worth a farewell."""
        self.over.set()
        self.channel.close()
        if not self._ended.is_set():
            signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)

    async def end(self) -> int:
        """Wait for the end of a process whose socket ended or that was retired.

        Closes our end of the socket, which ends a process that has only gone quiet.

        Returns:
            Its exit code, negative for the number of the signal that killed it.

        Raises:
            ScannerError: It does not end.
        """
        self.channel.close()
        try:
            async with asyncio.timeout(_END_TIMEOUT_S):
                await self._ended.wait()
        except TimeoutError as exc:
            raise ScannerError(f"scanner process {self.pid} cannot be killed") from exc
        return int(self._popen.returncode)

    @property
    def cpu_s(self) -> float:
        """CPU seconds that the process used so far, as the kernel counts them."""
        if self._ended.is_set():
            return self._cpu_s
        fields = Path(f"/proc/{self.pid}/stat").read_bytes().rpartition(b")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS_PER_S

    async def _await_ready(self, timeout_s: float) -> None:
        try:
            async with asyncio.timeout(timeout_s):
                frame = await self.channel.receive()
        except TimeoutError as exc:
            raise ScannerError(
                f"a scanner process was not ready within {timeout_s} s"
            ) from exc
        if isinstance(frame, Closed) or not isinstance(decode_reply(frame), Ready):
            raise ScannerError("a scanner process ended before it was ready")

    def _reap(self) -> None:
        """Take the exit code; called when the process has ended."""
        _, status, usage = os.wait4(self.pid, 0)
        self._popen.returncode = os.waitstatus_to_exitcode(status)
        self._cpu_s = usage.ru_utime + usage.ru_stime
        self._loop.remove_reader(self._pidfd)
        os.close(self._pidfd)
        self._ended.set()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Child:
    """A program that was started, the socket to it, and what tells of its end."""

    popen: subprocess.Popen[bytes]
    sock: socket.socket
    pidfd: int


def _spawn(settings: ProcessSettings, errors_fd: int) -> _Child:
    """Start the program with one end of a socket.

    Raises:
        OSError: There is no such program, or no process, memory or descriptor left.
    """
    with ExitStack() as undo:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        undo.callback(ours.close)
        with theirs:
            popen = _execute(settings, theirs.fileno(), errors_fd)
        undo.callback(popen.wait)
        undo.callback(popen.kill)
        pidfd = os.pidfd_open(popen.pid)
        undo.pop_all()
    ours.setblocking(False)
    return _Child(popen=popen, sock=ours, pidfd=pidfd)


def _execute(
    settings: ProcessSettings, fd: int, errors_fd: int
) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603 - our own interpreter and module
        _command(settings, fd),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=errors_fd,
        close_fds=True,
        pass_fds=(fd,),
        cwd="/",
        env=_environment(),
        start_new_session=True,
    )


def _command(settings: ProcessSettings, fd: int) -> list[str]:
    # -s and -P keep the home directory and the current one off the module path; -I
    # would do so too, but ignore the PYTHONPATH that a checkout needs.
    return [
        *(sys.executable, "-s", "-P", "-m", settings.module),
        *("--fd", str(fd), "--address-space", str(settings.address_space)),
    ]


def _environment() -> dict[str, str]:
    """Return the environment of a scanner process while it starts."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if name in _PASSED_NAMES or name.startswith(_PASSED_PREFIXES)
    }
    environment |= _TUNING
    if str(_PACKAGE_ROOT) != sysconfig.get_path("purelib"):
        environment["PYTHONPATH"] = str(_PACKAGE_ROOT)
    return environment


def _tail(fd: int) -> str:
    """Return the end of what a process wrote to its standard error."""
    size = os.fstat(fd).st_size
    tail = os.pread(fd, _ERROR_TAIL_BYTES, max(0, size - _ERROR_TAIL_BYTES))
    return tail.decode("utf-8", "replace").strip()
