"""Put a change in force: the files, their order, and the effect of a failure.

First the parts are written under other names, synced and renamed, then the file in
``generations``, and at last ``current``. Until ``current`` is renamed nothing has
happened, and the old generation stays in force whatever is killed.
"""

import contextlib
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import lmdb
import msgspec

from uploadfilter.acting import Actor
from uploadfilter.errors import StoreError, StoreMissingError
from uploadfilter.reference.entries.changes import (
    ChangeKind,
    Changes,
    entries_in_force,
    sets_in_force,
)
from uploadfilter.reference.entries.collecting import TableBuilder
from uploadfilter.reference.entries.folding import folded
from uploadfilter.reference.entries.sets import SetInfo
from uploadfilter.reference.entries.tables import Tables, empty_tables
from uploadfilter.reference.files import history, keys, layout
from uploadfilter.reference.files.aside import FileColumn
from uploadfilter.reference.files.base import write_base
from uploadfilter.reference.files.journal import Change, Journal
from uploadfilter.reference.files.layered import LayeredGeneration
from uploadfilter.reference.files.layout import Current
from uploadfilter.reference.files.opening import (
    Clock,
    lacks_directories,
    open_generation,
)
from uploadfilter.reference.files.overlay import write_overlay
from uploadfilter.reference.writing.describing import details_of

_FOLDERS = (layout.BASES, layout.OVERLAYS, layout.GENERATIONS)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Overlay:
    """An overlay to be written, and the sets of the base below it."""

    additions: Tables
    changes: Changes
    base_sets: tuple[SetInfo, ...]


