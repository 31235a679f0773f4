"""The servers beside the filter: an origin, and forwarders that only forward.

The origin throws uploads away, and sends as many bytes as a path names: ``GET /1000``.
The plain forwarder is a typical one of twenty lines with aiohttp: it streams in both
directions, passes headers on except those of the connection, and inspects nothing.
nginx does the same, if it is installed, with one worker, because the others are one
process.
"""

import asyncio
import contextlib
import os
import re
import shutil
import socket
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import cast

import aiohttp
import uvloop
from aiohttp import web
from typing_extensions import override

from benchmarks.proxy.load import CREATED, START_S, Spawned, pin_to, process, spawn

BLOCK = bytes(range(256)) * 256
"""The content of downloads, repeated."""

_HOP = frozenset({"connection", "keep-alive", "te", "transfer-encoding", "upgrade"})
_AUTOMATIC = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")
_POLL_S = 0.005
_LENGTH = re.compile(rb"\r\ncontent-length: *([0-9]+)", re.IGNORECASE)
_END = b"\r\n\r\n"


def sink(*, core: int | None = None) -> contextlib.AbstractContextManager[Spawned]:
    """Run the origin."""
    return process(
        *pin_to(core), sys.executable, "-m", "benchmarks.proxy.peers", "sink"
    )


def forwarder(
    origin: int, *, core: int | None = None
) -> contextlib.AbstractContextManager[Spawned]:
    """Run the plain aiohttp forwarder."""
    program = (sys.executable, "-m", "benchmarks.proxy.peers", "forwarder", str(origin))
    return process(*pin_to(core), *program)


def has_nginx() -> bool:
    """Tell whether nginx is installed (Debian: ``nginx-light``)."""
    return _nginx() is not None


def _nginx() -> str | None:
    return shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")


@contextlib.contextmanager
def nginx(
    origins: Sequence[int], *, core: int | None = None, kept: int = 256
) -> Iterator[Spawned]:
    """Run nginx in front of these ports of the loopback.

    Args:
        origins: The ports; if one does not accept a request, the next gets it.
        core: The core that it stays on; ``None`` for any.
        kept: Number of connections to them that are kept; by default nginx keeps none.

    Raises:
        RuntimeError: nginx is not installed, or does not start.
    """
    program = _nginx()
    if program is None:
        raise RuntimeError("nginx is not installed")
    with tempfile.TemporaryDirectory(prefix="benchmark-nginx-") as folder:
        port = free_port()
        file = Path(folder, "nginx.conf")
        file.write_text(_nginx_conf(folder, port, origins, kept), encoding="ascii")
        command = (*pin_to(core), program, "-p", folder, "-c", str(file))
        with spawn(*command) as (child, output):
            until = time.monotonic() + START_S
            while not is_listening(port):
                if child.poll() is not None or time.monotonic() > until:
                    raise RuntimeError(f"nginx: {output.read_text('utf-8')}")
                time.sleep(_POLL_S)
            yield Spawned(child.pid, port)


def free_port() -> int:
    """Return a port that no process listens on at the moment."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


def is_listening(port: int) -> bool:
    """Tell whether a process accepts connections there."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1.0).close()
    except OSError:
        return False
    return True


