"""How fresh a signed set is, and the status that a sync writes for the service.

Rules this module keeps: it is pure; an expired set goes on matching, but is always
reported.
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import Final

import msgspec

from uploadfilter.signedsets.roles import DAY_S

MOST_REMEMBERED: Final = 64
"""Syncs of the last day that are remembered with their numbers of withdrawals."""

MOST_ALLOWED_DAYS: Final = 31
"""Days of withdrawals that may come at once: a courier's month."""


class Freshness(StrEnum):
    """How old the last verified data is."""

    FRESH = "fresh"
    AGING = "aging"
    EXPIRED = "expired"


class Withdrawn(msgspec.Struct, frozen=True, kw_only=True):
    """The withdrawals of one sync.

    Attributes:
        at: When, in seconds since the epoch.
    """

    at: int
    count: int


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """The reason why the last sync changed nothing.

    Attributes:
        at: When, in seconds since the epoch.
    """

    at: int
    code: str
    text: str


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """The status of a signed set after a sync.

    Attributes:
        source: Its source: a folder or a URL, without credentials.
        root: SHA-256 of the root that the operator trusted, in hex.
        synced_at: When it was last verified to be the newest, in seconds since the
            epoch; 0 for never.
        expires_at: When the first of its signatures ends, in seconds since the epoch.
        expires: The role of that signature.
        sequence: Sequence of the set in force; 0 if there is none.
        issuer: Name of the issuer, as the issuer states it.
        signers: The holders that signed it.
        withdrawn: Entries that the syncs of the last days put out of force.
        held_back: Withdrawals that wait, because they are too many for a day.
        failure: Why the last sync failed; ``None`` if it did not.
        clock: The latest time that a sync saw, in seconds since the epoch.
    """

    set: str
    source: str
    root: str
    synced_at: int = 0
    expires_at: int = 0
    expires: str = ""
    sequence: int = 0
    issuer: str = ""
    signers: tuple[str, ...] = ()
    versions: dict[str, int] = {}
    withdrawn: tuple[Withdrawn, ...] = ()
    held_back: int = 0
    failure: Failure | None = None
    clock: int = 0


def freshness(status: Status, epoch_s: float) -> Freshness:
    """Return how fresh a set is: aging after half of its time, then expired."""
    if epoch_s >= status.expires_at:
        return Freshness.EXPIRED
    half = status.synced_at + (status.expires_at - status.synced_at) / 2
    return Freshness.AGING if epoch_s >= half else Freshness.FRESH


def most_withdrawals(status: Status, a_day: int, epoch_s: float) -> int:
    """Return how many entries may be withdrawn now without the analysts.

    The withdrawals of every day since the last sync may come at once, so that a site
    that is reached by a courier does not get an alarm about a stolen key for the
    withdrawals of a month.
    """
    if not status.synced_at:
        return a_day
    days = (epoch_s - status.synced_at) / DAY_S
    allowed = a_day * max(1, min(MOST_ALLOWED_DAYS, int(days)))
    recent = sum(it.count for it in status.withdrawn if it.at > epoch_s - DAY_S)
    return max(0, allowed - recent)


def first_withdrawn(ids: Iterable[str], most: int) -> set[str]:
    """Return the withdrawals that take effect now: the first ones, in the order of ids.

    The rest waits for the next days, so that a list that is too long becomes shorter on
    each of them, by the same ids at every operator.
    """
    return set(sorted(set(ids))[: max(0, most)])


def with_withdrawn(status: Status, count: int, epoch_s: float) -> Status:
    """Return a status after entries were put out of force."""
    kept = [it for it in status.withdrawn if it.at > epoch_s - DAY_S]
    if count:
        kept.append(Withdrawn(at=int(epoch_s), count=count))
    if len(kept) > MOST_REMEMBERED:
        # Many small ones count as one at the time of the last, never as less.
        folded = kept[: len(kept) - MOST_REMEMBERED + 1]
        total = sum(it.count for it in folded)
        kept[: len(folded)] = [Withdrawn(at=folded[-1].at, count=total)]
    return msgspec.structs.replace(status, withdrawn=tuple(kept))


def ago(seconds: float) -> str:
    """Return a length of time in words."""
    for size, word in ((86_400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {word}"
    return f"{max(0, seconds):.0f} seconds"
