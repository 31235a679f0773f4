"""Take a signed set: fetch its changes, and put them in force.

All files are fetched and verified first. Then one new generation has the whole change,
withdrawals included, or nothing changes. The set in force states its own sequence, so
that the next sync repairs a crash at any step.

Rules this module keeps: categories are an explicit allow-list, as for every import;
more withdrawals than one officer may make are held back, and reported; a set never goes
back to a lower sequence; every failure is noted, so that the service can report it.
"""

import contextlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Final

import msgspec

from uploadfilter.errors import (
    HashSetError,
    HashSetGateError,
    HashSetKnownGoodError,
    HashSetTrustError,
    StoreBusyError,
    StoreError,
    StoreMissingError,
    StorePinnedError,
    UsageError,
)
from uploadfilter.gate.judging import CorpusGate
from uploadfilter.hashsets.choices import Chosen, Settled, settled
from uploadfilter.model import EntryState
from uploadfilter.reference.entries.off import Party
from uploadfilter.reference.entries.sets import ImportSource, SetInfo, Signed
from uploadfilter.reference.store import ReferenceDirectory
from uploadfilter.reference.writing.writing import ReferenceWriter
from uploadfilter.signedsets import canaries
from uploadfilter.signedsets import manifest as manifests
from uploadfilter.signedsets import operations as ops
from uploadfilter.signedsets.freshness import (
    Failure,
    Status,
    first_withdrawn,
    most_withdrawals,
    with_withdrawn,
)
from uploadfilter.signedsets.roles import DAY_S, most_withdrawn_a_day
from uploadfilter.syncing.client import Client, Verified
from uploadfilter.syncing.gating import ORDINARY, Passage, gate_for, note_of
from uploadfilter.syncing.reading import FetchedChange, id_of
from uploadfilter.syncing.trusting import Trusted

Progress = Callable[[int, int], None]
"""Receives the number of fetched files, and the number of all files."""

_SHOWN_CATEGORIES: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncReport:
    """The result of a sync.

    Attributes:
        older: Sequence of the set before; 0 if there was none.
        is_new: Whether anything changed.
        is_full: Whether the full set was read.
        withdrawn: Entries that this sync put out of force.
        quarantined: Entries of the set that the gate keeps out of force.
        generic: Entries near known-good pictures, among the compared ones.
        categories: Entries of each category, as signed.
    """

    status: Status
    older: int
    generation: int
    set: SetInfo
    is_new: bool
    is_full: bool
    withdrawn: int
    quarantined: int
    generic: int
    categories: dict[str, int]


def sync(
    trusted: Trusted,
    directory: ReferenceDirectory,
    *,
    chosen: Chosen,
    clock: Callable[[], float],
    source: str | None = None,
    progress: Progress | None = None,
    passage: Passage = ORDINARY,
) -> SyncReport:
    """Update a signed set to the newest one at its source.

    Args:
        trusted: The folder of the set.
        directory: The reference directory.
        chosen: The operator's choice of categories and state.
        clock: Seconds since the epoch.
        source: A folder or URL, if not the one that was named with the root.
        progress: Receives the number of fetched files.
        passage: The conditions under which the set passes the gate.

    Raises:
        HashSetGateError: A person has to review it first. Withdrawals were taken.
        HashSetKnownGoodError: A known-good corpus cannot be used. Withdrawals were
            taken.
        HashSetError: The set cannot be verified; the set in force is as it was.
        StoreError: It could not be written; the set in force is as it was.
        UsageError: Categories have to be named, or the source is not a folder or URL.
    """
    with trusted.locked():
        status, update = trusted.status(), None
        try:
            _check_clock(status, clock())
            with contextlib.closing(Client(trusted, source or status.source)) as client:
                verified = client.verify()
                change = _fetch(client, verified, directory, status, chosen, progress)
                with directory.writer(create=True) as writer:
                    update = _Update(
                        writer, trusted, status, verified, change, passage, clock()
                    )
                    report = update.put_in_force(chosen)
        except (HashSetError, StoreError, UsageError) as exc:
            # Also a share that is not mounted: a timer meets it, and nobody reads it.
            withdrawn = 0 if update is None else update.withdrawn
            status = with_withdrawn(status, withdrawn, clock())
            _note_failure(trusted, status, exc, clock())
            raise
        trusted.put_status(report.status)
        client.clear()
    return report


