"""The files of a tree, where ``test_growing`` does not reach."""

from pathlib import Path

import pytest

from uploadfilter.decisions.files.treefiles import TreeFiles
from uploadfilter.decisions.tree.tiles import HashTile
from uploadfilter.errors import LogCorruptError

SEED = bytes(range(32))


@pytest.fixture
def files(tmp_path: Path) -> TreeFiles:
    """Return the files of a tree that was begun."""
    made = TreeFiles(tmp_path / "main" / "log", durably=False)
    made.begin("main", seed=SEED, first=7)
    return made


def test_beginning_again_keeps_the_key(files: TreeFiles) -> None:
    """Its first leaf may be a later record: nothing is signed yet."""
    signer = files.begin("main", seed=SEED[::-1], first=9)
    assert signer.verifier == files.public_key()
    assert files.first() == 9
    assert files.signed() is None


def test_partial_tile_that_has_filled_up(files: TreeFiles) -> None:
    """Its hashes are the first of the full tile, as clients are told."""
    data = bytes(range(256)) * 32
    files.write_tile(HashTile(0, 3, 2), data[:64])
    files.write_tile(HashTile(0, 3), data)
    files.drop_partial(HashTile(0, 3))

    assert files.tile(HashTile(0, 3, 2)) == data[:64]
    assert files.tile(HashTile(0, 3)) == data
    with pytest.raises(LogCorruptError, match=r"tile/0/004.p/2"):
        files.tile(HashTile(0, 4, 2))


def test_dropping_what_is_not_there(files: TreeFiles) -> None:
    """A tree that grew in one go has no partial tiles."""
    files.drop_partial(HashTile(0, 0))
