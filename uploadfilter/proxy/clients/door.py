"""Let connections in: count them, learn whose they are, and wait for their first byte.

Rules this module keeps:

- A connection that has sent nothing costs a ``Door`` and a timer; aiohttp learns of it
  with its first byte. So ten thousand idle ones cost little, and the oldest of them
  makes room for a new one that means it.
- A client that is turned away is told so, but only as the answer to something it has
  sent, since a client does not expect an answer before it has asked.
- On a listener for the PROXY protocol, a connection that does not come from a trusted
  proxy, or does not begin with a header, ends without a word.
- A connection that was lost before it was accepted has no address, and is not served.
- A client that came by a unix socket is a program on this machine, and has its address.
"""

import asyncio
import ipaddress
import socket
from collections.abc import Callable, Iterable
from enum import Enum
from http import HTTPStatus
from typing import Final, Protocol, cast

import structlog
from typing_extensions import override

from uploadfilter.networks import Holdings, in_group
from uploadfilter.proxy.answering.answers import RETRY_AFTER_S
from uploadfilter.proxy.clients.proxyheader import Unread, read_header
from uploadfilter.proxy.counting.metrics import Limit, Metrics
from uploadfilter.proxy.requests.arrival import group_of, queueing_client
from uploadfilter.proxy.requests.limits import ProxyLimits
from uploadfilter.proxy.requests.live import LiveSettings
from uploadfilter.uploads.head.forwarding import Network

log: structlog.stdlib.BoundLogger = structlog.get_logger()

THIS_MACHINE: Final = "127.0.0.1"
"""The address of a client that comes by a unix socket."""

TURNING_AWAY: Final = 256
"""Connections that are being told that there is no room; more are just ended. It keeps
the descriptors that a flood may take within what is set aside."""

_EVICTED_AT_ONCE: Final = 64
"""Idle connections that are ended in one go, so that looking for them is not repeated
for each new one."""

_LOOK_AGAIN_S: Final = 0.1
"""How long it is believed that no connection is idle."""

_SAID_EVERY_S: Final = 60.0

_MAPPED: Final = "::ffff:"


class Peer:
    """Who is at the other end.

    Attributes:
        host: Address.
        port: 0 if it is not known.
        key: By what name limits know it; ``""`` is nobody.
    """

    __slots__ = ("host", "key", "port")

    def __init__(self, host: str, port: int) -> None:
        # IPv4 in the clothes of IPv6, as a listener for both families shows it.
        self.host = host.removeprefix(_MAPPED)
        self.port = port
        self.key = ""


class Guest(Protocol):
    """A connection that has sent something, as aiohttp knows it."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin; as of ``asyncio.Protocol``."""

    def data_received(self, data: bytes) -> None:
        """Take bytes in; as of ``asyncio.Protocol``."""

    def end_if_idle(self) -> bool:
        """End the connection if no request is on it, and tell whether it was."""


