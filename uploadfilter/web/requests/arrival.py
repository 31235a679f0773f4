"""One request as it arrived, with the data that answering it needs."""

from functools import cached_property

import msgspec
from aiohttp import web

from uploadfilter.uploads.head.clientside import ClientSide, client_side
from uploadfilter.uploads.head.request import RequestHead
from uploadfilter.web.origins.origin import Origin
from uploadfilter.web.requests.clientkeys import queueing_client
from uploadfilter.web.requests.live import Live
from uploadfilter.web.routing.routes import Route


class Arrival(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """A request whose route is known.

    Attributes:
        http: The request with aiohttp's parsed head, whose body is not read yet;
            ``None`` if it came by another protocol.
        head: The same head, as it arrived.
        live: The settings from its beginning to its end.
        route: Its route.
        side: The client's end of it.
    """

    http: web.BaseRequest | None
    head: RequestHead
    live: Live
    route: Route
    side: ClientSide

    @classmethod
    def of(
        cls, request: web.BaseRequest, head: RequestHead, *, live: Live, route: Route
    ) -> "Arrival":
        """Find the client of a request whose route is known."""
        side = client_side(
            peer(request),
            head,
            scheme=request.scheme,
            trusted_proxies=live.settings.trusted_proxies,
            believed=live.settings.client_header,
        )
        return cls(http=request, head=head, live=live, route=route, side=side)

    @property
    def request(self) -> web.BaseRequest:
        """The request over HTTP."""
        if self.http is None:
            raise TypeError("an upload by another protocol was treated as HTTP")
        return self.http

    @property
    def origin(self) -> Origin:
        """The origin it is forwarded to."""
        return self.live.origins[self.route.origin]

    @property
    def client(self) -> str:
        """Address of the client; empty if it is unknown."""
        return self.side.client

    @cached_property
    def client_key(self) -> str:
        """The key of the client in limits; ``""`` means no client."""
        return queueing_client(self.client)


def peer(request: web.BaseRequest) -> str:
    """Return the address of the other end, empty if the connection is lost."""
    return request.remote or ""
