"""Try to read the secrets of a hardened process, in separate processes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
HARDENED = """
import ctypes, os, resource, tempfile
from uploadfilter.hardening import keep_files_private, leave_no_core
os.umask(0)
leave_no_core()
keep_files_private()
"""

NOBODY = 65534
"""An ordinary user that every system has."""


def run_hardened(program: str, *, user: int | None = None) -> str:
    """Run some lines in a hardened process and return what they print.

    Args:
        program: The lines.
        user: Who runs them; ``None`` for the user of the tests. Modules are loaded
            before, since the checkout may be closed to others.
    """
    become = "" if user is None else f"os.setgid({user}); os.setuid({user})\n"
    start = HARDENED.replace("os.umask(0)\n", f"os.umask(0)\n{become}")
    done = subprocess.run(  # noqa: S603 - lines of this file
        [sys.executable, "-c", start + program],
        cwd=ROOT,
        capture_output=True,
        check=True,
        timeout=30,
    )
    return done.stdout.decode().strip()


ORDINARY = pytest.param(
    NOBODY,
    id="ordinary-user",
    marks=(
        pytest.mark.rightless,
        pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes another"),
    ),
)


def test_hardened_process_writes_no_core() -> None:
    """Neither the limit nor the kernel lets a crash leave memory on the disk."""
    said = run_hardened(
        "print(resource.getrlimit(resource.RLIMIT_CORE),"
        " ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))"  # PR_GET_DUMPABLE
    )

    assert said == "(0, 0) 0"


def test_hardened_process_makes_private_files() -> None:
    """A file is its owner's alone, although the one who started us allows more."""
    said = run_hardened(
        "os.chdir(tempfile.mkdtemp())\n"
        "fd = os.open('file', os.O_CREAT | os.O_WRONLY, 0o666)\n"
        "print(oct(os.fstat(fd).st_mode & 0o777))\n"
        "os.unlink('file')"
    )

    assert said == "0o600"


@pytest.mark.parametrize("user", [pytest.param(None, id="who-tests"), ORDINARY])
def test_hardened_process_opens_its_own_descriptors(user: int | None) -> None:
    """Spools and the reference set are opened again through ``/proc/self/fd``."""
    said = run_hardened(
        "fd = os.memfd_create('spool')\n"
        "os.write(fd, b'bytes')\n"
        "again = os.open(f'/proc/self/fd/{fd}', os.O_RDONLY)\n"
        "print(os.read(again, 9), len(os.listdir('/proc/self/fd')) > 3)",
        user=user,
    )

    assert said == "b'bytes' True"


@pytest.mark.rightless
@pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes another")
def test_hardened_process_is_closed_to_its_own_user() -> None:
    """Another process of the same user reads neither its memory nor its files."""
    said = run_hardened(
        "child = os.fork()\n"
        "if child == 0:\n"
        "    leave_no_core()\n"
        "    for name in ('mem', 'environ', 'fd/0'):\n"
        "        try:\n"
        "            os.open(f'/proc/{os.getppid()}/{name}', os.O_RDONLY)\n"
        "        except PermissionError:\n"
        "            print('refused', flush=True)\n"
        "    os._exit(0)\n"
        "os.waitpid(child, 0)",
        user=NOBODY,
    )

    assert said.split() == ["refused"] * 3
