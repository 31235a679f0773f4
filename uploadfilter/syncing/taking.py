"""Take a signed set up: what is fetched, and how it comes into force.

Everything is fetched and verified first; then one new generation has the whole change,
withdrawals included, or nothing changes. What is in force says itself which number it
is, so that a crash at any step is made good by the next sync.

Rules this module keeps: categories are an explicit allow-list, as of every import; more
withdrawals than one officer may make are held back, and said; a set never goes back to
a lower number; whatever fails is noted for the service to tell.
"""

import contextlib
import io
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final, cast

import msgspec
from typing_extensions import override

from uploadfilter.errors import (
    HashSetError,
    HashSetFormatError,
    HashSetTrustError,
    StoreBusyError,
    StoreError,
    StoreMissingError,
    StorePinnedError,
    UsageError,
)
from uploadfilter.hashsets import formats
from uploadfilter.hashsets.choices import Chosen, Settled, settled
from uploadfilter.hashsets.listblocks import ListedBlock
from uploadfilter.hashsets.lists import ListedSignal
from uploadfilter.hashsets.tally import Tally
from uploadfilter.model import Entry, EntryState
from uploadfilter.reference.collecting import EntryBlock, TableBuilder
from uploadfilter.reference.sets import SetInfo, Signed, Source
from uploadfilter.reference.store import ReferenceDirectory
from uploadfilter.reference.writing import ReferenceWriter
from uploadfilter.signedsets import canaries
from uploadfilter.signedsets import manifest as manifests
from uploadfilter.signedsets import operations as ops
from uploadfilter.signedsets.freshness import (
    Failure,
    Status,
    most_withdrawals,
    with_withdrawn,
)
from uploadfilter.signedsets.roles import DAY_S, most_withdrawn_a_day
from uploadfilter.syncing.client import Client, Verified
from uploadfilter.syncing.trusting import Trusted

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

Progress = Callable[[int, int], None]
"""Is told how many files are there, and of how many."""

_SHOWN_CATEGORIES: Final = 10


class _Named(msgspec.Struct):
    """The one field of a line that says which entry it is."""

    id: str


