"""One request to the origin and its answer, with aiohttp's own habits taken away."""

import asyncio
import gc
import socket
import struct
import threading
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import aiohttp
import pytest

from tests.proxy.fidelity import says
from tests.proxy.wire import OK, TIMEOUT_S, Got, WireOrigin, wire_origin
from tests.waiting import until
from uploadfilter.web.origins.asking import OriginAnswer
from uploadfilter.web.origins.failing import OriginFailure
from uploadfilter.web.origins.origin import Origin
from uploadfilter.web.origins.settings import OriginSettings

HEADERS = ((b"Host", b"site.example"),)

RESET = struct.pack("ii", 1, 0)
"""SO_LINGER with no time at all: a close becomes a reset."""


@pytest.fixture
async def wire() -> AsyncIterator[WireOrigin]:
    """An origin that shows every byte it got."""
    async with wire_origin() as origin:
        yield origin


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PROPFIND"])
async def test_request_without_a_body_gets_no_length(
    wire: WireOrigin, method: str
) -> None:
    """The request states nothing that the client did not state."""
    async with (
        Origin.opened(OriginSettings(url=wire.url)) as origin,
        origin.asked(method, "/", HEADERS, None) as answer,
    ):
        assert isinstance(answer, OriginAnswer)

    assert wire.got[0].head.split(b"\r\n")[1:] == [b"Host: site.example"]


async def test_informational_answers_do_not_stop_the_clock(wire: WireOrigin) -> None:
    """An origin that announces an answer must still give one."""
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
    """A broken connection is not an end, even if the body ends with its connection."""
    wire.answering = says(b"HTTP/1.1 200 OK\r\n\r\nhello", resets=resets)
    async with (
        Origin.opened(OriginSettings(url=wire.url)) as origin,
        origin.asked("GET", "/", HEADERS, None) as answer,
    ):
        assert isinstance(answer, OriginAnswer)
        assert await answer.content.read() == b"hello"

        assert answer.is_broken_off() is resets


async def test_origin_that_speaks_first_is_no_origin() -> None:
    """Another program listens there; the request is not tried again and again."""

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


class Ending:
    """An origin in a separate thread, which ends its first connection when told to.

    Attributes:
        url: Where it listens.
        asked: How many requests it got on each connection.
    """

    def __init__(self, last_words: bytes) -> None:
        self._server = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._server.getsockname()[1]}"
        self.asked: list[int] = []
        self._last_words = last_words
        self._end, self._is_over = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._serve)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        # It may wait for a connection that never comes.
        self._server.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._server.close()

    def end(self) -> None:
        """Let it end, and wait until it has, without a turn of the event loop."""
        self._end.set()
        assert self._is_over.wait(TIMEOUT_S)

    def _serve(self) -> None:
        with suppress(OSError):
            for _ in range(2):
                self._serve_one(self._server.accept()[0])
                self._is_over.set()

    def _serve_one(self, connection: socket.socket) -> None:
        self.asked.append(0)
        with connection:
            self._answer(connection)
            if len(self.asked) == 1:
                self._end.wait(TIMEOUT_S)
                connection.sendall(self._last_words)

    def _answer(self, connection: socket.socket) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            head += connection.recv(4096)
        self.asked[-1] += 1
        connection.sendall(OK)


@pytest.mark.parametrize("last_words", [b"", b"HTTP/1.1 408 Too Late\r\n\r\n"])
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "PROPFIND"])
async def test_connection_that_ended_while_the_loop_was_busy_is_not_used(
    method: str, last_words: bytes
) -> None:
    """It is noticed before a request is sent, so every request may be sent anew."""
    with Ending(last_words) as ending:
        async with Origin.opened(OriginSettings(url=ending.url)) as origin:
            for number in range(2):
                async with origin.asked(method, "/", HEADERS, None) as answer:
                    assert isinstance(answer, OriginAnswer), number
                    assert await answer.content.read() == b"ok"
                if number == 0:
                    ending.end()

    assert ending.asked == [1, 1]