def _nginx_conf(folder: str, port: int, origins: Sequence[int], kept: int) -> str:
    """Return the configuration of a plain forwarder that buffers nothing on disk."""
    temporary = "\n".join(
        f"  {kind}_temp_path {folder}/{kind};"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    servers = " ".join(f"server 127.0.0.1:{port} max_fails=0;" for port in origins)
    keeping = f"keepalive {kept}; keepalive_requests 100000000;" if kept else ""
    user = "user root;" if os.geteuid() == 0 else ""
    return f"""
{user}
daemon off;
worker_processes 1;
pid {folder}/pid;
error_log stderr crit;
events {{ worker_connections 4096; }}
http {{
  access_log off;
{temporary}
  keepalive_requests 100000000;
  client_max_body_size 0;
  upstream origin {{ {servers} {keeping} }}
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    location / {{
      proxy_pass http://origin;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $http_host;
      proxy_set_header X-Forwarded-For $remote_addr;
      proxy_request_buffering off;
      proxy_max_temp_file_size 0;
    }}
  }}
}}
"""


class _Site(asyncio.Protocol):
    """The origin: just enough to be used again and again."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._head = bytearray()
        self._unread = 0
        self._unsent = 0
        self._paused = False

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports do not belong to a class of asyncio.
        self._transport = cast("asyncio.Transport", transport)

    @override
    def data_received(self, data: bytes) -> None:
        if self._unread:
            self._unread -= len(data)  # pipelined requests are not served
            if self._unread == 0:
                self._answer(CREATED, b"ok")
            return
        self._head += data
        end = self._head.find(_END)
        if end < 0:
            return
        head, data = bytes(self._head[:end]), bytes(self._head[end + len(_END) :])
        self._head.clear()
        if head.startswith(b"GET "):
            self._give(int(head[5 : head.index(b" ", 5)]))
            return
        length = _LENGTH.search(head)
        self._unread = int(length[1]) - len(data) if length else 0
        if self._unread == 0:
            self._answer(CREATED, b"ok")

    def _give(self, size: int) -> None:
        if size <= len(BLOCK):
            self._answer(200, BLOCK[:size])
            return
        self._answer(200, BLOCK, length=size)
        self._unsent = size - len(BLOCK)
        self._go_on()

    def _answer(self, status: int, body: bytes, *, length: int | None = None) -> None:
        if self._transport is None:
            return
        size = len(body) if length is None else length
        head = (
            f"HTTP/1.1 {status} OK\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\n"
            f"Content-Type: image/jpeg\r\nContent-Length: {size}\r\n"
            'ETag: "0123456789abcdef"\r\nCache-Control: max-age=3600\r\n\r\n'
        )
        self._transport.writelines((head.encode("ascii"), body))

    def _go_on(self) -> None:
        while self._unsent and not self._paused and self._transport is not None:
            piece = BLOCK[: self._unsent]
            self._unsent -= len(piece)
            self._transport.write(piece)

    @override
    def pause_writing(self) -> None:
        self._paused = True

    @override
    def resume_writing(self) -> None:
        self._paused = False
        self._go_on()


async def _sink() -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(_Site, "127.0.0.1", 0, backlog=4096)
    print("port", server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


async def _forward_to(origin: int) -> None:
    """Forward requests to a port of the loopback, and print the own port."""
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(
        connector=connector, auto_decompress=False, skip_auto_headers=_AUTOMATIC
    ) as session:

        async def forward(request: web.BaseRequest) -> web.StreamResponse:
            async with session.request(
                request.method,
                f"http://127.0.0.1:{origin}{request.raw_path}",
                headers=[(k, v) for k, v in request.headers.items() if _passes(k)],
                data=request.content if request.can_read_body else None,
                allow_redirects=False,
            ) as answer:
                response = web.StreamResponse(status=answer.status)
                response.headers.extend(
                    [(k, v) for k, v in answer.headers.items() if _passes(k)]
                )
                await response.prepare(request)
                async for piece in answer.content.iter_any():
                    await response.write(piece)
                await response.write_eof()
                return response

        server = web.Server(forward, access_log=None)
        runner = web.ServerRunner(server)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0, backlog=4096).start()
        print("port", runner.addresses[0][1], flush=True)
        await asyncio.Event().wait()


def _passes(name: str) -> bool:
    """Tell whether a header belongs to the message, not to the connection."""
    return name.lower() not in _HOP


if __name__ == "__main__":
    if sys.argv[1] == "sink":
        uvloop.run(_sink())
    else:
        uvloop.run(_forward_to(int(sys.argv[2])))
