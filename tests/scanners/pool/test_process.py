"""A template and its scanners: their start, their end, their messages."""

import asyncio
import gc
import os
import resource
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from tests.scanners import standins, standins_bare, standins_walled
from tests.scanners.memory import upload_of
from tests.waiting import until
from uploadfilter.errors import ScannerError
from uploadfilter.scanners.pool.channel import Closed
from uploadfilter.scanners.pool.launching import ProcessSettings
from uploadfilter.scanners.pool.process import ScannerProcess, Template
from uploadfilter.scanners.wire.budgets import Budgets
from uploadfilter.scanners.wire.control import CPU_DEATHS
from uploadfilter.scanners.wire.messages import ScanRequest, encode_frame, wire_span

pytestmark = [
    pytest.mark.asyncio(loop_factories=["uvloop"]),
    pytest.mark.usefixtures("started_anew"),
]

SETTINGS = ProcessSettings(
    module=standins.MODULE, address_space=512 << 20, large_address_space=768 << 20
)


@asynccontextmanager
async def template_of(settings: ProcessSettings = SETTINGS) -> AsyncIterator[Template]:
    """Have a template for the length of the block."""
    template = await Template.start(settings)
    try:
        yield template
    finally:
        template.retire()
        await template.end()


@asynccontextmanager
async def scanner_of(
    settings: ProcessSettings = SETTINGS,
) -> AsyncIterator[ScannerProcess]:
    """Have a scanner for the length of the block."""
    async with template_of(settings) as template:
        process = await template.fork()
        try:
            yield process
        finally:
            process.retire()
            await process.end()


@pytest.mark.parametrize(("is_large", "mib"), [(False, 512), (True, 768)])
async def test_large_scanner_has_more_address_space(
    *, is_large: bool, mib: int
) -> None:
    """The kernel limits each kind to its own space."""
    async with template_of() as template:
        process = await template.fork(is_large=is_large)
        space = resource.prlimit(process.pid, resource.RLIMIT_AS)
        process.retire()
        await process.end()

    assert space == (mib << 20, mib << 20)
    assert process.is_large is is_large


def exists(pid: int) -> bool:
    """Return whether there is a process of that number, alive or zombie."""
    return Path("/proc", str(pid)).exists()


