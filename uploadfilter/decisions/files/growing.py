"""Let the Merkle tree of a log grow by the records that are durable.

The tree is made from the segments, not beside the writer: what a crash left undone is
done by the same way as everything else, and an append costs nothing. Tiles come first,
each durable, and then the checkpoint that needs them; so a crash leaves a tree of the
last checkpoint, and perhaps tiles of the next one, which are written again alike.

Rules this module keeps: nothing is signed that the last checkpoint does not allow. A
log that ends before its tree, or has another record at the given end, was replaced; a
new checkpoint would then contradict the old one.
"""

import secrets
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

from uploadfilter.decisions.files.segments import (
    Segment,
    lines,
    opened,
    read_head,
    segments,
)
from uploadfilter.decisions.files.treefiles import (
    SEED_BYTES,
    SignedTree,
    TreeFiles,
    damaged,
)
from uploadfilter.decisions.records.records import Checkpoint, line_hash
from uploadfilter.decisions.tree.merkle import leaf_hash
from uploadfilter.decisions.tree.notes import Signer, TreeHead
from uploadfilter.decisions.tree.tiles import TILE_WIDTH, Edge, HashTile

PAUSE_S: Final = 0.002
"""Pause after each full tile: hashing 256 records holds Python's lock for about a
millisecond, and the loop that answers uploads must get its turn."""


class Line(NamedTuple):
    """A record's line, with its place.

    Attributes:
        number: Number of the record.
        data: The line without its newline.
        end: Offset of the byte after its newline.
    """

    number: int
    data: bytes
    segment: Segment
    end: int


def contiguous(directory: Path) -> list[tuple[Segment, int]]:
    """Return the newest segments without a gap, each with its first record's number."""
    found: list[tuple[Segment, int]] = []
    for segment in reversed(segments(directory)):
        if found and segment.number != found[-1][0].number - 1:
            break
        found.append((segment, read_head(directory, segment).seq))
    return found[::-1]


def lines_from(directory: Path, number: int, *, after: Line | None) -> Iterator[Line]:
    """Yield the lines from a record on, without a gap."""
    expected = number
    for segment, first in _segments_from(directory, number, after=after):
        start = after.end if after is not None and segment == after.segment else 0
        at = expected if start else first
        if at > expected:
            raise damaged(directory, f"the record {expected} is gone")
        with opened(directory, segment) as file:
            for line in lines(file, start=start):
                if not line.is_whole:
                    break
                if at >= expected:
                    yield Line(at, line.data, segment, line.end)
                    expected = at + 1
                at += 1


def _segments_from(
    directory: Path, number: int, *, after: Line | None
) -> list[tuple[Segment, int]]:
    found: list[tuple[Segment, int]] = []
    for segment in reversed(segments(directory)):
        if after is not None and segment == after.segment:
            found.append((segment, 0))
            break
        first = read_head(directory, segment).seq
        found.append((segment, first))
        if first <= number:
            break
    return found[::-1]


class GrowingTree:
    """The tree of one log, and the only writer of its files.

    Args:
        directory: The log's directory.
        instance: Name of the proxy.
        entropy: Returns the given number of random bytes.
        pause: Called with ``PAUSE_S`` after each full tile.
        durably: Whether files must survive a power cut; only tests do without.
    """

    def __init__(
        self,
        directory: Path,
        *,
        instance: str,
        entropy: Callable[[int], bytes] = secrets.token_bytes,
        pause: Callable[[float], object] = time.sleep,
        durably: bool = True,
    ) -> None:
        self._directory = directory
        self._instance = instance
        self._entropy = entropy
        self._pause = pause
        self._files = TreeFiles(directory, durably=durably)
        self._open: _Open | None = None

    def grow(self, end: Checkpoint) -> SignedTree:
        """Add all records up to the end, and sign a checkpoint.

        Returns:
            The tree.
        """
        # After a failure, the tree is read again from its files.
        opened, self._open = self._open or self._opened(), None
        full = self._add(opened, end)
        tree = self._sign(opened)
        for tile in full:
            self._files.drop_partial(tile)
        self._open = opened
        return tree

    def _opened(self) -> "_Open":
        files = self._files
        tree = files.signed()
        if tree is None:
            first = contiguous(self._directory)[0][1]
            seed = self._entropy(SEED_BYTES)
            signer = files.begin(self._instance, seed=seed, first=first)
            return _Open(signer, first, Edge())
        signer = files.signer()
        edge = files.edge(tree.head.size)
        if edge.root() != tree.head.root:
            raise damaged(
                files.path, "its tiles do not have the root of its checkpoint"
            )
        return _Open(signer, tree.first, edge)

    def _add(self, opened: "_Open", end: Checkpoint) -> list[HashTile]:
        """Add the records up to the end; return the tiles that are full now."""
        edge, number = opened.edge, opened.first + opened.edge.size
        full: list[HashTile] = []
        if end.records < number - 1:
            why = f"it has {number - 1} records, and the log {end.records}"
            raise damaged(self._files.path, why)
        if end.records == number - 1:
            return full
        for line in lines_from(self._directory, number, after=opened.last):
            for tile, data in edge.add(leaf_hash(line.data)):
                self._files.write_tile(tile, data)
                full.append(tile)
            opened.last = line
            if line.number == end.records:
                break
            if edge.size % TILE_WIDTH == 0:
                self._pause(PAUSE_S)
        last = opened.last
        if (
            last is None
            or last.number != end.records
            or line_hash(last.data) != end.head
        ):
            why = f"the log has another record {end.records} than was written"
            raise damaged(self._files.path, why)
        return full

    def _sign(self, opened: "_Open") -> SignedTree:
        for tile, data in opened.edge.partial():
            self._files.write_tile(tile, data)
        key = opened.signer.verifier
        head = TreeHead(key.name, opened.edge.size, opened.edge.root())
        note = self._files.write_checkpoint(head, opened.signer)
        return SignedTree(key, note, head, opened.first)


class _Open:
    """A tree that can be continued.

    Attributes:
        first: Number of the record that is its first leaf.
        last: The line of its last leaf; ``None`` if its place is not known.
    """

    def __init__(self, signer: Signer, first: int, edge: Edge) -> None:
        self.signer = signer
        self.first = first
        self.edge = edge
        self.last: Line | None = None
