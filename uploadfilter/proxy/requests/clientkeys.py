"""The names by which limits know clients and their groups."""

import ipaddress
from functools import lru_cache

from uploadfilter.decisions.files.clients import client_network
from uploadfilter.uploads.head.clientside import Network


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
