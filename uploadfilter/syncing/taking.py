"""Take a signed set: fetch its changes, and put them in force.

All files are fetched and verified first. Then one new generation has the whole change,
withdrawals included, or nothing changes. The set in force states its own sequence, so
that the next sync repairs a crash at any step.

Rules this module keeps: categories are an explicit allow-list, as for every import;
more withdrawals than one officer may make are held back, and reported; a set never goes
back to a lower sequence; every failure is noted, so that the service can report it.
"""

import contextlib
from collections.abc import Callable
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
        status: The status of the set now.
        older: Sequence of the set before; 0 if there was none.
        generation: Number of the generation in force.
        set: The set in force.
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


@dataclass(slots=True)
class _Withdrawn:
    """The number of entries withdrawn before the set itself came into force."""

    count: int = 0


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
        status, taken = trusted.status(), _Withdrawn()
        try:
            _check_clock(status, clock())
            with contextlib.closing(Client(trusted, source or status.source)) as client:
                verified = client.verify()
                change = _fetch(client, verified, directory, status, chosen, progress)
                with directory.writer(create=True) as writer:
                    report = _put_in_force(
                        writer,
                        trusted,
                        status,
                        verified,
                        change,
                        chosen,
                        passage,
                        taken,
                        clock(),
                    )
        except (HashSetError, StoreError, UsageError) as exc:
            # Also a share that is not mounted: a timer meets it, and nobody reads it.
            status = with_withdrawn(status, taken.count, clock())
            _note_failure(trusted, status, exc, clock())
            raise
        trusted.put_status(report.status)
        client.clear()
    return report


def look(trusted: Trusted, source: str | None = None) -> Verified:
    """Find out the newest set at a source, and change nothing in force.

    Raises:
        HashSetError: The set cannot be verified.
    """
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
    """Return categories and state for the set: the new choice, or the earlier one.

    Raises:
        HashSetNameError: An unsigned import has the name.
        UsageError: No category that the set has is named.
    """
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


def _put_in_force(
    writer: ReferenceWriter,
    trusted: Trusted,
    status: Status,
    verified: Verified,
    change: FetchedChange,
    chosen: Chosen,
    passage: Passage,
    taken: _Withdrawn,
    epoch_s: float,
) -> SyncReport:
    """Make one generation of all changes, or none if nothing changes.

    Withdrawals get a generation of their own if the gate refuses, and before the gate
    compares a whole set, which takes a while.
    """
    name = trusted.name
    info = _in_force(name, writer.sets)
    have = _number_of(info, status)
    if have != change.have:
        raise StoreBusyError(
            f"another command changed the hash set {name!r} meanwhile",
            hint="Sync again.",
        )
    held = _held(name, writer.sets, chosen, verified)
    new = _newly_withdrawn(writer, name, verified, change)
    most = most_withdrawals(
        status, most_withdrawn_a_day(verified.manifest.entries), epoch_s
    )
    revoked = first_withdrawn(new, most)
    _check_not_pinned(writer, name, revoked, taken)
    leaving = _leaving(writer, name, verified)
    try:
        going = sum(not change.keeps(it) for it in leaving)
        seen = _gated(info)
        gate = _gate(writer, trusted, passage, seen, going, epoch_s)
        is_seen = seen == gate.identity
        is_same = is_seen and _is_same(info, held, verified, change)
        if is_same or not is_seen or change.is_full:
            _withdraw(writer, name, revoked, taken)
        if not is_same:
            _replace(
                writer, trusted, status, verified, change, held, revoked, gate, epoch_s
            )
    except (HashSetGateError, HashSetKnownGoodError):
        # Entries that the set would have lacked anyway are out as well.
        others = first_withdrawn(leaving - revoked, most - len(revoked))
        _withdraw(writer, name, revoked | others, taken)
        raise
    status = with_withdrawn(status, len(revoked), epoch_s)
    after = next(it for it in writer.sets if it.name == name)
    out = writer.generation.changes.rows(Party.GATE, name)
    return SyncReport(
        status=_after(status, verified, held_back=len(new - revoked), epoch_s=epoch_s),
        older=have or 0,
        generation=writer.number,
        set=after,
        is_new=not is_same or bool(revoked),
        is_full=change.is_full,
        withdrawn=len(revoked),
        quarantined=sum(1 for _ in out),
        generic=gate.generic_count,
        categories=verified.manifest.categories,
    )


