"""Connections to an origin are kept for its next requests, and only good ones."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.proxy.wire import OK, TIMEOUT_S, Got, WireOrigin, wire_origin
from uploadfilter.proxy.origins.asking import OriginAnswer
from uploadfilter.proxy.origins.failing import OriginFailure
from uploadfilter.proxy.origins.origin import Origin
from uploadfilter.proxy.origins.settings import OriginSettings

HEADERS = ((b"Host", b"site.example"),)


@pytest.fixture
async def wire() -> AsyncIterator[WireOrigin]:
    """An origin that shows every byte it got."""
    async with wire_origin() as origin:
        yield origin


async def ask(origin: Origin, target: str = "/") -> OriginAnswer | OriginFailure:
    """Ask for something, and read the whole answer."""
    async with origin.asked("GET", target, HEADERS, None) as answer:
        if isinstance(answer, OriginAnswer):
            await answer.content.read()
        return answer


class Numbered:
    """Tells the connections of an origin apart, and when each has ended.

    Attributes:
        asked: The number of the connection of each request, in order.
        ended: How many connections have ended.
    """

    def __init__(self, wire: WireOrigin) -> None:
        self.asked: list[int] = []
        self.ended = asyncio.Semaphore(0)
        self.both = asyncio.Barrier(2)
        self._writers: list[asyncio.StreamWriter] = []
        wire.answering = self._answer

    async def _answer(
        self, got: Got, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        if writer not in self._writers:
            self._writers.append(writer)
        self.asked.append(self._writers.index(writer))
        if got.head.startswith(b"GET /both "):
            await self.both.wait()
        writer.write(OK)
        if got.head.startswith(b"GET /last "):
            await writer.drain()
            assert not await reader.read()
            self.ended.release()


async def test_connection_that_was_used_last_is_used_first(wire: WireOrigin) -> None:
    """The others become idle, and can be closed."""
    numbered = Numbered(wire)
    async with Origin.opened(OriginSettings(url=wire.url)) as origin:
        await asyncio.gather(ask(origin, "/both"), ask(origin, "/both"))
        for _ in range(3):
            await ask(origin)

    assert sorted(numbered.asked[:2]) == [0, 1]
    assert len(set(numbered.asked[2:])) == 1


async def test_idle_connection_is_closed_in_time(wire: WireOrigin) -> None:
    """No request comes, and the origin sees the end of the connection."""
    numbered = Numbered(wire)
    settings = OriginSettings(url=wire.url, idle_timeout_s=0.01)
    async with Origin.opened(settings) as origin:
        await ask(origin, "/last")

        await asyncio.wait_for(numbered.ended.acquire(), TIMEOUT_S)


async def test_idle_connections_end_with_the_origin(wire: WireOrigin) -> None:
    """Nothing is left open."""
    numbered = Numbered(wire)
    async with Origin.opened(OriginSettings(url=wire.url)) as origin:
        await ask(origin, "/last")

    await asyncio.wait_for(numbered.ended.acquire(), TIMEOUT_S)


async def test_bytes_after_an_answer_begin_no_other_one(wire: WireOrigin) -> None:
    """An answer that is longer than it says must not become another client's."""
    wire.answers = [OK + b"HTTP/1.1 2", b"00 OK\r\nContent-Length: 4\r\n\r\nevil"]
    async with Origin.opened(OriginSettings(url=wire.url)) as origin:
        first, second = await ask(origin), await ask(origin)

    assert isinstance(first, OriginAnswer)
    assert second is OriginFailure.UNREACHABLE


async def test_head_must_arrive_in_time(wire: WireOrigin) -> None:
    """An origin that sends a head byte by byte is silent as well."""

    async def dribble(
        _got: Got, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nX: ")
        while True:
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.01)

    wire.answering = dribble
    settings = OriginSettings(url=wire.url, answer_timeout_s=0.1)
    async with Origin.opened(settings) as origin:
        assert await ask(origin) is OriginFailure.TOO_SLOW


async def test_time_of_a_head_ends_with_it(wire: WireOrigin) -> None:
    """The timer of an answered request disturbs neither its connection nor the next."""
    settings = OriginSettings(url=wire.url, answer_timeout_s=0.05)
    async with Origin.opened(settings) as origin:
        for pause_s in (0.1, 0.0):
            assert isinstance(await ask(origin), OriginAnswer)
            await asyncio.sleep(pause_s)

    assert wire.connections == 1
