"""The changes since the base of a generation was written, as values.

An overlay holds these values beside the entries that it adds. Four things take entries
out of force: the *removal* of a whole hash set, an import of a set that lacks the
entry, the *revocation* of an entry, and its *suppression* by the operator, which ends
by itself. Each is remembered after it was carried out, so that no rollback brings back
an entry that was withdrawn:

- a removal withdraws every entry that the set has had, in every older generation too;
  importing a set of that name again is a new beginning;
- an import withdraws the entries that the set has had and the file lacks, until a later
  import lists them again (``until_listed``);
- a revocation withdraws the entry of that id for good, in every later import too;
- a suppression holds until it ends or is lifted, whatever else happens.

Rules this module keeps: it is pure; every method returns new ``Changes``.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from uploadfilter.errors import StoreError
from uploadfilter.model import EntryState
from uploadfilter.reference.entries.quarantining import Quarantine, Release, merged
from uploadfilter.reference.entries.sets import SetInfo
from uploadfilter.reference.entries.suppressing import Key, Suppression

MOST_SUPPRESSIONS = 1000
"""Suppressions at a time. Each is a decision of a person; an operator who needs more of
them should remove the hash set."""

MOST_REVOCATIONS = 100_000
"""Revocations in all. This many take 10 MB in every overlay, and an issuer who
withdraws more than a hundredth of ten million entries should publish the set anew."""

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
    COMPACT = "compact"
    ACTIVATE = "activate"
    ROLLBACK = "rollback"
    RELEASE = "release"
    ENFORCE = "enforce"
    MONITOR = "monitor"


@dataclass(frozen=True, slots=True, kw_only=True)
class Revocation:
    """An entry that was withdrawn.

    Attributes:
        set: Name of its hash set.
        entry: Id of the entry.
        generation: The generation that revoked it.
        present: Whether the base or the overlay holds the entry, so that it has to be
            left out of search results and counts.
        until_listed: Whether an import of the set that lists the entry ends the
            revocation. A version of this program that does not know this field keeps
            the revocation for good.
    """

    set: str
    entry: str
    generation: int
    present: bool
    until_listed: bool = False

    @property
    def key(self) -> Key:
        """The entry that is revoked."""
        return self.set, self.entry


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """The description of an overlay, and how it changes the base below it.

    Attributes:
        hidden: Hash sets of the base that are removed, or replaced by the overlay.
        removed: Hash sets that were removed, with the generation of the last removal; a
            set that was imported again since is still in the list.
        revoked: Entries that are withdrawn, for good or until they are listed again.
        suppressed: Entries that are switched off, including those whose time is over.
        monitored: Hash sets that reject nothing, although imported as enforced: the
            operator has said so since, or a rollback returned to an older import.
        enforced: Hash sets that reject, although imported as monitored.
        quarantined: Entries that a gate keeps out of force.
        released: Entries that people let out of quarantine, as they were then.
    """

    hidden: frozenset[str] = frozenset()
    removed: Mapping[str, int] = field(default_factory=dict)
    revoked: tuple[Revocation, ...] = ()
    suppressed: tuple[Suppression, ...] = ()
    monitored: frozenset[str] = frozenset()
    quarantined: tuple[Quarantine, ...] = ()
    released: tuple[Release, ...] = ()
    enforced: frozenset[str] = frozenset()

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

    def quarantined_keys(self) -> frozenset[Key]:
        """Return the entries that are in quarantine."""
        return frozenset(item.key for item in self.quarantined)

    def with_quarantined(
        self, name: str, quarantined: Sequence[Quarantine]
    ) -> "Changes":
        """Return the changes after a gate has compared a hash set.

        Args:
            name: Name of the set.
            quarantined: All of its entries that are kept out of force.
        """
        others = (item for item in self.quarantined if item.set != name)
        return replace(self, quarantined=(*others, *quarantined))

    def with_release(self, release: Release) -> "Changes":
        """Return the changes after an entry was let out of quarantine."""
        others = (item for item in self.released if item.key != release.key)
        kept = (item for item in self.quarantined if item.key != release.key)
        return replace(self, quarantined=tuple(kept), released=(*others, release))

    def revoked_keys(self) -> frozenset[Key]:
        """Return the entries that are withdrawn."""
        return frozenset(item.key for item in self.revoked)

    def lasting_keys(self) -> frozenset[Key]:
        """Return the entries that are withdrawn for good."""
        return frozenset(item.key for item in self.revoked if not item.until_listed)

    def suppressed_keys(self, now: float) -> frozenset[Key]:
        """Return the entries that are switched off now."""
        return frozenset(s.key for s in self.suppressed if s.holds(now))

    def with_removed(self, name: str, *, generation: int, in_base: bool) -> "Changes":
        """Return the changes after a hash set was removed."""
        return replace(
            self._without_rows_of(name).with_state(name, None),
            hidden=self.hidden | {name} if in_base else self.hidden,
            removed={**self.removed, name: generation},
            quarantined=tuple(it for it in self.quarantined if it.set != name),
            released=tuple(it for it in self.released if it.set != name),
        )

    def with_replaced(
        self,
        name: str,
        *,
        in_base: bool,
        present: Collection[str],
        gone: Iterable[str] = (),
        generation: int = 0,
    ) -> "Changes":
        """Return the changes after a hash set was imported into the overlay.

        Args:
            name: Name of the set.
            in_base: Whether the base has a set of that name.
            present: Revoked entries of the set that were imported again.
            gone: Entries of the set that the file lacks: they are withdrawn until
                listed.
            generation: The generation that makes this change.
        """
        changed = replace(
            self.with_state(name, None),
            hidden=self.hidden | {name} if in_base else self.hidden,
            revoked=tuple(
                item
                for item in self.revoked
                if not (
                    item.until_listed and item.set == name and item.entry in present
                )
            ),
        ).with_withdrawn(name, gone, generation=generation)
        return changed.with_present(
            {item.key for item in self.revoked if item.present and item.set != name}
            | {(name, entry) for entry in present}
        )

    def with_withdrawn(
        self, name: str, entries: Iterable[str], *, generation: int
    ) -> "Changes":
        """Return the changes after entries were withdrawn until an import lists them.

        The caller has to find out which of them the base or the overlay holds.
        """
        known = self.revoked_keys()
        new = [
            Revocation(
                set=name,
                entry=entry,
                generation=generation,
                present=False,
                until_listed=True,
            )
            for entry in entries
            if (name, entry) not in known
        ]
        return replace(self, revoked=(*self.revoked, *new))

    def with_revoked(
        self, name: str, present: Mapping[str, bool], *, generation: int
    ) -> "Changes":
        """Return the changes after entries were withdrawn for good.

        Args:
            name: Name of their hash set.
            present: By id, whether there is such an entry.
            generation: The generation that makes this change.

        Raises:
            StoreError: There would be more than ``MOST_REVOCATIONS``.
        """
        known = self.lasting_keys()
        new = [
            Revocation(set=name, entry=entry, generation=generation, present=is_there)
            for entry, is_there in present.items()
            if (name, entry) not in known
        ]
        if len(known) + len(new) > MOST_REVOCATIONS:
            raise StoreError(
                f"more than {MOST_REVOCATIONS} revoked entries",
                hint="Import a version of the hash set that lacks them instead.",
            )
        now_lasting = {item.key for item in new}
        others = (item for item in self.revoked if item.key not in now_lasting)
        return replace(self, revoked=(*others, *new))

    def with_suppressed(self, suppression: Suppression) -> "Changes":
        """Return the changes after an entry was switched off, or for another time.

        Raises:
            StoreError: There would be more than ``MOST_SUPPRESSIONS``.
        """
        others = self.without_suppressed(suppression.key).suppressed
        if len(others) >= MOST_SUPPRESSIONS:
            raise StoreError(
                f"more than {MOST_SUPPRESSIONS} suppressed entries",
                hint="Switch some on with 'uploadfilter hashset on', or remove the "
                "hash set that is wrong.",
            )
        return replace(self, suppressed=(*others, suppression))

    def without_suppressed(self, key: Key) -> "Changes":
        """Return the changes after a suppression was lifted."""
        return replace(
            self, suppressed=tuple(s for s in self.suppressed if s.key != key)
        )

    def pruned(self, *, now: float, oldest: int) -> "Changes":
        """Return the changes without those that cannot matter any more.

        Args:
            now: Seconds since the epoch.
            oldest: Number of the oldest generation that a rollback can return to.
        """
        remembered = [i for i in self.revoked if i.until_listed and not i.present]
        forgotten = {item.key for item in remembered[:-MOST_REMEMBERED]}
        return replace(
            self,
            revoked=tuple(item for item in self.revoked if item.key not in forgotten),
            removed={name: n for name, n in self.removed.items() if n > oldest},
            suppressed=tuple(s for s in self.suppressed if s.expires_at > now),
        )

    def folded(self) -> "Changes":
        """Return the remaining changes after base and overlay became one new base."""
        kept = replace(self, hidden=frozenset(), monitored=frozenset())
        return replace(kept, enforced=frozenset()).with_present(())

    def with_present(self, keys: Collection[Key]) -> "Changes":
        """Return the changes with ``present`` corrected for all revoked entries."""
        return replace(
            self,
            revoked=tuple(
                replace(item, present=item.key in keys) for item in self.revoked
            ),
        )

    def _without_rows_of(self, name: str) -> "Changes":
        return self.with_present(
            {item.key for item in self.revoked if item.present and item.set != name}
        )

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

        The caller has to find out which revoked entries that generation holds.

        Args:
            older: Changes of the generation that a rollback returns to.
            number: Number of that generation.
            base_sets: The hash sets of its base.
            monitored: Hash sets that are only monitored by now.
        """
        since = self.withdrawn_since(number)
        revoked: dict[Key, Revocation] = {}
        for item in (*older.revoked, *self.revoked):
            known = revoked.get(item.key)
            if known is None or known.until_listed:
                revoked[item.key] = item
        removed = {**older.removed}
        for name, generation in self.removed.items():
            removed[name] = max(generation, removed.get(name, 0))
        return Changes(
            hidden=older.hidden | since.intersection(base_sets),
            removed=removed,
            revoked=tuple(revoked.values()),
            suppressed=self.suppressed,
            monitored=older.monitored | frozenset(monitored),
            enforced=older.enforced.difference(monitored),
            # A gate's findings since then hold for the older generation too.
            quarantined=merged(self.quarantined, older.quarantined, self.released),
            released=self.released,
        )

    def lost_in(self, older: "Changes", *, number: int, now: float) -> tuple[str, ...]:
        """Return the withdrawals in force that an older generation would undo.

        Args:
            older: Changes of the generation that a rollback returns to.
            number: Number of that generation.
            now: Seconds since the epoch.
        """
        lasting = self.lasting_keys()
        revoked = self.revoked_keys() - older.revoked_keys()
        suppressed = self.suppressed_keys(now) - older.suppressed_keys(now)
        quarantined = self.quarantined_keys() - older.quarantined_keys()
        return (
            *(f"removal of {name!r}" for name in sorted(self.withdrawn_since(number))),
            *(
                f"{'revocation' if key in lasting else 'withdrawal'} of "
                f"{'/'.join(key)!r}"
                for key in sorted(revoked)
            ),
            *(f"suppression of {'/'.join(key)!r}" for key in sorted(suppressed)),
            *(f"quarantine of {'/'.join(key)!r}" for key in sorted(quarantined)),
        )


def _if(state: EntryState | None, wanted: EntryState, name: str) -> frozenset[str]:
    return frozenset({name}) if state is wanted else frozenset()


def sets_in_force(
    base: Sequence[SetInfo], additions: Iterable[SetInfo], changes: Changes
) -> tuple[SetInfo, ...]:
    """Return the hash sets of a generation, with the counts of their revoked entries.

    Args:
        base: The hash sets of the base.
        additions: The hash sets of the overlay.
        changes: The changes that the overlay states.
    """
    gone: dict[str, int] = {}
    for item in changes.revoked:
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
    """Return how many entries a search may find, suppressed entries included."""
    return sum(info.entries - info.revoked for info in sets)
