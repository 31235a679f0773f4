"""The connections that are accepted and not open yet: whose is opened next.

To accept a connection takes 20 us, to open it and to begin its upload 0.3 ms and more.
A client that opens 256 at once would keep a new client waiting for all of them, since
the kernel's queue is in order of arrival. So connections are accepted quickly, and
opened by client in turn.

Rules this module keeps:

- The client is known by the first bytes, which are looked at and not taken. What they
  say decides the order and nothing else: the head is read again when it is parsed.
- Connections that have sent nothing are those of one client, until they have. They are
  looked at again; those of nobody in particular (``""``) are not.
"""

import re
import socket
from collections import deque
from collections.abc import Callable
from functools import lru_cache
from typing import Final

from uploadfilter.uploads.head.clientside import client_side
from uploadfilter.uploads.head.request import RequestHead
from uploadfilter.web.clients.proxyheader import Unread, read_header
from uploadfilter.web.clients.silent import THIS_MACHINE
from uploadfilter.web.requests.clientkeys import queueing_client
from uploadfilter.web.requests.live import LiveSettings
from uploadfilter.web.requests.turntaking import TurnTaking

LOOKED_AT_BYTES: Final = 4096
"""Bytes of a head in which its client is looked for: browsers send one to two KB."""

_LOOKS: Final = 64
"""Connections without a byte that are looked at again in one round: 0.3 ms."""

_END: Final = b"\r\n\r\n"

_SILENT: Final = "silent"
"""Stands for the client of connections that have not told it; no client's key is such
a word."""

_NO_HEAD: Final = RequestHead(method="PUT", target="/", headers=(), version=(1, 1))

Who = Callable[[bytes, str], str | None]
"""Returns the client of a connection by its first bytes, and by its other end; ``None``
if more bytes are needed, and ``""`` for nobody in particular."""


class Newcomers:
    """Accepted connections that wait to be opened."""

    def __init__(self, who: Who) -> None:
        self._who = who
        self._waiting: dict[str, deque[socket.socket]] = {}
        self._turns = TurnTaking()
        self._count = 0

    def __len__(self) -> int:
        """Return the number of connections."""
        return self._count

    def add(self, accepted: socket.socket) -> None:
        """Let a connection wait."""
        self._count += 1
        self._waiting.setdefault(self._client_of(accepted), deque()).append(accepted)

    def take(self) -> socket.socket:
        """Remove and return the connection that is next; there must be one."""
        client = min(self._waiting, key=self._turns.last)
        self._turns.took(client)
        waiting = self._waiting[client]
        taken = waiting.popleft()
        if not waiting:
            del self._waiting[client]
        self._count -= 1
        return taken

    def look(self) -> None:
        """Look again at connections that had sent nothing."""
        silent = self._waiting.pop(_SILENT, deque())
        self._count -= len(silent)
        looks = [silent.popleft() for _ in range(min(len(silent), _LOOKS))]
        if silent:
            self._waiting[_SILENT] = silent
            self._count += len(silent)
        for accepted in looks:
            self.add(accepted)

    def _client_of(self, accepted: socket.socket) -> str:
        """Return the client of a connection, ``_SILENT`` if it has not told it."""
        try:
            sent = accepted.recv(LOOKED_AT_BYTES, socket.MSG_PEEK)
            other_end = accepted.getpeername()
        except OSError:
            return _SILENT
        peer = str(other_end[0]) if isinstance(other_end, tuple) else ""
        client = self._who(sent, peer) if sent else None
        return _SILENT if client is None else client


def told_client(
    sent: bytes, peer: str, settings: LiveSettings, *, proxy_protocol: bool
) -> str | None:
    """Return the key in limits of the client that the first bytes of a head tell.

    ``None`` means that more bytes are needed. Of a stranger, no header is believed: its
    connection will be closed, but until then it would take the turns of others.

    Args:
        sent: The bytes.
        peer: Address of the other end; empty for a unix socket.
        settings: The settings in force, which say whose words are believed.
        proxy_protocol: Whether the bytes begin with a header of the PROXY protocol.
    """
    peer = peer or THIS_MACHINE
    if proxy_protocol and _is_trusted(peer, settings):
        header = read_header(sent)
        if isinstance(header, Unread):
            return None if header is Unread.INCOMPLETE else ""
        if header.source is not None:
            peer = header.source or THIS_MACHINE
        sent = sent[header.length :]
    name = settings.client_header.value.encode("ascii")
    lines = _lines_of(name).findall(sent.partition(_END)[0])
    head = RequestHead(
        method="PUT",
        target="/",
        headers=tuple((name, line.strip()) for line in lines),
        version=(1, 1),
    )
    side = client_side(
        peer,
        head,
        scheme="http",
        trusted_proxies=settings.trusted_proxies,
        believed=settings.client_header,
    )
    return queueing_client(side.client)


def _is_trusted(peer: str, settings: LiveSettings) -> bool:
    return client_side(
        peer, _NO_HEAD, scheme="http", trusted_proxies=settings.trusted_proxies
    ).trusted


@lru_cache
def _lines_of(name: bytes) -> re.Pattern[bytes]:
    """Return what finds the values of a header in a head."""
    return re.compile(rb"\r\n" + re.escape(name) + rb":([^\r\n]*)", re.IGNORECASE)
