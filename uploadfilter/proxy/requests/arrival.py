"""One request as it came: what is needed to answer it."""

import ipaddress
from dataclasses import dataclass
from functools import cached_property, lru_cache

from aiohttp import web

from uploadfilter.decisions.clients import client_network
from uploadfilter.networks import in_group
from uploadfilter.proxy.origins.origin import Origin
from uploadfilter.proxy.requests.live import Live
from uploadfilter.proxy.routing.routes import Route
from uploadfilter.uploads.head.forwarding import ClientSide, Network, client_side
from uploadfilter.uploads.head.request import RequestHead


@dataclass(frozen=True, kw_only=True)
class Arrival:
    """A request that has found its route.

    Attributes:
        request: As aiohttp has parsed its head; its body is still to be read.
        head: The same head, as it came.
        live: The settings under which it began and will end.
        route: How it is treated.
    """

    request: web.BaseRequest
    head: RequestHead
    live: Live
    route: Route

    @property
    def origin(self) -> Origin:
        """Where it goes."""
        return self.live.origins[self.route.origin]

    @cached_property
    def side(self) -> ClientSide:
        """What is known of the client's end."""
        return client_side(
            peer(self.request),
            self.head,
            scheme=self.request.scheme,
            trusted_proxies=self.live.settings.trusted_proxies,
            believed=self.live.settings.client_header,
        )

    @property
    def client(self) -> str:
        """Address of the client, as far as it is known; empty if it is not."""
        return self.side.client

    @cached_property
    def client_key(self) -> str:
        """By what name limits know the client; ``""`` is nobody."""
        client = queueing_client(self.client)
        groups = self.live.settings.client_groups
        return in_group(client, group_of(self.client, groups)) if groups else client


def peer(request: web.BaseRequest) -> str:
    """Return the address of the other end, empty if the connection is lost."""
    return request.remote or ""


@lru_cache(maxsize=4096)  # The same, and it is compared with every network.
def group_of(address: str, groups: tuple[tuple[Network, ...], ...]) -> str:
    """Return the group that an address belongs to, the first one that fits.

    Args:
        address: As text.
        groups: The networks of each.

    Returns:
        Its first network, which stands for all; ``""`` if it belongs to none.
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


@lru_cache(maxsize=4096)  # Clients come back, and an address takes 2 us to read.
def queueing_client(address: str) -> str:
    """Return by what name a client takes its turn among others: ``""`` is no client.

    Behind a front end on this machine that is not configured as trusted, all clients
    have its address. What one of them does must not be held against all.
    """
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return ""
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is not None:
        parsed = parsed.ipv4_mapped
    return "" if parsed.is_loopback else client_network(address).hex()
