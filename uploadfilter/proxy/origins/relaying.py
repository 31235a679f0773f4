"""Pass the origin's answer on to the client, and change nothing on the way.

aiohttp's server is made for programs that answer for themselves. To what others answer
it would add a ``Content-Type`` where the origin sent none, so that a browser would save
what it was to show, and a ``Server`` that names our software. So we write heads.
``Date`` is added where there is none, as RFC 9110, section 6.6.1, asks of a proxy.

An answer goes on as it comes, each event of a stream at once, and no faster than the
client takes it. One that breaks off ends so that nobody takes the part for the whole.
"""

import asyncio
import fcntl
import socket
import struct
import sys
import termios
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.utils import formatdate
from http import HTTPStatus

import aiohttp
import structlog
from aiohttp import HttpVersion11, web
from aiohttp.abc import AbstractStreamWriter
from typing_extensions import override

from uploadfilter.proxy.origins.asking import OriginAnswer
from uploadfilter.proxy.origins.heads import RawHeaders, encode_head, hold_head
from uploadfilter.uploads.head.forwarding import returned_headers

log: structlog.stdlib.BoundLogger = structlog.get_logger()

_LENGTH = b"content-length"

_LOOKS = 4
"""How often we look what a client has taken, in the time in which it must."""

_AT_ONCE_BYTES = 32 * 1024
"""Half of what a transport takes before it makes its writers wait (asyncio's default),
so that framing has room."""

_RESET = struct.pack("ii", 1, 0)
"""SO_LINGER for no time at all: a close becomes a reset."""


class _Relayed(web.StreamResponse):
    """An answer whose head goes out as the origin wrote it.

    Args:
        status: As the origin has it.
        reason: As the origin has it.
        headers: As the origin wrote them, without those of its connection.

    Attributes:
        head_bytes: Length of the head; 0 until it is made ready.
    """

    def __init__(self, status: int, reason: str, headers: RawHeaders) -> None:
        super().__init__(status=status, reason=reason)
        self._lines = list(headers)
        names = {name.lower(): value for name, value in headers}
        self.length = int(names[_LENGTH]) if _LENGTH in names else None
        self._is_dated = b"date" in names
        self.head_bytes = 0

    @override
    async def _start(self, request: web.BaseRequest) -> AbstractStreamWriter:
        """Make the head ready; it waits in the writer for what goes out with it."""
        self._req, self._payload_writer = request, request.writer
        if self._keep_alive is None:
            self._keep_alive = request.keep_alive
        self._frame(request)
        if not self._is_dated:
            now = formatdate(usegmt=True).encode("ascii")
            self._lines.append((b"Date", now))
        if request.version < HttpVersion11 and self._keep_alive:
            self._lines.append((b"Connection", b"keep-alive"))
        elif request.version >= HttpVersion11 and not self._keep_alive:
            self._lines.append((b"Connection", b"close"))
        major, minor = request.version
        line = f"HTTP/{major}.{minor} {self.status} {self.reason}"
        head = encode_head(line, self._lines)
        self.head_bytes = len(head)
        hold_head(request.writer, head)
        return request.writer

    def _frame(self, request: web.BaseRequest) -> None:
        """Say where the body ends, in the way that this client knows."""
        if self.status == HTTPStatus.NO_CONTENT:
            # It has no body, and no length either (RFC 9110, section 8.6).
            self._lines = [line for line in self._lines if line[0].lower() != _LENGTH]
        if self._must_be_empty_body:
            return
        request.writer.length = self.length
        if self.length is None and request.version >= HttpVersion11:
            request.writer.enable_chunking()
            self._lines.append((b"Transfer-Encoding", b"chunked"))

    def send_head(self) -> None:
        """Send the head without waiting for anything of the body."""
        if self._payload_writer is not None:
            self._payload_writer.send_headers()


def nothing_to_say() -> web.StreamResponse:
    """Make an answer of our own that says only that it is one.

    It is for OPTIONS that ends here (what the origin can do is the origin's to tell),
    and for a client that has gone, since aiohttp wants one all the same.
    """
    return _Relayed(HTTPStatus.OK, HTTPStatus.OK.phrase, [(b"Content-Length", b"0")])


async def relay(
    request: web.BaseRequest,
    answer: OriginAnswer,
    *,
    last: bool,
    idle_s: float,
) -> web.StreamResponse:
    """Pass the origin's answer on as it comes.

    Args:
        request: What it answers.
        answer: Of which only the head has been read.
        last: Whether the connection ends with it.
        idle_s: Seconds for which the client may take nothing of it.
    """
    response = _Relayed(
        answer.status, answer.reason, returned_headers(answer.raw_headers)
    )
    # HTTP/1.0 knows no chunks: without a length, the end of the connection is the end.
    endless = request.version < HttpVersion11 and response.length is None
    if last or endless:
        response.force_close()
    try:
        await response.prepare(request)
        if not await _passed_at_once(request, answer, response):
            async with while_client_takes(request, idle_s=idle_s):
                await _pass_body(answer, response)
                await flushed(request.writer)
    except (aiohttp.ClientError, OSError) as exc:
        # The client has gone or takes nothing, or the status has gone out; all that is
        # left is to end the connection, so that a part is not taken for the whole.
        log.info("answer_broken_off", error=type(exc).__name__)
        break_off(request, at_once=endless or isinstance(exc, TimeoutError))
    return response


