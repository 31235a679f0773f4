"""The names by which limits know clients."""

import ipaddress
from functools import lru_cache

from uploadfilter.decisions.files.clients import client_network


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
