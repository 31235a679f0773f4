"""Settings that may change while the service runs, and the requests that use them.

A request takes the live settings once, at its start, and keeps them to its end. An
upload that began under an old file ends under it, and its origins are closed when no
request uses them any more.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from typing_extensions import override

from uploadfilter.errors import UploadFilterError
from uploadfilter.evidence.settings import EvidenceSettings
from uploadfilter.model import Mode
from uploadfilter.reference.search.matching import Thresholds
from uploadfilter.uploads.head.clientside import ClientHeader, Network
from uploadfilter.web.answering.wording import Wording
from uploadfilter.web.origins.origin import Origin
from uploadfilter.web.origins.settings import OriginSettings
from uploadfilter.web.requests.limits import ProxyLimits
from uploadfilter.web.routing.enforcing import Enforced, Unenforced, unenforced
from uploadfilter.web.routing.routes import Routes


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveSettings:
    """The settings for requests; a reload may replace them at any time.

    Attributes:
        routes: The routes.
        mode: The mode at the top of the file; a request has the mode of its route.
        origins: The origins, by the names that routes use.
        trusted_proxies: Networks whose statements about clients are believed.
        client_header: The header in which trusted proxies name the client.
        thresholds: Largest distances.
        evidence: How matches beyond them are judged.
        limits: Limits of connections and time.
        wording: The texts for clients, with contacts for objections.
    """

    routes: Routes
    mode: Mode
    origins: Mapping[str, OriginSettings]
    trusted_proxies: tuple[Network, ...]
    client_header: ClientHeader
    thresholds: Thresholds
    evidence: EvidenceSettings
    limits: ProxyLimits
    wording: Wording

    def unenforced(self, generation: Enforced) -> tuple[Unenforced, ...]:
        """Return the routes that should reject matches, and reject none."""
        return unenforced(self.routes, mode=self.mode, generation=generation)


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    """The settings in force, with open origins.

    Attributes:
        settings: The settings of the file.
        origins: The open origins, by name.
    """

    settings: LiveSettings
    origins: Mapping[str, Origin]


class InForce:
    """The live settings in force. Open it with ``opened``.

    Args:
        origins: The open origins.
        term: The first settings.
    """

    def __init__(self, origins: "_Origins", term: "_Term") -> None:
        self._origins = origins
        self._term = term
        self._old: set[_Term] = set()

    @classmethod
    @asynccontextmanager
    async def opened(cls, settings: LiveSettings) -> AsyncIterator["InForce"]:
        """Keep settings in force during the block.

        Raises:
            ServiceError: An origin's certificate or key cannot be used.
        """
        origins = _Origins()
        try:
            yield cls(origins, await _Term.begun(settings, origins))
        finally:
            await origins.close()

    @property
    def settings(self) -> LiveSettings:
        """The settings that the next request will take."""
        return self._term.live.settings

    @property
    def old_terms(self) -> int:
        """The number of earlier settings that requests in flight still use."""
        return len(self._old)

    @property
    def open_origins(self) -> int:
        """The number of open origins, those of earlier settings included."""
        return len(self._origins)

    def use(self) -> AbstractContextManager[Live]:
        """Take the settings in force now, and keep them during the block."""
        return _Use(self, self._term)

    async def replace(self, settings: LiveSettings) -> None:
        """Put other settings in force for every request that begins from now on.

        Equal origins stay open. Unused ones are closed by ``keep_closing``. There are
        never more earlier settings than requests in flight: settings without a request
        end here.

        Raises:
            ServiceError: An origin's certificate or key cannot be used; then nothing
                has changed.
        """
        term = await _Term.begun(settings, self._origins)
        old, self._term = self._term, term
        self._old.add(old)
        self.look_at(old)

    def look_at(self, term: "_Term") -> None:
        """End a term that is over and has no users."""
        if term in self._old and term.users == 0:
            self._old.discard(term)
            self._origins.give_back(term.keys)

    async def keep_closing(self) -> None:
        """Close origins when they are not used any more, until cancelled."""
        while True:
            await self._origins.close_unused()


class _Use(AbstractContextManager[Live]):
    """One request's use of a term."""

    __slots__ = ("_in_force", "_term")

    def __init__(self, in_force: InForce, term: "_Term") -> None:
        self._in_force = in_force
        self._term = term

    @override
    def __enter__(self) -> Live:
        self._term.users += 1
        return self._term.live

    @override
    def __exit__(self, *_: object) -> None:
        self._term.users -= 1
        self._in_force.look_at(self._term)


class _Term:
    """Live settings, from their beginning until no request uses them."""

    def __init__(self, live: Live, keys: Sequence["OriginKey"]) -> None:
        self.live = live
        self.keys = keys
        self.users = 0

    @classmethod
    async def begun(cls, settings: LiveSettings, origins: "_Origins") -> "_Term":
        """Open the origins of settings."""
        taken: list[OriginKey] = []
        found: dict[str, Origin] = {}
        try:
            for name, origin in settings.origins.items():
                key = OriginKey.of(origin)
                found[name] = await origins.take(key)
                taken.append(key)
        except UploadFilterError:
            origins.give_back(taken)
            raise
        return cls(Live(settings=settings, origins=found), taken)


class OriginKey(NamedTuple):
    """The properties by which two open origins are the same.

    Attributes:
        settings: Settings of the origin.
        files: When the files that it names were last changed: a renewed certificate is
            another one under the same name.
    """

    settings: OriginSettings
    files: tuple[tuple[int, int] | None, ...]

    @classmethod
    def of(cls, settings: OriginSettings) -> "OriginKey":
        """Check the files that an origin names."""
        names = (
            settings.ca_file,
            settings.client_certificate,
            settings.client_key,
        )
        return cls(settings, tuple(_changed(name) for name in names if name))


def _changed(name: str) -> tuple[int, int] | None:
    """Return values that differ if a file was replaced or changed."""
    try:
        found = Path(name).stat()
    except (OSError, ValueError):
        return None  # opening it will report the error
    return found.st_mtime_ns, found.st_ino


class _Origins:
    """Open origins, each with the number of terms that need it."""

    def __init__(self) -> None:
        self._open: dict[OriginKey, tuple[Origin, AsyncExitStack]] = {}
        self._terms: Counter[OriginKey] = Counter()
        self._given_back = asyncio.Event()

    def __len__(self) -> int:
        """Return the number of open origins."""
        return len(self._open)

    async def take(self, key: OriginKey) -> Origin:
        """Open an origin, unless it is open."""
        if key not in self._open:
            stack = AsyncExitStack()
            origin = await stack.enter_async_context(Origin.opened(key.settings))
            self._open[key] = origin, stack
        self._terms[key] += 1
        return self._open[key][0]

    def give_back(self, keys: Iterable[OriginKey]) -> None:
        """Note that a term does not need origins any more."""
        self._terms.subtract(keys)
        self._given_back.set()

    async def close_unused(self) -> None:
        """Close unused origins, whenever one has been released."""
        await self._given_back.wait()
        self._given_back.clear()
        for key in tuple(self._open):
            # While an origin is being closed, another may be taken again.
            if self._terms[key] == 0:
                _, stack = self._open.pop(key)
                del self._terms[key]
                await stack.aclose()

    async def close(self) -> None:
        """Close all origins."""
        for _, stack in self._open.values():
            await stack.aclose()
