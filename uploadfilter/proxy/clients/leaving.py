"""Notice that a client has gone while its answer is still waited for.

A client that watches events which come once an hour may be gone for an hour. An origin
must not be kept busy for nobody, and neither must we.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager

from aiohttp import web
from aiohttp.web_protocol import RequestHandler
from typing_extensions import override


class WatchedConnection(RequestHandler):
    """A client's connection that tells one who asks when it is lost."""

    _on_lost: Callable[[], None] | None = None

    @override
    def connection_lost(self, exc: BaseException | None) -> None:
        """Tell the tasks that answer requests on this connection."""
        super().connection_lost(exc)
        if self._on_lost is not None:
            self._on_lost()

    @contextmanager
    def watched(self, tell: Callable[[], None]) -> Iterator[None]:
        """Call ``tell`` if the connection is lost during the block."""
        self._on_lost = tell
        try:
            yield
        finally:
            self._on_lost = None


@asynccontextmanager
async def while_client_stays(request: web.BaseRequest) -> AsyncIterator[None]:
    """Run the block, and leave it when the client goes.

    What follows the block is the case that it was left: nobody will read the answer.
    It is counted (status ``none``), and not logged: clients come and go as they like.
    """
    connection = request.protocol
    if not isinstance(connection, WatchedConnection):
        raise TypeError("a connection that cannot be watched")
    now = asyncio.get_running_loop().time
    scope = asyncio.timeout(None)
    try:
        async with scope:
            with connection.watched(lambda: scope.reschedule(now())):
                yield
    except TimeoutError:
        if not scope.expired():
            raise
