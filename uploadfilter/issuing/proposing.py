"""Propose the next version of a signed set, unsigned, and show what it changes.

A proposal lies in the folder ``proposal``: unsigned metadata of the roles that change,
and the files that it lists. Officers read what it does, and then sign it one by one;
``issuing/signing.py`` does that.

Rules this module keeps: the review of a proposal is computed from the files that are
signed, and from the published ones, never from a note beside them; proposing a set of
ten million entries takes the memory of one shard.
"""

import contextlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Final

import msgspec
from tuf.api.metadata import TargetFile, Targets

from uploadfilter.errors import IssuerError
from uploadfilter.issuing.folder import IssuerFolder, replacing
from uploadfilter.issuing.published import (
    Lines,
    Listing,
    Published,
    applied,
    by_shard,
    changes,
    without_canaries,
)
from uploadfilter.issuing.staging import digest, staged_changes, withdrawn_ids
from uploadfilter.model import Entry
from uploadfilter.signedsets import canaries
from uploadfilter.signedsets import manifest as manifests
from uploadfilter.signedsets import metadata as md
from uploadfilter.signedsets import operations as ops
from uploadfilter.signedsets.manifest import Delta, Full, Manifest
from uploadfilter.signedsets.roles import (
    HASHSET,
    MANIFEST_PATH,
    SHARDS,
    TARGETS_FOLDER,
    delta_path,
    full_path,
    shard_of,
    shards_for,
    stored_name,
)
from uploadfilter.state import write_private

STAGED_NOTE: Final = "staged"
"""File of a proposal with the digest of the staged operations that it takes up."""

_KEPT_DELTAS: Final = 64
"""Deltas that are served: two months of one a day. Older operators read a full set."""

_FULL_SHARE: Final = 10
"""The deltas after a full set hold at most one operation for this many entries, so that
a new operator reads little twice."""

