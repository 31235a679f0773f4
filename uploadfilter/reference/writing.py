"""The one writer: every change of the reference set is a method here.

A small change writes a new overlay; a large import, and ``compact``, write a new base
beside the live one. Either way the last step replaces the file ``current``, and until
then nothing has happened.
"""

import contextlib
import shutil
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

import lmdb
import msgspec

from uploadfilter.errors import (
    HashSetNameError,
    StoreError,
    StoreMissingError,
    StorePinnedError,
)
from uploadfilter.model import SignalType
from uploadfilter.reference import history, layout
from uploadfilter.reference.base import write_base
from uploadfilter.reference.changes import (
    ChangeKind,
    Changes,
    Suppression,
    entries_in_force,
    new_suppression,
    sets_in_force,
)
from uploadfilter.reference.collecting import TableBuilder
from uploadfilter.reference.folding import find_entries, folded
from uploadfilter.reference.layered import LayeredGeneration
from uploadfilter.reference.layout import Current
from uploadfilter.reference.opening import Clock, lacks_directories, open_generation
from uploadfilter.reference.overlay import OVERLAY_MOST_ROWS, rows_of, write_overlay
from uploadfilter.reference.sets import SetInfo, no_such_set
from uploadfilter.reference.tables import Tables, empty_tables, joined, without_set

_FOLDERS = (layout.BASES, layout.OVERLAYS, layout.GENERATIONS)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Overlay:
    """An overlay that is to be written, and the sets of the base below it."""

    additions: Tables
    changes: Changes
    base_sets: tuple[SetInfo, ...]


