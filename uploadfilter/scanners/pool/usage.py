"""What the scans of each client took, fading with age.

Like ``waiting.py``, which orders clients by it, it has no clock.
"""

import math
from typing import Final

from uploadfilter.networks import Path, path_of

HALF_LIFE_S: Final = 10.0
"""Seconds after which half of a client's use is forgotten: long compared with a scan,
short compared with the patience of a waiting client."""

PROVISION_S: Final = 0.005
"""Least charge of a scan in seconds, that of a photo. A scan is charged when it begins,
so that clients take turns even before their first scans have ended."""

MUCH_S: Final = 1.0
"""Seconds of a client's recent scans from which on it uses much: two hundred photos. It
is overtaken as long as clients that use less wait."""

NETWORK_MUCH: Final = 2.0
"""Multiple of ``MUCH_S`` from which on a network uses much."""

_REBASE_AT: Final = 64.0
"""Half-lives after which the remembered use is scaled down: 2**64 is far from overflow.
"""

_MOST_REMEMBERED: Final = 4096
"""Most clients whose use is remembered; if there are more, those that used least are
forgotten."""


class Usage:
    """The time that the scans of each client took, fading with age.

    Times are relative to the first one, and later to the last scaling: the clock of a
    machine that has been up for weeks would be too large an exponent.

    Args:
        half_life_s: Seconds after which half of a client's use is forgotten.
    """

    def __init__(self, *, half_life_s: float = HALF_LIFE_S) -> None:
        self._half_life_s = half_life_s
        self._scaled: dict[str, float] = {}
        self._epoch_s: float | None = None

    def __len__(self) -> int:
        """Return the number of remembered clients."""
        return len(self._scaled)

    def charge(self, client: str, seconds: float, *, now_s: float) -> None:
        """Add to the use of a client and its networks, or subtract an excess.

        All use fades at the same rate. So instead of scaling everything down with time,
        later additions are scaled up; the order of clients is the same.
        """
        ages = self._half_lives(now_s)
        if ages > _REBASE_AT or len(self._scaled) >= _MOST_REMEMBERED:
            self._rebase(now_s)
            ages = 0.0
        for name in path_of(client).names:
            used = self._scaled.get(name, 0.0) + seconds * 2.0**ages
            self._scaled[name] = max(used, 0.0)

    def of(self, name: str) -> float:
        """Return the use of a client or network, in a unit for comparison only."""
        return self._scaled.get(name, 0.0)

    def along(self, client: str) -> tuple[float, ...]:
        """Return the use of a client's networks, the widest first, then its own."""
        return tuple(map(self.of, path_of(client)))

    def scale(self, *, now_s: float) -> float:
        """Return a second of use now, in the unit of ``of``; call this first.

        The unit may change with it: after three hours without a charge, a second would
        be more than a float can hold.
        """
        if self._half_lives(now_s) > _REBASE_AT:
            self._rebase(now_s)
        return math.exp2(self._half_lives(now_s))

    def is_much(self, client: str, *, now_s: float) -> bool:
        """Return whether a client uses so much that others go before it."""
        return self.is_over(client, MUCH_S, now_s=now_s)

    def is_over(self, client: str, most_s: float, *, now_s: float) -> bool:
        """Return whether a client or its networks used more seconds than a limit."""
        return self.is_over_in_units(path_of(client), most_s * self.scale(now_s=now_s))

    def is_over_in_units(self, path: Path, most: float) -> bool:
        """Tell the same of a path, where the most is in the unit of ``of``."""
        used, client = self._scaled, path.client
        if used.get(client, 0.0) > most:
            return True
        if path.site == client:  # a client in no network, as most are
            return False
        return any(
            used.get(network, 0.0) > most * NETWORK_MUCH
            for network in path[:-1]
            if network != client
        )

    def _half_lives(self, now_s: float) -> float:
        """Return the number of half-lives since everything was scaled."""
        if self._epoch_s is None:
            self._epoch_s = now_s
        return (now_s - self._epoch_s) / self._half_life_s

    def _rebase(self, now_s: float) -> None:
        """Scale everything to the present; forget the clients that used least."""
        scale = math.exp2(-self._half_lives(now_s))
        greedy_first = sorted(self._scaled.items(), key=lambda item: -item[1])
        self._scaled = {
            client: used * scale
            for client, used in greedy_first[: _MOST_REMEMBERED // 2]
            if used * scale > PROVISION_S / 1024
        }
        self._epoch_s = now_s