class Connections:
    """All connections of clients.

    Args:
        settings: The ones in force.
        metrics: Where each limit that was reached is counted.
        descriptors: How many this process may have.
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
        self._doors: dict[Door, None] = {}
        self._guests: dict[Guest, None] = {}
        self._none_idle_until_s = 0.0
        self._said_at_s: dict[str, float] = {}
        self._gone = asyncio.Event()
        self._gone.set()
        self.count = 0
        self.turning_away = 0

    @property
    def limits(self) -> ProxyLimits:
        """The limits in force."""
        return self._settings().limits

    def trusts(self, host: str) -> bool:
        """Tell whether an address is a trusted proxy's."""
        return _is_within(host, self._settings().trusted_proxies)

    def let_in(self, door: "Door", now_s: float) -> bool:
        """Count one more connection, if there is room or room can be made."""
        most = self.limits.most_connections(self._descriptors)
        if self.count >= most and not self._make_room(now_s):
            self._metrics.limited(Limit.CONNECTIONS)
            return False
        self.count += 1
        self._metrics.connections = self.count
        self._gone.clear()
        self._doors[door] = None
        return True

    def knows(self, peer: Peer) -> bool:
        """Count a connection among its client's; false if that has too many.

        What a trusted proxy or a program on this machine opens is for many clients.
        """
        groups = self._settings().client_groups
        key = in_group(queueing_client(peer.host), group_of(peer.host, groups))
        if not key or self.trusts(peer.host):
            return True
        most = self.limits.most_connections(self._descriptors)
        per_client = self.limits.connections_per_client
        if self._held.of(key) >= per_client or self._held.is_share_held(
            key, most=most, per_client=per_client
        ):
            self._metrics.limited(Limit.CLIENT_CONNECTIONS)
            return False
        peer.key = key
        self._held.add(key)
        return True

    def opened(self, door: "Door", guest: Guest) -> None:
        """Note that a connection has sent something."""
        self._doors.pop(door, None)
        self._guests[guest] = None

    def left(self, peer: Peer, *, door: "Door | None" = None) -> None:
        """Note that a connection that was let in has ended."""
        if door is not None:
            self._doors.pop(door, None)
        self.count -= 1
        self._metrics.connections = self.count
        if peer.key:
            self._held.add(peer.key, -1)
            peer.key = ""
        if not self.count:
            self._gone.set()

    def guest_left(self, guest: Guest, peer: Peer) -> None:
        """Note that a connection has ended that had sent something."""
        if guest in self._guests:
            del self._guests[guest]
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
        for door in tuple(self._doors):
            door.end()

    async def gone(self) -> None:
        """Wait until there are no connections."""
        await self._gone.wait()

    def _make_room(self, now_s: float) -> bool:
        """End the oldest connections of which nobody awaits anything."""
        for door in self._doors:
            door.end()
            return True
        if now_s < self._none_idle_until_s:
            return False
        ended = 0
        for guest in tuple(self._guests):
            ended += guest.end_if_idle()
            if ended == _EVICTED_AT_ONCE:
                break
        if not ended:
            self._none_idle_until_s = now_s + _LOOK_AGAIN_S
        return bool(ended)


class _Stage(Enum):
    """What a door waits for."""

    HEADER = "header"
    FIRST_BYTE = "first_byte"
    LAST_WORD = "last_word"
    NOTHING = "nothing"


