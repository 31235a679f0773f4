"""Publish signed data, and keep it fresh.

First the files are written, then the metadata that lists them, then the metadata that
says which belong together, and at last the timestamp. Renaming the timestamp makes all
of it the newest: until then an operator sees the data from before.

Rules this module keeps: nothing is published below its threshold; a file under a
published name is never changed; the files of the set before stay until the next
publication, for operators who are just reading it.
"""

import os
import shutil
from collections import Counter
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from tuf.api.metadata import Metadata

from uploadfilter.errors import IssuerError
from uploadfilter.issuing import allowance, holding, proposing, signing
from uploadfilter.issuing.folder import IssuerFolder, file_errors, remove
from uploadfilter.issuing.published import Listing, Published, published
from uploadfilter.issuing.staging import digest
from uploadfilter.issuing.wording import counted
from uploadfilter.signedsets import metadata as md
from uploadfilter.signedsets.roles import (
    GATHERED,
    HASHSET,
    METADATA_FOLDER,
    REVOKE,
    ROOT,
    SHARDS,
    TARGETS,
    TARGETS_FOLDER,
    TIMESTAMP,
    most_withdrawn_a_day,
    stored_name,
)
from uploadfilter.state import sync_directory, write_private

if TYPE_CHECKING:
    from securesystemslib.signer import Signer


class _Categorised(msgspec.Struct, frozen=True):
    """The fields of an entry that are read before it is withdrawn."""

    category: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """The result of a publication."""

    sequence: int
    roles: tuple[str, ...]
    keeps_staged: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdrawable:
    """The effect of a withdrawal.

    Attributes:
        new: Ids that it withdraws.
        known: Ids that are withdrawn already.
        lasting: Ids that the list has then.
        categories: Number of the new ones in each category.
        entries: Entries of the published set.
        most: Most entries that one person may withdraw in a day.
        left: How many of them are left today, before this withdrawal.
    """

    new: tuple[str, ...]
    known: tuple[str, ...]
    lasting: tuple[str, ...]
    categories: Mapping[str, int]
    entries: int
    most: int
    left: int


def publish(
    folder: IssuerFolder, now: Published, machine: "Signer", *, epoch_s: float
) -> Publication:
    """Publish the proposal."""
    waiting = signing.pending(folder, now)
    _check_publishable(waiting, now)
    signing.check_complete(waiting)
    if any(item.role == HASHSET for item in waiting):
        # The signed files are verified once more, one by one.
        proposing.review(folder, now)
    root = next((it.metadata for it in waiting if it.role == ROOT), now.root)
    _check_machine(root, machine)
    new = {item.role: item.metadata for item in waiting}
    _check_others(now, new)
    _copy_files(folder, folder.proposal / TARGETS_FOLDER, new.values())
    _put(folder, now, new, machine, epoch_s)
    keeps = _finish(folder)
    after = published(folder)
    _drop_old(folder, (after, now))
    return Publication(sequence=after.sequence, roles=tuple(new), keeps_staged=keeps)


def renew(
    folder: IssuerFolder, now: Published, machine: "Signer", *, epoch_s: float
) -> None:
    """Sign a new timestamp for the published data."""
    if now.root is None:
        raise _nothing_published()
    _check_machine(now.root, machine)
    _put(folder, now, {}, machine, epoch_s)


def withdraw(
    folder: IssuerFolder,
    now: Published,
    ids: Iterable[str],
    *,
    officer: "Signer",
    machine: "Signer",
    epoch_s: float,
) -> tuple[int, int]:
    """Withdraw entries at once, with one officer's signature.

    Earlier withdrawals stay in the list until the set lacks their entries.

    Returns:
        How many entries of the set it withdraws, and how many the list has then.
    """
    if now.root is None or now.targets is None:
        raise _nothing_published()
    _check_machine(now.root, machine)
    effect = withdrawable(folder, now, ids, epoch_s=epoch_s)
    if officer.public_key.keyid not in {
        key.keyid for key in md.holders_of(now.targets, REVOKE).keys
    }:
        raise IssuerError(
            f"{md.name_of(officer.public_key)!r} is not a duty officer",
            hint="'uploadfilter issuer status' says who holds the role 'revoke'.",
        )
    place = folder.path / "withdrawing"
    shutil.rmtree(place, ignore_errors=True)
    listing = holding.withdrawal_list(
        place,
        effect.lasting,
        version=now.next_version(REVOKE),
        expires=md.ending(epoch_s, folder.settings.lifetimes.revoke),
    )
    signing.put_signature(listing, officer)
    if effect.new:
        allowance.note(folder, effect.new, epoch_s)
    _copy_files(folder, place / TARGETS_FOLDER, [listing])
    _put(folder, now, {REVOKE: listing}, machine, epoch_s)
    folder.note_withdrawn({*effect.lasting, *now.withdrawn()})
    shutil.rmtree(place)
    _drop_old(folder, (published(folder), now))
    return len(effect.new), len(effect.lasting)


