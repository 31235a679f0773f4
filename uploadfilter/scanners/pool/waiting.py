"""The claims that wait to be scanned, and which of them is next.

Plain bookkeeping, as ``queueing.py``. Rules this module keeps:

- Of the clients that wait, the one whose scans took the least time of late is next
  (least attained service: Nuyens and Wierman, "The foreground-background queue: a
  survey", Performance Evaluation 65, 2008). Uses fade, so that nobody starves. Within a
  client, who came first is served first.
- So it is with the networks of clients, before the clients in them (``networks.py``):
  who has many addresses has no more turns than who has one.
- A client of which nobody was served for a while goes first, if it does not use much:
  under a lasting load of many clients there would always be one that used less.
"""

import math
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import Final

from uploadfilter.networks import Path, path_of
from uploadfilter.scanners.pool.succession import succession

HALF_LIFE_S: Final = 10.0
"""Seconds after which half of what a client used is forgotten: long against a scan,
short against the patience of a client that waits."""

PROVISION_S: Final = 0.005
"""Seconds that a scan is charged with at least, and when it begins, a photo's; so
clients take turns also before their first scans have ended."""

PATIENCE_S: Final = 0.1
"""Seconds for which a client that waits may be overtaken, each time. A burst of twenty
photos of one client passes within it, and others with a single one go before them
meanwhile."""

MUCH_S: Final = 1.0
"""Seconds that scans of a client took of late, from which on it uses much: two hundred
photos. It is overtaken for as long as others wait that use less."""

NETWORK_MUCH: Final = 2.0
"""Times as much as of a client, from which on its networks use much."""

_REBASE_AT: Final = 64.0
"""Half-lives after which remembered use is scaled down: 2**64 is far from overflow."""

_MOST_REMEMBERED: Final = 4096
"""Clients whose use is remembered; of more, those that used least are forgotten."""


class Standing(StrEnum):
    """Where a claim stands."""

    WAITING = "waiting"
    PLACED = "placed"
    HELD_UP = "held_up"  # slow, but without room in the slow lane
    ASIDE = "aside"  # in the lane for small ones
    PUT_BACK = "put_back"  # slow, and broken off until there is room
    SLOW = "slow"
    OVER = "over"


class Claim:
    """An upload that wants to be scanned.

    Args:
        client: Whose it is.
        cost_s: For how long its scan is expected to hold a place.
        is_small: Whether it may be scanned in the lane for small ones.

    Attributes:
        client: Whose it is.
        cost_s: As above.
        is_small: As above.
        standing: Where it stands; changed by ``Lanes`` only.
        is_slow: True once it has taken long, wherever it stands.
        slow_after_s: CPU seconds after which its scan is slow; known once it has begun.
    """

    __slots__ = (
        "asked_at_s",
        "charged_s",
        "client",
        "cost_s",
        "is_slow",
        "is_small",
        "number",
        "placed_at_s",
        "slow_after_s",
        "standing",
    )

    def __init__(
        self, client: str, *, cost_s: float = PROVISION_S, is_small: bool = False
    ) -> None:
        self.client = client
        self.cost_s = max(cost_s, PROVISION_S)
        self.is_small = is_small
        self.standing = Standing.WAITING
        self.is_slow = False
        self.slow_after_s = 0.0
        self.number = 0
        self.asked_at_s = 0.0
        self.placed_at_s = 0.0
        self.charged_s = 0.0


