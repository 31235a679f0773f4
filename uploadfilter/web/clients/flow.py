"""Wait for a client to accept its answer, within a time limit.

Rules this module keeps: an answer is held only as long as the client accepts some of
it; an answer that breaks off looks broken off, even to a client without a stated
length.
"""

import asyncio
import fcntl
import socket
import struct
import sys
import termios
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple

import msgspec
from aiohttp import web
from aiohttp.abc import AbstractStreamWriter

from uploadfilter.web.clients.waiting import (
    SLOW_AFTER_S,
    SLOW_BYTES_S,
    Waiters,
)

_LOOKS = 4
"""How often the proxy checks at least whether a client accepts bytes, within its time
limit."""

_RESET = struct.pack("ii", 1, 0)
"""SO_LINGER with no time at all: a close becomes a reset."""


async def flushed(writer: AbstractStreamWriter) -> None:
    """Wait until the system has all written bytes.

    The system delivers them even if this process has ended. Bytes that are still in
    this process would be lost then, and without this wait a client could make it hold
    them for any time.
    """
    transport = writer.transport
    if transport is None or not transport.get_write_buffer_size():
        return
    transport.set_write_buffer_limits(high=0)
    try:
        await writer.drain()
    finally:
        transport.set_write_buffer_limits()


class Patience(msgspec.Struct, frozen=True, kw_only=True):
    """How long an answer may wait for its client, and among which other answers.

    Attributes:
        idle_s: Seconds for which the client may accept nothing of it.
        among: All answers that wait; ``None`` for a short one that is not counted.
        most: Number of them from which on slow ones end.
        network: Network of the client; ``""`` means no particular one.
    """

    idle_s: float
    among: Waiters | None = None
    most: int = 0
    network: str = ""


@asynccontextmanager
async def while_client_takes(
    request: web.BaseRequest, patience: Patience
) -> AsyncIterator[None]:
    """Run the block as long as the client accepts some of the waiting bytes.

    Raises:
        TimeoutError: It has accepted nothing for ``idle_s`` seconds, or a little
            longer; or it is slow, and too many answers wait.
    """
    scope = asyncio.timeout(None)
    watch = _Watch(request, scope, patience)
    async with scope:
        try:
            if patience.among is not None:
                now_s = asyncio.get_running_loop().time()
                patience.among.add(watch, most=patience.most, now_s=now_s)
            yield
        finally:
            if patience.among is not None:
                patience.among.remove(watch)
            watch.end()


class _Progress(NamedTuple):
    """The bytes that a client had accepted at a time."""

    at_s: float
    taken_bytes: int


class _Watch:
    """Checks repeatedly whether a client accepts bytes, and ends a scope if not.

    Args:
        request: Request of the client.
        scope: The timeout that it ends.
        patience: How long the client may accept nothing.

    Attributes:
        network: Network of the client.
    """

    def __init__(
        self, request: web.BaseRequest, scope: asyncio.Timeout, patience: Patience
    ) -> None:
        self.network = patience.network
        self._request = request
        self._scope = scope
        self._idle_s = patience.idle_s
        self._interval_s = min(patience.idle_s / _LOOKS, SLOW_AFTER_S)
        self._loop = asyncio.get_running_loop()
        self._last = self._before = _Progress(self._loop.time(), 0)
        self._moved_s = self._last.at_s
        self._next = self._loop.call_later(self._interval_s, self._look)

    def is_waiting(self) -> bool:
        """Tell whether it has bytes that its client does not accept yet."""
        return self._request.protocol.writing_paused and not self._scope.expired()

    def slow_rate(self) -> float | None:
        """Return the rate since the last check but one; ``None`` if it is not slow.

        An answer is not slow if it waits for its origin, or is ending. Its rate since
        its beginning would tell little: the system takes megabytes for a client that
        reads nothing.
        """
        age_s = self._loop.time() - self._before.at_s
        if age_s < SLOW_AFTER_S or not self.is_waiting():
            return None
        rate = (self._taken() - self._before.taken_bytes) / age_s
        return rate if rate < SLOW_BYTES_S else None

    def break_off(self) -> None:
        """End the scope, unless it is ending."""
        if not self._scope.expired():
            self._scope.reschedule(self._loop.time())

    def end(self) -> None:
        """End the checks."""
        self._next.cancel()

    def _look(self) -> None:
        self._before = self._last
        self._last = now = _Progress(self._loop.time(), self._taken())
        has_moved = now.taken_bytes > self._before.taken_bytes
        if has_moved or not self._request.protocol.writing_paused:
            self._moved_s = now.at_s
        if now.at_s - self._moved_s < self._idle_s:
            self._next = self._loop.call_later(self._interval_s, self._look)
        else:
            self.break_off()

    def _taken(self) -> int:
        return self._request.writer.output_size - _waiting_bytes(self._request)


def _waiting_bytes(request: web.BaseRequest) -> int:
    """Return how many written bytes the client has not accepted yet.

    The system holds megabytes for a client, and reports free room only when a third of
    them are free, which may take a slow client minutes. So the size of its queue is
    read.
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
        request: The request that is being answered.
        at_once: Whether to end it by a reset. An ordinary close waits until the client
            has accepted all bytes, and a client without a stated length takes it for
            the end.
    """
    transport = request.transport
    if at_once and transport is not None:
        connection = transport.get_extra_info("socket")
        if connection is not None and connection.family != socket.AF_UNIX:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        transport.abort()
    request.protocol.force_close()