def withdrawable(
    folder: IssuerFolder, now: Published, ids: Iterable[str], *, epoch_s: float
) -> Withdrawable:
    """Describe the effect of a withdrawal, before an officer signs it."""
    listed = _categories_of(now)
    known = set(now.withdrawn())
    wanted = set(ids)
    new = sorted(wanted - known)
    _check_listed(set(new), listed.keys())
    most, noted = most_withdrawn_a_day(len(listed)), allowance.read(folder)
    allowance.check(noted, new, most, epoch_s)
    return Withdrawable(
        new=tuple(new),
        known=tuple(sorted(wanted & known)),
        lasting=tuple(sorted((known & listed.keys()) | wanted)),
        categories=dict(sorted(Counter(listed[i] for i in new).items())),
        entries=len(listed),
        most=most,
        left=allowance.left(noted, most, epoch_s),
    )


def left_today(folder: IssuerFolder, now: Published, epoch_s: float) -> int:
    """Return how many entries one person may still withdraw today."""
    if now.hashset is None:
        return 0
    most = most_withdrawn_a_day(now.hashset.manifest.entries)
    return allowance.left(allowance.read(folder), most, epoch_s)


def check_listed(now: Published, ids: Iterable[str]) -> None:
    """Refuse ids that the published set does not have."""
    _check_listed(set(ids), _categories_of(now).keys())


def export(folder: IssuerFolder, now: Published, to: Path) -> int:
    """Copy the files for operators into a folder, for example on a stick.

    Returns:
        How many bytes it holds.
    """
    if now.root is None:
        raise _nothing_published()
    if to.resolve().is_relative_to(folder.path.resolve()):
        raise IssuerError(
            f"{str(to)!r} is inside of the issuer's folder",
            hint="Name a folder somewhere else, such as the one of a stick.",
        )
    names = [*_files_of(now), *_metadata_of(folder, now)]
    # The newest timestamp comes last: a stick that is removed too early has the old
    # one.
    with file_errors(to, so="The copy is not complete."):
        for name in names:
            write_private(to / name, (folder.path / "published" / name).read_bytes())
    return sum((to / name).stat().st_size for name in names)


def export_lines(now: Published, to: Path) -> int:
    """Write the entries that are published as JSON lines, without the canaries.

    Returns:
        How many bytes it has.
    """
    if now.hashset is None:
        raise _nothing_published()
    new = to.with_name(to.name + ".tmp")
    fd = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(fd, "wb") as file:
        for shard in range(SHARDS):
            for _, line in sorted(now.hashset.own_lines(shard).items()):
                file.write(b"{" + line.split(b",", 1)[1])
    new.replace(to)
    return to.stat().st_size


def _check_publishable(
    waiting: tuple[signing.PendingSignature, ...], now: Published
) -> None:
    roles = {item.role for item in waiting}
    if not roles:
        raise IssuerError(
            "there is no proposal to be published",
            hint="'uploadfilter issuer propose' makes one of the staged changes.",
        )
    if now.root is None and roles != {ROOT, TARGETS, HASHSET, REVOKE}:
        raise IssuerError(
            "the first publication needs entries",
            hint="Stage some, and then run 'uploadfilter issuer propose'.",
        )
    for item in waiting:
        if item.metadata.signed.version != now.next_version(item.role):
            raise IssuerError(
                f"the proposal for {item.role!r} does not follow the published version",
                hint="Nothing was published. Make the proposal anew: 'uploadfilter "
                "issuer propose'.",
            )


def _check_others(now: Published, new: Mapping[str, Metadata[Any]]) -> None:
    """Refuse new holders of a role if operators would refuse its older signatures."""
    targets = new.get(TARGETS, now.targets)
    for role, listing in ((HASHSET, now.hashset), (REVOKE, now.revoke)):
        if role in new or listing is None or targets is None:
            continue
        if md.signatures(targets, role, listing.metadata).missing:
            raise IssuerError(
                f"{role!r} would be signed by somebody who does not hold it any more",
                hint="Nothing was published. Make the proposal anew: 'uploadfilter "
                "issuer rotate', and have it signed by those who hold it then.",
            )


def _check_machine(root: Metadata[Any] | None, machine: "Signer") -> None:
    keys = (
        set()
        if root is None
        else {key.keyid for key in md.holders_of(root, TIMESTAMP).keys}
    )
    if machine.public_key.keyid not in keys:
        raise IssuerError(
            f"the key of {md.name_of(machine.public_key)!r} may not sign that this is "
            "the newest",
            hint="Give the key of the role 'timestamp' with --online-key.",
        )


