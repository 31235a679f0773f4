"""Relay the origin's answer to the client, and change nothing on the way.

aiohttp's server is made for programs with their own answers. To an answer of an origin
it would add a ``Content-Type`` where there was none, so that a browser would save the
content instead of showing it, and a ``Server`` that discloses our software. So this
module writes heads itself. ``Date`` is added if it is missing, as RFC 9110, section
6.6.1, asks of a proxy.

An answer is forwarded as it arrives, each event of a stream at once, and no faster than
the client accepts it. If it breaks off, the connection ends so that nobody takes the
part for the whole.
"""

from email.utils import formatdate
from http import HTTPStatus

import aiohttp
import structlog
from aiohttp import HttpVersion11, web
from typing_extensions import override

from uploadfilter.networks import path_of
from uploadfilter.uploads.head.forwarding import returned_headers
from uploadfilter.uploads.head.websockets import UPGRADE
from uploadfilter.web.aiohttp_parts import RawResponse
from uploadfilter.web.clients.flow import (
    Patience,
    break_off,
    flushed,
    while_client_takes,
)
from uploadfilter.web.clients.waiting import Waiters
from uploadfilter.web.origins.asking import OriginAnswer
from uploadfilter.web.origins.heads import RawHeaders, encode_head
from uploadfilter.web.requests.arrival import Arrival

log: structlog.stdlib.BoundLogger = structlog.get_logger()

_LENGTH = b"content-length"

_AT_ONCE_BYTES = 32 * 1024
"""Half of the bytes that a transport holds before its writers must wait (asyncio's
default), so that framing has room."""


class _Relayed(RawResponse):
    """An answer whose head is sent as the origin wrote it.

    Args:
        status: Status of the origin.
        reason: Reason phrase of the origin.
        headers: Headers of the origin, without those of its connection.

    Attributes:
        head_bytes: Length of the head; 0 until it is prepared.
    """

    def __init__(self, status: int, reason: str, headers: RawHeaders) -> None:
        super().__init__(status=status, reason=reason)
        self._head_lines = list(headers)
        names = {name.lower(): value for name, value in headers}
        self.length = int(names[_LENGTH]) if _LENGTH in names else None
        self._is_dated = b"date" in names
        self.head_bytes = 0

    @override
    def raw_head(self, request: web.BaseRequest, *, keep_alive: bool) -> bytes:
        """Return the head: the origin's lines, and those of this connection."""
        self._frame(request)
        if not self._is_dated:
            now = formatdate(usegmt=True).encode("ascii")
            self._head_lines.append((b"Date", now))
        if request.version < HttpVersion11 and keep_alive:
            self._head_lines.append((b"Connection", b"keep-alive"))
        elif request.version >= HttpVersion11 and not keep_alive:
            self._head_lines.append((b"Connection", b"close"))
        major, minor = request.version
        line = f"HTTP/{major}.{minor} {self.status} {self.reason}"
        head = encode_head(line, self._head_lines)
        self.head_bytes = len(head)
        return head

    def _frame(self, request: web.BaseRequest) -> None:
        """State where the body ends, in a way that this client understands."""
        if self.status == HTTPStatus.NO_CONTENT:
            # It has neither a body nor a length (RFC 9110, section 8.6).
            self._head_lines = [
                line for line in self._head_lines if line[0].lower() != _LENGTH
            ]
        if self.must_be_empty:
            return
        request.writer.length = self.length
        if self.length is None and request.version >= HttpVersion11:
            request.writer.enable_chunking()
            self._head_lines.append((b"Transfer-Encoding", b"chunked"))


def nothing_to_say() -> web.StreamResponse:
    """Return an empty 200 response.

    It answers an OPTIONS request that ends here (the origin's abilities are for the
    origin to state), and a client that has disconnected, because aiohttp needs an
    answer all the same.
    """
    return _Relayed(HTTPStatus.OK, HTTPStatus.OK.phrase, [(b"Content-Length", b"0")])


async def open_websocket(
    request: web.BaseRequest, answer: OriginAnswer
) -> web.StreamResponse:
    """Send the head of an answer that opens a WebSocket.

    Args:
        request: The client's request.
        answer: The answer, of which only the head has been read.
    """
    headers = [*returned_headers(answer.raw_headers), *UPGRADE]
    response = _Relayed(answer.status, answer.reason, headers)
    await response.prepare(request)
    response.send_head()
    return response


async def relay(
    arrival: Arrival, answer: OriginAnswer, *, last: bool, waiting: Waiters
) -> web.StreamResponse:
    """Relay the origin's answer as it arrives.

    Args:
        arrival: The client's request.
        answer: The answer, of which only the head has been read.
        last: Whether the connection ends with it.
        waiting: The answers that wait for their clients, as this one may have to.
    """
    request = arrival.request
    response = _Relayed(
        answer.status, answer.reason, returned_headers(answer.raw_headers)
    )
    # HTTP/1.0 has no chunks: without a length, the body ends with the connection.
    endless = request.version < HttpVersion11 and response.length is None
    if last or endless:
        response.force_close()
    try:
        await response.prepare(request)
        if not await _passed_at_once(request, answer, response):
            async with while_client_takes(request, _patience(arrival, waiting)):
                await _pass_body(answer, response)
                await flushed(request.writer)
    except (aiohttp.ClientError, OSError) as exc:
        # The client has disconnected or accepts nothing, and the status has been sent.
        # Only ending the connection is left, so that a part is not taken for the whole.
        log.info("answer_broken_off", error=type(exc).__name__)
        break_off(request, at_once=endless or isinstance(exc, TimeoutError))
    return response


def _patience(arrival: Arrival, waiting: Waiters) -> Patience:
    limits = arrival.live.settings.limits
    return Patience(
        idle_s=limits.answer_idle_s,
        among=waiting,
        most=limits.waiting_answers,
        network=path_of(arrival.client_key).site,
    )


async def _passed_at_once(
    request: web.BaseRequest, answer: OriginAnswer, response: _Relayed
) -> bool:
    """Relay a small, complete answer, as most are, without any timer.

    An empty transport accepts all of it, so that there is no wait; and a timer for
    waiting for the client would make a small request some 3 % more expensive.

    Returns:
        Whether the system has all of it. Otherwise it may be necessary to wait for the
        client; relayed bytes are not relayed again.
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
    """Relay the body as it arrives; together with the head, if it is already there.

    Raises:
        ClientPayloadError: The origin did not complete its answer.
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
