"""Servers that answer requests of every kind, and a client that mixes them.

The programs are in ``tests/sites/mixed``; each answers a path in the same way.
"""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Final

from tests.ports import free_port
from tests.repository import ROOT
from tests.sites.programs import SITES_VENV, debian, installed, run, server

_PROGRAMS: Final = ROOT / "tests" / "sites" / "mixed"
_WITHIN_S: Final = 60
"""For one answer: never reached unless a test fails."""

_NGINX: Final = """\
daemon off;
pid {folder}/pid;
error_log {folder}/error.log;
worker_processes 1;
events {{ worker_connections 256; }}
http {{
    access_log off;
    client_max_body_size 0;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port};
        location / {{ return 200 "{text}"; }}
        location /put {{ return 201; }}
        location /refuse {{ return 403; }}
        location /204 {{ return 204; }}
        location /304 {{ return 304; }}
        location /404 {{ return 404; }}
        location /500 {{ return 500; }}
    }}
}}
"""
_CADDY: Final = """\
{{
    admin off
}}
http://:{port} {{
    bind 127.0.0.1
    respond /put 201
    respond /refuse 403
    respond /204 204
    respond /304 304
    respond /404 404
    respond /500 500
    respond "{text}" 200
}}
"""


def _cheroot(_folder: Path, port: int) -> Sequence[str | Path]:
    installed("wsgidav")  # Cheroot is there as its server.
    return [SITES_VENV / "bin" / "python", _PROGRAMS / "answering.py", str(port)]


def _node(_folder: Path, port: int) -> Sequence[str | Path]:
    node = debian("node", package="nodejs")
    return [node, _PROGRAMS / "answering.mjs", str(port)]


def _go(folder: Path, port: int) -> Sequence[str | Path]:
    program = folder / "answering"
    go = debian("go", package="golang-go")
    run(go, "build", "-o", program, _PROGRAMS / "answering.go")
    return [program, str(port)]


def _nginx(folder: Path, port: int) -> Sequence[str | Path]:
    nginx, config = debian("nginx", package="nginx"), folder / "nginx.conf"
    config.write_text(_NGINX.format(folder=folder, port=port, text="x" * 500))
    return [nginx, "-e", folder / "error.log", "-c", config]


def _caddy(folder: Path, port: int) -> Sequence[str | Path]:
    caddy, config = debian("caddy", package="caddy"), folder / "Caddyfile"
    config.write_text(_CADDY.format(port=port, text="x" * 500))
    return [caddy, "run", "--config", config]


SERVERS: Final[Mapping[str, Callable[[Path, int], Sequence[str | Path]]]] = {
    "cheroot": _cheroot,
    "node": _node,
    "go": _go,
    "nginx": _nginx,
    "caddy": _caddy,
}
"""How to start each."""


