"""Put load on a proxy, and run the processes around it.

Everything runs on one machine and over the loopback. A client sends on kept
connections, one request after another on each, and measures from the first byte sent to
the last byte of the answer. It is one process, so that it takes little of the machine;
``straight`` in the results shows the most that it can offer.
"""

import asyncio
import contextlib
import math
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from typing_extensions import override

from benchmarks.harness import percentile

CREATED = 201
"""The origin's answer to an upload that reached it."""

BROKEN = 0
"""In place of a status: the connection ended before the answer did."""

START_S = 60.0
"""Time in which a process has to start, on a busy machine."""

_FINAL = 200
"""Smaller statuses announce another answer."""

_POLL_S = 0.005
_NICE = -10
"""Priority of the client: the measured processes must not delay it."""

_TICKS = os.sysconf("SC_CLK_TCK")
_END = b"\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Request:
    """A request of a client: a head that names the length of the body, and the body."""

    head: bytes
    body: bytes = b""


def upload(
    body: bytes,
    *,
    client: str = "",
    media_type: str = "image/jpeg",
    method: str = "PUT",
) -> Request:
    """Return the request that uploads one body.

    Args:
        body: The body to upload.
        client: Address that a front end would name; empty for none.
        media_type: The declared type of the body.
        method: ``PUT``, or ``POST``, which must not be sent twice.
    """
    forwarded = f"X-Forwarded-For: {client}\r\n" if client else ""
    head = (
        f"{method} /upload HTTP/1.1\r\nHost: site.example\r\n"
        f"Content-Type: {media_type}\r\nContent-Length: {len(body)}\r\n{forwarded}\r\n"
    )
    return Request(head.encode("ascii"), body)


