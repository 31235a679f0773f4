"""Accept connections, many in one round of the event loop.

uvloop 0.23 accepts one connection of a listening socket in each round (libuv's
``uv__server_io``). A round of a busy loop takes ten milliseconds, so that a hundred
connections a second are accepted. When three hundred came each second, the head of
each was read 0.5 to 1 s after the client had sent it. Rules this module keeps:

- New connections take a share of the loop: one round opens one for each ``EACH_S`` that
  the loop has taken since the round before, within bounds. Then the connections that
  are already open have their turn. An upload takes a dozen rounds, so that it waits for
  a flood of connections as often.
- Which ones are opened is decided by client (``newcomers.py``): more are accepted than
  opened, as many as there may be connections.
- A connection that was reset while it waited in the kernel is closed without more ado:
  nothing can be answered, and a client that breaks off all of its uploads makes
  hundreds of them a second.
- No try waits. An inherited socket is shared with other processes, and so is its flag
  ``O_NONBLOCK``: systemd clears it before each start of a proxy, unless the unit says
  ``NonBlocking=true`` (systemd.exec(5)). So it is set again before each try.
- If nothing can be accepted, mostly for want of a descriptor, the next try is after
  ``PAUSE_S``. The clients wait in the kernel's queue.
"""

import asyncio
import errno
import logging
import os
import socket
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from functools import partial
from typing import Any, Final

import structlog

from uploadfilter.ongoing import QUIET_S, OngoingFaults
from uploadfilter.web.clients.newcomers import Newcomers, Who

log: structlog.stdlib.BoundLogger = structlog.get_logger()

EACH_S: Final = 0.002
"""Seconds of the loop for each new connection. To open one, to read its head and to
refuse its upload takes 0.7 ms: so a flood of them takes a third of the loop, or more if
nobody else wants it."""

LEAST_AT_ONCE: Final = 4
"""Connections that a round may open however soon it comes."""

MOST_AT_ONCE: Final = 8
"""Connections that a round may open however long the last one was: 6 ms."""

TRIES_AT_ONCE: Final = 64
"""Connections that a round accepts, those that were reset included: each takes 10 to
20 us."""

MOST_NEW: Final = 512
"""Connections that are accepted and not open: twice as many as one client may have."""

PAUSE_S: Final = 0.1
"""Seconds without accepting if there are no descriptors. Every request that ends frees
one, which takes some milliseconds."""

UNSENT_BYTES: Final = 512 * 1024
"""Most bytes of an answer that the system holds for a client before it sends them. By
default it takes 4 MB for a client that reads nothing. Bytes that are on the way do not
count, so that a fast client on a long way is as fast as before. Half as much costs a
tenth more CPU for answers of 10 MB (ADR 0029); this costs nothing measurable."""

_SAY_EVERY_S: Final = 60.0
"""Seconds between two messages about it."""

_OPENED_WITHIN_S: Final = 1.0
"""Seconds until a connection that was accepted last is open: it takes a millisecond."""

_GONE: Final = frozenset(
    {
        *(errno.ECONNABORTED, errno.EPROTO, errno.EPERM, errno.ENOPROTOOPT),
        *(errno.ENETDOWN, errno.ENETUNREACH, errno.EHOSTDOWN, errno.EHOSTUNREACH),
        *(errno.ENONET, errno.EOPNOTSUPP),
    }
)
"""Errors of the new connection, which Linux passes on (accept(2)): the next one may be
accepted."""


OpenOne = Callable[[socket.socket], Coroutine[Any, Any, object]]
"""Opens a connection that was accepted."""


def open_with(make: Callable[[], asyncio.Protocol]) -> OpenOne:
    """Return what opens a connection with a protocol of asyncio."""
    return partial(asyncio.get_running_loop().connect_accepted_socket, make)