class ReferenceWriter:
    """The one writer of a reference directory; made by ``ReferenceDirectory.writer``.

    Every method that changes something puts a new generation in force, or changes
    nothing and raises. While a generation is pinned, things may only be taken away.

    Args:
        path: The reference directory, whose lock the caller holds.
        clock: Seconds since the epoch.

    Attributes:
        made: True if there was no reference set before.
    """

    def __init__(self, path: Path, *, clock: Clock) -> None:
        self._path = path
        self._clock = clock
        self.made = _is_missing(path)
        with _write_errors(path, "prepare the reference set"):
            for kind in _FOLDERS:
                layout.make_private(path / kind)
            history.sweep(path)
            if self.made:
                self._secret = layout.make_secret(path)
                self._make_first()
        self._live = self._open()
        self._secret = layout.read_secret(path)

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

    @property
    def suppressions(self) -> tuple[Suppression, ...]:
        """The suppressions that hold now."""
        return self._live.suppressions

    def generations(self) -> tuple[Current, ...]:
        """Return the generation in force and those that are kept, newest first."""
        return (self._live.current, *history.kept(self._path, self._live.current))

    def opaque_id(self, signal_type: SignalType, value: bytes) -> str:
        """Return an id for an entry that its list gave none (``Secret.opaque_id``)."""
        return self._secret.opaque_id(signal_type, value)

    def collect(self) -> TableBuilder:
        """Return an empty collection, to be filled and given to ``replace_set``.

        Raises:
            StorePinnedError: A rollback has not been released.
        """
        self._check_not_pinned()
        return TableBuilder(self._secret.exact_key)

    def replace_set(self, collected: TableBuilder, info: SetInfo) -> SetInfo:
        """Put a hash set in force, in place of one of the same name.

        It goes into the overlay as long as that stays small (``OVERLAY_MOST_ROWS``),
        else into a new base.

        Args:
            collected: Its entries; not to be used again.
            info: What else is known of it.

        Returns:
            ``info`` with the numbers of entries, signals and duplicates.

        Raises:
            StorePinnedError: A rollback has not been released.
            StoreError: It could not be written; nothing has changed.
        """
        self._check_not_pinned()
        new = collected.finish(info)
        name, live = info.name, self._live
        revoked = [item.entry for item in live.changes.revoked if item.set == name]
        changes = live.changes.with_replaced(
            name,
            in_base=self._is_in_base(name),
            present=find_entries(new, name, revoked),
        )
        additions = joined(without_set(live.added_tables(), name), new)
        self._advance(
            ChangeKind.IMPORT,
            name,
            additions=additions,
            changes=changes,
            fold=rows_of(additions) > OVERLAY_MOST_ROWS,
        )
        return next(info for info in self.sets if info.name == name)

    def remove_set(self, name: str) -> SetInfo:
        """Put a generation in force that lacks a hash set.

        Returns:
            What was known of it.

        Raises:
            HashSetNameError: There is no set of that name.
            StoreError: It could not be written; nothing has changed.
        """
        info = self._info_of(name)
        self._advance(
            ChangeKind.REMOVE,
            name,
            additions=without_set(self._live.added_tables(), name),
            changes=self._live.changes.with_removed(
                name, generation=self._next(), in_base=self._is_in_base(name)
            ),
        )
        return info

    def revoke(self, name: str, entries: Collection[str]) -> int:
        """Withdraw entries for good, in this and every later import of their set.

        Args:
            name: Name of the hash set, which need not have been imported yet.
            entries: Ids; those that are not there are remembered as well.

        Returns:
            How many of them were in force until now.

        Raises:
            StoreError: It could not be written; nothing has changed.
        """
        known = self._live.changes.revoked_keys()
        new = [entry for entry in entries if (name, entry) not in known]
        present = self._live.has_entries(name, new)
        if new:
            self._advance(
                ChangeKind.REVOKE,
                name,
                changes=self._live.changes.with_revoked(
                    name, present, generation=self._next()
                ),
            )
        return sum(present.values())

    def suppress(
        self,
        name: str,
        entry: str,
        *,
        reason: str,
        by: str,
        expires_at: float | None = None,
    ) -> Suppression:
        """Switch an entry off for a while; it comes back by itself.

        Args:
            name: Name of the hash set.
            entry: Id of the entry.
            reason: For people: one line without names (``changes.new_suppression``).
            by: Who asks for it: an account or initials.
            expires_at: When it ends, in seconds since the epoch; ``None`` is after 72
                hours. Of an entry that is suppressed already it is set anew.

        Raises:
            UsageError: The reason, the name or the end cannot be used.
            HashSetNameError: There is no such set, or no such entry in it.
            StoreError: It could not be written; nothing has changed.
        """
        suppression = new_suppression(
            name,
            entry,
            reason=reason,
            by=by,
            now=self._clock(),
            expires_at=expires_at,
        )
        self._info_of(name)
        revoked = suppression.key in self._live.changes.revoked_keys()
        if revoked or not self._live.has_entries(name, [entry])[entry]:
            raise HashSetNameError(
                f"hash set {name!r} has no entry {entry!r}",
                hint="The decision log and 'uploadfilter lookup' name the entry of a "
                "match.",
            )
        self._advance(
            ChangeKind.SUPPRESS,
            f"{name}/{entry}",
            changes=self._live.changes.with_suppressed(suppression),
        )
        return suppression

    def unsuppress(self, name: str, entry: str) -> Suppression:
        """Switch an entry on again.

        Returns:
            What was known of its suppression.

        Raises:
            StorePinnedError: A rollback has not been released.
            HashSetNameError: It is not suppressed.
            StoreError: It could not be written; nothing has changed.
        """
        self._check_not_pinned()
        for suppression in self._live.suppressions:
            if suppression.key == (name, entry):
                changes = self._live.changes.without_suppressed(suppression.key)
                self._advance(ChangeKind.UNSUPPRESS, f"{name}/{entry}", changes=changes)
                return suppression
        raise HashSetNameError(
            f"entry {entry!r} of hash set {name!r} is not suppressed",
            hint="Its suppression may have ended by itself.",
        )

    def compact(self) -> bool:
        """Write base and overlay as one new base, which finds the same.

        Returns:
            False if the overlay holds nothing that a new base would save.

        Raises:
            StoreError: It could not be written; nothing has changed.
        """
        if self._live.additions is None and not self._live.hidden_entries:
            return False
        self._advance(ChangeKind.COMPACT, "", fold=True)
        return True

    def activate(self, number: int, *, undo_withdrawals: bool = False) -> None:
        """Put a kept generation in force again, exactly as it was, under a new number.

        Args:
            number: Which one.
            undo_withdrawals: Also if removals, revocations or suppressions that hold
                now would be undone. ``rollback`` is the way that keeps them.

        Raises:
            StorePinnedError: A rollback has not been released.
            StoreError: There is no such generation, it is damaged, it would undo
                withdrawals, or ``current`` could not be written; nothing has changed.
        """
        self._check_not_pinned()
        older = self._reopened(number)
        lost = self._live.changes.lost_in(
            older.changes, number=number, now=self._clock()
        )
        if lost and not undo_withdrawals:
            raise StoreError(
                f"generation {number} would undo {len(lost)} withdrawals, such as the "
                + lost[0],
                hint=f"'uploadfilter hashset rollback {number}' returns to it and keeps"
                " what was withdrawn.",
            )
        self._put_in_force(older.current, ChangeKind.ACTIVATE, str(number))

    def rollback(self, number: int | None = None) -> int:
        """Return to an older generation, without what was withdrawn since.

        The new generation is *pinned*: until ``release``, things may only be taken away
        from it, and whoever reads it raises an alarm.

        Args:
            number: Which one; ``None`` is the one before the last import.

        Returns:
            The number of the generation that was returned to.

        Raises:
            StoreError: There is no such generation, it is damaged, or the new overlay
                could not be written; nothing has changed.
        """
        if number is None:
            number = self._before_last_import()
        older = self._reopened(number)
        names = [info.name for info in older.base.sets]
        additions = older.added_tables()
        for name in self._live.changes.withdrawn_since(number):
            additions = without_set(additions, name)
        changes = self._live.changes.carried_to(
            older.changes, number=number, base_sets=names
        )
        changes = _with_present_in(older, additions, changes)
        self._advance(
            ChangeKind.ROLLBACK,
            str(number),
            additions=additions,
            changes=changes,
            below=older,
            pinned=True,
        )
        return number

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
        self._put_in_force(self._live.current, ChangeKind.RELEASE, str(self.number))

    def _check_not_pinned(self) -> None:
        if self.pinned:
            raise StorePinnedError(
                f"generation {self.number} is pinned by a rollback to generation "
                f"{self._live.current.subject}",
                hint="Find out what was wrong, then run 'uploadfilter hashset release'."
                " Until then entries can only be taken away.",
            )

    def _info_of(self, name: str) -> SetInfo:
        for info in self.sets:
            if info.name == name:
                return info
        raise no_such_set(name, self.sets)

    def _is_in_base(self, name: str) -> bool:
        return any(info.name == name for info in self._live.base.sets)

    def _next(self) -> int:
        return history.next_number(self._path, self._live.current)

    def _before_last_import(self) -> int:
        """Return the generation before the import that brought what is in force."""
        known = {item.generation: item for item in self.generations()}
        at: int | None = self.number
        while at in known:
            kind = known[at].kind
            older = max((n for n in known if n < at), default=None)
            if kind is ChangeKind.IMPORT and older is not None:
                return older
            returned = kind in (ChangeKind.ACTIVATE, ChangeKind.ROLLBACK)
            at = int(known[at].subject) if returned else older
        raise StoreError(
            "no generation is kept from before the last import",
            hint="'uploadfilter hashset generations' lists those that are kept.",
        )

    def _reopened(self, number: int) -> LayeredGeneration:
        """Open a kept generation, every byte of which is verified."""
        for kept in history.kept(self._path, self._live.current):
            if kept.generation == number:
                older = open_generation(
                    self._path, kept, clock=self._clock, verify=True
                )
                if older is not None:
                    return older
        raise StoreError(
            f"generation {number} is not kept",
            hint="'uploadfilter hashset generations' lists those that are.",
        )

    def _open(self) -> LayeredGeneration:
        current, _ = layout.read_current(self._path)
        generation = open_generation(self._path, current, clock=self._clock)
        if generation is None:
            raise lacks_directories(self._path, current.generation)
        return generation

    def _make_first(self) -> None:
        base = self._staged_base(1, empty_tables()).publish()
        nothing = _Overlay(additions=empty_tables(), changes=Changes(), base_sets=())
        first = Current(
            format=layout.FORMAT,
            generation=0,
            base=base,
            overlay=base,
        )
        self._name(self._with_overlay(first, 1, nothing), ChangeKind.INIT, "")

    def _advance(
        self,
        kind: ChangeKind,
        subject: str,
        *,
        additions: Tables | None = None,
        changes: Changes | None = None,
        fold: bool = False,
        below: LayeredGeneration | None = None,
        pinned: bool = False,
    ) -> None:
        """Put a generation in force that differs from the live one as stated.

        Args:
            kind: What is done.
            subject: To what.
            additions: What the overlay adds, if that changes.
            changes: What else it says, if that changes.
            fold: Write all as a new base.
            below: On whose base the overlay lies, if not on that of the live one.
            pinned: Whether the generation is pinned, though the live one is not.
        """
        live = below or self._live
        overlay = _Overlay(
            additions=live.added_tables() if additions is None else additions,
            changes=live.changes if changes is None else changes,
            base_sets=live.base.sets,
        )
        number = self._next()
        with self._changing(number):
            is_pinned = pinned or self.pinned
            current = msgspec.structs.replace(live.current, pinned=is_pinned)
            if fold:
                current, overlay = self._folded(current, number, overlay)
            self._name(self._with_overlay(current, number, overlay), kind, subject)

    def _put_in_force(self, older: Current, kind: ChangeKind, subject: str) -> None:
        """Put the pair of an older generation in force under a new number."""
        number = self._next()
        with self._changing(number):
            named = msgspec.structs.replace(older, generation=number, pinned=False)
            self._name(named, kind, subject)

    @contextlib.contextmanager
    def _changing(self, number: int) -> Iterator[None]:
        """Say what went wrong in the block, tidy up, and read what is in force."""
        try:
            with _write_errors(self._path, f"write generation {number}"):
                yield
        finally:
            # Also after Ctrl-C; what cannot be removed is left to the next writer.
            with contextlib.suppress(OSError):
                history.sweep(self._path)
        self._live = self._open()

    def _folded(
        self, current: Current, number: int, overlay: _Overlay
    ) -> tuple[Current, _Overlay]:
        """Write a new base of everything; return it with an overlay that adds nothing.

        Raises:
            StoreCorruptError: The old base is damaged: it must not be copied on.
        """
        verified = open_generation(
            self._path, self._live.current, clock=self._clock, verify=True
        )
        if verified is None:
            raise lacks_directories(self._path, self.number)
        base = verified.base.tables_with_exact()
        tables = folded(base, overlay.additions, overlay.changes)
        staged = self._staged_base(number, tables)
        left = _Overlay(
            additions=empty_tables(),
            changes=overlay.changes.folded(),
            base_sets=tables.sets,
        )
        return msgspec.structs.replace(current, base=staged.publish()), left

    def _staged_base(self, number: int, tables: Tables) -> layout.Staged:
        staged = layout.Staged(self._path, layout.BASES, number)
        write_base(staged.path, tables, secret=self._secret.check_value())
        return staged

    def _with_overlay(self, current: Current, number: int, new: _Overlay) -> Current:
        """Write an overlay and name it."""
        changes = new.changes.pruned(
            now=self._clock(), oldest=history.oldest(self._path)
        )
        staged = layout.Staged(self._path, layout.OVERLAYS, number)
        write_overlay(
            staged.path, new.additions, changes, secret=self._secret.check_value()
        )
        sets = sets_in_force(new.base_sets, new.additions.sets, changes)
        return msgspec.structs.replace(
            current,
            generation=number,
            overlay=staged.publish(),
            sets=len(sets),
            entries=entries_in_force(sets),
        )

    def _name(self, current: Current, kind: ChangeKind, subject: str) -> None:
        named = msgspec.structs.replace(
            current,
            format=layout.FORMAT,
            at=int(self._clock()),
            kind=kind,
            subject=subject,
        )
        history.record(self._path, named)
        layout.write_current(self._path, named)


