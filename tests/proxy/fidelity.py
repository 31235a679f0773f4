"""How the tests of fidelity ask, straight and through the filter, and compare.

Requests and answers are bytes on sockets: a library would tidy up the bytes to examine.
"""

import asyncio
import re
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tests.proxy.site import Site, list_entries, settings
from tests.proxy.wire import TIMEOUT_S, Got, WireOrigin, closed, wire_origin
from uploadfilter.service.running import Running, running
from uploadfilter.web.origins.settings import OriginSettings

Answering = Callable[[Got, asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def passing(
    state: Path,
    *,
    host: str = "127.0.0.1",
    changes: Mapping[str, Any] | None = None,
    **origin_settings: Any,  # noqa: ANN401 - any field of the origin's settings
) -> AsyncIterator[Site]:
    """Run a filter and an origin that shows every byte, for the length of the block.

    Args:
        state: Where the filter keeps its state.
        host: How the filter names the origin.
        changes: Other settings than those of a small filter in ``ENFORCE``.
        origin_settings: Other settings of the origin than the defaults.
    """
    async with wire_origin() as origin:
        url = origin.url.replace("127.0.0.1", host)
        async with in_front_of(url, state, changes=changes, **origin_settings) as port:
            yield Site(port=port, origin=origin, state=state)


@asynccontextmanager
async def in_front_of(
    url: str,
    state: Path,
    *,
    changes: Mapping[str, Any] | None = None,
    **origin_settings: Any,  # noqa: ANN401 - as above
) -> AsyncIterator[int]:
    """Run a filter in front of an origin that runs already; yield its port."""
    list_entries(state, ())
    origin = OriginSettings(url=url, **origin_settings)
    ready = replace(settings(state, url, **(changes or {})), origin=origin)
    async with running(ready) as service:
        yield service.port


def unread_answers(service: Running) -> int:
    """Return how many requests were left by their clients before they were answered."""
    found = re.search(
        rb'_requests_total{kind="passed",status="none"} (\d+)',
        service.watched.metrics.exposition(),
    )
    return int(found[1]) if found else 0


def says(*pieces: bytes, hangs: bool = False, resets: bool = False) -> Answering:
    """Return an origin that says something and then closes, hangs or resets."""

    async def answer(
        _got: Got, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
        if hangs:
            await asyncio.Event().wait()
        if resets:
            reset(writer)
        else:
            await closed(writer)

    return answer


def reset(writer: asyncio.StreamWriter) -> None:
    """End a connection by a reset."""
    connection = writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    writer.transport.abort()


def fresh(site: Site) -> Site:
    """Return a shared filter whose origin answers as it does by default."""
    origin: WireOrigin = site.origin
    origin.answers = [b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"]
    origin.answering = None
    origin.got.clear()
    origin.connections = 0
    return site


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answer taken apart.

    Attributes:
        status: Of the status line.
        reason: Of the status line.
        headers: Names in lower case and values, in order.
        body: Without its framing.
        is_whole: Whether its framing says that nothing is missing.
    """

    status: int
    reason: bytes
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes
    is_whole: bool = True

    def values(self, name: bytes) -> list[bytes]:
        """Return the values of a header, whose name is in lower case."""
        return [value for known, value in self.headers if known == name]


def parsed(raw: bytes, method: bytes = b"GET") -> Answer:
    """Take an answer apart that came until the end of its connection."""
    head, _, body = raw.partition(b"\r\n\r\n")
    line, *lines = head.split(b"\r\n")
    _, number, reason = (line + b"  ").split(b" ", 2)
    headers = tuple(
        (name.lower(), value.strip())
        for name, _, value in (item.partition(b":") for item in lines)
    )
    whole = Answer(
        status=int(number), reason=reason.strip(), headers=headers, body=body
    )
    if method == b"HEAD" or whole.status in {204, 304}:
        return whole
    if whole.values(b"transfer-encoding"):
        data, is_whole = unchunked(body)
        return replace(whole, body=data, is_whole=is_whole)
    lengths = whole.values(b"content-length")
    return replace(whole, is_whole=not lengths or len(body) == int(lengths[0]))


def unchunked(body: bytes) -> tuple[bytes, bool]:
    """Return the data in chunks, and whether the last chunk is there."""
    data = b""
    while body:
        size, _, rest = body.partition(b"\r\n")
        length = int(size.partition(b";")[0], 16)
        if length == 0:
            return data, rest.endswith(b"\r\n")
        data += rest[:length]
        body = rest[length + 2 :]
    return data, False


class Client:
    """A client's connection, which reads what it is told to and when.

    Args:
        reader: Of the connection.
        writer: Of the connection.
    """

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    @asynccontextmanager
    async def connected(cls, port: int) -> AsyncIterator["Client"]:
        """Be connected for the length of the block."""
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            yield cls(reader, writer)
        finally:
            await closed(writer)

    async def until(self, end: bytes) -> bytes:
        """Read up to and with some bytes."""
        return await asyncio.wait_for(self.reader.readuntil(end), TIMEOUT_S)

    async def rest(self) -> bytes:
        """Read all that comes until the connection ends."""
        return await asyncio.wait_for(self.reader.read(), TIMEOUT_S)