@contextlib.contextmanager
def answering(name: str, folder: Path) -> Iterator[str]:
    """Run a server for the length of the block.

    Args:
        name: One of ``SERVERS``.
        folder: For its files.

    Yields:
        Its URL.
    """
    port = free_port()
    command = SERVERS[name](folder, port)
    env = {"HOME": str(folder)}
    with server(command, log=folder / "server.log", ready=port, env=env):
        yield f"http://127.0.0.1:{port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of request.

    Attributes:
        method: Its method.
        path: Its path.
        status: What every server answers.
        size: Length of its body, in bytes.
        is_chunked: Whether the body comes in a chunk.
    """

    method: str
    path: str
    status: int
    size: int = 0
    is_chunked: bool = False

    def encode(self, body: bytes) -> bytes:
        """Return the bytes of a request."""
        lines = [f"{self.method} {self.path} HTTP/1.1", "Host: site.example"]
        if self.is_chunked:
            lines.append("Transfer-Encoding: chunked")
            body = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
        elif body:
            lines.append(f"Content-Length: {len(body)}")
        return "\r\n".join([*lines, "", ""]).encode() + body


KINDS: Final = (
    Kind(method="GET", path="/", status=200),
    Kind(method="HEAD", path="/", status=200),
    Kind(method="OPTIONS", path="/", status=200),
    Kind(method="GET", path="/pieces", status=200),
    Kind(method="GET", path="/204", status=204),
    Kind(method="GET", path="/304", status=304),
    Kind(method="GET", path="/404", status=404),
    Kind(method="GET", path="/500", status=500),
    Kind(method="DELETE", path="/", status=200),
    Kind(method="POST", path="/", status=200, size=100),
    Kind(method="POST", path="/", status=200, size=5_000, is_chunked=True),
    Kind(method="POST", path="/", status=200, size=200_000),
    Kind(method="POST", path="/", status=200, size=200_000, is_chunked=True),
    Kind(method="POST", path="/404", status=404, size=20),
    Kind(method="PUT", path="/put", status=201, size=3_000),
    Kind(method="POST", path="/refuse", status=403, size=1_000),
    Kind(method="POST", path="/refuse", status=403, size=300_000),
    Kind(method="POST", path="/refuse", status=403, size=1_000_000),
)
"""Bodies that are held in memory or in a file, read by the server or not."""


@dataclass(slots=True)
class Client:
    """One connection after another to a port, for one request after another.

    Attributes:
        port: Of this machine.
        seed: Of its choices.
        wrong: What each kind of request got instead of its status.
    """

    port: int
    seed: int
    wrong: Counter[tuple[Kind, int | str]] = field(default_factory=Counter)
    _reader: asyncio.StreamReader | None = None
    _writer: asyncio.StreamWriter | None = None

    async def ask(self, requests: int) -> None:
        """Send requests of random kinds."""
        chance = Random(self.seed)  # noqa: S311 - a test that repeats itself
        for _ in range(requests):
            kind = chance.choice(KINDS)
            got = await self._answer(kind, chance.randbytes(kind.size))
            if got != kind.status:
                self.wrong[kind, got] += 1
        self._close()

    async def _answer(self, kind: Kind, body: bytes) -> int | str:
        """Return the status of an answer, or how the connection ended without one."""
        try:
            async with asyncio.timeout(_WITHIN_S):
                return await self._exchange(kind, body)
        except (OSError, EOFError) as exc:
            self._close()
            return type(exc).__name__

    async def _exchange(self, kind: Kind, body: bytes) -> int:
        reader, writer = self._reader, self._writer
        if reader is None or writer is None or reader.at_eof():
            self._close()
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
            self._reader, self._writer = reader, writer
        writer.write(kind.encode(body))
        with contextlib.suppress(ConnectionError):
            # The answer may have come before the body was sent.
            await writer.drain()
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        status = int(head.split(b" ", 2)[1])
        await _read_body(reader, head, is_empty=kind.method == "HEAD")
        if b"\r\nconnection: close\r\n" in head:
            self._close()
        return status

    def _close(self) -> None:
        if self._writer is not None:
            self._writer.close()
        self._reader = self._writer = None


async def _read_body(
    reader: asyncio.StreamReader, head: bytes, *, is_empty: bool
) -> None:
    """Read the rest of an answer."""
    if is_empty or head.split(b" ", 2)[1] in {b"204", b"304"}:
        return
    if b"\r\ntransfer-encoding: chunked\r\n" in head:
        while size := int(await reader.readuntil(b"\n"), 16):
            await reader.readexactly(size + 2)
        await reader.readuntil(b"\n")
        return
    length = head.partition(b"\r\ncontent-length:")[2].partition(b"\r\n")[0]
    await reader.readexactly(int(length))


async def mixed(
    port: int, *, requests: int, connections: int
) -> Counter[tuple[Kind, int | str]]:
    """Send requests of every kind over many connections at once.

    Returns:
        The answers that differ from those of every server, with their numbers.
    """
    clients = [Client(port=port, seed=seed) for seed in range(connections)]
    async with asyncio.TaskGroup() as tasks:
        for client in clients:
            tasks.create_task(client.ask(requests // connections))
    return sum((client.wrong for client in clients), Counter())
