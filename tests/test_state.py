"""The state directory: where things stand, and who may look."""

import os
import stat
import threading
from pathlib import Path

import pytest

from tests.reference.crashing import CrashedError, crashing
from uploadfilter.decisions.files.segments import make_directory
from uploadfilter.state import (
    INSTANCE_NAME,
    ForeignFile,
    foreign,
    instance_directory,
    log_directory,
    make_private,
    only_one,
    sync_directory,
    write_private,
)


def modes(path: Path, top: Path) -> set[int]:
    """Return the modes of a directory and of those above it, up to ``top``."""
    above = [at for at in (path, *path.parents) if at.is_relative_to(top)]
    return {stat.S_IMODE(at.stat().st_mode) for at in above}


def test_log_is_in_the_instance_directory() -> None:
    """All state of one proxy stands in one directory."""
    state = Path("/state")

    assert instance_directory(state, "b") == Path("/state/instances/b")
    assert log_directory(state, "b").parent == instance_directory(state, "b")


def test_every_directory_that_is_made_is_private(tmp_path: Path) -> None:
    """Not only the last one: a proxy may be started before ``init``."""
    state = tmp_path / "state"

    make_directory(log_directory(state, "main"))

    assert modes(log_directory(state, "main"), state) == {0o700}


def test_directory_that_is_there_stays_as_it_is(tmp_path: Path) -> None:
    """Directories that an operator made are not changed."""
    (tmp_path / "state").mkdir()
    # The umask of the user who runs the tests reduces the mode of mkdir.
    (tmp_path / "state").chmod(0o750)

    make_private(tmp_path / "state")

    assert modes(tmp_path / "state", tmp_path / "state") == {0o750}


@pytest.mark.parametrize("below", ["file", "file/state"])
def test_file_in_the_way_is_an_error(tmp_path: Path, below: str) -> None:
    """A file can be neither the directory nor above it."""
    (tmp_path / "file").touch()

    with pytest.raises(NotADirectoryError):
        make_private(tmp_path / below)


def test_directory_is_synced_and_closed(tmp_path: Path) -> None:
    """Whatever makes it durable is handed the open directory, and no longer."""
    seen: list[int] = []

    sync_directory(tmp_path, lambda fd: seen.append(os.fstat(fd).st_ino))

    assert seen == [tmp_path.stat().st_ino]


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "A", "-a", "ä", "a" * 65])
def test_name_of_an_instance_is_one_plain_step(name: str) -> None:
    """No name leads elsewhere, or is another one on another file system."""
    assert not INSTANCE_NAME.fullmatch(name)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_what_belongs_to_others_is_found(tmp_path: Path) -> None:
    """At any depth, without following links; only other users' files count."""
    inner = tmp_path / "reference/bases/1"
    inner.mkdir(parents=True)
    (inner / "data.mdb").write_bytes(b"")
    (tmp_path / "link").symlink_to(inner)
    os.chown(inner / "data.mdb", 1, 1)
    os.chown(tmp_path / "link", 2, 2, follow_symlinks=False)

    assert foreign(tmp_path) == [
        ForeignFile(tmp_path / "link", 2),
        ForeignFile(inner / "data.mdb", 1),
    ]
    assert foreign(tmp_path / "missing") == []


@pytest.mark.parametrize("durably", [True, False])
def test_crash_leaves_a_file_old_or_new(tmp_path: Path, *, durably: bool) -> None:
    """A crash at any step leaves the old or the new file, only for its owner."""
    path = tmp_path / "made" / "file"
    write_private(path, b"old")
    found = set()
    for step in range(1, 100):
        try:
            with crashing(step):
                write_private(path, b"new", durably=durably)
        except CrashedError:
            found.add(path.read_bytes())
            continue
        break

    assert found <= {b"old", b"new"}
    assert b"old" in found
    assert path.read_bytes() == b"new"
    assert modes(path, tmp_path / "made") == {0o600, 0o700}


def test_lock_is_held_once(tmp_path: Path) -> None:
    """By another block of this process neither; afterwards it is free again."""
    lock = tmp_path / "lock"
    with only_one(lock), pytest.raises(BlockingIOError), only_one(lock):
        pass
    with only_one(lock):
        assert stat.S_IMODE(lock.stat().st_mode) == 0o600


def test_lock_that_is_held_for_a_moment_is_waited_for(tmp_path: Path) -> None:
    """A proxy that writes the same file is no reason to send a person away."""
    lock = tmp_path / "lock"
    held, free = threading.Event(), threading.Event()

    def hold() -> None:
        with only_one(lock):
            held.set()
            free.wait(30)

    holder = threading.Thread(target=hold)
    holder.start()
    assert held.wait(30)
    with pytest.raises(BlockingIOError), only_one(lock, within_s=0.02):
        pass
    threading.Timer(0.05, free.set).start()
    with only_one(lock, within_s=30):
        holder.join(30)
