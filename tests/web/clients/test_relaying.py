"""The client gets all of an origin's answer, and nothing else."""

import asyncio
import contextlib
import ipaddress
import socket
import struct
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
import structlog
from aiohttp.base_protocol import BaseProtocol
from aiohttp.http_writer import StreamWriter

from tests.proxy.site import CLOSE, HOST, Site, site
from tests.proxy.wire import OK, TIMEOUT_S, Got, closed
from uploadfilter.web.clients.flow import flushed
from uploadfilter.web.clients.waiting import SLOW_AFTER_S
from uploadfilter.web.requests.limits import ProxyLimits

ENDS = {"answer_broken_off", "request_failed"}
"""The event in the operational log for a request that was not completed."""

GET = b"GET / HTTP/1.1\r\n" + CLOSE + b"\r\n"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    """A filter in ENFORCE, shared by the tests of this module."""
    async with site(tmp_path_factory.mktemp("relaying")) as shared:
        yield shared


@pytest.fixture
def filtered(running: Site) -> Site:
    """The shared filter, whose origin answers as it does by default."""
    running.origin.answers = [OK]
    running.origin.answering = None
    return running


pytestmark = pytest.mark.asyncio(loop_scope="module")


def head(answer: bytes) -> list[bytes]:
    """Return the lines of an answer's head."""
    return answer.partition(b"\r\n\r\n")[0].split(b"\r\n")


async def test_answer_without_a_type_gets_none(filtered: Site) -> None:
    """A browser examines the bytes of an answer without a type; it must still do so."""
    lines = head(await filtered.send(GET))

    names = [line.partition(b":")[0] for line in lines[1:]]
    assert names == [b"Content-Length", b"Date", b"Connection"]


async def test_answer_keeps_its_type_and_its_server(filtered: Site) -> None:
    """The client reads exactly the origin's own headers."""
    said = [b"Content-Type: text/x", b"Server: nginx", b"Date: today"]
    filtered.origin.answers = [
        b"HTTP/1.1 200 OK\r\n" + b"\r\n".join([*said, b"Content-Length: 0", b"", b""])
    ]

    lines = head(await filtered.send(GET))

    assert lines == [b"HTTP/1.1 200 OK", *said, b"Content-Length: 0", lines[-1]]
    assert lines[-1] == b"Connection: close"


async def test_answer_keeps_bytes_that_are_not_utf8(filtered: Site) -> None:
    """Old software sends names in Latin-1; each byte goes on, in head and status."""
    name = b"Content-Disposition: attachment; filename=caf\xe9"
    filtered.origin.answers = [
        b"HTTP/1.1 200 Tr\xe8s bien\r\n%s\r\nContent-Length: 2\r\n\r\nok" % name
    ]

    answer = await filtered.send(GET)

    assert head(answer)[0] == b"HTTP/1.1 200 Tr\xe8s bien"
    assert name in head(answer)
    assert answer.endswith(b"\r\n\r\nok")


async def test_repeated_headers_stay_apart(filtered: Site) -> None:
    """Cookies cannot be joined into one line."""
    cookies = [b"Set-Cookie: a=1", b"Set-Cookie: b=2"]
    filtered.origin.answers = [
        b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n" + b"\r\n".join([*cookies, b"", b""])
    ]

    lines = head(await filtered.send(GET))

    assert [line for line in lines if line.startswith(b"Set-Cookie")] == cookies


async def test_answer_is_over_when_the_system_has_it_all() -> None:
    """Bytes in our memory alone would be lost if the service ended now."""
    loop = asyncio.get_running_loop()
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    transport, protocol = await loop.create_connection(
        lambda: BaseProtocol(loop), sock=ours
    )
    writer = StreamWriter(protocol, loop)
    limits = transport.get_write_buffer_limits()
    # More than a socket holds, and less than makes a writer wait.
    sent = b"x" * 4096
    while transport.get_write_buffer_size() == 0:
        await writer.write(sent)
    waiting = asyncio.ensure_future(flushed(writer))
    done, _ = await asyncio.wait([waiting], timeout=0)
    assert not done

    async with asyncio.timeout(TIMEOUT_S):
        while not waiting.done():
            await loop.sock_recv(theirs, 65536)

    assert transport.get_write_buffer_size() == 0
    assert transport.get_write_buffer_limits() == limits
    transport.abort()
    theirs.close()


