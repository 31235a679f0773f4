"""Format hash sets and imports, as text and as JSON.

Rules this module keeps: names and numbers are shown, but never a signal.
"""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from msgspec import Struct

from uploadfilter.cli.output import document_of
from uploadfilter.reference.entries.off import Party
from uploadfilter.reference.entries.sets import SetInfo
from uploadfilter.reference.files.layered import LayeredGeneration
from uploadfilter.signedsets import canaries as canary_ids


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryNumbers:
    """The numbers of entries of one hash set, by state.

    Attributes:
        in_force: Entries that uploads are compared with, including suppressed ones.
        canaries: Entries that only an operator's own canary matches.
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


class SourceJSON(Struct):
    """Where the entries of a set came from, and their numbers."""

    sha256: str | None
    bytes: int
    lines: int
    refused: dict[str, int]
    duplicates: int
    withdrawn: int
    listed_again: int


class HashSetJSON(Struct):
    """A hash set in force."""

    name: str
    issuer: str
    categories: list[str]
    enforced: bool
    imported_at: datetime
    entries: int
    revoked: int
    exact_alone: int
    counts: dict[str, dict[str, int]]
    source: SourceJSON


def source_of(info: SetInfo) -> SourceJSON:
    """Return the source of a hash set as a document."""
    return document_of(SourceJSON, info.source, sha256=info.source.sha256 or None)


class CorpusJSON(Struct):
    """A known-good corpus."""

    name: str
    pictures: int
    digests: int
    source: str
    sha256: str
    added_at: datetime


def state_word(info: SetInfo) -> str:
    """Return whether the entries of a set may reject, in the words of the glossary."""
    return "active" if info.enforced else "monitored"
