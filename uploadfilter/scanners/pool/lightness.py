"""Tell which clients are light: they use little, and wait with few uploads at a time.

The order by use (``waiting.py``) puts a client that uploads a photo now and
then behind clients that have no history: each of these goes first until it has used as
much, so that eight new ones took scanners for seconds. So light clients go first. The
idea is that of the sparse flows of FQ-CoDel (RFC 8290, 4.2): a flow without a backlog
goes before those with one.

Like ``waiting.py`` it has no clock. Rules this module keeps:

- CPU seconds count, and not the time that a scan took: that grows with what others do.
- Who waited with many uploads at a time is not light for a while, also when few of them
  are left: otherwise an attacker would be light with its last ones.
- The same is asked of the networks of a client, with twice as much.
"""

from collections import Counter
from typing import Final

from uploadfilter.networks import path_of
from uploadfilter.scanners.pool.usage import Usage

LATELY_S: Final = 1.0
"""Half-life in seconds of what a client used lately: some photos of a light one."""

LIGHT_S: Final = 0.35
"""CPU seconds that a light client used lately: a quarter of one CPU, or twenty photos
of 200 KB each second."""

FEW: Final = 2
"""Uploads with which a light client waits at a time, the next one included. A browser
that sends six at a time is served by what it used, as before."""

NETWORK_TIMES: Final = 2
"""Multiple of both limits for a network of clients."""

CROWDED_S: Final = 5.0
"""Seconds for which a client is not light after it waited with more than a few, or
broke an upload off."""

_MOST_REMEMBERED: Final = 4096
"""Most clients whose crowds are remembered; then those that are over are dropped."""


class Lightness:
    """What each client used lately, and how many of its uploads wait."""

    def __init__(self) -> None:
        self._lately = Usage(half_life_s=LATELY_S)
        self._waiting: Counter[str] = Counter()
        self._crowded_until_s: dict[str, float] = {}

    def __len__(self) -> int:
        """Return the number of remembered crowds."""
        return len(self._crowded_until_s)

    def charge(self, client: str, seconds: float, *, now_s: float) -> None:
        """Add CPU seconds to what a client used lately; negative ones give back."""
        self._lately.charge(client, seconds, now_s=now_s)

    def hold_back(self, client: str, *, now_s: float) -> None:
        """Note that a client made us work in vain: it is not light for a while."""
        for name in path_of(client).names:
            self._crowded_until_s[name] = now_s + CROWDED_S
        self._forget(now_s)

    def waits(self, client: str, *, now_s: float) -> None:
        """Note that one more upload of a client waits."""
        for name in path_of(client).names:
            self._waiting[name] += 1
            if self._waiting[name] > _most(FEW, name, client):
                self._crowded_until_s[name] = now_s + CROWDED_S
        self._forget(now_s)

    def waits_no_more(self, client: str) -> None:
        """Note that one upload less of a client waits."""
        for name in path_of(client).names:
            self._waiting[name] -= 1
            if not self._waiting[name]:
                del self._waiting[name]

    def is_light(self, client: str, *, more: int = 0, now_s: float) -> bool:
        """Tell whether a client is light.

        Args:
            client: The client; ``""``, nobody in particular, is never light.
            more: Uploads of it that are about to wait.
            now_s: Seconds, by the clock of all others.
        """
        if not client:
            return False
        scale = self._lately.scale(now_s=now_s)
        return all(
            self._crowded_until_s.get(name, now_s) <= now_s
            and self._waiting[name] + more <= _most(FEW, name, client)
            and self._lately.of(name) <= _most(LIGHT_S, name, client) * scale
            for name in path_of(client).names
        )

    def _forget(self, now_s: float) -> None:
        """Drop crowds that are over, if there are very many."""
        if len(self._crowded_until_s) > _MOST_REMEMBERED:
            until = self._crowded_until_s.items()
            self._crowded_until_s = {it: end for it, end in until if end > now_s}


def _most(limit: float, name: str, client: str) -> float:
    """Return a limit for a client or for one of its networks."""
    return limit if name == client else limit * NETWORK_TIMES
