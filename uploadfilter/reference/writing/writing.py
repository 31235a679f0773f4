"""The only writer: every change of the reference set is a method here.

A small change writes a new overlay; a large import, and ``compact``, write a new base
beside the live one. In both cases the last step replaces the file ``current``, and
until then nothing has happened.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

from uploadfilter.acting import Actor
from uploadfilter.errors import (
    HashSetNameError,
    StoreError,
    StorePinnedError,
    UploadFilterError,
    UsageError,
)
from uploadfilter.model import EntryState, SignalType
from uploadfilter.reference.entries.changes import LIFTING, ChangeKind
from uploadfilter.reference.entries.collecting import TableBuilder
from uploadfilter.reference.entries.folding import find_entries
from uploadfilter.reference.entries.off import (
    Off,
    Party,
    new_off,
    new_release,
    withdrawals,
)
from uploadfilter.reference.entries.quarantining import Gate
from uploadfilter.reference.entries.secret import Secret
from uploadfilter.reference.entries.sets import SetInfo, no_such_set
from uploadfilter.reference.entries.tables import joined, without_set
from uploadfilter.reference.files.layered import LayeredGeneration
from uploadfilter.reference.files.layout import Current
from uploadfilter.reference.files.opening import Clock
from uploadfilter.reference.files.overlay import fits
from uploadfilter.reference.writing.amending import amended
from uploadfilter.reference.writing.carrying import with_present_in, with_turnover
from uploadfilter.reference.writing.committing import Committer
from uploadfilter.reference.writing.comparing import (
    Returned,
    before_last_import,
    gone_with,
    monitored_since,
    withdrawn_since,
)
from uploadfilter.reference.writing.gating import passed


class ReferenceWriter:
    """The only writer of a reference directory; made by ``ReferenceDirectory.writer``.

    Every method that changes something puts a new generation in force, or changes
    nothing and raises. While a generation is pinned, entries may only be withdrawn.

    Args:
        path: The reference directory; the caller holds its lock.
        clock: Seconds since the epoch.
        actor: The account that writes, for the journal.

    Attributes:
        made: True if there was no reference set before.
    """

    def __init__(self, path: Path, *, clock: Clock, actor: Actor) -> None:
        self._clock = clock
        self._committer = Committer(path, clock=clock, actor=actor)
        self.made = self._committer.made

    @property
    def _live(self) -> LayeredGeneration:
        return self._committer.live

    @property
    def generation(self) -> LayeredGeneration:
        """The generation in force."""
        return self._live

    @property
    def number(self) -> int:
        """Number of the generation in force."""
        return self._live.number

    @property
    def pinned(self) -> bool:
        """True after a rollback, until ``release``."""
        return self._live.pinned

    @property
    def sets(self) -> tuple[SetInfo, ...]:
        """The hash sets of the generation in force."""
        return self._live.sets

    def generations(self) -> tuple[Current, ...]:
        """Return the generation in force and those that are kept, newest first."""
        return (self._live.current, *self._committer.kept())

    @property
    def secret(self) -> Secret:
        """The secret of the installation, which keys digests."""
        return self._committer.secret

    def opaque_id(self, signal_type: SignalType, value: bytes) -> str:
        """Return an id for an entry without one in its list (see ``Secret``)."""
        return self._committer.secret.opaque_id(signal_type, value)

    def collect(self) -> TableBuilder:
        """Return an empty collection, to be filled and given to ``replace_set``.

        Raises:
            StorePinnedError: A rollback has not been released.
        """
        self._check_not_pinned()
        return self._committer.collection()

    def replace_set(
        self,
        collected: TableBuilder,
        info: SetInfo,
        *,
        without: Collection[str] | None = None,
        revoked: Collection[str] = (),
        gate: Gate | None = None,
    ) -> SetInfo:
        """Put a hash set in force, in place of one of the same name.

        The set goes into the overlay if that stays small (``overlay.fits``), otherwise
        into a new base.

        Args:
            collected: Its entries; they must not be used again.
            info: Further facts about it.
            without: If given, the collected entries are the changed ones, all others
                stay as they are, and the entries with these ids go.
            revoked: Ids that are withdrawn for good at the same time.
            gate: Decides which entries are kept out of force.

        Entries that the set has had and the new set lacks are withdrawn, until a later
        import lists them again.

        Returns:
            ``info`` with the numbers of entries, signals and duplicates, of entries
            that this import withdraws, and of entries that it lists again.

        Raises:
            HashSetGateError: The gate refuses the change; nothing has changed.
            StorePinnedError: A rollback has not been released.
            StoreError: It could not be written; nothing has changed.
        """
        self._check_not_pinned()
        name, live = info.name, self._live
        number = self._committer.next_number()
        new = fresh = collected.finish(replace(info, imported_with=number))
        if without is not None:
            new = amended(live, fresh, without)
        known = live.changes.withdrawn(name)
        present = find_entries(new, name, {*known, *revoked})
        count, gone = gone_with(live, new, name)
        again = [it for it in present if it in known and not known[it]]
        new = with_turnover(new, withdrawn=count, listed_again=len(again))
        changes = live.changes.with_replaced(
            name, in_base=self._is_in_base(name), present=present
        )
        lost = withdrawals(name, dict.fromkeys(gone, False), number, until_listed=True)
        there = {entry: entry in present for entry in revoked}
        changes = changes.with_off([*lost, *withdrawals(name, there, number)])
        if gate is not None:
            found = passed(gate, live, fresh, new, without, count)
            changes = changes.with_compared(name, found)
        additions = joined(without_set(live.added_tables(), name), new)
        self._committer.advance(
            ChangeKind.IMPORT,
            name,
            additions=additions,
            changes=changes,
            fold=not fits(additions),
        )
        return next(info for info in self.sets if info.name == name)

    def remove_set(self, name: str) -> SetInfo:
        """Put a generation in force that lacks a hash set.

        Returns:
            The description of the removed set.

        Raises:
            HashSetNameError: There is no set of that name.
            StoreError: It could not be written; nothing has changed.
        """
        info = self._info_of(name)
        self._committer.advance(
            ChangeKind.REMOVE,
            name,
            additions=without_set(self._live.added_tables(), name),
            changes=self._live.changes.with_removed(
                name,
                generation=self._committer.next_number(),
                in_base=self._is_in_base(name),
            ),
        )
        return info

    def set_state(self, name: str, state: EntryState) -> bool:
        """Let the matches of a hash set reject, or only be recorded.

        It holds for later imports too, unless one says otherwise.

        Returns:
            False if the set was in that state already.

        Raises:
            StorePinnedError: The set would reject, and a rollback has not been
                released.
            HashSetNameError: There is no set of that name.
            StoreError: It could not be written; nothing has changed.
        """
        is_active = state is EntryState.ACTIVE
        if self._info_of(name).enforced is is_active:
            return False
        if is_active:
            self._check_not_pinned()
        self._committer.advance(
            ChangeKind.ENFORCE if is_active else ChangeKind.MONITOR,
            name,
            changes=self._live.changes.with_state(name, state),
        )
        return True

    def revoke(self, name: str, entries: Collection[str]) -> int:
        """Withdraw entries for good, in this and every later import of their set.

        Args:
            name: Name of the hash set, which may be imported later.
            entries: Ids of the entries; ids that do not exist are remembered as well.

        Returns:
            How many of the entries were in force until now.

        Raises:
            StoreError: It could not be written; nothing has changed.
        """
        known = self._live.changes.withdrawn(name)
        new = [entry for entry in entries if not known.get(entry)]
        present = self._live.has_entries(name, new)
        if new:
            rows = withdrawals(name, present, self._committer.next_number())
            changes = self._live.changes.with_off(rows)
            self._committer.advance(ChangeKind.REVOKE, name, changes=changes)
        return sum(there and e not in known for e, there in present.items())

    def switch_off(
        self, name: str, entry: str, *, why: str, by: str, until: float | None = None
    ) -> Off:
        """Switch an entry off for a while; it comes back by itself.

        Args:
            name: Name of the hash set.
            entry: Id of the entry.
            why: Text for people: one line without names (``off.new_off``).
            by: Account or initials of the person who asks for it.
            until: When it ends, in seconds since the epoch; ``None`` means after 72
                hours. For an entry that is off by the operator, a new end is set.

        Raises:
            UsageError: The reason, the account or the end cannot be used.
            HashSetNameError: There is no such set, or no such entry in it.
            StoreError: It could not be written; nothing has changed.
        """
        row = new_off((name, entry), why=why, by=by, now=self._clock(), until=until)
        self.check_entries(name, [entry])
        self._switch(ChangeKind.SUPPRESS, row)
        return row

    def demote(self, row: Off) -> bool:
        """Switch an entry off for the tripwire, so that only exact matches are left.

        Returns:
            False if it was so already, or people have released it.

        Raises:
            StoreError: It could not be written; nothing has changed.
        """
        if row.key in self._live.keys_to_spare():
            return False
        self._switch(ChangeKind.DEMOTE, row)
        return True

    def _switch(self, kind: ChangeKind, row: Off) -> None:
        changes = self._live.changes.with_off([row])
        self._committer.advance(kind, "/".join(row.key), changes=changes)

    def check_entries(self, name: str, entries: Sequence[str]) -> None:
        """Refuse ids that no entry has, or only a withdrawn one.

        Raises:
            HashSetNameError: There is no such set, or no such entry in it.
        """
        self._info_of(name)
        withdrawn = self._live.changes.withdrawn(name)
        for entry, is_there in self._live.has_entries(name, entries).items():
            if not is_there or entry in withdrawn:
                raise HashSetNameError(
                    f"hash set {name!r} has no entry {entry!r}",
                    hint="The decision log and 'uploadfilter lookup' name the entry of "
                    "a match.",
                )

    def switch_on(
        self,
        name: str,
        entries: Sequence[str],
        *,
        by: Sequence[str] = (),
        why: str = "",
        parties: Collection[Party] = frozenset(LIFTING),
    ) -> dict[str, frozenset[Party]]:
        """End the rows of entries in one step; what their issuer withdrew stays off.

        Args:
            name: Name of the hash set.
            entries: Ids of the entries.
            by: Accounts or initials; two are needed for rows of gate and tripwire.
            why: The reason, in one line; needed for a tripwire's row.
            parties: The parties whose rows end.

        Returns:
            By entry, the parties whose rows have ended.

        Raises:
            StorePinnedError: A rollback has not been released.
            HashSetNameError: No row of these parties holds for one of the entries.
            UsageError: The issuer withdrew an entry; or there are too few people, or a
                name or the reason cannot be used.
            StoreError: It could not be written; nothing has changed.
        """
        self._check_not_pinned()
        rows: list[Off] = []
        for entry in entries:
            off = [it for it in self._live.off if it.key == (name, entry)]
            ending = [it for it in off if it.party in parties]
            if not ending:
                raise _not_off(name, entry, is_withdrawn=bool(off))
            rows += ending
        now = self._clock()
        releases = [
            new_release(it, by=by, why=why, now=now)
            for it in rows
            if it.party is not Party.OPERATOR
        ]
        changes = self._live.changes.without(rows).with_released(releases)
        kind = next(LIFTING[it] for it in Party if it in {row.party for row in rows})
        subject = f"{name}/{entries[0]}" if len(entries) == 1 else name
        self._committer.advance(kind, subject, changes=changes)
        return {
            entry: frozenset(it.party for it in rows if it.entry == entry)
            for entry in entries
        }

    @property
    def is_mostly_hidden(self) -> bool:
        """True if more than half of the base stays out of force until it is rewritten.

        A new base then has fewer entries than were hidden, and no base is more than
        twice as large as it needs to be.
        """
        there = sum(info.entries - info.revoked for info in self._live.base.sets)
        return 2 * self._live.hidden_entries > there

    def compact(self) -> bool:
        """Write base and overlay as one new base that gives the same results.

        Returns:
            False if the overlay holds nothing that a new base would save.

        Raises:
            StoreError: It could not be written; nothing has changed.
        """
        if self._live.additions is None and not self._live.hidden_entries:
            return False
        self._committer.advance(ChangeKind.COMPACT, "", fold=True)
        return True

    def rollback(self, number: int | None = None) -> Returned:
        """Return to an older generation, without the entries withdrawn since.

        These include entries of the older generation that a later import lacks, or
        holds with other signals.

        The new generation is *pinned*: until ``release``, entries may only be taken out
        of force, and its reader raises an alarm.

        Args:
            number: The generation; ``None`` means the one before the last import.

        Returns:
            The generation that it returned to, and the entries that were kept out.

        Raises:
            StoreError: There is no such generation, it is damaged, too many entries
                were withdrawn since, or the new overlay could not be written; nothing
                has changed.
        """
        if number is None:
            number = before_last_import(self.generations())
        then = self._committer.reopened(number)
        names = [info.name for info in then.base.sets]
        additions = then.added_tables()
        for name in self._live.changes.withdrawn_since(number):
            additions = without_set(additions, name)
        monitored = monitored_since(then, self._live)
        changes = self._live.changes.carried_to(
            then.changes, number=number, base_sets=names, monitored=monitored
        )
        kept_out = withdrawn_since(then, self._live)
        number_now = self._committer.next_number()
        for name, entries in kept_out.items():
            lost = dict.fromkeys(entries, False)
            changes = changes.with_off(
                withdrawals(name, lost, number_now, until_listed=True)
            )
        changes = with_present_in(then, additions, changes)
        self._committer.advance(
            ChangeKind.ROLLBACK,
            str(number),
            additions=additions,
            changes=changes,
            below=then,
            pinned=True,
        )
        return Returned(
            number=number,
            kept_out={name: len(ids) for name, ids in kept_out.items()},
            monitored=monitored,
        )

    def release(self) -> None:
        """End the pinning that a rollback began.

        Raises:
            StoreError: The generation is not pinned, or ``current`` could not be
                written; nothing has changed.
        """
        if not self.pinned:
            raise StoreError(
                f"generation {self.number} is not pinned",
                hint="Only a rollback has to be released.",
            )
        self._committer.put_in_force(
            self._live.current, ChangeKind.RELEASE, str(self.number)
        )

    def _check_not_pinned(self) -> None:
        if self.pinned:
            raise StorePinnedError(
                f"generation {self.number} is pinned by a rollback",
                hint="Find the cause first, then run 'uploadfilter hashset rollback "
                "--release'. Until then nothing can be imported, only removed.",
            )

    def _info_of(self, name: str) -> SetInfo:
        for info in self.sets:
            if info.name == name:
                return info
        raise no_such_set(name, self.sets)

    def _is_in_base(self, name: str) -> bool:
        return any(info.name == name for info in self._live.base.sets)


def _not_off(name: str, entry: str, *, is_withdrawn: bool) -> UploadFilterError:
    if is_withdrawn:
        return UsageError(
            f"entry {entry!r} of hash set {name!r} was withdrawn",
            hint="Only a later version of its hash set can list it again.",
        )
    return HashSetNameError(
        f"entry {entry!r} of hash set {name!r} is not off",
        hint="Perhaps its time has ended: see 'uploadfilter hashset list --off'.",
    )
