"""Connections are counted, told apart and let in before anything is made of them."""

import asyncio
import ipaddress
import os
import resource
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import uvloop

from tests.proxy.site import CLOSE, HOST, Site, site
from tests.proxy.wire import TIMEOUT_S, closed
from tests.waiting import until
from tests.web.clients.proxyheaders import TCP4, TCP6, TLV, UNIX, header
from uploadfilter.web.clients.addresses import Address, TCPAddress, UnixAddress
from uploadfilter.web.requests.limits import ProxyLimits

pytestmark = pytest.mark.asyncio(loop_scope="module")

TRUSTED = (ipaddress.ip_network("127.0.0.1"),)
FRONT = TCPAddress(host="127.0.0.1", port=0, proxy_protocol=True)
RESET = struct.pack("ii", 1, 0)
"""SO_LINGER that ends a connection with a reset."""

GET = b"GET / HTTP/1.1\r\n" + CLOSE + b"\r\n"


def limits(**changes: Any) -> ProxyLimits:  # noqa: ANN401 - any of its fields
    """Return limits with which tests are quick."""
    return ProxyLimits(**{"linger_s": 0.05, "drain_idle_s": 0.05, **changes})


@asynccontextmanager
async def front(
    state: Path,
    *,
    listen: Address = FRONT,
    proxy: ProxyLimits | None = None,
    **changes: Any,  # noqa: ANN401 - any field of the settings
) -> AsyncIterator[Site]:
    """Run a filter behind a front end that speaks the PROXY protocol."""
    changes = {"trusted_proxies": TRUSTED, **changes}
    async with site(
        state, listen=(listen,), proxy=proxy or limits(), **changes
    ) as shared:
        yield shared


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def fronted(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    """A filter behind a front end, shared by tests that leave no state."""
    async with front(tmp_path_factory.mktemp("front")) as shared:
        yield shared


def client_of(shared: Site) -> list[bytes]:
    """Return who the origin was told the client is."""
    return shared.origin.got[-1].header(b"x-forwarded-for")


@pytest.mark.parametrize(
    ("start", "client"),
    [
        pytest.param(header(0x21, 0x11, TCP4), b"192.0.2.7", id="tcp4"),
        pytest.param(header(0x21, 0x21, TCP6), b"2001:db8::7", id="tcp6"),
        pytest.param(header(0x21, 0x11, TCP4 + TLV), b"192.0.2.7", id="tlv"),
        pytest.param(header(0x21, 0x31, UNIX), b"127.0.0.1", id="unix"),
        pytest.param(header(0x20, 0x00), b"127.0.0.1", id="local"),
    ],
)
async def test_front_end_says_who_the_client_is(
    fronted: Site, start: bytes, client: bytes
) -> None:
    """The origin gets the address in the header, not the front end's."""
    assert b" 200 " in await fronted.send(start + GET)
    assert client_of(fronted) == [client]


async def test_header_is_read_however_it_is_cut(fronted: Site) -> None:
    """A header may also arrive byte by byte."""
    start = header(0x21, 0x11, TCP4 + TLV) + GET
    pieces = [start[at : at + 1] for at in range(len(start))]

    assert b" 200 " in await fronted.send(*pieces)
    assert client_of(fronted) == [b"192.0.2.7"]


async def test_client_behind_a_header_is_not_believed(fronted: Site) -> None:
    """The client's own statement is not believed, though the front end is trusted."""
    lie = GET.replace(b"\r\n\r\n", b"\r\nX-Forwarded-For: 203.0.113.1\r\n\r\n")

    await fronted.send(header(0x21, 0x11, TCP4) + lie)

    assert client_of(fronted) == [b"192.0.2.7"]


@pytest.mark.parametrize(
    "start",
    [
        pytest.param(b"", id="none"),
        pytest.param(b"PROXY TCP4 192.0.2.7 10.0.0.1 1 2\r\n", id="version-1"),
        pytest.param(header(0x21, 0x00), id="unspecified"),
    ],
)
async def test_connection_without_a_header_ends(fronted: Site, start: bytes) -> None:
    """Nothing is guessed, and no byte reaches the origin."""
    known = len(fronted.origin.got)

    assert await fronted.send(start + GET) == b""
    assert len(fronted.origin.got) == known


async def test_header_of_somebody_else_is_not_believed(tmp_path: Path) -> None:
    """An untrusted client cannot name another client."""
    async with front(tmp_path, trusted_proxies=()) as shared:
        assert await shared.send(header(0x21, 0x11, TCP4) + GET) == b""
        assert shared.origin.got == []


async def test_connection_that_does_not_get_on_is_ended(tmp_path: Path) -> None:
    """A header has the time limit of a head, and a first byte the idle limit."""
    quick = limits(head_s=0.05, keep_alive_s=0.05)
    start = header(0x21, 0x11, TCP4)
    async with front(tmp_path, proxy=quick) as shared:
        assert await shared.send(start[:20]) == b""
        assert await shared.send(start) == b""


async def test_program_on_a_unix_socket_has_the_address_of_this_machine(
    tmp_path: Path,
) -> None:
    """It is believed if the operator trusts this machine."""
    path = str(tmp_path / "http")
    told = GET.replace(b"\r\n\r\n", b"\r\nX-Forwarded-For: 203.0.113.1\r\n\r\n")
    async with front(tmp_path, listen=UnixAddress(path=path)) as shared:
        reader, writer = await asyncio.open_unix_connection(path)
        writer.write(told)

        assert b" 200 " in await reader.read()
        assert client_of(shared)[0].startswith(b"203.0.113.1")
        await closed(writer)

    assert not os.path.exists(path)  # noqa: ASYNC240, PTH110 - nothing else runs


async def test_client_with_too_many_connections_is_told(tmp_path: Path) -> None:
    """Beyond its share it gets 429; a connection that ends makes room."""
    mine, other = header(0x21, 0x11, TCP4), header(0x21, 0x21, TCP6)
    async with front(tmp_path, proxy=limits(connections_per_client=1)) as shared:
        reader, writer = await asyncio.open_connection("127.0.0.1", shared.port)
        writer.write(mine + GET.replace(b"Connection: close\r\n", b""))
        await reader.readuntil(b"ok")

        refused = await shared.send(mine + GET)
        assert refused.startswith(b"HTTP/1.1 429 ")
        assert b"Retry-After" in refused
        assert b" 200 " in await shared.send(other + GET)

        await closed(writer)
        await until_ok(shared, mine + GET)


async def test_network_holds_no_more_than_half_where_connections_are_scarce(
    tmp_path: Path,
) -> None:
    """A client with many addresses does not keep other clients out."""
    house = [
        header(0x21, 0x21, bytes((0x20, 1, 13, 0xB8, 0, 0, 0, number)) + TCP6[8:])
        for number in range(3)
    ]
    others = [header(0x21, 0x11, bytes((192, 0, 2, it)) + TCP4[4:]) for it in (20, 21)]
    few = limits(connections=4, connections_per_client=1)
    async with front(tmp_path, proxy=few) as shared, AsyncExitStack() as held:
        for mine in (*house[:2], others[0]):
            reader, writer = await asyncio.open_connection("127.0.0.1", shared.port)
            held.push_async_callback(closed, writer)
            writer.write(mine + GET.replace(b"Connection: close\r\n", b""))
            await reader.readuntil(b"ok")

        assert (await shared.send(house[2] + GET)).startswith(b"HTTP/1.1 429 ")
        assert b" 200 " in await shared.send(others[1] + GET)


async def until_ok(shared: Site, data: bytes) -> None:
    """Send until the answer is good."""
    async with asyncio.timeout(TIMEOUT_S):
        while b" 200 " not in await shared.send(data):
            pass


async def test_idle_connections_end_with_the_service(tmp_path: Path) -> None:
    """An idle connection is kept for a moment, and then closed."""
    async with site(tmp_path, proxy=limits()) as shared:
        reader, writer = await asyncio.open_connection("127.0.0.1", shared.port)
        assert b" 200 " in await shared.send(GET)

    async with asyncio.timeout(TIMEOUT_S):
        assert await reader.read() == b""
    await closed(writer)


async def test_request_that_comes_while_the_service_ends_is_answered(
    tmp_path: Path,
) -> None:
    """An idle connection may be used at that moment; its answer is its last one."""
    async with AsyncExitStack() as stack:
        shared = await stack.enter_async_context(
            site(tmp_path, proxy=limits(drain_idle_s=TIMEOUT_S))
        )
        reader, writer = await asyncio.open_connection("127.0.0.1", shared.port)
        writer.write(b"GET / HTTP/1.1\r\n" + HOST + b"\r\n")
        await reader.readuntil(b"ok")
        ending = asyncio.ensure_future(stack.pop_all().aclose())
        await until_refused(shared.port)
        writer.write(b"GET / HTTP/1.1\r\n" + HOST + b"\r\n")

        answer = await reader.read()
        assert b" 200 OK\r\n" in answer
        assert b"\r\nConnection: close\r\n" in answer
        await closed(writer)
        await ending


async def until_refused(port: int) -> None:
    """Wait until the port is closed."""
    with suppress(ConnectionError):
        async with asyncio.timeout(TIMEOUT_S):
            while True:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                await closed(writer)


async def test_oldest_idle_connection_makes_room(tmp_path: Path) -> None:
    """Idle connections do not keep other clients out."""
    async with site(tmp_path, proxy=limits(connections=2)) as shared:
        with idle(shared.port) as oldest, idle(shared.port):
            assert b" 200 " in await shared.send(GET)
            oldest.setblocking(False)
            loop = asyncio.get_running_loop()
            async with asyncio.timeout(TIMEOUT_S):
                assert await loop.sock_recv(oldest, 1) == b""


async def test_kept_connection_makes_room_when_it_is_idle(tmp_path: Path) -> None:
    """A connection that was answered does not wait for an answer."""
    async with site(tmp_path, proxy=limits(connections=1)) as shared:
        reader, writer = await asyncio.open_connection("127.0.0.1", shared.port)
        writer.write(b"GET / HTTP/1.1\r\n" + HOST + b"\r\n")
        await reader.readuntil(b"ok")

        await until_ok(shared, GET)
        assert await reader.read() == b""
        await closed(writer)


async def test_full_proxy_tells_the_newest(tmp_path: Path) -> None:
    """If every connection has a request on it, one more is answered 503."""
    async with site(tmp_path, proxy=limits(connections=1)) as shared:
        reader, writer = await asyncio.open_connection("127.0.0.1", shared.port)
        writer.write(b"PUT /x HTTP/1.1\r\n" + CLOSE + b"Content-Length: 2\r\n")
        writer.write(b"Expect: 100-continue\r\n\r\n")
        await reader.readuntil(b"\r\n\r\n")

        refused = await shared.send(GET)

        assert refused.startswith(b"HTTP/1.1 503 ")
        writer.write(b"ok")
        assert b" 200 " in await reader.read()
        await closed(writer)


async def test_thousands_of_idle_connections_keep_nobody_out(tmp_path: Path) -> None:
    """Two thousand connections are idle, and an upload is answered as usual."""
    # Both ends are in this process; many systems allow 1,024 until one asks for more.
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 8192)), hard))
    async with site(tmp_path, proxy=limits()) as shared:
        many = [idle(shared.port) for _ in range(2000)]
        try:
            assert b" 200 " in await shared.put(b"a greeting")
        finally:
            for sock in many:
                sock.close()
        await until(lambda: len(shared.origin.got) == 1)


def idle(port: int) -> socket.socket:
    """Open a connection and say nothing."""
    return socket.create_connection(("127.0.0.1", port))


@pytest.mark.asyncio(loop_scope="function")
async def test_connection_that_was_lost_before_it_was_accepted_is_not_served(
    tmp_path: Path,
) -> None:
    """An upload without an address would belong to no client, and have no limit.

    Only the loop of the service asks for the address so late, and it does not run
    between the connection and its end.
    """

    async def lose() -> tuple[list[bytes], int]:
        async with site(tmp_path) as shared:
            with socket.create_connection(("127.0.0.1", shared.port)) as sock:
                head = b"PUT /x HTTP/1.1\r\n" + HOST + b"Content-Length: 3\r\n\r\n"
                sock.sendall(head + b"abc")
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            for _ in range(2):
                assert b" 200 " in await shared.send(GET)
            return [got.head[:4] for got in shared.origin.got], len(shared.decisions())

    reached, decided = await asyncio.to_thread(uvloop.run, lose())

    assert reached == [b"GET ", b"GET "]
    assert decided == 0
