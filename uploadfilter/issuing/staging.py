"""Stage the operations of the next proposal: entries to add, ids to remove.

Staged operations lie in 256 files by the shard of their id, so that staging and
proposing a set of ten million entries take the memory of one shard.

Rules this module keeps: a refused file stages nothing; staging the same file twice is
the same as once; the name and the path of a picture are never staged.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from uploadfilter.errors import HashSetFormatError, IssuerError
from uploadfilter.hashsets.lines.jsonlines import parse_line
from uploadfilter.hashsets.opening import opened
from uploadfilter.hashsets.tally import Tally
from uploadfilter.issuing.folder import IssuerFolder, remove, replacing
from uploadfilter.issuing.published import Published, changes
from uploadfilter.signedsets import canaries
from uploadfilter.signedsets import operations as ops
from uploadfilter.signedsets.roles import SHARDS, shard_of

_HELD_BYTES: Final = 64 << 20
"""Bytes of lines that are held before they are written to the files of shards."""

_MOST_LINE_BYTES: Final = 256 << 10
"""Longest line, as stated by ``hashsets/FORMAT.md`` 1.2."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StagedChanges:
    """The number of staged operations.

    Attributes:
        added: How many entries are to be added or changed.
        deleted: How many ids are to be removed.
    """

    added: int = 0
    deleted: int = 0


