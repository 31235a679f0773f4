"""Which route a request takes: host pattern, path prefix and methods; first fit wins.

Rules this module keeps: the target is compared as it came, since it goes on as it
came; and a route says everything about how its requests are treated, so that nobody has
to merge settings later.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from uploadfilter.decisions.policy import Policy
from uploadfilter.model import Mode
from uploadfilter.uploads.limits import UploadLimits

DEFAULT_ROUTE: Final = "default"
"""The route that the file does not name: everything that fits no other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """How some requests are treated.

    Attributes:
        name: For logs and for the operator.
        hosts: Patterns of hosts: ``photos.example.org``, or ``*.example.org`` for
            whatever ends so; lower case, without a port. Empty for any.
        path: Prefix of the path, whole segments: ``/a`` is ``/a`` and ``/a/b``, but not
            ``/ab``.
        methods: Empty for any.
        origin: Name of the origin.
        mode: Whether actions are carried out.
        exempt: Whether uploads go on without being inspected, which is recorded.
        limits: Of bodies and forms.
        policy: From reason to action.
    """

    name: str
    origin: str
    hosts: tuple[str, ...] = ()
    path: str = "/"
    methods: frozenset[str] = frozenset()
    mode: Mode = Mode.MONITOR
    exempt: bool = False
    limits: UploadLimits = field(default_factory=UploadLimits)
    policy: Policy = field(default_factory=Policy)

    def fits(self, *, host: str, path: str, method: str) -> bool:
        """Tell whether a request takes this route, if none before does."""
        return (
            (not self.methods or method in self.methods)
            and _is_under(path, self.path)
            and (not self.hosts or any(_is_host(host, known) for known in self.hosts))
        )


class Routes:
    """All routes, in the operator's order.

    Args:
        routes: The first that fits wins.
    """

    def __init__(self, routes: Iterable[Route]) -> None:
        self._routes = tuple(routes)

    def __iter__(self) -> Iterator[Route]:
        """Yield them in order."""
        return iter(self._routes)

    def find(self, *, host: bytes | None, target: str, method: str) -> Route | None:
        """Return the route of a request, or ``None`` if there is none for it.

        Args:
            host: Value of Host, as sent; ``None`` if there is none.
            target: As sent.
            method: As sent.
        """
        name = host_name(host or b"")
        path = target.partition("?")[0]
        for route in self._routes:
            if route.fits(host=name, path=path, method=method):
                return route
        return None


def host_name(host: bytes) -> str:
    """Return a host in lower case, without its port and the dot of the root."""
    text = host.decode("latin-1").lower()
    if not text.endswith("]"):
        name, colon, port = text.rpartition(":")
        text = name if colon and (not port or port.isdigit()) else text
    return text.removesuffix(".")


def _is_host(host: str, pattern: str) -> bool:
    if pattern.startswith("*."):
        return host.endswith(pattern[1:]) and len(host) > len(pattern) - 1
    return host == pattern


def _is_under(path: str, prefix: str) -> bool:
    if prefix.endswith("/"):
        return path.startswith(prefix) or prefix == "/"
    return path == prefix or path.startswith(prefix + "/")
