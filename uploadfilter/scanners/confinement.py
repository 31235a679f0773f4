"""What a scanner process gives up before it sees the first byte of a client.

Limits of the kernel that need no privilege and no library. They bound what an honest
decoder does with hostile bytes; a decoder that was taken over is not held by them but
by the wall clock of the pool. Called once, at the start of a process; nothing here can
be undone but the CPU alarm, which is set anew for each content.
"""

import ctypes
import os
import resource
import signal
from contextlib import suppress
from pathlib import Path
from typing import Final

from uploadfilter.scanners.sandbox import Sandbox

_PR_SET_PDEATHSIG: Final = 1
_PR_SET_DUMPABLE: Final = 4
_PR_SET_NO_NEW_PRIVS: Final = 38
"""Numbers from ``linux/prctl.h``."""

_MOST_DESCRIPTORS: Final = 24
"""Three streams, the socket and one content; the rest is what the interpreter and
Pillow open for a moment where no sandbox forbids it."""

CPU_DEATHS: Final = frozenset({-signal.SIGPROF, -signal.SIGXCPU})
"""Return codes of a process that used up its CPU seconds."""


def die_with_parent() -> None:
    """Have the kernel kill this process when the thread that started it ends.

    So a killed proxy leaves no scanner behind that is busy; one that waits ends by
    itself when its socket does. A proxy must start scanners in a thread that lives as
    long as they should: see ``Template.start``.
    """
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def harden() -> None:
    """Take what no process of ours that meets hostile bytes, or forks one, needs.

    Raises:
        OSError: The kernel does not allow it.
    """
    # The first victim when the machine runs out of memory; before the process becomes
    # undumpable, after which its own files in /proc belong to root. Not every container
    # lets a process say so, and nothing depends on it.
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    _prctl(_PR_SET_DUMPABLE, 0)
    _limit(resource.RLIMIT_CORE, 0)
    # The parent decides when a scanner ends, also on Ctrl-C in its terminal.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ.clear()


def confine(*, address_space: int, sandbox: Sandbox) -> None:
    """Set the limits of a hardened process that will decode.

    Args:
        address_space: Bytes; allocations beyond it fail as ``MemoryError``.
        sandbox: What else the machine lets it give up.

    Raises:
        OSError: The kernel does not keep what it promised.
    """
    _limit(resource.RLIMIT_FSIZE, 0)
    _limit(resource.RLIMIT_AS, address_space)
    _limit(resource.RLIMIT_NOFILE, _MOST_DESCRIPTORS)
    sandbox.enter()


def set_cpu_alarm(seconds: float) -> None:
    """Have the kernel kill this process once it used ``seconds`` more of CPU time.

    The profiling timer counts user and system time in milliseconds, ``RLIMIT_CPU`` in
    whole seconds. Decoders spend their time in C, where no handler written in Python
    would run, so the signal keeps its default: it kills.

    Args:
        seconds: More than 0; 0 switches the alarm off.
    """
    signal.setitimer(signal.ITIMER_PROF, seconds)


def _limit(which: int, value: int) -> None:
    """Lower the soft and the hard limit, which nothing can raise again."""
    _, hard = resource.getrlimit(which)
    if hard != resource.RLIM_INFINITY:
        value = min(value, hard)
    resource.setrlimit(which, (value, value))


def _prctl(option: int, value: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(option, ctypes.c_ulong(value), 0, 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
