"""Everything passes as if the filter were not there: seen on the wire, both ways."""

import asyncio
import contextlib
import gzip
import socket
from collections.abc import AsyncIterator
from ipaddress import ip_network
from pathlib import Path

import pytest
import pytest_asyncio

from tests.proxy.fidelity import Client, fresh, parsed, passing, says
from tests.proxy.site import CLOSE, HOST, Site
from tests.proxy.wire import OK, TIMEOUT_S, Got, status
from tests.waiting import until
from uploadfilter.uploads.head.clientside import ClientHeader
from uploadfilter.web.requests.limits import ProxyLimits

pytestmark = pytest.mark.asyncio(loop_scope="module")

GET = b"GET / HTTP/1.1\r\n" + CLOSE + b"\r\n"
ANSWER_TIMEOUT_S = 1.0
MIB = 1024 * 1024
HELD_MIB = 16
"""More bytes than four sockets and the filter hold of an unread answer."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    """A filter in ENFORCE, shared by the tests of this module."""
    async with passing(tmp_path_factory.mktemp("fidelity")) as shared:
        yield shared


@pytest.fixture
def filtered(running: Site) -> Site:
    """The shared filter, whose origin answers as it does by default."""
    return fresh(running)


async def test_each_event_goes_on_at_once(tmp_path: Path) -> None:
    """Server-sent events arrive when they are sent, after any silence."""
    events: asyncio.Queue[bytes] = asyncio.Queue()

    async def send_events(
        _got: Got, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
        while event := await events.get():
            writer.write(event)
        writer.close()

    async with (
        passing(tmp_path, answer_timeout_s=ANSWER_TIMEOUT_S) as hasty,
        Client.connected(hasty.port) as client,
    ):
        hasty.origin.answering = send_events
        client.writer.write(GET)
        await client.until(b"\r\n\r\n")
        for number in range(3):
            if number == 2:
                # Longer than any other answer may be silent.
                await asyncio.sleep(1.5 * ANSWER_TIMEOUT_S)
            event = b"data: %d\n\n" % number
            events.put_nowait(event)
            assert event in await client.until(b"\n\n")
        events.put_nowait(b"")

        assert (await client.rest()).endswith(b"0\r\n\r\n")


async def test_long_poll_is_waited_for(filtered: Site) -> None:
    """A late answer arrives, and so does the next one on its connection."""
    polled = asyncio.Event()

    async def answer_late(
        _got: Got, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await polled.wait()
        writer.write(OK)

    filtered.origin.answering = answer_late
    async with Client.connected(filtered.port) as client:
        for _ in range(2):
            client.writer.write(b"GET /poll HTTP/1.1\r\n" + HOST + b"\r\n")
            await until(lambda: bool(filtered.origin.got))
            polled.set()
            assert (await client.until(b"ok")).startswith(b"HTTP/1.1 200 OK\r\n")


async def test_download_is_no_faster_than_its_reader(filtered: Site) -> None:
    """An answer that is not read waits at the origin, not in our memory."""
    pushed = 0
    piece = b"x" * (MIB // 4)
    pieces = 400

    async def push(
        _got: Got, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        nonlocal pushed
        writer.transport.set_write_buffer_limits(0)
        length = b"Content-Length: %d\r\n\r\n" % (pieces * len(piece))
        writer.write(b"HTTP/1.1 200 OK\r\n" + length)
        for _ in range(pieces):
            writer.write(piece)
            await writer.drain()
            pushed += len(piece)

    filtered.origin.answering = push
    async with Client.connected(filtered.port) as client:
        client.writer.write(GET)
        await client.until(b"\r\n\r\n")
        client.writer.transport.pause_reading()  # type: ignore[attr-defined]
        stood_still = 0
        while stood_still < 5:
            before = pushed
            await asyncio.sleep(0.02)
            stood_still = stood_still + 1 if pushed == before else 0
        assert pushed < HELD_MIB * MIB

        client.writer.transport.resume_reading()  # type: ignore[attr-defined]
        left = await client.rest()

    assert len(left) == pieces * len(piece)


async def test_early_refusal_is_heard_while_the_body_is_sent(filtered: Site) -> None:
    """An origin that does not read on says so, and the client gets its answer."""
    filtered.origin.reads_bodies = False
    filtered.origin.answering = says(
        b"HTTP/1.1 507 Full\r\nContent-Length: 4\r\nConnection: close\r\n\r\nfull"
    )
    try:
        answer = await filtered.put(b"x" * (8 * MIB))
    finally:
        filtered.origin.reads_bodies = True

    assert (status(answer), parsed(answer).body) == (507, b"full")


async def test_partial_answer_is_passed_on(filtered: Site) -> None:
    """Ranges are between client and origin (RFC 9110, section 14)."""
    parts = b"--b\r\nContent-Range: bytes 0-0/9\r\n\r\na\r\n--b--\r\n"
    sent = [
        b"Content-Type: multipart/byteranges; boundary=b",
        b"Content-Length: %d" % len(parts),
        b'ETag: W/"x"',
    ]
    filtered.origin.answers = [
        b"HTTP/1.1 206 Partial Content\r\n%s\r\n\r\n%s" % (b"\r\n".join(sent), parts)
    ]
    asked = [b"Range: bytes=0-0,-1", b'If-Range: W/"x"']

    answer = await filtered.send(
        b"GET / HTTP/1.1\r\n" + CLOSE + b"\r\n".join([*asked, b"", b""])
    )

    assert [line in filtered.origin.got[0].head for line in asked] == [True, True]
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 206 Partial Content\r\n")
    assert [line in head for line in sent] == [True, True, True]
    assert body == parts


@pytest.mark.parametrize(
    ("method", "said", "length"),
    [
        pytest.param(b"HEAD", b"200 OK\r\nContent-Length: 5000", b"5000", id="head"),
        pytest.param(b"HEAD", b"200 OK", None, id="head-without-length"),
        pytest.param(
            b"GET", b"304 Not Modified\r\nContent-Length: 500", b"500", id="304"
        ),
        pytest.param(b"GET", b"304 Not Modified", None, id="304-without-length"),
        pytest.param(b"GET", b"204 No Content", None, id="204"),
        pytest.param(b"GET", b"205 Reset Content\r\nContent-Length: 0", b"0", id="205"),
    ],
)
async def test_answer_without_a_body_keeps_what_it_says(
    filtered: Site, method: bytes, said: bytes, length: bytes | None
) -> None:
    """A stated length stays, and none is invented (RFC 9110, section 8.6)."""
    filtered.origin.answers = [b"HTTP/1.1 " + said + b"\r\n\r\n"]
    request = method + b" / HTTP/1.1\r\n" + HOST
    async with Client.connected(filtered.port) as client:
        client.writer.write(request + b"\r\n")
        head = await client.until(b"\r\n\r\n")
        client.writer.write(request + b"Connection: close\r\n\r\n")
        await client.rest()

    answer = parsed(head, method)
    assert answer.values(b"content-length") == ([] if length is None else [length])
    assert answer.values(b"transfer-encoding") == []


@pytest.mark.parametrize(
    "framing",
    [
        pytest.param((b"", b"%s"), id="endless"),
        pytest.param(
            (b"Transfer-Encoding: chunked\r\n", b"5\r\n%s\r\n0\r\n\r\n"), id="chunks"
        ),
    ],
)
@pytest.mark.parametrize(
    "connection", [b"", b"Connection: keep-alive\r\n"], ids=["close", "keep-alive"]
)
async def test_old_client_gets_an_answer_that_ends_with_its_connection(
    filtered: Site, framing: tuple[bytes, bytes], connection: bytes
) -> None:
    """HTTP/1.0 has no chunks, so the connection ends, whatever the client asked."""
    headers, body = framing
    filtered.origin.answering = says(
        b"HTTP/1.1 200 OK\r\n" + headers + b"\r\n" + body % b"hello"
    )

    answer = await filtered.send(b"GET / HTTP/1.0\r\n" + HOST + connection + b"\r\n")

    head, _, got = answer.partition(b"\r\n\r\n")
    assert got == b"hello"
    assert b"keep-alive" not in head.lower()
    assert b"chunked" not in head.lower()


async def test_old_client_may_keep_its_connection(filtered: Site) -> None:
    """With a length, an HTTP/1.0 client that asks for it can go on."""
    request = b"GET / HTTP/1.0\r\n" + HOST + b"Connection: keep-alive\r\n\r\n"
    async with Client.connected(filtered.port) as client:
        for _ in range(2):
            client.writer.write(request)
            answer = await client.until(b"\r\n\r\nok")

            assert b"Connection: keep-alive" in answer


async def test_old_client_may_name_no_host(filtered: Site) -> None:
    """HTTP/1.1 needs a Host (RFC 9112, section 3.2): the origin's own is used."""
    await filtered.send(b"GET / HTTP/1.0\r\n\r\n")

    assert filtered.origin.got[0].header(b"host") == [
        filtered.origin.url.removeprefix("http://").encode()
    ]


