"""Keep connections to an origin for its next requests.

aiohttp's connector looks names up and opens connections. For a request that finds an
open connection, it would make an object, a key and two timers each time. So this module
keeps connections itself, from one request to the next, and each has one timer that
requests share.

Rules this module keeps: a connection is used again only if the last answer on it was
whole and no byte has arrived since, and for some minutes at most; the connection that
was used last is used first, so that the others become idle and are closed.
"""

import asyncio
import math
import select
from collections import deque
from typing import Any

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection

from uploadfilter.web.aiohttp_parts import has_begun_another_answer
from uploadfilter.web.origins.settings import OriginSettings

_MOST_OPENED = 8
"""Connections that are opened until one is usable: with an origin that sends before it
is asked, this would never end. Idle ones are not counted, since each that is unusable
leaves the pool: all of them are, after the origin was started again."""

_LONGEST_USE_S = 300.0
"""Seconds after which a connection is not kept for another request, so that the name of
the origin is looked up again. Under steady traffic no connection becomes idle, and all
requests would go to the former address as long as a server answers there. Names are
mostly valid for one to five minutes."""

_AGES = 16
"""Different ages at which connections end, from half of the longest use on. Connections
that a burst opened together would all make their handshakes of TLS together again."""

_EARLIER_S = 1.0
"""A connection is not used in the last second for which the origin says that it keeps
it: a request would meet the end of the connection on its way. undici, the client of
Node, does the same."""


class OriginConnection:
    """A connection to an origin, for one request after another.

    Args:
        connection: The connection from the connector.
        by: Its protocol, which reads answers.
        use_s: Seconds for which it is kept for other requests.

    Attributes:
        by: The same.
        idle_since_s: When the last request ended, by the clock of the loop; 0 before.
    """

    __slots__ = (
        "_connection",
        "_kept_s",
        "_loop",
        "_old_at_s",
        "_poll",
        "_timer",
        "_until_s",
        "by",
        "idle_since_s",
    )

    def __init__(
        self, connection: Connection, by: ResponseHandler, *, use_s: float
    ) -> None:
        self.by = by
        self.idle_since_s = 0.0
        self._connection = connection
        self._kept_s = math.inf
        self._loop = asyncio.get_running_loop()
        self._old_at_s = self._loop.time() + use_s
        # Bytes of TLS may be tickets, which come before the first answer.
        is_plain = _told(by.transport, "sslcontext") is None
        self._poll = _poll_of(by.transport, select.POLLIN if is_plain else 0)
        self._timer: asyncio.TimerHandle | None = None
        self._until_s: float | None = None

    @property
    def transport(self) -> asyncio.Transport | None:
        """The transport, until the connection has ended."""
        return self.by.transport

    def is_stale(self) -> bool:
        """Tell whether the connection was used up before a request was sent on it.

        An origin that closes an idle connection may announce that first (408). Such
        unrequested bytes would be taken for the answer to this request. The loop has
        not noticed them yet if it was busy, and the request would be lost with the
        connection: only a safe one may be sent twice. To look takes one system call of
        about a microsecond.
        """
        by = self.by
        if by.transport is None or by.should_close or len(by) > 0:
            return True
        if has_begun_another_answer(by):
            return True
        return self._poll is None or bool(self._poll.poll(0))

    def keep_for(self, stated_s: float | None) -> None:
        """Note for how long the origin keeps the connection, if it says so."""
        self._kept_s = math.inf if stated_s is None else stated_s - _EARLIER_S

    def is_idle_for(self, most_s: float) -> bool:
        """Tell whether the connection was idle for so long, or longer than it may."""
        return self._loop.time() - self.idle_since_s >= min(most_s, self._kept_s)

    def is_used_up(self) -> bool:
        """Tell whether the connection serves no other request after this one."""
        return (
            self.by.should_close
            or self._kept_s <= 0
            or self._loop.time() >= self._old_at_s
        )

    def become_idle(self) -> None:
        """Note that a whole answer has arrived, and that no byte may follow it."""
        if not self.idle_since_s:
            self._poll = _poll_of(self.by.transport)
        self.idle_since_s = self._loop.time()

    def await_head(self, silence_s: float) -> None:
        """Start, or start again, the time in which the head of an answer must arrive.

        The timer is not cancelled when the head has arrived: it looks, when it is due,
        whether another head is awaited. So most requests make no timer.

        Raises:
            SocketTimeoutError: To the task that waits, if the origin is silent.
        """
        self._until_s = self._loop.time() + silence_s
        if self._timer is None:
            self._timer = self._loop.call_later(silence_s, self._look)

    def stop_waiting(self) -> None:
        """Note that the head has arrived."""
        self._until_s = None

    def _look(self) -> None:
        self._timer = None
        if self._until_s is None:
            return
        left_s = self._until_s - self._loop.time()
        if left_s > 0:
            self._timer = self._loop.call_later(left_s, self._look)
        else:
            self.by.set_exception(aiohttp.SocketTimeoutError("the origin is silent"))

    def close(self) -> None:
        """End the connection."""
        self._until_s = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._connection.close()


