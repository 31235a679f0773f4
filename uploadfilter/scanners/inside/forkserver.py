"""Run the process that forks scanners: it imports everything and decodes nothing.

``process.py`` starts it with ``exec`` and names the module to run (``worker.py``). On
each order it forks a scanner; when the scanner ends, it reaps it and reports its end. A
fork costs milliseconds, while a new interpreter with its libraries costs a fifth of a
second. So a scanner can be discarded after a single content.

Rules this module keeps:

- One thread: a fork copies no other thread, and a lock held by another thread would
  never be released.
- It reads only orders: no byte of a client comes here.
- A scanner keeps its own socket and the standard streams, and nothing of this process.

Scanners of one template share its memory layout and its seed for hashes of strings, so
that an attacker who learns about one by a crash knows the next one too: see
``Template.is_worn`` in ``pool/process.py``.
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
    FORK_LARGE,
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
"""Most descriptors: a template holds one for each scanner, and a scanner closes all up
to this number."""

_MAX_ERROR: Final = MAX_REPORT_BYTES // 4


class ForkServer:
    """Forks scanners on request, and reaps them.

    Args:
        control: Socket of packets to the proxy.
        address_spaces: Bytes of address space of a scanner, by the order for it.
        support: The confinement that this machine offers.
        scan: Scans each content in a scanner.
    """

    def __init__(
        self,
        control: socket.socket,
        *,
        address_spaces: dict[bytes, int],
        support: Support,
        scan: ScanFunction,
    ) -> None:
        self._control = control
        self._address_spaces = address_spaces
        self._support = support
        self._sandbox = Sandbox(support)
        self._scan = scan
        self._pid = os.getpid()
        self._children: dict[int, int] = {}
        self._poller = select.poll()

    def run(self) -> None:
        """Execute orders until the proxy ends them; then end all scanners."""
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
        """Execute one order; return false at the end of the socket."""
        order, fds, _, _ = socket.recv_fds(self._control, len(FORK_LARGE), 1)
        if order not in self._address_spaces or not fds:
            return False
        try:
            self._fork(fds[0], self._address_spaces[order])
        except OSError as exc:
            self._report(ForkRefused(error=str(exc)[:_MAX_ERROR]))
        finally:
            os.close(fds[0])
        return True

    def _fork(self, fd: int, address_space: int) -> None:
        """Fork a scanner that serves a socket, with so many bytes of address space.

        Raises:
            OSError: There is no process, memory or descriptor left.
        """
        pid = os.fork()
        if pid == 0:
            self._live(fd, address_space)
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

    def _live(self, fd: int, address_space: int) -> NoReturn:
        """Run as a scanner to its end; the template's stack frames are not unwound."""
        code: object = 1
        try:
            self._leave_home(fd)
            with socket.socket(fileno=SOCKET_FD) as sock:
                self._confine(sock, address_space)
                serve(sock, self._scan)
            code = 0
        except SystemExit as exc:
            code = exc.code
        finally:
            if sys.exception() is not None:
                traceback.print_exc()
            os._exit(code if isinstance(code, int) else 1)

    def _leave_home(self, fd: int) -> None:
        """Close everything of the template; no descriptor of it is left."""
        die_with_parent()
        if os.getppid() != self._pid:
            raise SystemExit(1)  # the template ended before the line above
        if fd != SOCKET_FD:
            os.dup2(fd, SOCKET_FD)
        os.closerange(SOCKET_FD + 1, _MOST_DESCRIPTORS)
        # The output of the template is a file that all its scanners would share.
        os.dup2(0, 2)

    def _confine(self, sock: socket.socket, address_space: int) -> None:
        """Confine this process; if the machine refuses it, report that and end."""
        try:
            confine(address_space=address_space, sandbox=self._sandbox)
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

    Everything that ``scan`` needs must be imported and prepared before.

    Args:
        arguments: ``--fd N``, the socket, and ``--address-space`` and
            ``--large-address-space``, in bytes.
        scan: Scans each content in a scanner.
        offer: Returns the confinement that the machine offers; all of it is used.
    """
    die_with_parent()
    parser = argparse.ArgumentParser(prog="uploadfilter-scanner")
    parser.add_argument("--fd", type=int, required=True)
    parser.add_argument("--address-space", type=int, required=True)
    parser.add_argument("--large-address-space", type=int, required=True)
    options = parser.parse_args(arguments)
    harden()
    _limit_descriptors()
    _require_one_thread()
    _compact()
    with socket.socket(fileno=options.fd) as control:
        spaces = {FORK: options.address_space, FORK_LARGE: options.large_address_space}
        ForkServer(control, address_spaces=spaces, support=offer(), scan=scan).run()


def _compact() -> None:
    """Free memory that scanners do not need, and let them share the rest."""
    gc.collect()
    # The collector skips frozen objects. Otherwise its marks would make each scanner
    # copy the pages of all objects.
    gc.freeze()
    # Half of the heap is free memory left by imports and preparations; musl keeps none.
    libc = ctypes.CDLL(None)
    if hasattr(libc, "malloc_trim"):
        libc.malloc_trim(0)


def _limit_descriptors() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, _MOST_DESCRIPTORS), hard))


def _require_one_thread() -> None:
    """Refuse to run if a library started threads when it was imported."""
    threads = os.listdir("/proc/self/task")  # noqa: PTH208 - names are enough
    if len(threads) != 1:
        names = sorted(
            Path(f"/proc/self/task/{thread}/comm").read_text().strip()
            for thread in threads
        )
        raise RuntimeError(f"a template must have one thread, not {names}")
