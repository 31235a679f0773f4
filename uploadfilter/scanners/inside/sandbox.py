"""Restrict the system calls of a scanner, even of a compromised one.

Two mechanisms that need no privilege are used. *Landlock* forbids the whole file
system, TCP, and signals and abstract sockets to processes outside; *seccomp* allows
only a few system calls, most of them with fixed arguments. Either alone would be
enough: seccomp is the main one, and Landlock covers mistakes in the list below.

A call that is not on the list fails with ``EPERM``, since libraries make many calls
that they do not need: for a limit, a file in /proc, the name of a thread. One of these
is ``tgkill``: without it, ``abort`` ends the process by other means. Calls that no
decoder needs and that exploits begin with (programs, processes, sockets, the memory of
other processes) kill the process: the exit code ``SIGSYS`` then tells that this was an
attack, not a bad picture.

This is the only module that knows ``pyseccomp`` and ``landlock``. To allow one more
call for a decoder, add it to ``_ALLOWED`` with the reason, with arguments as narrow as
possible.
"""

import ctypes
import errno
import mmap
import os
from typing import Final

import landlock
from landlock import plumbing

from uploadfilter.contents.archives import library
from uploadfilter.pictures.readers import videos
from uploadfilter.scanners.wire.control import Support

try:
    import pyseccomp
except RuntimeError:  # raised without libseccomp
    pyseccomp = None

SOCKET_FD: Final = 3
"""The descriptor of a scanner's only socket, the only one for sending and receiving
data."""

_LAST_STREAM_FD: Final = 2

_ALLOWED: Final = (
    # The content, which is read-only; nothing else is open.
    *("read", "readv", "pread64", "preadv", "preadv2", "lseek", "fstat", "close"),
    # Memory; mmap, mprotect and madvise follow below.
    *("brk", "munmap", "mremap"),
    # For the interpreter: locks, clocks, sleep, random numbers, and its process id.
    *("futex", "sched_yield", "getrandom", "getpid", "gettid"),
    *("clock_gettime", "clock_getres", "gettimeofday", "time"),
    *("clock_nanosleep", "nanosleep", "restart_syscall"),
    # The alarm on CPU time, and the calls that end a process or a thread.
    *("setitimer", "rt_sigreturn", "rt_sigprocmask", "exit", "exit_group"),
    # libde265 (HEIC) always decodes in a thread; clone follows.
    *("set_robust_list", "rseq", "sched_getaffinity"),
)
"""The calls that are allowed with any arguments."""

_FATAL: Final = (
    # Programs and processes.
    *("execve", "execveat", "fork", "vfork", "unshare", "setns", "ptrace"),
    *("process_vm_readv", "process_vm_writev", "process_madvise", "kcmp"),
    *("pidfd_open", "pidfd_getfd", "pidfd_send_signal", "kill", "tkill"),
    *("rt_sigqueueinfo", "rt_tgsigqueueinfo", "personality"),
    # Ways out.
    *("socket", "socketpair", "connect", "bind", "listen", "accept", "accept4"),
    *("sendmsg", "sendmmsg", "memfd_create", "memfd_secret"),
    # Rights, and the file system as a whole.
    *("setuid", "setgid", "setreuid", "setregid", "setresuid", "setresgid"),
    *("setgroups", "capset", "chroot", "pivot_root", "mount", "umount2"),
    *("move_mount", "open_tree", "fsopen", "fsconfig", "fsmount", "mount_setattr"),
    # Large pieces of kernel that exploits go through.
    *("bpf", "perf_event_open", "userfaultfd", "keyctl", "add_key", "request_key"),
    *("io_uring_setup", "io_uring_enter", "io_uring_register"),
    *("init_module", "finit_module", "delete_module", "kexec_load", "reboot"),
    *("process_mrelease", "modify_ldt", "vmsplice", "name_to_handle_at"),
    "open_by_handle_at",
)
"""System calls that kill the process that makes them."""

