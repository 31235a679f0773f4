"""Requests to the origin and its answers: nothing is changed on the way."""

import asyncio
import gzip
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.proxy.fidelity import says
from tests.proxy.wire import Got, WireOrigin, closed, wire_origin
from uploadfilter.web.origins.asking import OriginAnswer
from uploadfilter.web.origins.failing import OriginFailure
from uploadfilter.web.origins.origin import Origin
from uploadfilter.web.origins.sending import Whole
from uploadfilter.web.origins.settings import OriginSettings


@pytest.fixture
async def wire() -> AsyncIterator[WireOrigin]:
    """An origin that shows every byte it got."""
    async with wire_origin() as origin:
        yield origin


async def body(*pieces: bytes) -> AsyncIterator[bytes]:
    """Yield the pieces of a body."""
    for piece in pieces:
        yield piece


async def ask(
    wire: WireOrigin,
    method: str = "GET",
    target: str = "/",
    headers: tuple[tuple[bytes, bytes], ...] = ((b"Host", b"site.example"),),
    data: bytes | None = None,
) -> tuple[int, bytes, tuple[tuple[bytes, bytes], ...]]:
    """Ask an origin once and return status, body and headers of its answer."""
    async with Origin.opened(OriginSettings(url=wire.url)) as origin:
        sent = None if data is None else body(data)
        async with origin.asked(method, target, headers, sent) as answer:
            assert isinstance(answer, OriginAnswer)
            return answer.status, await answer.content.read(), answer.raw_headers


async def failure(settings: OriginSettings) -> OriginFailure:
    """Ask an origin that will not answer, and return why."""
    async with (
        Origin.opened(settings) as origin,
        origin.asked("GET", "/", [(b"Host", b"x")], None) as answer,
    ):
        assert isinstance(answer, OriginFailure)
        return answer


@pytest.mark.parametrize(
    "target",
    [
        "/a;b/%2e%2e/c",
        "//double//slash",
        "/%E2%82%AC?q=%20+%2B&q=",
        "/a%2Fb%00",
        "/?",
        "/..%2f../x",
        "/|^{}",
    ],
)
async def test_target_goes_on_byte_for_byte(wire: WireOrigin, target: str) -> None:
    """No library may normalise a path: the inspected path is the requested one."""
    await ask(wire, target=target)

    assert wire.got[0].head.split(b"\r\n")[0] == f"GET {target} HTTP/1.1".encode()


async def test_asterisk_target_goes_on(wire: WireOrigin) -> None:
    """``OPTIONS *`` asks about the whole server (RFC 9112, section 3.2.4)."""
    await ask(wire, "OPTIONS", "*")

    assert wire.got[0].head.startswith(b"OPTIONS * HTTP/1.1\r\n")


async def test_requests_at_the_same_time_keep_their_targets(wire: WireOrigin) -> None:
    """No request ever goes out with the target of another one."""
    targets = [*(f"/{number}?{number}" for number in range(40)), "*", "/?*", "/"]
    async with Origin.opened(OriginSettings(url=wire.url)) as origin:

        async def ask_for(target: str) -> None:
            async with origin.asked("GET", target, [(b"Host", b"x")], None) as answer:
                assert isinstance(answer, OriginAnswer)

        async with asyncio.TaskGroup() as group:
            for target in targets:
                group.create_task(ask_for(target))
    asked = [request.head.split(b" ")[1].decode() for request in wire.got]

    assert sorted(asked) == sorted(targets)


async def test_no_header_is_added(wire: WireOrigin) -> None:
    """The origin gets the headers that it is sent and no others."""
    await ask(
        wire, headers=((b"Host", b"site.example"), (b"X-a", b"1"), (b"X-a", b"2"))
    )

    assert wire.got[0].head.split(b"\r\n")[1:] == [
        b"Host: site.example",
        b"X-a: 1",
        b"X-a: 2",
    ]


