"""Decide at the head of an upload whether there is room for it, before its body comes.

Rules this module keeps:

- An upload whose body has arrived is finished. The newest upload is turned away, and at
  once, so that its client has sent nothing in vain.
- If all places are taken, an arriving body yields to the newest upload: a body of the
  network with the most, or a slow one (``arriving.py``).
- The resources of one client are bounded, so that no client keeps the others out. This
  applies to clients that can be distinguished (``Arrival.client_key``). When little is
  left, the resources of all clients of one network are bounded too.
- If the disk of the decision log lasts for only a few days at today's rate, records are
  charged to the account of the client that causes them (``pacing.py``): the client is
  made slower, and nobody is turned away.
- In ``MONITOR`` nothing is turned away. An upload over a limit of the process is
  forwarded unheld and uninspected, which is recorded (``overloaded``, or
  ``spool_full``); a limit of one client, such as its match budget, is only counted.
"""

import math
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Final

from uploadfilter.inspection.arriving import Arriving, Body
from uploadfilter.inspection.budgets import MatchBudgets
from uploadfilter.inspection.pacing import (
    RECORD_S,
    ClientDebts,
    LoopMeter,
    Turnstiles,
)
from uploadfilter.inspection.rounds import Rounds
from uploadfilter.inspection.spool import SpoolRoom
from uploadfilter.model import Mode, Reason
from uploadfilter.networks import Holdings, path_of
from uploadfilter.web.counting.labels import Limit
from uploadfilter.web.counting.metrics import Metrics
from uploadfilter.web.requests.arrival import Arrival
from uploadfilter.web.requests.limits import ProxyLimits

RETRY_CLIENT_S: Final = 5
"""When to try again after too many uploads at once: they take a second or two."""

SCARCE_DAYS: Final = 7.0
"""Days that the disk of the decision log lasts, below which it is scarce: half of the
days at which an operator is warned."""

_CLIENT: Final = 429
_OURS: Final = 503


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnedAway:
    """The reason why there is no room for an upload.

    Attributes:
        reason: The reason, for the log.
        status: 429 if the client itself has reached a limit, 503 otherwise.
        retry_after_s: When to try again; ``None`` for the usual time.
    """

    reason: Reason
    status: int
    retry_after_s: int | None = None


