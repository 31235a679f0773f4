"""Connections byte by byte: slow, large, wrong, early and late."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.proxy.site import CLOSE, HOST, Site, exact_entry, site
from tests.proxy.wire import OK, TIMEOUT_S, Got, closed, status
from uploadfilter.model import Reason
from uploadfilter.web.answering import texts
from uploadfilter.web.requests.limits import (
    FREE_CHUNKS,
    LEAST_CHUNK_BYTES,
    ProxyLimits,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")

LISTED = b"bytes that somebody has listed"
GET = b"GET / HTTP/1.1\r\n" + CLOSE + b"\r\n"
CHUNKED = b"PUT /x HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n"
HEAD_BYTES = 16 * 1024


def limits(**changes: Any) -> ProxyLimits:  # noqa: ANN401 - any of its fields
    """Return limits with which tests are quick."""
    usual = {"linger_s": 0.2, "half_closed_s": TIMEOUT_S, "drain_idle_s": 0.05}
    return ProxyLimits(**{"head_bytes": HEAD_BYTES, **usual, **changes})


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    """A filter in ENFORCE, shared by the tests of this module."""
    async with site(
        tmp_path_factory.mktemp("connections"),
        listed=[exact_entry(1, LISTED)],
        proxy=limits(),
    ) as running:
        yield running


@pytest.fixture(autouse=True)
def origin(shared: Site) -> None:
    """Reset the origin after other tests."""
    shared.origin.answering = None
    shared.origin.answers = [OK]
    shared.origin.got.clear()


async def test_client_that_reads_none_of_our_answers_is_given_up(
    tmp_path: Path,
) -> None:
    """The proxy's own answers have the same time limit as the origin's."""
    wordy = texts.load(objection="https://site.example/" + "x" * 200_000)
    asked = b"PUT / HTTP/1.1\r\n" + HOST + b"Content-Length: 30\r\n\r\n" + LISTED
    patience = limits(answer_idle_s=0.05)
    listed = [exact_entry(1, LISTED)]
    async with site(tmp_path, listed=listed, proxy=patience, wording=wordy) as slow:
        with socket.create_connection(("127.0.0.1", slow.port)) as client:
            client.setblocking(False)
            with pytest.raises(ConnectionError):
                await asyncio.wait_for(keep_asking(client, asked), TIMEOUT_S)


async def keep_asking(client: socket.socket, request: bytes) -> None:
    """Send a request again and again, until the connection breaks."""
    loop = asyncio.get_running_loop()
    while True:
        await loop.sock_sendall(client, request)


async def test_slow_head_is_given_up_with_an_answer(tmp_path: Path) -> None:
    """A client with a slow head is told so, even if more bytes arrive."""
    async with site(tmp_path, proxy=limits(head_s=0.1)) as slow:
        reader, writer = await asyncio.open_connection("127.0.0.1", slow.port)
        writer.write(b"GET / HTTP/1.1\r\n")
        answer = asyncio.ensure_future(reader.read())
        while not answer.done():
            writer.write(b"X-A: a\r\n")
            await asyncio.sleep(0.01)

        assert status(await answer) == 408
        assert slow.origin.got == []
        await closed(writer)


async def test_slow_second_head_is_given_up_as_well(tmp_path: Path) -> None:
    """The limit also applies to a connection that was used before."""
    async with site(tmp_path, proxy=limits(head_s=0.1)) as slow:
        reader, writer = await asyncio.open_connection("127.0.0.1", slow.port)
        writer.write(b"GET / HTTP/1.1\r\n" + HOST + b"\r\n")
        await reader.readuntil(b"ok")
        writer.write(b"GET")

        assert status(await reader.read()) == 408
        await closed(writer)


async def test_head_has_its_own_time_beside_that_of_an_idle_connection(
    tmp_path: Path,
) -> None:
    """A head that comes at the end of the idle time is not cut off by it."""
    idle = limits(keep_alive_s=0.3, head_s=TIMEOUT_S)
    async with site(tmp_path, proxy=idle) as slow:
        reader, writer = await asyncio.open_connection("127.0.0.1", slow.port)
        writer.write(GET[:5])
        await asyncio.sleep(0.5)
        writer.write(GET[5:])

        assert status(await reader.read()) == 200
        await closed(writer)


@pytest.mark.parametrize("pieces", [1, 50], ids=["at-once", "in-pieces"])
async def test_head_over_the_limit_is_431(shared: Site, pieces: int) -> None:
    """Many lines of an allowed length can be too large together."""
    lines = b"".join(b"X-%d: %s\r\n" % (n, b"a" * 1000) for n in range(20))
    head = b"GET / HTTP/1.1\r\n" + CLOSE + lines + b"\r\n"
    size = len(head) // pieces + 1

    answer = await shared.send(
        *(head[at : at + size] for at in range(0, len(head), size))
    )

    assert status(answer) == 431
    assert shared.origin.got == []


async def test_client_that_sends_on_still_reads_why(shared: Site) -> None:
    """A megabyte of head is thrown away, and the answer is not lost in a reset."""
    reader, writer = await asyncio.open_connection("127.0.0.1", shared.port)
    writer.write(b"GET / HTTP/1.1\r\n" + HOST)
    answer = asyncio.ensure_future(reader.read())
    for _ in range(100):
        writer.write(b"X-A: %s\r\n" % (b"a" * 8000))
        await asyncio.sleep(0)

    assert status(await asyncio.wait_for(answer, TIMEOUT_S)) == 431
    await closed(writer)


async def test_body_is_not_taken_for_a_head(shared: Site) -> None:
    """For a body of any size, and whatever follows it, only heads are counted."""
    body = b"x" * (4 * HEAD_BYTES)
    first = b"PUT /1 HTTP/1.1\r\n%sContent-Length: %d\r\n\r\n%s" % (
        HOST,
        len(body),
        body,
    )

    answer = await shared.send(first, first + GET[:10], GET[10:])

    assert answer.count(b"HTTP/1.1 200 ") == 3


async def test_body_in_chunks_of_a_byte_is_ended(shared: Site) -> None:
    """Its parsing would cost more than all other work; it is refused, and recorded."""
    known = len(shared.decisions())
    reader, writer = await asyncio.open_connection("127.0.0.1", shared.port)
    writer.write(CHUNKED)
    answer = asyncio.ensure_future(reader.read())
    while not answer.done():
        writer.write(b"1\r\na\r\n" * 1000)
        await asyncio.sleep(0)

    assert status(await asyncio.wait_for(answer, TIMEOUT_S)) == 400
    recorded = await shared.new_decision(known)
    assert recorded.reason is Reason.MALFORMED_REQUEST
    assert shared.origin.got == []
    await closed(writer)


async def test_flood_behind_a_body_that_was_ended_is_read_slowly(
    tmp_path: Path,
) -> None:
    """Its bytes are not used, and reading them at full speed would delay others."""
    loop, flood, piece = asyncio.get_running_loop(), 1 << 26, bytes(1 << 16)
    async with site(tmp_path, proxy=limits(linger_s=0.6)) as running:
        with socket.create_connection(("127.0.0.1", running.port)) as client:
            client.setblocking(False)
            await loop.sock_sendall(client, CHUNKED + b"1\r\na\r\n" * 3000)
            sent = 0
            with suppress(ConnectionError):
                while sent < flood:
                    await asyncio.wait_for(loop.sock_sendall(client, piece), TIMEOUT_S)
                    sent += len(piece)

    # Pieces of a quarter of a megabyte, twenty a second, and the buffers of sockets.
    assert sent < flood / 4


@pytest.mark.parametrize("end", [b"0\r\n\r\n", b"0\r\n\r\n" + GET])
async def test_body_in_tiny_chunks_is_no_better_if_it_is_whole(
    shared: Site, end: bytes
) -> None:
    """A body in one piece, up to its end or further, is refused as well."""
    answer = await shared.send(CHUNKED + b"1\r\na\r\n" * 3000 + end)

    assert status(answer) == 400
    assert shared.origin.got == []


@pytest.mark.parametrize(
    ("size", "count"), [(1, FREE_CHUNKS), (LEAST_CHUNK_BYTES, 10_000), (5000, 100)]
)
async def test_body_in_honest_chunks_arrives_whole(
    shared: Site, size: int, count: int
) -> None:
    """Some tiny chunks, or many small ones, are how some clients write."""
    chunk = b"%x\r\n%s\r\n" % (size, b"a" * size)

    answer = await shared.send(CHUNKED + chunk * count + b"0\r\n\r\n", GET)

    assert answer.count(b"HTTP/1.1 200 ") == 2
    assert shared.origin.got[0].body == b"a" * (size * count)


GARBAGE = {
    "tls": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(256)),
    "http2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(9),
    "zeros": bytes(1000),
    "ssh": b"SSH-2.0-OpenSSH_9.2p1\r\n",
    "proxy-v1": b"PROXY TCP4 192.0.2.7 10.0.0.1 1 2\r\n" + GET,
    "lone-line-feeds": b"GET / HTTP/1.1\nHost: a\n\n",
}


@pytest.mark.parametrize("name", GARBAGE)
async def test_what_is_not_http_is_answered_and_ended(shared: Site, name: str) -> None:
    """None of its bytes reaches the origin, and nothing waits for it."""
    answer = await shared.send(GARBAGE[name])

    assert status(answer) == 400
    assert shared.origin.got == []


async def test_garbage_behind_a_request_is_answered_after_it(shared: Site) -> None:
    """The valid requests before it get their answers."""
    reader, writer = await asyncio.open_connection("127.0.0.1", shared.port)
    writer.write(b"GET /1 HTTP/1.1\r\n" + HOST + b"\r\n")
    await reader.readuntil(b"ok")
    writer.write(b"\x16\x03\x01 garbage\r\n\r\n" + GET)

    assert status(await reader.read()) == 400
    assert len(shared.origin.got) == 1
    await closed(writer)


async def test_half_closed_client_gets_its_answer(shared: Site) -> None:
    """``printf ... | nc -N`` is a client too."""
    answer = await half_closed(shared.port, GET.replace(b"Connection: close\r\n", b""))

    assert answer.endswith(b"\r\n\r\nok")


async def test_half_closed_client_gets_the_verdict_on_its_upload(shared: Site) -> None:
    """An upload is complete when its last byte is there."""
    head = b"PUT /x HTTP/1.1\r\n%sContent-Length: %d\r\n\r\n" % (HOST, len(LISTED))

    assert status(await half_closed(shared.port, head + LISTED)) == 403


async def test_half_closed_client_gets_every_answer(shared: Site) -> None:
    """Requests that were pipelined before the end are answered in order."""
    asks = b"".join(b"GET /%d HTTP/1.1\r\n%s\r\n" % (n, HOST) for n in range(5))

    answer = await half_closed(shared.port, asks)

    assert answer.count(b"HTTP/1.1 200 ") == 5
    assert [got.head.split()[1] for got in shared.origin.got] == [
        b"/%d" % n for n in range(5)
    ]


async def test_half_closed_client_is_not_waited_for_without_end(
    tmp_path: Path,
) -> None:
    """A client that has disconnected looks the same, so the wait has a limit."""
    left = asyncio.Event()

    async def wait(
        _got: Got, reader: asyncio.StreamReader, _writer: asyncio.StreamWriter
    ) -> None:
        await reader.read()
        left.set()

    async with site(tmp_path, proxy=limits(half_closed_s=0.05)) as brief:
        brief.origin.answering = wait
        assert await half_closed(brief.port, GET) == b""
        async with asyncio.timeout(TIMEOUT_S):
            await left.wait()


async def half_closed(port: int, data: bytes) -> bytes:
    """Send bytes, end our side, and return all that comes back."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(data)
    writer.write_eof()
    answer = await asyncio.wait_for(reader.read(), TIMEOUT_S)
    await closed(writer)
    return answer


async def test_pipelined_requests_are_answered_in_order(shared: Site) -> None:
    """Uploads are among them, and the proxy reads no more ahead than it can hold."""
    asks = b"".join(
        b"PUT /%d HTTP/1.1\r\n%sContent-Length: 2\r\n\r\nhi" % (n, HOST)
        for n in range(100)
    )

    answer = await shared.send(asks + GET)

    assert answer.count(b"HTTP/1.1 200 ") == 101
    assert [got.head.split()[1] for got in shared.origin.got][:-1] == [
        b"/%d" % n for n in range(100)
    ]


async def test_client_that_resets_in_mid_head_is_forgotten(shared: Site) -> None:
    """Its timer does nothing any more, and other clients are served."""
    _, writer = await asyncio.open_connection("127.0.0.1", shared.port)
    writer.write(GET[:10])
    await writer.drain()
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    writer.transport.abort()

    assert status(await shared.send(GET)) == 200