class _Spread:
    """Writes lines into the files of their shards."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lines: dict[int, list[bytes]] = {}
        self._held = 0

    def add(self, entry_id: str, line: bytes) -> None:
        self._lines.setdefault(shard_of(entry_id), []).append(line)
        self._held += len(line)
        if self._held > _HELD_BYTES:
            self.flush()

    def flush(self) -> None:
        for shard, lines in self._lines.items():
            with (self._folder / f"{shard:02x}.part").open("ab") as file:
                file.writelines(lines)
        self._lines.clear()
        self._held = 0


def stage_file(
    folder: IssuerFolder,
    path: Path,
    *,
    tally: Tally,
    replacing_all: Published | None = None,
) -> StagedChanges:
    """Stage the entries of a file of JSON lines.

    Args:
        folder: The issuer's folder; the caller holds its lock.
        path: The file.
        tally: Counts the lines that are read and left out.
        replacing_all: The published data, if the file is the whole set: entries that
            the file lacks are removed then.

    Raises:
        HashSetFormatError: The file is malformed, or has an id twice.
        HashSetError: The file cannot be read.
    """
    with replacing(folder.staged) as new:
        spread = _Spread(new)
        with opened(path) as (file, _):
            for line in iter(lambda: file.readline(_MOST_LINE_BYTES + 1), b""):
                _spread(line, spread, tally)
        if tally.malformed or not tally.accepted:
            raise _refused(path, tally)
        spread.flush()
        for shard in range(SHARDS):
            named = _named_once(_part(new, shard))
            before = {} if replacing_all else staged_changes(folder, shard)
            if replacing_all is not None and replacing_all.hashset is not None:
                before = dict.fromkeys(replacing_all.hashset.own_lines(shard))
            _write_shard(new, shard, before | named)
    return staged(folder)


def stage_deletions(folder: IssuerFolder, ids: Iterable[str]) -> StagedChanges:
    """Stage ids to be removed.

    Args:
        folder: The issuer's folder; the caller holds its lock.
        ids: The ids; those that the set does not have are ignored.
    """
    by_shard: dict[int, dict[str, bytes | None]] = {}
    for entry_id in ids:
        by_shard.setdefault(shard_of(entry_id), {})[entry_id] = None
    with replacing(folder.staged) as new:
        for shard in range(SHARDS):
            before = staged_changes(folder, shard)
            _write_shard(new, shard, before | by_shard.get(shard, {}))
    return staged(folder)


def clear(folder: IssuerFolder) -> None:
    """Delete all staged operations."""
    remove(folder.staged)


def staged_changes(folder: IssuerFolder, shard: int) -> dict[str, bytes | None]:
    """Return the staged operations of one shard, by id."""
    path = folder.staged / f"{shard:02x}.jsonl"
    return changes(path.read_bytes()) if path.exists() else {}


def staged(folder: IssuerFolder) -> StagedChanges:
    """Count the staged operations."""
    added = deleted = 0
    for shard in range(SHARDS):
        lines = staged_changes(folder, shard).values()
        gone = sum(line is None for line in lines)
        deleted += gone
        added += len(lines) - gone
    return StagedChanges(added=added, deleted=deleted)


def not_added(folder: IssuerFolder, ids: Iterable[str]) -> set[str]:
    """Return the ids that the published set must have, because they are not staged.

    Args:
        folder: The issuer's folder; the caller holds its lock.
        ids: Ids that are to be removed.
    """
    by_shard: dict[int, set[str]] = {}
    for entry_id in ids:
        by_shard.setdefault(shard_of(entry_id), set()).add(entry_id)
    return {
        entry_id
        for shard, wanted in by_shard.items()
        for changed in (staged_changes(folder, shard),)
        for entry_id in wanted
        if changed.get(entry_id) is None
    }


def digest(folder: IssuerFolder) -> str:
    """Return the SHA-256 of the staged operations, which a proposal records."""
    found = hashlib.sha256()
    for shard in range(SHARDS):
        path = folder.staged / f"{shard:02x}.jsonl"
        if path.exists():
            found.update(hashlib.sha256(path.read_bytes()).digest() + bytes([shard]))
    return found.hexdigest()


def _spread(line: bytes, spread: _Spread, tally: Tally) -> None:
    tally.lines += 1
    text = line.strip()
    if tally.lines == 1:
        text = text.removeprefix(b"\xef\xbb\xbf")
    if not text or text.startswith(b"#"):
        return
    entry = parse_line(text, categories=None, tally=tally)
    if entry is not None:
        if entry.id.startswith(canaries.PREFIX):
            raise HashSetFormatError(
                f"line {tally.lines} has the id {entry.id!r}, reserved for canaries",
                hint="Nothing was staged. Give the entry another id.",
            )
        tally.accepted += 1
        spread.add(entry.id, ops.addition(entry))


def _part(folder: Path, shard: int) -> bytes:
    path = folder / f"{shard:02x}.part"
    data = path.read_bytes() if path.exists() else b""
    path.unlink(missing_ok=True)
    return data


def _named_once(text: bytes) -> dict[str, bytes | None]:
    lines = text.splitlines(keepends=True)
    found = changes(text)
    if len(found) < len(lines):
        twice, _ = Counter(map(ops.id_of, lines)).most_common(1)[0]
        raise HashSetFormatError(
            f"two lines of the file have the id {twice!r}",
            hint="Nothing was staged. Give every entry one line, with all its signals.",
        )
    return found


def _write_shard(folder: Path, shard: int, lines: dict[str, bytes | None]) -> None:
    if lines:
        text = (
            ops.deletion(entry_id) if line is None else line
            for entry_id, line in sorted(lines.items())
        )
        (folder / f"{shard:02x}.jsonl").write_bytes(b"".join(text))


def _refused(path: Path, tally: Tally) -> HashSetFormatError:
    first = next(
        (it for it in tally.problems if it.problem.is_malformed),
        next(iter(tally.problems), None),
    )
    why = "it is empty"
    if first is not None:
        why = f"line {first.first_line} has {first.problem.words}"
    return HashSetFormatError(
        f"{str(path)!r} has nothing to stage, or malformed lines: {why}",
        hint="Nothing was staged. The file must be JSON lines, each with an id and a "
        "category (hashsets/FORMAT.md, section 3): 'uploadfilter issuer build' makes "
        "such.",
    )


def read_ids(path: Path) -> list[str]:
    """Return the ids in a file, one on each line.

    Raises:
        IssuerError: The file cannot be read, or is not a list of ids.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as exc:
        raise IssuerError(
            f"cannot read ids from {str(path)!r}: {exc}",
            hint="The file has one id a line, in UTF-8.",
        ) from exc
    ids = [line.strip() for line in lines if line.strip()]
    if not ids:
        raise IssuerError(
            f"{str(path)!r} has no ids",
            hint="Nothing was staged. The file has one id a line, in UTF-8.",
        )
    return ids
