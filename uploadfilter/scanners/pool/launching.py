"""Start a program of this package with only a socket.

It gets only the environment that it needs to load its libraries, only the descriptor of
its socket, the root as its directory, and a session without a terminal.
"""

import os
import socket
import subprocess
import sys
import sysconfig
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

_PACKAGE_ROOT: Final = Path(__file__).resolve().parents[3]
_PASSED_PREFIXES: Final = ("OPENBLAS_",)
_PASSED_NAMES: Final = frozenset({"LD_LIBRARY_PATH", "PYTHONDONTWRITEBYTECODE"})
"""The variables that a process needs to load its libraries, and whether it may write
compiled modules: on a full disk Python leaves incomplete ones. It gets nothing else of
this environment, and drops even these after the start."""

_TUNING: Final = {
    # The matrices of a picture are too small for threads, whose stacks and arenas would
    # count as address space.
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    # Every picture needs the same few MiB as the one before. By default glibc returns
    # them after each picture, and the page faults for new ones double the CPU time of a
    # picture of 1 megapixel. Larger blocks, and free memory beyond this, are still
    # returned.
    "MALLOC_MMAP_THRESHOLD_": str(32 * 1024 * 1024),
    "MALLOC_TRIM_THRESHOLD_": str(64 * 1024 * 1024),
}

_ERROR_TAIL_BYTES: Final = 2000
"""Bytes of a failed process's output that are shown to the operator."""

_CPU_CLOCK: Final = 2
"""Kind of clock that counts all CPU time of a process (``CPUCLOCK_SCHED`` of Linux)."""


WORKER_MODULE: Final = "uploadfilter.scanners.inside.worker"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessSettings:
    """The settings for starting a template and its scanners.

    Attributes:
        module: The module for ``python -m``; tests use others.
        address_space: Bytes of address space of a scanner.
        large_address_space: The same for a large one.
        start_timeout_s: Seconds until it must be ready. 0.5 are enough on an idle
            machine; a booting host starts everything at once.
        require_sandbox: Whether it is an error if the machine lacks a part of the
            sandbox.
    """

    module: str = WORKER_MODULE
    address_space: int
    large_address_space: int
    start_timeout_s: float = 30.0
    require_sandbox: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Child:
    """A started program.

    Attributes:
        popen: The process.
        sock: This side's end of its socket.
        pidfd: A descriptor that becomes readable when it ends.
        errors: The file of its standard error.
    """

    popen: subprocess.Popen[bytes]
    sock: socket.socket
    pidfd: int
    errors: BinaryIO


def spawn(settings: ProcessSettings) -> Child:
    """Start a template with one end of a socket of packets.

    Raises:
        OSError: The program does not exist, or no process, memory or descriptor is
            left.
    """
    with ExitStack() as undo:
        errors = os.fdopen(os.memfd_create("scanner-errors"), "w+b")
        undo.callback(errors.close)
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        undo.callback(ours.close)
        with theirs:
            fd = theirs.fileno()
            command = _command(settings, fd)
            popen = _execute(command, fd, errors.fileno())
        undo.callback(popen.wait)
        undo.callback(popen.kill)
        pidfd = os.pidfd_open(popen.pid)
        undo.pop_all()
    ours.setblocking(False)
    return Child(popen=popen, sock=ours, pidfd=pidfd, errors=errors)


def _execute(command: list[str], fd: int, errors_fd: int) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(  # noqa: S603 - this interpreter and a module of this package
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=errors_fd,
        close_fds=True,
        pass_fds=(fd,),
        cwd="/",
        env=environment(),
        start_new_session=True,
    )


def _command(settings: ProcessSettings, fd: int) -> list[str]:
    # -s and -P keep the home directory and the current one off the module path; -I
    # would too, but would also ignore the PYTHONPATH that a checkout needs.
    return [
        *(sys.executable, "-s", "-P", "-m", settings.module),
        *("--fd", str(fd), "--address-space", str(settings.address_space)),
        *("--large-address-space", str(settings.large_address_space)),
    ]


def environment() -> dict[str, str]:
    """Return the environment of a process of ours during its start."""
    passed = {
        name: value
        for name, value in os.environ.items()
        if name in _PASSED_NAMES or name.startswith(_PASSED_PREFIXES)
    }
    passed |= _TUNING
    if str(_PACKAGE_ROOT) != sysconfig.get_path("purelib"):
        passed["PYTHONPATH"] = str(_PACKAGE_ROOT)
    return passed


def tail(fd: int) -> str:
    """Return the end of a process's standard error."""
    size = os.fstat(fd).st_size
    tail = os.pread(fd, _ERROR_TAIL_BYTES, max(0, size - _ERROR_TAIL_BYTES))
    return tail.decode("utf-8", "replace").strip()


def cpu_s_of(pid: int) -> float:
    """Return the CPU seconds of a process; 0 if it is gone.

    They are read from its clock, not from /proc: /proc needs a descriptor, and hides an
    undumpable process from hardened services.

    Source:
        ``clock_getcpuclockid(3)``; its numbers are part of the kernel's interface.
    """
    try:
        return time.clock_gettime((~pid << 3) | _CPU_CLOCK)
    except OSError:
        return 0.0
