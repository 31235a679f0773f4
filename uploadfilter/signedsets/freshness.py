"""How fresh a signed set is, and what a sync notes of it for the service to read.

Rules this module keeps: it is pure; a set that is past its end goes on matching, and is
never past it in silence.
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import Final

import msgspec

from uploadfilter.signedsets.roles import DAY_S

MOST_REMEMBERED: Final = 64
"""Syncs of the last day that are remembered for what they withdrew."""

MOST_ALLOWED_DAYS: Final = 31
"""Days of withdrawals that may come at once: a courier's month."""


class Freshness(StrEnum):
    """How old what was last verified is."""

    FRESH = "fresh"
    AGING = "aging"
    EXPIRED = "expired"


class Withdrawn(msgspec.Struct, frozen=True, kw_only=True):
    """What one sync put out of force.

    Attributes:
        at: When, in seconds since the epoch.
        count: How many entries.
    """

    at: int
    count: int


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """Why the last sync changed nothing.

    Attributes:
        at: When, in seconds since the epoch.
        code: Of the error.
        text: Its message.
    """

    at: int
    code: str
    text: str


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a signed set after a sync.

    Attributes:
        set: Its name here.
        source: Where it comes from: a folder or a URL, without credentials.
        root: SHA-256 of the root that the operator trusted, in hex.
        synced_at: When it was last verified to be the newest, in seconds since the
            epoch; 0 for never.
        expires_at: When the first of its signatures ends, likewise.
        expires: The role whose signatures end then.
        sequence: Number of the set that was taken; 0 for none.
        issuer: Who makes it, as the issuer says.
        signers: Who signed it.
        versions: Version of each role's metadata.
        withdrawn: What syncs of the last days put out of force.
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
    """Return how fresh a set is: aging after half of its time, expired after all."""
    if epoch_s >= status.expires_at:
        return Freshness.EXPIRED
    half = status.synced_at + (status.expires_at - status.synced_at) / 2
    return Freshness.AGING if epoch_s >= half else Freshness.FRESH


def most_withdrawals(status: Status, a_day: int, epoch_s: float) -> int:
    """Return how many entries may be withdrawn now without the analysts.

    What could have come on each day since the last sync may come at once, so that a
    site that is reached by a courier is not told that its month is a theft.

    Args:
        status: Of the set.
        a_day: How many may be in one day.
        epoch_s: Seconds since the epoch.
    """
    if not status.synced_at:
        return a_day
    days = (epoch_s - status.synced_at) / DAY_S
    allowed = a_day * max(1, min(MOST_ALLOWED_DAYS, int(days)))
    recent = sum(it.count for it in status.withdrawn if it.at > epoch_s - DAY_S)
    return max(0, allowed - recent)


def first_withdrawn(ids: Iterable[str], most: int) -> set[str]:
    """Return which withdrawals take effect now: the first ones, in the order of ids.

    The rest waits for the next days, so that a list that is too long becomes shorter
    with each of them, by the same ids at every operator.

    Args:
        ids: What is withdrawn, and not yet out of force.
        most: How many may be now.
    """
    return set(sorted(set(ids))[: max(0, most)])


def with_withdrawn(status: Status, count: int, epoch_s: float) -> Status:
    """Return a status after entries were put out of force."""
    kept = [it for it in status.withdrawn if it.at > epoch_s - DAY_S]
    if count:
        kept.append(Withdrawn(at=int(epoch_s), count=count))
    if len(kept) > MOST_REMEMBERED:
        # Many small ones count as one at the time of the last: never as less.
        folded = kept[: len(kept) - MOST_REMEMBERED + 1]
        total = sum(it.count for it in folded)
        kept[: len(folded)] = [Withdrawn(at=folded[-1].at, count=total)]
    return msgspec.structs.replace(status, withdrawn=tuple(kept))
