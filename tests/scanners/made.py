"""Bombs as files that all tests of one run share: to make all of them takes a while."""

import os
import tempfile
from pathlib import Path

import pytest

from tests.corpus.bombs.bombs import BOMBS, Bomb

_CHEAP = frozenset(
    {
        *("png-comments", "jpeg-4-gigapixels", "gif-4-gigapixels", "tiff-loop"),
        *("heic-250-megapixels", "zip-nested", "zip-overlap", "gzip-nested"),
        *("7z-window", "pdf-768-megabytes", "svg-entities", "html-nested"),
        *("base64-endless", "ole-shared", "sqlite-rows"),
    }
)

CHEAP = [bomb for bomb in BOMBS if bomb.name in _CHEAP]
"""Bombs of every family that cost a test little: pixels, entries, nesting, length."""


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
