"""Connections to an origin are kept for its next requests, and only good ones."""

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest

from tests.proxy.wire import OK, TIMEOUT_S, Got, WireOrigin, wire_origin
from uploadfilter.web.origins.asking import OriginAnswer
from uploadfilter.web.origins.failing import OriginFailure
from uploadfilter.web.origins.origin import Origin
from uploadfilter.web.origins.sending import Whole
from uploadfilter.web.origins.settings import OriginSettings

HEADERS = ((b"Host", b"site.example"),)


@pytest.fixture
async def wire() -> AsyncIterator[WireOrigin]:
    """An origin that shows every byte it got."""
    async with wire_origin() as origin:
        yield origin


async def ask(
    origin: Origin, target: str = "/", *, method: str = "GET"
) -> OriginAnswer | OriginFailure:
    """Ask for something, and read the whole answer."""
    async with origin.asked(method, target, HEADERS, None) as answer:
        if isinstance(answer, OriginAnswer):
            await answer.content.read()
        return answer


class Numbered:
    """Tells the connections of an origin apart, and when each has ended.

    Attributes:
        asked: The number of the connection of each request, in order.
        ended: How many connections have ended.
        both: Requests for ``/both`` wait for each other.
    """

    def __init__(self, wire: WireOrigin, *, together: int = 2) -> None:
        self.asked: list[int] = []
        self.ended = asyncio.Semaphore(0)
        self.both = asyncio.Barrier(together)
        self._writers: list[asyncio.StreamWriter] = []
        wire.answering = self._answer

    def end_all(self) -> None:
        """End each connection at once, without a turn of the event loop."""
        for writer in self._writers:
            writer.get_extra_info("socket").shutdown(socket.SHUT_WR)

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


async def test_no_connection_is_used_for_ever(
    wire: WireOrigin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise a busy proxy would never look up the origin's name again."""
    monkeypatch.setattr("uploadfilter.web.origins.keeping._LONGEST_USE_S", 0.0)
    numbered = Numbered(wire)
    async with Origin.opened(OriginSettings(url=wire.url)) as origin:
        for _ in range(3):
            await ask(origin)

    assert numbered.asked == [0, 1, 2]


async def test_idle_connections_end_with_the_origin(wire: WireOrigin) -> None:
    """Nothing is left open."""
    numbered = Numbered(wire)
    async with Origin.opened(OriginSettings(url=wire.url)) as origin:
        await ask(origin, "/last")

    await asyncio.wait_for(numbered.ended.acquire(), TIMEOUT_S)


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_origin_that_was_started_again_loses_no_request(
    wire: WireOrigin, method: str
) -> None:
    """However many idle connections have ended, none is used, and none is counted."""
    numbered = Numbered(wire, together=20)
    async with Origin.opened(OriginSettings(url=wire.url)) as origin:
        await asyncio.gather(*(ask(origin, "/both") for _ in range(20)))
        numbered.end_all()

        assert isinstance(await ask(origin, method=method), OriginAnswer)

    assert numbered.asked[20:] == [20]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (b"HTTP/1.1 2", b"00 OK\r\nContent-Length: 4\r\n\r\nevil"),
        (
            b"HTTP/1.1 200 OK\r\nX: ",
            b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil",
        ),
    ],
    ids=["cut", "aligned"],
)
async def test_bytes_after_an_answer_begin_no_other_one(
    wire: WireOrigin, first: bytes, second: bytes
) -> None:
    """An answer that is longer than it says must not become another client's."""
    wire.answers = [OK + first, second, OK]
    async with Origin.opened(OriginSettings(url=wire.url)) as origin:
        for _ in range(2):
            await ask(origin, method="POST")

    assert wire.connections == 2


@pytest.mark.parametrize(
    "answer",
    [
        b"Content-Length : 2\r\n\r\nok",
        b"Transfer-Encoding: gzip, chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        b"Transfer-Encoding: chunked\r\nTransfer-Encoding: gzip\r\n\r\n0\r\n\r\n",
        b"Content-Length: 2\r\nX: \x01\r\n\r\nok",
    ],
)
async def test_connection_of_an_answer_that_is_not_forwarded_is_not_used(
    wire: WireOrigin, answer: bytes
) -> None:
    """It may end elsewhere for its origin than for us."""
    wire.answers = [b"HTTP/1.1 200 OK\r\n" + answer, OK]
    async with Origin.opened(OriginSettings(url=wire.url)) as origin:
        first, second = await ask(origin), await ask(origin)

    assert first is OriginFailure.UNREACHABLE
    assert isinstance(second, OriginAnswer)
    assert wire.connections == 2


