"""Start the program and the small origin as real processes, and talk HTTP to them.

Used by the demo and by the end-to-end tests. Nothing here is part of the program: it is
run as anybody would run it, by its command line.
"""

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

ORIGIN_SCRIPT = Path(__file__).with_name("origin.py")

START_DEADLINE_S = 30.0
"""Seconds until a process must answer: a cold start on a busy machine takes three."""

STOP_DEADLINE_S = 15.0
"""Seconds until a process must be gone after SIGTERM; then it is killed."""

POLL_S = 0.05
"""Seconds between two looks at something that is about to happen."""

T = TypeVar("T")


class DemoError(Exception):
    """Something that the demo needs does not work; the message is for people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a client got.

    Attributes:
        status: HTTP status.
        headers: Header fields, names in lower case.
        body: The whole body.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> object:
        """Return the body as JSON."""
        return json.loads(self.body)


def program() -> str:
    """Return the path of the ``uploadfilter`` program to run.

    ``UPLOADFILTER_PROGRAM`` names one; else it is the one of this environment.
    """
    beside = Path(sys.executable).with_name("uploadfilter")
    return os.environ.get("UPLOADFILTER_PROGRAM", str(beside))


def run_program(
    *arguments: str, state: Path, may_fail: bool = False, timeout_s: float = 120
) -> subprocess.CompletedProcess[bytes]:
    """Run one command of the program to its end.

    Args:
        arguments: The command line after the program's name.
        state: State directory, passed in the environment.
        may_fail: Whether an exit code other than 0 is returned, not raised.
        timeout_s: Seconds that it may take.

    Returns:
        Exit code, stdout and stderr.

    Raises:
        DemoError: It failed.
    """
    done = subprocess.run(  # noqa: S603 -- our own program
        [program(), *arguments],
        env=environment(state),
        capture_output=True,
        check=False,
        timeout=timeout_s,
    )
    if done.returncode and not may_fail:
        raise DemoError(
            f"`uploadfilter {' '.join(arguments)}` ended with {done.returncode}:\n"
            f"{done.stderr.decode(errors='replace')}"
        )
    return done


def environment(state: Path) -> dict[str, str]:
    """Return the environment for the program, with nothing but its own state."""
    return {**os.environ, "UPLOADFILTER_STATE_DIR": str(state), "NO_COLOR": "1"}


def free_port() -> int:
    """Return a port of the loopback address that nobody listens on right now."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def request(
    url: str,
    *,
    method: str = "GET",
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    timeout_s: float = 60,
) -> Answer:
    """Send one request on a connection of its own.

    Raises:
        OSError: There is no connection, or it broke.
        http.client.HTTPException: The answer is no HTTP.
    """
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(
        parts.hostname or "", parts.port, timeout=timeout_s
    )
    with contextlib.closing(connection):
        target = f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}"
        connection.request(method, target, body=body, headers=dict(headers or {}))
        response = connection.getresponse()
        fields = {name.lower(): value for name, value in response.getheaders()}
        return Answer(status=response.status, headers=fields, body=response.read())


def wait_for(
    look: Callable[[], T | None], *, what: str, deadline_s: float = START_DEADLINE_S
) -> T:
    """Look again and again until there is something to see.

    Args:
        look: Returns ``None`` while there is nothing yet.
        what: What is waited for, for the message.
        deadline_s: Seconds until this is given up.

    Returns:
        What was seen first.

    Raises:
        DemoError: Nothing was seen in time.
    """
    end = time.monotonic() + deadline_s
    while (seen := look()) is None:
        if time.monotonic() > end:
            raise DemoError(f"waited {deadline_s:g} s in vain for {what}")
        time.sleep(POLL_S)
    return seen


@contextlib.contextmanager
def process(
    command: Sequence[str], *, log: Path, env: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a process for the length of the block; its output goes to a file.

    It gets a process group of its own, so that Ctrl-C reaches us alone and we can stop
    everything in order.

    Args:
        command: Program and arguments.
        log: File that its stdout and stderr are appended to.
        env: Environment; ``None`` is ours.

    Yields:
        The process, which may end by itself.
    """
    with log.open("ab") as output:
        running = subprocess.Popen(  # noqa: S603 -- our own programs
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=env,
            start_new_session=True,
        )
    try:
        yield running
    finally:
        stop(running)


def stop(running: subprocess.Popen[bytes]) -> int:
    """Ask a process to end, and kill it if it does not; return its exit code."""
    if running.poll() is None:
        running.send_signal(signal.SIGTERM)
    try:
        return running.wait(STOP_DEADLINE_S)
    except subprocess.TimeoutExpired:
        running.kill()
        return running.wait()


@contextlib.contextmanager
def origin(folder: Path, *, port: int, log: Path) -> Iterator[str]:
    """Run the small upload site for the length of the block.

    Yields:
        Its URL, when it answers.

    Raises:
        DemoError: It did not start.
    """
    url = f"http://127.0.0.1:{port}"
    listen = f"127.0.0.1:{port}"
    command = [sys.executable, str(ORIGIN_SCRIPT), "--listen", listen]
    with process([*command, "--folder", str(folder)], log=log) as running:
        wait_until_answering(f"{url}/files", running, log=log)
        yield url


@dataclass(frozen=True, slots=True, kw_only=True)
class Proxy:
    """A running proxy.

    Attributes:
        url: Where clients reach it.
        process: The process.
        log: File with its operational log.
    """

    url: str
    process: subprocess.Popen[bytes]
    log: Path


@contextlib.contextmanager
def proxy(
    origin_url: str, *, port: int, state: Path, log: Path, options: Sequence[str] = ()
) -> Iterator[Proxy]:
    """Run the proxy before an origin for the length of the block.

    Args:
        origin_url: What it forwards to.
        port: Port on the loopback address.
        state: State directory.
        log: File for its operational log.
        options: More options of ``serve``.

    Yields:
        The proxy, when it answers.

    Raises:
        DemoError: It did not start.
    """
    url = f"http://127.0.0.1:{port}"
    listen = ("--listen", f"127.0.0.1:{port}")
    command = [program(), "serve", "--origin", origin_url, *listen, *options]
    with process(command, log=log, env=environment(state)) as running:
        wait_until_answering(f"{url}/", running, log=log)
        yield Proxy(url=url, process=running, log=log)


def wait_until_answering(
    url: str, running: subprocess.Popen[bytes], *, log: Path
) -> Answer:
    """Wait until somebody answers at a URL, whatever the status.

    Raises:
        DemoError: The process ended, or did not answer in time.
    """

    def look() -> Answer | None:
        if running.poll() is not None:
            raise DemoError(log.read_text(errors="replace").strip() or "it just ended")
        with contextlib.suppress(OSError, http.client.HTTPException):
            return request(url, timeout_s=START_DEADLINE_S)
        return None

    return wait_for(look, what=f"an answer from {url}")