class Admission:
    """The open uploads, and the rejections of each client.

    Args:
        room: The room for bodies.
        metrics: Counts each limit that was reached.
        wait_s: Returns how long an upload of a client would wait for a scanner, by its
            length.
        descriptors: Most descriptors of this process.
        clock: Monotonic seconds.

    Attributes:
        descriptors: The same.
        open_uploads: Number of open uploads.
    """

    def __init__(
        self,
        room: SpoolRoom,
        metrics: Metrics,
        *,
        wait_s: Callable[[str, int | None], float],
        descriptors: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._room = room
        self._metrics = metrics
        self._wait_s = wait_s
        self._clock = clock
        self.descriptors = descriptors
        self._budgets = MatchBudgets()
        self._arriving = Arriving()
        self._accounts = ClientDebts()
        self._turnstiles = Turnstiles()
        self._rounds = Rounds()
        self._held = Holdings()
        self._is_log_scarce = False
        self.open_uploads = 0

    def places(self, limits: ProxyLimits) -> int:
        """Return how many uploads may be open at once."""
        return limits.most_open_uploads(self.descriptors)

    def log_lasts(self, days: float) -> None:
        """Note how many days the disk of the decision log lasts."""
        self._is_log_scarce = days < SCARCE_DAYS

    def turned_away(self, arrival: Arrival) -> TurnedAway | None:
        """Decide whether there is room for one more upload.

        Returns:
            ``None`` if there is room; otherwise the reason and the answer.
        """
        limits = arrival.live.settings.limits
        client = arrival.client_key
        found = self._client_limit(client, limits)
        if found and arrival.route.mode is Mode.ENFORCE:
            return found
        return self._our_limit(arrival, limits)

    def place(self, client: str) -> Callable[[], None]:
        """Count one more open upload of a client; the result, called once, ends it."""
        self._count_open(client, 1)
        return partial(self._count_open, client, -1)

    def _count_open(self, client: str, more: int) -> None:
        self.open_uploads += more
        self._held.add(client, more)

    def arriving(self, arrival: Arrival) -> AbstractContextManager[Body]:
        """Allow another upload to end this body during the block.

        In ``MONITOR`` this never happens: its upload would be forwarded all the same.
        """
        network = path_of(arrival.client_key).site
        body = Body(network=network, begun_s=self._clock())
        if arrival.route.mode is Mode.MONITOR:
            return nullcontext(body)
        return self._arriving.during(body)

    def meter(self, client: str) -> LoopMeter:
        """Return the meter for an upload of a client."""
        return LoopMeter(
            self._accounts,
            self._turnstiles,
            client,
            clock=self._clock,
            rounds=self._rounds,
        )

    def recorded(self, client: str) -> None:
        """Note that an upload of a client was put on record."""
        if self._is_log_scarce:
            self._accounts.charge(client, RECORD_S, now_s=self._clock())

    def rejected(self, arrival: Arrival) -> None:
        """Note that an upload was rejected by policy, and its client informed."""
        self._budgets.rejected(
            arrival.client_key,
            now_s=self._clock(),
            window_s=arrival.live.settings.limits.match_window_s,
        )

    def _client_limit(self, client: str, limits: ProxyLimits) -> TurnedAway | None:
        """Check the limits of this client; an empty key has no limits."""
        if not client:
            return None
        spent_s = self._budgets.spent_for_s(
            client, now_s=self._clock(), budget=limits.match_budget
        )
        if spent_s:
            self._metrics.limited(Limit.MATCH_BUDGET)
            return TurnedAway(
                reason=Reason.MATCH_BUDGET,
                status=_CLIENT,
                retry_after_s=math.ceil(spent_s),
            )
        most = self.places(limits)
        per_client = limits.open_uploads_per_client
        if self._held.of(client) >= per_client or self._held.is_share_held(
            client, most=most, per_client=per_client
        ):
            self._metrics.limited(Limit.CLIENT_UPLOADS)
            return TurnedAway(
                reason=Reason.TOO_MANY_UPLOADS,
                status=_CLIENT,
                retry_after_s=RETRY_CLIENT_S,
            )
        return None

    def _our_limit(self, arrival: Arrival, limits: ProxyLimits) -> TurnedAway | None:
        """Check the limits of all clients together."""
        if not self._has_place(arrival, limits):
            self._metrics.limited(Limit.OPEN_UPLOADS)
            return TurnedAway(reason=Reason.OVERLOADED, status=_OURS)
        wait_s = self._wait_s(arrival.client_key, arrival.head.declared_length)
        if wait_s > limits.longest_wait_s:
            self._metrics.limited(Limit.QUEUE)
            return TurnedAway(
                reason=Reason.OVERLOADED,
                status=_OURS,
                retry_after_s=math.ceil(wait_s),
            )
        length = arrival.head.declared_length or 0
        if length <= arrival.route.limits.max_body_bytes and not self._room.has_room(
            arrival.client_key, length
        ):
            return TurnedAway(reason=Reason.SPOOL_FULL, status=_OURS)
        return None

    def _has_place(self, arrival: Arrival, limits: ProxyLimits) -> bool:
        """Tell whether a place is free, or was made free."""
        most = self.places(limits)
        yielding = self._arriving.yielding
        is_full = self.open_uploads - yielding >= most
        if arrival.route.mode is Mode.MONITOR:
            return not is_full
        if not is_full:
            return not self._held.is_fair_share_held(
                arrival.client_key, most=most + yielding
            )
        network = path_of(arrival.client_key).site
        has_yielded = self._arriving.make_room(network, now_s=self._clock())
        if has_yielded:
            self._metrics.limited(Limit.YIELDED)
        return has_yielded