class Committer:
    """Puts generations in force, one after the other, for the only writer.

    Args:
        path: The reference directory; the caller holds its lock.
        clock: Seconds since the epoch.
        actor: The account that writes.

    Attributes:
        made: True if there was no reference set before.
        secret: The secret of the installation.
        live: The generation in force.
    """

    def __init__(self, path: Path, *, clock: Clock, actor: Actor) -> None:
        self._path = path
        self._clock = clock
        self.made = _is_missing(path)
        with _write_errors(path, "prepare the reference set"):
            for kind in _FOLDERS:
                layout.make_private(path / kind)
            history.sweep(path)
            self._journal = Journal(path, actor=actor)
            if self.made:
                self.secret = keys.make_secret(path)
                self._make_first()
        self.live = self._open(previous=None)
        self.secret = keys.read_secret(path)

    def next_number(self) -> int:
        """Return the number that the next generation will have."""
        return history.next_number(self._path, self.live.current)

    def collection(self) -> TableBuilder:
        """Return an empty collection, with its columns beside the reference set."""
        return TableBuilder(
            self.secret.exact_key,
            exact_keys=self.secret.exact_keys,
            keep=partial(FileColumn, self._path),
        )

    def kept(self) -> tuple[Current, ...]:
        """Return the generations that a rollback can return to, newest first."""
        return history.kept(self._path, self.live.current)

    def _open(self, *, previous: LayeredGeneration | None) -> LayeredGeneration:
        current, _ = layout.read_current(self._path)
        generation = open_generation(
            self._path, current, clock=self._clock, previous=previous
        )
        if generation is None:
            raise lacks_directories(self._path, current.generation)
        return generation

    def reopened(self, number: int) -> LayeredGeneration:
        """Open a kept generation and verify every byte of it."""
        for kept in self.kept():
            if kept.generation == number:
                older = open_generation(
                    self._path, kept, clock=self._clock, verify=True
                )
                if older is not None:
                    return older
        raise StoreError(
            f"generation {number} is not kept",
            hint="'uploadfilter hashset list --generations' lists the kept ones.",
        )

    def _make_first(self) -> None:
        base = self._staged_base(1, empty_tables()).publish()
        nothing = _Overlay(additions=empty_tables(), changes=Changes(), base_sets=())
        first = Current(
            format=layout.FORMAT,
            generation=0,
            base=base,
            overlay=base,
        )
        made = Change(ChangeKind.INIT, "")
        self._name(self._with_overlay(first, 1, nothing), made, in_force=0)

    def advance(
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
            kind: The kind of change.
            subject: The set, entry or generation that it changes.
            additions: New additions of the overlay, if they change.
            changes: New changes stated by the overlay, if they change.
            fold: Write everything as a new base.
            below: The generation whose base the overlay lies on, if not the live one.
            pinned: Whether the generation is pinned, though the live one is not.
        """
        live = below or self.live
        overlay = _Overlay(
            additions=live.added_tables() if additions is None else additions,
            changes=live.changes if changes is None else changes,
            base_sets=live.base.sets,
        )
        number = self.next_number()
        with self._changing(number):
            is_pinned = pinned or self.live.pinned
            current = msgspec.structs.replace(live.current, pinned=is_pinned)
            # A fold changes no entry in force, and leaves fewer changes to state.
            details = details_of(
                kind,
                subject,
                before=self.live,
                changes=overlay.changes,
                sets=sets_in_force(
                    overlay.base_sets, overlay.additions.sets, overlay.changes
                ),
            )
            if fold:
                current, overlay = self._folded(current, number, overlay)
            named = self._with_overlay(current, number, overlay)
            change = Change(kind, subject, details)
            self._name(named, change, in_force=self.live.number)

    def put_in_force(self, older: Current, kind: ChangeKind, subject: str) -> None:
        """Put base and overlay of an older generation in force under a new number."""
        number = self.next_number()
        with self._changing(number):
            named = msgspec.structs.replace(older, generation=number, pinned=False)
            change = Change(kind, subject, {"entries": named.entries})
            self._name(named, change, in_force=self.live.number)

    @contextlib.contextmanager
    def _changing(self, number: int) -> Iterator[None]:
        """Explain a failure in the block, remove leftovers, reopen the live one."""
        try:
            with _write_errors(self._path, f"write generation {number}"):
                yield
        finally:
            # Also after Ctrl-C; files that cannot be removed are left to the next
            # writer.
            with contextlib.suppress(OSError):
                history.sweep(self._path)
        self.live = self._open(previous=self.live)

    def _folded(
        self, current: Current, number: int, overlay: _Overlay
    ) -> tuple[Current, _Overlay]:
        """Write everything as a new base; return it with an overlay that adds nothing.

        Raises:
            StoreCorruptError: The old base is damaged: it must not be copied on.
        """
        verified = open_generation(
            self._path, self.live.current, clock=self._clock, verify=True
        )
        if verified is None:
            raise lacks_directories(self._path, self.live.number)
        base = verified.base.tables_with_exact()
        tables = folded(base, overlay.additions, overlay.changes)
        staged = self._staged_base(number, tables)
        left = _Overlay(
            additions=empty_tables(),
            changes=overlay.changes.folded(),
            base_sets=tables.sets,
        )
        return msgspec.structs.replace(current, base=staged.publish()), left

    def _staged_base(self, number: int, tables: Tables) -> layout.StagedPart:
        staged = layout.StagedPart(self._path, layout.BASES, number)
        write_base(staged.path, tables, secret=self.secret.check_value())
        return staged

    def _with_overlay(self, current: Current, number: int, new: _Overlay) -> Current:
        """Write an overlay and return ``current`` with its name."""
        changes = new.changes.pruned(
            now=self._clock(), oldest=history.oldest(self._path)
        )
        staged = layout.StagedPart(self._path, layout.OVERLAYS, number)
        write_overlay(
            staged.path, new.additions, changes, secret=self.secret.check_value()
        )
        sets = sets_in_force(new.base_sets, new.additions.sets, changes)
        return msgspec.structs.replace(
            current,
            generation=number,
            overlay=staged.publish(),
            sets=len(sets),
            entries=entries_in_force(sets),
        )

    def _name(self, current: Current, change: Change, *, in_force: int) -> None:
        """Put a generation in force, after a line in the journal that says why."""
        now = self._clock()
        named = msgspec.structs.replace(
            current,
            format=layout.FORMAT,
            at=int(now),
            kind=ChangeKind(change.kind),
            subject=change.subject,
        )
        history.record(self._path, named)
        self._journal.add(
            change, generation=named.generation, in_force=in_force, at=now
        )
        layout.write_current(self._path, named)


def _is_missing(path: Path) -> bool:
    """Tell whether there is no reference set; a damaged one is an error."""
    try:
        layout.read_current(path)
    except StoreMissingError:
        return True
    return False


@contextlib.contextmanager
def _write_errors(path: Path, what: str) -> Iterator[None]:
    """Name the write that failed in the error, and the free space of the disk."""
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
