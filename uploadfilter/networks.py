"""Whose a client is: the networks that it belongs to, by its name among limits.

A client is an IPv4 address or an IPv6 network of 64 bits, in hexadecimal digits. One
person may have many of the latter, so that whatever is shared out by client is shared
out by network first: by those of 48 bits (what one customer may get by RFC 6177), of 56
bits (what most customers get), and by client.

Where the operator has named groups of networks, a name ends with the client's group,
and that comes before all networks.

Rules this module keeps: it is pure, and whose a client is depends on its name alone.
"""

from functools import lru_cache
from typing import Final, NamedTuple

_IPV6_DIGITS: Final = 16
_HOUSEHOLD_DIGITS: Final = 14
_SITE_DIGITS: Final = 12
_IN_GROUP: Final = "@"


class Path(NamedTuple):
    """The way to a client, the widest network first.

    Where a client has no such network, the next narrower one stands for it, and in the
    end the client itself. So all paths have the same length and can be compared.

    Attributes:
        group: What the operator has named.
        site: An IPv6 network of 48 bits.
        household: One of 56 bits.
        client: By which name limits know it.
    """

    group: str
    site: str
    household: str
    client: str

    @property
    def networks(self) -> tuple[str, ...]:
        """What is wider than the client, the widest first."""
        return tuple(dict.fromkeys(it for it in self[:-1] if it != self.client))

    @property
    def names(self) -> tuple[str, ...]:
        """The client and its networks, the widest first."""
        return (*self.networks, self.client)


@lru_cache(maxsize=4096)  # Clients come back, and every limit asks.
def path_of(client: str) -> Path:
    """Return the way to a client.

    Args:
        client: By which name limits know it; ``""`` is nobody in particular.
    """
    key, mark, group = client.partition(_IN_GROUP)
    if len(key) != _IPV6_DIGITS:
        return Path(mark + group or client, client, client, client)
    site = key[:_SITE_DIGITS]
    return Path(mark + group or site, site, key[:_HOUSEHOLD_DIGITS], client)


def in_group(client: str, group: str) -> str:
    """Return the name of a client that belongs to a group; ``""`` is none."""
    return f"{client}{_IN_GROUP}{group}" if client and group else client
