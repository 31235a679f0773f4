"""Processes that a proxy stands between, and the load that is put on it.

Everything runs on one machine and over the loopback. The origin reads and throws away;
the client sends on kept connections, one request after another on each, and measures
from the first byte sent to the last byte of the answer.
"""

import asyncio
import contextlib
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import uvloop
from aiohttp import web

CREATED = 201
"""What the origin answers to an upload that reached it."""

START_S = 60.0
"""How long a process may take to begin, on a machine that is busy."""

_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What a client measured.

    Attributes:
        uploads: How many were answered.
        seconds: From the first byte to the last answer.
        latencies_ms: Of each upload, sorted.
        statuses: How often each status came.
    """

    uploads: int
    seconds: float
    latencies_ms: Sequence[float]
    statuses: dict[int, int]

    def summary(self) -> dict[str, object]:
        """Return what is worth keeping."""
        return {
            "uploads": self.uploads,
            "per_second": round(self.uploads / self.seconds, 1),
            "p50_ms": round(statistics.median(self.latencies_ms), 2),
            "p99_ms": round(
                self.latencies_ms[max(0, int(0.99 * len(self.latencies_ms)) - 1)], 2
            ),
            "statuses": self.statuses,
        }


async def put(
    port: int, bodies: Sequence[bytes], *, uploads: int, connections: int
) -> Load:
    """Upload bodies in turn over so many connections.

    Args:
        port: On the loopback.
        bodies: Sent in turn.
        uploads: How many in all.
        connections: How many at once.
    """
    todo = iter(range(uploads))
    latencies: list[float] = []
    statuses: dict[int, int] = {}

    async def client() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for number in todo:
            begun = time.perf_counter()
            status = await put_one(reader, writer, bodies[number % len(bodies)])
            latencies.append((time.perf_counter() - begun) * 1000)
            statuses[status] = statuses.get(status, 0) + 1
        writer.close()
        await writer.wait_closed()

    begun = time.perf_counter()
    async with asyncio.TaskGroup() as clients:
        for _ in range(connections):
            clients.create_task(client())
    return Load(
        uploads=len(latencies),
        seconds=time.perf_counter() - begun,
        latencies_ms=sorted(latencies),
        statuses=statuses,
    )


async def put_one(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    body: bytes,
    *,
    client: str = "",
    media_type: str = "image/jpeg",
) -> int:
    """Upload one body and return the status of the answer.

    Args:
        reader: Of a kept connection.
        writer: Of the same.
        body: What is uploaded.
        client: Address that a front end would name; empty for none.
        media_type: What the body is declared to be.
    """
    forwarded = f"X-Forwarded-For: {client}\r\n" if client else ""
    head = (
        f"PUT /upload HTTP/1.1\r\nHost: site.example\r\nContent-Type: {media_type}\r\n"
        f"Content-Length: {len(body)}\r\n{forwarded}\r\n"
    )
    writer.write(head.encode("ascii"))
    writer.write(body)
    await writer.drain()
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
    await reader.readexactly(length)
    return int(head.split(None, 2)[1])


@dataclass(frozen=True, slots=True)
class Spawned:
    """A process with a port, and its children.

    Attributes:
        pid: Its id.
        port: Where it listens.
    """

    pid: int
    port: int

    def cpu_s(self) -> float:
        """Return the CPU seconds of the process and all its children, dead or alive."""
        fields = _stat(self.pid)
        own = sum(
            int(field) for field in fields[11:15]
        )  # user, system, and of the dead
        return own / _TICKS + sum(Spawned(pid, 0).cpu_s() for pid in self._children())

    def memory_bytes(self) -> int:
        """Return the proportional memory of the process and its children."""
        rollup = Path(f"/proc/{self.pid}/smaps_rollup").read_text(encoding="ascii")
        own = next(
            int(line.split()[1]) for line in rollup.splitlines() if line[:4] == "Pss:"
        )
        children = sum(Spawned(pid, 0).memory_bytes() for pid in self._children())
        return own * 1024 + children

    def descriptors(self) -> int:
        """Return how many descriptors the process itself has open."""
        return len(list(Path(f"/proc/{self.pid}/fd").iterdir()))

    def _children(self) -> list[int]:
        listed = Path(f"/proc/{self.pid}/task/{self.pid}/children")
        return [int(pid) for pid in listed.read_text(encoding="ascii").split()]


@contextlib.contextmanager
def process(*command: str, env: dict[str, str] | None = None) -> Iterator[Spawned]:
    """Run a process that says ``port N`` or logs ``listening`` when it is ready."""
    child = subprocess.Popen(  # noqa: S603 - our own programs
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**os.environ, **(env or {})},
    )
    try:
        yield Spawned(child.pid, _port(child))
    finally:
        child.terminate()
        child.communicate(timeout=START_S)


def _stat(pid: int) -> list[str]:
    """Return the fields of ``/proc/PID/stat`` behind the name (proc(5))."""
    text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    return text.rpartition(")")[2].split()


def _port(child: subprocess.Popen[bytes]) -> int:
    """Read on until the process says where it listens."""
    if child.stdout is None:
        raise RuntimeError("the process has no output")
    for line in child.stdout:
        if b'"listening"' in line:
            return int(line.partition(b'"port": ')[2].split(b",")[0].split(b"}")[0])
        if line.startswith(b"port "):
            return int(line.split()[1])
    raise RuntimeError(f"a process ended before it was ready: {child.args!r}")


def sink() -> contextlib.AbstractContextManager[Spawned]:
    """Run an origin that reads and throws away."""
    return process(sys.executable, "-m", "benchmarks.load", "sink")


def forwarder(origin: int) -> contextlib.AbstractContextManager[Spawned]:
    """Run a plain aiohttp forwarder: it reads a body whole and sends it on."""
    return process(sys.executable, "-m", "benchmarks.load", "forwarder", str(origin))


async def _sink() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
                length = head.partition(b"content-length:")[2].partition(b"\r\n")[0]
                await reader.readexactly(int(length or 0))
                writer.write(b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\nok")
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, limit=4 * 1024 * 1024)
    print("port", server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


async def _forwarder(origin: int) -> None:
    async with aiohttp.ClientSession(auto_decompress=False) as session:

        async def forward(request: web.BaseRequest) -> web.StreamResponse:
            body = await request.read()
            url = f"http://127.0.0.1:{origin}{request.path_qs}"
            async with session.request(request.method, url, data=body) as answer:
                return web.Response(status=answer.status, body=await answer.read())

        server = web.Server(forward, access_log=None)
        runner = web.ServerRunner(server)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        print("port", runner.addresses[0][1], flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    if sys.argv[1] == "sink":
        uvloop.run(_sink())
    else:
        uvloop.run(_forwarder(int(sys.argv[2])))
