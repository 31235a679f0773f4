"""Prove that a record is in the log, and check the tree against what witnesses saw.

``prove`` needs the record and the tiles. ``compare`` reads every record that is there,
computes the tree again, and compares it with the tiles, with the signed checkpoint and
with the checkpoints that witnesses kept, or that lie beside it. A record that retention
deleted has its leaf in the tiles; the root of the checkpoint holds these leaves fast.
"""

from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Final

import msgspec

from uploadfilter.decisions.files.segments import (
    Segment,
    lines,
    opened,
    read_head,
    segments,
)
from uploadfilter.decisions.files.treefiles import SignedTree, TreeFiles, damaged
from uploadfilter.decisions.records.records import DecisionRecord, decode
from uploadfilter.decisions.tree.merkle import (
    inclusion_proof,
    leaf_hash,
)
from uploadfilter.decisions.tree.notes import Note, TreeHead
from uploadfilter.decisions.tree.proofs import Proof
from uploadfilter.decisions.tree.tiles import (
    TILE_WIDTH,
    Edge,
    TileReader,
    hashes_of,
    tile_of,
)
from uploadfilter.errors import LogCorruptError, LogError

FINDINGS_LIMIT: Final = 1000
"""Most findings that are kept, as of the check of the chain."""

UNSIGNED_MINUTES: Final = 10
UNSIGNED_DAYS: Final = 2
"""Most minutes and days with records after the checkpoint that are normal. A proxy
signs each minute, and when it stops; a crash leaves the records of a minute, and the
next start adds those of another one, which may be on another day."""


LATE_MINUTES: Final = 3
"""Most minutes with records that a running proxy has yet to sign: it signs each minute,
and the copy of a log takes time."""


class TreeFault(StrEnum):
    """The kinds of damage to a tree, or to the log below it."""

    ABSENT = "tree_missing"
    DAMAGED = "tree_damaged"
    BEHIND = "tree_behind"
    RECORD = "record_differs"
    TILE = "tile_differs"
    ROOT = "root_differs"
    SHORT = "records_missing"
    FORKED = "forked"
    REWOUND = "rewound"
    STRANGER = "not_of_this_log"


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeFinding:
    """One fault of a tree.

    Attributes:
        why: The fault, in words.
        record: Number of the first record that it is about, if it is about records.
        last: Number of the last one of several that follow each other in a file.
        segment: The file in which it was found, if it is one of records.
    """

    problem: TreeFault
    why: str
    record: int | None = None
    last: int | None = None
    segment: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeReport:
    """The report of a check of a tree.

    Attributes:
        origin: Name of the log; empty if its checkpoint cannot be read.
        key: The public key as text.
        is_key_kept: Whether that key was given, so that it is not only the one that
            stands beside the log.
        first: Number of the record that is the first leaf.
        size: Number of leaves of the checkpoint.
        root: Root of the checkpoint.
        checked: Leaves whose records are there, and were hashed again.
        after: Records after the checkpoint, which only the chain holds.
        is_late: Whether a running proxy would have signed some of those by now.
        witnessed: Sizes of the checkpoints of witnesses that the tree continues.
        findings_omitted: Number of further faults.
    """

    origin: str = ""
    key: str = ""
    is_key_kept: bool = False
    first: int = 0
    size: int = 0
    root: bytes = b""
    checked: int = 0
    after: int = 0
    is_late: bool = False
    witnessed: tuple[int, ...] = ()
    findings: tuple[TreeFinding, ...]
    findings_omitted: int = 0

    @property
    def ok(self) -> bool:
        """Whether there are no faults."""
        return not self.findings


def prove(directory: Path, decision: str) -> Proof:
    """Prove that a decision is in the log."""
    files = TreeFiles(directory)
    tree = files.signed()
    if tree is None:
        raise LogError(
            f"the decision log in {str(directory)!r} has no tree yet",
            hint="A running proxy makes it within a minute.",
        )
    number, line = _found(directory, decision)
    if not tree.first <= number <= tree.last:
        raise LogError(
            f"the record {number} is not in the tree, which has the records from "
            f"{tree.first} to {tree.last}",
            hint="A running proxy adds new records every minute. Records that are "
            "older than the tree are in the chain only.",
        )
    index = number - tree.first
    read = TileReader(tree.head.size, files.tile)
    if read(0, index) != leaf_hash(line):
        raise damaged(files.path, f"it has another record {number}")
    hashes = tuple(inclusion_proof(index, tree.head.size, read))
    proof = Proof(record=line, index=index, hashes=hashes, checkpoint=tree.note)
    if not proof.proves(tree.key):
        raise damaged(files.path, "its tiles do not have the root of its checkpoint")
    return proof


