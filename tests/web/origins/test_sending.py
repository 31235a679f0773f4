"""A body on its way: the origin takes it, or the connection ends."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.proxy.wire import Got, WireOrigin, wire_origin
from uploadfilter.web.origins.failing import OriginFailure
from uploadfilter.web.origins.origin import Origin
from uploadfilter.web.origins.sending import Sending
from uploadfilter.web.origins.settings import OriginSettings

PIECE = b"x" * 65536
MANY = 400
"""Pieces, 25 MiB together: more than sockets hold."""


@pytest.fixture
async def wire() -> AsyncIterator[WireOrigin]:
    """An origin that does not read bodies by itself."""
    async with wire_origin() as origin:
        origin.reads_bodies = False
        yield origin


async def pieces(count: int) -> AsyncIterator[bytes]:
    """Yield the pieces of a body."""
    for _ in range(count):
        yield PIECE


async def send(
    wire: WireOrigin, *, patience_s: float, chunked: bool = False
) -> int | OriginFailure:
    """Send a long body; return the status of the answer, or the reason without one."""
    headers = [(b"Host", b"x")]
    if not chunked:
        headers.append((b"Content-Length", b"%d" % (MANY * len(PIECE))))
    settings = OriginSettings(url=wire.url, answer_timeout_s=patience_s)
    async with (
        Origin.opened(settings) as origin,
        origin.asked("PUT", "/", headers, pieces(MANY)) as answer,
    ):
        return answer if isinstance(answer, OriginFailure) else answer.status


@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunks"])
async def test_origin_that_takes_nothing_is_too_slow(
    wire: WireOrigin, *, chunked: bool
) -> None:
    """An upload does not wait forever for its origin."""

    async def hang(
        _got: Got, _reader: asyncio.StreamReader, _writer: asyncio.StreamWriter
    ) -> None:
        await asyncio.Event().wait()

    wire.answering = hang

    assert await send(wire, patience_s=0.1, chunked=chunked) is OriginFailure.TOO_SLOW


async def test_origin_that_takes_its_time_is_waited_for(wire: WireOrigin) -> None:
    """If the origin takes some bytes in time, the whole body may take longer."""

    async def read_slowly(
        _got: Got, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        left = MANY * len(PIECE)
        while left:
            left -= len(await reader.read(left))
            await asyncio.sleep(0)
        writer.write(b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n")

    wire.answering = read_slowly

    assert await send(wire, patience_s=5) == 201


async def test_early_answer_is_heard_though_the_origin_closes(
    wire: WireOrigin,
) -> None:
    """An answer before the end of the body counts, however the connection ends."""

    async def refuse(
        _got: Got, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await reader.readexactly(3 * len(PIECE))
        writer.write(b"HTTP/1.1 413 No\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    wire.answering = refuse

    assert await send(wire, patience_s=5) == 413


async def test_body_knows_that_it_is_complete() -> None:
    """Only a body that was read to its end is complete."""
    sending = Sending(pieces(2), patience_s=5)

    got = [await anext(sending), await anext(sending)]
    assert not sending.is_complete
    rest = [piece async for piece in sending]

    assert (got, rest, sending.is_complete) == ([PIECE, PIECE], [], True)
    sending.stop_clock()
