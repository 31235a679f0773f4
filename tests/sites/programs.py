"""Find the programs of others that the tests need, and start servers of them.

A program that is not there skips the test, with its name and how to get it. In CI,
where ``UPLOADFILTER_REQUIRE_PROGRAMS`` is 1, it fails the test: nothing may be skipped.
"""

import contextlib
import os
import re
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NoReturn

import pytest

from deploy.demo import running
from tests.repository import ROOT

SEARCHED = os.pathsep.join(
    (os.environ.get("PATH", os.defpath), "/usr/local/sbin", "/usr/sbin", "/sbin")
)
"""Where programs are looked for: servers are in ``sbin``, which users do not search."""

SITES_VENV = Path(os.environ.get("UPLOADFILTER_SITES_VENV", ROOT / "build/sites-venv"))
"""The environment of ``requirements/sites.txt``, which ``make sites`` installs."""

COMMAND_S = 300
"""Seconds that one command may take; on a busy machine Wagtail's tables took 100."""


OF_THE_MACHINE = re.compile(r"(AWS|PIP|TWINE|RCLONE)_|.*_proxy$", re.IGNORECASE)
"""Variables that configure clients of a machine; the tests stay on this machine."""


def environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment of a program: ours without the settings of clients.

    Args:
        more: What it holds besides.
    """
    ours = {n: v for n, v in os.environ.items() if not OF_THE_MACHINE.match(n)}
    return {**ours, **(more or {})}


def missing(what: str, *, cure: str) -> NoReturn:
    """Skip or fail the test for want of a program.

    Args:
        what: The missing thing.
        cure: How to get it.
    """
    message = f"there is no {what} on this machine ({cure})"
    if os.environ.get("UPLOADFILTER_REQUIRE_PROGRAMS") == "1":
        pytest.fail(message)
    pytest.skip(message)


def debian(name: str, *, package: str) -> str:
    """Return the path of a program of Debian; without it the test ends here."""
    found = shutil.which(name, path=SEARCHED)
    return found or missing(name, cure=f"apt: {package}")


def installed(name: str) -> str:
    """Return the path of a program in the environment of the sites."""
    path = SITES_VENV / "bin" / name
    return str(path) if path.exists() else missing(str(path), cure="make sites")


@contextlib.contextmanager
def short_folder() -> Iterator[Path]:
    """Make a folder with a path so short that sockets fit into it."""
    with tempfile.TemporaryDirectory(prefix="site-") as folder:
        yield Path(folder)


@contextlib.contextmanager
def server(
    command: Sequence[str | Path],
    *,
    log: Path,
    ready: Path | int,
    env: Mapping[str, str] | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server for the length of the block.

    Args:
        command: Program and arguments.
        log: File for what it says.
        ready: Its unix socket, or its port: it is started when that can be connected.
        env: What its environment holds besides ours.

    Raises:
        DemoError: It ended, or did not listen in time.
    """
    words = [str(word) for word in command]
    with running.process(words, log=log, env=environment(env)) as started:

        def look() -> bool | None:
            if started.poll() is not None:
                said = log.read_text(errors="replace")
                raise running.DemoError(f"{words[0]} ended by itself:\n{said}")
            return _answers(ready) or None

        running.wait_for(look, what=f"{words[0]} to listen")
        yield started


def _answers(ready: Path | int) -> bool:
    """Tell whether somebody takes connections."""
    is_port = isinstance(ready, int)
    family = socket.AF_INET if is_port else socket.AF_UNIX
    with socket.socket(family) as probe, contextlib.suppress(OSError):
        probe.connect(("127.0.0.1", ready) if is_port else str(ready))
        return True
    return False


def run(
    *command: str | Path,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    data: bytes = b"",
    may_fail: bool = False,
) -> subprocess.CompletedProcess[bytes]:
    """Run a command of somebody else to its end.

    Args:
        command: Program and arguments.
        env: What its environment holds besides ours.
        cwd: Where it runs.
        data: What it reads from its standard input.
        may_fail: Whether an exit code other than 0 is returned, not raised.

    Raises:
        DemoError: It failed.
    """
    words = [str(word) for word in command]
    done = subprocess.run(  # noqa: S603 -- the program that is meant
        words,
        env=environment(env),
        cwd=cwd,
        input=data,
        capture_output=True,
        check=False,
        timeout=COMMAND_S,
    )
    if done.returncode and not may_fail:
        said = (done.stdout + done.stderr).decode(errors="replace")
        raise running.DemoError(f"{words} ended with {done.returncode}:\n{said}")
    return done
