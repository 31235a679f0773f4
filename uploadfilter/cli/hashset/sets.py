"""Format hash sets and imports, as text and as JSON.

Rules this module keeps: names and numbers are shown, but never a signal.
"""

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime

from rich.table import Table

from uploadfilter.cli.output import table
from uploadfilter.issuing.wording import counted
from uploadfilter.knowngood.store import ListedCorpus
from uploadfilter.reference.entries.off import Party
from uploadfilter.reference.entries.sets import ENTRIES, SetInfo
from uploadfilter.reference.files.layered import LayeredGeneration
from uploadfilter.signedsets import canaries as canary_ids


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryNumbers:
    """The numbers of entries of one hash set, by state.

    Attributes:
        in_force: Entries that uploads are compared with, including suppressed ones.
        canaries: Entries that only an operator's own canary matches.
        suppressed: Entries that are switched off for a while.
        quarantined: Entries that the gate keeps out of force.
        withdrawn: Entries that are out for good, even if the set is imported again.
        demoted: Entries of which the tripwire left only exact matches.
    """

    in_force: int = 0
    canaries: int = 0
    suppressed: int = 0
    quarantined: int = 0
    withdrawn: int = 0
    demoted: int = 0


def numbers_of(generation: LayeredGeneration, info: SetInfo) -> EntryNumbers:
    """Count the entries of a hash set by state."""
    name, off = info.name, generation.off
    counts = Counter(it.party for it in off if it.set == name and not it.until_listed)
    withdrawn = {it.key for it in off if it.party is Party.ISSUER}
    held = {it.key for it in off if it.party is Party.GATE and it.set == name}
    held -= withdrawn
    canaries = 0
    if info.signed is not None:
        there = generation.has_entries(name, canary_ids.IDS)
        canaries = sum(
            is_there and (name, it) not in withdrawn | held
            for it, is_there in there.items()
        )
    return EntryNumbers(
        in_force=info.entries - info.revoked - len(held) - canaries,
        canaries=canaries,
        suppressed=counts[Party.OPERATOR],
        quarantined=len(held),
        withdrawn=counts[Party.ISSUER],
        demoted=counts[Party.TRIPWIRE],
    )


def set_document(info: SetInfo) -> dict[str, object]:
    """Return a hash set in force as a JSON object."""
    return {
        "name": info.name,
        "issuer": info.issuer,
        "categories": info.categories,
        "enforced": info.enforced,
        "imported_at": datetime.fromtimestamp(info.imported_at, UTC),
        "entries": info.entries,
        "revoked": info.revoked,
        "exact_alone": info.exact_alone,
        "counts": info.counts,
        "source": {
            "sha256": info.source.sha256 or None,
            "bytes": info.source.bytes,
            "lines": info.source.lines,
            "refused": info.source.refused,
            "duplicates": info.source.duplicates,
            "withdrawn": info.source.withdrawn,
            "listed_again": info.source.listed_again,
        },
    }


def corpus_document(it: ListedCorpus) -> dict[str, object]:
    """Return a known-good corpus as a JSON object."""
    return {
        "name": it.name,
        "pictures": it.pictures,
        "digests": it.digests,
        "source": it.source,
        "sha256": it.sha256,
        "added_at": datetime.fromtimestamp(it.added_at, UTC),
    }


def set_rows(info: SetInfo, numbers: EntryNumbers) -> dict[str, str]:
    """Return the properties of a hash set in words, by their labels."""
    words = {
        "name": info.name,
        "issuer": info.issuer,
        "state": state_word(info),
        "categories": ", ".join(info.categories),
        "imported": _when(info),
        "entries": f"{info.entries:,}",
        "in force": f"{numbers.in_force:,}",
        "read": _read(info),
        "SHA-256": info.source.sha256,
    }
    if numbers.canaries:
        words["canaries"] = f"{numbers.canaries:,}"
    if numbers.quarantined:
        words["in quarantine"] = f"{numbers.quarantined:,}"
    if numbers.suppressed:
        words["suppressed"] = f"{numbers.suppressed:,}"
    if info.exact_alone:
        words["exact alone"] = f"{info.exact_alone:,}"
    if info.source.withdrawn:
        words["withdrew"] = f"{info.source.withdrawn:,} earlier entries"
    if info.source.listed_again:
        words["listed again"] = f"{info.source.listed_again:,}"
    if numbers.withdrawn:
        words["revoked"] = f"{numbers.withdrawn:,}"
    for reason, count in info.source.refused.items():
        words[f"refused: {reason}"] = f"{count:,}"
    return words


def _read(info: SetInfo) -> str:
    """Return the source of a set: lines of a file, or a number of a signed set."""
    if info.signed is not None:
        by = ", ".join(info.signed.signers) or "nobody"
        return f"number {info.signed.sequence:,} of a signed set, signed by {by}"
    lines = counted(info.source.lines, "line")
    return f"{lines}, {counted(info.source.duplicates, 'duplicate')}"


def counts_table(info: SetInfo) -> Table:
    """Return the numbers of entries and signals by category."""
    types = sorted({word for counts in info.counts.values() for word in counts})
    types = [ENTRIES, *(word for word in types if word != ENTRIES)]
    rows = [
        (category, *(f"{counts.get(word, 0):,}" for word in types))
        for category, counts in sorted(info.counts.items())
    ]
    return table("category", *types, rows=rows, numeric=len(types))


def state_word(info: SetInfo) -> str:
    """Return whether the entries of a set may reject, in the words of the glossary."""
    return "active" if info.enforced else "monitored"


def _when(info: SetInfo) -> str:
    return f"{datetime.fromtimestamp(info.imported_at, UTC):%Y-%m-%d %H:%M}"
