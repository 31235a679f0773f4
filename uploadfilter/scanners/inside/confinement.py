"""What a scanner process gives up before it sees the first byte of a client.

Limits of the kernel that need no privilege and no library, which bound what an honest
decoder does with hostile bytes; then the sandbox, which holds one that was taken over.
Called once, at the start of a process; nothing here can be undone but the CPU alarm,
which is set anew for each content. Only the wall clock of the pool binds a scanner that
was taken over and switches it off.
"""

import ctypes
import os
import resource
import signal
from contextlib import suppress
from pathlib import Path
from typing import Final

from uploadfilter.hardening import leave_no_core, prctl
from uploadfilter.scanners.inside.sandbox import Sandbox

_PR_SET_PDEATHSIG: Final = 1
_PR_SET_NO_NEW_PRIVS: Final = 38
"""Numbers from ``linux/prctl.h``."""

_CAPABILITY_VERSION: Final = 0x20080522
"""Version 3 of ``linux/capability.h``: two times 32 bits of each set."""

_MOST_DESCRIPTORS: Final = 24
"""Three streams, the socket and one content; the rest is what the interpreter and
Pillow open for a moment where no sandbox forbids it."""

_STACK_BYTES: Final = 8 * 1024 * 1024
"""What distributions give by default; some services start without a limit, which every
thread of a decoder would take as the size of its own."""

_MOST_TASKS: Final = 4096
"""Threads and processes of the user who runs the proxy, so that a scanner that was
taken over cannot use up the machine's. One decoder needs a thread, so it is not 0."""


def die_with_parent() -> None:
    """Have the kernel kill this process when the thread that started it ends.

    So a killed proxy leaves no scanner behind that is busy; one that waits ends by
    itself when its socket does. A proxy must start scanners in a thread that lives as
    long as they should: see ``Template.start``.
    """
    prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


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
    prctl(_PR_SET_NO_NEW_PRIVS, 1)
    leave_no_core()
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
    _limit(resource.RLIMIT_STACK, _STACK_BYTES)
    _limit(resource.RLIMIT_NPROC, _MOST_TASKS)
    _limit(resource.RLIMIT_MEMLOCK, 0)
    _limit(resource.RLIMIT_MSGQUEUE, 0)
    _drop_capabilities()
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


def _drop_capabilities() -> None:
    """Give up what makes root more than a user; others have nothing to give up."""
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION, 0)
    nothing = (ctypes.c_uint32 * 6)()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.capset(header, nothing) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