class Acceptor:
    """Accepts the connections of one listening socket, until ``close``.

    Args:
        listener: A bound socket; ``close`` closes it.
        open_one: Opens a connection that was accepted.
        backlog: Most connections that wait in the kernel (``listen(2)``).
        who: Tells the client of a new connection, by its first bytes and other end.
        room: Returns how many connections there is room for.
    """

    def __init__(
        self,
        listener: socket.socket,
        open_one: OpenOne,
        *,
        backlog: int,
        who: Who = lambda *_: "",
        room: Callable[[], int] = lambda: MOST_NEW,
    ) -> None:
        self._new = Newcomers(who)
        self._room = room
        self._is_opening = False
        self._listener = listener
        self._open_one = open_one
        self._loop = asyncio.get_running_loop()
        self._opening: set[asyncio.Task[object]] = set()
        self._pause: asyncio.TimerHandle | None = None
        self._faults = OngoingFaults(log, quiet_s=QUIET_S, clock=self._loop.time)
        self._accepted_at_s = 0.0
        # Accepted sockets inherit it. It has no meaning for Unix sockets, and Linux
        # before 6.9 refuses it for MPTCP, which systemd may hand over.
        with suppress(OSError):
            listener.setsockopt(
                socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT_BYTES
            )
        listener.setblocking(False)
        listener.listen(backlog)
        self._loop.add_reader(listener, self._accept)

    @property
    def waiting(self) -> int:
        """Return the number of connections that are accepted and not open."""
        return len(self._new)

    async def close(self) -> None:
        """Accept nothing more, and close the listening socket.

        The connections that were accepted are open afterwards, so that they are seen
        out as all others.
        """
        if self._pause is None:
            self._loop.remove_reader(self._listener)
        else:
            self._pause.cancel()
        self._listener.close()
        while self._new:
            self._open(self._new.take())
        if self._opening:
            await asyncio.wait(self._opening, timeout=_OPENED_WITHIN_S)

    def _accept(self) -> None:
        """Accept connections, and open some of them in this round."""
        for _ in range(self._may_accept()):
            os.set_blocking(self._listener.fileno(), False)
            try:
                accepted, _ = self._listener.accept()
            except (BlockingIOError, InterruptedError):
                break
            except OSError as exc:
                if exc.errno in _GONE:
                    continue
                self._wait(exc)
                break
            if _is_reset(accepted):
                accepted.close()
                continue
            accepted.setblocking(False)
            self._new.add(accepted)
            self._faults.recover("connections_wait")
        if not self._is_opening:
            self._open_some()

    def _may_accept(self) -> int:
        """Return how many connections this round may accept: none is left unopened."""
        most = min(self._room(), MOST_NEW) - len(self._new)
        return max(min(most, TRIES_AT_ONCE), 0 if self._new else LEAST_AT_ONCE)

    def _open_some(self) -> None:
        """Open the connections of this round, and go on in the next one."""
        self._is_opening = False
        self._new.look()
        left = self._may_open()
        while left and self._new:
            accepted = self._new.take()
            if _is_reset(accepted):
                accepted.close()
                continue
            self._open(accepted)
            left -= 1
        if self._new:
            self._is_opening = True
            self._loop.call_soon(self._open_some)

    def _may_open(self) -> int:
        """Return how many connections this round may open."""
        now_s = time.monotonic()
        round_s = now_s - self._accepted_at_s
        self._accepted_at_s = now_s
        return int(max(min(round_s / EACH_S, MOST_AT_ONCE), LEAST_AT_ONCE))

    def _open(self, accepted: socket.socket) -> None:
        opening = self._loop.create_task(
            self._open_one(accepted), name="open-connection"
        )
        self._opening.add(opening)
        opening.add_done_callback(partial(self._opened, accepted))

    def _opened(self, accepted: socket.socket, opening: "asyncio.Task[object]") -> None:
        self._opening.discard(opening)
        if opening.cancelled():
            accepted.close()
        elif (error := opening.exception()) is not None:
            accepted.close()
            log.error("connection_not_opened", error=repr(error))

    def _wait(self, error: OSError) -> None:
        """Accept nothing for a moment, and tell the operator why."""
        self._faults.fail(
            "connections_wait",
            level=logging.WARNING,
            error=str(error),
            hint="Allow more descriptors: LimitNOFILE= in the unit, or ulimit -n.",
        )
        self._loop.remove_reader(self._listener)
        self._pause = self._loop.call_later(PAUSE_S, self._go_on)

    def _go_on(self) -> None:
        self._pause = None
        self._loop.add_reader(self._listener, self._accept)


def _is_reset(accepted: socket.socket) -> bool:
    """Tell whether a connection has ended, so that nothing can be sent on it."""
    try:
        accepted.getpeername()
    except OSError:
        return True
    return False
