"""Keep the claims that wait to be scanned, and choose the next one.

Like ``queueing.py`` it has no processes, clocks or futures. Rules this module keeps:

- Of the waiting clients, the one whose scans recently took the least time is next
  (least attained service: Nuyens and Wierman, "The foreground-background queue: a
  survey", Performance Evaluation 65, 2008). Uses fade, so that no client starves. The
  claims of one client are served in order.
- The same rule applies to the networks of clients, before the clients in them
  (``networks.py``): a client with many addresses gets no more turns than one with a
  single address.
- A client without a served claim for a while goes first, unless it uses much:
  otherwise, under a lasting load of many clients, there would always be one that used
  less.
"""

import math
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import Final

from uploadfilter.networks import Path, path_of
from uploadfilter.scanners.pool.succession import succession

HALF_LIFE_S: Final = 10.0
"""Seconds after which half of a client's use is forgotten: long compared with a scan,
short compared with the patience of a waiting client."""

PROVISION_S: Final = 0.005
"""Least charge of a scan in seconds, that of a photo. A scan is charged when it begins,
so that clients take turns even before their first scans have ended."""

PATIENCE_S: Final = 0.1
"""Seconds for which a waiting client may be overtaken, each time. A burst of twenty
photos of one client passes in this time, while clients with a single photo go first."""

MUCH_S: Final = 1.0
"""Seconds of a client's recent scans from which on it uses much: two hundred photos. It
is overtaken as long as clients that use less wait."""

NETWORK_MUCH: Final = 2.0
"""Multiple of ``MUCH_S`` from which on a network uses much."""

BROKEN_OFF_S: Final = 0.5
"""CPU seconds that are charged for an upload whose client broke it off: two of them
are much, so that others go first. Without others it changes nothing."""

MOST_FINED_S: Final = 4.0
"""Seconds of use from which on nothing is charged for uploads that are broken off: two
half-lives later it is not much any more. Thousands of them within seconds would be
remembered for minutes, also against those who share the address with their client."""

_REBASE_AT: Final = 64.0
"""Half-lives after which the remembered use is scaled down: 2**64 is far from overflow.
"""

_MOST_REMEMBERED: Final = 4096
"""Most clients whose use is remembered; if there are more, those that used least are
forgotten."""


class Standing(StrEnum):
    """The standing of a claim."""

    WAITING = "waiting"
    LAST = "last"  # waits until nobody else does: its client may have gone
    PLACED = "placed"
    HELD_UP = "held_up"  # slow, while the slow lane has no room
    ASIDE = "aside"  # in the small lane
    PUT_BACK = "put_back"  # slow, and broken off until the slow lane has room
    SLOW = "slow"
    OVER = "over"


