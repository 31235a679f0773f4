"""A client that goes takes its request to the origin with it."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import pytest_asyncio

from tests.proxy.fidelity import unread_answers
from tests.proxy.site import HOST, list_entries, settings
from tests.proxy.wire import TIMEOUT_S, Got, WireOrigin, closed, wire_origin
from tests.waiting import until
from uploadfilter.service.running import Running, running

pytestmark = pytest.mark.asyncio(loop_scope="module")


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """A filter whose counters can be read, and its origin."""

    service: Running
    origin: WireOrigin


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def filtered(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Watched]:
    """A filter in ENFORCE, shared by the tests of this module."""
    state = tmp_path_factory.mktemp("leaving")
    list_entries(state, ())
    async with (
        wire_origin() as origin,
        running(settings(state, origin.url)) as service,
    ):
        yield Watched(service=service, origin=origin)


@pytest.mark.parametrize(
    "begun",
    [
        pytest.param(b"", id="long-poll"),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n",
            id="events",
        ),
    ],
)
async def test_origin_is_left_when_the_client_goes(
    filtered: Watched, begun: bytes
) -> None:
    """Nothing waits for an answer that nobody will read."""
    asked, left = asyncio.Event(), asyncio.Event()

    async def wait(
        _got: Got, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        writer.write(begun)
        asked.set()
        assert await reader.read() == b""
        left.set()

    filtered.origin.answering = wait
    unread = unread_answers(filtered.service)
    _, writer = await asyncio.open_connection("127.0.0.1", filtered.service.port)
    writer.write(b"GET /events HTTP/1.1\r\n" + HOST + b"\r\n")
    async with asyncio.timeout(TIMEOUT_S):
        await asked.wait()
        await closed(writer)
        await left.wait()
    if not begun:
        await until(lambda: unread_answers(filtered.service) == unread + 1)


async def test_client_that_stays_is_not_left(filtered: Watched) -> None:
    """The connection serves one request after the other."""
    filtered.origin.answering = None
    reader, writer = await asyncio.open_connection("127.0.0.1", filtered.service.port)
    request = b"GET / HTTP/1.1\r\n" + HOST + b"\r\n"
    for _ in range(2):
        writer.write(request)
        async with asyncio.timeout(TIMEOUT_S):
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200 OK\r\n")
            assert await reader.readexactly(2) == b"ok"
    await closed(writer)
