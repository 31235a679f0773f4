"""Attempts of a compromised scanner, and the kernel's refusals.

The numbers of system calls are those of x86-64, so that each attempt is the call itself
and not a library's version of it.
"""

import mmap
import os
import platform
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio

from tests.scanners import standins_hostile, standins_landlocked
from uploadfilter.inspection.spool import SpoolLimits, SpoolRoom
from uploadfilter.scanners.inside.sandbox import support
from uploadfilter.scanners.pool.channel import Closed
from uploadfilter.scanners.pool.launching import ProcessSettings
from uploadfilter.scanners.pool.process import ScannerProcess, Template
from uploadfilter.scanners.wire.budgets import Budgets
from uploadfilter.scanners.wire.messages import (
    ContentReply,
    ContentSpan,
    ScanRequest,
    decode_reply,
    encode_frame,
)

pytestmark = [
    pytest.mark.asyncio(loop_scope="module", loop_factories=["uvloop"]),
    pytest.mark.skipif(
        platform.machine() != "x86_64", reason="system calls are made by number"
    ),
    pytest.mark.skipif(
        bool(support().lacks), reason="this machine lacks a part of the sandbox"
    ),
]

SETTINGS = ProcessSettings(
    module=standins_hostile.MODULE, address_space=512 << 20, large_address_space=0
)
KILLED = -signal.SIGSYS
REFUSED = "EPERM"

EXECUTABLE = mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC
READ_WRITE = mmap.PROT_READ | mmap.PROT_WRITE
ANONYMOUS = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def template() -> AsyncIterator[Template]:
    """Have one template for all attempts; each gets a separate scanner."""
    template = await Template.start(SETTINGS)
    yield template
    template.retire()
    await template.end()


@asynccontextmanager
async def scanner_of(template: Template) -> AsyncIterator[ScannerProcess]:
    """Have a scanner for the length of the block."""
    process = await template.fork()
    try:
        yield process
    finally:
        process.retire()
        await process.end()


async def attempt(process: ScannerProcess, calls: str, fd: int | None = None) -> object:
    """Have a scanner make calls.

    Args:
        process: The scanner.
        calls: What ``standins_hostile`` makes of them.
        fd: An upload that begins with them; one is made by default.

    Returns:
        The name of the error, ``done``, or the code with which the process ended.
    """
    if fd is None:
        with os.fdopen(os.memfd_create("upload"), "w+b", buffering=0) as file:
            file.write(calls.encode())
            return await attempt(process, calls, file.fileno())
    request = ScanRequest(
        spans=(ContentSpan(path="", offset=0, length=len(calls)),),
        types=frozenset(),
        budgets=Budgets(),
        cpu_left_s=10.0,
    )
    assert await process.channel.send(encode_frame(request), fd)
    frame = await process.channel.receive()
    if isinstance(frame, Closed):
        return await process.end()
    reply = decode_reply(frame)
    assert isinstance(reply, ContentReply)
    return reply.fault or reply.scan.kind


FILES = {
    "open": "2 passwd 0",
    "openat": "257 -100 passwd 0",
    "openat2": "437 -100 passwd zeros 24",
    "open-own-memory": "257 -100 memory 2",
    "open-content-again": "257 -100 again 2",
    "stat": "4 passwd zeros",
    "newfstatat": "262 -100 passwd zeros 0",
    "readlink": "89 again zeros 64",
    "unlink": "87 passwd",
    "mkdir": "83 passwd 511",
    "rename": "82 passwd memory",
    "chmod": "90 passwd 511",
    "inotify": "253",
}

MEMORY = {
    "mmap-code": f"9 0 4096 {EXECUTABLE} {ANONYMOUS} -1 0",
    "mmap-content": f"9 0 4096 {mmap.PROT_READ} {mmap.MAP_PRIVATE} content 0",
    "mmap-content-shared": f"9 0 4096 {READ_WRITE} {mmap.MAP_SHARED} content 0",
    "mmap-shared": f"9 0 4096 {READ_WRITE} 33 -1 0",
    "mprotect-code": f"10 page 4096 {EXECUTABLE}",
    "mprotect-code-high": f"10 page 4096 0x1000000{EXECUTABLE:02x}",
    "pkey-mprotect": f"329 page 4096 {EXECUTABLE} -1",
    "shmget": "29 0 4096 950",
    "madvise-merge": "28 page 4096 12",
}

