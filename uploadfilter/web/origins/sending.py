"""Send a body to the origin."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Final

import msgspec

AT_ONCE_BYTES: Final = 64 * 1024
"""A body up to this length is sent with its head: an empty transport accepts as much
before it makes its writers wait (asyncio's default)."""


class Whole(msgspec.Struct, frozen=True, kw_only=True):
    """A short body, which is sent with its head.

    It needs no task, no timer except that of the answer, and one system call.

    Attributes:
        data: The whole body, at most ``AT_ONCE_BYTES``.
        on_sent: Called when the transport has it.
    """

    data: bytes
    on_sent: Callable[[], None]


class Sending:
    """A body that is being sent, with its progress.

    aiohttp limits how long an answer may take, but not how long an origin may accept
    nothing of a body; this class ends the connection then.

    Args:
        body: Pieces of the body.
        patience_s: Seconds for which the origin may accept nothing of the sent bytes.
    """

    def __init__(self, body: AsyncIterator[bytes], *, patience_s: float) -> None:
        self.is_complete = False
        self.is_stalled = False
        self._body = body
        self._patience_s = patience_s
        self._transport: asyncio.WriteTransport | None = None
        self._clock: asyncio.TimerHandle | None = None
        self._is_answered = False
        self._untaken_bytes = 0

    def __aiter__(self) -> "Sending":
        return self

    async def __anext__(self) -> bytes:
        """Return the next piece: the origin has accepted the one before."""
        if self._clock is not None:
            self._clock.cancel()
            # An origin may answer early and then close. Its answer has to be read
            # before the next piece is written, which would only find a closed
            # connection.
            await asyncio.sleep(0)
        try:
            piece = await anext(self._body)
        except StopAsyncIteration:
            self.is_complete = True
            self._start_clock()
            raise
        self._start_clock(len(piece))
        return piece

    def goes_by(self, transport: asyncio.WriteTransport | None) -> None:
        """Note the connection that carries the body."""
        self._transport = transport

    def stop_clock(self) -> None:
        """Note that the origin has answered, or never will."""
        self._is_answered = True
        if self._clock is not None:
            self._clock.cancel()

    def _start_clock(self, to_come_bytes: int = 0) -> None:
        """Start the time in which the origin must accept some of the sent bytes.

        After the last piece the answer is awaited, for which aiohttp has a timer.
        """
        self._untaken_bytes = self._size_of_buffer() + to_come_bytes
        if not self._is_answered and self._untaken_bytes:
            loop = asyncio.get_running_loop()
            self._clock = loop.call_later(self._patience_s, self._look)

    def _look(self) -> None:
        """End the connection if the origin has accepted none of the waiting bytes."""
        if self._size_of_buffer() < self._untaken_bytes:
            self._start_clock()
        elif self._transport is not None:
            self.is_stalled = True
            self._transport.abort()

    def _size_of_buffer(self) -> int:
        transport = self._transport
        return 0 if transport is None else transport.get_write_buffer_size()