def look(trusted: Trusted, source: str | None = None) -> Verified:
    """Find out the newest set at a source, and change nothing in force."""
    with trusted.locked():
        place = source or trusted.status().source
        with contextlib.closing(Client(trusted, place)) as client:
            return client.verify()


def _check_clock(status: Status, epoch_s: float) -> None:
    """Refuse a clock that was set back: expired signatures would seem valid."""
    if epoch_s < status.clock - DAY_S:
        days = (status.clock - epoch_s) / DAY_S
        raise HashSetTrustError(
            f"the clock of this machine is {days:.0f} days behind the last sync",
            hint="The set in force stays. Set the clock, then sync again.",
        )


def _note_failure(
    trusted: Trusted,
    status: Status,
    exc: HashSetError | StoreError | UsageError,
    epoch_s: float,
) -> None:
    failure = Failure(at=int(epoch_s), code=exc.code, text=str(exc))
    # On a full disk the first error helps more than this one.
    with contextlib.suppress(StoreError):
        trusted.put_status(msgspec.structs.replace(status, failure=failure))


def _in_force(name: str, sets: tuple[SetInfo, ...]) -> SetInfo | None:
    return next((info for info in sets if info.name == name), None)


def _number_of(info: SetInfo | None, status: Status) -> int | None:
    """Return the sequence in force; ``None`` if the set must be read as a whole."""
    if info is None or info.signed is None or info.signed.root != status.root:
        return None
    return info.signed.sequence


def _held(
    name: str, sets: tuple[SetInfo, ...], chosen: Chosen, verified: Verified
) -> Settled:
    """Return categories and state for the set: the new choice, or the earlier one."""
    info = _in_force(name, sets)
    if info is None and chosen.state is None:
        # It has enough signatures: it rejects, unless the operator says "not yet".
        chosen = replace(chosen, state=EntryState.ACTIVE)
    held = settled(name, chosen, sets, is_signed=True)
    has = verified.manifest.categories
    # A mistyped name would leave only the canary, which would say that all is well.
    if not held.categories or (
        chosen.categories and not has.keys() & chosen.categories
    ):
        found = manifests.histogram(has)
        shown = ", ".join(f"{word!r} ({n:,})" for word, n in found[:_SHOWN_CATEGORIES])
        raise UsageError(
            f"no category of {name!r} is named",
            hint=f"The set has: {shown}. Name each one to take with --category.",
        )
    return held


def _fetch(
    client: Client,
    verified: Verified,
    directory: ReferenceDirectory,
    status: Status,
    chosen: Chosen,
    progress: Progress | None,
) -> FetchedChange:
    """Fetch and read the changes, before anything is locked."""
    name, sets = status.set, _sets_in(directory)
    info = _in_force(name, sets)
    have = _number_of(info, status)
    held = _held(name, sets, chosen, verified)
    _check_not_older(have, verified, name)
    is_other = info is not None and set(held.categories) != set(info.categories)
    # The set in force has no entries of a category that is newly chosen.
    plan = manifests.plan(verified.manifest, None if is_other else have)
    change = FetchedChange(have=have, is_full=plan.is_full, read=client.fetch)
    for number, path in enumerate(plan.paths, 1):
        data = client.fetch(path)
        if path.startswith("full/"):
            change.shards.append(path)
        else:
            change.add_delta(ops.unpacked(data))
        if progress is not None:
            progress(number, len(plan.paths))
    if verified.withdrawn:
        watched = set(verified.withdrawn)
        for path in change.shards:
            lines = change.shard(path).splitlines()
            change.present |= watched.intersection(map(id_of, lines))
    return change