async def _passed_at_once(
    request: web.BaseRequest, answer: OriginAnswer, response: _Relayed
) -> bool:
    """Pass on a small answer that is all there, as most are, without any clock.

    A transport that holds nothing takes it all, so that nothing is waited for; and the
    clock that ends a wait for the client would cost a small request some 3 % more.

    Returns:
        Whether the system has all of it by now. Otherwise the client may have to be
        waited for; what was passed on is not passed on again.
    """
    transport, content = request.transport, answer.content
    if transport is None or transport.get_write_buffer_size():
        return False
    if request.protocol.writing_paused or not content.is_eof():
        return False
    if response.head_bytes + content.total_bytes > _AT_ONCE_BYTES:
        return False
    await _pass_body(answer, response)
    return not transport.get_write_buffer_size()


async def _pass_body(answer: OriginAnswer, response: _Relayed) -> None:
    """Pass on what is there, then what comes; with the head, if it is there by now.

    Raises:
        ClientPayloadError: The origin did not come to the end of its answer.
    """
    content = answer.content
    data = content.read_nowait()
    if not data and not content.at_eof():
        response.send_head()
        data = await content.readany()
    while not content.at_eof():
        await response.write(data)
        data = await content.readany()
    if answer.is_broken_off():
        raise aiohttp.ClientPayloadError
    await response.write_eof(data)


async def flushed(writer: AbstractStreamWriter) -> None:
    """Wait until the system has all that was written.

    What it has arrives also when this process has ended. What is still ours would be
    lost then, and would be held for as long as a client likes if nobody waited for it.
    """
    transport = writer.transport
    if transport is None or not transport.get_write_buffer_size():
        return
    transport.set_write_buffer_limits(high=0)
    try:
        await writer.drain()
    finally:
        transport.set_write_buffer_limits()


@asynccontextmanager
async def while_client_takes(
    request: web.BaseRequest, *, idle_s: float
) -> AsyncIterator[None]:
    """Run the block for as long as the client takes something of what waits for it.

    Raises:
        TimeoutError: It has taken nothing for ``idle_s`` seconds, or a little longer.
    """
    scope = asyncio.timeout(None)
    watch = _Watch(request, scope, interval_s=idle_s / _LOOKS)
    async with scope:
        try:
            yield
        finally:
            watch.end()


class _Watch:
    """Looks again and again at what a client has taken, and ends a scope if nothing.

    Args:
        request: Of the client.
        scope: Timeout that ends.
        interval_s: Between two looks; ``_LOOKS`` in a row must see nothing taken.
    """

    def __init__(
        self, request: web.BaseRequest, scope: asyncio.Timeout, *, interval_s: float
    ) -> None:
        self._request = request
        self._scope = scope
        self._interval_s = interval_s
        self._loop = asyncio.get_running_loop()
        self._taken_bytes = 0
        self._idle_looks = 0
        self._next = self._loop.call_later(interval_s, self._look)

    def end(self) -> None:
        """Look no more."""
        self._next.cancel()

    def _look(self) -> None:
        before = self._taken_bytes
        written = self._request.writer.output_size
        self._taken_bytes = written - _waiting_bytes(self._request)
        is_idle = self._taken_bytes <= before and self._request.protocol.writing_paused
        self._idle_looks = self._idle_looks + 1 if is_idle else 0
        if self._idle_looks < _LOOKS:
            self._next = self._loop.call_later(self._interval_s, self._look)
        else:
            self._scope.reschedule(self._loop.time())


def _waiting_bytes(request: web.BaseRequest) -> int:
    """Return how much is written that the client has not taken yet.

    The system holds megabytes for a client, and says that it has room only when a third
    of that is free, which may take a slow one minutes. So it is asked for its queue.
    """
    transport = request.transport
    if transport is None or transport.is_closing():
        return 0
    queued = bytearray(struct.calcsize("i"))
    connection: socket.socket = transport.get_extra_info("socket")
    fcntl.ioctl(connection.fileno(), termios.TIOCOUTQ, queued)
    return transport.get_write_buffer_size() + int.from_bytes(queued, sys.byteorder)


def break_off(request: web.BaseRequest, *, at_once: bool) -> None:
    """End the connection in the middle of an answer.

    Args:
        request: Whose answer it is.
        at_once: Whether by a reset. A mere close waits until the client has taken what
            is ready for it, and looks like the end to one that was told of no length.
    """
    transport = request.transport
    if at_once and transport is not None:
        connection = transport.get_extra_info("socket")
        if connection is not None and connection.family != socket.AF_UNIX:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        transport.abort()
    request.protocol.force_close()
