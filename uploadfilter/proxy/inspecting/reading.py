"""Read the body of an upload piece by piece, within its time limits.

Rules this module keeps:

- A body ends in one of three ways: at its stated end; too slowly, or to give up its
  place; or broken. Others decide about the bytes read so far.
- If the client owes time for its bodies, the reader waits before it reads more
  (``pacing.py``). This time is the proxy's own, and does not count against the body.
"""

import asyncio
from collections.abc import Callable
from functools import partial

from aiohttp import http_exceptions, web

from uploadfilter.model import Reason
from uploadfilter.proxy.inspecting.arriving import Body
from uploadfilter.proxy.inspecting.pacing import LoopMeter
from uploadfilter.proxy.requests.limits import ProxyLimits


class BodyReader:
    """Reads one body.

    Args:
        request: The request that has the body.
        arriving: Its entry among the arriving bodies.
        limits: The limits on its speed.
        meter: Measures the upload's time of the event loop.
        clock: Monotonic seconds, those of the event loop.
    """

    def __init__(
        self,
        request: web.BaseRequest,
        arriving: Body,
        limits: ProxyLimits,
        meter: LoopMeter,
        *,
        clock: Callable[[], float],
    ) -> None:
        self._request = request
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
        may_come = self._request.content.is_eof() or not self._is_left()
        return may_come and not self._arriving.has_yielded

    def _left_s(self) -> float:
        """Return how long to wait for the next piece."""
        allowed_s = self._limits.time_allowed_s(self._arriving.received_bytes)
        end_s = self._begun_s + allowed_s + self._meter.waited_s
        return max(min(self._limits.body_idle_s, end_s - self._clock()), 0.0)

    async def _next(self, *, within_s: float) -> bytes:
        content = self._request.content
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
        if self._is_left():
            self._meter.broken_off()
            return Reason.ABORTED
        self._meter.fine()
        return Reason.MALFORMED_REQUEST

    def _is_left(self) -> bool:
        transport = self._request.transport
        return transport is None or transport.is_closing()
