"""A change is in force when it was named, and not before."""

import shutil
from pathlib import Path

import pytest

from tests.reference.files.generations import names
from tests.reference.stores import ENTRY, put
from uploadfilter.acting import Actor
from uploadfilter.errors import StoreCorruptError, StoreError
from uploadfilter.reference.entries.changes import ChangeKind
from uploadfilter.reference.files import layout
from uploadfilter.reference.store import ReferenceDirectory
from uploadfilter.reference.writing.committing import Committer


def clock() -> float:
    """Return a time."""
    return 1000.0


def test_first_generation_is_made_once(tmp_path: Path) -> None:
    """The first generation is empty, and states that it was made."""
    first = Committer(tmp_path, clock=clock, actor=Actor(uid=0))
    second = Committer(tmp_path, clock=clock, actor=Actor(uid=0))

    assert (first.made, second.made) == (True, False)
    current = second.live.current
    assert (current.generation, current.kind, current.at) == (1, ChangeKind.INIT, 1000)
    assert (current.sets, current.entries, second.kept()) == (0, 0, ())
    assert names(tmp_path / layout.GENERATIONS) == {"1"}


def test_change_says_what_it_was(tmp_path: Path) -> None:
    """The list states each change that a rollback can return to, and its result."""
    directory = ReferenceDirectory(tmp_path, clock=clock)
    with directory.writer() as writer:
        put(writer, "s", [ENTRY])
        writer.switch_off("s", "1", why="ours", by="me")
        writer.compact()
    listed = [
        (item.generation, item.kind.value, item.subject, item.sets, item.entries)
        for item in directory.generations()
    ]

    assert listed == [
        (4, "compact", "", 1, 1),
        (2, "import", "s", 1, 1),
        (1, "init", "", 0, 0),
    ]


@pytest.fixture
def directory(tmp_path: Path) -> ReferenceDirectory:
    """Return a reference directory with an older base and a newer one."""
    found = ReferenceDirectory(tmp_path, clock=clock)
    with found.writer() as writer:
        put(writer, "s", [ENTRY])
        writer.compact()
        put(writer, "t", [ENTRY])
        writer.compact()
    return found


def flip(path: Path) -> None:
    """Turn one bit of a file."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 4
    path.chmod(0o600)
    path.write_bytes(data)


def test_damaged_base_is_not_copied_on(
    directory: ReferenceDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fold verifies every byte that it reads."""
    with directory.writer() as writer:
        writer.remove_set("s")
        flip(directory.path / "bases" / "5" / "data.mdb")
        with pytest.raises(StoreCorruptError):
            writer.compact()
    monkeypatch.setattr("uploadfilter.reference.files.mapping.VERIFIED_BYTES", 0)

    assert directory.generations()[0].generation == 6


def test_damaged_generation_is_not_returned_to(directory: ReferenceDirectory) -> None:
    """A rollback refuses it, and changes nothing."""
    flip(directory.path / "bases" / "3" / "data.mdb")
    with directory.writer() as writer:
        with pytest.raises(StoreCorruptError):
            writer.rollback(3)
        assert writer.number == 5


def test_generation_that_is_not_kept_is_not_returned_to(
    directory: ReferenceDirectory,
) -> None:
    """A generation without its directories is refused, and so is the current one."""
    shutil.rmtree(directory.path / "overlays" / "2")
    with directory.writer() as writer:
        for number in (0, 2, 5, 99):
            with pytest.raises(StoreError, match="is not kept"):
                writer.rollback(number)
        assert not writer.pinned


def test_lost_current_does_not_lose_what_it_named(
    directory: ReferenceDirectory,
) -> None:
    """No writer treats the directory as an empty one; the error names the remedy."""
    path = directory.path / "current"
    path.unlink()
    for use in (directory.init, directory.generations, directory.reader().current):
        with pytest.raises(StoreCorruptError, match="is missing") as caught:
            use()
        assert "highest number in 'generations'" in caught.value.hint
    shutil.copy(directory.path / "generations" / "5", path)

    assert directory.check().is_sound
    assert directory.reader().current().entry_count == 2