class Usage:
    """How much time the scans of each client took, fading with age.

    Times are taken from the first one that is named, and later from the last scaling:
    what a clock shows when a machine has been up for weeks is no power of two.
    """

    def __init__(self) -> None:
        self._scaled: dict[str, float] = {}
        self._epoch_s: float | None = None

    def __len__(self) -> int:
        """Return how many clients are remembered."""
        return len(self._scaled)

    def charge(self, client: str, seconds: float, *, now_s: float) -> None:
        """Add to what a client and its networks used, or take off what was too much.

        All use fades at the same rate. So instead of scaling everything down as time
        goes by, what is added later is scaled up; the order of clients is the same.
        """
        ages = self._half_lives(now_s)
        if ages > _REBASE_AT or len(self._scaled) >= _MOST_REMEMBERED:
            self._rebase(now_s)
            ages = 0.0
        for name in path_of(client).names:
            used = self._scaled.get(name, 0.0) + seconds * 2.0**ages
            self._scaled[name] = max(used, 0.0)

    def of(self, name: str) -> float:
        """Return what a client or network used, in a unit that only compares."""
        return self._scaled.get(name, 0.0)

    def along(self, client: str) -> tuple[float, ...]:
        """Return what the networks of a client used, the widest first, and itself."""
        return tuple(map(self.of, path_of(client)))

    def scale(self, *, now_s: float) -> float:
        """Return a second that is used now, in the unit of ``of``; ask for it first.

        The unit may change with it: after three hours without a charge, a second would
        be more than a float can hold.
        """
        if self._half_lives(now_s) > _REBASE_AT:
            self._rebase(now_s)
        return math.exp2(self._half_lives(now_s))

    def recent_s(self, name: str, *, now_s: float) -> float:
        """Return the seconds that a client or network used, old ones counted less."""
        return self.of(name) * math.exp2(-self._half_lives(now_s))

    def is_much(self, client: str, *, now_s: float) -> bool:
        """Tell whether a client uses so much that others go before it."""
        return self.is_over(client, MUCH_S, now_s=now_s)

    def is_over(self, client: str, most_s: float, *, now_s: float) -> bool:
        """Tell whether a client used more than so many seconds, or its networks did."""
        return self.is_over_in_units(path_of(client), most_s * self.scale(now_s=now_s))

    def is_over_in_units(self, path: Path, most: float) -> bool:
        """Tell the same of a path, where the most is in the unit of ``of``."""
        used, client = self._scaled, path.client
        if used.get(client, 0.0) > most:
            return True
        return any(
            used.get(network, 0.0) > most * NETWORK_MUCH
            for network in path[:-1]
            if network != client
        )

    def _half_lives(self, now_s: float) -> float:
        """Return how many half-lives have passed since everything was scaled."""
        if self._epoch_s is None:
            self._epoch_s = now_s
        return (now_s - self._epoch_s) / HALF_LIFE_S

    def _rebase(self, now_s: float) -> None:
        """Scale everything to the present; forget those that used least."""
        scale = math.exp2(-self._half_lives(now_s))
        greedy_first = sorted(self._scaled.items(), key=lambda item: -item[1])
        self._scaled = {
            client: used * scale
            for client, used in greedy_first[: _MOST_REMEMBERED // 2]
            if used * scale > PROVISION_S / 1024
        }
        self._epoch_s = now_s


class WaitingClaims:
    """Claims that wait, by client.

    Args:
        limit: Claims that may wait.
        usage: What each client used.
    """

    def __init__(self, *, limit: int, usage: Usage) -> None:
        self._limit = limit
        self._usage = usage
        self._of: dict[str, deque[Claim]] = {}
        self._served_at_s: dict[str, float] = {}
        self._count = 0
        self._numbers = 0

    def __len__(self) -> int:
        """Return how many claims wait."""
        return self._count

    def __iter__(self) -> Iterator[Claim]:
        """Yield every claim that waits."""
        for claims in self._of.values():
            yield from claims

    @property
    def clients(self) -> Iterable[str]:
        """The clients that wait."""
        return self._of.keys()

    def clients_with_first_over(self, cost_s: float) -> list[str]:
        """Return the clients whose next claim is expected to take more than that."""
        return [name for name, claims in self._of.items() if claims[0].cost_s > cost_s]

    def add(self, claim: Claim) -> Claim | None:
        """Let a claim wait; return the one that is turned away for it, if any.

        That may be the claim itself.
        """
        self._numbers += 1
        claim.number = self._numbers
        self._of.setdefault(claim.client, deque()).append(claim)
        self._count += 1
        if self._count <= self._limit:
            return None
        greediest = self._greediest()
        shed = self._of[greediest][-1]
        self.remove(shed)
        return shed

    def _greediest(self) -> str:
        """Return who waits most: of the network that does, the client that does."""
        of_group: Counter[str] = Counter()
        for client, claims in self._of.items():
            of_group[path_of(client).group] += len(claims)
        group = max(of_group, key=lambda name: (of_group[name], self._usage.of(name)))
        return max(
            (client for client in self._of if path_of(client).group == group),
            key=lambda client: (len(self._of[client]), self._usage.of(client)),
        )

    def remove(self, claim: Claim) -> None:
        """Take a claim out."""
        claims = self._of[claim.client]
        claims.remove(claim)
        self._count -= 1
        if not claims:
            del self._of[claim.client]
            self._served_at_s.pop(claim.client, None)

    def ahead_of(self, client: str, *, now_s: float) -> list[Claim]:
        """Return the claims that would be served before a new one of a client.

        They are its own, and of each other client its first one and those up to which
        it has used less; then the same of each other network. Who uses much goes behind
        who does not. So what others have queued is no more than one claim of each to a
        client that used little.
        """
        scale = self._usage.scale(now_s=now_s)
        path = path_of(client)
        ahead = list(self._of.get(client, ()))
        beside = self._beside(client, scale=scale)
        for level in reversed(range(len(path))):
            if not beside[level]:
                continue
            until = self._usage.of(path[level])
            until += sum(claim.cost_s for claim in ahead) * scale
            for name, claims in beside[level].items():
                order = succession(
                    claims, level=level, used=self._usage.of, scale=scale
                )
                ahead += self._up_to(until, name, order, scale=scale)
        return ahead

    def _beside(
        self, client: str, *, scale: float
    ) -> list[dict[str, dict[str, deque[Claim]]]]:
        """Return the claims of other clients that may go before a client.

        They are sorted by the place in a path from which on it is another one than that
        of the client, and there by its name.
        """
        path = path_of(client)
        much = MUCH_S * scale
        uses_much = self._usage.is_over_in_units(path, much)
        beside: list[dict[str, dict[str, deque[Claim]]]] = [{} for _ in path]
        for other, claims in self._of.items():
            its = path_of(other)
            if other == client or (
                not uses_much and self._usage.is_over_in_units(its, much)
            ):
                continue
            level = 0
            while its[level] == path[level]:
                level += 1
            beside[level].setdefault(its[level], {})[other] = claims
        return beside

    def _up_to(
        self, until: float, name: str, claims: Iterable[Claim], *, scale: float
    ) -> Iterator[Claim]:
        """Yield the first claim of a name, and others until it has used so much."""
        used = self._usage.of(name)
        for place, claim in enumerate(claims):
            if place and used > until:
                return
            yield claim
            used += claim.cost_s * scale

    def take_small(self, *, except_for: Iterable[str], now_s: float) -> Claim | None:
        """Take out the small claim that is next, whatever stands before it."""
        firsts = [
            next((claim for claim in claims if claim.is_small), None)
            for client, claims in self._of.items()
            if client not in except_for
        ]
        claim = min(
            (claim for claim in firsts if claim is not None),
            key=lambda claim: (*self._usage.along(claim.client), claim.number),
            default=None,
        )
        if claim is not None:
            self._serve(claim, now_s=now_s)
        return claim

    def take(self, *, except_for: Iterable[str], now_s: float) -> Claim | None:
        """Take out the claim that is next.

        Args:
            except_for: Clients that must wait on.
            now_s: Seconds, by the clock of all others.
        """
        clients = self._of.keys() - except_for
        if not clients:
            return None
        first = self._overtaken(clients, now_s=now_s) or min(
            clients,
            key=lambda client: (
                *self._usage.along(client),
                self._of[client][0].number,
            ),
        )
        claim = self._of[first][0]
        self._serve(claim, now_s=now_s)
        return claim

    def _serve(self, claim: Claim, *, now_s: float) -> None:
        self._served_at_s[claim.client] = now_s
        self.remove(claim)

    def _overtaken(self, clients: Iterable[str], *, now_s: float) -> str | None:
        """Return who has waited longest of those that have for too long."""
        found = [
            client
            for client in clients
            if now_s - self._unserved_since_s(client) > PATIENCE_S
            and not self._usage.is_much(client, now_s=now_s)
        ]
        return min(found, key=lambda client: self._of[client][0].number, default=None)

    def _unserved_since_s(self, client: str) -> float:
        """Return since when a client waits and was not served."""
        asked_at_s = self._of[client][0].asked_at_s
        return max(asked_at_s, self._served_at_s.get(client, asked_at_s))