@contextmanager
def descriptors_left(count: int) -> Iterator[None]:
    """Limit the descriptors of this process during the block."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    free = [os.dup(0) for _ in range(count + 1)]
    for fd in free:
        os.close(fd)
    resource.setrlimit(resource.RLIMIT_NOFILE, (free[-1], hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def descriptors() -> set[str]:
    """Return the numbers of the open descriptors of this process."""
    gc.collect()  # what earlier tests left open would close in between
    return set(os.listdir("/proc/self/fd"))  # noqa: PTH208 - names are enough


async def ask(process: ScannerProcess, content: str) -> None:
    """Have a stand-in do something."""
    with upload_of(content.encode()) as (fd, spans):
        request = ScanRequest(
            spans=tuple(wire_span(span) for span in spans),
            types=frozenset(),
            budgets=Budgets(content_cpu_s=0.05),
            cpu_left_s=10.0,
        )
        assert await process.channel.send(encode_frame(request), fd)


@pytest.mark.parametrize(
    ("content", "codes"),
    [
        pytest.param("die", {-signal.SIGSEGV}, id="crashed"),
        pytest.param("abort", {-signal.SIGSEGV, -signal.SIGABRT}, id="aborted"),
        pytest.param("leave", {0}, id="left"),
        pytest.param("spin", CPU_DEATHS, id="out-of-cpu-time"),
    ],
)
async def test_scanner_tells_how_it_ended(content: str, codes: set[int]) -> None:
    """The exit code says whether a process was killed for its CPU time."""
    async with scanner_of() as process:
        await ask(process, content)
        await process.over.wait()

        assert await process.end() in codes


async def test_scanner_ends_when_it_is_retired() -> None:
    """A retired process is killed and reaped; retiring it twice is allowed."""
    async with scanner_of() as process:
        process.retire()
        process.retire()

        assert await process.end() == -signal.SIGKILL
        assert not exists(process.pid)

        process.retire()


async def test_scanner_ends_with_its_socket() -> None:
    """A scanner without its proxy ends, whatever was forked after it."""
    async with template_of() as template:
        process = await template.fork()
        await template.fork()
        process.channel.close()

        assert await process.end() == 0


async def test_scanner_counts_cpu_seconds_alive_and_dead() -> None:
    """The CPU time of a process is known while it runs, and after."""
    async with scanner_of() as process:
        await ask(process, "spin")
        await process.over.wait()
        alive_s = process.cpu_s
        await process.end()

        # The timer that ends it at 0.05 s counts ticks of up to 10 ms.
        assert process.cpu_s >= max(alive_s, 0.04)


@pytest.mark.parametrize("left", range(6))
async def test_template_that_no_descriptor_is_left_for_is_an_error(left: int) -> None:
    """A proxy with many connections may have no descriptor left, and gets over it."""
    before = descriptors()
    with descriptors_left(left), pytest.raises(ScannerError):
        await Template.start(SETTINGS)

    assert descriptors() == before


@pytest.mark.parametrize("left", [0, 1])
async def test_scanner_that_no_descriptor_is_left_for_is_an_error(left: int) -> None:
    """The template is as good as before once there are descriptors again."""
    async with template_of() as template:
        before = descriptors()
        with descriptors_left(left), pytest.raises(ScannerError):
            await template.fork()

        assert descriptors() == before
        process = await template.fork()
        process.retire()
        await process.end()


async def test_scanner_whose_descriptor_gets_lost_is_an_error() -> None:
    """The last descriptor may be taken while a scanner is made, without a wait."""
    async with template_of() as template:
        before = descriptors()
        with descriptors_left(2):
            forking = asyncio.ensure_future(template.fork())
            await asyncio.sleep(0)
            with os.fdopen(os.dup(0)), pytest.raises(ScannerError):
                await forking

        assert descriptors() == before
        process = await template.fork()
        process.retire()
        await process.end()


async def test_scanner_has_its_socket_and_nothing_else() -> None:
    """Descriptors of the proxy, the template and other scanners stay with them."""
    with os.fdopen(os.memfd_create("secret"), "w+b") as secret:
        os.set_inheritable(secret.fileno(), True)
        async with template_of() as template:
            await template.fork()
            process = await template.fork()
            await ask(process, "check-descriptors")
            await process.channel.receive()

            assert process.channel.is_quiet
            assert not process.over.is_set()


async def test_scanner_is_forked_by_its_template() -> None:
    """Scanners are cheap children of one process, in a session without a terminal."""
    async with template_of() as template:
        processes = [await template.fork() for _ in range(3)]
        parents = {_stat_of(process.pid)[1] for process in processes}
        sessions = {_stat_of(process.pid)[3] for process in processes}

        assert template.forks == 3
        assert parents == sessions == {str(template.pid)}


def _stat_of(pid: int) -> list[str]:
    """Return the state, the parent, the group, the session, ... of a process."""
    return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").split(") ")[1].split()


async def test_scanners_die_with_their_template() -> None:
    """A killed template leaves no process, busy or not."""
    async with template_of() as template:
        idle, busy = await template.fork(), await template.fork()
        await ask(busy, "hang")
        os.kill(template.pid, signal.SIGKILL)
        await template.over.wait()
        codes = [await process.end() for process in (idle, busy)]

        assert codes == [-signal.SIGKILL] * 2
        assert await template.end() == -signal.SIGKILL
        with pytest.raises(ScannerError, match="ended before it was ready"):
            await template.fork()


async def test_failed_order_tells_that_the_template_has_ended() -> None:
    """A template that was killed is over before the event loop reads of its end."""
    async with template_of() as template:
        os.kill(template.pid, signal.SIGKILL)
        os.waitid(os.P_PID, template.pid, os.WEXITED | os.WNOWAIT)  # noqa: ASYNC222 - the loop must not read of it

        with pytest.raises(ScannerError):
            await template.fork()
        assert template.over.is_set()


async def test_template_ends_when_the_proxy_goes() -> None:
    """It needs no signal to end: the end of its socket is enough."""
    template = await Template.start(SETTINGS)

    assert await template.end() == 0


async def test_scanner_that_nobody_waits_for_any_more_is_ended() -> None:
    """A task that is cancelled while a scanner starts leaves no scanner."""
    async with template_of() as template:
        os.kill(template.pid, signal.SIGSTOP)
        asked = asyncio.ensure_future(template.fork())
        await asyncio.sleep(0)
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked
        os.kill(template.pid, signal.SIGCONT)
        process = await template.fork()

        await until(lambda: _children_of(template.pid) == [process.pid])


def _children_of(pid: int) -> list[int]:
    path = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(word) for word in path.read_text(encoding="ascii").split()]


async def test_template_that_hangs_is_an_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The wait for a scanner that is not forked ends."""
    async with template_of() as template:
        monkeypatch.setattr(
            template, "_settings", replace(SETTINGS, start_timeout_s=0.05)
        )
        os.kill(template.pid, signal.SIGSTOP)
        with pytest.raises(ScannerError, match=r"not ready within 0\.05 s"):
            await template.fork()
        os.kill(template.pid, signal.SIGCONT)


