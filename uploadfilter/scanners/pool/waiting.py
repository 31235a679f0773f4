"""Keep the claims that wait to be scanned, and choose the next one.

Like ``queueing.py`` it has no processes, clocks or futures. Rules this module keeps:

- Of the waiting clients, the one whose scans recently took the least time is next
  (least attained service: Nuyens and Wierman, "The foreground-background queue: a
  survey", Performance Evaluation 65, 2008). Uses fade, so that no client starves. The
  claims of one client are served in order.
- The same rule applies to the networks of clients, before the clients in them
  (``networks.py``): a client with many addresses gets no more turns than one with a
  single address.
- Light clients (``lightness.py``) go before all others, one upload of each in turn.
- A client without a served claim for a while goes first, unless it uses much:
  otherwise, under a lasting load of many clients, there would always be one that used
  less. Light clients and those take turns.
"""

from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable, Iterator
from enum import StrEnum
from itertools import islice
from typing import Final

from uploadfilter.networks import path_of
from uploadfilter.scanners.pool.lightness import Lightness
from uploadfilter.scanners.pool.succession import succession
from uploadfilter.scanners.pool.usage import MUCH_S, PROVISION_S, Usage

PATIENCE_S: Final = 0.1
"""Seconds for which a waiting client may be overtaken, each time. A burst of twenty
photos of one client passes in this time, while clients with a single photo go first."""

BROKEN_OFF_S: Final = 0.5
"""CPU seconds that are charged for an upload whose client broke it off: two of them
are much, so that others go first. Without others it changes nothing."""

