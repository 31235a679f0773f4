"""Confine a scanner process before it sees the first byte of a client.

There are two layers. Limits of the kernel, which need no privilege and no library, stop
a decoder that hostile bytes make too expensive. The sandbox holds a decoder that an
attacker controls. These steps are done once, at the start of a process, and cannot be
undone, except the CPU alarm, which is set again for each content. A scanner that was
taken over can switch the alarm off; then only the wall clock of the pool ends it.
"""

import ctypes
import os
import resource
import signal
from contextlib import suppress
from pathlib import Path
from typing import Final

from uploadfilter.hardening import leave_no_core, prctl
from uploadfilter.scanners.inside import sandbox
from uploadfilter.scanners.inside.sandbox import Sandbox

_PR_SET_PDEATHSIG: Final = 1
_PR_SET_NO_NEW_PRIVS: Final = 38
"""Numbers from ``linux/prctl.h``."""

_CAPABILITY_VERSION: Final = 0x20080522
"""Version 3 of ``linux/capability.h``: two times 32 bits of each set."""

_MOST_DESCRIPTORS: Final = 24
"""Three streams, the socket and one content; the others are for files that the
interpreter and Pillow open for a moment, if no sandbox forbids it."""

_STACK_BYTES: Final = 8 * 1024 * 1024
"""The default of distributions. Some services start without a limit, which would be the
stack size of every thread of a decoder."""

_MOST_TASKS: Final = 4096
"""Most threads and processes of the user of the proxy, so that a scanner that was taken
over cannot use up those of the machine. One decoder needs a thread, so it is not 0."""


def die_with_parent() -> None:
    """Have the kernel kill this process when the thread that started it ends.

    So no busy scanner outlives a killed proxy; a waiting one ends by itself when its
    socket ends. A proxy must start scanners in a thread that lives as long as they
    should: see ``Template.start`` in ``pool/process.py``.
    """
    prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def harden() -> None:
    """Give up rights that neither a scanner nor the process that forks it needs.

    Raises:
        OSError: The kernel does not allow it.
    """
    # It shall be killed first when the machine runs out of memory. This comes before
    # the process becomes undumpable, since its files in /proc then belong to root. Not
    # every container allows it, and nothing depends on it.
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")
    prctl(_PR_SET_NO_NEW_PRIVS, 1)
    leave_no_core()
    # The parent decides when a scanner ends, even on Ctrl-C in its terminal.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ.clear()


def confine(*, address_space: int, sandbox: Sandbox) -> None:
    """Set the limits of a hardened process that will decode.

    Args:
        address_space: Bytes; allocations beyond it fail as ``MemoryError``.
        sandbox: The further confinement that the machine offers.

    Raises:
        OSError: The kernel refuses a confinement that it offers.
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


def keep_reading() -> None:
    """Give up all rights but to read files, as a process of ours may that decodes none.

    Raises:
        OSError: The kernel refuses a confinement that it offers.
    """
    prctl(_PR_SET_NO_NEW_PRIVS, 1)
    leave_no_core()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _limit(resource.RLIMIT_FSIZE, 0)
    sandbox.keep_reading(sandbox.support())


def set_cpu_alarm(seconds: float) -> None:
    """Have the kernel kill this process after ``seconds`` more of CPU time.

    The profiling timer counts user and system time in milliseconds, ``RLIMIT_CPU`` in
    whole seconds. Decoders spend their time in C, where no Python handler would run, so
    the signal keeps its default action: it kills.

    Args:
        seconds: CPU time until the alarm; 0 switches it off.
    """
    signal.setitimer(signal.ITIMER_PROF, seconds)


def _limit(which: int, value: int) -> None:
    """Lower the soft and the hard limit, which cannot be raised again."""
    _, hard = resource.getrlimit(which)
    if hard != resource.RLIM_INFINITY:
        value = min(value, hard)
    resource.setrlimit(which, (value, value))


def _drop_capabilities() -> None:
    """Drop the capabilities of root; other users have none."""
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION, 0)
    nothing = (ctypes.c_uint32 * 6)()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.capset(header, nothing) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
