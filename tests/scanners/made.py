"""Bombs as files that all tests of one run share: to make all of them takes a while."""

import os
import tempfile
from pathlib import Path

import pytest

from tests.corpus.bombs.bombs import Bomb


def bomb_file(bomb: Bomb, base: pytest.TempPathFactory) -> Path:
    """Return the path of a file with a bomb; the first test that wants it makes it.

    Args:
        bomb: The bomb.
        base: The folders of this run; the workers of a run have one folder in common.
    """
    own = base.getbasetemp()
    common = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own
    folder = common / "bombs"
    folder.mkdir(exist_ok=True)
    path = folder / bomb.name
    if not path.exists():
        # Two workers may make the same bomb: each file is whole, whichever is last.
        with tempfile.NamedTemporaryFile(dir=common, delete=False) as file:
            file.write(bomb.make())
        Path(file.name).replace(path)
    return path