MOST_FINED_S: Final = 4.0
"""Seconds of use from which on nothing is charged for uploads that are broken off: two
half-lives later it is not much any more. Thousands of them within seconds would be
remembered for minutes, also against those who share the address with their client."""


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
        is_slow: True when it has taken long, in any standing.
        slow_after_s: CPU seconds after which its scan is slow; known when it has begun.
        cpu_s: CPU seconds that its scan took; known when it has ended, else negative.
        lately_s: CPU seconds for which its client is less light.
    """

    __slots__ = (
        "asked_at_s",
        "charged_s",
        "client",
        "cost_s",
        "cpu_s",
        "is_slow",
        "is_small",
        "lately_s",
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
        self.cpu_s = -1.0
        self.number = 0
        self.asked_at_s = 0.0
        self.placed_at_s = 0.0
        self.charged_s = 0.0
        self.lately_s = 0.0


class WaitingClaims:
    """Claims that wait, by client.

    Args:
        limit: Most claims that wait.
        usage: The use of each client.
        lightness: Tells which clients are light, and learns how many claims they have
            here; ``None`` if no client is.
    """

    def __init__(
        self, *, limit: int, usage: Usage, lightness: Lightness | None = None
    ) -> None:
        self._limit = limit
        self._usage = usage
        self._lightness = lightness
        self._light: set[str] = set()
        self._served_light = False
        self._of: dict[str, deque[Claim]] = {}
        self._served_at_s: dict[str, float] = {}
        self._turn_of: dict[str, int] = {}
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
        if self._lightness is not None:
            self._lightness.waits(claim.client, now_s=claim.asked_at_s)
            self._weigh(claim.client, self._lightness, now_s=claim.asked_at_s)
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
            of_group[path_of(client).site] += len(claims)
        group = max(of_group, key=lambda name: (of_group[name], self._usage.of(name)))
        return max(
            (client for client in self._of if path_of(client).site == group),
            key=lambda client: (len(self._of[client]), self._usage.of(client)),
        )

    def remove(self, claim: Claim) -> None:
        """Remove a claim."""
        claims = self._of[claim.client]
        claims.remove(claim)
        self._count -= 1
        if self._lightness is not None:
            self._lightness.waits_no_more(claim.client)
        if not claims:
            del self._of[claim.client]
            self._light.discard(claim.client)
            self._served_at_s.pop(claim.client, None)
            self._turn_of.pop(claim.client, None)

    def ahead_of(self, client: str, *, now_s: float) -> list[Claim]:
        """Return the claims that would be served before a new one of a client.

        These are its own claims, and of each other client the first claim, and more as
        long as that client has used less; likewise for each other network. Clients that
        use much go after those that do not. So a client that used little waits for at
        most one claim of each other client. Light clients go before it, and a light one
        waits for no others.
        """
        light = self._light - {client}
        ahead = list(self._of.get(client, ()))
        if self._would_be_light(client, now_s=now_s):
            rounds = len(ahead) + 1
            return ahead + [it for name in light for it in self._first(rounds, name)]
        sooner = [claim for name in light for claim in self._of[name]]
        scale = self._usage.scale(now_s=now_s)
        path = path_of(client)
        beside, firsts = self._beside(client, light, scale=scale)
        used = self._used_after(sooner, scale=scale)
        for level in reversed(range(len(path))):
            if not beside[level]:
                continue
            until = used(path[level])
            until += sum(claim.cost_s for claim in ahead) * scale
            for name, claims in beside[level].items():
                order = succession(claims, level=level, used=used, scale=scale)
                ahead += _up_to(until, used(name), order, scale=scale)
        return ahead + firsts + sooner

    def _weigh(self, client: str, lightness: Lightness, *, now_s: float) -> None:
        """Note whether a client is light; that holds until its next claim comes."""
        if lightness.is_light(client, now_s=now_s):
            self._light.add(client)
        else:
            self._light.discard(client)

    def _would_be_light(self, client: str, *, now_s: float) -> bool:
        """Tell whether a client would be light with one claim more."""
        lightness = self._lightness
        return lightness is not None and lightness.is_light(client, more=1, now_s=now_s)

    def _first(self, count: int, client: str) -> list[Claim]:
        """Return the first claims of a client."""
        return list(islice(self._of[client], count))

    def _used_after(
        self, served: Iterable[Claim], *, scale: float
    ) -> Callable[[str], float]:
        """Return what each name has used once some claims are served."""
        more: defaultdict[str, float] = defaultdict(float)
        for claim in served:
            for name in path_of(claim.client).names:
                more[name] += claim.cost_s * scale
        if not more:
            return self._usage.of
        return lambda name: self._usage.of(name) + more.get(name, 0.0)

    def _beside(
        self, client: str, light: set[str], *, scale: float
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
            if (
                other == client
                or other in light
                or (not uses_much and self._usage.is_over_in_units(its, much))
            ):
                continue
            if len(claims) == 1 and its.site == other and path.site != other:
                firsts.append(claims[0])
                continue
            level = 0
            while its[level] == path[level]:
                level += 1
            beside[level].setdefault(its[level], {})[other] = claims
        return beside, firsts

    def take_small(self, *, except_for: Iterable[str], now_s: float) -> Claim | None:
        """Remove and return the next small claim, whatever waits before it."""
        firsts = [
            next((claim for claim in claims if claim.is_small), None)
            for client, claims in self._of.items()
            if client not in except_for
        ]
        claim = min(
            (claim for claim in firsts if claim is not None),
            key=lambda claim: (
                claim.client not in self._light,
                *self._usage.along(claim.client),
                claim.number,
            ),
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
        claim = self._of[self._next(clients, now_s=now_s)][0]
        self._serve(claim, now_s=now_s)
        return claim

    def _next(self, clients: Iterable[str], *, now_s: float) -> str:
        """Return the client whose turn it is."""
        light = min(
            self._light.intersection(clients), key=self._last_in_turn, default=None
        )
        overtaken = self._overtaken(clients, now_s=now_s)
        self._served_light = light is not None and not (
            self._served_light and overtaken is not None
        )
        if light is not None and self._served_light:
            return light
        return overtaken or min(
            clients,
            key=lambda client: (
                *self._usage.along(client),
                self._of[client][0].number,
            ),
        )

    def _last_in_turn(self, client: str) -> int:
        """Return when a client came, or was served last if that is later."""
        return max(self._of[client][0].number, self._turn_of.get(client, 0))

    def _serve(self, claim: Claim, *, now_s: float) -> None:
        self._served_at_s[claim.client] = now_s
        self._numbers += 1
        self._turn_of[claim.client] = self._numbers
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


def _up_to(
    until: float, used: float, claims: Iterable[Claim], *, scale: float
) -> Iterator[Claim]:
    """Yield the first of the claims of a name, then more up to a given use."""
    for place, claim in enumerate(claims):
        if place and used > until:
            return
        yield claim
        used += claim.cost_s * scale
