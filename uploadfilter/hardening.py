"""Give up rights at the start of a process, so that no other one can read its memory.

The memory of the proxy holds bodies of uploads, the key of the reference set and data
of clients; the memory of a scanner holds pictures. Neither may end up in a core file,
and no other process of the same user may attach to them.

A process that is not dumpable can still read its own ``/proc/self/fd``, even as an
ordinary user: the kernel lets a process inspect itself. Its other files in ``/proc``
then belong to root, so code that has to *write* to one of them (the scanners'
``oom_score_adj``) does so before. An executed program begins dumpable again, and must
call this for itself.
"""

import ctypes
import os
import resource
from typing import Final

_PR_SET_DUMPABLE: Final = 4
"""The option's number in ``linux/prctl.h``."""

PRIVATE_UMASK: Final = 0o077
"""Umask of new files: only our user may read them, whatever umask we inherit."""


def leave_no_core() -> None:
    """Forbid core dumps of this process, and attaching to it.

    Raises:
        OSError: The kernel does not allow it.
    """
    prctl(_PR_SET_DUMPABLE, 0)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def keep_files_private() -> None:
    """Make files that this process creates readable by its user only.

    A service manager's ``UMask=`` does the same; this holds without one.
    """
    os.umask(PRIVATE_UMASK)


def prctl(option: int, value: int) -> None:
    """Ask the kernel for one property of this process.

    Args:
        option: Number from ``linux/prctl.h``.
        value: The new value.

    Raises:
        OSError: The kernel refuses.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(option, ctypes.c_ulong(value), 0, 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