async def test_kept_connection_is_used_again(wire: WireOrigin) -> None:
    """Most requests need no new connection, with a body or without."""

    async def one_piece() -> AsyncIterator[bytes]:
        yield b"hi"

    async with Origin.opened(OriginSettings(url=wire.url)) as origin:
        for body in (None, one_piece(), None):
            headers = (*HEADERS, (b"Content-Length", b"2")) if body else HEADERS
            async with origin.asked("POST", "/", headers, body) as answer:
                assert isinstance(answer, OriginAnswer)
                assert await answer.content.read() == b"ok"

    assert (len(wire.got), wire.connections) == (3, 1)


LONG = b"HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\n" + bytes(9000)


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_whole_answer_does_not_break_off_with_the_next_one(
    wire: WireOrigin, method: str
) -> None:
    """A slow client reads it while its connection serves, and loses, another."""

    async def reset_second(
        _got: Got, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        if len(wire.got) == 2:
            end = writer.get_extra_info("socket")
            end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            writer.transport.abort()
        else:
            writer.write(LONG)

    wire.answering = reset_second
    async with (
        Origin.opened(OriginSettings(url=wire.url)) as origin,
        origin.asked("GET", "/", HEADERS, None) as answer,
    ):
        assert isinstance(answer, OriginAnswer)
        await until(answer.content.is_eof)
        async with origin.asked(method, "/", HEADERS, None):
            assert len(await answer.content.read()) == 9000
            assert not answer.is_broken_off()

    assert wire.connections == (2 if method == "GET" else 1)


@pytest.mark.parametrize(
    "turns",
    [0, 1, *(pytest.param(turns, marks=pytest.mark.slow) for turns in range(2, 6))],
)
async def test_next_request_is_not_the_rest_of_a_body(
    wire: WireOrigin, turns: int
) -> None:
    """The origin answers early, and the body breaks off at the same moment.

    No error is left to be logged either.
    """
    failures: list[dict[str, Any]] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _loop, failure: failures.append(failure))
    answered = asyncio.Event()

    async def early(
        got: Got, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        writer.write(OK)
        answered.set()
        if lengths := got.header(b"content-length"):
            await reader.readexactly(int(lengths[0]))

    async def breaking() -> AsyncIterator[bytes]:
        yield b"x"
        await answered.wait()
        for _ in range(turns):
            await asyncio.sleep(0)
        raise ConnectionResetError

    wire.answering, wire.reads_bodies = early, False
    headers = (*HEADERS, (b"Content-Length", b"100"))
    async with Origin.opened(OriginSettings(url=wire.url)) as origin:
        async with origin.asked("POST", "/", headers, breaking()):
            pass
        async with origin.asked("PUT", "/next", HEADERS, None) as answer:
            assert isinstance(answer, OriginAnswer)
    gc.collect()

    assert wire.got[-1].head.startswith(b"PUT /next ")
    assert failures == []


async def test_connection_of_a_short_body_is_not_used_again(wire: WireOrigin) -> None:
    """The origin waits for the rest, and nothing else may take its place."""
    wire.reads_bodies = False

    async def short() -> AsyncIterator[bytes]:
        yield b"x"

    headers = (*HEADERS, (b"Content-Length", b"2"))
    async with Origin.opened(OriginSettings(url=wire.url)) as origin:
        for body in (short(), None):
            async with origin.asked("PUT", "/", headers, body) as answer:
                if isinstance(answer, OriginAnswer):
                    await answer.content.read()

    assert wire.connections == 2


def refusal(framing: bytes, body: bytes) -> bytes:
    """Return the answer of an origin that wants no upload."""
    return b"HTTP/1.1 403 No\r\nConnection: close\r\n%b\r\n\r\n%b" % (framing, body)


class Refusing:
    """An origin that answers before it has read a body, and closes the connection.

    What it has not read makes the system reset the connection. All this happens while
    the event loop is busy, so that the loop notices the end when it sends.

    Args:
        listener: Where it listens.
        answer: What it says.
        pieces: How many pieces of the body are sent in vain afterwards.
    """

    def __init__(
        self, listener: socket.socket, answer: bytes, *, pieces: int = 1
    ) -> None:
        self._listener = listener
        self._answer = answer
        self._pieces = pieces

    async def body(self) -> AsyncIterator[bytes]:
        """Yield a body, and end its connection after the first piece."""
        yield bytes(64 * 1024)
        end, _ = self._listener.accept()
        with end:
            end.recv(1)
            end.sendall(self._answer)
        for _ in range(self._pieces):
            yield bytes(64 * 1024)


async def refused(
    listener: socket.socket, answer: bytes, *, pieces: int = 1
) -> tuple[int, bytes, bool]:
    """Send an upload that its origin does not read.

    Returns:
        The status and the body of its answer, and whether the answer broke off.

    Raises:
        ClientPayloadError: The body is only a part.
    """
    name = listener.getsockname()
    url = f"unix:{name}" if isinstance(name, str) else f"http://127.0.0.1:{name[1]}"
    headers = (*HEADERS, (b"Content-Length", b"10000000"))
    body = Refusing(listener, answer, pieces=pieces).body()
    async with (
        Origin.opened(OriginSettings(url=url)) as origin,
        origin.asked("POST", "/", headers, body) as answered,
    ):
        assert isinstance(answered, OriginAnswer)
        content = await answered.content.read()
        return answered.status, content, answered.is_broken_off()


@pytest.mark.parametrize("pieces", [1, 5])
@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_UNIX])
@pytest.mark.parametrize(
    ("framing", "sent", "body"),
    [
        (b"Content-Length: 0", b"", b""),
        (b"Content-Length: 6", b"notyou", b"notyou"),
        (b"Content-Length: 100000", bytes(100_000), bytes(100_000)),
        (b"Transfer-Encoding: chunked", b"2\r\nno\r\n0\r\n\r\n", b"no"),
    ],
    ids=["empty", "short", "long", "chunked"],
)
async def test_answer_to_an_unread_body_is_not_lost(
    tmp_path: Path,
    family: socket.AddressFamily,
    framing: bytes,
    sent: bytes,
    body: bytes,
    pieces: int,
) -> None:
    """The client gets the whole 403 of the origin, and not a 502 of ours."""
    where = str(tmp_path / "s") if family is socket.AF_UNIX else ("127.0.0.1", 0)
    with socket.create_server(where, family=family) as listener:
        got = await refused(listener, refusal(framing, sent), pieces=pieces)

    assert got == (403, body, False)