async def test_old_origin_is_understood(filtered: Site) -> None:
    """An HTTP/1.0 origin ends its answers with its connections."""
    filtered.origin.answering = says(b"HTTP/1.0 200 OK\r\n\r\nhello")

    answer = parsed(await filtered.send(GET))

    assert (answer.body, answer.is_whole) == (b"hello", True)


async def test_requests_share_connections(filtered: Site) -> None:
    """Ten requests of one client need one connection to the origin."""
    async with Client.connected(filtered.port) as client:
        for _ in range(10):
            client.writer.write(b"GET / HTTP/1.1\r\n" + HOST + b"\r\n")
            await client.until(b"\r\n\r\nok")

    assert len(filtered.origin.got) == 10
    assert filtered.origin.connections <= 1


async def test_pipelined_requests_are_answered_in_order(filtered: Site) -> None:
    """Requests that were sent in one piece are answered one after the other."""
    filtered.origin.answers = [
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n%d" % number
        for number in range(3)
    ]
    requests = b"".join(
        b"GET /%d HTTP/1.1\r\n%s%s\r\n"
        % (number, HOST, b"Connection: close\r\n" if number == 2 else b"")
        for number in range(3)
    )

    answers = await filtered.send(requests)

    targets = [request.head.split(b" ")[1] for request in filtered.origin.got]
    assert targets == [b"/0", b"/1", b"/2"]
    assert [part[-1:] for part in answers.split(b"HTTP/1.1 200")[1:]] == [
        b"0",
        b"1",
        b"2",
    ]


