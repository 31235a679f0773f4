"""One scanner process: its start, its end, and what it is told."""

import gc
import os
import signal
import sys
from pathlib import Path

import pytest

from tests.scanners import standins
from tests.scanners.memory import upload_of
from uploadfilter.errors import ScannerError
from uploadfilter.scanners.confinement import CPU_DEATHS
from uploadfilter.scanners.messages import Budgets, ScanRequest, encode_frame, wire_span
from uploadfilter.scanners.process import ProcessSettings, ScannerProcess

pytestmark = pytest.mark.asyncio(loop_factories=["uvloop"])

SETTINGS = ProcessSettings(module=standins.MODULE, address_space=512 << 20)


def exists(pid: int) -> bool:
    """Return whether there is a process of that number, alive or zombie."""
    return Path("/proc", str(pid)).exists()


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
        pytest.param("die", {-signal.SIGKILL}, id="killed"),
        pytest.param("leave", {0}, id="left"),
        pytest.param("spin", CPU_DEATHS, id="out-of-cpu-time"),
    ],
)
async def test_process_tells_how_it_ended(content: str, codes: set[int]) -> None:
    """The exit code says whether a process was killed for its CPU time."""
    process = await ScannerProcess.start(SETTINGS)
    await ask(process, content)
    await process.over.wait()

    assert await process.end() in codes


async def test_process_ends_when_it_is_retired() -> None:
    """A retired process is killed and reaped; to retire it twice is no mistake."""
    process = await ScannerProcess.start(SETTINGS)
    process.retire()
    process.retire()

    assert await process.end() == -signal.SIGKILL
    assert not exists(process.pid)

    process.retire()


async def test_process_ends_with_its_socket() -> None:
    """A process whose proxy is gone ends by itself."""
    process = await ScannerProcess.start(SETTINGS)
    process.channel.close()

    assert await process.end() == 0


async def test_process_counts_cpu_seconds_alive_and_dead() -> None:
    """What a process used is known while it runs, and after."""
    process = await ScannerProcess.start(SETTINGS)
    await ask(process, "spin")
    await process.over.wait()
    await process.end()

    assert process.cpu_s > 0.05


async def test_process_is_told_nothing_of_our_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Secrets of the service are not in the environment of a scanner."""
    monkeypatch.setenv("UPLOADFILTER_SECRET", "s3cret")
    process = await ScannerProcess.start(SETTINGS)
    environment = _environment_of(process.pid)
    process.retire()
    await process.end()

    assert b"s3cret" not in environment


def _environment_of(pid: int) -> bytes:
    """Read the environment a process was started with; root may, others may not."""
    try:
        return Path(f"/proc/{pid}/environ").read_bytes()
    except PermissionError:
        return b""


async def test_process_inherits_only_its_socket() -> None:
    """Descriptors of the proxy, other scanners' sockets among them, stay with it."""
    with os.fdopen(os.memfd_create("secret"), "w+b") as secret:
        os.set_inheritable(secret.fileno(), True)
        process = await ScannerProcess.start(SETTINGS)
        await ask(process, "check-descriptors")
        await process.channel.receive()
        is_alive = process.channel.is_quiet
        process.retire()
        await process.end()

    assert is_alive


async def test_start_fails_without_the_program(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A program that is missing is an error with its cause, and leaks nothing."""
    gc.collect()  # else what earlier tests have left closes in between
    before = set(os.listdir("/proc/self/fd"))  # noqa: PTH208
    monkeypatch.setattr(sys, "executable", str(tmp_path / "missing"))
    with pytest.raises(ScannerError, match="cannot start a scanner process"):
        await ScannerProcess.start(SETTINGS)

    assert set(os.listdir("/proc/self/fd")) <= before  # noqa: PTH208


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
        await ScannerProcess.start(SETTINGS)

    assert not exists(children[0])
