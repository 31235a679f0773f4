"""Connections of clients that speak another protocol than HTTP.

A door says what answers them; here are the socket, and the files that a client passes
(``SCM_RIGHTS``). Rules this module keeps:

- They count among all connections, and an idle one is ended for a new one.
- Every read takes files along, which a plain read would lose. One is kept open at a
  time, however many a client passes.
"""

import asyncio
import os
import select
import socket
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from functools import partial
from typing import Final

from uploadfilter.web.clients.connections import Connections
from uploadfilter.web.clients.leaving import Departure

READ_BYTES: Final = 256 * 1024
_MOST_FILES: Final = 4
"""Files of one read that are received; the system closes the others."""
_READERS: Final = ThreadPoolExecutor(4, "files of clients")
"""Local files take microseconds, so that few threads do. If files that stand still keep
all of them, further questions end as too slow."""

Read = Callable[[], Awaitable[bytes]]
"""Waits for the next bytes of an upload, and returns them; empty at its end."""


class PulledBody:
    """The bytes of one upload, as ``BodyStream``."""

    def __init__(self, read: Read) -> None:
        self._read = read
        self._is_whole = False

    def read_nowait(self) -> bytes:
        """Return nothing: the next bytes may have to be waited for."""
        return b""

    async def readany(self) -> bytes:
        """Return the next bytes; empty at the end."""
        data = await self._read()
        self._is_whole = not data
        return data

    def at_eof(self) -> bool:
        """Return whether everything was read."""
        return self._is_whole

    is_eof = at_eof


class RawClient:
    """One connection, which is the ``UploadSender`` of its uploads.

    Attributes:
        content: The upload that is asked about.
        is_idle: Whether it may be ended for a new connection.
        port: ``None``: nothing is known of who uploads.

    Args:
        connection: The socket, which does not block.
    """

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.current_task()
        self._files: list[int] = []
        self._has_ended = False
        self.content = PulledBody(self.read)
        self.is_idle = True
        self.port: int | None = None

    async def read(self) -> bytes:
        """Wait for bytes, and return them; empty at the end.

        Raises:
            OSError: The connection is lost.
        """
        while not self._has_ended:
            try:
                data, files, *_ = socket.recv_fds(
                    self._socket, READ_BYTES, _MOST_FILES, socket.MSG_CMSG_CLOEXEC
                )
            except BlockingIOError:
                await self._readable()
                continue
            self._files += files
            if len(self._files) > _MOST_FILES:
                raise ConnectionError("too many files were passed")
            self._has_ended = not data
            return data
        return b""

    def take_files(self) -> list[int]:
        """Return the files that were passed, which the caller closes."""
        files, self._files = self._files, []
        return files

    async def send(self, data: bytes) -> None:
        """Send bytes.

        Raises:
            OSError: The connection is lost.
        """
        await self._loop.sock_sendall(self._socket, data)

    def is_gone(self) -> bool:
        """Return whether the client has ended its side, or the connection is lost."""
        poll = select.poll()
        poll.register(self._socket, 0)  # a lost connection is told in any case
        return self._has_ended or bool(poll.poll(0))

    def departure(self) -> Departure:
        """Return the events of the departure of the client."""
        left = Departure(self._loop.create_future(), self._loop.create_future())
        self._loop.add_reader(self._socket, self._note_departure, left)
        return left

    async def ask_for_body(self) -> None:
        """Do nothing: the client sends without being asked."""

    def end_if_idle(self) -> bool:
        """End the connection if it is idle; tell whether it was ended."""
        was_idle, self.is_idle = self.is_idle, False
        if was_idle and self._task is not None:
            self._task.cancel()
        return was_idle

    def close(self) -> None:
        """Close the connection, and the files that nobody took."""
        for file in self.take_files():
            os.close(file)
        self._loop.remove_reader(self._socket)
        self._socket.close()

    async def _readable(self) -> None:
        ready = self._loop.create_future()
        self._loop.add_reader(self._socket, _settle, ready)
        try:
            await ready
        finally:
            self._loop.remove_reader(self._socket)

    def _note_departure(self, left: Departure) -> None:
        """Note what has happened to the connection; further bytes are no departure."""
        self._loop.remove_reader(self._socket)
        if self.is_gone():
            _settle(left.lost)
        with suppress(BlockingIOError):
            if left.lost.done() or not self._socket.recv(1, socket.MSG_PEEK):
                _settle(left.ended)


AnswerClient = Callable[[RawClient], Awaitable[None]]
"""Answers one client to its end."""


class RawClients:
    """Answers clients, each in a task of its own."""

    def __init__(self, answer: AnswerClient, connections: Connections) -> None:
        self._answer_client = answer
        self._connections = connections
        self._tasks: set[asyncio.Task[None]] = set()

    async def open(self, accepted: socket.socket) -> None:
        """Begin to answer on a connection that was accepted."""
        task = asyncio.get_running_loop().create_task(self._answer(accepted))
        self._tasks.add(task)
        task.add_done_callback(partial(self._forget, accepted))

    async def shutdown(self, within_s: float) -> None:
        """End all connections."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=within_s)

    def _forget(self, accepted: socket.socket, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        accepted.close()  # a task that was cancelled at once has closed nothing

    async def _answer(self, accepted: socket.socket) -> None:
        now_s = asyncio.get_running_loop().time()
        with (
            closing(RawClient(accepted)) as client,
            self._connections.during(client, now_s) as is_admitted,
            suppress(OSError, TimeoutError),  # the client is gone, or says nothing
        ):
            if is_admitted:
                await self._answer_client(client)


def read_file(file: int) -> Read:
    """Return what reads a file from its beginning, off the event loop.

    Threads of their own read: a file of a network whose server is gone keeps a thread,
    and the other threads are needed to search the reference set.

    Args:
        file: Its descriptor, which stays open until the end.
    """
    loop = asyncio.get_running_loop()
    position = 0

    async def read() -> bytes:
        nonlocal position
        reading = loop.run_in_executor(_READERS, os.pread, file, READ_BYTES, position)
        data = await reading
        position += len(data)
        return data

    return read


def _settle(event: asyncio.Future[None]) -> None:
    if not event.done():
        event.set_result(None)
