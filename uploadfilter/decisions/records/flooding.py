"""Count refused uploads together once their client has had many in a short time.

Somebody who begins uploads and breaks them off costs the filter a millisecond each, and
a record of 600 bytes: 15 GB a day and more. So a client's refused uploads have
decisions of their own up to a rate, and beyond it one summary a minute.

Rules this module keeps:

- What went to the origin has a decision, and so has what matched, whatever came of it,
  and what was inspected to a verdict.
- Only requests that are refused as such are summarised (``SUMMARISED``). What a policy
  rejects after its inspection is bounded by the client's match budget, and is what
  people object to.
- Every upload that is summarised is counted, by all that totals count by.
- It is pure, and bounded for any flood: all clients together have a rate, and beyond
  ``MOST_GROUPS`` the others are counted together.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, NamedTuple

from uploadfilter.decisions.records.records import DecisionRecord
from uploadfilter.decisions.records.summaries import SummaryRecord
from uploadfilter.decisions.records.totals import DayCounts
from uploadfilter.model import REFUSALS, Action, Reason, Verdict

NETWORK_BITS: Final = 48
"""What one customer may get by RFC 6177: 65,536 clients of IPv6."""

AT_ONCE: Final = 60.0
"""Refused uploads of one client, or of one IPv6 network of 48 bits, that have decisions
of their own although they come at once: more than a person's browser breaks off when
its connection is lost."""

PER_S: Final = 1.0
"""How many more of them have one each second: 50 MB a day. A program that does worse
for longer has a fault that a line a minute tells as well."""

AT_ONCE_OF_ALL: Final = 1200.0
PER_S_OF_ALL: Final = 20.0
"""The same for all clients together: 1 GB a day, if thousands of addresses flood. A
site with 2,000 uploads a second of which 1 in 100 is broken off does not reach it."""

MOST_GROUPS: Final = 1000
"""Clients and networks that are counted apart within a minute: at 400 bytes a summary
and a minute, 600 MB a day at worst."""

CLIENTS_OF_A_NETWORK: Final = 8
"""Clients of one IPv6 network of 48 bits that are counted apart within a minute: it may
be one person's, who has 65,536 of them, or a provider's."""


SUMMARISED: Final = REFUSALS | {Reason.PIECEWISE_UPLOAD}
"""The reasons for which an upload is refused before any of its content is compared."""

_BY_POLICY: Final = 403
"""The status of a rejection that counts against the match budget."""


class Who(NamedTuple):
    """Whose an upload is.

    Attributes:
        client: Keyed hash of the client; ``None`` if there is no key.
        network: Keyed hash of its network; ``None`` if it is its own network.
        is_shared: Whether many people have this address, as far as can be told: there
            is a front end that the filter was not told of.
    """

    client: str | None
    network: str | None = None
    is_shared: bool = False


class Group(NamedTuple):
    """Clients that are counted together; the fields are those of a summary."""

    client: str | None
    prefix: int | None


_OTHERS: Final = Group(None, None)


class Groups:
    """Whom clients are counted with, within a minute."""

    def __init__(self) -> None:
        self._known: set[Group] = set()
        self._clients_of: dict[str, set[str | None]] = {}

    def of(self, who: Who) -> Group:
        """Return the group of a client, the same one while it has room."""
        group = Group(who.client, None)
        if who.network is not None and group not in self._known:
            clients = self._clients_of.get(who.network, ())
            if len(clients) >= CLIENTS_OF_A_NETWORK:
                group = Group(who.network, NETWORK_BITS)
        if group in self._known:
            return group
        if len(self._known) >= MOST_GROUPS:
            return _OTHERS
        self._known.add(group)
        if who.network is not None and group.prefix is None:
            self._clients_of.setdefault(who.network, set()).add(who.client)
        return group

    def clear(self) -> None:
        """Begin the next minute."""
        self._known.clear()
        self._clients_of.clear()


@dataclass(slots=True)
class _Bucket:
    """A token bucket: what may come at once, and how much more each second."""

    most: float
    per_s: float
    left: float
    at_s: float

    def refill(self, now_s: float) -> None:
        """Add what has come since; a clock that goes back adds nothing."""
        gained = max(now_s - self.at_s, 0.0) * self.per_s
        self.left = min(self.most, self.left + gained)
        self.at_s = now_s


@dataclass(slots=True)
class _Counted:
    """What is counted of one group."""

    since: datetime
    until: datetime
    tally: DayCounts = field(default_factory=DayCounts)


class Flooding:
    """Decides which refused uploads have decisions, and counts the others.

    Args:
        groups: Whom clients are counted with; shared with who counts other things, and
            cleared there.
    """

    def __init__(self, groups: Groups) -> None:
        self._groups = groups
        self._buckets: dict[str | None, _Bucket] = {}
        self._all = _Bucket(AT_ONCE_OF_ALL, PER_S_OF_ALL, AT_ONCE_OF_ALL, 0.0)
        self._counted: dict[Group, _Counted] = {}

    def is_listed(self, who: Who, *, now_s: float) -> bool:
        """Tell whether a refused upload has a decision of its own; count it if so.

        Args:
            who: Whose it is.
            now_s: Monotonic seconds.
        """
        own = {} if who.is_shared else self._buckets_of(who, now_s)
        buckets = [*own.values(), self._all]
        for bucket in buckets:
            bucket.refill(now_s)
        if any(bucket.left < 1 for bucket in buckets):
            return False
        # Only now, so that there are no more of them than all clients' rate lets in.
        self._buckets.update(own)
        for bucket in buckets:
            bucket.left -= 1
        return True

    def add(self, who: Who, record: DecisionRecord) -> None:
        """Count a refused upload that has no decision.

        Args:
            who: Whose it is.
            record: What its decision would have been.

        Raises:
            ValueError: It has to be on record by itself.
        """
        if not may_be_summarised(record):
            raise ValueError(f"{record.id} has to be on record by itself")
        group = self._groups.of(who)
        counted = self._counted.get(group)
        if counted is None:
            counted = self._counted[group] = _Counted(record.time, record.time)
        counted.since = min(counted.since, record.time)
        counted.until = max(counted.until, record.time)
        counted.tally.decided(record)

    def take(self, *, now: datetime, now_s: float) -> Iterator[SummaryRecord]:
        """Yield what was counted, and count anew.

        Args:
            now: The time that the records bear.
            now_s: Monotonic seconds.
        """
        counted, self._counted = self._counted, {}
        self._forget_full(now_s)
        for group, item in counted.items():
            totals = item.tally.totals(now.date())
            yield SummaryRecord(
                time=now,
                client=group.client,
                prefix=group.prefix,
                since=item.since,
                until=item.until,
                uploads=totals.uploads,
                reasons=totals.reasons,
            )

    def _buckets_of(self, who: Who, now_s: float) -> dict[str | None, _Bucket]:
        keys = (who.client,) if who.network is None else who[:2]
        return {
            key: self._buckets.get(key) or _Bucket(AT_ONCE, PER_S, AT_ONCE, now_s)
            for key in keys
        }

    def _forget_full(self, now_s: float) -> None:
        """Forget who has not been refused for long: a new bucket is the same."""
        for key, bucket in tuple(self._buckets.items()):
            bucket.refill(now_s)
            if bucket.left >= bucket.most:
                del self._buckets[key]


def may_be_summarised(record: DecisionRecord) -> bool:
    """Tell whether an upload need not be on record by itself.

    Args:
        record: What its decision would be.

    Returns:
        Only if the request was refused as such, nothing matched, and nothing of it goes
        anywhere.
    """
    return (
        record.effect is not Action.ACCEPT
        and record.status not in {None, _BY_POLICY}
        and record.verdict is not Verdict.MATCH
        and not record.matches
        and record.reason in SUMMARISED
    )
