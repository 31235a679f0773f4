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

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter

_LOOKS = 4
"""How often the proxy checks whether a client accepts bytes, within its time limit."""

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


@asynccontextmanager
async def while_client_takes(
    request: web.BaseRequest, *, idle_s: float
) -> AsyncIterator[None]:
    """Run the block as long as the client accepts some of the waiting bytes.

    Raises:
        TimeoutError: It has accepted nothing for ``idle_s`` seconds, or a little
            longer.
    """
    scope = asyncio.timeout(None)
    watch = _Watch(request, scope, interval_s=idle_s / _LOOKS)
    async with scope:
        try:
            yield
        finally:
            watch.end()


class _Watch:
    """Checks repeatedly whether a client accepts bytes, and ends a scope if not.

    Args:
        request: Request of the client.
        scope: The timeout that it ends.
        interval_s: Time between two checks; ``_LOOKS`` in a row must see no progress.
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
        """End the checks."""
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