def _check_listed(wanted: AbstractSet[str], listed: AbstractSet[str]) -> None:
    strange = sorted(wanted - listed)
    others = len(strange) - 1
    if strange:
        raise IssuerError(
            f"the set has no entry {strange[0]!r}"
            + (f", nor {counted(others, 'other')}" if others else ""),
            hint="Nothing was changed. The id of a match stands in the operator's "
            "decision log.",
        )


def _categories_of(now: Published) -> dict[str, str]:
    """Return the category of each entry that people published, by its id."""
    if now.hashset is None:
        raise _nothing_published()
    return {
        entry_id: msgspec.json.decode(line, type=_Categorised).category
        for shard in range(SHARDS)
        for entry_id, line in now.hashset.own_lines(shard).items()
    }


def _copy_files(
    folder: IssuerFolder, source: Path, every: Iterable[Metadata[Any]]
) -> None:
    new = []
    for metadata in every:
        for path, target in getattr(metadata.signed, "targets", {}).items():
            name = stored_name(path, target.hashes["sha256"])
            if (source / name).exists() and not (folder.targets / name).exists():
                data = (source / name).read_bytes()
                write_private(folder.targets / name, data, durably=False)
                new.append(folder.targets / name)
    # Before metadata names them, and all at once: one by one it would take minutes.
    for path in new:
        _sync_file(path)
    for place in {path.parent for path in new}:
        sync_directory(place)


def _sync_file(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _put(
    folder: IssuerFolder,
    now: Published,
    new: Mapping[str, Metadata[Any]],
    machine: "Signer",
    epoch_s: float,
) -> None:
    """Write new metadata; the file that makes it the newest comes last."""
    for role, metadata in new.items():
        name = f"{metadata.signed.version}.{role}.json"
        write_private(folder.metadata / name, md.written(metadata))
    versions = {
        f: new[f].signed.version if f in new else now.versions[f]
        for f in (TARGETS, HASHSET, REVOKE)
    }
    expires = md.ending(epoch_s, folder.settings.lifetimes.online)
    gathering = md.new_gathering(
        versions, version=now.next_version(GATHERED), expires=expires
    )
    signing.put_signature(gathering, machine)
    name = f"{gathering.signed.version}.{GATHERED}.json"
    write_private(folder.metadata / name, md.written(gathering))
    timestamp = md.new_timestamp(
        gathering.signed.version,
        version=now.next_version(TIMESTAMP),
        expires=expires,
    )
    signing.put_signature(timestamp, machine)
    write_private(folder.metadata / f"{TIMESTAMP}.json", md.written(timestamp))


def _finish(folder: IssuerFolder) -> bool:
    """Remove the proposal and the operations in it; tell whether more are staged."""
    note = folder.proposal / proposing.STAGED_NOTE
    keeps = False
    if note.exists():
        keeps = note.read_text() != digest(folder)
        if not keeps:
            remove(folder.staged)
    remove(folder.proposal)
    return keeps


def _drop_old(folder: IssuerFolder, kept: Iterable[Published]) -> None:
    """Remove files that belong to neither the newest publication nor the one before."""
    names: set[str] = set()
    for it in kept:
        names.update(_files_of(it) if it.root else ())
        names.update(_metadata_of(folder, it) if it.root else ())
    base = folder.path / "published"
    for path in base.rglob("*"):
        name = path.relative_to(base).as_posix()
        if path.is_file() and name not in names and f".{ROOT}." not in name:
            path.unlink()


def _files_of(now: Published) -> list[str]:
    listings: tuple[Listing | None, ...] = (now.hashset, now.revoke)
    return [
        f"{TARGETS_FOLDER}/{stored_name(path, target.hashes['sha256'])}"
        for listing in listings
        if listing is not None
        for path, target in listing.metadata.signed.targets.items()
    ]


def _metadata_of(folder: IssuerFolder, now: Published) -> list[str]:
    """Return the names of metadata; the file that makes it the newest comes last."""
    roots = sorted(path.name for path in folder.metadata.glob(f"*.{ROOT}.json"))
    others = [
        f"{now.versions[role]}.{role}.json"
        for role in (TARGETS, HASHSET, REVOKE, GATHERED)
    ]
    names = [*roots, *others, f"{TIMESTAMP}.json"]
    return [f"{METADATA_FOLDER}/{name}" for name in names]


def _nothing_published() -> IssuerError:
    return IssuerError(
        "nothing was published yet",
        hint="'uploadfilter issuer status' lists the missing steps.",
    )
