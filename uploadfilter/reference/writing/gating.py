"""The gate that every hash set passes before it comes into force.

Rules this module keeps: every entry that will be in force was compared by the gate as
it is now, in this change or in an earlier one. If the known-good corpora have changed
since, all entries are compared again.
"""

from collections.abc import Collection

from uploadfilter.reference.entries.folding import find_entries
from uploadfilter.reference.entries.off import Off, Party
from uploadfilter.reference.entries.quarantining import Gate, Turnover, merged
from uploadfilter.reference.entries.sets import SetInfo
from uploadfilter.reference.entries.tables import Tables
from uploadfilter.reference.files.layered import LayeredGeneration


def passed(
    gate: Gate,
    live: LayeredGeneration,
    fresh: Tables,
    new: Tables,
    without: Collection[str] | None,
    gone: int,
) -> tuple[Off, ...]:
    """Return the entries of a set that are kept out of force.

    Args:
        gate: The gate.
        live: The generation in force.
        fresh: The entries that change, or the whole set.
        new: The whole set, as it will be.
        without: Ids that go; ``None`` if ``fresh`` is the whole set.
        gone: Number of entries that are in force now and missing in the new set.

    Raises:
        HashSetGateError: A person has to review the change first.
    """
    (info,) = new.sets
    before = next((it for it in live.sets if it.name == info.name), None)
    is_seen = without is not None and _seen_by(before) == gate.identity
    found = gate.look(fresh if is_seen else new)
    changed = {fresh.entries.id_of(row) for row in range(len(fresh.entries))}
    known = [*live.changes.rows(Party.GATE, info.name)]
    if is_seen:
        stays = {it.entry for it in known} - changed
        there = find_entries(new, info.name, stays)
        kept = [it for it in known if it.entry in there]
    else:
        # The time of the first finding is kept as long as the entry is found.
        kept = _found_again(known, found)
    quarantined = merged(found, kept, live.changes.released)
    count = 0 if before is None else before.entries - before.revoked
    total = len(new.entries)
    gate.check(
        Turnover(
            before=count,
            after=total,
            gone=gone,
            new=len(changed) if without is not None else total - (count - gone),
            quarantined=len(quarantined),
            is_chosen=before is not None and before.categories != info.categories,
        ),
        quarantined,
    )
    return quarantined


def _seen_by(info: SetInfo | None) -> str:
    """Return the corpora that the set in force was compared with; empty if none."""
    return "" if info is None or info.signed is None else info.signed.gated


def _found_again(known: list[Off], found: Collection[Off]) -> list[Off]:
    now = {(it.entry, it.finding and it.finding.digest) for it in found}
    return [it for it in known if (it.entry, it.finding and it.finding.digest) in now]
