"""How a body ends that is read piece by piece, over a real connection."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from aiohttp import web

from tests.proxy.wire import TIMEOUT_S, closed
from uploadfilter.inspection.arriving import Body
from uploadfilter.inspection.pacing import ClientDebts, LoopMeter, Turnstiles
from uploadfilter.inspection.reading import BodyReader, RequestSender
from uploadfilter.model import Reason
from uploadfilter.web.requests.limits import ProxyLimits

HEAD = b"PUT / HTTP/1.1\r\nHost: a\r\n"
CLIENT = "c6336401"

Found = tuple[bytes, Reason | None]


@asynccontextmanager
async def reading(
    *,
    on_begin: Callable[[Body, web.BaseRequest], None] = lambda *_: None,
    owed_s: float = 0.0,
    limits: ProxyLimits | None = None,
) -> AsyncIterator[tuple[asyncio.StreamWriter, "asyncio.Future[Found]"]]:
    """Make a server read one body; yield a client's end, and the result."""
    loop = asyncio.get_running_loop()
    found: asyncio.Future[Found] = loop.create_future()
    accounts = ClientDebts()
    accounts.charge(CLIENT, owed_s, now_s=loop.time())

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        body = Body(network=CLIENT, begun_s=loop.time())
        meter = LoopMeter(accounts, Turnstiles(), CLIENT, clock=loop.time)
        reader = BodyReader(
            RequestSender(request),
            body,
            limits or ProxyLimits(),
            meter,
            clock=loop.time,
        )
        loop.call_soon(on_begin, body, request)
        whole = b""
        while isinstance(piece := await reader.piece(), bytes) and piece:
            whole += piece
        found.set_result((whole, piece if isinstance(piece, Reason) else None))
        return web.Response()

    server = await loop.create_server(web.Server(handle), "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        yield writer, found
        await closed(writer)


async def outcome(found: "asyncio.Future[Found]") -> Found:
    """Wait for the result of a body."""
    return await asyncio.wait_for(found, TIMEOUT_S)


async def test_body_comes_whole() -> None:
    """Its pieces arrive, up to the end that it names."""
    async with reading() as (writer, found):
        writer.write(HEAD + b"Content-Length: 4\r\n\r\nab")
        await asyncio.sleep(0)
        writer.write(b"cd")

        assert await outcome(found) == (b"abcd", None)


async def test_body_that_stands_still_is_too_slow() -> None:
    """No byte comes for the longest allowed pause between two pieces."""
    async with reading(limits=ProxyLimits(body_idle_s=0.01)) as (writer, found):
        writer.write(HEAD + b"Content-Length: 4\r\n\r\nab")

        assert await outcome(found) == (b"ab", Reason.TOO_SLOW)


async def test_body_that_yields_ends_while_it_is_waited_for() -> None:
    """Another upload gets its place."""

    def yields(body: Body, _: web.BaseRequest) -> None:
        body.has_yielded = True
        if body.on_yield is not None:
            body.on_yield()

    async with reading(on_begin=yields) as (writer, found):
        writer.write(HEAD + b"Content-Length: 4\r\n\r\n")

        assert await outcome(found) == (b"", Reason.TOO_SLOW)


async def test_body_of_a_client_that_has_gone_is_aborted() -> None:
    """This holds while it is read, and while its client has to wait."""
    for owed_s in (0.0, 1000.0):
        async with reading(owed_s=owed_s) as (writer, found):
            writer.write(HEAD + b"Content-Length: 4\r\n\r\nab")
            await writer.drain()
            writer.transport.abort()
            _, reason = await outcome(found)

        assert reason is Reason.ABORTED


async def test_body_that_is_not_framed_as_it_says_is_malformed() -> None:
    """Its connection reports this (``connections.py``)."""

    def breaks(_: Body, request: web.BaseRequest) -> None:
        request.content.set_exception(web.RequestPayloadError("no chunk"))

    async with reading(on_begin=breaks) as (writer, found):
        writer.write(HEAD + b"Content-Length: 4\r\n\r\n")

        assert await outcome(found) == (b"", Reason.MALFORMED_REQUEST)


async def test_what_we_wait_for_ourselves_is_not_held_against_a_body() -> None:
    """A client that owes time has as long to send as any other."""
    async with reading(owed_s=0.1, limits=ProxyLimits(body_grace_s=0.05)) as (
        writer,
        found,
    ):
        writer.write(HEAD + b"Content-Length: 2\r\n\r\nab")

        assert await outcome(found) == (b"ab", None)
