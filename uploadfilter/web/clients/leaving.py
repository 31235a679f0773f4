"""Notice that a client has disconnected while its answer is awaited.

A client that watches events may disconnect an hour before the next one comes. Neither
the origin nor the proxy should be kept busy for it. The same is true for an upload that
waits for a scanner: hundreds of uploads that were broken off would be ahead of others.
A client that has only ended its own side may still wait for its answer; the two cannot
be told apart before we send something.
"""

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager
from types import TracebackType

import msgspec
from aiohttp import web
from typing_extensions import override

from uploadfilter.web.aiohttp_parts import AiohttpConnection


class Departure(msgspec.Struct, frozen=True):
    """The departure of a client, before or after its answer.

    Attributes:
        ended: Done as soon as it has ended its side: it may wait for its answer, or be
            gone.
        lost: Done as soon as the connection is lost.
    """

    ended: asyncio.Future[None]
    lost: asyncio.Future[None]


class WatchedConnection(AiohttpConnection):
    """A client's connection that reports when it is lost.

    Attributes:
        has_ended: Whether the client has ended its side.
    """

    _on_lost: Callable[[], None] | None = None
    has_ended = False
    _end: asyncio.Future[None] | None = None
    _loss: asyncio.Future[None] | None = None

    @override
    def connection_lost(self, exc: BaseException | None) -> None:
        """Notify the tasks that answer requests on this connection."""
        super().connection_lost(exc)
        if self._on_lost is not None:
            self._on_lost()
        _set(self._end)
        _set(self._loss)

    @override
    def eof_received(self) -> None:
        """Note that the client sends nothing more."""
        self.has_ended = True
        _set(self._end)

    def departure(self) -> "Departure":
        """Return the events of the departure of the client."""
        if self._end is None or self._loss is None:
            self._end, self._loss = self.loop.create_future(), self.loop.create_future()
            if self.transport is None:
                self._loss.set_result(None)
            if self.transport is None or self.has_ended:
                self._end.set_result(None)
        return Departure(ended=self._end, lost=self._loss)

    def tell_loss(self, tell: Callable[[], None] | None) -> None:
        """Call ``tell`` when the connection is lost; ``None`` cancels that."""
        self._on_lost = tell


class WhileClientStays(AbstractContextManager[None]):
    """Runs a block, and leaves it when the client disconnects.

    Code after the block handles that case: nobody will read the answer. It is counted
    (status ``none``), and not logged, because clients often disconnect.
    """

    __slots__ = ("_cancelled", "_connection", "_has_left", "_task")

    def __init__(self, request: web.BaseRequest) -> None:
        self._connection = _watched(request)
        self._has_left = False
        self._task: asyncio.Task[object] | None = None
        self._cancelled = 0

    @override
    def __enter__(self) -> None:
        # As ``asyncio.timeout`` does, with half of its calls: most requests end before
        # their client leaves.
        self._task = asyncio.current_task(self._connection.loop)
        self._cancelled = self._task.cancelling() if self._task is not None else 0
        self._connection.tell_loss(self._leave)

    @override
    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        self._connection.tell_loss(None)
        if not self._has_left or self._task is None:
            return False
        is_only_ours = self._task.uncancel() <= self._cancelled
        return is_only_ours and kind is asyncio.CancelledError

    def _leave(self) -> None:
        if self._task is not None:
            self._has_left = True
            self._task.cancel()


def departure_of(request: web.BaseRequest) -> Departure:
    """Return the events of the departure of a request's client."""
    return _watched(request).departure()


def _watched(request: web.BaseRequest) -> WatchedConnection:
    connection = request.protocol
    if not isinstance(connection, WatchedConnection):
        raise TypeError("a connection that cannot be watched")
    return connection


def _set(event: asyncio.Future[None] | None) -> None:
    if event is not None and not event.done():
        event.set_result(None)