async def test_trailers_are_dropped_both_ways(filtered: Site) -> None:
    """Aiohttp forwards no trailers, nor their announcement (RFC 9110, 6.5.1)."""
    chunks = b"2\r\nhi\r\n0\r\nX-Checksum: 1\r\n\r\n"
    filtered.origin.answers = [
        b"HTTP/1.1 200 OK\r\nTrailer: X-Checksum\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n" + chunks
    ]

    answer = await filtered.send(
        b"POST / HTTP/1.1\r\n%sTrailer: X-Checksum\r\nTE: trailers\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n%s" % (CLOSE, chunks)
    )

    assert parsed(answer).body == b"hi"
    assert filtered.origin.got[0].body == b"hi"
    for text in (answer, filtered.origin.got[0].head):
        assert b"checksum" not in text.lower()
        assert b"trailer" not in text.lower()


async def test_early_hints_are_dropped(filtered: Site) -> None:
    """Of several answers, the client gets the final one."""
    hint = b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n"
    filtered.origin.answers = [hint + OK]

    answer = await filtered.send(GET)

    assert answer.count(b"HTTP/1.1 ") == 1
    assert parsed(answer).body == b"ok"


async def test_compressed_answer_stays_as_it_is(filtered: Site) -> None:
    """The filter inspects uploads and not answers: no byte of them changes."""
    packed = gzip.compress(b"hello " * 1000)
    filtered.origin.answers = [
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%s"
        % (len(packed), packed)
    ]

    answer = parsed(await filtered.send(GET))

    assert answer.body == packed
    assert answer.values(b"content-encoding") == [b"gzip"]