def _sets_in(directory: ReferenceDirectory) -> tuple[SetInfo, ...]:
    """Return the hash sets in force; empty if there is no reference set yet."""
    try:
        with directory.reader() as reader:
            return reader.current().sets
    except StoreMissingError:
        return ()


def _check_not_older(have: int | None, verified: Verified, name: str) -> None:
    if have is not None and have > verified.manifest.sequence:
        raise HashSetTrustError(
            f"the source has number {verified.manifest.sequence} of {name!r}, which is "
            f"older than number {have}, which is in force",
            hint="The set in force stays. Is it an old stick? Get the newest one.",
        )


class _Update:
    """Makes one generation of all changes to a set, or none if nothing changes.

    Withdrawals get a generation of their own if the gate refuses, and before the gate
    compares a whole set, which takes a while.

    Attributes:
        withdrawn: Entries that were put out of force before the set itself.
    """

    def __init__(
        self,
        writer: ReferenceWriter,
        trusted: Trusted,
        status: Status,
        verified: Verified,
        change: FetchedChange,
        passage: Passage,
        epoch_s: float,
    ) -> None:
        self._writer = writer
        self._trusted = trusted
        self._name = trusted.name
        self._status = status
        self._verified = verified
        self._change = change
        self._passage = passage
        self._epoch_s = epoch_s
        self.withdrawn = 0

    def put_in_force(self, chosen: Chosen) -> SyncReport:
        """Change the set.

        Raises:
            HashSetGateError: The gate refuses the set.
            StoreError: A rollback is not released, or another command was quicker.
        """
        writer, name, verified = self._writer, self._name, self._verified
        info = _in_force(name, writer.sets)
        have = _number_of(info, self._status)
        if have != self._change.have:
            raise StoreBusyError(
                f"another command changed the hash set {name!r} meanwhile",
                hint="Sync again.",
            )
        held = _held(name, writer.sets, chosen, verified)
        new = self._newly_withdrawn()
        a_day = most_withdrawn_a_day(verified.manifest.entries)
        most = most_withdrawals(self._status, a_day, self._epoch_s)
        revoked = first_withdrawn(new, most)
        if writer.pinned:
            self._withdraw(revoked)
            raise _pinned(writer.number, len(revoked))
        gate, is_same = self._pass_gate(info, held, revoked, most)
        status = with_withdrawn(self._status, len(revoked), self._epoch_s)
        out = writer.generation.changes.rows(Party.GATE, name)
        return SyncReport(
            status=_after(
                status, verified, held_back=len(new - revoked), epoch_s=self._epoch_s
            ),
            older=have or 0,
            generation=writer.number,
            set=next(it for it in writer.sets if it.name == name),
            is_new=not is_same or bool(revoked),
            is_full=self._change.is_full,
            withdrawn=len(revoked),
            quarantined=sum(1 for _ in out),
            generic=gate.generic_count,
            categories=verified.manifest.categories,
        )

    def _pass_gate(
        self, info: SetInfo | None, held: Settled, revoked: set[str], most: int
    ) -> tuple[CorpusGate, bool]:
        """Put the set in force; return the gate, and whether the set is the same."""
        seen = "" if info is None or info.signed is None else info.signed.gated
        change, leaving = self._change, self._in_force(self._verified.withdrawn)
        try:
            gate = gate_for(
                self._trusted.state,
                self._writer.secret,
                self._passage,
                epoch_s=self._epoch_s,
                withdrawn=sum(not change.keeps(it) for it in leaving),
                seen=seen,
            )
            is_seen = seen == gate.identity
            is_same = is_seen and _is_same(info, held, self._verified, change)
            if is_same or not is_seen or change.is_full:
                self._withdraw(revoked)
            if not is_same:
                self._replace(held, revoked, gate)
        except (HashSetGateError, HashSetKnownGoodError):
            # Entries that the set would have lacked anyway are out as well.
            others = first_withdrawn(leaving - revoked, most - len(revoked))
            self._withdraw(revoked | others)
            raise
        return gate, is_same

    def _in_force(self, ids: Iterable[str]) -> set[str]:
        """Return the entries that are in the set in force, and not withdrawn yet."""
        known = self._writer.generation.changes.withdrawn(self._name)
        wanted = [it for it in ids if not known.get(it)]
        present = self._writer.generation.has_entries(self._name, wanted)
        return {it for it, is_there in present.items() if is_there}

    def _newly_withdrawn(self) -> set[str]:
        """Return the withdrawn entries that the set will have, and that are in force.

        While a rollback is not released the set stays as it is.
        """
        change, ids = self._change, self._verified.withdrawn
        if self._writer.pinned:
            return self._in_force(ids)
        known = self._writer.generation.changes.withdrawn(self._name)
        before = change.present if change.is_full else self._in_force(ids)
        return {
            it
            for it in ids
            if not known.get(it)
            and (change.net[it] is not None if it in change.net else it in before)
        }

    def _withdraw(self, revoked: set[str]) -> None:
        """Put entries of the set out of force; the others are left for later."""
        ids = sorted(self._in_force(revoked))
        self._writer.revoke(self._name, ids)
        self.withdrawn += len(ids)

    def _replace(self, held: Settled, revoked: set[str], gate: CorpusGate) -> None:
        verified, change = self._verified, self._change
        taken = frozenset({*held.categories, canaries.CATEGORY})
        collected = self._writer.collect()
        tally = change.collect(collected, taken, self._name)
        sequence = verified.manifest.sequence
        info = SetInfo(
            name=self._name,
            issuer=verified.manifest.issuer,
            categories=tuple(sorted(set(held.categories))),
            enforced=held.enforced,
            imported_at=int(self._epoch_s),
            source=ImportSource(
                lines=tally.lines,
                refused={it.problem.value: it.count for it in tally.problems},
                sha256=verified.sha256,
                bytes=verified.bytes,
            ),
            signed=Signed(
                root=self._status.root,
                sequence=sequence,
                signers=verified.signers,
                gated=gate.identity,
            ),
        )
        try:
            self._writer.replace_set(
                collected,
                info,
                without=None if change.is_full else list(change.net),
                revoked=sorted(revoked),
                gate=gate,
            )
        finally:
            path = self._trusted.path
            note_of(path, gate, sequence=sequence, epoch_s=self._epoch_s)


def _is_same(
    info: SetInfo | None, held: Settled, verified: Verified, change: FetchedChange
) -> bool:
    """Tell whether the set in force is the newest, in the chosen state."""
    return (
        info is not None
        and change.have == verified.manifest.sequence
        and not change.is_full
        and info.enforced is held.enforced
    )


def _pinned(number: int, withdrawn: int) -> StorePinnedError:
    """Return the error for a rollback that is not released."""
    return StorePinnedError(
        f"generation {number} is pinned by a rollback: of the signed set "
        f"only withdrawals were taken, {withdrawn:,} entries",
        hint="Find the cause first, run 'uploadfilter hashset rollback --release', and "
        "sync again.",
    )


def _after(
    status: Status, verified: Verified, *, held_back: int, epoch_s: float
) -> Status:
    return msgspec.structs.replace(
        status,
        synced_at=int(epoch_s),
        expires_at=verified.expires_at,
        expires=verified.expires,
        sequence=verified.manifest.sequence,
        issuer=verified.manifest.issuer,
        signers=verified.signers,
        versions=verified.versions,
        held_back=held_back,
        failure=None,
        clock=max(status.clock, int(epoch_s)),
    )
