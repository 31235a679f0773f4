"""One request to the origin and its answer, with aiohttp's own habits taken away."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.proxy.fidelity import says
from tests.proxy.wire import WireOrigin, wire_origin
from uploadfilter.proxy.origins.asking import OriginAnswer
from uploadfilter.proxy.origins.origin import Origin, OriginFailure, OriginSettings

HEADERS = ((b"Host", b"site.example"),)


@pytest.fixture
async def wire() -> AsyncIterator[WireOrigin]:
    """An origin that shows every byte it got."""
    async with wire_origin() as origin:
        yield origin


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PROPFIND"])
async def test_request_without_a_body_gets_no_length(
    wire: WireOrigin, method: str
) -> None:
    """What the client did not say is not said for it."""
    async with (
        Origin.opened(OriginSettings(url=wire.url)) as origin,
        origin.asked(method, "/", HEADERS, None) as answer,
    ):
        assert isinstance(answer, OriginAnswer)

    assert wire.got[0].head.split(b"\r\n")[1:] == [b"Host: site.example"]


async def test_informational_answers_do_not_stop_the_clock(wire: WireOrigin) -> None:
    """An origin that announces an answer must give one all the same."""
    wire.answering = says(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", hangs=True)
    settings = OriginSettings(url=wire.url, answer_timeout_s=0.05)

    async with (
        Origin.opened(settings) as origin,
        origin.asked("GET", "/", HEADERS, None) as answer,
    ):
        assert answer is OriginFailure.TOO_SLOW


@pytest.mark.parametrize("resets", [False, True], ids=["closed", "reset"])
async def test_endless_answer_knows_how_it_ended(
    wire: WireOrigin, *, resets: bool
) -> None:
    """A connection that breaks is no end, even where its end is the end of the body."""
    wire.answering = says(b"HTTP/1.1 200 OK\r\n\r\nhello", resets=resets)
    async with (
        Origin.opened(OriginSettings(url=wire.url)) as origin,
        origin.asked("GET", "/", HEADERS, None) as answer,
    ):
        assert isinstance(answer, OriginAnswer)
        assert await answer.content.read() == b"hello"

        assert answer.is_broken_off() is resets


async def test_origin_that_speaks_first_is_no_origin() -> None:
    """Something else listens there; it is not tried again and again."""

    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example ESMTP\r\n")
        await WireOrigin().serve(reader, writer)

    server = await asyncio.start_server(greet, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with (
        server,
        Origin.opened(OriginSettings(url=url)) as origin,
        origin.asked("GET", "/", HEADERS, None) as answer,
    ):
        assert answer is OriginFailure.UNREACHABLE


async def test_kept_connection_is_used_again(wire: WireOrigin) -> None:
    """Most requests cost no new connection, with a body or without."""

    async def one_piece() -> AsyncIterator[bytes]:
        yield b"hi"

    async with Origin.opened(OriginSettings(url=wire.url)) as origin:
        for body in (None, one_piece(), None):
            headers = (*HEADERS, (b"Content-Length", b"2")) if body else HEADERS
            async with origin.asked("POST", "/", headers, body) as answer:
                assert isinstance(answer, OriginAnswer)
                assert await answer.content.read() == b"ok"

    assert (len(wire.got), wire.connections) == (3, 1)