async def test_template_that_hangs_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    """To end well is asked for, not waited for."""
    monkeypatch.setattr("uploadfilter.scanners.pool.process._FAREWELL_S", 0.05)
    template = await Template.start(SETTINGS)
    process = await template.fork()
    os.kill(template.pid, signal.SIGSTOP)

    assert await template.end() == -signal.SIGKILL
    assert await process.end() == -signal.SIGKILL


@pytest.mark.parametrize(("forks", "crashes"), [(2, 99), (99, 1)])
async def test_template_wears_out(
    monkeypatch: pytest.MonkeyPatch, forks: int, crashes: int
) -> None:
    """Many scanners, or a few that crashed, have told enough of its memory."""
    monkeypatch.setattr("uploadfilter.scanners.pool.process.MAX_FORKS", forks)
    monkeypatch.setattr("uploadfilter.scanners.pool.process.MAX_CRASHES", crashes)
    async with template_of() as template:
        process = await template.fork()
        was_worn = template.is_worn
        await ask(process, "die")
        await process.end()
        await template.fork()

        assert (was_worn, template.is_worn) == (False, True)


async def test_budgets_do_not_wear_out_a_template() -> None:
    """A scanner that ran out of time tells nothing of where its memory lies."""
    async with template_of() as template:
        process = await template.fork()
        await ask(process, "spin")
        await process.over.wait()
        await process.end()

        assert not template.is_worn


async def test_start_fails_without_the_program(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A program that is missing is an error with its cause, and leaks nothing."""
    gc.collect()  # otherwise objects of earlier tests close meanwhile
    before = descriptors()
    monkeypatch.setattr(sys, "executable", str(tmp_path / "missing"))
    with pytest.raises(ScannerError, match="cannot start a scanner process"):
        await Template.start(SETTINGS)

    assert descriptors() <= before


async def test_start_fails_with_what_the_program_wrote() -> None:
    """The hint is the end of its standard error."""
    gc.collect()
    before = descriptors()
    settings = replace(SETTINGS, module="tests.scanners.missing")
    with pytest.raises(ScannerError, match="ended before it was ready") as caught:
        await Template.start(settings)

    assert "No module named" in caught.value.hint
    assert descriptors() <= before


async def test_start_fails_when_no_descriptor_is_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A child that cannot be watched is ended at once."""
    children: list[int] = []

    def refuse(pid: int) -> int:
        children.append(pid)
        raise OSError(24, os.strerror(24))

    monkeypatch.setattr(os, "pidfd_open", refuse)
    with pytest.raises(ScannerError, match="Too many open files"):
        await Template.start(SETTINGS)

    assert not exists(children[0])


async def test_start_takes_no_longer_than_it_may() -> None:
    """A template that is slow to import is an error, and is ended."""
    settings = replace(SETTINGS, start_timeout_s=0.001)
    with pytest.raises(ScannerError, match=r"not ready within 0\.001 s"):
        await Template.start(settings)


async def test_start_tells_what_the_machine_lacks() -> None:
    """Missing confinement is known from the start, and is not an error by default."""
    settings = replace(SETTINGS, module=standins_bare.MODULE)
    async with template_of(settings) as template:
        process = await template.fork()
        await ask(process, "fine")

        assert not isinstance(await process.channel.receive(), Closed)
        assert template.support.lacks == ("seccomp", "landlock")


async def test_lack_is_fatal_where_the_sandbox_is_required() -> None:
    """No scanner is started without a protection that the operator requires."""
    settings = replace(SETTINGS, module=standins_bare.MODULE, require_sandbox=True)
    with pytest.raises(ScannerError, match="no seccomp, no landlock") as caught:
        await Template.start(settings)

    assert "require_sandbox" in caught.value.hint


async def test_scanner_that_cannot_be_confined_does_not_start() -> None:
    """A kernel that refuses its own offer is an error, even by default."""
    settings = replace(SETTINGS, module=standins_walled.MODULE)
    async with template_of(settings) as template:
        with pytest.raises(ScannerError, match="cannot be confined"):
            await template.fork()
