"""Let requests in flight finish before the listener ends.

aiohttp 3.14 drops all data that still arrives on its connections when a shutdown
begins, and the body of an upload in flight would never be complete. So no part of
aiohttp is shut down before the requests have ended.
"""

import asyncio
from contextlib import AbstractContextManager, suppress

from typing_extensions import override


class _Request(AbstractContextManager[None]):
    """A request in flight; it has no state, so that one object stands for all."""

    def __init__(self, drain: "Drain") -> None:
        self._drain = drain

    @override
    def __enter__(self) -> None:
        self._drain.begun_one()

    @override
    def __exit__(self, *_: object) -> None:
        self._drain.ended_one()


class Drain:
    """The number of requests in flight, and whether they are the last ones.

    Attributes:
        begun: Whether the service is ending: answers then end their connections.
    """

    def __init__(self) -> None:
        self.begun = False
        self._beginning = asyncio.Event()
        self._in_flight = 0
        self._request = _Request(self)
        self._idle = asyncio.Event()
        self._idle.set()

    @property
    def in_flight(self) -> int:
        """The number of requests in flight."""
        return self._in_flight

    def request(self) -> AbstractContextManager[None]:
        """Count one request in flight during the block."""
        return self._request

    def begun_one(self) -> None:
        """Count one more request."""
        self._in_flight += 1
        self._idle.clear()

    def ended_one(self) -> None:
        """Count one request less."""
        self._in_flight -= 1
        if self._in_flight == 0:
            self._idle.set()

    def begin(self) -> None:
        """Make every answer from now on the last one of its connection."""
        self.begun = True
        self._beginning.set()

    async def beginning(self) -> None:
        """Wait until the service ends."""
        await self._beginning.wait()

    async def finish(self, *, within_s: float) -> int:
        """Wait until no request is in flight.

        Args:
            within_s: Longest wait in seconds.

        Returns:
            The number of requests that are still in flight.
        """
        self.begin()
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                await self._idle.wait()
        return self._in_flight
