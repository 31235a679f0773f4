"""How often one client, and its networks, may do something on the public forms.

Each has a bucket that fills up evenly. A network gets several times what a client gets:
enough for a school, and not enough for one person with a network of addresses to fill
what all others need.

Rules this module keeps: it is pure, and bounded: of the buckets that are kept, the one
that was not used for the longest time is forgotten first.
"""

from collections import OrderedDict
from typing import Final

from uploadfilter.networks import path_of

NETWORK_TIMES: Final = 4
"""How many times the rate of a client a network of clients has."""

MOST_NAMES: Final = 20_000
"""Buckets that are kept, some 3 MB. Who uses more addresses than that starts anew with
each, as with an address that was never seen."""


class Rates:
    """Counts what clients do, by client and network.

    Args:
        most: What one client may do at once, and within the time below.
        within_s: Seconds in which an empty bucket is full again.
    """

    def __init__(self, *, most: int, within_s: float) -> None:
        self._most = most
        self._within_s = within_s
        # The used part of each bucket, and when it was counted.
        self._used: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def __len__(self) -> int:
        """Return how many buckets are kept."""
        return len(self._used)

    def is_open(self, client: str, *, now_s: float) -> bool:
        """Return whether a client may do it once more.

        Args:
            client: The client's name in limits; ``""`` has no limit, because it stands
                for all that come through an unnamed front end.
            now_s: Monotonic seconds.
        """
        return all(
            self._level(name, most, now_s) + 1 <= most
            for name, most in self._limits(client)
        )

    def count(self, client: str, *, now_s: float) -> None:
        """Count that a client has done it; as ``is_open``."""
        for name, most in self._limits(client):
            self._used[name] = self._level(name, most, now_s) + 1, now_s
            self._used.move_to_end(name)
        while len(self._used) > MOST_NAMES:
            self._used.popitem(last=False)

    def wait_s(self, client: str, *, now_s: float) -> float:
        """Return the seconds until a client may do it again; 0 if it may."""
        waits = [
            (self._level(name, most, now_s) + 1 - most) * self._within_s / most
            for name, most in self._limits(client)
        ]
        return max(0.0, *waits, 0.0)

    def _limits(self, client: str) -> list[tuple[str, int]]:
        if not client:
            return []
        path = path_of(client)
        wide = [(f"/{name}", NETWORK_TIMES * self._most) for name in path.networks]
        return [*wide, (path.client, self._most)]

    def _level(self, name: str, most: int, now_s: float) -> float:
        used, at_s = self._used.get(name, (0.0, now_s))
        return max(0.0, used - (now_s - at_s) * most / self._within_s)