@pytest.mark.parametrize("data", [None, b"hello"], ids=["no-body", "body"])
async def test_header_keeps_bytes_that_are_not_utf8(
    wire: WireOrigin, data: bytes | None
) -> None:
    """The origin gets the inspected bytes, in Latin-1 or in any other encoding."""
    length = (b"Content-Length", b"%d" % len(data or b""))
    headers = ((b"Host", b"x"), (b"X-Name", b"caf\xe9 \xc3\xa9"), length)

    await ask(wire, "PUT", headers=headers, data=data)

    assert wire.got[0].header(b"x-name") == [b"caf\xe9 \xc3\xa9"]
    assert wire.got[0].header(b"content-length") == [length[1]]
    assert wire.got[0].body == (data or b"")


async def test_body_is_framed_by_its_length(wire: WireOrigin) -> None:
    """A body whose length is given goes on under that length, not in chunks."""
    headers = ((b"Host", b"x"), (b"Content-Length", b"5"))

    await ask(wire, "PUT", headers=headers, data=b"hello")

    assert wire.got[0].body == b"hello"
    assert wire.got[0].header(b"transfer-encoding") == []
    assert wire.got[0].header(b"content-type") == []


@pytest.mark.parametrize("data", [b"", b"hello"])
async def test_short_body_without_a_length_goes_in_one_chunk(
    wire: WireOrigin, data: bytes
) -> None:
    """Nothing of it is taken for the beginning of the next request."""
    headers = ((b"Host", b"x"),)
    async with Origin.opened(OriginSettings(url=wire.url)) as origin:
        for _ in range(2):
            short = Whole(data=data, on_sent=lambda: None)
            async with origin.asked("PUT", "/", headers, short) as answer:
                assert isinstance(answer, OriginAnswer)
                await answer.content.read()

    assert [got.body for got in wire.got] == [data, data]
    assert wire.got[0].header(b"transfer-encoding") == [b"chunked"]
    assert wire.got[0].header(b"content-length") == []


async def test_redirect_is_passed_on(wire: WireOrigin) -> None:
    """The client decides whether it follows a redirect."""
    wire.answers = [b"HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n"]

    status, _, headers = await ask(wire)

    assert status == 302
    assert (b"Location", b"/x") in headers
    assert len(wire.got) == 1


async def test_cookies_are_not_kept(wire: WireOrigin) -> None:
    """One client's cookie must never go out with another's request."""
    wire.answers = [
        b"HTTP/1.1 200 OK\r\nSet-Cookie: s=secret\r\nContent-Length: 0\r\n\r\n"
    ]
    async with Origin.opened(OriginSettings(url=wire.url)) as origin:
        for _ in range(2):
            async with origin.asked("GET", "/", [(b"Host", b"x")], None) as answer:
                assert isinstance(answer, OriginAnswer)
                assert (b"Set-Cookie", b"s=secret") in answer.raw_headers

    assert all(request.header(b"cookie") == [] for request in wire.got)


async def test_answer_stays_compressed(wire: WireOrigin) -> None:
    """The bytes must fit the Content-Encoding and the length that go on with them."""
    packed = gzip.compress(b"hello" * 10)
    wire.answers = [
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%s"
        % (len(packed), packed)
    ]

    _, data, headers = await ask(wire)

    assert data == packed
    assert (b"Content-Encoding", b"gzip") in headers


