"""How fast a client takes its answer: wait for it, but not for as long as it likes.

Rules this module keeps: an answer is held no longer than the client takes something of
it; one that breaks off looks broken off, also to a client that was told of no length.
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
"""How often we look what a client has taken, in the time in which it must."""

_RESET = struct.pack("ii", 1, 0)
"""SO_LINGER for no time at all: a close becomes a reset."""


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
