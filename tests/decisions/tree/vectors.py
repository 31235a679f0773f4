"""Leaves of a tree, and the roots that the slow twin computes."""

from tests.decisions.tree import twin

MOST = 70
"""Sizes that are all tried: past 64, so that each shape of a split occurs."""

LEAVES = [b"leaf %d" % number for number in range(MOST)]
ROOTS = [twin.tree_hash(LEAVES[:size]) for size in range(MOST + 1)]


def read(height: int, index: int) -> bytes:
    """Read a perfect subtree of all leaves."""
    found = LEAVES[index << height : (index + 1) << height]
    assert len(found) == 1 << height
    return twin.tree_hash(found)
