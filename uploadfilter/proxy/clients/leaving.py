"""Notice that a client has disconnected while its answer is awaited.

A client that watches events may disconnect an hour before the next one comes. Neither
the origin nor the proxy should be kept busy for it.
"""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from types import TracebackType

from aiohttp import web
from typing_extensions import override

from uploadfilter.proxy.aiohttp_parts import AiohttpConnection


class WatchedConnection(AiohttpConnection):
    """A client's connection that reports when it is lost."""

    _on_lost: Callable[[], None] | None = None

    @override
    def connection_lost(self, exc: BaseException | None) -> None:
        """Notify the tasks that answer requests on this connection."""
        super().connection_lost(exc)
        if self._on_lost is not None:
            self._on_lost()

    def tell_loss(self, tell: Callable[[], None] | None) -> None:
        """Call ``tell`` when the connection is lost; ``None`` cancels that."""
        self._on_lost = tell


class WhileClientStays(AbstractAsyncContextManager[None]):
    """Runs a block, and leaves it when the client disconnects.

    Code after the block handles that case: nobody will read the answer. It is counted
    (status ``none``), and not logged, because clients often disconnect.

    Args:
        request: Request of the client.
    """

    __slots__ = ("_connection", "_scope")

    def __init__(self, request: web.BaseRequest) -> None:
        connection = request.protocol
        if not isinstance(connection, WatchedConnection):
            raise TypeError("a connection that cannot be watched")
        self._connection = connection
        self._scope = asyncio.timeout(None)

    @override
    async def __aenter__(self) -> None:
        await self._scope.__aenter__()
        self._connection.tell_loss(self._leave)

    @override
    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        self._connection.tell_loss(None)
        try:
            await self._scope.__aexit__(kind, error, traceback)
        except TimeoutError:
            return self._scope.expired()
        return False

    def _leave(self) -> None:
        self._scope.reschedule(asyncio.get_running_loop().time())
