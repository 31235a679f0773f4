"""Summarise refused uploads when many come in a short time.

A client that begins uploads and breaks them off costs the filter a millisecond for each
upload, and a record of 600 bytes: 15 GB a day and more. So refused uploads have their
own decisions up to a rate, and beyond it each client has one summary a minute.

Rules this module keeps:

- Every upload that was forwarded, matched or was inspected to a verdict has its own
  decision.
- Only requests that are refused before inspection are summarised (``SUMMARISED``).
  Rejections by a policy are bounded by the client's match budget, and people may object
  to them.
- Every summarised upload is counted by all properties that totals count.
- It is pure, and bounded for any flood: clients beyond ``MOST_GROUPS`` are counted
  together.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, NamedTuple

from uploadfilter.decisions.records.records import DecisionRecord
from uploadfilter.decisions.records.summaries import SummaryRecord
from uploadfilter.decisions.records.totals import DayCounts
from uploadfilter.model import Action, Verdict
from uploadfilter.rejections import UNCOMPARED

NETWORK_BITS: Final = 48
"""Bits of the largest network of one customer by RFC 6177: 65,536 IPv6 clients."""

AT_ONCE: Final = 1200.0
PER_S: Final = 20.0
"""Refused uploads that have their own decisions although they come at once, and further
ones for each second: 1 GB a day. A site with 2,000 uploads a second, 1 % of them broken
off, does not reach it."""

MOST_GROUPS: Final = 1000
"""Most clients and networks that are counted separately in a minute: with a summary of
400 bytes for each, at worst 600 MB a day."""

CLIENTS_OF_A_NETWORK: Final = 8
"""Most clients of one IPv6 network of 48 bits that are counted separately in a minute.
The network may belong to one person, with 65,536 clients, or to a provider."""


class Who(NamedTuple):
    """The source of an upload.

    Attributes:
        client: Keyed hash of the client; ``None`` if there is no key.
        network: Keyed hash of the client's network; ``None`` if it has none.
    """

    client: str | None
    network: str | None = None


class Group(NamedTuple):
    """Clients that are counted together; the fields are as in a summary."""

    client: str | None
    prefix: int | None


_OTHERS: Final = Group(None, None)


class Groups:
    """The groups in which clients are counted, for one minute."""

    def __init__(self) -> None:
        self._known: set[Group] = set()
        self._clients_of: dict[str, set[str | None]] = {}

    def of(self, who: Who) -> Group:
        """Return the group of a client; it stays the same for the minute."""
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
class _Counted:
    since: datetime
    until: datetime
    tally: DayCounts = field(default_factory=DayCounts)


class Flooding:
    """Decides which refused uploads have decisions, and counts the others.

    Args:
        groups: The groups of clients; another counter shares and clears them.
    """

    def __init__(self, groups: Groups) -> None:
        self._groups = groups
        self._left = AT_ONCE
        self._at_s = 0.0
        self._counted: dict[Group, _Counted] = {}

    def is_listed(self, *, now_s: float) -> bool:
        """Return whether a refused upload gets its own decision; if so, count it.

        Args:
            now_s: Monotonic seconds; a clock that goes back adds no tokens.
        """
        gained = max(now_s - self._at_s, 0.0) * PER_S
        self._left, self._at_s = min(AT_ONCE, self._left + gained), now_s
        if self._left < 1:
            return False
        self._left -= 1
        return True

    def add(self, who: Who, record: DecisionRecord) -> None:
        """Count a refused upload that has no decision.

        Raises:
            ValueError: The upload needs its own decision.
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

    def take(self, *, now: datetime) -> Iterator[SummaryRecord]:
        """Yield the summaries, and reset the counts."""
        counted, self._counted = self._counted, {}
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


def may_be_summarised(record: DecisionRecord) -> bool:
    """Return whether an upload may be summarised.

    Returns:
        True only if the request was refused before inspection, nothing matched, and
        nothing is forwarded.
    """
    return (
        record.effect is not Action.ACCEPT
        and record.verdict is not Verdict.MATCH
        and not record.matches
        and record.reason in UNCOMPARED
    )
