"""What may change while the service runs, and who still uses what it was before.

A request takes the live settings once, at its start, and keeps them to its end: an
upload that began under the old file ends under it, and origins that it may still talk
to are closed when nobody does.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass

from uploadfilter.proxy.limits import ProxyLimits
from uploadfilter.proxy.origin import Origin, OriginSettings
from uploadfilter.proxy.routes import Routes
from uploadfilter.proxy.wording import Wording
from uploadfilter.reference.matching import Thresholds
from uploadfilter.uploads.forwarding import ClientHeader, Network


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveSettings:
    """What a file says about requests; it may be exchanged for another at any time.

    Attributes:
        routes: How each request is treated.
        origins: Where they go, by the names that routes use.
        trusted_proxies: Networks whose word about clients is believed.
        client_header: The header in which they say who the client is.
        thresholds: Largest distances.
        limits: Of connections and time.
        wording: What clients are told, and where they can object.
    """

    routes: Routes
    origins: Mapping[str, OriginSettings]
    trusted_proxies: tuple[Network, ...]
    client_header: ClientHeader
    thresholds: Thresholds
    limits: ProxyLimits
    wording: Wording


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    """The settings in force, with the origins opened.

    Attributes:
        settings: As the file has them.
        origins: By name, ready to be asked.
    """

    settings: LiveSettings
    origins: Mapping[str, Origin]

    @classmethod
    @asynccontextmanager
    async def opened(cls, settings: LiveSettings) -> AsyncIterator["Live"]:
        """Keep the origins open for the length of the block."""
        async with AsyncExitStack() as stack:
            origins = {
                name: await stack.enter_async_context(Origin.opened(origin))
                for name, origin in settings.origins.items()
            }
            yield cls(settings=settings, origins=origins)


class InForce:
    """The live settings in force. Open it with ``opened``.

    Args:
        live: The first ones.
        stack: Closes them.
    """

    def __init__(self, live: Live, stack: AsyncExitStack) -> None:
        self._term = _Term(live, stack)
        self._ending: set[_Term] = set()

    @classmethod
    @asynccontextmanager
    async def opened(cls, settings: LiveSettings) -> AsyncIterator["InForce"]:
        """Keep settings in force for the length of the block."""
        stack = AsyncExitStack()
        live = await stack.enter_async_context(Live.opened(settings))
        in_force = cls(live, stack)
        try:
            yield in_force
        finally:
            await in_force._close()

    @property
    def settings(self) -> LiveSettings:
        """The settings that the next request will take."""
        return self._term.live.settings

    @contextmanager
    def use(self) -> Iterator[Live]:
        """Take what is in force now, and keep it for the length of the block."""
        term = self._term
        term.users += 1
        try:
            yield term.live
        finally:
            term.leave()

    async def replace(self, settings: LiveSettings) -> None:
        """Put other settings in force for every request that begins from now on.

        Nothing changes if the new origins cannot be opened. The old ones are closed by
        ``close_old``, as soon as nobody uses them.
        """
        stack = AsyncExitStack()
        live = await stack.enter_async_context(Live.opened(settings))
        old, self._term = self._term, _Term(live, stack)
        self._ending.add(old)
        old.retire()

    async def close_old(self) -> None:
        """Close what was replaced and is not used any more; wait for the others."""
        for term in list(self._ending):
            await term.unused.wait()
            self._ending.discard(term)
            await term.stack.aclose()

    async def _close(self) -> None:
        for term in (*self._ending, self._term):
            await term.stack.aclose()


class _Term:
    """Live settings, from when they came in force until nobody uses them."""

    def __init__(self, live: Live, stack: AsyncExitStack) -> None:
        self.live = live
        self.stack = stack
        self.users = 0
        self.unused = asyncio.Event()
        self._retired = False

    def leave(self) -> None:
        """Note that a user has gone."""
        self.users -= 1
        self._look()

    def retire(self) -> None:
        """Note that nobody new will come."""
        self._retired = True
        self._look()

    def _look(self) -> None:
        if self._retired and self.users == 0:
            self.unused.set()