@pytest.mark.parametrize("method", ["PUT", "DELETE", "POST"])
async def test_upload_is_never_sent_twice(wire: WireOrigin, method: str) -> None:
    """A kept connection that breaks is a 502: the first request may have worked."""

    async def answer_once(
        _got: Got, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        if len(wire.got) == 1:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            await writer.drain()
        else:
            await closed(writer)

    wire.answering = answer_once
    headers = [(b"Host", b"x"), (b"Content-Length", b"5")]
    async with Origin.opened(OriginSettings(url=wire.url)) as origin:
        async with origin.asked(method, "/", headers, body(b"hello")) as answer:
            assert isinstance(answer, OriginAnswer)
            await answer.content.read()
        async with origin.asked(method, "/", headers, body(b"hello")) as answer:
            assert answer is OriginFailure.UNREACHABLE

    assert (len(wire.got), wire.connections) == (2, 1)


@pytest.mark.parametrize("method", ["PROPFIND", "REPORT", "SEARCH", "QUERY"])
async def test_question_with_a_short_body_is_sent_again(
    wire: WireOrigin, method: str
) -> None:
    """A kept connection that breaks is no 502 if the request changes nothing."""
    requests = 0

    def is_second(_got: Got) -> bool:
        nonlocal requests
        requests += 1
        return requests == 2

    wire.breaks = is_second
    headers = [(b"Host", b"x"), (b"Content-Length", b"5")]
    whole = Whole(data=b"hello", on_sent=lambda: None)
    async with Origin.opened(OriginSettings(url=wire.url)) as origin:
        for _ in range(2):
            async with origin.asked(method, "/", headers, whole) as answer:
                assert isinstance(answer, OriginAnswer)
                await answer.content.read()

    assert [got.body for got in wire.got] == [b"hello"] * 3
    assert wire.connections == 2


async def test_origin_that_is_down_is_unreachable() -> None:
    """A refused connection is a value, not an exception."""
    settings = OriginSettings(url="http://127.0.0.1:9")

    assert await failure(settings) is OriginFailure.UNREACHABLE


async def test_origin_that_answers_garbage_is_unreachable(wire: WireOrigin) -> None:
    """Bytes that are not HTTP are not an answer."""
    wire.answers = [b"SSH-2.0-OpenSSH_9.9\r\n\r\n"]

    got = await failure(OriginSettings(url=wire.url))

    assert got is OriginFailure.UNREACHABLE


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(b"HTTP/1.1 200 OK\r\nX: a\x01b\r\n", id="control-character"),
        pytest.param(b"HTTP/1.1 200 O\x01K\r\n", id="reason"),
        pytest.param(b"HTTP/1.1 200 OK\r\nX : a\r\n", id="blank-in-a-name"),
        pytest.param(
            b"HTTP/1.1 101 Switching Protocols\r\n"
            b"Connection: Upgrade\r\nUpgrade: websocket\r\n",
            id="switching-protocols",
        ),
    ],
)
async def test_answer_that_cannot_be_passed_on_is_none(
    wire: WireOrigin, answer: bytes
) -> None:
    """An answer is forwarded unchanged, or not at all."""
    wire.answers = [answer + b"Content-Length: 0\r\n\r\n"]

    assert await failure(OriginSettings(url=wire.url)) is OriginFailure.UNREACHABLE


async def test_origin_that_does_not_answer_is_too_slow(wire: WireOrigin) -> None:
    """A hanging origin is given up after its time, with a separate result."""

    async def hang(
        _got: Got, _reader: asyncio.StreamReader, _writer: asyncio.StreamWriter
    ) -> None:
        await asyncio.Event().wait()

    wire.answering = hang

    got = await failure(OriginSettings(url=wire.url, answer_timeout_s=0.05))

    assert got is OriginFailure.TOO_SLOW


async def test_answer_before_the_body_was_read_is_passed_on(wire: WireOrigin) -> None:
    """An origin may refuse an upload early; its answer still counts."""
    wire.reads_bodies = False
    wire.answers = [
        b"HTTP/1.1 413 No\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno"
    ]
    headers = ((b"Host", b"x"), (b"Content-Length", b"8000000"))

    status, data, _ = await ask(wire, "PUT", headers=headers, data=b"x" * 8_000_000)

    assert (status, data) == (413, b"no")


async def test_origin_on_a_unix_socket_is_asked(
    wire: WireOrigin, tmp_path: Path
) -> None:
    """Two programs on one machine need no port; the Host is kept."""
    path = str(tmp_path / "app.sock")
    server = await asyncio.start_unix_server(wire.serve, path)
    wire.url = f"unix:{path}"
    async with server:
        status, data, _ = await ask(wire)

    assert (status, data) == (200, b"ok")
    assert wire.got[0].header(b"host") == [b"site.example"]


async def test_socket_that_is_not_there_is_unreachable(tmp_path: Path) -> None:
    """It is treated like a port on which no program listens."""
    got = await failure(OriginSettings(url=f"unix:{tmp_path}/app.sock"))

    assert got is OriginFailure.UNREACHABLE


