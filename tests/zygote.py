"""Fork the templates of scanners from a process that has loaded them already: a zygote.

A template takes half a second of CPU time to load its libraries, and hundreds of tests
start one of their own. They get one that was forked from a zygote: the same process,
confined by the same code, after some milliseconds. It is a child of the tests, as if
they had started it, so that it is watched, reaped and killed as ever. One zygote serves
one process of tests, and one module of a template.

How a template starts from nothing is proved without a zygote: by the tests that ask for
``started_anew`` (``tests/scanners/conftest.py``), and by all of ``tests/e2e``.
"""

import ctypes
import gc
import json
import os
import platform
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final, NoReturn

from tests.scanners import standins, standins_parts
from uploadfilter.scanners.inside.forkserver import run
from uploadfilter.scanners.inside.serving import ScanFunction
from uploadfilter.scanners.pool import launching
from uploadfilter.scanners.pool.launching import (
    WORKER_MODULE,
    Child,
    ProcessSettings,
    environment,
)

_MOST_BYTES: Final = 4096

_CLONE_PARENT: Final = 0x8000
"""From ``linux/sched.h``: the new process is a child of this one's parent."""

_CLONE: Final = {"x86_64": 56, "aarch64": 220}.get(platform.machine())
"""The number of the call; where it is not known, each template starts from nothing."""


def _load_worker() -> ScanFunction:
    from uploadfilter.scanners.inside import worker  # noqa: PLC0415 - only a zygote

    worker.get_ready()
    return worker.scan_span


_LOADERS: Final[dict[str, Callable[[], ScanFunction]]] = {
    WORKER_MODULE: _load_worker,
    standins.MODULE: lambda: standins.perform,
    standins_parts.MODULE: lambda: standins_parts.perform,
}


class _Forked(subprocess.Popen[bytes]):
    """A template that a zygote forked; ``Template`` reaps it."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode = None
        self._child_created = False


@contextmanager
def zygotes() -> Iterator[Callable[[ProcessSettings], Child]]:
    """Yield a ``spawn`` that forks; its zygotes end with the block."""
    running: dict[str, tuple[subprocess.Popen[bytes], socket.socket]] = {}

    def spawn(settings: ProcessSettings) -> Child:
        if _CLONE is None or settings.module not in _LOADERS:
            return launching.spawn(settings)
        if settings.module not in running:
            running[settings.module] = _start(settings.module)
        return _fork(running[settings.module][1], settings)

    try:
        yield spawn
    finally:
        for process, sock in running.values():
            sock.close()
            process.wait()


def _start(module: str) -> tuple["subprocess.Popen[bytes]", socket.socket]:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        process = subprocess.Popen(  # noqa: S603 - this interpreter and this module
            [sys.executable, "-s", "-P", "-m", __name__, str(theirs.fileno()), module],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            pass_fds=(theirs.fileno(),),
            cwd="/",
            env=environment(),
        )
    return process, ours


def _fork(zygote: socket.socket, settings: ProcessSettings) -> Child:
    errors = os.fdopen(os.memfd_create("scanner-errors"), "w+b")
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        spaces = (settings.address_space, settings.large_address_space)
        fds = [theirs.fileno(), errors.fileno()]
        socket.send_fds(zygote, [json.dumps(spaces).encode()], fds)
    pid = int(zygote.recv(_MOST_BYTES))
    ours.setblocking(False)
    pidfd = os.pidfd_open(pid)
    return Child(popen=_Forked(pid), sock=ours, pidfd=pidfd, errors=errors)


def main(arguments: Sequence[str]) -> None:
    """Load a template, then fork one for each order, until the tests end."""
    number, module = arguments
    scan = _LOADERS[module]()
    gc.collect()
    gc.freeze()
    with socket.socket(fileno=int(number)) as sock:
        while True:
            order, fds, _, _ = socket.recv_fds(sock, _MOST_BYTES, 2)
            if not order:
                return
            pid = _clone()
            if pid == 0:
                sock.close()
                _be_template(scan, fds, json.loads(order))
            for fd in fds:
                os.close(fd)
            sock.send(str(pid).encode())


def _clone() -> int:
    """Fork a process that is no child of this one, but its sibling."""
    # As os.fork does it; the lock of the interpreter is kept.
    python = ctypes.PyDLL(None)
    python.PyOS_BeforeFork()
    pid = int(python.syscall(_CLONE, _CLONE_PARENT, 0, 0, 0, 0))
    if pid == 0:
        python.PyOS_AfterFork_Child()
    else:
        python.PyOS_AfterFork_Parent()
    if pid < 0:
        raise OSError("a zygote cannot fork")
    return pid


def _be_template(scan: ScanFunction, fds: list[int], spaces: list[int]) -> NoReturn:
    """Run as a started template does, with its socket and the file of its errors."""
    control, errors = fds
    code = 1
    try:
        os.dup2(errors, sys.stderr.fileno())
        os.close(errors)
        os.setsid()
        names = ("--fd", "--address-space", "--large-address-space")
        values = (control, *spaces)
        pairs = zip(names, map(str, values), strict=True)
        run([word for pair in pairs for word in pair], scan)
        code = 0
    finally:
        if sys.exception() is not None:
            sys.excepthook(*sys.exc_info())
            sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    main(sys.argv[1:])
