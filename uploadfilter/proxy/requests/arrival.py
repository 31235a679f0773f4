"""One request as it arrived, with the data that answering it needs."""

import ipaddress
from dataclasses import dataclass
from functools import cached_property, lru_cache

from aiohttp import web

from uploadfilter.decisions.files.clients import client_network
from uploadfilter.networks import in_group
from uploadfilter.proxy.origins.origin import Origin
from uploadfilter.proxy.requests.live import Live
from uploadfilter.proxy.routing.routes import Route
from uploadfilter.uploads.head.clientside import ClientSide, Network, client_side
from uploadfilter.uploads.head.request import RequestHead


@dataclass(frozen=True, kw_only=True)
class Arrival:
    """A request whose route is known.

    Attributes:
        request: The request with aiohttp's parsed head; its body is not read yet.
        head: The same head, as it arrived.
        live: The settings from its beginning to its end.
        route: Its route.
    """

    request: web.BaseRequest
    head: RequestHead
    live: Live
    route: Route

    @property
    def origin(self) -> Origin:
        """The origin it is forwarded to."""
        return self.live.origins[self.route.origin]

    @cached_property
    def side(self) -> ClientSide:
        """The client's end of the request."""
        return client_side(
            peer(self.request),
            self.head,
            scheme=self.request.scheme,
            trusted_proxies=self.live.settings.trusted_proxies,
            believed=self.live.settings.client_header,
        )

    @property
    def client(self) -> str:
        """Address of the client; empty if it is unknown."""
        return self.side.client

    @cached_property
    def client_key(self) -> str:
        """The key of the client in limits; ``""`` means no client."""
        client = queueing_client(self.client)
        groups = self.live.settings.client_groups
        return in_group(client, group_of(self.client, groups)) if groups else client


def peer(request: web.BaseRequest) -> str:
    """Return the address of the other end, empty if the connection is lost."""
    return request.remote or ""


@lru_cache(maxsize=4096)  # As below; and it is compared with every network.
def group_of(address: str, groups: tuple[tuple[Network, ...], ...]) -> str:
    """Return the group that an address belongs to, the first one that fits.

    Args:
        address: The address as text.
        groups: The networks of each group.

    Returns:
        The first network of the group, which stands for all; ``""`` for no group.
    """
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return ""
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is not None:
        parsed = parsed.ipv4_mapped
    for group in groups:
        if any(parsed in network for network in group):
            return str(group[0])
    return ""


@lru_cache(maxsize=4096)  # Clients come back, and parsing an address takes 2 us.
def queueing_client(address: str) -> str:
    """Return the key under which a client takes turns; ``""`` means no client.

    Behind a front end on this machine that is not configured as trusted, all clients
    have its address. The actions of one must not count against all.
    """
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return ""
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is not None:
        parsed = parsed.ipv4_mapped
    return "" if parsed.is_loopback else client_network(address).hex()
