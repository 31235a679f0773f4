"""Make the details of a change for the journal, beside its kind and its subject.

Rules this module keeps: the details follow from the difference of two generations, so
that no writer can forget any; and they are bounded, however much was changed.
"""

from collections.abc import Iterable
from typing import Final

from uploadfilter.reference.entries.changes import (
    LIFTING,
    ChangeKind,
    Changes,
    entries_in_force,
)
from uploadfilter.reference.entries.off import Party
from uploadfilter.reference.entries.sets import SetInfo
from uploadfilter.reference.files.layered import LayeredGeneration

LISTED: Final = 20
"""Entries that are listed by their ids; more than these are only counted."""


def details_of(
    kind: ChangeKind,
    subject: str,
    *,
    before: LayeredGeneration,
    changes: Changes,
    sets: Iterable[SetInfo],
) -> dict[str, object]:
    """Return the details of a change, by name."""
    after = {info.name: info for info in sets}
    details: dict[str, object] = {}
    match kind:
        case ChangeKind.IMPORT:
            details = _imported(after.get(subject), _set_of(before, subject))
            details |= _quarantined(subject, changes)
        case ChangeKind.REMOVE:
            known = _set_of(before, subject)
            details = {} if known is None else {"removed": known.entries}
        case ChangeKind.REVOKE:
            details = _revoked(before.changes, changes)
        case ChangeKind.SUPPRESS:
            details = _switched_off(subject, changes, Party.OPERATOR)
        case ChangeKind.DEMOTE:
            details = _switched_off(subject, changes, Party.TRIPWIRE)
        case _ if kind in LIFTING.values():
            details = _switched_on(before.changes, changes)
        case _:
            pass
    return {**details, "entries_in_force": entries_in_force(after.values())}


def _set_of(generation: LayeredGeneration, name: str) -> SetInfo | None:
    return next((info for info in generation.sets if info.name == name), None)


def _imported(info: SetInfo | None, before: SetInfo | None) -> dict[str, object]:
    if info is None:
        return {}
    details: dict[str, object] = {
        "entries": info.entries,
        "enforced": info.enforced,
        "categories": list(info.categories[:LISTED]),
        "sha256": info.source.sha256,
        "withdrawn": info.source.withdrawn,
        "listed_again": info.source.listed_again,
    }
    if info.signed is not None:
        details["sequence"] = info.signed.sequence
    if before is not None:
        details["entries_before"] = before.entries
        details["enforced_before"] = before.enforced
    return details


def _revoked(before: Changes, after: Changes) -> dict[str, object]:
    known = {it.slot for it in before.rows(Party.ISSUER)}
    new = [it.entry for it in after.rows(Party.ISSUER) if it.slot not in known]
    return {"revoked": len(new), "revoked_entries": new[:LISTED]}


def _quarantined(name: str, changes: Changes) -> dict[str, object]:
    ids = [it.entry for it in changes.rows(Party.GATE, name)]
    return {"quarantined": len(ids), "quarantined_entries": ids[:LISTED]} if ids else {}


def _switched_off(subject: str, changes: Changes, party: Party) -> dict[str, object]:
    for row in changes.rows(party):
        if "/".join(row.key) == subject:
            details: dict[str, object] = {"reason": row.why}
            if party is Party.OPERATOR:
                details |= {"asked_by": row.by, "expires_at": row.until}
            return details
    return {}


def _switched_on(before: Changes, after: Changes) -> dict[str, object]:
    kept = {it.slot for it in after.off}
    gone = [it for it in before.off if it.slot not in kept]
    details: dict[str, object] = {
        "lifted": sorted({it.party.value for it in gone}),
        "lifted_entries": sorted({it.entry for it in gone})[:LISTED],
    }
    known = set(before.released)
    for release in after.released:
        if release not in known:
            details |= {"asked_by": list(release.by)}
            details |= {"reason": release.why} if release.why else {}
    return details
