"""Compute roots and proofs of a Merkle tree, and check them.

The hashes are those of RFC 6962, section 2.1: SHA-256, with a prefix of 0x00 for a leaf
and 0x01 for a node, so that no leaf can pass for a node. A tree is read through one
function, which returns the hash of a *perfect subtree*: ``Read(height, index)`` covers
the leaves from ``index << height`` to ``(index + 1) << height``.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from typing import Final

HASH_BYTES: Final = 32
EMPTY_ROOT: Final = hashlib.sha256(b"").digest()
"""Root of a tree without leaves."""

MOST_PROOF_HASHES: Final = 63
"""Most hashes of a proof: the limit of the protocol of witnesses; a tree of 2^62 leaves
needs no more."""

Read = Callable[[int, int], bytes]
"""Returns the hash of the perfect subtree with this height and index."""


def leaf_hash(data: bytes) -> bytes:
    """Return the hash of a leaf with this content."""
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of a node with these two children."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def folded(hashes: Sequence[bytes]) -> bytes:
    """Return the root over hashes that are the leaves, or equally high subtrees.

    The last hash may belong to a lower subtree: the shape of the tree is the same.
    """
    level = list(hashes)
    if not level:
        return EMPTY_ROOT
    while len(level) > 1:
        pairs = range(0, len(level) - 1, 2)
        above = [node_hash(level[at], level[at + 1]) for at in pairs]
        # A hash without a partner rises unchanged, as RFC 6962 splits the leaves.
        if len(level) % 2:
            above.append(level[-1])
        level = above
    return level[0]


def root(size: int, read: Read) -> bytes:
    """Return the root of the tree over the first ``size`` leaves."""
    return EMPTY_ROOT if size == 0 else _range_hash(0, size, read)


def inclusion_proof(index: int, size: int, read: Read) -> list[bytes]:
    """Return the proof that a leaf is in a tree (RFC 6962, section 2.1.1).

    Args:
        index: Number of the leaf, from 0.
        size: Number of leaves of the tree.
        read: Reads the tree.

    Returns:
        Hashes from the leaf's sibling up to the child of the root.

    Raises:
        ValueError: The tree has no such leaf.
    """
    if not 0 <= index < size:
        raise ValueError(f"a tree of {size} leaves has no leaf {index}")
    start, end = 0, size
    proof = []
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            proof.append(_range_hash(middle, end, read))
            end = middle
        else:
            proof.append(_range_hash(start, middle, read))
            start = middle
    return proof[::-1]


def consistency_proof(old: int, size: int, read: Read) -> list[bytes]:
    """Return the proof that a tree continues an older one (RFC 6962, 2.1.2).

    Args:
        old: Number of leaves of the older tree.
        size: Number of leaves of the tree.
        read: Reads the tree.

    Returns:
        The hashes; none if the older tree is empty or of the same size.

    Raises:
        ValueError: The older tree is larger.
    """
    if not 0 <= old <= size:
        raise ValueError(f"a tree of {size} leaves does not continue one of {old}")
    if old in (0, size):
        return []
    start, end = 0, size
    proof = []
    while old != end:
        middle = start + _split(end - start)
        if old <= middle:
            proof.append(_range_hash(middle, end, read))
            end = middle
        else:
            proof.append(_range_hash(start, middle, read))
            start = middle
    if start:
        # With ``start`` 0 the reader of the proof holds this hash: the old root.
        proof.append(_range_hash(start, end, read))
    return proof[::-1]


def is_included(
    leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes
) -> bool:
    """Return whether a proof shows that a leaf is in a tree.

    Args:
        leaf: Hash of the leaf.
        index: Number of the leaf, from 0.
        size: Number of leaves of the tree.
        proof: The hashes, as ``inclusion_proof`` returns them.
        root: Root of the tree.
    """
    if not 0 <= index < size or len(proof) > MOST_PROOF_HASHES:
        return False
    at, last, found = index, size - 1, leaf
    for item in proof:
        if last == 0:
            return False
        if at % 2 or at == last:
            found = node_hash(item, found)
            while not at % 2 and at:
                at, last = at // 2, last // 2
        else:
            found = node_hash(found, item)
        at, last = at // 2, last // 2
    return last == 0 and found == root


def _range_hash(start: int, end: int, read: Read) -> bytes:
    """Return the root over the leaves of a range that a split has made."""
    parts = [read(height, index) for height, index in _perfect(start, end)]
    found = parts.pop()
    while parts:
        found = node_hash(parts.pop(), found)
    return found


def _perfect(start: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield the perfect subtrees of such a range, the largest first."""
    while start < end:
        height = (end - start).bit_length() - 1
        yield height, start >> height
        start += 1 << height


def _split(count: int) -> int:
    """Return the largest power of two below ``count``, which is at least 2."""
    return 1 << ((count - 1).bit_length() - 1)