async def test_origin_on_ipv6_is_asked(wire: WireOrigin) -> None:
    """An IPv6 address stands in brackets."""
    server = await asyncio.start_server(wire.serve, "::1", 0)
    wire.url = f"http://[::1]:{server.sockets[0].getsockname()[1]}"
    async with server:
        status, data, _ = await ask(wire)

    assert (status, data) == (200, b"ok")


async def test_name_that_vanishes_is_unreachable_until_it_is_back(
    wire: WireOrigin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Failures of name servers end by themselves, without an operator."""
    known: set[str] = set()
    real = socket.getaddrinfo

    def look_up(host: str, port: int, *how: int) -> list[tuple[object, ...]]:
        if host == "origin.test" and host not in known:
            raise socket.gaierror(socket.EAI_AGAIN, "no name server")
        return list(real("127.0.0.1", port, *how))

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    url = wire.url.replace("127.0.0.1", "origin.test")
    async with Origin.opened(OriginSettings(url=url)) as origin:
        for expected in (OriginFailure.UNREACHABLE, 200):
            async with origin.asked("GET", "/", [(b"Host", b"x")], None) as answer:
                got = answer if isinstance(answer, OriginFailure) else answer.status
            known.add("origin.test")

            assert got == expected


@pytest.mark.parametrize(
    ("kind", "is_waited_for"),
    [(b"text/event-stream; charset=utf-8", True), (b"text/plain", False)],
)
async def test_only_events_may_be_silent_for_long(
    wire: WireOrigin, kind: bytes, *, is_waited_for: bool
) -> None:
    """A stream of events has a time limit of its own; other answers time out."""
    hours = 3600.0
    settings = OriginSettings(
        url=wire.url, answer_timeout_s=0.05, stream_timeout_s=hours
    )
    wire.answering = says(
        b"HTTP/1.1 200 OK\r\nContent-Type: %s\r\n\r\n" % kind, hangs=True
    )
    async with (
        Origin.opened(settings) as origin,
        origin.asked("GET", "/", [(b"Host", b"x")], None) as answer,
    ):
        assert isinstance(answer, OriginAnswer)
        waited = asyncio.ensure_future(answer.content.readany())
        done, _ = await asyncio.wait([waited], timeout=0.2)
        waited.cancel()
        await asyncio.gather(waited, return_exceptions=True)

    assert (not done) is is_waited_for


async def test_silence_of_events_has_an_end(wire: WireOrigin) -> None:
    """A stream that is silent for longer than ``stream_timeout_s`` is given up."""
    settings = OriginSettings(url=wire.url, stream_timeout_s=0.05)
    wire.answering = says(
        b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n", hangs=True
    )
    async with (
        Origin.opened(settings) as origin,
        origin.asked("GET", "/", [(b"Host", b"x")], None) as answer,
    ):
        assert isinstance(answer, OriginAnswer)
        with pytest.raises(TimeoutError):
            await answer.content.readany()


@pytest.mark.parametrize(
    "changed",
    [
        {"ca_file": "/ca.pem"},
        {"server_name": "x"},
        {"client_certificate": "/c.pem"},
        {"url": "https://x", "client_key": "/key.pem"},
        {"via": "a b"},
    ],
    ids="+".join,
)
def test_settings_refuse_what_does_not_go_together(changed: dict[str, str]) -> None:
    """A certificate that is never verified must not look verified."""
    with pytest.raises(ValueError, match=r"client_key|https|via"):
        OriginSettings(**{"url": "http://x"} | changed)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "url",
    [
        "ftp://x",
        "http://",
        "x",
        "http://x/path",
        "http://x?q",
        "unix:run/x",
        "http://u:p@x",
        "http://a..b",
        f"http://{'a' * 64}.b",
    ],
)
def test_settings_refuse_what_is_no_origin(url: str) -> None:
    """Targets must be appendable to the address."""
    with pytest.raises(ValueError, match="origin"):
        OriginSettings(url=url)


@pytest.mark.parametrize("name", [".x", "a..b", "a" * 64])
def test_settings_refuse_a_name_that_no_certificate_has(name: str) -> None:
    """Otherwise each request would fail, and so would the check of the origin."""
    with pytest.raises(ValueError, match="origin"):
        OriginSettings(url="https://x", server_name=name)