_UNKNOWN_CALL: Final = -1
"""The number that libseccomp gives to an unknown call."""

_THREAD_FLAGS: Final = (0x3D0F00, 0x7D0F00)
"""The flags that ``pthread_create`` of glibc and of musl pass to ``clone``: they make a
thread, and nothing else."""

_CLONE_THREAD: Final = 0x10000

_NETWORK_ABI: Final = 4
_SCOPE_ABI: Final = 6
"""Versions from which Landlock controls TCP, and signals and abstract sockets."""

_ALL_NETWORK: Final = 0b11
_ALL_SCOPES: Final = 0b11
"""Bind and connect; abstract sockets and signals (``linux/landlock.h``)."""

_PATH_BENEATH: Final = 1
"""Kind of a rule of Landlock about all paths below one (``linux/landlock.h``)."""

_PRIVATE_MEMORY: Final = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS

_ADVICES: Final = (
    mmap.MADV_DONTNEED,  # glibc, when it gives memory back or a thread ends
    mmap.MADV_FREE,
    mmap.MADV_HUGEPAGE,  # numpy, for large arrays
)

_SECCOMP_API: Final = 3
"""Level of libseccomp at which the kernel can end a process, not only a thread."""


class _Handled(plumbing.RulesetAttr):  # type: ignore[misc]  # it has no types
    """The rights that a domain controls: a longer ``landlock_ruleset_attr``."""

    _fields_ = (
        ("handled_access_net", ctypes.c_uint64),
        ("scoped", ctypes.c_uint64),
    )


def support() -> Support:
    """Return the confinement that this machine offers."""
    return Support(
        seccomp=pyseccomp is not None and pyseccomp.get_api() >= _SECCOMP_API,
        landlock_abi=_landlock_abi(),
        libarchive=library.IS_THERE,
        videos=videos.IS_THERE,
    )


class Sandbox:
    """The confinement of a process, made once and entered by each of its children.

    Raises:
        OSError: The library refuses a confinement that it offers.
    """

    def __init__(self, support: Support) -> None:
        self._support = support
        self._calls = _filter_of_calls() if support.seccomp else None

    def enter(self) -> None:
        """Enter the confinement for good.

        The process must have ``no_new_privs`` set.

        Raises:
            OSError: The kernel refuses a restriction that it reported as supported.
        """
        if self._support.landlock_abi:
            _drop_paths(self._support.landlock_abi)
        if self._calls is not None:
            self._calls.load()


def _landlock_abi() -> int:
    ctypes.set_errno(0)  # the library would report an old error as one of this call
    try:
        return int(landlock.landlock_abi_version())
    except landlock.SyscallError as exc:
        if exc.errno in {errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM}:
            return 0
        raise


def keep_reading(support: Support) -> None:
    """Forbid this process for good to write files, to run programs and to use TCP.

    It is for a process that reads files of ours, and no byte of a client. The process
    must have ``no_new_privs`` set.

    Raises:
        OSError: The kernel refuses a restriction that it reported as supported.
    """
    if support.landlock_abi:
        _drop_paths(support.landlock_abi, kept=_READING)


_READING: Final = landlock.FSAccess.READ_FILE | landlock.FSAccess.READ_DIR


def _drop_paths(abi: int, kept: landlock.FSAccess | None = None) -> None:
    """Enter a Landlock domain in which nothing is allowed, but ``kept`` on any path."""
    attr = _Handled(handled_access_fs=landlock.FSAccess.all())
    size = ctypes.sizeof(plumbing.RulesetAttr)
    if abi >= _NETWORK_ABI:
        attr.handled_access_net = _ALL_NETWORK
        size = _Handled.scoped.offset
    if abi >= _SCOPE_ABI:
        attr.scoped = _ALL_SCOPES
        size = ctypes.sizeof(attr)
    ctypes.set_errno(0)
    fd = plumbing.get_create_ruleset()(ctypes.byref(attr), size, 0)
    try:
        if kept is not None:
            root = os.open("/", os.O_PATH)
            try:
                rule = plumbing.PathBeneathAttr(kept, root)
                plumbing.get_add_rule()(fd, _PATH_BENEATH, ctypes.byref(rule), 0)
            finally:
                os.close(root)
        plumbing.get_restrict_self()(fd, 0)
    finally:
        os.close(fd)


