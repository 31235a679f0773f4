"""Prove that counted records are those of a signed checkpoint.

Segments that follow each other are one chain, so the last record of such a run holds
all of it. One proof of inclusion for each run is therefore enough.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

from uploadfilter.decisions.files.treefiles import SignedTree, TreeFiles
from uploadfilter.decisions.tree.merkle import inclusion_proof, is_included, root
from uploadfilter.decisions.tree.notes import Note, TreeHead
from uploadfilter.decisions.tree.tiles import TileReader
from uploadfilter.errors import LogCorruptError
from uploadfilter.reporting.gathered import LogLack, LogStanding, Said
from uploadfilter.reporting.scanning import Scanned


def unproved(
    directory: Path, tree: SignedTree, standing: LogStanding, ends: Sequence[Scanned]
) -> Iterator[Said]:
    """Yield what could not be proved; nothing if all of it is proved."""
    read = TileReader(tree.head.size, TreeFiles(directory).tile)
    try:
        head = TreeHead(standing.origin, standing.size, bytes.fromhex(standing.root))
        if not _is_signed(standing, tree, head) or root(head.size, read) != head.root:
            yield Said(LogLack.NOT_CONTINUED)
            return
        for last in ends:
            yield from _one(last, standing, head, read)
    except (LogCorruptError, ValueError) as exc:
        yield Said(LogLack.TREE_DAMAGED, 1, str(exc))


def _one(
    last: Scanned, standing: LogStanding, head: TreeHead, read: TileReader
) -> Iterator[Said]:
    index = last.last_seq - standing.first
    if index < 0:
        yield Said(LogLack.BEFORE_TREE, last.last_seq - last.first_seq + 1)
    elif index >= head.size or not is_included(
        bytes.fromhex(last.last_leaf),
        index,
        head.size,
        inclusion_proof(index, head.size, read),
        head.root,
    ):
        yield Said(LogLack.NOT_IN_TREE, 1, str(last.last_seq))


def _is_signed(standing: LogStanding, tree: SignedTree, head: TreeHead) -> bool:
    note = Note.parse(standing.note.encode())
    return (
        standing.key == tree.key.text
        and standing.first == tree.first
        and head.size <= tree.head.size
        and TreeHead.parse(note.text) == head
        and tree.key.signed_time(note) is not None
    )
