"""One attacker, as a process of its own, so that its cost is not that of our client.

``attacks.py`` starts it. It prints ``port 0`` when it begins, goes on until SIGTERM,
and then prints as JSON how often it got each answer.
"""

import argparse
import asyncio
import contextlib
import json
import signal
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

import uvloop

from benchmarks.proxy import load

PAUSE_S: Final = 0.5
"""Pause before an endless body begins anew: a flood of heads is another attack."""

SCANNED_AFTER_S: Final = 0.012
"""Pause before an upload is broken off: then it is mostly being scanned."""

_READ_BYTES: Final = 65_536
_ENDLESS: Final = b"3\r\nabc\r\n"
_BYTES: Final = b"1\r\na\r\n" * 20_000

Answers = Counter[int]


def _chunked_head(client: str) -> bytes:
    return (
        "PUT /upload HTTP/1.1\r\nHost: site.example\r\nContent-Type: image/jpeg\r\n"
        f"Transfer-Encoding: chunked\r\nX-Forwarded-For: {client}\r\n\r\n"
    ).encode("ascii")


class Attacker:
    """The work of an attacker on every connection.

    Args:
        port: Port of the filter.
        clients: Addresses of the attacker, used in turn.
        bodies: Bodies that it uploads in turn, if it uploads.
        media_type: Media type of the bodies.
    """

    def __init__(
        self, port: int, clients: list[str], bodies: list[bytes], media_type: str
    ) -> None:
        self._port = port
        self._clients = clients
        self._bodies = bodies
        self._media_type = media_type
        self.answers: Answers = Counter()

    async def upload(self, number: int) -> None:
        """Upload one body after the other, as fast as they are answered."""
        connection = await load.Connection.opened(self._port)
        turn = number
        while True:
            if not connection.is_open:
                connection = await load.Connection.opened(self._port)
            request = load.upload(
                self._bodies[turn % len(self._bodies)],
                client=self._clients[number % len(self._clients)],
                media_type=self._media_type,
            )
            turn += 1
            answer = await connection.ask(request)
            self.answers[answer.status] += 1

    async def endless(self, number: int) -> None:
        """Begin a body, send three bytes of it, and nothing more."""
        client = self._clients[number % len(self._clients)]
        while True:
            connection = await load.Connection.opened(self._port)
            answer = await connection.ask(load.Request(_chunked_head(client), _ENDLESS))
            self.answers[answer.status] += 1
            connection.close()
            await asyncio.sleep(PAUSE_S)

    async def breaks_off(self, number: int) -> None:
        """Upload one body after the other, and go while it is scanned."""
        client = self._clients[number % len(self._clients)]
        turn = number
        while True:
            _, writer = await asyncio.open_connection("127.0.0.1", self._port)
            body = self._bodies[turn % len(self._bodies)]
            request = load.upload(body, client=client, media_type=self._media_type)
            turn += 1
            writer.write(request.head + request.body)
            with contextlib.suppress(OSError):
                await writer.drain()
            await asyncio.sleep(SCANNED_AFTER_S)
            writer.transport.abort()
            self.answers[load.BROKEN] += 1

    async def byte_chunks(self, number: int) -> None:
        """Send a body in chunks of one byte, as fast as they are taken."""
        client = self._clients[number % len(self._clients)]
        while True:
            reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
            writer.write(_chunked_head(client))
            async with asyncio.TaskGroup() as group:
                sending = group.create_task(_send_bytes(writer))
                self.answers[await _status(reader)] += 1
                sending.cancel()
            writer.transport.abort()


async def _send_bytes(writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while True:
            writer.write(_BYTES)
            await writer.drain()


async def _status(reader: asyncio.StreamReader) -> int:
    try:
        head = await reader.read(_READ_BYTES)
    except OSError:
        return load.BROKEN
    return int(head[9:12]) if head.startswith(b"HTTP/1.1 ") else load.BROKEN


async def attack(attacker: Attacker, way: str, connections: int) -> None:
    """Attack over a number of connections, until SIGTERM."""
    ways: dict[str, Callable[[int], Awaitable[None]]] = {
        "upload": attacker.upload,
        "endless": attacker.endless,
        "breaks_off": attacker.breaks_off,
        "byte_chunks": attacker.byte_chunks,
    }
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    tasks = [asyncio.ensure_future(ways[way](number)) for number in range(connections)]
    print("port 0", flush=True)
    waiting = asyncio.ensure_future(stop.wait())
    done, _ = await asyncio.wait([waiting, *tasks], return_when=asyncio.FIRST_COMPLETED)
    if waiting not in done:
        raise RuntimeError(f"the attacker ended: {done}")
    for task in tasks:
        task.cancel()
    print(json.dumps(attacker.answers), flush=True)


def main() -> None:
    """Attack as the command line says."""
    parser = argparse.ArgumentParser()
    parser.add_argument("way")
    parser.add_argument("port", type=int)
    parser.add_argument("--connections", type=int, required=True)
    parser.add_argument("--clients", nargs="+", required=True)
    parser.add_argument("--bodies", nargs="*", type=Path, default=[])
    parser.add_argument("--media-type", default="image/jpeg")
    options = parser.parse_args()
    bodies = [path.read_bytes() for path in options.bodies]
    attacker = Attacker(options.port, options.clients, bodies, options.media_type)
    uvloop.run(attack(attacker, options.way, options.connections))


if __name__ == "__main__":
    main()