def _filter_of_calls() -> "pyseccomp.SyscallFilter":
    """Make the filter of system calls.

    Names that this architecture does not have are left out; calls of another
    architecture (32 bits on 64) kill.
    """
    calls = pyseccomp.SyscallFilter(pyseccomp.ERRNO(errno.EPERM))
    calls.set_attr(pyseccomp.Attr.ACT_BADARCH, pyseccomp.KILL_PROCESS)
    for name in _ALLOWED:
        _rule(calls, pyseccomp.ALLOW, name)
    for name in _FATAL:
        _rule(calls, pyseccomp.KILL_PROCESS, name)
    _allow_memory(calls)
    _allow_exchange(calls)
    _allow_threads(calls)
    # Makes newer versions of the library keep the compiled filter, which each scanner
    # would otherwise compile again in a millisecond.
    with os.fdopen(os.memfd_create("seccomp"), "wb") as nowhere:
        calls.export_bpf(nowhere)
    return calls


def _rule(
    calls: "pyseccomp.SyscallFilter", action: int, name: str, *args: "pyseccomp.Arg"
) -> None:
    """Add a rule for a call with given arguments, if the call exists."""
    number = pyseccomp.resolve_syscall(pyseccomp.Arch.NATIVE, name)
    if number != _UNKNOWN_CALL:
        calls.add_rule(action, number, *args)


def _allow_memory(calls: "pyseccomp.SyscallFilter") -> None:
    """Allow private memory that is not executable.

    Shared memory and mapped files are refused: no file is mapped after the start.
    """
    arg, masked = pyseccomp.Arg, pyseccomp.MASKED_EQ
    no_code = arg(2, masked, mmap.PROT_EXEC, 0)
    private = arg(3, masked, _PRIVATE_MEMORY, _PRIVATE_MEMORY)
    _rule(calls, pyseccomp.ALLOW, "mmap", no_code, private)
    _rule(calls, pyseccomp.ALLOW, "mprotect", no_code)
    for advice in _ADVICES:
        _rule(calls, pyseccomp.ALLOW, "madvise", arg(2, pyseccomp.EQ, advice))


def _allow_exchange(calls: "pyseccomp.SyscallFilter") -> None:
    """Allow data on the socket, and writing to the streams, which lead nowhere."""
    arg = pyseccomp.Arg
    ours = arg(0, pyseccomp.EQ, SOCKET_FD)
    for name in ("recvfrom", "recvmsg"):
        _rule(calls, pyseccomp.ALLOW, name, ours)
    _rule(calls, pyseccomp.ALLOW, "sendto", ours, arg(4, pyseccomp.EQ, 0))
    stream = arg(0, pyseccomp.LE, _LAST_STREAM_FD)
    _rule(calls, pyseccomp.ALLOW, "write", stream)


def _allow_threads(calls: "pyseccomp.SyscallFilter") -> None:
    """Allow threads, and kill for processes.

    The arguments of ``clone3`` are in memory, where no filter can read them. So the
    call fails as if it did not exist, and the C library uses ``clone``.
    """
    arg = pyseccomp.Arg
    _rule(calls, pyseccomp.ERRNO(errno.ENOSYS), "clone3")
    for flags in _THREAD_FLAGS:
        _rule(calls, pyseccomp.ALLOW, "clone", arg(0, pyseccomp.EQ, flags))
    process = arg(0, pyseccomp.MASKED_EQ, _CLONE_THREAD, 0)
    _rule(calls, pyseccomp.KILL_PROCESS, "clone", process)
