"""The reference directory changes whole or not at all."""

import fcntl
import os
import stat
from pathlib import Path

import pytest

from tests.reference.files.generations import CURRENT, fill, names
from uploadfilter.errors import (
    StoreBusyError,
    StoreCorruptError,
    StoreError,
    StoreMissingError,
    StoreVersionError,
)
from uploadfilter.reference.files import layout
from uploadfilter.reference.files.layout import Current, StagedPart, StoredPart


def read(directory: Path) -> Current:
    """Read the generation in force, and forget the file."""
    current, _ = layout.read_current(directory)
    return current


def force(directory: Path, number: int) -> None:
    """Put a generation in force whose directories have its number."""
    part = StoredPart(number=number, size=0, check="", sample="")
    layout.write_current(
        directory,
        Current(format=layout.FORMAT, generation=number, base=part, overlay=part),
    )


def test_current_comes_back(tmp_path: Path) -> None:
    """The generation that was put in force is read, also a second time."""
    layout.write_current(tmp_path, CURRENT)
    assert read(tmp_path) == CURRENT
    force(tmp_path, 2)
    assert read(tmp_path).generation == 2

    assert names(tmp_path) == {"current"}
    assert stat.S_IMODE((tmp_path / "current").stat().st_mode) == 0o600


def test_missing_current_is_a_missing_reference_set(tmp_path: Path) -> None:
    """A missing reference set is distinguished from an empty one and a damaged one."""
    with pytest.raises(StoreMissingError, match="there is no reference set"):
        read(tmp_path)
    with pytest.raises(StoreMissingError):
        read(tmp_path / "nowhere")


@pytest.mark.parametrize(
    "data",
    [b"", b"\n", b"{}", b"garbage", b"[1]\n", b"\xff\xfe", b"null\n\n", b"\0" * 5000],
)
def test_garbage_for_current_is_damage(tmp_path: Path, data: bytes) -> None:
    """Any content of the file leads to an error of this program."""
    (tmp_path / "current").write_bytes(data)

    with pytest.raises(StoreCorruptError, match="is damaged"):
        read(tmp_path)


def test_flipped_bits_of_current_are_noticed(tmp_path: Path) -> None:
    """After a bit of any byte was inverted, the file never names another generation."""
    layout.write_current(tmp_path, CURRENT)
    path = tmp_path / "current"
    data = path.read_bytes()
    for at in range(len(data)):
        changed = bytearray(data)
        changed[at] ^= 1 << (at % 8)
        path.write_bytes(changed)
        with pytest.raises((StoreCorruptError, StoreVersionError)):
            read(tmp_path)


def test_cut_off_current_is_damage(tmp_path: Path) -> None:
    """A part of the file, or the file with further bytes, is not taken for the file."""
    layout.write_current(tmp_path, CURRENT)
    path = tmp_path / "current"
    data = path.read_bytes()
    for length in range(len(data)):
        path.write_bytes(data[:length])
        with pytest.raises(StoreCorruptError):
            read(tmp_path)
    path.write_bytes(data + b"x")
    with pytest.raises(StoreCorruptError):
        read(tmp_path)


def test_newer_format_is_told_from_damage(tmp_path: Path) -> None:
    """A later version may differ in everything except its number."""
    (tmp_path / "current").write_bytes(b'{"format":4,"somewhere":"else"}\n')

    with pytest.raises(StoreVersionError, match="has format 4, but this program reads"):
        read(tmp_path)


def test_unreadable_current_is_an_error(tmp_path: Path) -> None:
    """A directory in place of the file leads to an error that states the cause."""
    (tmp_path / "current").mkdir()

    with pytest.raises(StoreError, match="cannot read"):
        read(tmp_path)


def test_directories_are_private(tmp_path: Path) -> None:
    """Every directory that is made belongs to this user alone."""
    path = tmp_path / "state" / "reference"
    layout.make_private(path)
    layout.make_private(path)

    assert [stat.S_IMODE(p.stat().st_mode) for p in (path, path.parent)] == [0o700] * 2