CONTENT = {
    "write": "1 content passwd 4",
    "write-high": "1 0x100000004 passwd 4",
    "pwrite": "18 content passwd 4 0",
    "pwritev": "296 content zeros 1 0 0",
    "truncate": "77 content 0",
    "allocate": "285 content 0 0 4096",
    "add-seals": "72 content 1033 0",
    "get-seals": "72 content 1034 0",
    "set-flags": "72 content 4 0",
    "copy": "326 content zeros content zeros 4 0",
    "splice": "275 content 0 3 0 4 0",
    "duplicate": "32 content",
    "duplicate-to": "33 content 40",
    "ioctl": "16 content 21537 zeros",
}

SELF = {
    "dumpable": "157 4 1 0 0 0",
    "speculation": "157 53 0 0 0 0",
    "raise-memory": "302 0 9 zeros 0",
    "set-limit": "160 9 zeros",
    "ignore-alarm": "13 27 zeros 0 8",
    "timer": "222 0 0 zeros",
    "priority": "141 0 0 -20",
    "affinity": "203 0 8 zeros",
    "second-filter": "317 1 0 zeros",
    "landlock": "444 zeros 8 0",
    "thread-with-namespace": "56 0x10010000 0 0 0 0",
    "pipe": "293 zeros 0",
    "event": "290 0 0",
    "epoll": "291 0",
    "queue": "240 passwd 0",
    "abort-by-hand": "234 self self 6",
    "wait": "61 -1 0 0 0",
}

SOCKET = {
    "send-elsewhere": "44 content passwd 4 0 0 0",
    "send-to-address": "44 3 passwd 4 0 zeros 16",
    "receive-elsewhere": "45 content zeros 4 0 0 0",
    "name": "51 3 zeros zeros",
    "option": "54 3 1 1 zeros 4",
    "shutdown": "48 3 2",
}

FATAL = {
    "socket-inet": "41 2 1 0",
    "socket-unix": "41 1 1 0",
    "socket-netlink": "41 16 3 0",
    "socketpair": "53 1 1 0 zeros",
    "connect": "42 3 zeros 16",
    "bind": "49 3 zeros 16",
    "listen": "50 3 1",
    "send-descriptors": "46 3 zeros 0",
    "execve": "59 passwd 0 0",
    "execveat": "322 -100 passwd 0 0 0",
    "fork": "57",
    "vfork": "58",
    "clone": "56 17 0 0 0 0",
    "clone-namespace": "56 0x10000011 0 0 0 0",
    "unshare": "272 0x10000000",
    "setns": "308 content 0",
    "trace-template": "101 16 {template} 0 0",
    "trace-proxy": "101 16 {proxy} 0 0",
    "read-proxy": "310 {proxy} zeros 1 zeros 1 0",
    "write-proxy": "311 {proxy} zeros 1 zeros 1 0",
    "kill-proxy": "62 {proxy} 9",
    "kill-template": "62 {template} 9",
    "kill-scanner": "62 {other} 9",
    "kill-group": "62 0 9",
    "kill-thread": "200 {other} 9",
    "queue-signal": "129 {proxy} 9 zeros",
    "open-process": "434 {proxy} 0",
    "take-descriptor": "438 content 0 0",
    "signal-process": "424 content 9 0 0",
    "memory-file": "319 passwd 0",
    "secret-memory": "447 0",
    "uring": "425 8 zeros",
    "userfaultfd": "323 0",
    "bpf": "321 0 zeros 64",
    "perf": "298 zeros 0 -1 -1 0",
    "keyctl": "250 0 -3 0",
    "setuid": "105 0",
    "capset": "126 zeros zeros",
    "mount": "165 passwd root zeros 4096 0",
    "chroot": "161 root",
    "pivot-root": "155 root root",
    "open-by-handle": "304 -100 zeros 0",
    "personality": "135 0x40000",
    "other-architecture": "0x40000027",
}

