"""Tiles: their names, their contents, and the tree that is read from them."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.decisions.tree import twin
from tests.decisions.tree.twin import is_consistent
from uploadfilter.decisions.tree.merkle import (
    HASH_BYTES,
    consistency_proof,
    inclusion_proof,
    is_included,
    leaf_hash,
    root,
)
from uploadfilter.decisions.tree.tiles import (
    TILE_WIDTH,
    Edge,
    HashTile,
    TileReader,
    edge,
    hashes_of,
    index_path,
    parse_index,
    tile_of,
)

MOST = 600
"""Two full tiles and a part of a third."""

LARGE = 70_000
"""The example of the specification: three levels of tiles."""


def grown(
    size: int, roots: dict[int, bytes] | None = None
) -> tuple[Edge, dict[HashTile, bytes]]:
    """Return the edge and the full tiles of a tree of numbered leaves.

    Args:
        size: Number of leaves.
        roots: Gets the root at each size that it has already.
    """
    grows = Edge()
    tiles: dict[HashTile, bytes] = {}
    for number in range(size):
        tiles.update(grows.add(leaf_hash(b"%d" % number)))
        if roots is not None and grows.size in roots:
            roots[grows.size] = grows.root()
    return grows, tiles


@pytest.mark.parametrize(
    ("index", "path"),
    [(0, "000"), (999, "999"), (1000, "x001/000"), (1_234_067, "x001/x234/067")],
)
def test_paths_are_those_of_the_specification(index: int, path: str) -> None:
    """Groups of three digits, all but the last after an x; and back."""
    assert index_path(index) == path
    assert parse_index(path) == index


@pytest.mark.parametrize(
    "path", ["0", "x000/001", "001/002", "x001", "", "\u0660\u0660\u0660"]
)
def test_other_paths_are_no_index(path: str) -> None:
    """An index has one way to be written."""
    assert parse_index(path) is None


@given(st.integers(0, 10**12))
def test_each_index_has_one_path(index: int) -> None:
    """Written and read again, it is the same."""
    assert parse_index(index_path(index)) == index


def test_example_of_the_specification() -> None:
    """A tree of 70,000 has the partial tiles that C2SP names."""
    paths = [tile.path for tile in edge(LARGE)]
    assert paths == ["tile/0/273.p/112", "tile/1/001.p/17", "tile/2/000.p/1"]
    assert [tile.path for tile in edge(256)] == ["tile/1/000.p/1"]


def test_roots_of_every_size() -> None:
    """An edge knows the root after each leaf, also when it is taken up again."""
    grows = Edge()
    leaves: list[bytes] = []
    for number in range(MOST):
        leaves.append(b"%d" % number)
        grows.add(leaf_hash(leaves[-1]))
        if number % 31 == 0 or number % TILE_WIDTH in (0, TILE_WIDTH - 1):
            assert grows.root() == twin.tree_hash(leaves)
        rows = [hashes_of(data) for _, data in grows.partial()]
        grows = Edge(grows.size, rows)
    assert grows.root() == twin.tree_hash(leaves)


def test_large_tree_is_read_from_its_tiles() -> None:
    """Roots and proofs of a tree with three levels of tiles."""
    roots = dict.fromkeys((1, 255, 256, 257, 65_536, 65_537, LARGE - 1), b"")
    grows, tiles = grown(LARGE, roots)
    tiles.update(grows.partial())
    read = TileReader(LARGE, tiles.__getitem__)

    assert len(tiles) == 273 + 1 + 3
    assert all(len(data) == tile.width * HASH_BYTES for tile, data in tiles.items())
    whole = root(LARGE, read)
    assert whole == grows.root()
    for index in (0, 255, 256, 65_535, 65_536, LARGE - 1):
        proof = inclusion_proof(index, LARGE, read)
        assert is_included(leaf_hash(b"%d" % index), index, LARGE, proof, whole)
    for old, before in roots.items():
        proof = consistency_proof(old, LARGE, read)
        assert is_consistent(old, before, LARGE, whole, proof)
        assert root(old, read) == before


@pytest.mark.parametrize("size", [1, 2, 255, 256, 257, 511, 512, 513, MOST])
def test_tiles_of_a_size_are_those_of_its_hashes(size: int) -> None:
    """Each hash of a level stands in the tile that is named for it."""
    grows, tiles = grown(size)
    tiles.update(grows.partial())
    for index in {0, size // 2, size - 1}:
        tile = tile_of(0, index, size)
        expected = hashlib.sha256(b"\x00%d" % index).digest()
        assert hashes_of(tiles[tile])[index % TILE_WIDTH] == expected


def test_what_a_tree_does_not_have() -> None:
    """A hash past the edge, and an edge that is not that of its size."""
    with pytest.raises(ValueError, match="no hash 5"):
        tile_of(0, 5, 5)
    with pytest.raises(ValueError, match="other partial tiles"):
        Edge(3, [[b"", b""]])
