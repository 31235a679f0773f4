"""Roots and proofs, against the definitions of RFC 6962."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.decisions.tree import twin
from tests.decisions.tree.twin import is_consistent
from tests.decisions.tree.vectors import LEAVES, MOST, ROOTS, read
from uploadfilter.decisions.tree.merkle import (
    EMPTY_ROOT,
    MOST_PROOF_HASHES,
    consistency_proof,
    folded,
    inclusion_proof,
    is_included,
    leaf_hash,
    root,
)


def test_root_of_every_size() -> None:
    """The root from subtrees is the root from leaves, and so is the folded one."""
    assert [root(size, read) for size in range(MOST + 1)] == ROOTS
    hashes = [leaf_hash(leaf) for leaf in LEAVES]
    assert [folded(hashes[:size]) for size in range(MOST + 1)] == ROOTS
    assert ROOTS[0] == EMPTY_ROOT


def test_proofs_of_inclusion_of_every_leaf_and_size() -> None:
    """Each is that of the RFC, and is accepted for this leaf only."""
    for size in range(1, MOST + 1):
        for index in range(size):
            found = inclusion_proof(index, size, read)
            assert found == twin.path(index, LEAVES[:size])
            leaf = leaf_hash(LEAVES[index])
            assert is_included(leaf, index, size, found, ROOTS[size])
            assert not is_included(leaf_hash(b"x"), index, size, found, ROOTS[size])
            if size > 1:
                other = (index + 1) % size
                assert not is_included(leaf, other, size, found, ROOTS[size])


def test_proofs_of_consistency_of_every_two_sizes() -> None:
    """Each is that of the RFC, and is accepted for these roots only."""
    for size in range(1, MOST + 1):
        for old in range(1, size + 1):
            found = consistency_proof(old, size, read)
            assert found == twin.proof(old, LEAVES[:size])
            both = old, ROOTS[old], size, ROOTS[size]
            assert is_consistent(*both, found)
            assert not is_consistent(old, ROOTS[old - 1], size, ROOTS[size], found)
            assert not is_consistent(old, ROOTS[old], size, ROOTS[size - 1], found)


def test_tree_continues_the_empty_one() -> None:
    """The empty tree is the start of every tree, without a proof."""
    assert consistency_proof(0, 5, read) == []
    assert is_consistent(0, EMPTY_ROOT, 5, ROOTS[5], [])
    assert not is_consistent(0, ROOTS[1], 5, ROOTS[5], [])
    assert not is_consistent(0, EMPTY_ROOT, 5, ROOTS[5], [ROOTS[1]])


@given(
    old=st.integers(0, MOST),
    size=st.integers(0, MOST),
    items=st.lists(st.sampled_from([*ROOTS, *map(leaf_hash, LEAVES)]), max_size=9),
)
def test_made_up_proofs_are_refused(old: int, size: int, items: list[bytes]) -> None:
    """A proof out of hashes of the tree is accepted only if it is the proof."""
    if old > size or old == 0:
        return
    expected = twin.proof(old, LEAVES[:size])
    accepted = is_consistent(old, ROOTS[old], size, ROOTS[size], items)
    assert accepted == (items == expected)


def test_proofs_are_bounded() -> None:
    """More hashes than any tree has are not even computed."""
    many = [EMPTY_ROOT] * (MOST_PROOF_HASHES + 1)
    assert not is_included(EMPTY_ROOT, 0, 1 << 62, many, EMPTY_ROOT)
    assert not is_consistent(1, EMPTY_ROOT, 1 << 62, EMPTY_ROOT, many)


def test_what_a_tree_does_not_have_has_no_proof() -> None:
    """There is no leaf after the last, and no larger older tree."""
    with pytest.raises(ValueError, match="no leaf 5"):
        inclusion_proof(5, 5, read)
    with pytest.raises(ValueError, match="does not continue"):
        consistency_proof(6, 5, read)
    assert not is_included(EMPTY_ROOT, 5, 5, [], EMPTY_ROOT)
    assert not is_consistent(6, EMPTY_ROOT, 5, EMPTY_ROOT, [])
