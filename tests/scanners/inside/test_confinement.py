"""Try forbidden actions in separate, confined processes."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from uploadfilter.scanners.wire.control import CPU_DEATHS

ROOT = Path(__file__).parents[3]
CONFINED = """
import os, resource, signal, sys, time
from uploadfilter.scanners.inside.confinement import confine, harden, set_cpu_alarm
from uploadfilter.scanners.wire.control import Support
from uploadfilter.scanners.inside.sandbox import Sandbox
harden()
limits = Sandbox(Support(seccomp=False, landlock_abi=0))
confine(address_space=256 << 20, sandbox=limits)
"""
"""Without a sandbox, so that only the limits refuse."""


def run_confined(program: str) -> subprocess.CompletedProcess[bytes]:
    """Run some lines in a confined process."""
    return subprocess.run(  # noqa: S603 - lines of this file
        [sys.executable, "-c", CONFINED + program],
        cwd=ROOT,
        capture_output=True,
        check=False,
        timeout=300,
    )


@pytest.mark.parametrize(
    ("attempt", "error"),
    [
        pytest.param("bytearray(300 << 20)", b"MemoryError", id="memory"),
        pytest.param(
            "os.write(os.memfd_create('file'), b'x')", b"File too large", id="write"
        ),
        pytest.param(
            "[os.memfd_create('file') for _ in range(40)]",
            b"Too many open files",
            id="descriptors",
        ),
        pytest.param(
            "resource.setrlimit(resource.RLIMIT_AS, (1 << 40, 1 << 40))",
            b"not allowed to raise maximum limit",
            id="raise-a-limit",
        ),
    ],
)
def test_confined_process_cannot(attempt: str, error: bytes) -> None:
    """Memory, files and descriptors are limited, for root too."""
    result = run_confined(attempt)

    assert result.returncode == 1
    assert error in result.stderr


@pytest.mark.parametrize("limit", ["CORE", "FSIZE", "MEMLOCK", "MSGQUEUE"])
def test_confined_process_has_nothing_of(limit: str) -> None:
    """A crash writes no content to the disk, and nothing else does."""
    result = run_confined(f"print(resource.getrlimit(resource.RLIMIT_{limit}))")

    assert result.stdout == b"(0, 0)\n"


def test_confined_process_does_not_end_on_ctrl_c() -> None:
    """Ctrl-C in the terminal is the proxy's to handle."""
    result = run_confined("os.kill(os.getpid(), signal.SIGINT); print('alive')")

    assert result.stdout == b"alive\n"


def test_confined_process_forgets_its_environment() -> None:
    """Nothing that the service was told is left in the memory of ``os.environ``."""
    assert run_confined("print(dict(os.environ))").stdout == b"{}\n"


def test_cpu_alarm_kills_a_process_that_computes() -> None:
    """CPU seconds beyond the alarm end the process, whatever it is busy with."""
    result = run_confined("set_cpu_alarm(0.05); sum(range(1 << 40))")

    assert result.returncode in CPU_DEATHS


def test_cpu_alarm_can_be_switched_off() -> None:
    """After the content, nothing ends the process any more."""
    program = "set_cpu_alarm(0.05); set_cpu_alarm(0); sum(range(1 << 23)); print('on')"

    assert run_confined(program).stdout == b"on\n"


def test_cpu_deaths_are_signals() -> None:
    """Return codes of killed processes are negative."""
    assert -signal.SIGPROF in CPU_DEATHS
