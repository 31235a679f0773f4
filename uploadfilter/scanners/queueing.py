"""Whose upload is scanned next, and whose waits or is turned away: fair by client.

Plain bookkeeping without processes, clocks or futures, so that every order of events
can be tested. An upload that wants to be scanned is a *claim*. Rules:

- Of the clients that wait, the one whose scans took the least time of late is next;
  within a client, who came first is served first. One that has been overtaken for a
  while goes first, if its client does not use much: under a lasting load of many
  clients there would always be one that used less.
- When too many wait, the newest claim of the client with the most is turned away. So a
  client that floods the queue crowds out itself and nobody else.
- A scan holds one of few *places*. One that takes long is *slow*: it gives its place up
  for the slow lane, as far as there is room, so that those behind it need not wait.
- Where there is none, and somebody else wants its place, it is *put back*: broken off,
  to be begun anew once there is room in the slow lane. So many bombs of many clients
  that nobody knows yet cannot hold the places for longer than it takes to know them.
- A client that uses up its share of the slow lane, or had many slow scans of late, is
  never given the last free place: there is always one that its next bombs cannot hold.
  Where there is only one place, that is so only as long as its slow scans last, or the
  slow lane is full.

The client ``""`` is nobody in particular (a command line, or a front end that does not
say whom it speaks for): no limit for each client applies to it.
"""

import math
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import Final

HALF_LIFE_S: Final = 10.0
"""Seconds after which half of what a client used is forgotten: long against a scan,
short against the patience of a client that waits."""

PROVISION_S: Final = 0.005
"""Seconds that a scan is charged with when it begins, a photo's; so clients take turns
also before their first scans have ended."""

KNOWN_SLOW_S: Final = 1.0
"""Seconds that slow scans of a client took of late, from which on another slow one is
expected: half a bomb, or a dozen of the largest honest pictures."""

PATIENCE_S: Final = 0.1
"""Seconds for which a claim may be overtaken. A burst of twenty photos of one client
passes within it, and others with a single one go before them meanwhile."""

MUCH_S: Final = 1.0
"""Seconds that scans of a client took of late, from which on it uses much: two hundred
photos. It is overtaken for as long as others wait that use less."""

_SHORT_QUEUE: Final = 2
"""Claims for each place that may always wait."""

_REMEMBERED_SCANS: Final = 32
"""Scans over which the usual time of one is averaged."""

_REBASE_AT: Final = 64.0
"""Half-lives after which remembered use is scaled down: 2**64 is far from overflow."""

_MOST_REMEMBERED: Final = 4096
"""Clients whose use is remembered; of more, those that used least are forgotten."""


class Standing(StrEnum):
    """Where a claim stands."""

    WAITING = "waiting"
    PLACED = "placed"
    HELD_UP = "held_up"  # slow, but without room in the slow lane
    PUT_BACK = "put_back"  # slow, and broken off until there is room
    SLOW = "slow"
    OVER = "over"


class Claim:
    """An upload that wants to be scanned.

    Attributes:
        client: Whose it is.
        standing: Where it stands; changed by ``Lanes`` only.
        is_slow: True once it has taken long, wherever it stands.
    """

    __slots__ = (
        "asked_at_s",
        "charged_s",
        "client",
        "is_slow",
        "number",
        "placed_at_s",
        "standing",
    )

    def __init__(self, client: str) -> None:
        self.client = client
        self.standing = Standing.WAITING
        self.is_slow = False
        self.number = 0
        self.asked_at_s = 0.0
        self.placed_at_s = 0.0
        self.charged_s = 0.0


class Usage:
    """How much time the scans of each client took, fading with age."""

    def __init__(self) -> None:
        self._scaled: dict[str, float] = {}
        self._epoch_s = 0.0

    def __len__(self) -> int:
        """Return how many clients are remembered."""
        return len(self._scaled)

    def charge(self, client: str, seconds: float, *, now_s: float) -> None:
        """Add to what a client used.

        All use fades at the same rate. So instead of scaling everything down as time
        goes by, what is added later is scaled up; the order of clients is the same.
        """
        ages = (now_s - self._epoch_s) / HALF_LIFE_S
        if ages > _REBASE_AT or len(self._scaled) >= _MOST_REMEMBERED:
            self._rebase(now_s)
            ages = 0.0
        self._scaled[client] = self._scaled.get(client, 0.0) + seconds * 2.0**ages

    def of(self, client: str) -> float:
        """Return what a client used, in a unit that only serves to compare."""
        return self._scaled.get(client, 0.0)

    def recent_s(self, client: str, *, now_s: float) -> float:
        """Return the seconds that a client used, what is old counted less."""
        return self.of(client) * math.exp2((self._epoch_s - now_s) / HALF_LIFE_S)

    def is_much(self, client: str, *, now_s: float) -> bool:
        """Tell whether a client uses so much that others go before it."""
        return self.recent_s(client, now_s=now_s) > MUCH_S

    def _rebase(self, now_s: float) -> None:
        """Scale everything to the present; forget those that used least."""
        ages = (now_s - self._epoch_s) / HALF_LIFE_S
        scale = 0.0 if ages > 2 * _REBASE_AT else 2.0**-ages
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
        greediest = max(
            self._of, key=lambda client: (len(self._of[client]), self._usage.of(client))
        )
        shed = self._of[greediest][-1]
        self.remove(shed)
        return shed

    def remove(self, claim: Claim) -> None:
        """Take a claim out."""
        claims = self._of[claim.client]
        claims.remove(claim)
        self._count -= 1
        if not claims:
            del self._of[claim.client]

    def ahead_of(self, client: str, *, now_s: float) -> int:
        """Return how many claims would be served before a new one of a client."""
        if self._usage.is_much(client, now_s=now_s):
            return self._count
        return sum(
            len(claims)
            for other, claims in self._of.items()
            if not self._usage.is_much(other, now_s=now_s)
        )

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
            key=lambda client: (self._usage.of(client), self._of[client][0].number),
        )
        claim = self._of[first][0]
        self.remove(claim)
        return claim

    def _overtaken(self, clients: Iterable[str], *, now_s: float) -> str | None:
        """Return whose claim has waited longest of those that have for too long."""
        found = [
            client
            for client in clients
            if now_s - self._of[client][0].asked_at_s > PATIENCE_S
            and not self._usage.is_much(client, now_s=now_s)
        ]
        return min(found, key=lambda client: self._of[client][0].number, default=None)


