"""Decide which upload is scanned next, waits or is turned away: fair by client.

It has no processes, clocks or futures, so that every order of events can be tested. An
upload that wants to be scanned is a *claim*. Rules:

- Of the waiting clients, the light ones go first, then the one whose scans recently
  took the least time (``waiting.py``). A scan is charged when it begins and ends.
- When too many wait, the newest claim of the client with the most is turned away. So a
  client that floods the queue only harms itself.
- The claims of clients that have ended their side of the connection are *last*: most of
  these clients are gone, and the others may wait.
- A client that breaks off its uploads is charged for each more than its scan takes: it
  makes us work, and has no use of it.
- A scan holds one of few *places*. A scan that takes long is *slow*: it moves from its
  place to the slow lane, if that has room, so that later ones need not wait.
- If the slow lane is full and another claim wants the place, the slow scan is *put
  back*: broken off, to be begun again when the slow lane has room. So many bombs of
  many unknown clients hold the places only until they are recognised as slow.
- If all places are taken, a scan that is *small* by its header goes into the small
  lane, so that it does not wait for large ones. If it turns out not to be small, it
  leaves that lane when it has taken several times the expected time.
- A scan that is expected to be slow counts as slow from the start. No scan is put back
  for such a scan.
- A client that uses up its share of the slow lane, or recently had many slow scans,
  never gets the last free place, nor a place in the small lane: so its next bombs
  cannot hold all places. If there is only one place, this applies only while its slow
  scans run or the slow lane is full.

The client ``""`` is an unknown client (a command line, or a front end that does not
name its client): no limit for one client applies to it.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Final

from uploadfilter.networks import path_of
from uploadfilter.scanners.pool.expecting import Usual
from uploadfilter.scanners.pool.lightness import Lightness
from uploadfilter.scanners.pool.usage import PROVISION_S, Usage
from uploadfilter.scanners.pool.waiting import (
    BROKEN_OFF_S,
    MOST_FINED_S,
    Claim,
    Standing,
    WaitingClaims,
)

KNOWN_SLOW_S: Final = 1.0
"""Seconds of a client's recent slow scans from which on another slow one is expected:
half a bomb, or a dozen of the largest honest pictures."""

ASIDE_TIMES: Final = 4.0
"""Multiple of the expected time after which a scan in the small lane is slow. A photo
takes up to three times as long if it is progressive, or if another process uses the
same core."""

ASIDE_S: Final = 0.03
"""CPU seconds that a scan may take there in any case: a bomb that looks like an icon
then delays one photo for as long as three other photos."""

NETWORK_SHARES: Final = 2
"""Share of the slow lane for all clients of a network, in shares of one client: half of
the lane."""

_SHORT_QUEUE: Final = 2
"""Claims for each place that are always allowed to wait."""


class Lanes:
    """The claims that hold a place, are in the slow lane, or wait.

    Args:
        places: Most scans at a time that are not slow.
        small_lane: Most small scans at a time besides them.
        slow_lane: Most slow scans at a time besides all of these.
        client_share: A client with this many slow scans, in any standing, does not get
            the last free place, and no more of its scans enter the slow lane. For its
            networks it is twice as many.
        queue_limit: Most claims that wait; as many may be put back.
        slow_after_s: Longest time that a scan holds a place, whatever its total time
            is.
    """

    def __init__(
        self,
        *,
        places: int,
        small_lane: int,
        slow_lane: int,
        client_share: int,
        queue_limit: int,
        slow_after_s: float,
    ) -> None:
        self._slow_after_s = slow_after_s
        self._places = places
        self._small_lane = small_lane
        self._slow_lane = slow_lane
        self._client_share = client_share
        self._queue_limit = queue_limit
        self._usage = Usage()
        self._slow_usage = Usage()
        self._lightness = Lightness()
        self._waiting = WaitingClaims(
            limit=queue_limit, usage=self._usage, lightness=self._lightness
        )
        self._last = WaitingClaims(limit=queue_limit, usage=self._usage)
        self._put_back = WaitingClaims(limit=queue_limit, usage=self._usage)
        self._called: list[Claim] = []
        self._placed = 0
        self._held_up: list[Claim] = []
        self._aside: list[Claim] = []
        self._slow = 0
        # Slow scans in any standing, by client and network.
        self._slow_of: Counter[str] = Counter()
        self._in_lane_of: Counter[str] = Counter()
        self._usual = Usual(PROVISION_S)
        self._usual_aside = Usual(PROVISION_S)

    @property
    def waiting(self) -> int:
        """Return the number of waiting claims."""
        return len(self._waiting) + len(self._last)

    @property
    def put_back(self) -> int:
        """Return the number of claims that were put back and wait for the slow lane."""
        return len(self._put_back)

    @property
    def slow(self) -> int:
        """Return the number of scans in the slow lane."""
        return self._slow

    @property
    def aside(self) -> int:
        """Return the number of scans in the small lane."""
        return len(self._aside)

    @property
    def placed(self) -> int:
        """Return the number of scans that hold a place."""
        return self._placed

    def expected_wait_s(
        self, client: str, *, may_be_small: bool = False, now_s: float
    ) -> float:
        """Return the expected wait of a client's new claim for a place.

        It is computed from the expected times of the claims that would go first,
        corrected by the error of recent estimates. A short queue counts as no wait,
        since it keeps scanners busy, whatever the scans take.

        Args:
            client: The client.
            may_be_small: Whether it may turn out to be small: then it waits for the
                small lane, if that is sooner.
            now_s: Seconds, by the clock of all others.
        """
        ahead = self._waiting.ahead_of(client, now_s=now_s)
        if len(ahead) < _SHORT_QUEUE * self._places:
            return 0.0
        cost_s = PROVISION_S + sum(map(self._holds_s, ahead))
        wait_s = cost_s * self._usual.ratio / self._places
        if not (may_be_small and self._small_lane) or self._is_greedy(
            client, now_s=now_s
        ):
            return wait_s
        small_s = PROVISION_S + sum(claim.cost_s for claim in ahead if claim.is_small)
        return min(wait_s, small_s * self._usual_aside.ratio / self._small_lane)

    def ask(self, claim: Claim, *, now_s: float) -> Claim | None:
        """Give a claim a place, or let it wait; return a claim that is turned away.

        ``admit`` decides whose turn it is; only a claim that need not wait gets its
        place at once.
        """
        claim.asked_at_s = now_s
        if not self._waiting and self._may_enter(claim.client, now_s=now_s):
            self._place(claim, now_s=now_s)
            return None
        if claim.is_small and self._may_go_aside(claim.client, now_s=now_s):
            self._put_aside(claim, now_s=now_s)
            return None
        shed = self._waiting.add(claim)
        if shed is not None:
            shed.standing = Standing.OVER
        return shed

    def admit(self, *, now_s: float) -> Iterator[Claim]:
        """Give places to waiting claims, and yield the claims whose standing changed.

        These are the claims that got a place, those that were put back for them, and
        those that were put back before and now go on in the slow lane.
        """
        while len(self._waiting) and self._has_place:
            barred = self._barred(self._waiting, now_s=now_s)
            if self._placed >= self._places:
                barred += self._waiting.clients_with_first_over(self._slow_after_s)
            claim = self._waiting.take(except_for=barred, now_s=now_s)
            if claim is None:
                break
            if self._placed >= self._places:
                self._break_off(now_s=now_s)
            self._place(claim, now_s=now_s)
            self._called.append(claim)
        while len(self._last) and self._placed < self._places:
            barred = self._barred(self._last, now_s=now_s)
            claim = self._last.take(except_for=barred, now_s=now_s)
            if claim is None:
                break
            self._place(claim, now_s=now_s)
            self._called.append(claim)
        while len(self._waiting) and len(self._aside) < self._small_lane:
            greedy = self._greedy(self._waiting, now_s=now_s)
            claim = self._waiting.take_small(except_for=greedy, now_s=now_s)
            if claim is None:
                break
            self._put_aside(claim, now_s=now_s)
            self._called.append(claim)
        while self._called:
            yield self._called.pop(0)

    def slow_down(self, claim: Claim, *, now_s: float) -> None:
        """Note that a scan is slow; it leaves its place if the slow lane has room.

        ``admit`` then gives the place to a waiting claim.
        """
        if claim.is_slow:
            return
        self._charge(claim, now_s=now_s)
        if claim.standing is Standing.PLACED:
            self._usual.add(now_s - claim.placed_at_s, self._holds_s(claim))
        self._hold_up(claim, now_s=now_s)
        if claim.standing is Standing.ASIDE and self._can_put_back:
            self._aside.remove(claim)
            self._put_one_back(claim, now_s=now_s)

    def _hold_up(self, claim: Claim, *, now_s: float) -> None:
        """Treat a scan as slow.

        From now on it holds its place only until another claim wants it.
        """
        claim.is_slow = True
        self._slow_of.update(path_of(claim.client).names)
        if claim.standing is Standing.PLACED:
            claim.standing = Standing.HELD_UP
            self._held_up.append(claim)
        self._move_over(now_s=now_s)

    def set_last(self, claim: Claim) -> Claim | None:
        """Let a waiting claim wait for all others; return one that is turned away."""
        self._waiting.remove(claim)
        claim.standing = Standing.LAST
        shed = self._last.add(claim)
        if shed is not None:
            shed.standing = Standing.OVER
        return shed

    def broken_off(self, client: str, *, now_s: float) -> None:
        """Note that a client broke off an upload before its answer."""
        if not self._usage.is_over(client, MOST_FINED_S, now_s=now_s):
            self._usage.charge(client, BROKEN_OFF_S, now_s=now_s)
            self._lightness.hold_back(client, now_s=now_s)

    def leave(self, claim: Claim, *, now_s: float) -> None:
        """Note that a claim is done, in any standing; idempotent."""
        match claim.standing:
            case Standing.WAITING:
                self._waiting.remove(claim)
            case Standing.LAST:
                self._last.remove(claim)
            case Standing.OVER:
                return
            case Standing.PUT_BACK:
                self._put_back.remove(claim)
                self._forget_slow(claim)
            case Standing.PLACED:
                self._placed -= 1
                self._learn(claim, now_s=now_s)
                self._settle(claim, now_s=now_s)
            case Standing.ASIDE:
                self._aside.remove(claim)
                self._learn(claim, now_s=now_s)
                self._settle(claim, now_s=now_s)
                if claim.is_slow:
                    self._forget_slow(claim)
            case Standing.HELD_UP:
                self._placed -= 1
                self._held_up.remove(claim)
                self._settle(claim, now_s=now_s)
                self._forget_slow(claim)
            case Standing.SLOW:
                self._slow -= 1
                self._in_lane_of.subtract(path_of(claim.client).names)
                self._settle(claim, now_s=now_s)
                self._forget_slow(claim)
        claim.standing = Standing.OVER
        self._move_over(now_s=now_s)

    def _learn(self, claim: Claim, *, now_s: float) -> None:
        """Learn from a scan that has ended by itself how long scans take."""
        took_s = now_s - claim.placed_at_s
        if claim.standing is Standing.ASIDE:
            self._usual_aside.add(took_s, claim.cost_s)
        else:
            self._usual.add(took_s, self._holds_s(claim))

    def turn_away_all(self) -> list[Claim]:
        """Remove and return every waiting claim."""
        claims = [*self._waiting, *self._last, *self._put_back]
        for claim in claims:
            match claim.standing:
                case Standing.PUT_BACK:
                    self._put_back.remove(claim)
                    self._forget_slow(claim)
                case Standing.LAST:
                    self._last.remove(claim)
                case _:
                    self._waiting.remove(claim)
            claim.standing = Standing.OVER
        return claims

    @property
    def _has_place(self) -> bool:
        """Return whether a place is free, or can be freed."""
        if self._placed < self._places:
            return True
        return bool(self._held_up) and self._can_put_back

    @property
    def _can_put_back(self) -> bool:
        return self._slow_lane > 0 and len(self._put_back) < self._queue_limit

    @property
    def _is_last_place(self) -> bool:
        return self._placed >= self._places - 1

    def _may_enter(self, client: str, *, now_s: float) -> bool:
        if self._placed >= self._places:
            return False
        return not (self._is_last_place and self._is_greedy(client, now_s=now_s))

    def _barred(self, claims: WaitingClaims, *, now_s: float) -> list[str]:
        """Return the clients that must wait although a place is free."""
        if not self._is_last_place:
            return []
        return self._greedy(claims, now_s=now_s)

    def _greedy(self, claims: WaitingClaims, *, now_s: float) -> list[str]:
        if not self._slow_of and not len(self._slow_usage):
            return []  # no client had a slow scan: the usual case, and asked for each
        return [it for it in claims.clients if self._is_greedy(it, now_s=now_s)]

    def _may_go_aside(self, client: str, *, now_s: float) -> bool:
        has_room = len(self._aside) < self._small_lane
        return has_room and not self._is_greedy(client, now_s=now_s)

    def _is_greedy(self, client: str, *, now_s: float) -> bool:
        if not client:
            return False
        if self._has_share(client, self._slow_of):
            return True
        if self._places == 1 and self._slow < max(self._slow_lane, 1):
            return False
        return self._slow_usage.is_over(client, KNOWN_SLOW_S, now_s=now_s)

    def _has_share(self, client: str, held: Counter[str]) -> bool:
        """Return whether a client or one of its networks holds its share."""
        return held[client] >= self._client_share or any(
            held[network] >= NETWORK_SHARES * self._client_share
            for network in path_of(client).networks
        )

    def _is_full(self, client: str) -> bool:
        """Return whether a client may not enter the slow lane any more."""
        return bool(client) and self._has_share(client, self._in_lane_of)

    def _place(self, claim: Claim, *, now_s: float) -> None:
        self._placed += 1
        claim.standing = Standing.PLACED
        claim.slow_after_s = self._slow_after_s
        self._begin(claim, now_s=now_s)
        if claim.cost_s > self._slow_after_s:
            self._hold_up(claim, now_s=now_s)

    def _put_aside(self, claim: Claim, *, now_s: float) -> None:
        self._aside.append(claim)
        claim.standing = Standing.ASIDE
        most_s = max(ASIDE_TIMES * claim.cost_s, ASIDE_S)
        claim.slow_after_s = min(most_s, self._slow_after_s)
        self._begin(claim, now_s=now_s)

    def _begin(self, claim: Claim, *, now_s: float) -> None:
        """Charge a client with the expected time of a scan."""
        claim.placed_at_s = now_s
        claim.charged_s = claim.lately_s = claim.cost_s
        self._usage.charge(claim.client, claim.cost_s, now_s=now_s)
        self._lightness.charge(claim.client, claim.cost_s, now_s=now_s)

    def _charge(self, claim: Claim, *, now_s: float) -> None:
        """Charge a client with the time of a scan that was not charged yet."""
        extra_s = now_s - claim.placed_at_s - claim.charged_s
        if extra_s > 0:
            claim.charged_s += extra_s
            self._usage.charge(claim.client, extra_s, now_s=now_s)
            if claim.is_slow:
                self._slow_usage.charge(claim.client, extra_s, now_s=now_s)

    def _settle(self, claim: Claim, *, now_s: float) -> None:
        """Charge a client with exactly the real time of a scan."""
        self._charge(claim, now_s=now_s)
        took_s = max(now_s - claim.placed_at_s, PROVISION_S)
        used_s = took_s if claim.cpu_s < 0 else claim.cpu_s
        self._lightness.charge(claim.client, used_s - claim.lately_s, now_s=now_s)
        claim.lately_s = used_s  # a scan that was put back is settled again
        if took_s < claim.charged_s:
            self._usage.charge(claim.client, took_s - claim.charged_s, now_s=now_s)
            claim.charged_s = took_s

    def _break_off(self, *, now_s: float) -> None:
        """Put back the scan that was held up for the shortest time: it loses least."""
        claim = self._held_up.pop()
        self._placed -= 1
        self._put_one_back(claim, now_s=now_s)

    def _put_one_back(self, claim: Claim, *, now_s: float) -> None:
        self._settle(claim, now_s=now_s)
        claim.standing = Standing.PUT_BACK
        self._put_back.add(claim)
        self._called.append(claim)

    def _move_over(self, *, now_s: float) -> None:
        """Move slow scans into the slow lane, while it has room."""
        while self._slow < self._slow_lane:
            claim = self._resumed(now_s=now_s) or self._moved()
            if claim is None:
                return
            self._slow += 1
            self._in_lane_of.update(path_of(claim.client).names)
            claim.standing = Standing.SLOW

    def _resumed(self, *, now_s: float) -> Claim | None:
        """Remove a claim that was put back, unless its client's share is full."""
        full = filter(self._is_full, self._put_back.clients)
        claim = self._put_back.take(except_for=frozenset(full), now_s=now_s)
        if claim is not None:
            claim.placed_at_s = now_s
            claim.charged_s = 0.0
            self._called.append(claim)
        return claim

    def _moved(self) -> Claim | None:
        """Move a slow scan from its place, unless its client's share is full."""
        for claim in self._aside:
            if claim.is_slow and not self._is_full(claim.client):
                self._aside.remove(claim)
                return claim
        for claim in self._held_up:
            if not self._is_full(claim.client):
                self._held_up.remove(claim)
                self._placed -= 1
                return claim
        return None

    def _holds_s(self, claim: Claim) -> float:
        """Return the expected time that a scan holds a place."""
        return min(claim.cost_s, self._slow_after_s)

    def _forget_slow(self, claim: Claim) -> None:
        """Remove a slow scan from the account of its client."""
        names = path_of(claim.client).names
        self._slow_of.subtract(names)
        for counter in (self._slow_of, self._in_lane_of):
            for name in names:
                if not counter[name]:
                    del counter[name]
