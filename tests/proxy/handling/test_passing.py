"""Requests without a body: one client leaves room for the others."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from ipaddress import ip_network
from pathlib import Path

import pytest_asyncio

from tests.proxy.site import HOST, Site, site
from tests.proxy.wire import OK, Got, status
from tests.waiting import until
from uploadfilter.web.requests.limits import ProxyLimits

MOST = 16
SCARCE = 12
"""Three quarters of the connections."""


@pytest_asyncio.fixture
async def fronted(tmp_path: Path) -> AsyncIterator[Site]:
    """A filter with few connections, behind a front end that names its clients."""
    limits = ProxyLimits(connections=MOST)
    async with site(
        tmp_path, proxy=limits, trusted_proxies=(ip_network("127.0.0.1"),)
    ) as running:
        yield running


def get(target: bytes, client: bytes) -> bytes:
    """Return a request of a client."""
    lines = b"X-Forwarded-For: " + client + b"\r\n"
    return b"GET " + target + b" HTTP/1.1\r\n" + HOST + lines + b"\r\n"


async def asked(fronted: Site, request: bytes) -> int:
    """Send a request on a connection of its own; return the status."""
    reader, writer = await asyncio.open_connection("127.0.0.1", fronted.port)
    writer.write(request)
    answer = await reader.readuntil(b"\r\n\r\n")
    writer.close()
    return status(answer)


async def test_client_with_most_requests_leaves_room_for_others(fronted: Site) -> None:
    """Streams that never end, through one front end, must not take all connections."""
    may_end = asyncio.Event()

    async def answer(
        got: Got, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        if got.head.startswith(b"GET /stream "):
            await may_end.wait()
        writer.write(OK)

    fronted.origin.answering = answer
    greedy, other = b"198.51.100.1", b"198.51.100.2"
    async with asyncio.TaskGroup() as tasks:
        streams = [
            tasks.create_task(asked(fronted, get(b"/stream", greedy)))
            for _ in range(SCARCE)
        ]
        await until(lambda: len(fronted.origin.got) == SCARCE)

        assert await asked(fronted, get(b"/", greedy)) == 429
        assert await asked(fronted, get(b"/", other)) == 200
        assert len(fronted.origin.got) == SCARCE + 1
        may_end.set()
    assert [stream.result() for stream in streams] == [200] * SCARCE

    with contextlib.suppress(ConnectionError):
        assert await asked(fronted, get(b"/", greedy)) == 200
