"""Ends of connections that show every byte: an origin and a client without a library.

The output of a proxy can only be judged on the wire: HTTP libraries normalise the bytes
that they read.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

TIMEOUT_S = 20
"""For whatever is waited for: never reached unless a test fails."""

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@dataclass(frozen=True, slots=True, kw_only=True)
class Got:
    """One request with the bytes of the wire.

    Attributes:
        head: Everything up to the empty line, without it.
        body: As many bytes as the head announced; chunked bodies as they came.
    """

    head: bytes
    body: bytes

    def header(self, name: bytes) -> list[bytes]:
        """Return the values of a header, in order."""
        found = []
        for line in self.head.split(b"\r\n")[1:]:
            key, _, value = line.partition(b":")
            if key.lower() == name.lower():
                found.append(value.strip())
        return found


Answering = Callable[[Got, asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass(slots=True)
class WireOrigin:
    """An origin that keeps its requests and sends the answers it was given.

    Attributes:
        url: Where it listens.
        answers: The answers to one request after another; the last one repeats.
        got: The requests, in order.
        connections: How many there were.
        answering: Takes the place of ``answers`` if it is given.
        reads_bodies: Whether a body is read before it is answered.
        breaks: Tells the requests at which the connection breaks off instead.
    """

    url: str = ""
    answers: list[bytes] = field(default_factory=lambda: [OK])
    got: list[Got] = field(default_factory=list)
    connections: int = 0
    answering: Answering | None = None
    reads_bodies: bool = True
    breaks: Callable[[Got], bool] | None = None
    _serving: set["asyncio.Task[None]"] = field(default_factory=set)

    async def serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Answer requests until the connection ends."""
        self.connections += 1
        task = asyncio.current_task()
        if task is not None:
            self._serving.add(task)
        try:
            while request := await read_request(reader, with_body=self.reads_bodies):
                self.got.append(request)
                if self.breaks is not None and self.breaks(request):
                    break
                await self._answer(request, reader, writer)
            await closed(writer)
        except (ConnectionError, EOFError, asyncio.LimitOverrunError):
            # The client is gone, or the rest of an unread body is not a head.
            pass
        except asyncio.CancelledError:
            # asyncio would log a handler that was cancelled as a failure.
            pass
        finally:
            # Nothing else closes it before Python 3.11.4.
            writer.transport.abort()

    async def stop(self) -> None:
        """End every connection."""
        for task in self._serving:
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)

    async def _answer(
        self, request: Got, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        if self.answering is not None:
            await self.answering(request, reader, writer)
            return
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        writer.write(answer)
        await writer.drain()


async def closed(writer: asyncio.StreamWriter) -> None:
    """Close a connection and wait until it is closed."""
    writer.close()
    with suppress(ConnectionError):
        await writer.wait_closed()


async def read_request(
    reader: asyncio.StreamReader, *, with_body: bool = True
) -> Got | None:
    """Read one request; ``None`` at the end of the connection."""
    try:
        head = (await reader.readuntil(b"\r\n\r\n"))[:-4]
    except asyncio.IncompleteReadError:
        return None
    request = Got(head=head, body=b"")
    if not with_body:
        return request
    if lengths := request.header(b"content-length"):
        return Got(head=head, body=await reader.readexactly(int(lengths[0])))
    if request.header(b"transfer-encoding"):
        return Got(head=head, body=await _read_chunks(reader))
    return request


async def _read_chunks(reader: asyncio.StreamReader) -> bytes:
    body = b""
    while size := int(await reader.readuntil(b"\n"), 16):
        body += await reader.readexactly(size)
        await reader.readexactly(2)
    await reader.readuntil(b"\n")
    return body


@asynccontextmanager
async def wire_origin() -> AsyncIterator[WireOrigin]:
    """Run an origin for the length of the block."""
    origin = WireOrigin()
    server = await asyncio.start_server(origin.serve, "127.0.0.1", 0)
    origin.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield origin
    finally:
        server.close()
        await origin.stop()
        await server.wait_closed()


async def exchange(port: int, *pieces: bytes) -> bytes:
    """Send bytes as they are and return all that comes back until the end.

    The answer must end the connection: send ``Connection: close``.
    """
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
        return await asyncio.wait_for(reader.read(), TIMEOUT_S)
    except ConnectionError:
        return b""
    finally:
        await closed(writer)


def status(answer: bytes) -> int:
    """Return the status of an answer; 0 if there was no answer."""
    line = answer.partition(b"\r\n")[0].split()
    return int(line[1]) if len(line) > 1 else 0
