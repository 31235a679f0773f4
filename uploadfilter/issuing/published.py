"""Read the published metadata of an issuer, and the entries of the set.

Rules this module keeps: it reads as an operator would, by the newest timestamp; every
file is checked against its signed digest, because officers sign what follows from it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Final, TypeVar

from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import (
    Metadata,
    Root,
    Snapshot,
    TargetFile,
    Targets,
    Timestamp,
)
from tuf.api.serialization import DeserializationError

from uploadfilter.errors import IssuerError
from uploadfilter.issuing.folder import IssuerFolder
from uploadfilter.signedsets import canaries
from uploadfilter.signedsets import manifest as manifests
from uploadfilter.signedsets import operations as ops
from uploadfilter.signedsets.manifest import Manifest
from uploadfilter.signedsets.metadata import parsed
from uploadfilter.signedsets.roles import (
    GATHERED,
    HASHSET,
    MANIFEST_PATH,
    REVOKE,
    REVOKED_PATH,
    ROOT,
    SHARDS,
    TARGETS,
    TIMESTAMP,
    full_path,
    shard_of,
    stored_name,
)

_T = TypeVar("_T", Root, Timestamp, Snapshot, Targets)
_V = TypeVar("_V")

Lines = dict[str, bytes]
"""The line of each entry, by its id."""

KINDS: Final[Mapping[str, type[Root] | type[Targets]]] = {
    ROOT: Root,
    TARGETS: Targets,
    HASHSET: Targets,
    REVOKE: Targets,
}
"""The roles that people sign, in the order in which they are verified."""


@dataclass(frozen=True, kw_only=True)
class Listing:
    """The files that metadata lists, and their folders.

    Attributes:
        metadata: The metadata that lists them.
        folders: The folders that may hold each file; the first that has it counts.
    """

    metadata: Metadata[Targets]
    folders: tuple[Path, ...]

    def read(self, path: str) -> bytes:
        """Return a file."""
        target = self.metadata.signed.targets.get(path)
        if target is None:
            raise _damaged(f"{path} is not listed")
        for folder in self.folders:
            place = folder / stored_name(path, target.hashes["sha256"])
            if place.is_file():
                data = place.read_bytes()
                try:
                    target.verify_length_and_hashes(data)
                except RepositoryError as exc:
                    raise _damaged(f"{path} differs from the signed file") from exc
                return data
        raise _damaged(f"{path} is missing")

    @cached_property
    def manifest(self) -> Manifest:
        """The manifest of the set."""
        return manifests.parse(self.read(MANIFEST_PATH))

    @cached_property
    def _changed(self) -> dict[int, list[tuple[str, bytes | None]]]:
        paths = manifests.plan(self.manifest, self.manifest.full.sequence).paths
        texts = (ops.unpacked(self.read(path)) for path in paths)
        return by_shard(it for text in texts for it in changes(text).items())

    @cached_property
    def _unsharded(self) -> dict[int, Lines]:
        full = self.manifest.full
        text = ops.unpacked(self.read(full_path(full.sequence, 0, full.shards)))
        lines = ((ops.id_of(it), it) for it in text.splitlines(keepends=True))
        return {shard: dict(its) for shard, its in by_shard(lines).items()}

    def full_lines(self, shard: int) -> Lines:
        """Return the entries of one of 256 parts of the full set."""
        full = self.manifest.full
        if full.shards == 1:
            return dict(self._unsharded.get(shard, {}))
        text = ops.unpacked(self.read(full_path(full.sequence, shard, SHARDS)))
        return {ops.id_of(line): line for line in text.splitlines(keepends=True)}

    def lines(self, shard: int) -> Lines:
        """Return the entries of one of 256 parts of the newest set."""
        return applied(self.full_lines(shard), self._changed.get(shard, ()))

    def own_lines(self, shard: int) -> Lines:
        """Return the entries that people listed: all of them except the canaries."""
        return without_canaries(self.lines(shard))

    def withdrawn(self) -> tuple[str, ...]:
        """Return the ids in a list of withdrawals."""
        return ops.withdrawals(ops.unpacked(self.read(REVOKED_PATH)))


def changes(text: bytes) -> dict[str, bytes | None]:
    """Return the effect of operations by id: the added line, or ``None`` for none."""
    return {
        ops.id_of(line): line if line.startswith(ops.ADD) else None
        for line in text.splitlines(keepends=True)
    }


def by_shard(pairs: Iterable[tuple[str, _V]]) -> dict[int, list[tuple[str, _V]]]:
    """Group ids and their values by the shard of the id, in order."""
    found: dict[int, list[tuple[str, _V]]] = {}
    for pair in pairs:
        found.setdefault(shard_of(pair[0]), []).append(pair)
    return found


def without_canaries(lines: Lines) -> Lines:
    """Return the entries that people listed."""
    return {it: lines[it] for it in lines if not it.startswith(canaries.PREFIX)}


def applied(lines: Lines, changed: Iterable[tuple[str, bytes | None]]) -> Lines:
    """Return entries after operations, in their order."""
    result = dict(lines)
    for entry_id, line in changed:
        if line is None:
            result.pop(entry_id, None)
        else:
            result[entry_id] = line
    return result


@dataclass(frozen=True, kw_only=True)
class Published:
    """The published data of an issuer.

    Attributes:
        versions: Newest version of each role's metadata; empty before the first time.
        root: The newest root.
        targets: The newest delegations.
        hashset: The newest set; ``None`` before the first time.
        revoke: The newest withdrawals; ``None`` before the first time.
    """

    versions: Mapping[str, int] = field(default_factory=dict)
    expires: Mapping[str, int] = field(default_factory=dict)
    root: Metadata[Root] | None = None
    targets: Metadata[Targets] | None = None
    hashset: Listing | None = None
    revoke: Listing | None = None

    @property
    def sequence(self) -> int:
        """Sequence of the newest set; 0 if there is none."""
        return 0 if self.hashset is None else self.hashset.manifest.sequence

    def next_version(self, role: str) -> int:
        """Return the version that new metadata of a role gets."""
        return self.versions.get(role, 0) + 1

    def withdrawn(self) -> tuple[str, ...]:
        """Return the ids in the newest list of withdrawals."""
        return () if self.revoke is None else self.revoke.withdrawn()

    def old_files(self) -> Mapping[str, TargetFile]:
        """Return the files of the newest set, by their paths."""
        return {} if self.hashset is None else self.hashset.metadata.signed.targets


def published(folder: IssuerFolder) -> Published:
    """Read the published data."""
    place = folder.metadata / f"{TIMESTAMP}.json"
    if not place.exists():
        return Published()
    try:
        timestamp = parsed(place.read_bytes(), Timestamp)
        version = timestamp.signed.snapshot_meta.version
        gathered = _read(folder, GATHERED, version, Snapshot)
        meta = {
            name.removesuffix(".json"): it.version
            for name, it in gathered.signed.meta.items()
        }
        found: dict[str, Metadata[Targets]] = {
            role: _read(folder, role, meta[role], Targets)
            for role in (TARGETS, HASHSET, REVOKE)
        }
        newest = _newest_root(folder)
        root = _read(folder, ROOT, newest, Root)
    except (RepositoryError, DeserializationError, KeyError, ValueError) as exc:
        raise _damaged(f"its metadata cannot be read ({exc})") from exc
    places = (folder.targets,)
    every: dict[str, Root | Targets | Snapshot | Timestamp] = {
        ROOT: root.signed,
        **{role: it.signed for role, it in found.items()},
        GATHERED: gathered.signed,
        TIMESTAMP: timestamp.signed,
    }
    return Published(
        versions={role: it.version for role, it in every.items()},
        expires={role: int(it.expires.timestamp()) for role, it in every.items()},
        root=root,
        targets=found[TARGETS],
        hashset=Listing(metadata=found[HASHSET], folders=places),
        revoke=Listing(metadata=found[REVOKE], folders=places),
    )


def _read(
    folder: IssuerFolder, role: str, version: int, kind: type[_T]
) -> Metadata[_T]:
    return parsed((folder.metadata / f"{version}.{role}.json").read_bytes(), kind)


def _newest_root(folder: IssuerFolder) -> int:
    names = (path.name for path in folder.metadata.glob(f"*.{ROOT}.json"))
    return max(
        int(number) for name in names if (number := name.split(".")[0]).isdigit()
    )


def _damaged(what: str) -> IssuerError:
    return IssuerError(
        f"the published data is damaged: {what}",
        hint="Nothing was changed. Restore the folder from the backup.",
    )