class KeptConnections:
    """The connections to one origin that no request uses at the moment."""

    def __init__(
        self,
        settings: OriginSettings,
        *,
        connector: aiohttp.BaseConnector,
        whom: aiohttp.ClientRequest,
    ) -> None:
        self._connector = connector
        self._whom = whom
        self._is_closed = False
        self._opened_count = 0
        self._idle_s = settings.idle_timeout_s
        self._idle: deque[OriginConnection] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._loop = asyncio.get_running_loop()
        self._patience = aiohttp.ClientTimeout(
            total=None,
            # Includes looking up its name.
            connect=settings.answer_timeout_s,
            sock_connect=settings.connect_timeout_s,
        )

    def __len__(self) -> int:
        """Return the number of idle connections."""
        return len(self._idle)

    async def take(self, *, is_new: bool = False) -> OriginConnection:
        """Take an idle connection, or open one; ``give_back`` or ``end`` it once.

        Args:
            is_new: Whether to open one in any case.

        Raises:
            aiohttp.ClientError: None can be opened, or all are used up.
            TimeoutError: None was open in time.
        """
        return (None if is_new else self._idle_one()) or await self._usable()

    def give_back(self, connection: OriginConnection) -> None:
        """Keep a connection after a whole answer, if it can be used again."""
        if self._is_closed or connection.is_used_up():
            self.end(connection)
            return
        connection.become_idle()
        self._idle.append(connection)
        if self._timer is None:
            self._timer = self._loop.call_later(self._idle_s, self._close_idle)

    def end(self, connection: OriginConnection) -> None:
        """End a connection that was taken."""
        connection.close()

    def close(self) -> None:
        """Close all idle connections, and keep no more."""
        self._is_closed = True
        if self._timer is not None:
            self._timer.cancel()
        while self._idle:
            self._idle.pop().close()

    def _idle_one(self) -> OriginConnection | None:
        """Return the usable connection that was used last; close any unusable one."""
        while self._idle:
            connection = self._idle.pop()
            is_fresh = not connection.is_idle_for(self._idle_s)
            is_open = is_fresh and connection.by.is_connected()
            if is_open and not connection.is_stale():
                return connection
            connection.close()
        return None

    async def _usable(self) -> OriginConnection:
        for _ in range(_MOST_OPENED):
            connection = await self._opened()
            if not connection.is_stale():
                return connection
            connection.close()
        raise aiohttp.ServerDisconnectedError

    async def _opened(self) -> OriginConnection:
        connection = await self._connector.connect(self._whom, [], self._patience)
        by = connection.protocol
        if by is None:
            raise aiohttp.ServerDisconnectedError
        self._opened_count += 1
        share = (self._opened_count % _AGES + _AGES) / (2 * _AGES)
        return OriginConnection(connection, by, use_s=_LONGEST_USE_S * share)

    def _close_idle(self) -> None:
        """Close the connections that are idle for too long; the oldest are first."""
        self._timer = None
        while self._idle and self._idle[0].is_idle_for(self._idle_s):
            self._idle.popleft().close()
        if self._idle:
            left_s = self._idle[0].idle_since_s + self._idle_s - self._loop.time()
            self._timer = self._loop.call_later(left_s, self._close_idle)


def _told(transport: asyncio.Transport | None, name: str) -> Any:  # noqa: ANN401 - as asyncio has it
    return None if transport is None else transport.get_extra_info(name)


def _poll_of(
    transport: asyncio.Transport | None, events: int = select.POLLIN
) -> "select.poll | None":
    """Return what tells that the other side closed, or sent unrequested bytes."""
    end = _told(transport, "socket")
    if end is None or end.fileno() < 0:
        return None
    poll = select.poll()
    poll.register(end.fileno(), select.POLLRDHUP | events)
    return poll
