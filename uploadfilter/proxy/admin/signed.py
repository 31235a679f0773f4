"""Gather the facts that the operator's page shows about each signed set.

Rules this module keeps: a set with a trusted root is listed even before its first sync;
facts that change by themselves (the time since verification) are separate from those
that change by an action, so that an open page is not reloaded each second.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from uploadfilter.proxy.admin.figures import age, counted
from uploadfilter.reference.entries.off import Party
from uploadfilter.reference.entries.sets import SetInfo
from uploadfilter.reference.files.layered import LayeredGeneration
from uploadfilter.signedsets.freshness import Status, freshness

NOTHING: Final = "–"  # noqa: RUF001 - a dash for nothing
_MOST_NAMED: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedFact:
    """A signed set.

    Attributes:
        name: Name of the set at this operator.
        number: Sequence in force; a dash if none is.
        signers: The holders that signed it.
        freshness: The age of the last verification, in a word.
        verified: The time since the last verification.
        expires: The end of its validity, and the role whose signatures end then.
        suppressed: Its entries that are switched off for a while.
        quarantined: Its entries that the gate keeps out of force.
        withdrawn: Its entries that were revoked.
        held_back: Withdrawals that are too many to be carried out.
        canary: The time since its canaries were found, if known.
        failure: Why the last sync failed; empty if it did not.
    """

    name: str
    number: str
    signers: str
    freshness: str
    verified: str
    expires: str
    suppressed: str
    quarantined: str
    withdrawn: str
    held_back: str
    canary: str
    failure: str


def signed_facts(
    statuses: Iterable[Status],
    generation: LayeredGeneration | None,
    epoch_s: float,
    found: Mapping[str, int],
) -> tuple[SignedFact, ...]:
    """Return the facts about the signed sets.

    Args:
        statuses: The status of each set.
        generation: The generation in use.
        epoch_s: Seconds since the epoch.
        found: When the canaries of each set were last found, in seconds since the
            epoch.
    """
    sets = {it.name: it for it in (generation.sets if generation else ())}
    # Includes entries that a set does not list any more after it was taken anew.
    off = Counter(
        (it.set, it.party)
        for it in (generation.off if generation else ())
        if not it.until_listed
    )
    return tuple(
        _signed(
            it,
            sets.get(it.set),
            epoch_s,
            found.get(it.set),
            suppressed=off[it.set, Party.OPERATOR],
            quarantined=off[it.set, Party.GATE],
            withdrawn=off[it.set, Party.ISSUER],
        )
        for it in statuses
    )


def demotion_words(generation: LayeredGeneration | None) -> Iterator[str]:
    """Yield a sentence for each entry that the tripwire has demoted."""
    rows = generation.off_by(Party.TRIPWIRE) if generation else ()
    for it in rows[:_MOST_NAMED]:
        yield (
            f"The tripwire has demoted {it.set}/{it.entry}: {it.why}. It rejects exact "
            "copies only: 'uploadfilter hashset list --off'."
        )
    more = len(rows) - _MOST_NAMED
    if more > 0:
        yield f"Further entries that it has demoted: {counted(more)}."


def _signed(
    status: Status,
    info: SetInfo | None,
    epoch_s: float,
    found_at: int | None,
    *,
    suppressed: int,
    quarantined: int,
    withdrawn: int,
) -> SignedFact:
    signed = info.signed if info else None
    synced = bool(status.synced_at)
    return SignedFact(
        name=status.set,
        number=counted(signed.sequence) if signed else NOTHING,
        signers=", ".join(signed.signers if signed else ()) or NOTHING,
        freshness=freshness(status, epoch_s) if synced else "never synced",
        verified=f"{age(epoch_s - status.synced_at)} ago" if synced else NOTHING,
        expires=_until(status) if synced else NOTHING,
        suppressed=counted(suppressed),
        quarantined=counted(quarantined),
        withdrawn=counted(withdrawn),
        held_back=counted(status.held_back),
        canary=NOTHING if found_at is None else f"{age(epoch_s - found_at)} ago",
        failure=status.failure.text if status.failure else "",
    )


def _until(status: Status) -> str:
    at = datetime.fromtimestamp(status.expires_at, UTC)
    return f"{at:%Y-%m-%d %H:%M} ({status.expires})"
