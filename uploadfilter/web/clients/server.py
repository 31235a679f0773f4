"""Parse the requests that a client sends on one connection, and answer them.

Rules this module keeps:

- aiohttp's server is made for applications. Its own automatic actions are switched off
  (no decompression, no access log), and missing limits are added: a head has a time
  limit and a size limit, and bytes that are not HTTP get the proxy's own answer.
- A refused client can read the reason: the bytes that it still sends are thrown away
  for a while, because a close with unread bytes is a reset that discards the answer.
- A client that has closed its own side of the connection still gets its answers.
- A body in chunks of a few bytes is ended: its parsing costs the work, not its bytes.
- Bytes that are thrown away are read slowly, however fast they arrive.

``web/aiohttp_parts.py`` holds the private parts of aiohttp that it uses.
"""

import asyncio
from collections.abc import Callable
from http import HTTPStatus
from typing import Final

import structlog
from aiohttp import http_exceptions, web
from aiohttp.http_parser import RawRequestMessage
from aiohttp.http_websocket import WebSocketReader
from aiohttp.streams import EMPTY_PAYLOAD, StreamReader
from typing_extensions import override

from uploadfilter.model import Reason
from uploadfilter.rejections import Outcome
from uploadfilter.web.aiohttp_parts import (
    Handle,
    failed,
    is_request,
    unread_chunks,
)
from uploadfilter.web.answering import answers
from uploadfilter.web.answering.answer import Answer
from uploadfilter.web.clients.connections import Connections, Peer
from uploadfilter.web.clients.flow import (
    Patience,
    break_off,
    flushed,
    while_client_takes,
)
from uploadfilter.web.clients.leaving import WatchedConnection
from uploadfilter.web.counting.labels import Limit, Phase, RequestKind
from uploadfilter.web.counting.metrics import Metrics
from uploadfilter.web.requests.draining import Drain
from uploadfilter.web.requests.limits import ProxyLimits, most_chunks

log: structlog.stdlib.BoundLogger = structlog.get_logger()

_LOOKED_AT_BYTES: Final = 8192
_MANY_LINES: Final = 512
"""Lines among the first bytes of a read, from which on these bytes are parsed alone: a
quarter of a megabyte of tiny chunks takes ten milliseconds to parse."""

_PAUSE_S: Final = 0.05
"""Pause after each piece of a quarter of a megabyte that is thrown away: 5 MB/s.
Otherwise a client on a fast line would keep the event loop busy."""

_CRLF: Final = b"\r\n"
_LINE_BYTES: Final = 4
"""Colon, space and line end of a header line."""


class _HeadTooSlow(http_exceptions.HttpProcessingError):
    """A head that did not end in time."""

    code = HTTPStatus.REQUEST_TIMEOUT


class _HeadTooLarge(http_exceptions.HttpProcessingError):
    """A head whose total size is over the limit."""

    code = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE


class Server(web.Server):
    """aiohttp's server, for connections that have sent their first byte.

    Args:
        handle: Answers one request.
        connections: Counts connections.
        drain: Whether the service is ending.
        metrics: Counts each limit that was reached.
    """

    def __init__(
        self,
        handle: Handle,
        *,
        connections: Connections,
        drain: Drain,
        metrics: Metrics,
    ) -> None:
        super().__init__(handle)
        self.register = connections
        self.drain = drain
        self.metrics = metrics

    def open(self, peer: Peer) -> "Connection":
        """Make the handler of a connection that begins to send."""
        return Connection(self, peer, self.register.limits)