ATTEMPTS = [
    *((name, calls, REFUSED) for name, calls in FILES.items()),
    *((name, calls, REFUSED) for name, calls in MEMORY.items()),
    *((name, calls, REFUSED) for name, calls in CONTENT.items()),
    *((name, calls, REFUSED) for name, calls in SELF.items()),
    *((name, calls, REFUSED) for name, calls in SOCKET.items()),
    ("clone3", "435 zeros 88", "ENOSYS"),
    *((name, calls, KILLED) for name, calls in FATAL.items()),
]


@pytest.mark.parametrize(
    ("calls", "outcome"),
    [pytest.param(calls, outcome, id=name) for name, calls, outcome in ATTEMPTS],
)
async def test_scanner_cannot(
    template: Template, calls: str, outcome: str | int
) -> None:
    """Each attempt is refused, or the last thing that the process does."""
    async with scanner_of(template) as process, scanner_of(template) as other:
        pids = {"proxy": os.getpid(), "template": template.pid, "other": other.pid}

        assert await attempt(process, calls.format(**pids)) == outcome
        assert not other.over.is_set()
        assert not template.over.is_set()


@pytest.mark.parametrize(
    "calls",
    [
        pytest.param("17 content zeros 4 0", id="read"),
        pytest.param(f"9 0 4096 {READ_WRITE} {ANONYMOUS} -1 0", id="memory"),
        pytest.param(f"10 page 4096 {mmap.PROT_READ}", id="protect"),
        pytest.param("28 page 4096 4", id="give-back"),
        pytest.param("1 2 passwd 4", id="write-to-the-stream-that-leads-nowhere"),
        pytest.param("39", id="own-number"),
    ],
)
async def test_scanner_can(template: Template, calls: str) -> None:
    """The calls of decoders still work; else the attempts above would prove nothing."""
    async with scanner_of(template) as process:
        assert await attempt(process, calls) == "done"


async def test_scanner_sees_no_other_upload(template: Template) -> None:
    """Only the number of its own content leads to an upload."""
    with os.fdopen(os.memfd_create("other"), "w+b") as other:
        os.set_inheritable(other.fileno(), True)
        async with scanner_of(template) as busy, scanner_of(template) as process:
            await busy.channel.send(b"\0", other.fileno())
            outcomes = [
                await attempt(process, f"17 {fd} zeros 1 0") for fd in range(5, 64)
            ]

    assert set(outcomes) == {"EBADF"}


@pytest.mark.parametrize("name", CONTENT)
async def test_scanner_cannot_change_its_upload(
    template: Template, name: str, tmp_path: Path
) -> None:
    """The file that the proxy shares keeps the client's bytes."""
    calls = CONTENT[name]
    limits = SpoolLimits(memory_per_upload_bytes=0)
    with SpoolRoom(limits, directory=str(tmp_path)).spool() as spool:
        assert await spool.write(calls.encode())
        fd = await spool.share()
        assert isinstance(fd, int)
        try:
            async with scanner_of(template) as process:
                outcome = await attempt(process, calls, fd)
        finally:
            os.close(fd)
        kept = b"".join([chunk async for chunk in spool.read()])

    assert outcome == REFUSED
    assert kept == calls.encode()


async def test_landlock_holds_without_seccomp() -> None:
    """The second line of defence suffices: no path, no TCP, no signal to the proxy."""
    settings = replace(SETTINGS, module=standins_landlocked.MODULE)
    template = await Template.start(settings)
    try:
        async with scanner_of(template) as process:
            opened = await attempt(process, FILES["openat"])
            killed = await attempt(process, f"62 {os.getpid()} 0")
            bound = await attempt(process, "41 2 1 0;49 5 tcp 16")
            unruled = await attempt(process, FATAL["socket-unix"])
    finally:
        template.retire()
        await template.end()

    assert (opened, killed, bound, unruled) == ("EACCES", "EPERM", "EACCES", "done")


async def test_kernel_shows_that_a_scanner_is_held(template: Template) -> None:
    """Filter and privileges are there for everyone to see."""
    async with scanner_of(template) as process:
        status = status_of(process.pid)

    assert status["Seccomp"] == "2"
    assert status["NoNewPrivs"] == "1"
    assert int(status["CapEff"], 16) == int(status["CapPrm"], 16) == 0


def status_of(pid: int) -> dict[str, str]:
    """Return the kernel's facts about a process."""
    text = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    pairs = (line.partition(":") for line in text.splitlines())
    return {name: value.strip() for name, _, value in pairs}
