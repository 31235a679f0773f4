"""Logs with a Merkle tree."""

from collections.abc import Sequence
from pathlib import Path

from tests.decisions.logs import NOON, Clock, decision, segment_paths, unsynced
from uploadfilter.decisions.files.growing import GrowingTree
from uploadfilter.decisions.files.log import DecisionLog
from uploadfilter.decisions.files.proving import TreeReport
from uploadfilter.decisions.files.proving import compare as compare_tree
from uploadfilter.decisions.files.settings import LogSettings
from uploadfilter.decisions.records.records import Checkpoint, line_hash
from uploadfilter.decisions.tree.notes import Note

SMALL = LogSettings(segment_bytes=4096)
"""Some records in each segment, so that a tree has many."""


def tree_of(directory: Path) -> GrowingTree:
    """Return the tree of a log."""
    return GrowingTree(directory, instance="main", pause=lambda _: None, durably=False)


def lines_of(directory: Path) -> list[bytes]:
    """Return the lines of a log."""
    return [
        line for path in segment_paths(directory) for line in path.read_bytes().split()
    ]


def end_of(directory: Path) -> Checkpoint:
    """Return the end of a log."""
    found = lines_of(directory)
    return Checkpoint(len(found), line_hash(found[-1]))


def more(directory: Path, count: int, *, now: float = NOON) -> Checkpoint:
    """Append decisions, and return the end."""
    with DecisionLog.open(
        directory, instance="main", clock=Clock(now), settings=SMALL, sync=unsynced
    ) as log:
        made = [decision(f"m{at}", now=now) for at in range(count)]
        for future in [log.append(each) for each in made]:
            future.result()
        end = log.end
    assert end is not None
    return end


def compare(
    directory: Path, *, witnessed: Sequence[Note] = (), keys: Sequence[str] = ()
) -> TreeReport:
    """Return the report on a tree that is there, or was."""
    report = compare_tree(directory, witnessed=witnessed, keys=keys)
    assert report is not None
    return report