def download(size: int) -> Request:
    """Return the request for so many bytes, with the headers that browsers send."""
    return Request(
        f"GET /{size} HTTP/1.1\r\nHost: site.example\r\nUser-Agent: benchmark/1.0\r\n"
        "Accept: image/avif,image/webp,*/*;q=0.8\r\nAccept-Language: nl,en;q=0.5\r\n"
        "Accept-Encoding: gzip, deflate, br\r\nReferer: http://site.example/album\r\n"
        "Cookie: session=0123456789abcdef\r\n\r\n".encode("ascii")
    )


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to a request.

    Attributes:
        status: HTTP status, or ``BROKEN``.
        length: Bytes of the body.
        body: The body itself, if it was kept.
    """

    status: int
    length: int = 0
    body: bytes = b""


class Connection(asyncio.Protocol):
    """One connection to a server, with one request at a time.

    Attributes:
        is_open: Whether another request may be sent.
    """

    def __init__(self) -> None:
        self.is_open = False
        self._transport: asyncio.Transport | None = None
        self._waiting: asyncio.Future[Answer] | None = None
        self._head = bytearray()
        self._left = -1
        self._length = 0
        self._status = BROKEN
        self._last = False
        self._kept: bytearray | None = None

    @classmethod
    async def opened(cls, port: int) -> "Connection":
        """Open a connection to a port of the loopback."""
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(cls, "127.0.0.1", port)
        return connection

    async def ask(self, request: Request, *, keep: bool = False) -> Answer:
        """Send a request and wait for the whole answer."""
        if self._transport is None or not self.is_open:
            return Answer(BROKEN)
        self._waiting = asyncio.get_running_loop().create_future()
        self._kept = bytearray() if keep else None
        self._transport.writelines((request.head, request.body))
        return await self._waiting

    def close(self) -> None:
        """End the connection, even in the middle of an answer."""
        self.is_open = False
        if self._transport is not None:
            self._transport.abort()

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports do not belong to a class of asyncio.
        self._transport = cast("asyncio.Transport", transport)
        self.is_open = True

    @override
    def data_received(self, data: bytes) -> None:
        if self._left < 0:
            self._head += data
            while self._left < 0:
                end = self._head.find(_END)
                if end < 0:
                    return
                data = bytes(self._head[end + len(_END) :])
                self._read_head(bytes(self._head[:end]).lower())
                self._head = bytearray(data)
                if self._status < _FINAL:  # 104 of resumable uploads, 100
                    self._left = -1
            self._head.clear()
        self._left -= len(data)
        if self._kept is not None:
            self._kept += data
        if self._left == 0:
            body = bytes(self._kept or b"")
            self._settle(Answer(self._status, self._length, body))

    def _read_head(self, head: bytes) -> None:
        self._status = int(head[9:12])
        length = head.partition(b"content-length:")[2].partition(b"\r\n")[0]
        self._left = self._length = int(length or 0)
        self._last = b"connection: close" in head

    def _settle(self, answer: Answer) -> None:
        self._left = -1
        if self._last:
            self.close()
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(answer)

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self.is_open = False
        self._settle(Answer(BROKEN))


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """The measurements of a client.

    Attributes:
        seconds: Time from the first byte to the last answer.
        answers: Status and milliseconds of each request.
    """

    seconds: float
    answers: Sequence[tuple[int, float]] = field(repr=False)

    @property
    def statuses(self) -> dict[int, int]:
        """The number of answers with each status."""
        return dict(Counter(status for status, _ in self.answers))

    @property
    def per_second(self) -> float:
        """Answers a second."""
        return len(self.answers) / self.seconds

    def latencies(self, *statuses: int) -> list[float]:
        """Milliseconds of the requests with these statuses (or of all), sorted."""
        return sorted(
            took for status, took in self.answers if not statuses or status in statuses
        )

    def checked(self, status: int) -> "Load":
        """Refuse a measurement with another answer: dropped work would seem fast.

        Raises:
            RuntimeError: There was another answer.
        """
        if set(self.statuses) != {status}:
            raise RuntimeError(f"not every request was answered {status}: {self}")
        return self

    def summary(self) -> dict[str, object]:
        """Return the figures to keep."""
        latencies = self.latencies()
        return {
            "requests": len(latencies),
            "per_second": round(self.per_second, 1),
            "p50_ms": round(statistics.median(latencies), 2),
            "p99_ms": round(percentile(latencies, 99), 2),
        }


async def drive(
    port: int,
    requests: Sequence[Request],
    *,
    connections: int,
    count: int | None = None,
    seconds: float = math.inf,
) -> Load:
    """Send requests in turn over some connections, each after the last answer.

    Args:
        port: Port on the loopback.
        requests: The requests, sent in turn.
        connections: Number of connections.
        count: Number of requests in all.
        seconds: Longest duration.
    """
    todo = iter(range(sys.maxsize if count is None else count))
    answers: list[tuple[int, float]] = []
    opened = [await Connection.opened(port) for _ in range(connections)]

    async def client(connection: Connection) -> None:
        for number in todo:
            sent = time.perf_counter()
            if sent > end:
                break
            answer = await connection.ask(requests[number % len(requests)])
            answers.append((answer.status, (time.perf_counter() - sent) * 1000))
        connection.close()

    begun = time.perf_counter()
    end = begun + seconds
    async with asyncio.TaskGroup() as clients:
        for connection in opened:
            clients.create_task(client(connection))
    return Load(seconds=time.perf_counter() - begun, answers=answers)


async def put(
    port: int, bodies: Sequence[bytes], *, uploads: int, connections: int
) -> Load:
    """Upload a number of bodies, in turn, over a number of connections."""
    requests = [upload(body) for body in bodies]
    return await drive(port, requests, connections=connections, count=uploads)


class Offered:
    """An open loop: requests are sent at their times, even if earlier ones wait.

    Args:
        port: Port on the loopback.
        requests: The requests, sent in turn.
    """

    def __init__(self, port: int, requests: Sequence[Request]) -> None:
        self._port = port
        self._requests = requests
        self._idle: list[Connection] = []
        self._answers: list[tuple[int, float]] = []
        self.late_ms: list[float] = []

    async def run(self, *, rate: float, seconds: float, seed: int) -> Load:
        """Offer requests at random times.

        Latency counts from the time at which a request was due, so that a late client
        does not make the server look better (``late_ms`` states how late it was).

        Args:
            rate: Requests a second, on average (exponential pauses).
            seconds: Duration.
            seed: Seed of the times.
        """
        rng = random.Random(seed)  # noqa: S311 - times, not secrets
        begun = due = time.perf_counter()
        async with asyncio.TaskGroup() as clients:
            for request in self._endlessly():
                due += rng.expovariate(rate)
                if due > begun + seconds:
                    break
                await asyncio.sleep(max(due - time.perf_counter(), 0))
                clients.create_task(self._ask(request, due))
        for connection in self._idle:
            connection.close()
        return Load(seconds=time.perf_counter() - begun, answers=self._answers)

    def _endlessly(self) -> Iterator[Request]:
        while True:
            yield from self._requests

    async def _ask(self, request: Request, due: float) -> None:
        self.late_ms.append((time.perf_counter() - due) * 1000)
        connection = await self._connection()
        answer = Answer(BROKEN) if connection is None else await connection.ask(request)
        self._answers.append((answer.status, (time.perf_counter() - due) * 1000))
        if connection is not None and connection.is_open:
            self._idle.append(connection)

    async def _connection(self) -> Connection | None:
        """Take an idle connection, or open one; ``None`` if that is refused."""
        while self._idle:
            connection = self._idle.pop()
            if connection.is_open:
                return connection
        try:
            return await Connection.opened(self._port)
        except OSError:
            return None


@dataclass(frozen=True, slots=True)
class Spawned:
    """A process with a port, and its children.

    Attributes:
        pid: Its id.
        port: The port that it listens on.
    """

    pid: int
    port: int

    def cpu_s(self) -> float:
        """Return the CPU seconds of the process and all its children, dead or alive."""
        return sum(_cpu_s(pid) for pid in self.tree())

    def tree(self) -> list[int]:
        """Return the ids of the process and of all its children that live."""
        found = [self.pid]
        for pid in found:
            listed = Path(f"/proc/{pid}/task/{pid}/children")
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                found += map(int, listed.read_text(encoding="ascii").split())
        return found


def _cpu_s(pid: int) -> float:
    """Return user and system time of a process and of its dead children (proc(5))."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text("utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return 0.0  # its parent counts it from now on
    fields = text.rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / _TICKS


