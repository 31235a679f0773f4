"""The changes since the base of a generation was written, as values.

An overlay holds these values beside the entries that it adds. Two things take entries
out of force: the *removal* of a whole hash set, and a row in the table of entries that
are *off* (``off.Off``). Both are remembered, so that no rollback brings back what was
withdrawn:

- a removal withdraws every entry that the set has had, in every older generation too;
  importing a set of that name again is a new beginning;
- an import withdraws the entries that the set has had and the file lacks, until a later
  import lists them again (``until_listed``); the issuer's other rows stay for good;
- the rows of operator and tripwire are those of today, whatever generation is in force;
- the gate's rows of then and now hold, unless people released the entry.

Rules this module keeps: it is pure; every method returns new ``Changes``.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

import msgspec

from uploadfilter.errors import StoreError
from uploadfilter.model import EntryState
from uploadfilter.reference.entries.off import (
    MOST,
    Key,
    Off,
    Party,
    Release,
    without_released,
)
from uploadfilter.reference.entries.sets import SetInfo

MOST_REMEMBERED = 10_000
"""Entries withdrawn by imports that are remembered by their ids: a megabyte in every
overlay. A forgotten entry stays withdrawn, because a rollback compares the sets
themselves; but an import that lists it again cannot tell that it was withdrawn."""


class ChangeKind(StrEnum):
    """The kind of change that made a generation, of a set, an entry or a generation."""

    INIT = "init"
    IMPORT = "import"
    REMOVE = "remove"
    REVOKE = "revoke"
    SUPPRESS = "suppress"
    UNSUPPRESS = "unsuppress"
    UNQUARANTINE = "unquarantine"
    DEMOTE = "demote"
    RESTORE = "restore"
    COMPACT = "compact"
    ROLLBACK = "rollback"
    RELEASE = "release"
    ENFORCE = "enforce"
    MONITOR = "monitor"


LIFTING = {
    Party.OPERATOR: ChangeKind.UNSUPPRESS,
    Party.GATE: ChangeKind.UNQUARANTINE,
    Party.TRIPWIRE: ChangeKind.RESTORE,
}
"""The kind of change that ends a row, by its party; nobody ends the issuer's."""

