"""Read the body of an upload piece by piece, within its time limits.

An upload is inspected in the same way through every door. What the inspection needs of
its client is an ``UploadSender``: the next bytes of the body, and whether the client is
still there. ``RequestSender`` is that of a request over HTTP; a door with another
protocol brings its own.

Rules this module keeps:

- A body ends in one of three ways: at its stated end; too slowly, or to give up its
  place; or broken. Others decide about the bytes read so far.
- If the client owes time for its bodies, the reader waits before it reads more
  (``pacing.py``). This time is the proxy's own, and does not count against the body.
"""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Protocol

from aiohttp import http_exceptions, web

from uploadfilter.inspection.arriving import Body
from uploadfilter.inspection.pacing import LoopMeter
from uploadfilter.model import Reason
from uploadfilter.web.clients.leaving import Departure, departure_of
from uploadfilter.web.requests.limits import ProxyLimits


class BodyStream(Protocol):
    """The bytes of one body, without the framing of its protocol."""

    def read_nowait(self) -> bytes:
        """Return the bytes that have arrived and were not read; empty for none."""

    async def readany(self) -> bytes:
        """Wait for bytes, and return them; empty at the end of the body.

        Raises:
            OSError: The connection is lost.
        """

    def at_eof(self) -> bool:
        """Return whether the whole body was read."""

    def is_eof(self) -> bool:
        """Return whether the end of the body has arrived."""


class UploadSender(Protocol):
    """The client that sends one upload."""

    @property
    def content(self) -> BodyStream:
        """The body of the upload."""

    @property
    def port(self) -> int | None:
        """The port of the connection's other end; ``None`` for a unix socket."""

    def is_gone(self) -> bool:
        """Return whether the connection is lost."""

    def departure(self) -> Departure:
        """Return the events of the departure of the client."""

    async def ask_for_body(self) -> None:
        """Tell a client that waits for it to send the body.

        Raises:
            OSError: The client has disconnected.
        """


class RequestSender:
    """The client of a request over HTTP.

    Args:
        request: The request, whose body is not read yet.
    """

    __slots__ = ("_request", "content")

    def __init__(self, request: web.BaseRequest) -> None:
        self._request = request
        self.content: BodyStream = request.content

    @property
    def port(self) -> int | None:
        """The port of the connection's other end; ``None`` for a unix socket."""
        return _port_of(self._request.transport)

    def is_gone(self) -> bool:
        """Return whether the connection is lost."""
        transport = self._request.transport
        return transport is None or transport.is_closing()

    def departure(self) -> Departure:
        """Return the events of the departure of the client."""
        return departure_of(self._request)

    async def ask_for_body(self) -> None:
        """Tell a client that waits for it to send the body (RFC 9110, 10.1.1).

        Raises:
            OSError: The client has disconnected.
        """
        request = self._request
        if request.headers.get("Expect") and request.version >= (1, 1):
            await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            request.writer.output_size = 0


class BodyReader:
    """Reads one body.

    Args:
        sender: The client that sends the body.
        arriving: Its entry among the arriving bodies.
        limits: The limits on its speed.
        meter: Measures the upload's time of the event loop.
        clock: Monotonic seconds, those of the event loop.
    """

    def __init__(
        self,
        sender: UploadSender,
        arriving: Body,
        limits: ProxyLimits,
        meter: LoopMeter,
        *,
        clock: Callable[[], float],
    ) -> None:
        self._sender = sender
        self._arriving = arriving
        self._limits = limits
        self._meter = meter
        self._clock = clock
        self._begun_s = clock()

    async def piece(self) -> bytes | Reason:
        """Return the bytes that are there, or the next ones; empty at the end.

        Returns:
            The bytes; or a reason if the body does not reach its end.
        """
        await self._meter.turn(is_wanted=self.is_wanted)
        if self._arriving.has_yielded:
            return Reason.TOO_SLOW
        try:
            data = await self._next(within_s=self._left_s())
        except TimeoutError:
            return Reason.TOO_SLOW
        except (OSError, web.RequestPayloadError, http_exceptions.BadHttpMessage):
            return self._broken()
        self._arriving.received_bytes += len(data)
        if data:
            self._meter.received(len(data))
            await self._meter.round(len(data))
        return data

    def is_wanted(self) -> bool:
        """Tell whether the upload still has its place, and its body may continue."""
        may_come = self._sender.content.is_eof() or not self._sender.is_gone()
        return may_come and not self._arriving.has_yielded

    def _left_s(self) -> float:
        """Return how long to wait for the next piece."""
        allowed_s = self._limits.time_allowed_s(self._arriving.received_bytes)
        end_s = self._begun_s + allowed_s + self._meter.waited_s
        return max(min(self._limits.body_idle_s, end_s - self._clock()), 0.0)

    async def _next(self, *, within_s: float) -> bytes:
        content = self._sender.content
        data = content.read_nowait()
        if data or content.at_eof():
            return data
        async with asyncio.timeout(within_s) as patience:
            self._arriving.on_yield = partial(patience.reschedule, 0)
            data = await content.readany()
        self._arriving.on_yield = None
        return data

    def _broken(self) -> Reason:
        """Distinguish a client that has disconnected from one that sends garbage."""
        if self._sender.is_gone():
            self._meter.broken_off()
            return Reason.ABORTED
        self._meter.fine()
        return Reason.MALFORMED_REQUEST


def _port_of(transport: asyncio.BaseTransport | None) -> int | None:
    match transport and transport.get_extra_info("peername"):
        case (str(), int(port), *_):
            return port
    return None
