"""Whose a client is: the networks that it belongs to, by its name among limits.

A client is an IPv4 address or an IPv6 network of 64 bits, in hexadecimal digits. One
person may have many of the latter, so that whatever is shared out by client is shared
out by network first: by those of 48 bits (what one customer may get by RFC 6177), of 56
bits (what most customers get), and by client.

Where the operator has named groups of networks, a name ends with the client's group,
and that comes before all networks.

Rules this module keeps: it is pure, and whose a client is depends on its name alone.
"""

from collections import Counter
from functools import lru_cache
from typing import Final, NamedTuple

_IPV6_DIGITS: Final = 16
_HOUSEHOLD_DIGITS: Final = 14
_SITE_DIGITS: Final = 12
_IN_GROUP: Final = "@"


SCARCE: Final = 0.75
"""Share of what there is from which on it is scarce: a quarter is left."""

NETWORK_SHARE: Final = 0.5
"""Share of it that all clients of one network may hold then. A network of 48 bits may
be a provider's, so that nobody is turned away for it before that."""


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


class Holdings:
    """What each client and its networks hold of something that all share."""

    def __init__(self) -> None:
        self._of: Counter[str] = Counter()
        self._all = 0

    def of(self, name: str) -> int:
        """Return what a client or network holds."""
        return self._of[name]

    def add(self, client: str, amount: int = 1) -> None:
        """Note that a client holds more, or less where it is negative."""
        self._all += amount
        for name in path_of(client).names:
            self._of[name] += amount
            if not self._of[name]:
                del self._of[name]

    def is_share_held(self, client: str, *, most: int, per_client: int) -> bool:
        """Tell whether it is scarce, and a network of a client holds its share.

        Args:
            client: Whose networks.
            most: What all may hold.
            per_client: What one client may hold; a network may hold as much, always.
        """
        if self._all < SCARCE * most:
            return False
        share = max(NETWORK_SHARE * most, per_client)
        return any(self._of[name] >= share for name in path_of(client).networks)

    def is_fair_share_held(self, client: str, *, most: int) -> bool:
        """Tell whether it is scarce, and a client's widest network holds what is left.

        Several attackers who each hold what one client may would otherwise leave
        nothing to anybody else. So of ``n`` that take as much as they are given, each
        holds an ``n + 1``th part in the end, and such a part is left (dynamic
        thresholds; Choudhury and Hahn, IEEE/ACM Transactions on Networking 6, 1998).

        Args:
            client: The client that asks for more; ``""`` is nobody in particular, who
                has no share.
            most: What all may hold.
        """
        if not client or self._all < SCARCE * most:
            return False
        held = self._of[path_of(client).group]
        return held > 0 and held >= most - self._all
