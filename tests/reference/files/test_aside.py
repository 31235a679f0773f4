"""Columns in files: for their owner alone, without a name; no room is an error."""

import os
import resource
import stat
from pathlib import Path

import numpy as np
import pytest

from uploadfilter.errors import StoreError
from uploadfilter.reference.entries.kept import column_of
from uploadfilter.reference.files.aside import FileColumn


def test_column_in_a_file_has_all_that_was_written(tmp_path: Path) -> None:
    """The file has no name by which anybody could find it."""
    column = FileColumn(tmp_path)
    for part in range(5):
        column.write(np.arange(part, dtype=np.uint32))

    assert os.listdir(tmp_path) == []  # noqa: PTH208 - names
    assert stat.S_IMODE(os.fstat(column._fd).st_mode) == 0o600  # noqa: SLF001
    assert column_of(column, np.uint32).tolist() == [0, 0, 1, 0, 1, 2, 0, 1, 2, 3]
    assert column_of(FileColumn(tmp_path), np.uint32).tolist() == []


def test_what_cannot_be_kept_is_an_error_with_a_hint(tmp_path: Path) -> None:
    """The folder has been removed, or the file may not grow."""
    with pytest.raises(StoreError, match="cannot keep entries"):
        FileColumn(tmp_path / "nowhere" / "x")


def test_file_that_may_not_grow_is_an_error_with_a_hint(tmp_path: Path) -> None:
    """On a full disk, a partial write does not count as a whole one."""
    column = FileColumn(tmp_path)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        with pytest.raises(StoreError, match="cannot keep entries") as told:
            column.write(bytes(8192))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    assert "Make room" in told.value.hint
