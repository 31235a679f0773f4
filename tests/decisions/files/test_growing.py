"""The tree of a real log: how it grows, what a crash leaves, what it refuses."""

import base64
from pathlib import Path
from shutil import copytree, rmtree

import pytest

from tests.decisions.files.trees import SMALL, end_of, lines_of, more, tree_of
from tests.decisions.logs import (
    DAY_S,
    NOON,
    Clock,
    decision,
    segment_paths,
    unsynced,
    write_log,
)
from tests.decisions.tree import twin
from tests.reference.crashing import CrashedError, crashing
from uploadfilter.decisions.files.growing import lines_from
from uploadfilter.decisions.files.log import DecisionLog
from uploadfilter.decisions.files.retention import prune
from uploadfilter.decisions.files.segments import segments
from uploadfilter.decisions.files.treefiles import TreeFiles
from uploadfilter.decisions.records.records import Checkpoint
from uploadfilter.decisions.tree.notes import Verifier
from uploadfilter.errors import LogCorruptError, LogError, LogWriteError


def files_of(directory: Path) -> dict[str, bytes]:
    """Return the files of a tree."""
    tree = directory / "tree"
    return {
        str(path.relative_to(tree)): path.read_bytes()
        for path in tree.rglob("*")
        if path.is_file()
    }


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Return a log of some records without a tree."""
    made = tmp_path / "main" / "log"
    write_log(made, [[decision(f"d{at}") for at in range(20)]], settings=SMALL)
    return made


def test_checkpoint_is_of_all_lines(directory: Path) -> None:
    """A reader needs only the files: the note, its key, and the definition."""
    end = end_of(directory)
    tree_of(directory).grow(end)

    files = files_of(directory)
    origin, size, root, empty, *signatures = files["checkpoint"].decode().splitlines()
    key = Verifier.parse(files["key"].decode())
    assert origin == key.name
    assert origin.startswith("uploadfilter/main/")
    assert int(size) == end.records
    assert base64.b64decode(root) == twin.tree_hash(lines_of(directory))
    assert empty == ""
    assert len(signatures) == 1
    assert files[f"tile/0/000.p/{size}"][:32] == twin.tree_hash(lines_of(directory)[:1])
    assert files["first"] == b"1\n"


def test_key_is_private_and_not_in_the_log(directory: Path) -> None:
    """Overseers get a copy of the directory of the log."""
    tree_of(directory).grow(end_of(directory))

    secret = directory.parent / "tree.key"
    assert secret.stat().st_mode & 0o777 == 0o600
    assert all(secret.read_bytes() not in data for data in files_of(directory).values())


def test_steps_make_the_same_tree_as_one_go(directory: Path) -> None:
    """Also across segments, starts, full tiles and calls with nothing to add."""
    tree = tree_of(directory)
    end = end_of(directory)
    signed = tree.grow(end)
    for count in (0, 1, 3, 100, 0, 200, 300):
        end = more(directory, count) if count else end_of(directory)
        signed = tree.grow(end)
        assert signed == tree.grow(end)
        if count == 200:
            tree = tree_of(directory)
    stepwise = files_of(directory)

    rmtree(directory / "tree" / "tile")
    (directory / "tree" / "checkpoint").unlink()
    tree_of(directory).grow(end)
    assert files_of(directory)["checkpoint"] == stepwise["checkpoint"]
    # Partial tiles of earlier checkpoints stay until their tile is full.
    assert files_of(directory).items() <= stepwise.items()
    assert not any(name.startswith("tile/0/000.p") for name in stepwise)
    assert signed.head.root == twin.tree_hash(lines_of(directory))


def test_crash_at_any_step_leaves_a_tree_that_is_completed(
    directory: Path, tmp_path: Path
) -> None:
    """After each step on files, the checkpoint holds, and the next call completes."""
    tree_of(directory).grow(end_of(directory))
    before = twin.tree_hash(lines_of(directory))
    end = more(directory, 300)
    after = twin.tree_hash(lines_of(directory))

    for step in range(1, 1000):
        copy = tmp_path / "copy" / "log"
        copytree(directory.parent, copy.parent)
        try:
            with crashing(step):
                tree_of(copy).grow(end)
        except CrashedError:
            signed = TreeFiles(copy).signed()
            assert signed is not None
            assert signed.head.root in (before, after)
            files = TreeFiles(copy)
            assert files.edge(signed.head.size).root() == signed.head.root
            assert tree_of(copy).grow(end).head.root == after
            rmtree(copy.parent)
        else:
            break
    assert step > 20


def test_crash_at_any_step_of_the_beginning(directory: Path, tmp_path: Path) -> None:
    """A key that was begun is completed, or taken."""
    end = end_of(directory)
    for step in range(1, 1000):
        copy = tmp_path / "copy" / "log"
        copytree(directory.parent, copy.parent)
        try:
            with crashing(step):
                tree_of(copy).grow(end)
        except CrashedError:
            assert tree_of(copy).grow(end).head.size == end.records
            rmtree(copy.parent)
        else:
            break
    assert step > 10


def test_log_with_a_gap_begins_after_it(tmp_path: Path) -> None:
    """Records that retention deleted before the first tree have no leaves."""
    directory = tmp_path / "main" / "log"
    write_log(directory, [[decision(f"d{at}")] for at in range(3)])
    now = NOON + 60 * DAY_S
    with DecisionLog.open(
        directory, instance="main", clock=Clock(now - DAY_S), sync=unsynced
    ):
        pass
    end = more(directory, 1, now=now)
    assert prune(directory, now=now)

    signed = tree_of(directory).grow(end)

    assert signed.last == end.records
    assert 1 < signed.first < end.records


def test_retention_leaves_the_tree(directory: Path) -> None:
    """Old segments go, and their leaves stay; the tree goes on."""
    tree = tree_of(directory)
    first = tree.grow(end_of(directory))
    assert first.first == 1
    now = NOON + 60 * DAY_S
    for at in (now - DAY_S, now):
        end = more(directory, 1, now=at)
        tree.grow(end)
    assert prune(directory, now=now)

    end = more(directory, 2, now=now)
    signed = tree_of(directory).grow(end)

    assert (signed.first, signed.last) == (1, end.records)
    assert len(lines_of(directory)) < end.records


def test_records_that_are_gone_before_their_leaves(directory: Path) -> None:
    """A tree that did not grow for longer than retention cannot be continued."""
    tree_of(directory).grow(end_of(directory))
    more(directory, 30)
    end = more(directory, 1)
    kept = files_of(directory)
    for segment in segments(directory)[:-1]:
        (directory / segment.name).unlink()

    with pytest.raises(LogCorruptError, match="is gone"):
        tree_of(directory).grow(end)
    assert files_of(directory)["checkpoint"] == kept["checkpoint"]


def test_records_that_are_gone_before_the_first_checkpoint(directory: Path) -> None:
    """A tree that was begun and never signed begins after them, with its key."""
    end = more(directory, 1)
    begun = TreeFiles(directory).begin("main", seed=bytes(32), first=1)
    for segment in segments(directory)[:-1]:
        (directory / segment.name).unlink()

    signed = tree_of(directory).grow(end)

    assert 1 < signed.first <= signed.last == end.records
    assert signed.key == begun.verifier


def test_older_copy_of_the_log_is_refused(directory: Path, tmp_path: Path) -> None:
    """Nothing is signed that contradicts the last checkpoint."""
    copytree(directory, tmp_path / "old")
    end = more(directory, 5)
    tree_of(directory).grow(end)
    kept = files_of(directory)
    for path in segment_paths(directory):
        path.unlink()
    for path in segment_paths(tmp_path / "old"):
        path.rename(directory / path.name)

    with pytest.raises(LogCorruptError, match="and the log"):
        tree_of(directory).grow(end_of(directory))
    assert files_of(directory) == kept


def test_last_record_must_be_the_one_that_was_written(directory: Path) -> None:
    """A record that was changed on disk since is not signed."""
    end = end_of(directory)
    with pytest.raises(LogCorruptError, match="another record"):
        tree_of(directory).grow(Checkpoint(end.records, "0" * 64))
    with pytest.raises(LogCorruptError, match="another record"):
        tree_of(directory).grow(Checkpoint(end.records + 5, end.head))
    assert "checkpoint" not in files_of(directory)


def test_key_that_is_missing_or_wrong(directory: Path) -> None:
    """No new key is made in silence: witnesses know the old one."""
    end = end_of(directory)
    tree_of(directory).grow(end)
    secret = directory.parent / "tree.key"
    seed = secret.read_bytes()

    for wrong, why in ((seed[1:], "31 bytes"), (seed[::-1], "not the key of")):
        secret.write_bytes(wrong)
        with pytest.raises(LogError, match=why):
            tree_of(directory).grow(end)
    secret.unlink()
    with pytest.raises(LogError, match="it is missing") as caught:
        tree_of(directory).grow(end)
    assert "backup" in (caught.value.hint or "")
    secret.write_bytes(seed)
    assert tree_of(directory).grow(end).head.size == end.records


@pytest.mark.parametrize("name", ["checkpoint", "key", "first"])
@pytest.mark.parametrize("content", [b"", b"\xff", b"some text\n"])
def test_damaged_files(directory: Path, name: str, content: bytes) -> None:
    """Nothing is signed beside what cannot be read."""
    tree_of(directory).grow(end_of(directory))
    (directory / "tree" / name).write_bytes(content)

    with pytest.raises(LogCorruptError, match="is damaged"):
        tree_of(directory).grow(end_of(directory))


def test_damaged_tiles(directory: Path) -> None:
    """A tile that was cut off, and one with another hash."""
    tree_of(directory).grow(end_of(directory))
    (tile,) = (directory / "tree" / "tile" / "0" / "000.p").iterdir()
    whole = tile.read_bytes()

    tile.write_bytes(whole[:-1])
    with pytest.raises(LogCorruptError, match="cut off"):
        tree_of(directory).grow(end_of(directory))
    tile.write_bytes(bytes(32) + whole[32:])
    with pytest.raises(LogCorruptError, match="root of its checkpoint"):
        tree_of(directory).grow(end_of(directory))


def test_full_disk_is_tried_again(directory: Path) -> None:
    """A file in the way of the folder, until it is removed."""
    tree = tree_of(directory)
    (directory / "tree").write_bytes(b"")
    with pytest.raises((LogWriteError, LogError)):
        tree.grow(end_of(directory))

    (directory / "tree").unlink()
    assert tree.grow(end_of(directory)).head.size == end_of(directory).records


def test_lines_from_any_record(directory: Path) -> None:
    """From each record on, all lines, whether the one before is known or not."""
    found = lines_of(directory)
    all_lines = list(lines_from(directory, 1, after=None))
    assert [line.data for line in all_lines] == found
    for at in range(len(found)):
        before = all_lines[at - 1] if at else None
        for after in (None, before):
            read = lines_from(directory, at + 1, after=after)
            assert [line.data for line in read] == found[at:]