def _is_missing(path: Path) -> bool:
    """Tell whether there is no reference set; a damaged one is an error."""
    try:
        layout.read_current(path)
    except StoreMissingError:
        return True
    return False


def _with_present_in(
    older: LayeredGeneration, additions: Tables, changes: Changes
) -> Changes:
    """Find out which revoked entries an older base and its overlay hold."""
    by_set: dict[str, list[str]] = {}
    for item in changes.revoked:
        by_set.setdefault(item.set, []).append(item.entry)
    added = {info.name for info in additions.sets}
    present = set()
    for name, ids in by_set.items():
        if name in added:
            found = find_entries(additions, name, ids)
        elif name in changes.hidden:
            continue
        else:
            found = older.base.rows_by_id(name, ids)
        present |= {(name, entry) for entry in found}
    return changes.with_present(present)


@contextlib.contextmanager
def _write_errors(path: Path, what: str) -> Iterator[None]:
    """Say of a failed write what failed, and how full the disk is."""
    try:
        yield
    except (lmdb.Error, OSError) as exc:
        # LMDB reports a full disk as an input/output error.
        free = shutil.disk_usage(path).free >> 20
        cause = exc.strerror if isinstance(exc, OSError) else exc
        raise StoreError(
            f"cannot {what} in {str(path)!r}: {cause} ({free} MiB free)",
            hint="Nothing has changed. Make room on the disk or check that it is "
            "sound and writable, then try again.",
        ) from exc
