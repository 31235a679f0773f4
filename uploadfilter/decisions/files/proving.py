"""Prove that a record is in the log, and check the tree against what witnesses saw.

``prove`` needs the record and the tiles. ``compare`` reads every record that is there,
computes the tree again, and compares it with the tiles, with the signed checkpoint and
with the checkpoints that witnesses kept. A record that retention deleted has its leaf
in the tiles; the root of the checkpoint holds these leaves fast.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

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
from uploadfilter.decisions.tree.notes import Note, TreeHead, Verifier
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


class TreeFault(StrEnum):
    """The kinds of damage to a tree, or to the log below it."""

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
        problem: The kind of damage.
        why: The place, in words.
        record: Number of the record, if it is one.
    """

    problem: TreeFault
    why: str
    record: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeReport:
    """The report of a check of a tree.

    Attributes:
        origin: Name of the log.
        key: The public key as text.
        first: Number of the record that is the first leaf.
        size: Number of leaves of the checkpoint.
        root: Root of the checkpoint.
        checked: Leaves whose records are there, and were hashed again.
        witnessed: Sizes of the checkpoints of witnesses that the tree continues.
        findings: The faults.
        findings_omitted: Number of further faults.
    """

    origin: str
    key: str
    first: int
    size: int
    root: bytes
    checked: int
    witnessed: tuple[int, ...]
    findings: tuple[TreeFinding, ...]
    findings_omitted: int

    @property
    def ok(self) -> bool:
        """Whether there are no faults."""
        return not self.findings


def prove(directory: Path, decision: str) -> Proof:
    """Prove that a decision is in the log.

    Args:
        directory: The log's directory.
        decision: Id of the decision.

    Raises:
        LogCorruptError: The tree is damaged, or has another record in this place.
        LogError: There is no such decision or no tree, or the tree does not reach the
            decision yet.
    """
    files = TreeFiles(directory)
    tree = _signed(files)
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
    directory: Path, *, witnessed: Sequence[Note] = (), key: Verifier | None = None
) -> TreeReport:
    """Check the tree of a log, and that it continues what witnesses saw.

    Args:
        directory: The log's directory.
        witnessed: Signed checkpoints that were kept elsewhere.
        key: The log's key that was kept elsewhere; ``None`` takes the one of the log.

    Raises:
        LogCorruptError: The checkpoint is damaged.
        LogError: There is no tree, or a file cannot be read.
    """
    files = TreeFiles(directory)
    return _Comparison(files, _signed(files), witnessed, key).report()


def _signed(files: TreeFiles) -> SignedTree:
    tree = files.signed()
    if tree is None:
        raise LogError(
            f"the decision log in {str(files.log)!r} has no tree yet",
            hint="A running proxy makes it within a minute.",
        )
    return tree


def _found(directory: Path, decision: str) -> tuple[int, bytes]:
    """Return the number and the line of a decision."""
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
    """Return the number and the line of a decision, if a segment has it.

    Raises:
        LogCorruptError: It is compressed and damaged.
        LogError: It cannot be read.
    """
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
    """One pass over the records of a log, beside its tree."""

    def __init__(
        self,
        files: TreeFiles,
        tree: SignedTree,
        witnessed: Sequence[Note],
        key: Verifier | None,
    ) -> None:
        self._files = files
        self._tree = tree
        self._key = key or tree.key
        self._witnessed = witnessed
        self._findings: list[TreeFinding] = []
        self._omitted = 0
        self._checked = 0
        self._stored: list[bytes] = []
        self._stored_tile = -1

    def report(self) -> TreeReport:
        """Compare everything."""
        tree = self._tree
        if self._key != tree.key:
            self._find(TreeFault.STRANGER, "the log's tree has another key")
        heads = self._heads()
        roots = self._roots({head.size for head in heads})
        if roots[tree.head.size] != tree.head.root:
            self._find(TreeFault.ROOT, "the checkpoint has another root than the tree")
        confirmed = [head.size for head in heads if self._continues(head, roots)]
        return TreeReport(
            origin=tree.head.origin,
            key=tree.key.text,
            first=tree.first,
            size=tree.head.size,
            root=tree.head.root,
            checked=self._checked,
            witnessed=tuple(confirmed),
            findings=tuple(self._findings),
            findings_omitted=self._omitted,
        )

    def _heads(self) -> list[TreeHead]:
        """Return the checkpoints of witnesses that the log has signed."""
        found = []
        for note in self._witnessed:
            try:
                head = TreeHead.parse(note.text)
            except ValueError:
                self._find(TreeFault.STRANGER, "the witness's note is no checkpoint")
                continue
            if head.origin != self._key.name or self._key.signed_time(note) is None:
                why = f"the witness's checkpoint of {head.origin!r} is not signed by "
                self._find(TreeFault.STRANGER, why + "the key of this log")
            else:
                found.append(head)
        return found

    def _continues(self, head: TreeHead, roots: dict[int, bytes]) -> bool:
        """Return whether the tree continues a checkpoint."""
        size = self._tree.head.size
        if head.size > size:
            why = f"the witness saw {head.size} leaves, and the tree has {size}"
            self._find(TreeFault.REWOUND, why)
            return False
        if roots[head.size] != head.root:
            why = f"the first {head.size} leaves are not those that the witness saw"
            self._find(TreeFault.FORKED, why)
            return False
        return True

    def _roots(self, sizes: set[int]) -> dict[int, bytes]:
        """Compute the tree again; return its roots at some sizes."""
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
        expected = self._tree.first
        for number, line in self._records():
            if number < expected or number > self._tree.last:
                continue
            while expected < number:
                yield self._leaf(expected)
                expected += 1
            found = leaf_hash(line)
            if found != self._leaf(number):
                why = f"the record {number} is not the one in the tree"
                self._find(TreeFault.RECORD, why, number)
            self._checked += 1
            yield found
            expected += 1
        if expected <= self._tree.last:
            why = f"the log ends before the record {self._tree.last} of its tree"
            self._find(TreeFault.SHORT, why, expected)
        while expected <= self._tree.last:
            yield self._leaf(expected)
            expected += 1

    def _records(self) -> Iterator[tuple[int, bytes]]:
        """Yield the lines of the log, each with its number by its place."""
        for segment in segments(self._files.log):
            number = read_head(self._files.log, segment).seq
            try:
                with opened(self._files.log, segment) as file:
                    for line in lines(file):
                        if not line.is_whole:
                            break
                        yield number, line.data
                        number += 1
            except LogCorruptError as exc:
                self._find(TreeFault.RECORD, str(exc), number)

    def _leaf(self, number: int) -> bytes:
        """Return the hash of a record's leaf in the tiles."""
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

    def _find(self, problem: TreeFault, why: str, record: int | None = None) -> None:
        if len(self._findings) >= FINDINGS_LIMIT:
            self._omitted += 1
            return
        self._findings.append(TreeFinding(problem=problem, why=why, record=record))