class Door(asyncio.Protocol):
    """A connection of which nothing has arrived yet.

    Args:
        connections: Where it is counted.
        guest: Makes the protocol for what follows.
        proxy_protocol: Whether it begins with a header.
    """

    __slots__ = (
        "_connections",
        "_data",
        "_guest",
        "_loop",
        "_peer",
        "_stage",
        "_status",
        "_timer",
        "_transport",
    )

    def __init__(
        self,
        connections: Connections,
        guest: Callable[[Peer], Guest],
        *,
        proxy_protocol: bool,
    ) -> None:
        self._connections = connections
        self._guest = guest
        self._loop = asyncio.get_running_loop()
        self._data = b""
        self._stage = _Stage.HEADER if proxy_protocol else _Stage.FIRST_BYTE
        self._status = HTTPStatus.OK
        self._peer = Peer("", 0)
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Let the connection in, or prepare to turn it away."""
        self._transport = cast("asyncio.Transport", transport)
        self._peer = _peer_of(transport)
        limits = self._connections.limits
        if not self._peer.host:
            # It was reset before it was accepted. Nobody can be answered, and what it
            # has sent must not go on as the request of nobody, whom no limit knows.
            self._stage = _Stage.NOTHING
            self._abort()
        elif not self._connections.let_in(self, self._loop.time()):
            self._turn_away(HTTPStatus.SERVICE_UNAVAILABLE)
        elif self._stage is _Stage.HEADER:
            self._end_after(limits.head_s)
            if not self._connections.trusts(self._peer.host):
                self._refuse("untrusted")
        else:
            self._welcome(limits)

    @override
    def data_received(self, data: bytes) -> None:
        """Take the first bytes."""
        match self._stage:
            case _Stage.HEADER:
                self._data += data
                self._read_header()
            case _Stage.FIRST_BYTE:
                self._open(data)
            case _Stage.LAST_WORD:
                self._stage = _Stage.NOTHING
                self._write_last_word()
            case _Stage.NOTHING:
                pass

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        """Count the connection out, unless that was done."""
        self._leave()

    def end(self) -> None:
        """End the connection."""
        self._leave()
        if self._transport is not None:
            self._transport.close()

    def _welcome(self, limits: ProxyLimits) -> None:
        """Wait for the first byte of a client that is known by now."""
        if not self._connections.knows(self._peer):
            self._connections.left(self._peer, door=self)
            self._turn_away(HTTPStatus.TOO_MANY_REQUESTS)
            return
        self._stage = _Stage.FIRST_BYTE
        self._end_after(limits.keep_alive_s)

    def _read_header(self) -> None:
        header = read_header(self._data)
        if header is Unread.INCOMPLETE:
            return
        if isinstance(header, Unread):
            self._refuse("malformed")
            return
        rest, self._data = self._data[header.length :], b""
        if header.source is not None:
            self._peer = Peer(header.source or THIS_MACHINE, header.port)
        self._welcome(self._connections.limits)
        if rest:
            self.data_received(rest)

    def _open(self, data: bytes) -> None:
        """Hand the connection over to aiohttp, with what has arrived of it."""
        transport = self._transport
        if transport is None:
            return
        guest = self._guest(self._peer)
        self._connections.opened(self, guest)
        self._forget_timer()
        self._stage = _Stage.NOTHING
        self._transport = None
        transport.set_protocol(cast("asyncio.Protocol", guest))
        guest.connection_made(transport)
        guest.data_received(data)

    def _turn_away(self, status: HTTPStatus) -> None:
        """Wait for something that can be answered, if that does not cost too much."""
        if self._connections.turning_away >= TURNING_AWAY:
            self._stage = _Stage.NOTHING
            self._abort()
            return
        self._connections.turning_away += 1
        self._stage, self._status = _Stage.LAST_WORD, status
        self._end_after(self._connections.limits.linger_s)

    def _write_last_word(self) -> None:
        """Tell that there is no room; what the client still sends is thrown away."""
        if self._transport is not None:
            self._transport.write(_last_word(self._status))
            self._transport.write_eof()

    def _refuse(self, why: str) -> None:
        self._connections.say(why, self._loop.time())
        self._abort()

    def _end_after(self, seconds: float) -> None:
        self._forget_timer()
        self._timer = self._loop.call_later(seconds, self._abort)

    def _abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def _leave(self) -> None:
        """Count the connection out, once."""
        self._forget_timer()
        if self._status is not HTTPStatus.OK:
            self._status = HTTPStatus.OK
            self._connections.turning_away -= 1
        elif self._stage in {_Stage.HEADER, _Stage.FIRST_BYTE}:
            self._connections.left(self._peer, door=self)
        self._stage = _Stage.NOTHING

    def _forget_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def _peer_of(transport: asyncio.BaseTransport) -> Peer:
    """Return the other end of a connection."""
    sock = transport.get_extra_info("socket")
    if sock is not None and sock.family == socket.AF_UNIX:
        return Peer(THIS_MACHINE, 0)
    name = transport.get_extra_info("peername")
    # A connection that is lost already has none.
    return Peer(str(name[0]), int(name[1])) if name else Peer("", 0)


def _is_within(host: str, networks: Iterable[Network]) -> bool:
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return any(address in network for network in networks)


def _last_word(status: HTTPStatus) -> bytes:
    """Return an answer that needs neither a request nor the operator's words."""
    return (
        f"HTTP/1.1 {status.value} {status.phrase}\r\n"
        f"Retry-After: {RETRY_AFTER_S}\r\n"
        "Content-Length: 0\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n"
    ).encode()
