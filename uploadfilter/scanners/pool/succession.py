"""In which order the claims of a network are served, one heap for each of its networks.

Of the networks in a network, and of the clients in those, the one that used least is
next; what is served counts as used at once. The twin in the tests takes ``min`` over
all clients for each claim, which takes the square of their number: with a queue of 250
claims of one IPv6 network of 48 bits, each upload of another network that had used much
took 65 ms of the event loop.
"""

import heapq
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final, Generic, Protocol, TypeVar

from uploadfilter.networks import path_of


class Weighed(Protocol):
    """A claim, as far as its turn goes.

    Attributes:
        cost_s: What it is expected to use.
        number: By its arrival; no two have the same.
    """

    cost_s: float
    number: int


_Claim = TypeVar("_Claim", bound=Weighed)

_LEVELS: Final = 3
"""Names on the way to a client (``networks.py``)."""


def succession(
    claims: Mapping[str, Sequence[_Claim]],
    *,
    level: int,
    used: Callable[[str], float],
    scale: float,
) -> Iterator[_Claim]:
    """Yield the claims of one network in the order in which they are served.

    Args:
        claims: At least one, by client, in the order of arrival. The paths of the
            clients have the same names up to ``level``.
        level: Place in a path of the name that they share.
        used: What a client or network used already, in a unit of the caller's.
        scale: A second in that unit.
    """
    if len(claims) == 1:
        (only,) = claims.values()
        yield from only
        return
    network = _Network(claims, level=level, used=used)
    while not network.is_empty:
        yield network.serve(scale)


class _Client(Generic[_Claim]):
    """The claims of one client."""

    def __init__(self, claims: Sequence[_Claim], used: float) -> None:
        self._claims = claims
        self._next = 0
        self._used = used

    @property
    def is_empty(self) -> bool:
        return self._next >= len(self._claims)

    @property
    def key(self) -> tuple[float, ...]:
        """Return the key of the order: the least is next."""
        return (self._used, self._claims[self._next].number)

    def serve(self, scale: float) -> _Claim:
        """Take out the next claim."""
        claim = self._claims[self._next]
        self._next += 1
        self._used += claim.cost_s * scale
        return claim


class _Network(Generic[_Claim]):
    """The clients of one network, by the networks in it."""

    def __init__(
        self,
        claims: Mapping[str, Sequence[_Claim]],
        *,
        level: int,
        used: Callable[[str], float],
    ) -> None:
        inside: dict[str, dict[str, Sequence[_Claim]]] = {}
        for client, waiting in claims.items():
            path = path_of(client)
            self._used = used(path[level])
            inside.setdefault(path[level + 1], {})[client] = waiting
        self._heap: list[
            tuple[tuple[float, ...], _Network[_Claim] | _Client[_Claim]]
        ] = []
        for name, those in inside.items():
            part: _Network[_Claim] | _Client[_Claim]
            if level + 1 < _LEVELS - 1:
                part = _Network(those, level=level + 1, used=used)
            else:
                part = _Client(those[name], used(name))
            self._heap.append((part.key, part))
        heapq.heapify(self._heap)

    @property
    def is_empty(self) -> bool:
        return not self._heap

    @property
    def key(self) -> tuple[float, ...]:
        """Return the key of the order; it ends with a number, so no two are equal."""
        return (self._used, *self._heap[0][0])

    def serve(self, scale: float) -> _Claim:
        """Take out the next claim of whose turn it is."""
        part = self._heap[0][1]
        claim = part.serve(scale)
        self._used += claim.cost_s * scale
        if part.is_empty:
            heapq.heappop(self._heap)
        else:
            heapq.heapreplace(self._heap, (part.key, part))
        return claim
