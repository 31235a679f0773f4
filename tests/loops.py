"""The event loop of the tests: closed connections are gone when the loop ends."""

import asyncio

from typing_extensions import override

_TURNS = 3
"""Turns of the loop in which an aborted transport closes its socket; it needs one."""


class TestLoop(asyncio.SelectorEventLoop):
    """A loop that drops the unsent bytes of closed connections.

    A transport that is closed with bytes unsent lives until they are sent. If its peer
    never reads them and the loop ends first, the socket stays open until the garbage
    collector finds it, in the middle of some later test, which then fails for a
    connection that it never had. A connection that was not closed stays: it is a defect
    of its test, and there is still a warning.
    """

    __test__ = False  # pytest takes it for a class of tests by its name

    @override
    def close(self) -> None:
        """Close every transport that is closing already, then the loop."""
        if not (self.is_running() or self.is_closed()):
            for transport in self._closing():
                transport.abort()
            for _ in range(_TURNS):
                self.run_until_complete(asyncio.sleep(0))
        super().close()

    def _closing(self) -> list[asyncio.WriteTransport]:
        """Return the transports that are closed and have a socket still."""
        # asyncio keeps them by the number of the socket, in a private attribute.
        kept = vars(self)["_transports"].values()
        return [transport for transport in kept if transport.is_closing()]
