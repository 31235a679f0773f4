"""The definitions of RFC 6962, section 2.1, word for word, and a check of them."""

import hashlib
from collections.abc import Sequence

from uploadfilter.decisions.tree.merkle import (
    EMPTY_ROOT,
    MOST_PROOF_HASHES,
    node_hash,
)


def largest_power(count: int) -> int:
    """Return the largest power of two below a number."""
    power = 1
    while power * 2 < count:
        power *= 2
    return power


def tree_hash(leaves: Sequence[bytes]) -> bytes:
    """Return MTH(D[n]) of the contents of leaves."""
    if not leaves:
        return hashlib.sha256().digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\x00" + leaves[0]).digest()
    k = largest_power(len(leaves))
    both = tree_hash(leaves[:k]) + tree_hash(leaves[k:])
    return hashlib.sha256(b"\x01" + both).digest()


def path(m: int, leaves: Sequence[bytes]) -> list[bytes]:
    """Return PATH(m, D[n])."""
    if len(leaves) == 1:
        return []
    k = largest_power(len(leaves))
    if m < k:
        return [*path(m, leaves[:k]), tree_hash(leaves[k:])]
    return [*path(m - k, leaves[k:]), tree_hash(leaves[:k])]


def proof(m: int, leaves: Sequence[bytes]) -> list[bytes]:
    """Return PROOF(m, D[n])."""
    return subproof(m, leaves, is_whole=True)


def subproof(m: int, leaves: Sequence[bytes], *, is_whole: bool) -> list[bytes]:
    """Return SUBPROOF(m, D[n], b)."""
    if m == len(leaves):
        return [] if is_whole else [tree_hash(leaves)]
    k = largest_power(len(leaves))
    if m <= k:
        found = subproof(m, leaves[:k], is_whole=is_whole)
        return [*found, tree_hash(leaves[k:])]
    return [*subproof(m - k, leaves[k:], is_whole=False), tree_hash(leaves[:k])]


def is_consistent(
    old: int, old_root: bytes, size: int, root: bytes, proof: Sequence[bytes]
) -> bool:
    """Return whether a proof shows that a tree continues an older one.

    Args:
        old: Number of leaves of the older tree.
        old_root: Its root.
        size: Number of leaves of the tree.
        root: Its root.
        proof: The hashes, as ``consistency_proof`` returns them.
    """
    if not 0 <= old <= size or len(proof) > MOST_PROOF_HASHES:
        return False
    if old == size:
        return not proof and old_root == root
    if old == 0:
        return not proof and old_root == EMPTY_ROOT
    return _continues(old, old_root, size, root, list(proof))


def _continues(
    old: int, old_root: bytes, size: int, root: bytes, proof: list[bytes]
) -> bool:
    """Check the proof for 0 < old < size, by RFC 9162, section 2.1.4.2."""
    if old & (old - 1) == 0:
        proof.insert(0, old_root)  # a perfect tree: its root is not in the proof
    if not proof:
        return False
    at, last = old - 1, size - 1
    while at % 2:
        at, last = at // 2, last // 2
    found_old = found = proof[0]
    for item in proof[1:]:
        if last == 0:
            return False
        if at % 2 or at == last:
            found_old = node_hash(item, found_old)
            found = node_hash(item, found)
            while not at % 2 and at:
                at, last = at // 2, last // 2
        else:
            found = node_hash(found, item)
        at, last = at // 2, last // 2
    return last == 0 and found_old == old_root and found == root