@pytest.mark.parametrize(
    ("line", "target"),
    [
        (b"GET /a;b/%2e%2e//c?x=%20+&&=#f HTTP/1.1", b"/a;b/%2e%2e//c?x=%20+&&=#f"),
        (b'GET /|^{}"<>` HTTP/1.1', b'/|^{}"<>`'),
        (b"GET /? HTTP/1.1", b"/?"),
        (b"OPTIONS * HTTP/1.1", b"*"),
    ],
)
async def test_target_arrives_byte_for_byte(
    filtered: Site, line: bytes, target: bytes
) -> None:
    """An unusual target is not wrong, and is not normalised."""
    answer = await filtered.send(line + b"\r\n" + CLOSE + b"\r\n")

    assert status(answer) == 200
    assert filtered.origin.got[0].head.split(b" ")[1] == target


@pytest.mark.parametrize(
    "line",
    [
        pytest.param(b"GET http://site.example/ HTTP/1.1", id="absolute-target"),
        pytest.param(b"GET /caf\xc3\xa9 HTTP/1.1", id="target-outside-ascii"),
        pytest.param(b"GET /a b HTTP/1.1", id="blank-in-target"),
        pytest.param(b"VERSION-CONTROL / HTTP/1.1", id="method-unknown-to-llhttp"),
        pytest.param(b"get / HTTP/1.1", id="method-in-lower-case"),
    ],
)
async def test_request_that_the_parser_refuses_goes_nowhere(
    filtered: Site, line: bytes
) -> None:
    """Every refusal stands in the operator's list of differences."""
    answer = await filtered.send(line + b"\r\n" + CLOSE + b"\r\n")

    assert status(answer) == 400
    assert filtered.origin.got == []


async def test_headers_arrive_byte_for_byte(filtered: Site) -> None:
    """Empty values, Latin-1, repeats and odd names: all in their order."""
    sent = [
        b"X-Empty:",
        b"x-LOWER: a",
        b"X-Latin: caf\xe9",
        b"X-Twice: 1",
        b"X-Tab: a\tb",
        b"X-Twice: 2",
        b"Cookie: a=1",
        b"Cookie: b=2",
        b"X-!#$%&'*+.^_`|~: c",
    ]

    await filtered.send(b"GET / HTTP/1.1\r\n" + CLOSE + b"\r\n".join([*sent, b"", b""]))

    got = filtered.origin.got[0].head.split(b"\r\n")
    assert [line.rstrip() for line in got if line.rstrip() in sent] == sent


async def test_many_cookies_are_set(filtered: Site) -> None:
    """A hundred cookies are a hundred lines, in their order."""
    cookies = [b"Set-Cookie: c%d=1" % number for number in range(100)]
    filtered.origin.answers = [
        b"HTTP/1.1 200 OK\r\n%s\r\nContent-Length: 0\r\n\r\n" % b"\r\n".join(cookies)
    ]

    head = (await filtered.send(GET)).split(b"\r\n")

    assert [line for line in head if line.startswith(b"Set-Cookie")] == cookies


