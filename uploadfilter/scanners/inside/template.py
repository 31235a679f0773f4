"""The process that scanners are forked from: everything imported, nothing ever decoded.

Started with ``exec`` by ``process.py``, which says what to run (``worker.py``). On each
order it forks a scanner, and it reports the scanner's death when it has reaped it. A
fork costs milliseconds where a new interpreter with its libraries costs a fifth of a
second, so that a scanner can be thrown away after a single content.

Rules this module keeps:

- One thread. A fork copies no other, and a lock that another holds would never open.
- It reads orders and nothing else: no byte of a client comes here.
- A scanner keeps its own socket and the standard streams, and nothing of this process.

Scanners of one template share its memory layout and its seed for hashes of strings, so
that what a crash tells of one holds for the next: see ``Template.is_worn``.
"""

import argparse
import ctypes
import gc
import os
import resource
import select
import signal
import socket
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, NoReturn

from uploadfilter.scanners.inside.confinement import confine, die_with_parent, harden
from uploadfilter.scanners.inside.sandbox import SOCKET_FD, Sandbox, support
from uploadfilter.scanners.inside.serving import ScanFunction, serve
from uploadfilter.scanners.wire.control import (
    FORK,
    MAX_REPORT_BYTES,
    Died,
    Forked,
    ForkRefused,
    Report,
    Started,
    Support,
    encode_report,
)
from uploadfilter.scanners.wire.messages import Unready, encode_frame

_MOST_DESCRIPTORS: Final = 1024
"""A template holds one for each scanner; and a scanner closes all up to this number."""

_MAX_ERROR: Final = MAX_REPORT_BYTES // 4


class ForkServer:
    """Forks scanners on request, and reaps them.

    Args:
        control: Socket of packets to the proxy.
        address_space: Bytes of address space of each scanner.
        support: What holds the scanners on this machine.
        scan: What a scanner does with each content.
    """

    def __init__(
        self,
        control: socket.socket,
        *,
        address_space: int,
        support: Support,
        scan: ScanFunction,
    ) -> None:
        self._control = control
        self._address_space = address_space
        self._support = support
        self._sandbox = Sandbox(support)
        self._scan = scan
        self._pid = os.getpid()
        self._children: dict[int, int] = {}
        self._poller = select.poll()

    def run(self) -> None:
        """Obey until the proxy ends its orders; then end all scanners."""
        self._poller.register(self._control, select.POLLIN)
        self._report(Started(support=self._support))
        while True:
            for fd, _ in self._poller.poll():
                if fd in self._children:
                    self._reap(fd)
                elif not self._obey():
                    self._end_all()
                    return

    def _obey(self) -> bool:
        """Take one order; return false at the end of the socket."""
        order, fds, _, _ = socket.recv_fds(self._control, len(FORK), 1)
        if order != FORK or not fds:
            return False
        try:
            self._fork(fds[0])
        except OSError as exc:
            self._report(ForkRefused(error=str(exc)[:_MAX_ERROR]))
        finally:
            os.close(fds[0])
        return True

    def _fork(self, fd: int) -> None:
        """Fork a scanner that serves a socket.

        Raises:
            OSError: No process, memory or descriptor is left.
        """
        pid = os.fork()
        if pid == 0:
            self._live(fd)
        try:
            pidfd = os.pidfd_open(pid)
        except OSError:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            raise
        self._children[pidfd] = pid
        self._poller.register(pidfd, select.POLLIN)
        self._report(Forked(pid=pid), pidfd)

    def _reap(self, pidfd: int) -> None:
        pid = self._children.pop(pidfd)
        self._poller.unregister(pidfd)
        os.close(pidfd)
        _, status, usage = os.wait4(pid, 0)
        code = os.waitstatus_to_exitcode(status)
        cpu_s = usage.ru_utime + usage.ru_stime
        self._report(Died(pid=pid, code=code, cpu_s=cpu_s))

    def _end_all(self) -> None:
        for pidfd in tuple(self._children):
            signal.pidfd_send_signal(pidfd, signal.SIGKILL)
            self._reap(pidfd)

    def _report(self, report: Report, *fds: int) -> None:
        socket.send_fds(self._control, [encode_report(report)], fds)

    def _live(self, fd: int) -> NoReturn:
        """Live the life of a scanner; nothing of the template's frames is unwound."""
        code: object = 1
        try:
            self._leave_home(fd)
            with socket.socket(fileno=SOCKET_FD) as sock:
                self._confine(sock)
                serve(sock, self._scan)
            code = 0
        except SystemExit as exc:
            code = exc.code
        finally:
            if sys.exception() is not None:
                traceback.print_exc()
            os._exit(code if isinstance(code, int) else 1)

    def _leave_home(self, fd: int) -> None:
        """Part with the template; no descriptor of it is left."""
        die_with_parent()
        if os.getppid() != self._pid:
            raise SystemExit(1)  # the template died before the line above
        if fd != SOCKET_FD:
            os.dup2(fd, SOCKET_FD)
        os.closerange(SOCKET_FD + 1, _MOST_DESCRIPTORS)
        # What the template writes to is a file that all its scanners would share.
        os.dup2(0, 2)

    def _confine(self, sock: socket.socket) -> None:
        """Give up everything; say so where the machine does not let us, and end."""
        try:
            confine(address_space=self._address_space, sandbox=self._sandbox)
        except OSError as exc:
            sock.sendall(encode_frame(Unready(error=str(exc)[:_MAX_ERROR])))
            raise SystemExit(1) from exc


def run(
    arguments: Sequence[str],
    scan: ScanFunction,
    *,
    offer: Callable[[], Support] = support,
) -> None:
    """Run a template process to its end.

    Whatever ``scan`` needs must be imported and prepared by now.

    Args:
        arguments: ``--fd N``, the socket, and ``--address-space BYTES``.
        scan: What scanners do with each content.
        offer: Says what the machine offers to hold scanners; all of it is used.
    """
    die_with_parent()
    parser = argparse.ArgumentParser(prog="uploadfilter-scanner")
    parser.add_argument("--fd", type=int, required=True)
    parser.add_argument("--address-space", type=int, required=True)
    options = parser.parse_args(arguments)
    harden()
    _limit_descriptors()
    _require_one_thread()
    _compact()
    with socket.socket(fileno=options.fd) as control:
        ForkServer(
            control, address_space=options.address_space, support=offer(), scan=scan
        ).run()


def _compact() -> None:
    """Leave to the scanners only what they need, and so that they can share it."""
    gc.collect()
    # What is frozen is not looked at by the collector, whose marks would make each
    # scanner copy the pages of all objects.
    gc.freeze()
    # Half of the heap is what imports and preparations have left; musl keeps none.
    libc = ctypes.CDLL(None)
    if hasattr(libc, "malloc_trim"):
        libc.malloc_trim(0)


def _limit_descriptors() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, _MOST_DESCRIPTORS), hard))


def _require_one_thread() -> None:
    """Refuse to go on beside threads that a library started while it was imported."""
    threads = os.listdir("/proc/self/task")  # noqa: PTH208 - names are enough
    if len(threads) != 1:
        names = sorted(
            Path(f"/proc/self/task/{thread}/comm").read_text().strip()
            for thread in threads
        )
        raise RuntimeError(f"a template must have one thread, not {names}")