async def test_endless_answer_to_an_unread_body_is_perhaps_not_whole() -> None:
    """Its body ends with its connection, which broke."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        got = await refused(listener, refusal(b"X: x", b"not"))

    assert got == (403, b"not", True)


async def test_part_of_an_answer_to_an_unread_body_is_not_the_whole() -> None:
    """Nobody takes the beginning for the answer."""
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        pytest.raises(aiohttp.ClientPayloadError),
    ):
        await refused(listener, refusal(b"Content-Length: 9", b"not"))


PROCESSING = b"HTTP/1.1 102 Processing\r\n\r\n"


@pytest.mark.parametrize(
    "interim",
    [
        PROCESSING,
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"HTTP/1.1 103 E\r\nLink: <a>\r\n\r\n",
    ],
    ids=["102", "100", "103"],
)
async def test_c7_flood_of_interim_answers_ends(
    wire: WireOrigin, interim: bytes
) -> None:
    """C7: it never gives an answer, and other clients would wait for it (issue 27)."""

    async def flood(
        _got: Got, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        while True:
            writer.write(interim * 1_000)
            await writer.drain()

    wire.answering = flood
    settings = OriginSettings(url=wire.url, answer_timeout_s=float(TIMEOUT_S))
    async with (
        asyncio.timeout(TIMEOUT_S),
        Origin.opened(settings) as origin,
        origin.asked("GET", "/", HEADERS, None) as answer,
    ):
        assert answer is OriginFailure.UNREACHABLE


async def test_interim_answers_in_a_row_do_not_renew_the_clock(
    wire: WireOrigin,
) -> None:
    """The time runs from the end of the request, whatever is announced (issue 27)."""

    async def announce(
        _got: Got, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        while True:
            writer.write(PROCESSING)
            await writer.drain()
            await asyncio.sleep(0.02)

    wire.answering = announce
    settings = OriginSettings(url=wire.url, answer_timeout_s=0.1)
    async with (
        asyncio.timeout(TIMEOUT_S),
        Origin.opened(settings) as origin,
        origin.asked("GET", "/", HEADERS, None) as answer,
    ):
        assert answer is OriginFailure.TOO_SLOW


@pytest.mark.parametrize("pieces", [1, 2, 1000], ids=["at once", "two", "byte by byte"])
async def test_some_interim_answers_pass(wire: WireOrigin, pieces: int) -> None:
    """An origin may announce its answer a few times, in any cut."""
    said = PROCESSING * 3 + b"HTTP/1.1 103 E\r\nLink: <a>\r\n\r\n" + OK
    size = -(-len(said) // pieces)
    wire.answering = says(*(said[at : at + size] for at in range(0, len(said), size)))
    async with (
        Origin.opened(OriginSettings(url=wire.url)) as origin,
        origin.asked("GET", "/", HEADERS, None) as answer,
    ):
        assert isinstance(answer, OriginAnswer)
        assert await answer.content.read() == b"ok"


NO_CONTENT = b"HTTP/1.1 204 No Content\r\n\r\n"


WHOLE = [
    ("GET", OK, b"ok"),
    ("POST", OK, b"ok"),
    ("GET", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", b""),
    ("GET", NO_CONTENT, b""),
    ("GET", b"HTTP/1.1 304 No\r\nContent-Length: 9\r\n\r\n", b""),
    ("HEAD", OK[:-2], b""),
    ("HEAD", OK, b""),
    ("GET", PROCESSING + OK, b"ok"),
    ("GET", OK.replace(b" OK", b" OK\r\nConnection: close"), b"ok"),
]
"""Methods, whole answers to them, and their bodies."""


@pytest.mark.parametrize("first", [0, 1, 20, 1000], ids=lambda it: f"cut at {it}")
@pytest.mark.parametrize("behind", [b"\0", b"x", b"</html>\r\n", OK])
@pytest.mark.parametrize(("method", "whole", "body"), WHOLE)
async def test_bytes_behind_a_whole_answer_do_no_harm(
    wire: WireOrigin, method: str, whole: bytes, body: bytes, behind: bytes, first: int
) -> None:
    """The answer passes, and its connection serves no other request (issue 27)."""

    async def answer(
        _got: Got, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        for piece in (whole[:first], whole[first:] + behind):
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0)

    wire.answering = answer
    async with (
        asyncio.timeout(TIMEOUT_S),
        Origin.opened(OriginSettings(url=wire.url)) as origin,
    ):
        for _ in range(2):
            async with origin.asked(method, "/", HEADERS, None) as answered:
                assert isinstance(answered, OriginAnswer)
                assert await answered.content.read() == body

    assert (len(wire.got), wire.connections) == (2, 2)


async def test_body_that_cannot_be_parsed_breaks_off(wire: WireOrigin) -> None:
    """Nobody waits for the rest of it, or takes its beginning for the whole."""
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n"
    is_begun = asyncio.Event()

    async def answer(
        _got: Got, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        writer.write(head)
        await is_begun.wait()
        writer.write(b"zz\r\n")

    wire.answering = answer
    async with (
        asyncio.timeout(TIMEOUT_S),
        Origin.opened(OriginSettings(url=wire.url)) as origin,
        origin.asked("GET", "/", HEADERS, None) as answered,
    ):
        assert isinstance(answered, OriginAnswer)
        is_begun.set()
        with pytest.raises(aiohttp.ClientPayloadError):
            await answered.content.read()