@contextlib.contextmanager
def spawn(
    *command: str,
    descriptors: Sequence[int] = (),
    apart: bool = False,
) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    """Run a process during the block, and yield it with its output.

    Args:
        command: The command.
        descriptors: Descriptors that it inherits.
        apart: Whether it has a session of its own. A kernel with autogroups (sched(7))
            shares the CPU out by session: in ours, a process gets little on a busy
            machine while this one has a higher priority, even on another core.
    """
    with tempfile.NamedTemporaryFile(prefix="benchmark-") as output:
        child = subprocess.Popen(  # noqa: S603 - our own programs
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            pass_fds=descriptors,
            start_new_session=apart,
        )
        try:
            yield child, Path(output.name)
        finally:
            child.terminate()
            child.wait(timeout=START_S)


@contextlib.contextmanager
def process(*command: str, descriptors: Sequence[int] = ()) -> Iterator[Spawned]:
    """Run a process that says ``port N`` or logs ``listening`` when it is ready."""
    with spawn(*command, descriptors=descriptors, apart=True) as (child, output):
        yield Spawned(child.pid, port_of(child, output))


def port_of(child: subprocess.Popen[bytes], output: Path) -> int:
    """Read output until the process names its port."""
    until = time.monotonic() + START_S
    while time.monotonic() < until:
        ended = child.poll() is not None
        for line in output.read_bytes().splitlines():
            if b'"listening"' in line:
                return int(line.partition(b'"port": ')[2].split(b",")[0].split(b"}")[0])
            if line.startswith(b"port "):
                return int(line.split()[1])
        if ended:
            break
        time.sleep(_POLL_S)
    said = output.read_text("utf-8", errors="replace")[-2000:]
    raise RuntimeError(f"a process was not ready: {child.args!r}\n{said}")


# --- Cores ---------------------------------------------------------------------------


FILTER_CORE, LOAD_CORE = 0, 1


def pin_to(core: int | None) -> tuple[str, ...]:
    """Return the prefix that keeps a command on one core; empty for ``None``."""
    taskset = shutil.which("taskset")
    if core is None or taskset is None or (os.cpu_count() or 1) <= core:
        return ()
    return (taskset, "-c", str(core))


def yielding() -> tuple[str, ...]:
    """Return the prefix by which a command gets only the time that nobody else wants.

    It does so from its start: otherwise the start itself would delay others.
    """
    chrt = shutil.which("chrt")
    return (chrt, "--idle", "0") if chrt else ()


@contextlib.contextmanager
def beside_the_filter() -> Iterator[str]:
    """Keep this process, and those that it starts, off the core of the filter.

    All processes of the filter share one core; the client, the origin and the attacker
    share another one, and the attacker gets only the time that neither of them wants.
    So a delay of the client is a delay within the filter. A machine with one core has
    no other. Yields the arrangement and the load of the machine, for the results.
    """
    before = os.sched_getaffinity(0)
    is_apart = len(before) > 1
    if is_apart:
        os.sched_setaffinity(0, {LOAD_CORE})
    averages = " ".join(f"{average:.1f}" for average in os.getloadavg())
    how = "filter and load on a core each" if is_apart else "one core for everything"
    try:
        yield f"{how}; load average {averages}"
    finally:
        os.sched_setaffinity(0, before)


@contextlib.contextmanager
def unhindered() -> Iterator[None]:
    """Give this process priority over the others, if that is allowed."""
    before = os.getpriority(os.PRIO_PROCESS, 0)
    with contextlib.suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, 0, _NICE)
    try:
        yield
    finally:
        with contextlib.suppress(PermissionError):
            os.setpriority(os.PRIO_PROCESS, 0, before)