def compare(
    directory: Path, *, witnessed: Sequence[Note] = (), keys: Collection[str] = ()
) -> TreeReport | None:
    """Check the tree of a log, and that it continues what witnesses saw.

    Args:
        directory: The log's directory.
        witnessed: Signed checkpoints that were kept elsewhere.
        keys: Keys of logs that were kept elsewhere; if there are any, the log's key has
            to be one of them.

    Returns:
        The report; ``None`` if there is no tree, and nothing that was kept elsewhere
        says that there was one.
    """
    files = TreeFiles(directory)
    try:
        # Read first: a running proxy may sign again meanwhile.
        notes = [*witnessed, *files.cosigned()]
        tree = files.signed()
        is_begun = files.is_begun
    except LogCorruptError as exc:
        finding = TreeFinding(problem=TreeFault.DAMAGED, why=str(exc))
        return TreeReport(findings=(finding,))
    if tree is not None:
        return _Comparison(files, tree, notes, keys).report()
    if not notes and not keys and not is_begun:
        return None
    why = (
        "the tree has a key and no checkpoint"
        if is_begun
        else "there is no tree, though a key or checkpoint of it was kept"
    )
    finding = TreeFinding(problem=TreeFault.ABSENT, why=why)
    return TreeReport(findings=(finding,))


def is_unsigned(minutes: int, days: int) -> bool:
    """Return whether a running proxy would have signed again."""
    return minutes > UNSIGNED_MINUTES or days > UNSIGNED_DAYS


def _found(directory: Path, decision: str) -> tuple[int, bytes]:
    damage: LogCorruptError | None = None
    for segment in reversed(segments(directory)):
        try:
            found = _found_in(directory, segment, decision)
        except LogCorruptError as exc:
            damage = exc
        else:
            if found is not None:
                return found
    if damage is not None:
        raise damage
    raise LogError(
        f"the log has no decision {decision!r}",
        hint="Retention may have deleted it, or another proxy has it (--instance).",
    )


def _found_in(
    directory: Path, segment: Segment, decision: str
) -> tuple[int, bytes] | None:
    wanted = decision.encode()
    with opened(directory, segment) as file:
        for line in lines(file):
            if wanted not in line.data or not line.is_whole:
                continue
            try:
                record = decode(line.data)
            except LogCorruptError:
                continue
            if isinstance(record, DecisionRecord) and record.id == decision:
                return record.seq, line.data
    return None


