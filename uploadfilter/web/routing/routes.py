"""Choose a route by host pattern, path prefix and methods; the first fit wins.

Rules this module keeps: the target is compared as sent, because it is forwarded as
sent; a route holds all settings for its requests, so that nobody has to merge settings
later; a request whose target an origin may read otherwise (``readings``) is never
treated more mildly than under that reading: it is *ambiguous*.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum
from typing import Final

from typing_extensions import override

from uploadfilter.contents.kinds.families import FAMILIES, FileFamily
from uploadfilter.decisions.policy import Policy
from uploadfilter.model import Mode
from uploadfilter.rejections import REJECT_STATUS, REJECT_STATUSES
from uploadfilter.uploads.head.websockets import WebSockets
from uploadfilter.uploads.limits import UploadLimits
from uploadfilter.web.routing.readings import is_plain, readings

DEFAULT_ROUTE: Final = "default"
"""The route that the file does not name: for requests that fit no other route."""

_MOST_MEANT: Final = 4
"""An honest client names one method in override headers; several mean confusion."""

_LABEL: Final = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_HOST_PATTERN = re.compile(rf"(?:\*\.)?{_LABEL}(?:\.{_LABEL})*|\[[0-9a-f:.]+\]")


class UploadProtocol(StrEnum):
    """A protocol that sends an upload in several requests."""

    TUS = "tus"
    S3 = "s3"
    FORMS = "forms"
    NEXTCLOUD = "nextcloud"


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """The settings for some requests.

    >>> route = Route(name="photos", origin="store", hosts=("*.example.org",))
    >>> route.takes(host="photos.example.org", method="POST")
    True

    Attributes:
        name: Name for logs and for the operator.
        hosts: Patterns of hosts: ``photos.example.org``, or ``*.example.org`` for all
            hosts below it; lower case, without a port. Empty for any.
        path: Prefix of the path, whole segments: ``/a`` fits ``/a`` and ``/a/b``, but
            not ``/ab``.
        methods: The methods; empty for any.
        origin: Name of the origin.
        mode: Whether actions are carried out.
        exempt: Whether uploads are forwarded without inspection, which is recorded.
        websockets: The treatment of WebSockets.
        protocol: The protocol whose uploads in pieces are held until they are complete;
            ``None`` if a piece is an upload of its own.
        limits: Limits of bodies and forms.
        policy: Maps reason and category to action.
        accept: The families of files that it takes; all of them for everything.
        reject_status: The status for uploads that the policy rejects.
    """

    name: str
    origin: str
    hosts: tuple[str, ...] = ()
    path: str = "/"
    methods: frozenset[str] = frozenset()
    mode: Mode = Mode.MONITOR
    exempt: bool = False
    websockets: WebSockets = WebSockets.REFUSE
    protocol: UploadProtocol | None = None
    limits: UploadLimits = field(default_factory=UploadLimits)
    policy: Policy = field(default_factory=Policy)
    accept: frozenset[FileFamily] = FAMILIES
    reject_status: int = REJECT_STATUS

    def __post_init__(self) -> None:
        """Refuse a status that says something else."""
        if self.reject_status not in REJECT_STATUSES:
            raise ValueError("reject_status must be 403, 406 or 451")

    @property
    def treatment(self) -> str:
        """How its uploads are treated, in one word."""
        return "exempt" if self.exempt else str(self.mode)

    def takes(self, *, host: str, method: str) -> bool:
        """Tell whether requests for a host with a method may take this route."""
        return (not self.methods or method in self.methods) and (
            not self.hosts or any(_is_host(host, known) for known in self.hosts)
        )

    def covers(self, other: "Route") -> bool:
        """Tell whether every request that fits another route also fits this one."""
        methods = not self.methods or (
            bool(other.methods) and other.methods <= self.methods
        )
        hosts = not self.hosts or (
            bool(other.hosts)
            and all(any(_covers(own, it) for own in self.hosts) for it in other.hosts)
        )
        return methods and hosts and _is_under(other.path, self.path)

    def is_as_strict_as(self, other: "Route") -> bool:
        """Tell whether nobody gains an advantage by this route instead of another."""
        return self is other or (
            (other.exempt or not self.exempt)
            and self.protocol is other.protocol
            and (self.mode is Mode.ENFORCE or other.mode is Mode.MONITOR)
            and self.websockets.is_as_strict_as(other.websockets)
            and all(
                getattr(self.limits, limit.name) <= getattr(other.limits, limit.name)
                for limit in fields(UploadLimits)
            )
            and self.policy.is_as_strict_as(other.policy)
            and self.accept <= other.accept
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ChosenRoute:
    """The route of one request.

    Attributes:
        route: The route; ``None`` if no route fits.
        is_ambiguous: Whether an origin may read the target in a way for which the
            request should be treated more strictly. The mode is then the strictest.
    """

    route: Route | None
    is_ambiguous: bool = False


class Routes:
    """All routes, in the operator's order.

    Args:
        routes: The routes; the first that fits wins.
    """

    def __init__(self, routes: Iterable[Route]) -> None:
        self._routes = tuple(routes)
        self._paths_matter = any(route.path != "/" for route in self._routes)
        self._only = _choice_without_a_choice(self._routes)

    def __iter__(self) -> Iterator[Route]:
        """Yield the routes in order."""
        return iter(self._routes)

    @override
    def __eq__(self, other: object) -> bool:
        return isinstance(other, Routes) and self._routes == other._routes

    __hash__ = None  # type: ignore[assignment] # policies hold mappings

    def choose(
        self,
        *,
        host: bytes | None,
        target: str,
        method: str,
        stands_for: Collection[str] = (),
    ) -> ChosenRoute:
        """Choose the route of a request.

        Args:
            host: Value of Host, as sent; ``None`` if there is none.
            target: As sent.
            method: As sent.
            stands_for: Methods that override headers ask for: an origin may obey one.
        """
        if self._only is not None and not stands_for:
            return self._only
        path = target.partition("?")[0]
        takes = [self._taking(host_name(host or b""), method)]
        route = _first(takes[0], path)
        if route is None:
            return ChosenRoute(route=None)
        if not is_plain(path):
            route = _looked_at(route)
        if not stands_for and not self._paths_matter:
            return ChosenRoute(route=route)
        if len(stands_for) > _MOST_MEANT:
            return _choice(route, stricter=[None])
        takes += [self._taking(host_name(host or b""), meant) for meant in stands_for]
        return _choice(route, stricter=self._stricter(route, path, takes))

    def _taking(self, host: str, method: str) -> list[Route]:
        return [it for it in self._routes if it.takes(host=host, method=method)]

    def _stricter(
        self, route: Route, path: str, takes: Sequence[Sequence[Route]]
    ) -> list[Route | None]:
        """Return the routes of other readings that are stricter than this one.

        ``None`` in the result means that the route is unknown; it counts as the
        strictest.
        """
        paths = readings(path) if self._paths_matter else frozenset({path})
        if paths is None:
            return [None]
        pairs = [(routes, read) for routes in takes for read in paths]
        found = [_first(routes, read) for routes, read in pairs]
        in_any_case = [_first_in_any_case(routes, read) for routes, read in pairs]
        return [
            *(it for it in found if it is None or not _may_stand_for(route, it)),
            *(it for it in in_any_case if it and not route.is_as_strict_as(it)),
        ]


def _looked_at(route: Route) -> Route:
    """Return a route that lets nothing pass uninspected."""
    if not route.exempt and route.websockets is WebSockets.REFUSE:
        return route
    return replace(route, exempt=False, websockets=WebSockets.REFUSE)


def _choice_without_a_choice(routes: Sequence[Route]) -> ChosenRoute | None:
    """Return the choice for every request if there is one route and it fits all."""
    if len(routes) != 1:
        return None
    (route,) = routes
    fits_all = not (route.hosts or route.methods or route.exempt) and route.path == "/"
    return ChosenRoute(route=route) if fits_all else None


def _choice(route: Route, *, stricter: Sequence[Route | None]) -> ChosenRoute:
    """Return the choice for a request for which other routes would be stricter."""
    if not stricter:
        return ChosenRoute(route=route)
    enforced = any(it is None or it.mode is Mode.ENFORCE for it in stricter)
    mode = Mode.ENFORCE if enforced else route.mode
    return ChosenRoute(route=replace(route, mode=mode), is_ambiguous=True)


def _first(routes: Iterable[Route], path: str) -> Route | None:
    """Return the first route whose prefix a path has."""
    return next((it for it in routes if _is_under(path, it.path)), None)


def _first_in_any_case(routes: Iterable[Route], path: str) -> Route | None:
    """Return the same for an origin that ignores the case of letters."""
    path = path.lower()
    return next((it for it in routes if _is_under(path, it.path.lower())), None)


def _may_stand_for(route: Route, other: Route) -> bool:
    """Tell whether one route may be taken where the origin reads another.

    A route to another origin never counts: a path that leads there by one reading
    would reach, by the other, a part of this origin that was not published.
    """
    return route.origin == other.origin and route.is_as_strict_as(other)


def host_name(host: bytes) -> str:
    """Return a host in lower case, without its port and the dot of the root."""
    text = host.decode("latin-1").lower()
    if not text.endswith("]"):
        name, colon, port = text.rpartition(":")
        text = name if colon and (not port or port.isdigit()) else text
    return text.removesuffix(".")


def is_host_pattern(text: str) -> bool:
    """Tell whether a text in lower case can be a host pattern of a route."""
    return _HOST_PATTERN.fullmatch(text) is not None


def _is_host(host: str, pattern: str) -> bool:
    if pattern.startswith("*."):
        return host.endswith(pattern[1:]) and len(host) > len(pattern) - 1
    return host == pattern


def _covers(pattern: str, other: str) -> bool:
    """Tell whether every host that fits another pattern also fits this one."""
    return pattern == other or _is_host(other.removeprefix("*"), pattern)


def _is_under(path: str, prefix: str) -> bool:
    if prefix.endswith("/"):
        return path.startswith(prefix) or prefix == "/"
    return path == prefix or path.startswith(prefix + "/")
