"""Exchange requests and bounded frames with a scanner over its socket.

One reader stays registered with the event loop while the channel is open. So no frame
is lost when a caller is cancelled, the end of an idle scanner is noticed at once, and
any event loop works.
"""

import asyncio
import socket
from collections import deque
from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Final

from uploadfilter.scanners.wire.messages import FRAME_HEADER, MAX_REPLY_BYTES, Handed

_READ_BYTES: Final = 64 * 1024
"""Bytes of one read: the reply to a picture has 20 KB."""

_SEND_S: Final = 10.0
"""Most seconds to send data beyond the buffer of the socket to a scanner that only
waits for them."""


class Closed(StrEnum):
    """The reason why no more frames will come."""

    ENDED = "ended"
    OVERSIZED = "oversized"
    INTERRUPTED = "interrupted"


class Channel:
    """Exchange frames with one scanner process.

    Args:
        sock: Connected, non-blocking; closed by ``close``.
        on_closed: Called once, when no more frames will come.
    """

    def __init__(self, sock: socket.socket, *, on_closed: Callable[[], None]) -> None:
        self._sock = sock
        self._loop = asyncio.get_running_loop()
        self._on_closed = on_closed
        self._landing = bytearray(_READ_BYTES)
        self._buffer = bytearray()
        self._frames: deque[bytes] = deque()
        self._held_bytes = 0
        self._closed: Closed | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._loop.add_reader(sock, self._read)

    @property
    def is_quiet(self) -> bool:
        """Return whether the scanner is connected and all of its frames were read."""
        return self._closed is None and not self._frames and not self._buffer

    async def send(self, frame: bytes, upload: Handed) -> bool:
        """Send a frame, followed by an upload or with the upload's descriptor.

        Returns:
            False if the scanner is gone.

        Raises:
            OSError: The upload is not an open descriptor.
        """
        try:
            if isinstance(upload, int):
                pieces = [memoryview(frame)]
                sent = socket.send_fds(self._sock, pieces, [upload])
            else:
                pieces = [memoryview(frame), memoryview(upload)]
                sent = self._sock.sendmsg(pieces)
            if sent < sum(map(len, pieces)):
                await self._send_rest(pieces, sent)
        except (BlockingIOError, BrokenPipeError, ConnectionResetError, TimeoutError):
            # If the socket blocks on the first byte, the scanner does not read and
            # counts as gone.
            return False
        return True

    async def _send_rest(self, pieces: Sequence[memoryview], sent: int) -> None:
        """Send the bytes that the socket did not accept at once.

        Raises:
            TimeoutError: The scanner does not read it.
        """
        async with asyncio.timeout(_SEND_S):
            for piece in pieces:
                if sent < len(piece):
                    await self._loop.sock_sendall(self._sock, piece[sent:])
                sent = max(sent - len(piece), 0)

    async def receive(self) -> bytes | Closed:
        """Return the body of the next frame, or the reason why there is none.

        A caller that is cancelled loses nothing: the next call returns the frame.
        """
        while not self._frames:
            if self._closed is not None:
                return self._closed
            self._waiter = self._loop.create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        body = self._frames.popleft()
        self._held_bytes -= len(body)
        return body

    def interrupt(self) -> None:
        """Stop all waiting for a frame, now and later; idempotent.

        One timer for a whole upload costs less than a timeout around each wait.
        """
        self._stop(Closed.INTERRUPTED)

    def close(self) -> None:
        """Close the socket, which ends the scanner if it is alive; idempotent."""
        self._stop(Closed.ENDED)
        self._sock.close()

    def _read(self) -> None:
        try:
            count = self._sock.recv_into(self._landing)
        except (BlockingIOError, InterruptedError):
            return
        except ConnectionResetError:
            count = 0
        if not count:
            self._stop(Closed.ENDED)
            return
        self._buffer += memoryview(self._landing)[:count]
        self._cut_frames()
        self._wake()

    def _cut_frames(self) -> None:
        """Move whole frames out of the buffer; stop reading if one is too long."""
        while len(self._buffer) >= FRAME_HEADER.size:
            (length,) = FRAME_HEADER.unpack_from(self._buffer)
            if length > MAX_REPLY_BYTES - self._held_bytes:
                self._stop(Closed.OVERSIZED)
                return
            end = FRAME_HEADER.size + length
            if len(self._buffer) < end:
                return
            with memoryview(self._buffer) as whole:
                self._frames.append(bytes(whole[FRAME_HEADER.size : end]))
            self._held_bytes += length
            del self._buffer[:end]

    def _stop(self, why: Closed) -> None:
        if self._closed is not None:
            return
        self._closed = why
        self._loop.remove_reader(self._sock)
        self._wake()
        self._on_closed()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