class Claim:
    """An upload that wants to be scanned.

    Args:
        client: The client of the upload.
        cost_s: Expected CPU seconds of its scan, in all.
        is_small: Whether it may be scanned in the small lane.

    Attributes:
        client: The client of the upload.
        cost_s: See above.
        is_small: See above.
        standing: Its standing; only ``Lanes`` changes it.
        is_abandoned: True once its client has gone.
        is_slow: True when it has taken long, in any standing.
        slow_after_s: CPU seconds after which its scan is slow; known when it has begun.
    """

    __slots__ = (
        "asked_at_s",
        "charged_s",
        "client",
        "cost_s",
        "is_abandoned",
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
        self.is_abandoned = False
        self.slow_after_s = 0.0
        self.number = 0
        self.asked_at_s = 0.0
        self.placed_at_s = 0.0
        self.charged_s = 0.0


class Usage:
    """The time that the scans of each client took, fading with age.

    Times are relative to the first one, and later to the last scaling: the clock of a
    machine that has been up for weeks would be too large an exponent.
    """

    def __init__(self) -> None:
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
        if path.group == client:  # a client in no network, as most are
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
        return (now_s - self._epoch_s) / HALF_LIFE_S

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


class WaitingClaims:
    """Claims that wait, by client.

    Args:
        limit: Most claims that wait.
        usage: The use of each client.
    """

    def __init__(self, *, limit: int, usage: Usage) -> None:
        self._limit = limit
        self._usage = usage
        self._of: dict[str, deque[Claim]] = {}
        self._served_at_s: dict[str, float] = {}
        self._count = 0
        self._numbers = 0

    def __len__(self) -> int:
        """Return the number of waiting claims."""
        return self._count

    def __iter__(self) -> Iterator[Claim]:
        """Yield every waiting claim."""
        for claims in self._of.values():
            yield from claims

    @property
    def clients(self) -> Iterable[str]:
        """Return the waiting clients."""
        return self._of.keys()

    def clients_with_first_over(self, cost_s: float) -> list[str]:
        """Return the clients whose next claim is expected to take more than a time."""
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
        """Return the client with the most claims in the network with the most."""
        of_group: Counter[str] = Counter()
        for client, claims in self._of.items():
            of_group[path_of(client).group] += len(claims)
        group = max(of_group, key=lambda name: (of_group[name], self._usage.of(name)))
        return max(
            (client for client in self._of if path_of(client).group == group),
            key=lambda client: (len(self._of[client]), self._usage.of(client)),
        )

    def remove(self, claim: Claim) -> None:
        """Remove a claim."""
        claims = self._of[claim.client]
        claims.remove(claim)
        self._count -= 1
        if not claims:
            del self._of[claim.client]
            self._served_at_s.pop(claim.client, None)

    def ahead_of(self, client: str, *, now_s: float) -> list[Claim]:
        """Return the claims that would be served before a new one of a client.

        These are its own claims, and of each other client the first claim, and more as
        long as that client has used less; likewise for each other network. Clients that
        use much go after those that do not. So a client that used little waits for at
        most one claim of each other client.
        """
        scale = self._usage.scale(now_s=now_s)
        path = path_of(client)
        ahead = list(self._of.get(client, ()))
        beside, firsts = self._beside(client, scale=scale)
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
        return ahead + firsts

    def _beside(
        self, client: str, *, scale: float
    ) -> tuple[list[dict[str, dict[str, deque[Claim]]]], list[Claim]]:
        """Return the claims of other clients that may go before a client.

        They are grouped by the first level at which their path differs from that of the
        client, then by the name at that level, then by client. The only claims of
        clients in no network are apart: each goes before the client, whatever was used.
        In an overload of many clients nearly all are such claims, and this is asked for
        each upload.
        """
        path = path_of(client)
        much = MUCH_S * scale
        uses_much = self._usage.is_over_in_units(path, much)
        beside: list[dict[str, dict[str, deque[Claim]]]] = [{} for _ in path]
        firsts: list[Claim] = []
        for other, claims in self._of.items():
            its = path_of(other)
            if other == client or (
                not uses_much and self._usage.is_over_in_units(its, much)
            ):
                continue
            if len(claims) == 1 and its.group == other and path.group != other:
                firsts.append(claims[0])
                continue
            level = 0
            while its[level] == path[level]:
                level += 1
            beside[level].setdefault(its[level], {})[other] = claims
        return beside, firsts

    def _up_to(
        self, until: float, name: str, claims: Iterable[Claim], *, scale: float
    ) -> Iterator[Claim]:
        """Yield the first claim of a name, then more up to a given use."""
        used = self._usage.of(name)
        for place, claim in enumerate(claims):
            if place and used > until:
                return
            yield claim
            used += claim.cost_s * scale

    def take_small(self, *, except_for: Iterable[str], now_s: float) -> Claim | None:
        """Remove and return the next small claim, whatever waits before it."""
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
        """Remove and return the next claim.

        Args:
            except_for: Clients that must go on waiting.
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
        """Return the client that has waited longest, if it waited too long."""
        found = [
            client
            for client in clients
            if now_s - self._unserved_since_s(client) > PATIENCE_S
            and not self._usage.is_much(client, now_s=now_s)
        ]
        return min(found, key=lambda client: self._of[client][0].number, default=None)

    def _unserved_since_s(self, client: str) -> float:
        """Return the time since which a client has waited without being served."""
        asked_at_s = self._of[client][0].asked_at_s
        return max(asked_at_s, self._served_at_s.get(client, asked_at_s))