def _gate(
    writer: ReferenceWriter,
    trusted: Trusted,
    passage: Passage,
    seen: str,
    going: int,
    epoch_s: float,
) -> CorpusGate:
    return gate_for(
        trusted.state,
        writer.secret,
        passage,
        epoch_s=epoch_s,
        withdrawn=going,
        seen=seen,
    )


def _gated(info: SetInfo | None) -> str:
    """Return the corpora that a set in force was compared with; empty if none."""
    return "" if info is None or info.signed is None else info.signed.gated


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


def _check_not_pinned(
    writer: ReferenceWriter, name: str, revoked: set[str], taken: _Withdrawn
) -> None:
    """Take only withdrawals while a rollback is not released."""
    if not writer.pinned:
        return
    _withdraw(writer, name, revoked, taken)
    raise StorePinnedError(
        f"generation {writer.number} is pinned by a rollback: of the signed set "
        f"only withdrawals were taken, {len(revoked):,} entries",
        hint="Find the cause first, run 'uploadfilter hashset rollback --release', and "
        "sync again.",
    )


def _leaving(writer: ReferenceWriter, name: str, verified: Verified) -> set[str]:
    """Return the withdrawn entries that are in force."""
    known = writer.generation.changes.withdrawn(name)
    wanted = [entry for entry in verified.withdrawn if not known.get(entry)]
    present = writer.generation.has_entries(name, wanted)
    return {entry for entry, is_there in present.items() if is_there}


def _withdraw(
    writer: ReferenceWriter, name: str, revoked: set[str], taken: _Withdrawn
) -> None:
    """Put entries of the set out of force; the others are left for later."""
    known = writer.generation.changes.withdrawn(name)
    present = writer.generation.has_entries(name, sorted(revoked))
    ids = [it for it, there in present.items() if there and not known.get(it)]
    writer.revoke(name, ids)
    taken.count += len(ids)


def _newly_withdrawn(
    writer: ReferenceWriter, name: str, verified: Verified, change: FetchedChange
) -> set[str]:
    """Return the withdrawn entries that the set will have, and that are not out yet.

    While a rollback is not released the set stays as it is.
    """
    known = writer.generation.changes.withdrawn(name)
    wanted = [entry for entry in verified.withdrawn if not known.get(entry)]
    present = (
        {entry: entry in change.present for entry in wanted}
        if change.is_full and not writer.pinned
        else dict(writer.generation.has_entries(name, wanted))
    )
    for entry in wanted:
        if entry in change.net and not writer.pinned:
            present[entry] = change.net[entry] is not None
    return {entry for entry, is_there in present.items() if is_there}


def _replace(
    writer: ReferenceWriter,
    trusted: Trusted,
    status: Status,
    verified: Verified,
    change: FetchedChange,
    held: Settled,
    revoked: set[str],
    gate: CorpusGate,
    epoch_s: float,
) -> None:
    """Put the set in force through the gate, and note the findings."""
    name = trusted.name
    taken = frozenset({*held.categories, canaries.CATEGORY})
    collected = writer.collect()
    tally = change.collect(collected, taken, name)
    info = SetInfo(
        name=name,
        issuer=verified.manifest.issuer,
        categories=tuple(sorted(set(held.categories))),
        enforced=held.enforced,
        imported_at=int(epoch_s),
        source=ImportSource(
            lines=tally.lines,
            refused={it.problem.value: it.count for it in tally.problems},
            sha256=verified.sha256,
            bytes=verified.bytes,
        ),
        signed=Signed(
            root=status.root,
            sequence=verified.manifest.sequence,
            signers=verified.signers,
            gated=gate.identity,
        ),
    )
    try:
        writer.replace_set(
            collected,
            info,
            without=None if change.is_full else list(change.net),
            revoked=sorted(revoked),
            gate=gate,
        )
    finally:
        sequence = verified.manifest.sequence
        note_of(trusted.path, gate, sequence=sequence, epoch_s=epoch_s)


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