class Lanes:
    """Who holds a place, who is in the slow lane, and who waits.

    Args:
        places: Scans at a time that are not slow.
        slow_lane: Slow scans at a time beside them.
        client_share: Slow scans of one client, wherever they stand, from which on it
            is not given the last free place; at most as many are let into the slow
            lane.
        queue_limit: Claims that may wait; as many may be put back.
    """

    def __init__(
        self, *, places: int, slow_lane: int, client_share: int, queue_limit: int
    ) -> None:
        self._places = places
        self._slow_lane = slow_lane
        self._client_share = client_share
        self._queue_limit = queue_limit
        self._usage = Usage()
        self._slow_usage = Usage()
        self._waiting = WaitingClaims(limit=queue_limit, usage=self._usage)
        self._put_back = WaitingClaims(limit=queue_limit, usage=self._usage)
        self._called: list[Claim] = []
        self._placed = 0
        self._held_up: list[Claim] = []
        self._slow = 0
        self._slow_of: Counter[str] = Counter()  # slow scans, wherever they stand
        self._in_lane_of: Counter[str] = Counter()
        self._usual_s = PROVISION_S
        self._scans = 0

    @property
    def waiting(self) -> int:
        """Claims that wait."""
        return len(self._waiting)

    @property
    def put_back(self) -> int:
        """Claims that were put back and wait for room in the slow lane."""
        return len(self._put_back)

    @property
    def slow(self) -> int:
        """Scans in the slow lane."""
        return self._slow

    @property
    def placed(self) -> int:
        """Scans that hold a place."""
        return self._placed

    def expected_wait_s(self, client: str, *, now_s: float) -> float:
        """Return for how long a new claim of a client would wait for a place.

        It is reckoned from those that would go before it and what a scan takes. A short
        queue counts as no wait, since it keeps scanners busy, however long scans take.
        """
        ahead = self._waiting.ahead_of(client, now_s=now_s)
        if ahead < _SHORT_QUEUE * self._places:
            return 0.0
        return (ahead + 1) * self._usual_s / self._places

    def ask(self, claim: Claim, *, now_s: float) -> Claim | None:
        """Give a claim a place, or let it wait; return who is turned away, if any.

        Whose turn it is is decided by ``admit``; only a claim that need not wait is
        given its place at once.
        """
        claim.asked_at_s = now_s
        if not self._waiting and self._may_enter(claim.client, now_s=now_s):
            self._place(claim, now_s=now_s)
            return None
        shed = self._waiting.add(claim)
        if shed is not None:
            shed.standing = Standing.OVER
        return shed

    def admit(self, *, now_s: float) -> Iterator[Claim]:
        """Give places to those that wait, and yield those whose standing changed.

        Those are the claims that were given a place, those that are put back for them,
        and those that were put back and go on in the slow lane.
        """
        while len(self._waiting) and self._has_place:
            barred = self._barred(now_s=now_s)
            claim = self._waiting.take(except_for=barred, now_s=now_s)
            if claim is None:
                break
            if self._placed >= self._places:
                self._break_off(now_s=now_s)
            self._place(claim, now_s=now_s)
            self._called.append(claim)
        while self._called:
            yield self._called.pop(0)

    def slow_down(self, claim: Claim, *, now_s: float) -> None:
        """Note that a scan takes long; it gives up its place if the slow lane has room.

        ``admit`` finds the scan that waits for the place.
        """
        claim.is_slow = True
        self._slow_of[claim.client] += 1
        self._charge(claim, now_s=now_s)
        claim.standing = Standing.HELD_UP
        self._held_up.append(claim)
        self._move_over(now_s=now_s)

    def leave(self, claim: Claim, *, now_s: float) -> None:
        """Note that a claim is done, wherever it stood; idempotent."""
        match claim.standing:
            case Standing.WAITING:
                self._waiting.remove(claim)
            case Standing.OVER:
                return
            case Standing.PUT_BACK:
                self._put_back.remove(claim)
                self._forget_slow(claim)
            case Standing.PLACED:
                self._placed -= 1
                self._charge(claim, now_s=now_s)
                self._remember(now_s - claim.placed_at_s)
            case Standing.HELD_UP:
                self._placed -= 1
                self._held_up.remove(claim)
                self._charge(claim, now_s=now_s)
                self._forget_slow(claim)
                self._remember(now_s - claim.placed_at_s)
            case Standing.SLOW:
                self._slow -= 1
                self._in_lane_of[claim.client] -= 1
                self._charge(claim, now_s=now_s)
                self._forget_slow(claim)
        claim.standing = Standing.OVER
        self._move_over(now_s=now_s)

    def turn_away_all(self) -> list[Claim]:
        """Take out every claim that waits."""
        claims = [*self._waiting, *self._put_back]
        for claim in claims:
            if claim.standing is Standing.PUT_BACK:
                self._put_back.remove(claim)
                self._forget_slow(claim)
            else:
                self._waiting.remove(claim)
            claim.standing = Standing.OVER
        return claims

    @property
    def _has_place(self) -> bool:
        """Whether a place is free, or can be made free."""
        if self._placed < self._places:
            return True
        can_put_back = self._slow_lane > 0 and len(self._put_back) < self._queue_limit
        return bool(self._held_up) and can_put_back

    @property
    def _is_last_place(self) -> bool:
        return self._placed >= self._places - 1

    def _may_enter(self, client: str, *, now_s: float) -> bool:
        if self._placed >= self._places:
            return False
        return not (self._is_last_place and self._is_greedy(client, now_s=now_s))

    def _barred(self, *, now_s: float) -> list[str]:
        """Return the clients that must wait although a place is free."""
        if not self._is_last_place:
            return []
        clients = self._waiting.clients
        return [client for client in clients if self._is_greedy(client, now_s=now_s)]

    def _is_greedy(self, client: str, *, now_s: float) -> bool:
        if not client:
            return False
        if self._slow_of[client] >= self._client_share:
            return True
        if self._places == 1 and self._slow < max(self._slow_lane, 1):
            return False
        return self._slow_usage.recent_s(client, now_s=now_s) > KNOWN_SLOW_S

    def _place(self, claim: Claim, *, now_s: float) -> None:
        self._placed += 1
        claim.standing = Standing.PLACED
        claim.placed_at_s = now_s
        claim.charged_s = PROVISION_S
        self._usage.charge(claim.client, PROVISION_S, now_s=now_s)

    def _charge(self, claim: Claim, *, now_s: float) -> None:
        """Charge a client with what a scan took beyond what was charged already."""
        extra_s = now_s - claim.placed_at_s - claim.charged_s
        if extra_s > 0:
            claim.charged_s += extra_s
            self._usage.charge(claim.client, extra_s, now_s=now_s)
            if claim.is_slow:
                self._slow_usage.charge(claim.client, extra_s, now_s=now_s)

    def _break_off(self, *, now_s: float) -> None:
        """Put back the scan that is held up for the shortest time: it loses least."""
        claim = self._held_up.pop()
        self._placed -= 1
        self._charge(claim, now_s=now_s)
        self._remember(now_s - claim.placed_at_s)
        claim.standing = Standing.PUT_BACK
        self._put_back.add(claim)
        self._called.append(claim)

    def _move_over(self, *, now_s: float) -> None:
        """Move slow scans into the slow lane, while it has room."""
        while self._slow < self._slow_lane:
            full = {
                client
                for client, share in self._in_lane_of.items()
                if client and share >= self._client_share
            }
            claim = self._resumed(full, now_s=now_s) or self._moved(full, now_s=now_s)
            if claim is None:
                return
            self._slow += 1
            self._in_lane_of[claim.client] += 1
            claim.standing = Standing.SLOW

    def _resumed(self, full: set[str], *, now_s: float) -> Claim | None:
        """Take out a claim that was put back, but for clients whose share is full."""
        claim = self._put_back.take(except_for=full, now_s=now_s)
        if claim is not None:
            claim.placed_at_s = now_s
            claim.charged_s = 0.0
            self._called.append(claim)
        return claim

    def _moved(self, full: set[str], *, now_s: float) -> Claim | None:
        """Take a slow scan off its place, but for clients whose share is full."""
        for claim in self._held_up:
            if claim.client not in full:
                self._held_up.remove(claim)
                self._placed -= 1
                self._remember(now_s - claim.placed_at_s)
                return claim
        return None

    def _remember(self, took_s: float) -> None:
        """Take one more scan into account for how long a scan usually holds a place."""
        self._scans = min(self._scans + 1, _REMEMBERED_SCANS)
        self._usual_s += (took_s - self._usual_s) / self._scans

    def _forget_slow(self, claim: Claim) -> None:
        """Take a slow scan off the account of its client."""
        self._slow_of[claim.client] -= 1
        for counter in (self._slow_of, self._in_lane_of):
            if not counter[claim.client]:
                del counter[claim.client]
