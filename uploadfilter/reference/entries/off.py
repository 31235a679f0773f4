"""The entries that are off, as one table: by whom, since when, until when, and why.

Four parties switch entries off: their issuer, who withdraws them; the operator, for a
while; the gate, which finds them among harmless files; and the tripwire, which leaves
only their exact matches. Rules this module keeps: it is pure; each party has a row of
its own, so an entry is on again only when every party has let it go.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from uploadfilter.reference.entries.changes import Changes
from uploadfilter.reference.entries.suppressing import Key


class Party(StrEnum):
    """Who switched an entry off."""

    ISSUER = "issuer"
    OPERATOR = "operator"
    GATE = "gate"
    TRIPWIRE = "tripwire"


@dataclass(frozen=True, slots=True, kw_only=True)
class Off:
    """An entry that one party has switched off.

    Attributes:
        set: Name of its hash set.
        entry: Id of the entry.
        party: Who switched it off.
        why: The reason, in one line for people.
        by: Account of the person, where a person did it.
        since: In seconds since the epoch; ``None`` if only the generation is known.
        until: When it ends by itself, in seconds since the epoch; ``None`` for never.
    """

    set: str
    entry: str
    party: Party
    why: str
    by: str = ""
    since: int | None = None
    until: int | None = None

    @property
    def key(self) -> Key:
        """The entry that is off."""
        return self.set, self.entry


def off_entries(changes: Changes, *, now: float) -> Iterator[Off]:
    """Yield the entries that issuer, operator and gate have switched off.

    Args:
        changes: The changes that the overlay in force states.
        now: Seconds since the epoch.
    """
    for gone in changes.revoked:
        how = "until it is listed again" if gone.until_listed else "for good"
        why = f"withdrawn {how}, generation {gone.generation}"
        yield Off(set=gone.set, entry=gone.entry, party=Party.ISSUER, why=why)
    for item in changes.suppressed:
        if item.holds(now):
            yield Off(
                set=item.set,
                entry=item.entry,
                party=Party.OPERATOR,
                why=item.reason,
                by=item.by,
                since=item.since,
                until=item.expires_at,
            )
    for found in changes.quarantined:
        why = f"{found.kind.value} match of {found.corpus!r}, {found.distance} bits"
        yield Off(
            set=found.set,
            entry=found.entry,
            party=Party.GATE,
            why=why,
            since=found.since,
        )