OF_ROWS = frozenset(
    {ChangeKind.REVOKE, ChangeKind.SUPPRESS, ChangeKind.DEMOTE, *LIFTING.values()}
)
"""Changes of the table of entries that are off, and of nothing else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """The description of an overlay, and how it changes the base below it.

    Attributes:
        hidden: Hash sets of the base that are removed, or replaced by the overlay.
        removed: Hash sets that were removed, with the generation of the last removal; a
            set that was imported again since is still in the list.
        monitored: Hash sets that reject nothing, although imported as enforced: the
            operator has said so since, or a rollback returned to an older import.
        enforced: Hash sets that reject, although imported as monitored.
        off: Entries that are off, one row for each entry and party, including those
            whose time is over.
        released: Rows of gate and tripwire that people ended.
    """

    hidden: frozenset[str] = frozenset()
    removed: Mapping[str, int] = field(default_factory=dict)
    monitored: frozenset[str] = frozenset()
    enforced: frozenset[str] = frozenset()
    off: tuple[Off, ...] = ()
    released: tuple[Release, ...] = ()

    def in_its_state(self, info: SetInfo) -> SetInfo:
        """Return a hash set with its present state in place of its import's."""
        return replace(
            info,
            enforced=info.name in self.enforced
            or (info.enforced and info.name not in self.monitored),
        )

    def with_state(self, name: str, state: EntryState | None) -> "Changes":
        """Return the changes after a hash set was given a state.

        Args:
            name: Name of the set.
            state: Its state; ``None`` for that of its import.
        """
        return replace(
            self,
            monitored=self.monitored - {name} | _if(state, EntryState.MONITORED, name),
            enforced=self.enforced - {name} | _if(state, EntryState.ACTIVE, name),
        )

    def rows(self, party: Party, name: str | None = None) -> Iterator[Off]:
        """Yield the rows of a party."""
        return (it for it in self.off if it.party is party and name in (None, it.set))

    def withdrawn(self, name: str) -> dict[str, bool]:
        """Return the entries that the issuer of a set withdrew, and which for good."""
        return {it.entry: it.is_lasting for it in self.rows(Party.ISSUER, name)}

    def with_off(self, rows: Iterable[Off]) -> "Changes":
        """Return the changes after entries were switched off.

        A row replaces the one of the same entry and party, but an entry that was
        withdrawn stays so at least as long.
        """
        known = {it.slot: it for it in self.off}
        new: dict[tuple[str, str, Party], Off] = {}
        for row in rows:
            before = known.get(row.slot)
            is_weaker = row.until_listed or (before and before.is_lasting)
            if before is None or row.party is not Party.ISSUER or not is_weaker:
                new[row.slot] = row
        found = (*(it for it in self.off if it.slot not in new), *new.values())
        for party in {it.party for it in new.values()}:
            count = sum(it.party is party and not it.until_listed for it in found)
            if count > MOST[party]:
                raise StoreError(
                    f"more than {MOST[party]} entries switched off by the {party}",
                    hint="Switch some on with 'uploadfilter hashset on', import a "
                    "version of the hash set that lacks them, or remove the set.",
                )
        return replace(self, off=found)

    def without(self, rows: Collection[Off]) -> "Changes":
        """Return the changes after rows have ended."""
        gone = {it.slot for it in rows}
        return replace(self, off=tuple(it for it in self.off if it.slot not in gone))

    def with_compared(self, name: str, rows: Sequence[Off]) -> "Changes":
        """Return the changes after a gate has compared a hash set.

        Args:
            name: Name of the set.
            rows: All of its entries that the gate switches off.
        """
        others = self.without([*self.rows(Party.GATE, name)])
        # The gate itself bounds its rows, so that a refusal leaves the set as it was.
        return replace(others, off=(*others.off, *rows))

    def with_released(self, releases: Collection[Release]) -> "Changes":
        """Return the changes after people ended rows of gate and tripwire."""
        slots = {it.slot for it in releases}
        return replace(
            self,
            off=tuple(it for it in self.off if it.slot not in slots),
            released=(
                *(it for it in self.released if it.slot not in slots),
                *releases,
            ),
        )

    def with_removed(self, name: str, *, generation: int, in_base: bool) -> "Changes":
        """Return the changes after a hash set was removed; the gate's rows go, too."""
        others = replace(
            self.with_state(name, None),
            hidden=self.hidden | {name} if in_base else self.hidden,
            removed={**self.removed, name: generation},
            off=tuple(it for it in self.off if it.set != name or it.finding is None),
            released=tuple(
                it for it in self.released if it.set != name or not it.digest
            ),
        )
        return others.with_present({it.key for it in self._present() if it.set != name})

    def with_replaced(
        self, name: str, *, in_base: bool, present: Collection[str]
    ) -> "Changes":
        """Return the changes after a hash set was imported into the overlay.

        Args:
            name: Name of the set.
            in_base: Whether the base has a set of that name.
            present: Withdrawn entries of the set that were imported again.
        """
        listed = [
            it
            for it in self.rows(Party.ISSUER, name)
            if it.until_listed and it.entry in present
        ]
        changed = replace(
            self.with_state(name, None).without(listed),
            hidden=self.hidden | {name} if in_base else self.hidden,
        )
        others = {it.key for it in self._present() if it.set != name}
        return changed.with_present(others | {(name, entry) for entry in present})

    def pruned(self, *, now: float, oldest: int) -> "Changes":
        """Return the changes without those that cannot matter any more.

        Args:
            now: Seconds since the epoch.
            oldest: Number of the oldest generation that a rollback can return to.
        """
        remembered = [it for it in self.off if it.until_listed and not it.present]
        gone = {it.slot for it in remembered[:-MOST_REMEMBERED]}
        return replace(
            self,
            off=tuple(
                it
                for it in self.off
                if it.slot not in gone and (it.until is None or it.until > now)
            ),
            removed={name: n for name, n in self.removed.items() if n > oldest},
            released=tuple(
                it
                for it in self.released
                if it.party is not Party.TRIPWIRE or it.spares(now)
            ),
        )

    def folded(self) -> "Changes":
        """Return the remaining changes after base and overlay became one new base."""
        kept = replace(self, hidden=frozenset(), monitored=frozenset())
        return replace(kept, enforced=frozenset()).with_present(())

    def with_present(self, keys: Collection[Key]) -> "Changes":
        """Return the changes with ``present`` corrected for all withdrawn entries."""
        return replace(
            self,
            off=tuple(
                msgspec.structs.replace(it, present=it.key in keys)
                if it.party is Party.ISSUER
                else it
                for it in self.off
            ),
        )

    def _present(self) -> Iterator[Off]:
        return (it for it in self.off if it.present)

    def withdrawn_since(self, number: int) -> frozenset[str]:
        """Return the hash sets that were removed after a generation."""
        return frozenset(name for name, n in self.removed.items() if n > number)

    def carried_to(
        self,
        older: "Changes",
        *,
        number: int,
        base_sets: Collection[str],
        monitored: Collection[str] = (),
    ) -> "Changes":
        """Return the changes of an older generation, and all withdrawals since.

        The caller has to find out which withdrawn entries that generation holds.

        Args:
            older: Changes of the generation that a rollback returns to.
            number: Number of that generation.
            base_sets: The hash sets of its base.
            monitored: Hash sets that are only monitored by now.
        """
        since = self.withdrawn_since(number)
        # What issuer and gate did then, and all parties since, holds for the older
        # generation; what operator and tripwire did then may have ended since.
        then = [it for it in older.off if it.party in (Party.ISSUER, Party.GATE)]
        rows: dict[tuple[str, str, Party], Off] = {}
        for row in (*then, *self.off):
            known = rows.get(row.slot)
            if known is None or known.until_listed:
                rows[row.slot] = row
        removed = {**older.removed}
        for name, generation in self.removed.items():
            removed[name] = max(generation, removed.get(name, 0))
        return Changes(
            hidden=older.hidden | since.intersection(base_sets),
            removed=removed,
            monitored=older.monitored | frozenset(monitored),
            enforced=older.enforced.difference(monitored),
            off=tuple(without_released(rows.values(), self.released)),
            released=self.released,
        )


def _if(state: EntryState | None, wanted: EntryState, name: str) -> frozenset[str]:
    return frozenset({name}) if state is wanted else frozenset()


def sets_in_force(
    base: Sequence[SetInfo], additions: Iterable[SetInfo], changes: Changes
) -> tuple[SetInfo, ...]:
    """Return the hash sets of a generation, with the counts of withdrawn entries."""
    gone: dict[str, int] = {}
    for item in changes.off:
        if item.present:
            gone[item.set] = gone.get(item.set, 0) + 1
    shown = [info for info in base if info.name not in changes.hidden]
    return tuple(
        replace(
            changes.in_its_state(info), revoked=info.revoked + gone.get(info.name, 0)
        )
        for info in (*shown, *additions)
    )


def entries_in_force(sets: Iterable[SetInfo]) -> int:
    """Return how many entries their issuers have not withdrawn."""
    return sum(info.entries - info.revoked for info in sets)
