"""A client that goes takes its request to the origin with it."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.proxy.site import HOST, Site, site
from tests.proxy.wire import TIMEOUT_S, Got, closed

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def filtered(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    """A filter in ENFORCE, shared by the tests of this module."""
    async with site(tmp_path_factory.mktemp("leaving")) as shared:
        yield shared


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
    filtered: Site, begun: bytes
) -> None:
    """Nobody waits for what nobody will read, however long it takes to come."""
    asked, left = asyncio.Event(), asyncio.Event()

    async def wait(
        _got: Got, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        writer.write(begun)
        asked.set()
        assert await reader.read() == b""
        left.set()

    filtered.origin.answering = wait
    _, writer = await asyncio.open_connection("127.0.0.1", filtered.port)
    writer.write(b"GET /events HTTP/1.1\r\n" + HOST + b"\r\n")
    async with asyncio.timeout(TIMEOUT_S):
        await asked.wait()
        await closed(writer)
        await left.wait()


async def test_client_that_stays_is_not_left(filtered: Site) -> None:
    """The connection serves one request after the other."""
    filtered.origin.answering = None
    reader, writer = await asyncio.open_connection("127.0.0.1", filtered.port)
    request = b"GET / HTTP/1.1\r\n" + HOST + b"\r\n"
    for _ in range(2):
        writer.write(request)
        async with asyncio.timeout(TIMEOUT_S):
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200 OK\r\n")
            assert await reader.readexactly(2) == b"ok"
    await closed(writer)
