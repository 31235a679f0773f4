"""Make the details of a change for the journal, beside its kind and its subject.

Rules this module keeps: the details follow from the difference of two generations, so
that no writer can forget any; and they are bounded, however much was changed.
"""

from collections.abc import Iterable
from typing import Final

from uploadfilter.reference.entries.changes import ChangeKind, Changes, entries_in_force
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
    """Return the details of a change, by name.

    Args:
        kind: The kind of change.
        subject: The set, entry or generation that it changes.
        before: The generation in force until then.
        changes: The changes that the overlay states from then on.
        sets: The hash sets from then on.
    """
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
            details = _suppressed(subject, changes)
        case ChangeKind.UNQUARANTINE:
            details = _released(subject, changes)
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
    known = before.revoked_keys()
    new = [item.entry for item in after.revoked if item.key not in known]
    return {"revoked": len(new), "revoked_entries": new[:LISTED]}


def _quarantined(name: str, changes: Changes) -> dict[str, object]:
    ids = [item.entry for item in changes.quarantined if item.set == name]
    return {"quarantined": len(ids), "quarantined_entries": ids[:LISTED]} if ids else {}


def _released(subject: str, changes: Changes) -> dict[str, object]:
    for item in changes.released:
        if "/".join(item.key) == subject:
            return {"asked_by": list(item.by)}
    return {}


def _suppressed(subject: str, changes: Changes) -> dict[str, object]:
    for item in changes.suppressed:
        if "/".join(item.key) == subject:
            return {
                "reason": item.reason,
                "asked_by": item.by,
                "expires_at": item.expires_at,
            }
    return {}
