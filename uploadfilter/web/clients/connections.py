"""Count all connections of clients, and end some if there are too many.

Rules this module keeps:

- A connection is one of a bounded number, of all connections and of its client's. A
  connection from a trusted proxy or a program on this machine stands for many clients.
- Of ten thousand idle connections, the oldest is closed for a new one that sends a
  request.
"""

import asyncio
import ipaddress
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Final, Protocol

import structlog

from uploadfilter.networks import Holdings
from uploadfilter.uploads.head.clientside import Network
from uploadfilter.web.counting.labels import Limit
from uploadfilter.web.counting.metrics import Metrics
from uploadfilter.web.requests.clientkeys import queueing_client
from uploadfilter.web.requests.limits import ProxyLimits
from uploadfilter.web.requests.live import LiveSettings

log: structlog.stdlib.BoundLogger = structlog.get_logger()

_EVICTED_AT_ONCE: Final = 64
"""Idle connections that are ended at a time, so that the search for them is not
repeated for each new one."""

_LOOK_AGAIN_S: Final = 0.1
"""How long the result "no connection is idle" is reused."""

_SAID_EVERY_S: Final = 60.0

_MAPPED: Final = "::ffff:"


class Peer:
    """The other end of a connection.

    Attributes:
        host: Its address.
        port: Its port; 0 if it is unknown.
        key: Its key in limits; ``""`` means no client.
    """

    __slots__ = ("host", "key", "port")

    def __init__(self, host: str, port: int) -> None:
        # A listener for both families shows IPv4 addresses mapped into IPv6.
        self.host = host.removeprefix(_MAPPED)
        self.port = port
        self.key = ""


class Endable(Protocol):
    """A connection that may be ended for a new one."""

    def end_if_idle(self) -> bool:
        """End the connection if it has no request; tell whether it was ended."""


class Speaking(Endable, Protocol):
    """A connection that has sent something, as aiohttp sees it."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin, as in ``asyncio.Protocol``."""

    def data_received(self, data: bytes) -> None:
        """Receive bytes, as in ``asyncio.Protocol``."""


class Silent(Protocol):
    """A new connection that has sent no byte yet, see ``silent.py``."""

    def end(self) -> None:
        """End the connection."""


class Connections:
    """All connections of clients.

    Args:
        settings: Returns the settings in force.
        metrics: Counts each limit that was reached.
        descriptors: Most descriptors of this process.
    """

    def __init__(
        self,
        settings: Callable[[], LiveSettings],
        metrics: Metrics,
        *,
        descriptors: int,
    ) -> None:
        self._settings = settings
        self._metrics = metrics
        self._descriptors = descriptors
        self._held = Holdings()
        self._silent: dict[Silent, None] = {}
        self._speaking: dict[Endable, None] = {}
        self._none_idle_until_s = 0.0
        self._said_at_s: dict[str, float] = {}
        self._gone = asyncio.Event()
        self._gone.set()
        self.count = 0
        self.turning_away = 0

    @property
    def settings(self) -> LiveSettings:
        """The settings in force."""
        return self._settings()

    @property
    def limits(self) -> ProxyLimits:
        """The limits in force."""
        return self._settings().limits

    def room(self) -> int:
        """Return how many connections more there is room for."""
        return self.limits.most_connections(self._descriptors) - self.count

    def trusts(self, host: str) -> bool:
        """Tell whether an address belongs to a trusted proxy."""
        return _is_within(host, self._settings().trusted_proxies)

    def let_in(self, silent: Silent, now_s: float) -> bool:
        """Count one more connection, if there is room or room can be made."""
        if not self._count_one(now_s):
            return False
        self._silent[silent] = None
        return True

    @contextmanager
    def during(self, client: Endable, now_s: float) -> Iterator[bool]:
        """Count a connection of a program on this machine during the block.

        Yields:
            Whether there is room for it, or room could be made.
        """
        if not self._count_one(now_s):
            yield False
            return
        self._speaking[client] = None
        try:
            yield True
        finally:
            self.speaking_left(client, Peer("", 0))

    def _count_one(self, now_s: float) -> bool:
        most = self.limits.most_connections(self._descriptors)
        if self.count >= most and not self._make_room(now_s):
            self._metrics.limited(Limit.CONNECTIONS)
            return False
        self.count += 1
        self._metrics.connections = self.count
        self._gone.clear()
        return True

    def knows(self, peer: Peer) -> bool:
        """Count a connection for its client; false if the client has too many.

        A connection from a trusted proxy or a program on this machine is not counted.
        """
        key = queueing_client(peer.host)
        if not key or self.trusts(peer.host):
            return True
        most = self.limits.most_connections(self._descriptors)
        per_client = self.limits.connections_per_client
        if (
            self._held.of(key) >= per_client
            or self._held.is_share_held(key, most=most, per_client=per_client)
            or self._held.is_fair_share_held(key, most=most)
        ):
            self._metrics.limited(Limit.CLIENT_CONNECTIONS)
            return False
        peer.key = key
        self._held.add(key)
        return True

    def spoke(self, silent: Silent, speaking: Speaking) -> None:
        """Note that a connection has sent something."""
        self._silent.pop(silent, None)
        self._speaking[speaking] = None

    def left(self, peer: Peer, *, silent: Silent | None = None) -> None:
        """Note that an admitted connection has ended."""
        if silent is not None:
            self._silent.pop(silent, None)
        self.count -= 1
        self._metrics.connections = self.count
        if peer.key:
            self._held.add(peer.key, -1)
            peer.key = ""
        if not self.count:
            self._gone.set()

    def speaking_left(self, speaking: Endable, peer: Peer) -> None:
        """Note that a connection that had sent something has ended."""
        if speaking in self._speaking:
            del self._speaking[speaking]
            self.left(peer)

    def say(self, event_of: str, now_s: float) -> None:
        """Tell the operator why a connection was ended, once a minute."""
        if now_s >= self._said_at_s.get(event_of, 0.0):
            self._said_at_s[event_of] = now_s + _SAID_EVERY_S
            log.warning(
                "proxy_header_refused",
                why=event_of,
                hint="On a listener with proxy_protocol, only front ends named in "
                "trusted_proxies may connect, and they send version 2 of the header.",
            )

    def end_silent(self) -> None:
        """End every connection that has not sent anything."""
        for silent in tuple(self._silent):
            silent.end()

    async def gone(self) -> None:
        """Wait until all connections have ended."""
        await self._gone.wait()

    def _make_room(self, now_s: float) -> bool:
        """End the oldest connections that wait for no answer."""
        for silent in self._silent:
            silent.end()
            return True
        if now_s < self._none_idle_until_s:
            return False
        ended = 0
        for speaking in tuple(self._speaking):
            ended += speaking.end_if_idle()
            if ended == _EVICTED_AT_ONCE:
                break
        if not ended:
            self._none_idle_until_s = now_s + _LOOK_AGAIN_S
        return bool(ended)


def _is_within(host: str, networks: Iterable[Network]) -> bool:
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return any(address in network for network in networks)