async def test_client_that_reads_none_of_many_small_answers_is_given_up(
    tmp_path: Path,
) -> None:
    """Small answers need no timer only as long as the system takes them."""
    patience = ProxyLimits(answer_idle_s=0.05)
    async with site(tmp_path, proxy=patience) as slow:
        answer = b"HTTP/1.1 200 OK\r\nContent-Length: 16000\r\n\r\n" + bytes(16_000)
        slow.origin.answers = [answer]
        asked = b"GET / HTTP/1.1\r\n" + HOST + b"\r\n"
        with socket.create_connection(("127.0.0.1", slow.port)) as client:
            client.setblocking(False)
            with pytest.raises(ConnectionError):
                await asyncio.wait_for(keep_asking(client, asked), TIMEOUT_S)


@pytest.mark.parametrize("clients", [1, pytest.param(7, marks=pytest.mark.slow)])
async def test_answers_that_nobody_reads_yield_if_many_wait(
    tmp_path: Path, clients: int
) -> None:
    """Each holds more than a megabyte, and would be held for a minute."""
    size, most, unread = 20_000_000, 4, 6
    front = (ipaddress.ip_network("127.0.0.1"),)
    limits = ProxyLimits(waiting_answers=most)
    async with site(tmp_path, proxy=limits, trusted_proxies=front) as slow:
        head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size
        slow.origin.answers = [head + bytes(size)]
        async with contextlib.AsyncExitStack() as stack:
            greedy = [
                await stack.enter_async_context(downloading(slow, number % clients))
                for number in range(unread)
            ]
            for reader in greedy:
                await reader.readuntil(b"\r\n\r\n")
            # Nothing is slow before its time, and the system takes megabytes of each.
            await asyncio.sleep(3 * SLOW_AFTER_S)
            read = await stack.enter_async_context(downloading(slow, 100))
            await read.readuntil(b"\r\n\r\n")
            assert len(await read.readexactly(size)) == size
            ends = [await read_all(reader) for reader in greedy]

    assert sum(end < size for end in ends) == unread + 1 - most
    assert sum(end == size for end in ends) == most - 1


@contextlib.asynccontextmanager
async def downloading(site: Site, client: int) -> AsyncIterator[asyncio.StreamReader]:
    """Ask for a file in the name of a client, by its number."""
    reader, writer = await asyncio.open_connection("127.0.0.1", site.port, limit=4096)
    named = b"X-Forwarded-For: 198.51.100.%d\r\n" % client
    writer.write(b"GET / HTTP/1.1\r\n" + CLOSE + named + b"\r\n")
    try:
        yield reader
    finally:
        writer.transport.abort()


async def read_all(reader: asyncio.StreamReader) -> int:
    """Return how many bytes there are until the end, or until a reset."""
    count = 0
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(65536):
            count += len(data)
    return count


async def keep_asking(client: socket.socket, request: bytes) -> None:
    """Send a request again and again, until the connection breaks."""
    loop = asyncio.get_running_loop()
    while True:
        await loop.sock_sendall(client, request)


async def test_client_that_left_is_no_fault(filtered: Site) -> None:
    """Clients that disconnect do not fill the operational log with errors."""
    asked, left = asyncio.Event(), asyncio.Event()

    async def answer_late(
        _got: Got, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        asked.set()
        await left.wait()
        writer.write(OK)
        await closed(writer)

    filtered.origin.answering = answer_late
    known = len(filtered.decisions())
    with structlog.testing.capture_logs() as events:
        _, writer = await asyncio.open_connection("127.0.0.1", filtered.port)
        writer.write(b"PUT / HTTP/1.1\r\n" + HOST + b"Content-Length: 2\r\n\r\nhi")
        await asked.wait()
        # A close alone looks like a client that still waits for its answer.
        reset = struct.pack("ii", 1, 0)
        sock = writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, reset)
        writer.transport.abort()
        await closed(writer)
        left.set()
        decision = await filtered.new_decision(known)
        outcome = await filtered.outcome(decision.id)
        async with asyncio.timeout(TIMEOUT_S):
            while not (ends := [e for e in events if e["event"] in ENDS]):  # noqa: ASYNC110
                await asyncio.sleep(0.01)

    assert outcome == 200
    assert [event["event"] for event in ends] == ["answer_broken_off"]
