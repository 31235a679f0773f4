"""Whose a client is: the networks that it belongs to, by its name among limits.

A client is an IPv4 address or an IPv6 network of 64 bits, in hexadecimal digits. One
person may have many of the latter, so that whatever is shared out by client is shared
out by network first: by those of 48 bits (what one customer may get by RFC 6177), of 56
bits (what most customers get), and by client.

Rules this module keeps: it is pure, and whose a client is depends on its name alone.
"""

from functools import lru_cache
from typing import Final, NamedTuple

_IPV6_DIGITS: Final = 16
_HOUSEHOLD_DIGITS: Final = 14
_SITE_DIGITS: Final = 12


class Path(NamedTuple):
    """The way to a client, the widest network first.

    Where a client has no such network, the next narrower one stands for it, and in the
    end the client itself. So all paths have the same length and can be compared.

    Attributes:
        site: An IPv6 network of 48 bits.
        household: One of 56 bits.
        client: By which name limits know it.
    """

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
    if len(client) != _IPV6_DIGITS:
        return Path(client, client, client)
    return Path(client[:_SITE_DIGITS], client[:_HOUSEHOLD_DIGITS], client)
