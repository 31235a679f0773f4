"""Find the networks that a client belongs to; limits know a client by its name.

A client is an IPv4 address or an IPv6 network of 64 bits, in hexadecimal digits. One
person may have many such networks. So a resource is shared first between networks of
48 bits (the most that one customer gets by RFC 6177), then between those of 56 bits
(the usual size for a customer), then between clients.

Rules this module keeps: it is pure, and a client's networks depend only on its name.
"""

from collections import Counter
from functools import lru_cache
from typing import Final, NamedTuple

_IPV6_DIGITS: Final = 16
_HOUSEHOLD_DIGITS: Final = 14
_SITE_DIGITS: Final = 12


SCARCE: Final = 0.75
"""Used share of a resource from which on it is scarce: a quarter is left."""

NETWORK_SHARE: Final = 0.5
"""Share of a scarce resource that one network's clients may hold together. A network of
48 bits may belong to a provider, so its clients are refused only under scarcity."""


class Path(NamedTuple):
    """The networks of a client and the client, the widest first.

    For a network that a client does not have, the next narrower one is used, and at
    last the client itself. So all paths have the same length and can be compared.

    Attributes:
        site: An IPv6 network of 48 bits.
        household: An IPv6 network of 56 bits.
        client: The client's name in limits.
    """

    site: str
    household: str
    client: str

    @property
    def networks(self) -> tuple[str, ...]:
        """The networks of the client, the widest first."""
        return _names_of(self)[:-1]

    @property
    def names(self) -> tuple[str, ...]:
        """The client and its networks, the widest first."""
        return _names_of(self)


@lru_cache(maxsize=4096)  # Clients come back, and an upload asks five times.
def _names_of(path: Path) -> tuple[str, ...]:
    """Return a client and its networks, each once, the widest first."""
    networks = dict.fromkeys(name for name in path[:-1] if name != path.client)
    return (*networks, path.client)


@lru_cache(maxsize=4096)  # Clients come back, and every limit asks.
def path_of(client: str) -> Path:
    """Return the path of a client.

    Args:
        client: The client's name in limits; ``""`` stands for no particular client.
    """
    if len(client) != _IPV6_DIGITS:
        return Path(client, client, client)
    return Path(client[:_SITE_DIGITS], client[:_HOUSEHOLD_DIGITS], client)


class Holdings:
    """The amounts of a shared resource that each client and its networks hold."""

    def __init__(self) -> None:
        self._of: Counter[str] = Counter()
        self._all = 0

    def of(self, name: str) -> int:
        """Return the amount that a client or network holds."""
        return self._of[name]

    def add(self, client: str, amount: int = 1) -> None:
        """Add to the amount that a client holds; a negative amount subtracts."""
        self._all += amount
        for name in path_of(client).names:
            self._of[name] += amount
            if not self._of[name]:
                del self._of[name]

    def is_share_held(self, client: str, *, most: int, per_client: int) -> bool:
        """Return whether the resource is scarce and a client's network has its share.

        Args:
            client: The client whose networks are checked.
            most: The amount that all clients together may hold.
            per_client: The amount that one client may hold; a network may always hold
                it.
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
        held = self._of[path_of(client).site]
        return held > 0 and held >= most - self._all
