"""Start the program and the small origin as real processes, and talk HTTP to them.

The demo and the end-to-end tests use it. Nothing here is a part of the program: it runs
the program by its command line, like any user.
"""

import contextlib
import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

ORIGIN_SCRIPT = Path(__file__).with_name("origin.py")

START_DEADLINE_S = 120.0
"""Seconds until a process must answer: a cold start on a busy machine takes three, and
on one with eight times as much work as cores it took more than thirty."""

STOP_DEADLINE_S = 15.0
"""Seconds until a process must be gone after SIGTERM; then it is killed."""

POLL_S = 0.05
"""Seconds between two checks for something that is about to happen."""

T = TypeVar("T")


class DemoError(Exception):
    """A part of the demo does not work; the message is for people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The answer to a client.

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

    ``UPLOADFILTER_PROGRAM`` names one; otherwise it is the one of this environment.
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
        timeout_s: Longest duration in seconds.

    Returns:
        Exit code, stdout and stderr.

    Raises:
        DemoError: The command failed.
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
            f"{(done.stdout + done.stderr).decode(errors='replace')}"
        )
    return done


def environment(state: Path) -> dict[str, str]:
    """Return the environment for the program, with its own state and nothing else."""
    return {
        **os.environ,
        "UPLOADFILTER_STATE_DIR": str(state),
        "UPLOADFILTER_CONFIG": "",  # none, whatever this machine has
        "NO_COLOR": "1",
    }


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
        http.client.HTTPException: The answer is not HTTP.
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
    """Call a function repeatedly until it returns a result.

    Args:
        look: Returns ``None`` while there is no result yet.
        what: The expected event, for the message.
        deadline_s: Seconds until it gives up.

    Returns:
        The first result.

    Raises:
        DemoError: There was no result in time.
    """
    end = time.monotonic() + deadline_s
    while (seen := look()) is None:
        if time.monotonic() > end:
            raise DemoError(f"waited {deadline_s:g} s in vain for {what}")
        time.sleep(POLL_S)
    return seen


@contextlib.contextmanager
def process(
    command: Sequence[str],
    *,
    log: Path,
    env: Mapping[str, str] | None = None,
    pass_fds: Sequence[int] = (),
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a process during the block; its output goes to a file.

    It gets a process group of its own, so that Ctrl-C reaches this process alone, which
    can then stop everything in order.

    Args:
        command: Program and arguments.
        log: File that its stdout and stderr are appended to.
        env: Environment; ``None`` means that of this process.
        pass_fds: Descriptors that it inherits, besides its output.

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
            pass_fds=pass_fds,
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
def origin(folder: Path, *, log: Path, port: int = 0) -> Iterator[str]:
    """Run the small upload site during the block.

    Args:
        folder: Folder in which it stores uploads.
        log: File for its output.
        port: Port on the loopback address; 0 picks a free one.

    Yields:
        Its URL, when it listens.

    Raises:
        DemoError: It did not start.
    """
    listen = ("--listen", f"127.0.0.1:{port}")
    command = [sys.executable, str(ORIGIN_SCRIPT), *listen, "--folder", str(folder)]
    with process(command, log=log) as running:
        yield str(said(running, log, lambda line: line.get("url")))


@dataclass(frozen=True, slots=True, kw_only=True)
class Proxy:
    """A running proxy.

    Attributes:
        url: URL for clients.
        process: The process.
        log: File with its operational log.
    """

    url: str
    process: subprocess.Popen[bytes]
    log: Path

    def events(self, name: str) -> list[dict[str, object]]:
        """Return the events of one name in the operational log so far."""
        return [line for line in json_lines(self.log) if line.get("event") == name]


@contextlib.contextmanager
def proxy(
    origin_url: str,
    *,
    state: Path,
    log: Path,
    port: int = 0,
    options: Sequence[str] = (),
) -> Iterator[Proxy]:
    """Run the proxy in front of an origin during the block.

    Args:
        origin_url: URL of the origin.
        state: State directory.
        log: File for its operational log.
        port: Port on the loopback address; 0 picks a free one.
        options: More options of ``serve``.

    Yields:
        The proxy, when it listens.

    Raises:
        DemoError: It did not start.
    """
    listen = ("--listen", f"127.0.0.1:{port}")
    command = [program(), "serve", "--origin", origin_url, *listen, *options]
    with process(command, log=log, env=environment(state)) as running:
        bound = said(running, log, listening_port)
        yield Proxy(url=f"http://127.0.0.1:{bound}", process=running, log=log)


def listening_port(line: Mapping[str, object]) -> object:
    """Return the port if a line of the operational log says that it is bound."""
    return line.get("port") if line.get("event") == "listening" else None


def said(
    running: subprocess.Popen[bytes],
    log: Path,
    pick: Callable[[Mapping[str, object]], object],
) -> object:
    """Wait for a certain line in the log of a process.

    Args:
        running: The process.
        log: File with one JSON object a line, and perhaps other lines.
        pick: Returns the wanted value of a line, ``None`` if the line lacks it.

    Raises:
        DemoError: The process ended, or the line did not come in time.
    """

    def look() -> object | None:
        ended = running.poll() is not None
        for line in json_lines(log):
            if (found := pick(line)) is not None:
                return found
        if ended:
            raise DemoError(log.read_text(errors="replace").strip() or "it just ended")
        return None

    return wait_for(look, what=f"{running.args!r} to start")


def json_lines(log: Path) -> Iterator[dict[str, object]]:
    """Yield the lines of a log that are JSON objects and complete."""
    for line in log.read_text(errors="replace").splitlines():
        with contextlib.suppress(ValueError):
            value = json.loads(line)
            if isinstance(value, dict):
                yield value