class _Bytes(io.RawIOBase):
    """Bytes that are read like a file."""

    def __init__(self, data: bytes) -> None:
        super().__init__()
        self._rest = memoryview(data)

    @override
    def readable(self) -> bool:
        """Tell that it can be read."""
        return True

    @override
    def readinto(self, buffer: "WriteableBuffer") -> int:
        """Read into a buffer; return how many bytes."""
        room = memoryview(buffer)
        count = min(len(room), len(self._rest))
        room[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count


_name_of = msgspec.json.Decoder(_Named).decode


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncReport:
    """What a sync did.

    Attributes:
        status: What is known of the set now.
        older: Number of the set before; 0 for none.
        generation: Number of the generation in force.
        set: The set in force.
        is_new: Whether anything changed.
        is_full: Whether the full set was read.
        withdrawn: Entries that this sync put out of force.
        categories: Entries of each category, as signed.
    """

    status: Status
    older: int
    generation: int
    set: SetInfo
    is_new: bool
    is_full: bool
    withdrawn: int
    categories: dict[str, int]


@dataclass(slots=True)
class _Change:
    """What was fetched, ready to come into force.

    Attributes:
        have: Number of the set that it changes; ``None`` for none.
        is_full: Whether it is the whole set.
        shards: Names of the files of a full set, which are on disk by now.
        net: What deltas do behind it: the JSON line of each id, ``None`` for none.
        present: Which of the withdrawn ids the full set has.
        read: Returns a file by its name.
    """

    have: int | None
    is_full: bool
    read: Callable[[str], bytes]
    shards: list[str] = field(default_factory=list)
    net: dict[str, bytes | None] = field(default_factory=dict)
    present: set[str] = field(default_factory=set)


def sync(
    trusted: Trusted,
    directory: ReferenceDirectory,
    *,
    chosen: Chosen,
    clock: Callable[[], float],
    source: str | None = None,
    progress: Progress | None = None,
) -> SyncReport:
    """Bring a signed set up to what its source has.

    Args:
        trusted: The place of the set.
        directory: The reference directory.
        chosen: What was said of categories and state.
        clock: Seconds since the epoch.
        source: A folder or URL, if not the one that was named with the root.
        progress: Told how many files were fetched.

    Raises:
        HashSetError: What was wrong; the set in force is as it was.
        StoreError: It could not be written; likewise.
        UsageError: Categories are to be named, or the source is none.
    """
    with trusted.locked():
        status = trusted.status()
        try:
            _check_clock(status, clock())
            with contextlib.closing(Client(trusted, source or status.source)) as client:
                verified = client.verify()
                change = _fetch(client, verified, directory, status, chosen, progress)
                with directory.writer(create=True) as writer:
                    report = _put_in_force(
                        writer, trusted.name, status, verified, change, chosen, clock
                    )
        except (HashSetError, StoreError) as exc:
            _note_failure(trusted, status, exc, clock())
            raise
        trusted.put_status(report.status)
        client.clear()
    return report


def look(trusted: Trusted, source: str | None = None) -> Verified:
    """Find out what a source has, and change nothing that is in force.

    Args:
        trusted: The place of the set.
        source: A folder or URL, if not the one that was named with the root.

    Raises:
        HashSetError: What was wrong.
    """
    with trusted.locked():
        place = source or trusted.status().source
        with contextlib.closing(Client(trusted, place)) as client:
            return client.verify()


def _check_clock(status: Status, epoch_s: float) -> None:
    """Refuse a clock that was set back: it would take what has ended for fresh."""
    if epoch_s < status.clock - DAY_S:
        days = (status.clock - epoch_s) / DAY_S
        raise HashSetTrustError(
            f"the clock of this machine is {days:.0f} days behind the last sync",
            hint="The set in force stays. Set the clock, then sync again.",
        )


def _note_failure(
    trusted: Trusted, status: Status, exc: HashSetError | StoreError, epoch_s: float
) -> None:
    failure = Failure(at=int(epoch_s), code=exc.code, text=str(exc))
    # On a full disk the first error is the one that helps.
    with contextlib.suppress(StoreError):
        trusted.put_status(msgspec.structs.replace(status, failure=failure))


def _in_force(name: str, sets: tuple[SetInfo, ...]) -> SetInfo | None:
    return next((info for info in sets if info.name == name), None)


def _number_of(info: SetInfo | None, status: Status) -> int | None:
    """Return the number of the set in force; ``None`` if it must be taken whole."""
    if info is None or info.signed is None or info.signed.root != status.root:
        return None
    return info.signed.sequence


def _held(
    name: str, sets: tuple[SetInfo, ...], chosen: Chosen, verified: Verified
) -> Settled:
    """Return what holds for the set: what was said, or what held before.

    Raises:
        HashSetNameError: An import without a signature has the name.
        UsageError: Nobody named a category that the set has.
    """
    info = _in_force(name, sets)
    if info is None and chosen.state is None:
        # It was signed by enough people: it rejects, unless the operator says not yet.
        chosen = replace(chosen, state=EntryState.ACTIVE)
    held = settled(name, chosen, sets, is_signed=True)
    has = verified.manifest.categories
    # A name that was mistyped would leave only the canary, which says all is well.
    if not held.categories or (
        chosen.categories and not has.keys() & chosen.categories
    ):
        found = manifests.histogram(has)
        shown = ", ".join(f"{word!r} ({n:,})" for word, n in found[:_SHOWN_CATEGORIES])
        raise UsageError(
            f"no category of {name!r} is named that is to be taken",
            hint=f"The set has: {shown}. Name each with --category.",
        )
    return held


def _fetch(
    client: Client,
    verified: Verified,
    directory: ReferenceDirectory,
    status: Status,
    chosen: Chosen,
    progress: Progress | None,
) -> _Change:
    """Fetch and read what is to change, before anything is locked."""
    name, sets = status.set, _sets_in(directory)
    info = _in_force(name, sets)
    have = _number_of(info, status)
    held = _held(name, sets, chosen, verified)
    _check_not_older(have, verified, name)
    is_other = info is not None and set(held.categories) != set(info.categories)
    # Of a category that is new here, the set in force has nothing to be changed.
    plan = manifests.plan(verified.manifest, None if is_other else have)
    change = _Change(have=have, is_full=plan.is_full, read=client.fetch)
    for number, path in enumerate(plan.paths, 1):
        data = client.fetch(path)
        if path.startswith("full/"):
            change.shards.append(path)
        else:
            _add_delta(change, ops.unpacked(data))
        if progress is not None:
            progress(number, len(plan.paths))
    if verified.withdrawn:
        watched = set(verified.withdrawn)
        for path in change.shards:
            lines = _shard(change, path).splitlines()
            change.present |= watched.intersection(map(_id_of, lines))
    return change


def _sets_in(directory: ReferenceDirectory) -> tuple[SetInfo, ...]:
    """Return the hash sets in force; none if there is no reference set yet."""
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


def _add_delta(change: _Change, text: bytes) -> None:
    found = ops.operations(text)
    for line in found.additions.splitlines():
        change.net[_id_of(line)] = line
    for entry_id in found.deleted:
        change.net[entry_id] = None


def _shard(change: _Change, path: str) -> bytes:
    """Return a shard as JSON lines, without what deltas change behind it."""
    found = ops.operations(ops.unpacked(change.read(path)))
    if found.deleted:
        raise HashSetFormatError(
            "a full set takes entries away",
            hint="Nothing was changed. Tell the issuer: it was made by another tool.",
        )
    if not change.net:
        return found.additions
    lines = found.additions.splitlines(keepends=True)
    return b"".join(line for line in lines if _id_of(line) not in change.net)


def _id_of(line: bytes) -> str:
    try:
        return _name_of(line).id
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:
        raise HashSetFormatError(
            "a line of the signed set has no id",
            hint="Nothing was changed. Tell the issuer: it was made by another tool.",
        ) from exc


def _put_in_force(
    writer: ReferenceWriter,
    name: str,
    status: Status,
    verified: Verified,
    change: _Change,
    chosen: Chosen,
    clock: Callable[[], float],
) -> SyncReport:
    """Make one generation of it all, or none if nothing changes."""
    epoch_s = clock()
    info = _in_force(name, writer.sets)
    have = _number_of(info, status)
    if have != change.have:
        raise StoreBusyError(
            f"the hash set {name!r} was changed by another command meanwhile",
            hint="Sync again.",
        )
    held = _held(name, writer.sets, chosen, verified)
    new = _newly_withdrawn(writer, name, verified, change)
    most = most_withdrawals(
        status, most_withdrawn_a_day(verified.manifest.entries), epoch_s
    )
    revoked = new if len(new) <= most else set()
    if writer.pinned:
        writer.revoke(name, sorted(revoked))
        raise StorePinnedError(
            f"generation {writer.number} is pinned by a rollback: of the signed set "
            f"only withdrawals were taken, {len(revoked):,} entries",
            hint="Find out what was wrong, run 'uploadfilter hashset release', and "
            "sync again.",
        )
    is_same = (
        info is not None
        and have == verified.manifest.sequence
        and not change.is_full
        and info.enforced is held.enforced
        and info.signed is not None
    )
    if is_same and info is not None:
        if revoked:
            writer.revoke(name, sorted(revoked))
            info = _in_force(name, writer.sets) or info
        after = info
    else:
        after = _replace(writer, name, status, verified, change, held, revoked, epoch_s)
    status = with_withdrawn(status, len(revoked), epoch_s)
    return SyncReport(
        status=_after(status, verified, held_back=len(new - revoked), epoch_s=epoch_s),
        older=have or 0,
        generation=writer.number,
        set=after,
        is_new=not is_same or bool(revoked),
        is_full=change.is_full,
        withdrawn=len(revoked),
        categories=verified.manifest.categories,
    )


def _newly_withdrawn(
    writer: ReferenceWriter, name: str, verified: Verified, change: _Change
) -> set[str]:
    """Return the withdrawn entries that the set will have, and that are not out yet.

    While a rollback is not released the set stays as it is.
    """
    known = writer.generation.changes.lasting_keys()
    wanted = [entry for entry in verified.withdrawn if (name, entry) not in known]
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
    name: str,
    status: Status,
    verified: Verified,
    change: _Change,
    held: Settled,
    revoked: set[str],
    epoch_s: float,
) -> SetInfo:
    tally, collected = Tally(), writer.collect()
    taken = frozenset({*held.categories, canaries.CATEGORY})
    lines = [line for line in change.net.values() if line is not None]
    for path in change.shards:
        _collect(collected, _shard(change, path), taken, tally)
    _collect(collected, b"".join(line + b"\n" for line in lines), taken, tally)
    if tally.malformed:
        first = next(it for it in tally.problems if it.problem.is_malformed)
        raise HashSetFormatError(
            f"the signed set {name!r} has {tally.malformed:,} malformed lines, the "
            f"first with {first.problem.words}",
            hint="Nothing was changed. If the issuer uses a newer release than this "
            "one, install it; else tell the issuer.",
        )
    return writer.replace_set(
        collected,
        SetInfo(
            name=name,
            issuer=verified.manifest.issuer,
            categories=tuple(sorted(set(held.categories))),
            enforced=held.enforced,
            imported_at=int(epoch_s),
            source=Source(
                lines=tally.lines,
                refused={it.problem.value: it.count for it in tally.problems},
                sha256=verified.sha256,
                bytes=verified.bytes,
            ),
            signed=Signed(
                root=status.root,
                sequence=verified.manifest.sequence,
                signers=verified.signers,
            ),
        ),
        without=None if change.is_full else list(change.net),
        revoked=sorted(revoked),
    )


def _collect(
    collected: TableBuilder, text: bytes, allowed: frozenset[str], tally: Tally
) -> None:
    file = cast("io.BufferedReader", io.BufferedReader(_Bytes(text)))
    for item in formats.read(
        file, categories=allowed, signal_type=None, tally=tally, tick=lambda: None
    ):
        match item:
            case EntryBlock():
                collected.add_block(item)
            case Entry():
                collected.add(item)
            case ListedSignal() | ListedBlock():
                raise AssertionError("lines of JSON are no list")


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
