"""Stage the operations of the next proposal: entries to add, ids to remove.

Staged operations lie in 256 files by the shard of their id, so that staging and
proposing a set of ten million entries take the memory of one shard.

Rules this module keeps: a refused file stages nothing; staging the same file twice is
the same as once; the name and the path of a picture are never staged.
"""

import hashlib
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from io import BufferedReader
from pathlib import Path
from typing import Final

from uploadfilter.errors import HashSetFormatError, IssuerError
from uploadfilter.hashsets import formats
from uploadfilter.hashsets.exporting import entries_of, id_of
from uploadfilter.hashsets.foreign.foreign import known_by
from uploadfilter.hashsets.foreign.recognising import (
    HEAD_BYTES,
    first_line,
    is_table,
    text_of,
)
from uploadfilter.hashsets.formats import KnownBefore
from uploadfilter.hashsets.lines.columns import Layout
from uploadfilter.hashsets.opening import opened
from uploadfilter.hashsets.refusing import BadLines, check_outcome
from uploadfilter.hashsets.tally import Tally
from uploadfilter.issuing.folder import IssuerFolder, remove, replacing
from uploadfilter.issuing.published import Published, by_shard, changes
from uploadfilter.signedsets import canaries
from uploadfilter.signedsets import operations as ops
from uploadfilter.signedsets.roles import SHARDS, shard_of

PUT_BACK: Final = (
    "Providers keep the id of a withdrawn entry out of force for good. To put the "
    "picture back, list it with another id: a table of 'uploadfilter issuer build' "
    "names ids."
)
"""What to do about a withdrawn entry that belongs into the set after all."""

_IDS_SHOWN: Final = 5
"""Most ids that an error names."""

_HELD_BYTES: Final = 64 << 20
"""Bytes of lines that are held before they are written to the files of shards."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StagedChanges:
    """The number of staged operations.

    Attributes:
        added: How many entries are to be added or changed.
        deleted: How many ids are to be removed.
        withdrawn: Ids that were left out, because a duty officer withdrew them.
    """

    added: int = 0
    deleted: int = 0
    withdrawn: tuple[str, ...] = ()


class _Spread:
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
    now: Published,
    tally: Tally,
    categories: Collection[str] = (),
    is_whole: bool = False,
) -> StagedChanges:
    """Stage the entries of a file in any supported format.

    Withdrawn entries are left out: operators keep their ids out of force for good.

    Args:
        folder: The issuer's folder; the caller holds its lock.
        path: The file.
        now: The published data.
        tally: Counts the lines that are read and left out.
        categories: The categories to take; none takes all of a file of JSON lines. A
            file in another format needs them: its categories may have other meanings.
        is_whole: Whether the file is the whole set: entries that the file lacks are
            removed then.

    Raises:
        HashSetFormatError: The file is malformed, has an id twice, or has no entry of
            these categories.
        HashSetError: The file cannot be read.
        IssuerError: All its entries were withdrawn.
        UsageError: The file has no categories, and not exactly one was given.
    """
    gone, again = withdrawn_ids(folder, now), set[str]()
    with replacing(folder.staged) as new:
        spread = _Spread(new)
        with opened(path) as (file, _):
            _spread(file, spread, tally, frozenset(categories))
        _check_outcome(path, tally)
        spread.flush()
        for shard in range(SHARDS):
            named = _named_once(_part(new, shard))
            again |= gone & named.keys()
            named = {i: line for i, line in named.items() if i not in gone}
            before = {} if is_whole else staged_changes(folder, shard)
            if is_whole and now.hashset is not None:
                before = dict.fromkeys(now.hashset.own_lines(shard))
            _write_shard(new, shard, before | named)
        if len(again) == tally.accepted:
            raise withdrawn_again(again)
    return replace(staged(folder), withdrawn=tuple(sorted(again)))


def withdrawn_ids(folder: IssuerFolder, now: Published) -> frozenset[str]:
    """Return all ids that duty officers ever withdrew."""
    return folder.withdrawn_before() | frozenset(now.withdrawn())


def staged_in_vain(folder: IssuerFolder, now: Published) -> tuple[str, ...]:
    """Return the ids that are staged to be added, but were withdrawn meanwhile."""
    gone = withdrawn_ids(folder, now)
    return tuple(
        entry_id
        for shard in sorted({shard_of(entry_id) for entry_id in gone})
        for entry_id, line in sorted(staged_changes(folder, shard).items())
        if line is not None and entry_id in gone
    )


def withdrawn_again(ids: Collection[str]) -> IssuerError:
    """Return the error about entries that were withdrawn and cannot come back."""
    few = ", ".join(sorted(ids)[:_IDS_SHOWN])
    return IssuerError(
        f"every entry of the file was withdrawn by a duty officer: {few}",
        hint=f"Nothing was staged. {PUT_BACK}",
    )


def stage_deletions(folder: IssuerFolder, ids: Iterable[str]) -> StagedChanges:
    """Stage ids to be removed."""
    gone: Iterable[tuple[str, bytes | None]] = ((entry_id, None) for entry_id in ids)
    deleted = by_shard(gone)
    with replacing(folder.staged) as new:
        for shard in range(SHARDS):
            before = staged_changes(folder, shard)
            _write_shard(new, shard, before | dict(deleted.get(shard, ())))
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


def not_added(folder: IssuerFolder, ids: Collection[str]) -> set[str]:
    """Return the ids that the published set must have, because they are not staged."""
    added: set[str] = set()
    for shard in {shard_of(entry_id) for entry_id in ids}:
        changed = staged_changes(folder, shard)
        added |= {it for it, line in changed.items() if line is not None}
    return set(ids) - added


def digest(folder: IssuerFolder) -> str:
    """Return the SHA-256 of the staged operations, which a proposal records."""
    found = hashlib.sha256()
    for shard in range(SHARDS):
        path = folder.staged / f"{shard:02x}.jsonl"
        if path.exists():
            found.update(hashlib.sha256(path.read_bytes()).digest() + bytes([shard]))
    return found.hexdigest()


def _spread(
    file: BufferedReader, spread: _Spread, tally: Tally, categories: frozenset[str]
) -> None:
    head = file.peek(HEAD_BYTES)[:HEAD_BYTES]
    is_own = known_by(head) is None and first_line(text_of(head) or "").startswith("{")
    items = formats.read(
        file,
        categories=None if is_own and not categories else categories,
        tally=tally,
        said=KnownBefore(layout=Layout() if is_table(head) else None),
        id_of=id_of,
    )
    for entry in entries_of(items):
        if entry.id.startswith(canaries.PREFIX):
            raise HashSetFormatError(
                f"an entry has the id {entry.id!r}, reserved for canaries",
                hint="Nothing was staged. Give the entry another id.",
            )
        spread.add(entry.id, ops.addition(entry))


def _part(folder: Path, shard: int) -> bytes:
    path = folder / f"{shard:02x}.part"
    data = path.read_bytes() if path.exists() else b""
    path.unlink(missing_ok=True)
    return data


def _named_once(text: bytes) -> dict[str, bytes | None]:
    # A list may name a digest twice; both lines are the same.
    lines = set(text.splitlines(keepends=True))
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


def _check_outcome(path: Path, tally: Tally) -> None:
    try:
        check_outcome(str(path), tally, BadLines.REFUSE)
    except HashSetFormatError as exc:
        hint = exc.hint.replace("Nothing was imported.", "Nothing was staged.")
        raise HashSetFormatError(str(exc), hint=hint) from exc


def read_ids(path: Path) -> list[str]:
    """Return the ids in a file, one on each line."""
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