@pytest.mark.parametrize(
    ("line", "number", "asked"),
    [
        (b"OPTIONS / HTTP/1.1\r\nMax-Forwards: 0", 200, 0),
        (b"OPTIONS / HTTP/1.1\r\nMax-Forwards: 1", 200, 1),
        (b"TRACE / HTTP/1.1\r\nMax-Forwards: 0", 501, 0),
        (b"GET / HTTP/1.1\r\nMax-Forwards: 0", 200, 1),
    ],
)
async def test_request_goes_no_further_than_it_asks_to(
    filtered: Site, line: bytes, number: int, asked: int
) -> None:
    """The last one that a request may reach answers it (RFC 9110, section 7.6.2)."""
    answer = await filtered.send(line + b"\r\n" + CLOSE + b"\r\n")

    assert status(answer) == number
    assert len(filtered.origin.got) == asked
    assert b"aiohttp" not in answer


@pytest.mark.parametrize("body", [b"", b"hello"], ids=["no-body", "body"])
async def test_expectation_is_ours_to_meet(filtered: Site, body: bytes) -> None:
    """The filter reads the body first; the origin does not have to agree."""
    async with Client.connected(filtered.port) as client:
        client.writer.write(
            b"PUT / HTTP/1.1\r\n%sExpect: 100-continue\r\nContent-Length: %d\r\n\r\n"
            % (CLOSE, len(body))
        )
        if body:
            assert await client.until(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
            client.writer.write(body)
        answer = await client.rest()

    assert status(answer) == 200
    assert filtered.origin.got[0].header(b"expect") == []
    assert filtered.origin.got[0].body == body


async def test_operator_chooses_how_the_client_is_told(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """The client is named in one family, from the header of the other; and Via."""
    changes = {
        "trusted_proxies": (ip_network("127.0.0.1"),),
        "client_header": ClientHeader.FORWARDED,
    }
    state = tmp_path_factory.mktemp("told")
    async with passing(
        state,
        changes=changes,
        via="edge-7",
    ) as filtered:
        await filtered.send(
            b'GET / HTTP/1.1\r\n%sForwarded: for="[2001:db8::7]:80";proto=https\r\n'
            b"X-Forwarded-For: 203.0.113.9\r\nVia: 1.0 front\r\n\r\n" % CLOSE
        )
        got = filtered.origin.got[0]

    assert got.header(b"x-forwarded-for") == [b"2001:db8::7"]
    assert got.header(b"x-forwarded-proto") == [b"https"]
    assert got.header(b"via") == [b"1.0 front", b"1.1 edge-7"]


@pytest.mark.parametrize("takes_some", [True, False])
async def test_only_a_reader_that_takes_nothing_is_cut_off(
    tmp_path_factory: pytest.TempPathFactory, *, takes_some: bool
) -> None:
    """A client that reads slowly may take as long as necessary."""
    size = 24 * MIB
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (size, bytes(size))
    patience_s = 0.25
    changes = {"proxy": ProxyLimits(answer_idle_s=patience_s)}
    state = tmp_path_factory.mktemp("slow")
    async with passing(state, changes=changes) as filtered:
        filtered.origin.answers = [answer]
        loop = asyncio.get_running_loop()
        with socket.socket() as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * 1024)
            client.setblocking(False)
            await loop.sock_connect(client, ("127.0.0.1", filtered.port))
            await loop.sock_sendall(client, GET)
            begun, got = loop.time(), 0
            while loop.time() - begun < 4 * patience_s:
                await asyncio.sleep(patience_s / 10)
                if takes_some:
                    got += len(await loop.sock_recv(client, 128 * 1024))
            got += await rest_of(client)

    assert (got > size) is takes_some


async def rest_of(client: socket.socket) -> int:
    """Read until the connection ends, or breaks; return how many bytes it were."""
    loop = asyncio.get_running_loop()
    got = 0
    with contextlib.suppress(ConnectionError):
        async with asyncio.timeout(TIMEOUT_S):
            while data := await loop.sock_recv(client, MIB):
                got += len(data)
    return got