def test_directory_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    """The message states that a file is in the place of the directory."""
    (tmp_path / "file").touch()

    with pytest.raises(StoreError, match="cannot make the directory"):
        layout.make_private(tmp_path / "file" / "reference")


def test_there_is_one_writer(tmp_path: Path) -> None:
    """A second writer is refused at once, and admitted after the first has ended."""
    with (
        layout.writer_lock(tmp_path),
        pytest.raises(StoreBusyError, match="another process is changing"),
        layout.writer_lock(tmp_path),
    ):
        pass
    with layout.writer_lock(tmp_path):
        pass


def test_lock_that_cannot_be_opened_is_an_error(tmp_path: Path) -> None:
    """Without the lock, nothing is written."""
    with (
        pytest.raises(StoreError, match="cannot open the lock"),
        layout.writer_lock(tmp_path / "nowhere"),
    ):
        pass


def test_staged_directory_appears_complete(tmp_path: Path) -> None:
    """Its name appears with all of its data, or not at all."""
    folder = tmp_path / layout.BASES
    folder.mkdir()
    staged = StagedPart(tmp_path, layout.BASES, 7)
    (staged.path / layout.DATA_FILE).write_bytes(b"data")
    assert not (folder / "7").exists()
    part = staged.publish()

    assert (part.number, part.size) == (7, 4)
    assert names(folder) == {"7"}
    assert part.check == layout.file_check(folder / "7" / layout.DATA_FILE)
    assert stat.S_IMODE((folder / "7").stat().st_mode) == 0o700
    data = folder / "7" / layout.DATA_FILE
    assert stat.S_IMODE(data.stat().st_mode) == 0o400


def test_sweep_removes_what_nothing_names(tmp_path: Path) -> None:
    """Named directories of any age stay, and all others are removed."""
    folder = fill(tmp_path, "1", "2", "3", "9", "10", "11")
    layout.sweep_parts(folder, {3, 10})

    assert names(folder) == {"3", "10"}


def test_leavings_of_crashed_writers_go(tmp_path: Path) -> None:
    """Files and directories that were never renamed are removed."""
    folder = fill(tmp_path, "1", ".new-11-x", ".old-1-y")
    (folder / ".new-current-z").touch()
    layout.sweep_leavings(folder)
    layout.sweep_leavings(tmp_path / "nowhere")

    assert names(folder) == {"1"}


def test_sweep_leaves_what_a_reader_uses(tmp_path: Path) -> None:
    """A directory with a shared lock stays until the lock is released."""
    folder = fill(tmp_path, "1", "2", "3")
    reader = os.open(folder / "1", os.O_RDONLY)
    fcntl.flock(reader, fcntl.LOCK_SH)
    layout.sweep_parts(folder, {3})
    assert names(folder) == {"1", "3"}

    os.close(reader)
    layout.sweep_parts(folder, {3})
    assert names(folder) == {"3"}


def test_sample_tells_files_of_one_size_apart(tmp_path: Path) -> None:
    """A file that is too large to be read whole is recognised by parts of it."""
    file = tmp_path / "file"
    file.write_bytes(bytes(range(256)) * 16_384)
    sound = layout.sample_check(file)
    os.truncate(file, 2 << 20)
    os.truncate(file, 4 << 20)

    assert layout.sample_check(file) != sound
    (tmp_path / "empty").touch()
    assert layout.sample_check(tmp_path / "empty") != sound


def test_replaced_file_is_another_one(tmp_path: Path) -> None:
    """A file is distinguished from its replacement, however similar they are."""
    force(tmp_path, 1)
    _, file = layout.read_current(tmp_path)
    assert file.is_still_named()

    force(tmp_path, 1)
    assert not file.is_still_named()
    (tmp_path / "current").unlink()
    assert not file.is_still_named()


def test_file_written_over_in_place_is_another_one(tmp_path: Path) -> None:
    """A restored file is noticed even if it was not renamed into place."""
    force(tmp_path, 1)
    _, file = layout.read_current(tmp_path)
    path = tmp_path / "current"
    path.write_bytes(path.read_bytes() + b"x")

    assert not file.is_still_named()
