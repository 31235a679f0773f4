"""Admit a connection: find out its client, and wait for its first byte.

Rules this module keeps:

- A connection that has sent nothing costs a ``SilentConnection`` and a timer; aiohttp
  gets it with its first byte. So ten thousand idle ones cost little.
- A client that is turned away is told so, but only as the answer to something it has
  sent, because a client does not expect an answer before its request.
- On a listener for the PROXY protocol, a connection that does not come from a trusted
  proxy, or does not begin with a header, is closed without an answer.
- A connection that was lost before it was accepted has no address, and is not served.
- A client on a unix socket is a program on this machine, and has its address.
"""

import asyncio
import socket
from collections.abc import Callable
from enum import Enum
from http import HTTPStatus
from typing import Final, cast

from typing_extensions import override

from uploadfilter.web.answering.answers import RETRY_AFTER_S
from uploadfilter.web.clients.connections import Connections, Peer, Speaking
from uploadfilter.web.clients.proxyheader import Unread, read_header
from uploadfilter.web.requests.limits import ProxyLimits

THIS_MACHINE: Final = "127.0.0.1"
"""The address of a client on a unix socket."""

TURNING_AWAY: Final = 256
"""Connections that are being told that there is no room; further ones are just closed.
This keeps the descriptors that a flood may take within the reserve."""


class _Stage(Enum):
    """The next event that a silent connection waits for."""

    HEADER = "header"
    FIRST_BYTE = "first_byte"
    LAST_WORD = "last_word"
    NOTHING = "nothing"


class SilentConnection(asyncio.Protocol):
    """A new connection that has sent no byte yet.

    Args:
        connections: Counts it.
        speaking: Makes the protocol for the following bytes.
        proxy_protocol: Whether it begins with a header.
    """

    __slots__ = (
        "_connections",
        "_data",
        "_loop",
        "_peer",
        "_speaking",
        "_stage",
        "_status",
        "_timer",
        "_transport",
    )

    def __init__(
        self,
        connections: Connections,
        speaking: Callable[[Peer], Speaking],
        *,
        proxy_protocol: bool,
    ) -> None:
        self._connections = connections
        self._speaking = speaking
        self._loop = asyncio.get_running_loop()
        self._data = b""
        self._stage = _Stage.HEADER if proxy_protocol else _Stage.FIRST_BYTE
        self._status = HTTPStatus.OK
        self._peer = Peer("", 0)
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Admit the connection, or prepare to turn it away."""
        self._transport = cast("asyncio.Transport", transport)
        self._peer = _peer_of(transport)
        limits = self._connections.limits
        if not self._peer.host:
            # It was reset before it was accepted. An answer is impossible, and its
            # bytes must not become a request without a client, to which no limit would
            # apply.
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
        """Note that the connection has ended, unless that was done."""
        self._leave()

    def end(self) -> None:
        """End the connection."""
        self._leave()
        if self._transport is not None:
            self._transport.close()

    def _welcome(self, limits: ProxyLimits) -> None:
        """Wait for the first byte of a client whose address is known by now."""
        if not self._connections.knows(self._peer):
            self._connections.left(self._peer, silent=self)
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
        """Pass the connection to aiohttp, with the bytes that have arrived."""
        transport = self._transport
        if transport is None:
            return
        speaking = self._speaking(self._peer)
        self._connections.spoke(self, speaking)
        self._forget_timer()
        self._stage = _Stage.NOTHING
        self._transport = None
        transport.set_protocol(cast("asyncio.Protocol", speaking))
        speaking.connection_made(transport)
        speaking.data_received(data)

    def _turn_away(self, status: HTTPStatus) -> None:
        """Wait for bytes that can be answered, if that does not cost too much."""
        if self._connections.turning_away >= TURNING_AWAY:
            self._stage = _Stage.NOTHING
            self._abort()
            return
        self._connections.turning_away += 1
        self._stage, self._status = _Stage.LAST_WORD, status
        self._end_after(self._connections.limits.linger_s)

    def _write_last_word(self) -> None:
        """Answer that there is no room; further bytes of the client are thrown away."""
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
        """Note that the connection has ended, once."""
        self._forget_timer()
        if self._status is not HTTPStatus.OK:
            self._status = HTTPStatus.OK
            self._connections.turning_away -= 1
        elif self._stage in {_Stage.HEADER, _Stage.FIRST_BYTE}:
            self._connections.left(self._peer, silent=self)
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
    # A connection that is already lost has none.
    return Peer(str(name[0]), int(name[1])) if name else Peer("", 0)


def _last_word(status: HTTPStatus) -> bytes:
    """Return an answer that needs neither a request nor the operator's texts."""
    return (
        f"HTTP/1.1 {status.value} {status.phrase}\r\n"
        f"Retry-After: {RETRY_AFTER_S}\r\n"
        "Content-Length: 0\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n"
    ).encode()