_LEAST_FULL: Final = 1000
"""Up to this many operations no new full set is needed, however small the set is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """The effect of a proposal, read from its own files.

    Attributes:
        older: Sequence of the published set; 0 if there is none.
        newer: Sequence that the set would have.
        added: Entries that are added.
        changed: Entries that get other signals, another category, or another rule.
        removed: Entries that are removed.
        entries: Entries afterwards.
        categories: For each category the entries before and after.
        is_full: Whether a full set is part of it.
        expires_at: When its signatures end, in seconds since the epoch.
    """

    older: int
    newer: int
    added: int
    changed: int
    removed: int
    entries: int
    categories: Mapping[str, tuple[int, int]]
    is_full: bool
    expires_at: int

    @property
    def is_renewal(self) -> bool:
        """Whether only the end of validity changes."""
        return self.older == self.newer


@dataclass(slots=True)
class _Counts:
    added: int = 0
    changed: int = 0
    removed: int = 0
    canaries: int = 0
    before: dict[str, int] = field(default_factory=dict)
    after: dict[str, int] = field(default_factory=dict)

    def take(self, old: Lines, new: Lines) -> None:
        self.canaries += sum(
            old.get(key) != new.get(key) for key in canaries.IDS if key in {*old, *new}
        )
        old, new = without_canaries(old), without_canaries(new)
        self.added += len(new.keys() - old.keys())
        self.removed += len(old.keys() - new.keys())
        self.changed += sum(old[key] != new[key] for key in old.keys() & new.keys())
        for lines, counts in ((old, self.before), (new, self.after)):
            for line in lines.values():
                category = msgspec.json.decode(line)["category"]
                counts[category] = counts.get(category, 0) + 1

    @property
    def entries(self) -> int:
        return sum(self.after.values())

    @property
    def operations(self) -> int:
        return self.added + self.changed + self.removed + self.canaries


def propose(
    folder: IssuerFolder,
    now: Published,
    *,
    epoch_s: float,
    parameters: dict[str, str],
    listing: Collection[Entry] = canaries.entries(),
) -> Review:
    """Make a proposal of the staged operations; without any, only extend validity."""
    withdrawn = withdrawn_ids(folder, now)
    with _replacing_set(folder) as place:
        found = Files(place)
        always = {it.id: ops.addition(it) for it in listing}
        counts = _changed(folder, now, withdrawn, found, always)
        if now.sequence and not counts.operations:
            renewal(now, folder, epoch_s, place)
        else:
            if not counts.entries and not now.sequence:
                raise IssuerError(
                    "nothing is staged, and nothing was published yet",
                    hint="Propose a folder of pictures, or a file of entries: "
                    "'uploadfilter issuer propose'.",
                )
            _new_set(now, folder, epoch_s, found, counts, parameters)
        (place / STAGED_NOTE).write_text(digest(folder))
    return review(folder, now)


def discard(folder: IssuerFolder) -> None:
    """Delete the proposed set, and keep other proposals."""
    if folder.proposal.exists():
        with _replacing_set(folder):
            pass


def own_parameters() -> dict[str, str]:
    """Return how this program computes signals, by signal type."""
    pdq = f"uploadfilter {version('uploadfilter')}"
    return {"pdq": pdq, "phash": "imagehash4/8/4"}


def review(folder: IssuerFolder, now: Published) -> Review:
    """Return the effect of the proposal, from its files and the published ones."""
    data = (folder.proposal / f"{HASHSET}.json").read_bytes()
    metadata = md.parsed(data, Targets)
    places = (folder.proposal / TARGETS_FOLDER, folder.targets)
    new = Listing(metadata=metadata, folders=places)
    counts = _Counts()
    for shard in range(SHARDS):
        old = {} if now.hashset is None else now.hashset.lines(shard)
        lines = new.lines(shard)
        _check_canaries(lines)
        counts.take(old, lines)
    manifest = new.manifest
    if dict(counts.after) != manifest.categories or counts.entries != manifest.entries:
        raise _contradiction("its manifest counts other entries than its files hold")
    if manifest.deltas and now.hashset is not None:
        _check_delta(new, now.hashset)
    names = sorted({*counts.before, *counts.after})
    return Review(
        older=now.sequence,
        newer=manifest.sequence,
        added=counts.added,
        changed=counts.changed,
        removed=counts.removed,
        entries=counts.entries,
        categories={
            name: (counts.before.get(name, 0), counts.after.get(name, 0))
            for name in names
        },
        is_full=manifest.full.sequence == manifest.sequence,
        expires_at=int(metadata.signed.expires.timestamp()),
    )


def _check_delta(new: Listing, old: Listing) -> None:
    """Check that applying the delta gives the same entries as the full set."""
    older, newer = old.manifest.sequence, new.manifest.sequence
    if older == newer or not any(d.to == newer for d in new.manifest.deltas):
        return
    text = ops.unpacked(new.read(delta_path(older, newer)))
    changed = by_shard(changes(text).items())
    for shard in range(SHARDS):
        after = applied(old.lines(shard), changed.get(shard, ()))
        if after != new.lines(shard):
            raise _contradiction("its delta leads to other entries than its full set")


def _check_canaries(lines: Lines) -> None:
    """Check that uncounted entries are canaries: people review all other entries."""
    known = {it.id: ops.addition(it) for it in canaries.entries()}
    for entry_id, line in lines.items():
        if entry_id.startswith(canaries.PREFIX) and line != known.get(entry_id):
            raise _contradiction(f"it has an entry {entry_id!r}, which is not a canary")


class Files:
    """The new files of a proposal.

    Attributes:
        listed: The facts about each file for the metadata, by its path.
        delta: The line of each entry that changes, with its id.
    """

    def __init__(self, place: Path) -> None:
        self._targets = place / TARGETS_FOLDER
        self.listed: dict[str, bytes | TargetFile] = {}
        self.delta: list[tuple[str, bytes]] = []
        self.place = place

    def put(self, path: str, data: bytes) -> None:
        """Write a file, and add it to the list."""
        target = TargetFile.from_data(path, data, ["sha256"])
        place = self._targets / stored_name(path, target.hashes["sha256"])
        write_private(place, data, durably=False)
        self.listed[path] = target

    def keep(self, known: Mapping[str, TargetFile], paths: Iterable[str]) -> None:
        """Add files that were published before to the list."""
        for path in paths:
            if path not in self.listed:
                self.listed[path] = known[path]


def _changed(
    folder: IssuerFolder,
    now: Published,
    withdrawn: Iterable[str],
    found: Files,
    always: Lines,
) -> _Counts:
    """Go once through all shards; return the changes, and the set afterwards."""
    counts = _Counts()
    gone = set(withdrawn)
    for shard in range(SHARDS):
        old = {} if now.hashset is None else now.hashset.lines(shard)
        changed = staged_changes(folder, shard)
        # An entry that a duty officer withdrew leaves the set with the next sequence.
        changed |= dict.fromkeys(gone & (old.keys() | changed.keys()))
        changed |= {key: it for key, it in always.items() if shard_of(key) == shard}
        new = applied(old, changed.items())
        counts.take(old, new)
        for entry_id in sorted(old.keys() | new.keys()):
            line = new.get(entry_id)
            if line != old.get(entry_id):
                found.delta.append((entry_id, line or ops.deletion(entry_id)))
    return counts


def _new_set(
    now: Published,
    folder: IssuerFolder,
    epoch_s: float,
    found: Files,
    counts: _Counts,
    parameters: dict[str, str],
) -> None:
    older = None if now.hashset is None else now.hashset.manifest
    sequence = now.sequence + 1
    deltas: tuple[Delta, ...] = ()
    if older is not None:
        made = Delta(older=sequence - 1, to=sequence, operations=counts.operations)
        deltas = (*older.deltas, made)[-_KEPT_DELTAS:]
        lines = (line for _, line in sorted(found.delta))
        found.put(delta_path(sequence - 1, sequence), ops.packed(lines))
    full = None if older is None else older.full
    if full is None or _is_full_due(full, deltas, counts.entries):
        full = Full(
            sequence=sequence,
            shards=shards_for(counts.entries),
            entries=counts.entries,
        )
        _put_full(now, found, full)
    manifest = Manifest(
        format=manifests.FORMAT,
        set=folder.settings.set,
        issuer=folder.settings.issuer,
        sequence=sequence,
        entries=counts.entries,
        categories=dict(sorted(counts.after.items())),
        parameters=parameters,
        full=full,
        deltas=deltas,
    )
    found.put(MANIFEST_PATH, manifests.written(manifest))
    found.keep(now.old_files(), manifests.paths(manifest))
    expires = md.ending(epoch_s, folder.settings.lifetimes.hashset)
    version = now.next_version(HASHSET)
    listing = md.new_listing(found.listed, version=version, expires=expires)
    write_private(found.place / f"{HASHSET}.json", md.written(listing))


def _is_full_due(full: Full, deltas: tuple[Delta, ...], entries: int) -> bool:
    """Tell whether a new operator would read too much after the full set."""
    if not any(delta.older == full.sequence for delta in deltas):
        return True
    behind = sum(d.operations for d in deltas if d.older >= full.sequence)
    wanted = shards_for(entries)
    return behind > max(_LEAST_FULL, entries // _FULL_SHARE) or wanted != full.shards


def _put_full(now: Published, found: Files, full: Full) -> None:
    together: Lines = {}
    changed = by_shard(
        (entry_id, None if line.startswith(ops.DELETE) else line)
        for entry_id, line in found.delta
    )
    for shard in range(SHARDS):
        old = {} if now.hashset is None else now.hashset.lines(shard)
        lines = applied(old, changed.get(shard, ()))
        if full.shards == 1:
            together |= lines
        else:
            found.put(full_path(full.sequence, shard, SHARDS), _packed(lines))
    if full.shards == 1:
        found.put(full_path(full.sequence, 0, 1), _packed(together))


def _packed(lines: Lines) -> bytes:
    return ops.packed(line for _, line in sorted(lines.items()))


def renewal(now: Published, folder: IssuerFolder, epoch_s: float, place: Path) -> None:
    """Propose a later end of validity for the unchanged set."""
    expires = md.ending(epoch_s, folder.settings.lifetimes.hashset)
    listing = md.new_listing(
        dict(now.old_files()), version=now.next_version(HASHSET), expires=expires
    )
    write_private(place / f"{HASHSET}.json", md.written(listing))


@contextlib.contextmanager
def _replacing_set(folder: IssuerFolder) -> Iterator[Path]:
    with replacing(folder.proposal) as place:
        for path in _others(folder.proposal):
            write_private(place / path.relative_to(folder.proposal), path.read_bytes())
        yield place


def _others(proposal: Path) -> Iterator[Path]:
    for path in sorted(it for it in proposal.rglob("*") if it.is_file()):
        parts = path.relative_to(proposal).parts
        is_other = (
            parts[1] == "revoke"
            if parts[0] == TARGETS_FOLDER
            else parts[0] not in {f"{HASHSET}.json", STAGED_NOTE}
        )
        if is_other:
            yield path


def _contradiction(what: str) -> IssuerError:
    return IssuerError(
        f"the proposal must not be signed: {what}",
        hint="Make it anew with 'uploadfilter issuer propose', and find out who "
        "changed its files.",
    )