class _Comparison:
    def __init__(
        self,
        files: TreeFiles,
        tree: SignedTree,
        witnessed: Sequence[Note],
        keys: Collection[str],
    ) -> None:
        self._files = files
        self._tree = tree
        self._keys = keys
        self._witnessed = witnessed
        self._findings: list[TreeFinding] = []
        self._omitted = 0
        self._checked = 0
        self._after = _After()
        self._stored: list[bytes] = []
        self._stored_tile = -1

    def report(self) -> TreeReport:
        tree = self._tree
        is_kept = tree.key.text in self._keys
        if self._keys and not is_kept:
            why = f"the log's tree has the key {tree.key.text}, and you kept others"
            self._find(TreeFault.STRANGER, why)
        heads = self._heads()
        roots = self._roots({head.size for head in heads})
        if roots[tree.head.size] != tree.head.root:
            self._find(TreeFault.ROOT, "the checkpoint has another root than the tree")
        confirmed = {head.size for head in heads if self._continues(head, roots)}
        self._settle_after()
        return TreeReport(
            origin=tree.head.origin,
            key=tree.key.text,
            is_key_kept=is_kept,
            first=tree.first,
            size=tree.head.size,
            root=tree.head.root,
            checked=self._checked,
            after=self._after.records,
            is_late=len(self._after.minutes) > LATE_MINUTES,
            witnessed=tuple(sorted(confirmed)),
            findings=tuple(self._findings),
            findings_omitted=self._omitted,
        )

    def _heads(self) -> list[TreeHead]:
        found = []
        for note in self._witnessed:
            try:
                head = TreeHead.parse(note.text)
            except ValueError:
                self._find(TreeFault.STRANGER, "the witness's note is no checkpoint")
                continue
            key = self._tree.key
            if head.origin != key.name or key.signed_time(note) is None:
                why = f"the witness's checkpoint of {head.origin!r} is not signed by "
                self._find(TreeFault.STRANGER, why + "the key of this log")
            else:
                found.append(head)
        return found

    def _continues(self, head: TreeHead, roots: dict[int, bytes]) -> bool:
        size = self._tree.head.size
        if head.size > size:
            first = self._tree.first
            why = f"a witness saw the records up to {first + head.size - 1:,}, and the "
            why += f"log's checkpoint ends with record {self._tree.last:,}"
            self._find(TreeFault.REWOUND, why, first + size)
            return False
        if roots[head.size] != head.root:
            last = self._tree.first + head.size - 1
            why = f"the records up to {last:,} are not those that the witness saw"
            self._find(TreeFault.FORKED, why)
            return False
        return True

    def _roots(self, sizes: set[int]) -> dict[int, bytes]:
        edge = Edge()
        roots = {0: edge.root()}
        for index, leaf in enumerate(self._leaves()):
            for tile, data in edge.add(leaf):
                if self._stored_data(tile.level, tile.number) != data:
                    self._find(TreeFault.TILE, f"the tile {tile.path!r} differs")
            if index + 1 in sizes or index + 1 == self._tree.head.size:
                roots[index + 1] = edge.root()
        for tile, data in edge.partial():
            if self._stored_data(tile.level, tile.number) != data:
                self._find(TreeFault.TILE, f"the tile {tile.path!r} differs")
        return roots

    def _leaves(self) -> Iterator[bytes]:
        """Yield the hash of each leaf: of its record, or from the tiles."""
        expected, last = self._tree.first, self._tree.last
        where = ""
        for number, line, segment in self._records():
            where = segment.name
            if number > last:
                self._after.add(number, line, segment)
            if number < expected or number > last:
                continue
            while expected < number:
                yield self._leaf(expected)
                expected += 1
            found = leaf_hash(line)
            if found != self._leaf(number):
                self._find_changed(number, where)
            self._checked += 1
            yield found
            expected += 1
        if expected <= last and not self._after.records:
            why = f"the log ends before record {last:,}, up to which its checkpoint "
            why += "was signed"
            self._find(TreeFault.SHORT, why, expected, where)
        while expected <= last:
            yield self._leaf(expected)
            expected += 1

    def _records(self) -> Iterator[tuple[int, bytes, Segment]]:
        """Yield the lines of the log, each with its number by its place."""
        found = segments(self._files.log)
        for segment in found:
            number = None
            try:
                number = read_head(self._files.log, segment).seq
                with opened(self._files.log, segment) as file:
                    for line in lines(file):
                        if not line.is_whole:
                            break
                        yield number, line.data, segment
                        number += 1
            except LogCorruptError as exc:
                # A crash may leave the newest file without its head.
                if number is not None or segment != found[-1]:
                    self._find(TreeFault.RECORD, str(exc), number, segment.name)

    def _find_changed(self, number: int, where: str) -> None:
        """Note that a record differs; those that follow each other are one finding."""
        before = self._findings[-1] if self._findings else None
        run = (TreeFault.RECORD, where, number - 1)
        if before and (before.problem, before.segment, before.last) == run:
            why = f"records {before.record:,} to {number:,} are not those that were "
            why += "signed"
            self._findings[-1] = replace(before, why=why, last=number)
            return
        why = f"record {number:,} is not the one that was signed"
        self._find(TreeFault.RECORD, why, number, where)

    def _settle_after(self) -> None:
        after = self._after
        if is_unsigned(len(after.minutes), len(after.days)):
            why = f"{after.records:,} records, until {max(after.minutes)} UTC, follow "
            why += f"after record {self._tree.last:,}, the last one that was signed"
            self._find(TreeFault.BEHIND, why, after.first, after.segment)

    def _leaf(self, number: int) -> bytes:
        index = number - self._tree.first
        if index // TILE_WIDTH != self._stored_tile:
            self._stored_tile = index // TILE_WIDTH
            self._stored = hashes_of(self._stored_data(0, self._stored_tile))
        at = index % TILE_WIDTH
        return self._stored[at] if at < len(self._stored) else b""

    def _stored_data(self, level: int, index: int) -> bytes:
        """Return the content of a tile; empty if it is damaged."""
        tile = tile_of(level, index * TILE_WIDTH, self._tree.head.size)
        try:
            return self._files.tile(tile)
        except LogCorruptError:
            return b""

    def _find(
        self,
        problem: TreeFault,
        why: str,
        record: int | None = None,
        segment: str = "",
    ) -> None:
        if len(self._findings) >= FINDINGS_LIMIT:
            self._omitted += 1
            return
        self._findings.append(
            TreeFinding(
                problem=problem, why=why, record=record, last=record, segment=segment
            )
        )


class _Timed(msgspec.Struct):
    """A record, as far as its time."""

    time: str


class _After:
    """The records after a checkpoint.

    Attributes:
        records: How many.
        first: Number of the first one.
        segment: Its file.
        minutes: The minutes that have such records.
        days: The days that have such records.
    """

    def __init__(self) -> None:
        self.records = self.first = 0
        self.segment = ""
        self.minutes: set[str] = set()
        self.days: set[str] = set()
        self._decoder = msgspec.json.Decoder(_Timed)

    def add(self, number: int, line: bytes, segment: Segment) -> None:
        if not self.records:
            self.first, self.segment = number, segment.name
        self.records += 1
        # The check of the chain reports a line that is no record.
        with suppress(msgspec.DecodeError, UnicodeDecodeError):
            time = self._decoder.decode(line).time
            self.minutes.add(time[:16].replace("T", " "))
            self.days.add(time[:10])