class Connection(WatchedConnection):
    """One client's connection.

    Args:
        server: The state that all connections share.
        peer: The other end.
        limits: The limits in force when it began.
    """

    __slots__ = (
        "_chunks",
        "_head_bytes",
        "_head_timer",
        "_is_answered",
        "_is_cut",
        "_is_upgraded",
        "_limits",
        "_parting",
        "_payload",
        "_peer",
        "_served",
    )

    def __init__(self, server: Server, peer: Peer, limits: ProxyLimits) -> None:
        super().__init__(
            server,
            loop=asyncio.get_running_loop(),
            auto_decompress=False,
            access_log=None,  # type: ignore[arg-type] # it is how to say "none"
            keepalive_timeout=limits.keep_alive_s,
            lingering_time=limits.linger_s,
            max_line_size=limits.header_line_bytes,
            max_field_size=limits.header_line_bytes,
            max_headers=limits.header_lines,
        )
        self._served = server
        self._peer = peer
        self._limits = limits
        self._payload: StreamReader = EMPTY_PAYLOAD
        self._chunks = 0
        self._head_bytes = 0
        self._head_timer: asyncio.TimerHandle | None = None
        self._parting: asyncio.Future[None] | None = None
        self._is_cut = False
        self._is_answered = False
        self._is_upgraded = False

    @property
    @override
    def peername(self) -> tuple[str, int]:
        """The other end, as stated by the front end if there is one."""
        return self._peer.host, self._peer.port

    @override
    def connection_lost(self, exc: BaseException | None) -> None:
        """Note that the connection has ended."""
        self._served.register.speaking_left(self, self._peer)
        self._forget_head()
        self._part()
        super().connection_lost(exc)

    @override
    def data_received(self, data: bytes) -> None:
        """Receive bytes, and check how a head arrives."""
        if self._is_upgraded:
            super().data_received(data)
            return
        if data.count(_CRLF, 0, _LOOKED_AT_BYTES) > _MANY_LINES:
            # Perhaps tiny chunks: the first of them suffice to find out.
            self._take(data[:_LOOKED_AT_BYTES])
            data = data[_LOOKED_AT_BYTES:]
        self._take(data)

    @override
    def set_parser(
        self,
        parser: WebSocketReader,
        data_received_cb: Callable[[], None] | None = None,
    ) -> None:
        """Note that the bytes from now on are messages, and no requests."""
        self._is_upgraded = True
        self._forget_head()
        super().set_parser(parser, data_received_cb)

    def _take(self, data: bytes) -> None:
        if self._is_cut:
            self._pause()
            return
        known = self.requests_parsed
        is_head = self._payload.is_eof()
        unread = 0 if is_head else unread_chunks(self._payload)
        super().data_received(data)
        if not is_head:
            self._count_chunks(self._payload, unread)
        if self.requests_parsed != known:
            self._on_messages(len(data), new=self.requests_parsed - known)
        elif is_head and data:
            self._on_part_of_head(len(data))

    def _pause(self) -> None:
        """Read nothing for a while; a client that disconnects is noticed afterwards."""
        transport = self.transport
        if transport is not None and not transport.is_closing():
            transport.pause_reading()
            self.loop.call_later(_PAUSE_S, self._go_on)

    def _go_on(self) -> None:
        transport = self.transport
        if transport is not None and not transport.is_closing():
            transport.resume_reading()

    @override
    def eof_received(self) -> bool:  # type: ignore[override] # aiohttp never stays
        """Keep this side open for answers to the requests that arrived completely."""
        super().eof_received()
        self._part()
        if self._is_idle() or not self._payload.is_eof():
            return self._is_cut
        self._watch_half(-1)
        return True

    def _is_idle(self) -> bool:
        """Whether every request so far was answered.

        aiohttp waits for the next request some rounds of the loop after the answer. A
        client may be gone by then.
        """
        return self.is_waiting or self._is_answered

    def end_if_idle(self) -> bool:
        """End the connection if it has no request; tell whether it was ended."""
        is_idle = self._is_idle() and self._head_timer is None
        if is_idle:
            self._served.register.speaking_left(self, self._peer)
            self.force_close()
        return is_idle

    @override
    async def finish_response(
        self,
        request: web.BaseRequest,
        resp: web.StreamResponse,
        start_time: float | None,
    ) -> tuple[web.StreamResponse, bool]:
        """Send an answer, and make sure that the client can read the last one."""
        if self._served.drain.begun and not resp.prepared:
            resp.force_close()
        if resp.prepared:
            sent = await super().finish_response(request, resp, start_time)
        else:
            sent = await self._sent(request, resp, start_time)
        if self.has_ended and not self.queued:
            self.close()
        if self._is_cut and not self.queued:
            await self._linger()
        self._is_answered = not self.queued
        return sent

    async def _sent(
        self,
        request: web.BaseRequest,
        resp: web.StreamResponse,
        start_time: float | None,
    ) -> tuple[web.StreamResponse, bool]:
        """Send an answer of the proxy itself, while the client accepts it.

        One answer is short, but a client may cause many and read none.
        """
        patience = Patience(idle_s=self._limits.answer_idle_s)
        try:
            async with while_client_takes(request, patience):
                sent = await super().finish_response(request, resp, start_time)
                await flushed(request.writer)
        except TimeoutError:
            break_off(request, at_once=True)
            return resp, True
        except ConnectionError:
            return resp, True
        return sent

    @override
    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer a request that cannot be parsed, or one whose handling failed."""
        self.keep_alive(val=False)
        wording = self._served.register.settings.wording
        if not isinstance(exc, http_exceptions.HttpProcessingError):
            log.error("request_failed", status=status, exc_info=exc)
            return answers.response(request, _FAILED, wording=wording)
        status = _status_of(exc)
        self._served.metrics.answered(RequestKind.REFUSED, status)
        if limit := _LIMITS.get(status):
            self._served.metrics.limited(limit)
        answer = Answer(
            outcome=Outcome.REFUSED,
            status=status,
            reason=Reason.MALFORMED_REQUEST,
            detail="" if status in _LIMITS else "The request is not valid HTTP.",
        )
        return answers.response(request, answer, wording=wording)

    @override
    def may_end_idle(self) -> bool:
        """Allow this unless a head is arriving, which has its own time limit."""
        return self._head_timer is None

    def _on_messages(self, size: int, *, new: int) -> None:
        """Check the heads that have just ended, and any garbage instead of one."""
        if self._head_bytes + size > self._limits.head_bytes:
            self._cut_large_head()
        self._served.metrics.took(Phase.HEAD, self._head_took_s())
        self._forget_head()
        if not self.queued:
            return
        self._is_answered = False
        self._look_at_bodies(new)
        message, self._payload = self.queued[-1]
        if not is_request(message):
            self._is_cut = True
            self._end_body()

    def _look_at_bodies(self, new: int) -> None:
        """Count the chunks of bodies that have just begun, if some have arrived."""
        for place in range(max(len(self.queued) - new, 0), len(self.queued)):
            self._chunks = 0
            payload = self.queued[place][1]
            if payload is not EMPTY_PAYLOAD:
                self._count_chunks(payload, 0)
            if self._is_cut:
                # Requests after such a body are not answered.
                while len(self.queued) > place + 1:
                    self.queued.pop()
                return

    def _count_chunks(self, payload: StreamReader, unread: int) -> None:
        """Count the chunks of a body that have just arrived; end it if they are tiny.

        Args:
            payload: The body.
            unread: Chunks of it that had arrived before and are still unread.
        """
        self._chunks += max(unread_chunks(payload) - unread, 0)
        if self._chunks > most_chunks(payload.total_bytes) and not self._is_cut:
            self._is_cut = True
            self._served.metrics.limited(Limit.TINY_CHUNKS)
            _break_off_body(payload)

    def _head_took_s(self) -> float:
        """Return how long the last head took to arrive; most arrive in one piece."""
        if self._head_timer is None:
            return 0.0
        began_s = self._head_timer.when() - self._limits.head_s
        return max(self.loop.time() - began_s, 0.0)

    def _cut_large_head(self) -> None:
        message, _ = self.queued[-1]
        if is_request(message) and _head_size(message) > self._limits.head_bytes:
            self.queued[-1] = failed(_HeadTooLarge())

    def _end_body(self) -> None:
        """End the reading of a body in which, or after which, garbage has arrived.

        aiohttp 3.14 only queues its own answer for after the request, and leaves the
        reader of the body waiting for more bytes.
        """
        request = self.current_request
        if request is not None and not request.content.is_eof():
            _break_off_body(request.content)

    def _on_part_of_head(self, size: int) -> None:
        """Count the bytes of an unfinished head; its first byte starts the timer."""
        self._head_bytes += size
        if self._head_bytes > self._limits.head_bytes:
            self._fail(_HeadTooLarge())
        elif self._head_timer is None:
            self._head_timer = self.loop.call_later(
                self._limits.head_s, self._on_late_head
            )

    def _on_late_head(self) -> None:
        self._head_timer = None
        self._fail(_HeadTooSlow())

    def _fail(self, error: http_exceptions.HttpProcessingError) -> None:
        """Answer with an error after the earlier requests, and read no more."""
        self._forget_head()
        self._is_cut = True
        self._is_answered = False
        self.queue(failed(error))

    def _forget_head(self) -> None:
        self._head_bytes = 0
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    async def _linger(self) -> None:
        """Throw away further bytes until the client has read its answer."""
        transport = self.transport
        if transport is None or transport.is_closing() or self.has_ended:
            return
        self._parting = self.loop.create_future()
        transport.write_eof()
        # Reading may be paused because of a body that will not be read any more.
        transport.resume_reading()
        try:
            async with asyncio.timeout(self._limits.linger_s):
                await self._parting
        except TimeoutError:
            self.force_close()

    def _part(self) -> None:
        """Note that the client sends nothing more."""
        if self._parting is not None and not self._parting.done():
            self._parting.set_result(None)

    def _watch_half(self, written: int) -> None:
        """End a connection that may be lost, after the origin's last bytes."""
        transport, request = self.transport, self.current_request
        if transport is None:
            return
        now = request.writer.output_size if request is not None else 0
        if now == written and not transport.get_write_buffer_size():
            transport.abort()
            return
        self.loop.call_later(self._limits.half_closed_s, self._watch_half, now)


def _break_off_body(payload: StreamReader) -> None:
    """Make reading a body fail because it is malformed."""
    payload.set_exception(web.RequestPayloadError("the body is not framed as it says"))
    # Leave nothing to be read, which aiohttp would try, and then log an error.
    payload.feed_eof()


_FAILED: Final = Answer(outcome=Outcome.LATER, status=503, reason=Reason.INTERNAL_ERROR)

_LIMITS: Final = {
    HTTPStatus.REQUEST_TIMEOUT: Limit.HEAD_TIME,
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE: Limit.HEAD_BYTES,
}


def _status_of(error: http_exceptions.HttpProcessingError) -> HTTPStatus:
    """Return the status for a fault in a head."""
    if isinstance(error, _HeadTooSlow | _HeadTooLarge):
        return HTTPStatus(error.code)
    # There is no class for too many lines.
    if isinstance(error, http_exceptions.LineTooLong) or error.message.startswith(
        "Too many headers"
    ):
        return HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
    return HTTPStatus.BAD_REQUEST


def _head_size(message: RawRequestMessage) -> int:
    """Return the approximate length of a head, in bytes."""
    lines = message.raw_headers
    return len(message.path) + sum(len(n) + len(v) + _LINE_BYTES for n, v in lines)