async def test_connection_on_which_an_answer_began_while_idle_is_not_used(
    wire: WireOrigin,
) -> None:
    """The rest of it would be taken for the beginning of the next answer."""
    said = asyncio.Semaphore(0)

    async def mutter(
        _got: Got, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        writer.write(OK)
        await said.acquire()
        writer.write(b"HTTP/1.1 408 Ti")
        said.release()
        await reader.read()

    wire.answering = mutter
    async with Origin.opened(OriginSettings(url=wire.url)) as origin:
        await ask(origin)
        said.release()
        for _ in range(10):
            await asyncio.sleep(0)
        await ask(origin, method="POST")

    assert wire.connections == 2


@pytest.mark.parametrize(
    ("status", "is_kept"),
    [(status, True) for status in (200, 204, 302, 401, 403, 404, 409, 412, 416, 422)]
    + [(status, False) for status in (400, 408, 411, 413, 414, 417, 431)]
    + [(status, False) for status in (500, 501, 502, 503, 505, 599)],
)
async def test_connection_whose_request_was_not_understood_is_not_used(
    wire: WireOrigin, status: int, *, is_kept: bool
) -> None:
    """Its origin may close it without saying so, while the next request arrives."""
    wire.answers = [b"HTTP/1.1 %d X\r\nContent-Length: 0\r\n\r\n" % status, OK]
    async with Origin.opened(OriginSettings(url=wire.url)) as origin:
        for _ in range(2):
            assert isinstance(await ask(origin, method="DELETE"), OriginAnswer)

    assert wire.connections == (1 if is_kept else 2)


@pytest.mark.parametrize(
    ("status", "is_kept"),
    [(status, True) for status in (200, 201, 204, 207)]
    + [(status, False) for status in (302, 303, 401, 403, 404, 409, 422)],
)
async def test_connection_whose_body_was_perhaps_not_read_is_not_used(
    wire: WireOrigin, status: int, *, is_kept: bool
) -> None:
    """Its origin may close it without saying so (gunicorn, 403)."""
    wire.answers = [b"HTTP/1.1 %d X\r\nContent-Length: 0\r\n\r\n" % status, OK]
    headers = (*HEADERS, (b"Content-Length", b"2"))
    body = Whole(data=b"hi", on_sent=lambda: None)
    async with Origin.opened(OriginSettings(url=wire.url)) as origin:
        for _ in range(2):
            async with origin.asked("POST", "/", headers, body) as answer:
                assert isinstance(answer, OriginAnswer)
                await answer.content.read()

    assert wire.connections == (1 if is_kept else 2)


async def test_request_that_is_sent_anew_gets_a_new_connection(
    wire: WireOrigin,
) -> None:
    """Another idle one may have ended at the same moment."""
    Numbered(wire)
    async with Origin.opened(OriginSettings(url=wire.url)) as origin:
        await asyncio.gather(ask(origin, "/both"), ask(origin, "/both"))
        wire.breaks = lambda _got: wire.connections < 3
        answers = await asyncio.gather(ask(origin), ask(origin))

    assert all(isinstance(answer, OriginAnswer) for answer in answers)
    assert wire.connections == 4


async def test_end_of_a_connection_after_an_error_loses_no_request(
    wire: WireOrigin,
) -> None:
    """The origin answers, closes later, and does not announce it (cheroot, 400)."""
    may_close = asyncio.Semaphore(0)

    async def close_late(
        got: Got, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        if got.head.startswith(b"DELETE /bad "):
            writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
            await writer.drain()
            await may_close.acquire()
            writer.transport.abort()
        else:
            writer.write(OK)

    wire.answering = close_late
    async with Origin.opened(OriginSettings(url=wire.url)) as origin:
        await ask(origin, "/bad", method="DELETE")
        async with asyncio.TaskGroup() as tasks:
            second = tasks.create_task(ask(origin, "/good", method="DELETE"))
            await asyncio.sleep(0.01)
            may_close.release()

    assert isinstance(second.result(), OriginAnswer)


@pytest.mark.parametrize(
    ("stated", "is_kept"),
    [
        (b"timeout=5, max=100", True),
        (b"max=100, timeout=5", True),
        (b"max=100", True),
        (b"timeout=abc", True),
        (b"no-timeout=1", True),
        (b"timeout=1", False),
        (b'Timeout = "1", max=9', False),
        (b"timeout=0", False),
    ],
)
async def test_connection_is_kept_no_longer_than_its_origin_says(
    wire: WireOrigin, stated: bytes, *, is_kept: bool
) -> None:
    """In the last second, the request could meet the end of the connection."""
    wire.answers = [OK.replace(b"\r\n", b"\r\nKeep-Alive: %b\r\n" % stated, 1)]
    async with Origin.opened(OriginSettings(url=wire.url)) as origin:
        for _ in range(2):
            await ask(origin, method="POST")

    assert wire.connections == (1 if is_kept else 2)


async def test_time_that_an_origin_states_ends_while_idle(wire: WireOrigin) -> None:
    """Two seconds, of which the last one is not used; without the header, four."""
    wire.answers = [OK.replace(b"\r\n", b"\r\nKeep-Alive: timeout=2\r\n", 1)]
    async with Origin.opened(OriginSettings(url=wire.url)) as origin:
        await ask(origin, method="POST")
        await ask(origin, method="POST")
        await asyncio.sleep(1.05)
        await ask(origin, method="POST")

    assert wire.connections == 2


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
