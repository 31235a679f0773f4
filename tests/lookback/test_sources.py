"""Files of a folder: versions, and files that vanish or change."""

import os
from pathlib import Path

import pytest

from uploadfilter.lookback.sources import (
    FileSource,
    FolderSource,
    Item,
    Trouble,
    TroubleError,
)


def items(source: FileSource) -> dict[str, Item]:
    """Return the files of a source by their names."""
    return {it.name: it for it in source.items()}


def test_files_are_listed_with_their_versions(tmp_path: Path) -> None:
    """A changed file has another version; links and pipes are told."""
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "x.jpg").write_bytes(b"one")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "gone").symlink_to("nowhere")
    (tmp_path / os.fsdecode(b"\xff.jpg")).write_bytes(b"")
    source = FolderSource(str(tmp_path))
    found = items(source)
    assert source.address == str(tmp_path)
    assert found["a/x.jpg"].size == 3
    assert found["pipe"].trouble is Trouble.NO_FILE
    assert found["gone"].trouble is Trouble.VANISHED
    assert found[os.fsdecode(b"\xff.jpg")].path == b"\xff.jpg"
    with source.opened(found["a/x.jpg"]) as handle:
        assert os.read(handle, 9) == b"one"
    (tmp_path / "a" / "x.jpg").write_bytes(b"other")
    assert items(source)["a/x.jpg"].version != found["a/x.jpg"].version


def test_file_that_changes_or_vanishes_is_told(tmp_path: Path) -> None:
    """Before it is read, and while it is read."""
    file, source = tmp_path / "x", FolderSource(str(tmp_path))
    file.write_bytes(b"one")
    item = items(source)["x"]
    with pytest.raises(TroubleError, match="changed"), source.opened(item):
        file.write_bytes(b"other")
    with pytest.raises(TroubleError, match="changed"), source.opened(item):
        pytest.fail("it was opened")
    file.unlink()
    with pytest.raises(TroubleError, match="vanished"), source.opened(item):
        pytest.fail("it was opened")
    file.mkdir()
    with pytest.raises(TroubleError, match="unreadable"), source.opened(item):
        pytest.fail("it was opened")
