"""Files that are replaced, lost or not writable while a service reads them."""

import ctypes
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conformance.generations import ask, entry, exactly
from tests.reference.stores import ENTRY, MD5, VALUE, put, put_set
from tests.sites.programs import debian
from uploadfilter.errors import StoreCorruptError, StoreError
from uploadfilter.model import SignalType
from uploadfilter.reference.search.matching import Generation
from uploadfilter.reference.store import ReferenceDirectory, ReferenceReader


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Return a reference directory that holds one entry, in its base."""
    path = tmp_path / "reference"
    with ReferenceDirectory(path).writer() as writer:
        put(writer, "s", [ENTRY])
        writer.compact()
    return path


def found(generation: Generation) -> list[str]:
    """Return the entries that hold the digest."""
    return [name for name, _ in ask(generation, MD5.value, signal_type=SignalType.MD5)]


def other(name: str) -> list[str]:
    """Return the command line of a program that copies, without its arguments."""
    return [debian(name, package=name)]


def test_backup_renamed_into_place_is_followed(directory: Path, tmp_path: Path) -> None:
    """The reader returns to the backup's state, and further changes start from it."""
    backup = tmp_path / "backup"
    shutil.copytree(directory, backup)
    put_set(directory, "s", [entry("new", *exactly(MD5))])
    with ReferenceReader.open(directory) as reader:
        held = reader.current()
        assert found(held) == ["new"]
        directory.rename(tmp_path / "away")
        backup.rename(directory)
        assert found(reader.current()) == ["1"]
        assert found(held) == ["new"]
        put_set(directory, "t", [ENTRY])
        assert found(reader.current()) == ["1", "1"]


@pytest.mark.parametrize(
    "way",
    [("tar", "--extract", "--file"), ("rsync", "--archive", "--checksum")],
    ids=["tar", "rsync"],
)
def test_backup_over_a_running_instance_is_followed(
    directory: Path, tmp_path: Path, way: tuple[str, ...]
) -> None:
    """Tools that replace files by rename do not disturb a reader."""
    archive = tmp_path / "backup.tar"
    backup = tmp_path / "backup"
    shutil.copytree(directory, backup)
    if way[0] == "tar":
        packing = [*other("tar"), "--create", "--file", str(archive), "-C"]
        subprocess.run([*packing, str(directory), "."], check=True)  # noqa: S603
        command = [*other("tar"), *way[1:], str(archive), "-C", str(directory)]
    else:
        command = [*other("rsync"), *way[1:], f"{backup}/", str(directory)]
    put_set(directory, "s", [entry("new", *exactly(MD5))])
    with ReferenceReader.open(directory) as reader:
        held = reader.current()
        subprocess.run(command, check=True)  # noqa: S603 - a program of the system
        assert found(reader.current()) == ["1"]
        assert found(held) == ["new"]
    number = ReferenceDirectory(directory).generations()[0].generation
    put_set(directory, "t", [ENTRY])
    after = ReferenceDirectory(directory).generations()[0].generation

    assert (number, after) == (3, 5)


def test_backup_written_into_the_files_is_never_read_as_the_old_one(
    directory: Path,
) -> None:
    """The holder of an old map gets an error; a new reader gets the new files."""
    path = directory / "bases" / "3" / "data.mdb"
    content = path.read_bytes()
    path.chmod(0o600)
    with ReferenceReader.open(directory) as reader:
        held = reader.current()
        with path.open("r+b") as file:
            file.write(bytes(len(content)))
        with pytest.raises(StoreCorruptError):
            ask(held, VALUE)
        with pytest.raises(StoreCorruptError, match="check value"):
            reader.current()
        with path.open("r+b") as file:
            file.write(content)
        with pytest.raises(StoreCorruptError, match="written over while it is in use"):
            reader.current()
        assert reader.last is None
        del held
        assert found(reader.current()) == ["1"]


def test_parts_of_two_states_are_not_mixed(directory: Path, tmp_path: Path) -> None:
    """A restored overlay is not used with another base of the same name."""
    backup = tmp_path / "backup"
    shutil.copytree(directory, backup)
    other_path = tmp_path / "other"
    shutil.copytree(directory, other_path)
    with ReferenceDirectory(directory).writer() as writer:
        put(writer, "s", [entry("2", *exactly(MD5))])
    with ReferenceDirectory(other_path).writer() as writer:
        put(writer, "s", [entry("3", *exactly(MD5))])
    shutil.rmtree(directory / "overlays" / "4")
    shutil.copytree(other_path / "overlays" / "4", directory / "overlays" / "4")

    with pytest.raises(StoreCorruptError), ReferenceReader.open(directory) as reader:
        reader.current()


@pytest.fixture
def read_only(directory: Path) -> Iterator[Path]:
    """Mount the directory a second time, read-only; needs the rights to do so."""
    mounted = directory.with_name("mounted")
    mounted.mkdir()
    libc = ctypes.CDLL(None, use_errno=True)
    bind, remount_read_only = 4096, 4096 | 32 | 1
    source, target = os.fsencode(directory), os.fsencode(mounted)
    if libc.mount(source, target, None, bind, None):
        pytest.skip("may not mount")
    try:
        assert libc.mount(None, target, None, remount_read_only, None) == 0
        yield mounted
    finally:
        libc.umount2(target, 2)


def test_read_only_file_system_is_read(directory: Path, read_only: Path) -> None:
    """Readers and the check need no right to write; a writer reports its absence."""
    with ReferenceReader.open(read_only) as reader:
        assert found(reader.current()) == ["1"]
        put_set(directory, "t", [ENTRY])
        assert found(reader.current()) == ["1", "1"]
        assert ReferenceDirectory(read_only).check().is_sound
        with pytest.raises(StoreError, match="Read-only file system"):
            put_set(read_only, "u", [ENTRY])


READER = """
import os, sys
from pathlib import Path
from tests.reference.test_restoring import found
from uploadfilter.reference.store import ReferenceDirectory


def use(folder):
    directory = ReferenceDirectory(Path(folder))
    print(found(directory.reader().current()))
    try:
        with directory.writer():
            print("may write")
    except Exception as exc:
        print(type(exc).__name__)


use(sys.argv[1])
os.setgid(65534), os.setuid(65534)
use(sys.argv[2])
"""
"""Uses one directory with all rights, which loads every module that this takes, and
another one without: libraries load modules when they are first needed, and a checkout
may be closed to others."""


@pytest.mark.rightless
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_reader_needs_no_right_to_write() -> None:
    """A user who may only read the files can read them."""
    folder = Path("/tmp") / f"uploadfilter-{os.getpid()}"  # noqa: S108 - seen by all
    directories = (folder / "own", folder / "foreign")
    try:
        for directory in directories:
            put_set(directory, "s", [ENTRY])
        folder.chmod(0o755)
        for path in (folder / "foreign", *(folder / "foreign").rglob("*")):
            path.chmod(0o755 if path.is_dir() else 0o444)
        done = subprocess.run(  # noqa: S603 - our own interpreter
            [sys.executable, "-c", READER, *map(str, directories)],
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        shutil.rmtree(folder)

    said = ["['1']", "may write", "['1']", "StoreError", ""]
    assert done.stdout.split("\n") == said, done.stderr


def test_queries_go_on_while_a_compaction_runs(directory: Path) -> None:
    """Every answer is right meanwhile, and the new generation is taken up."""
    with ReferenceDirectory(directory).writer() as writer:
        put(writer, "t", [entry(f"{at}", *exactly(MD5)) for at in range(50)])
    wrong: list[object] = []
    with ReferenceReader.open(directory) as reader:
        number = reader.current().number

        def follow() -> None:
            while reader.current().number < number + 3:
                if (count := len(found(reader.current()))) != 51:
                    wrong.append(count)
                    return

        threads = [threading.Thread(target=follow) for _ in range(2)]
        for thread in threads:
            thread.start()
        with ReferenceDirectory(directory).writer() as writer:
            writer.compact()
            put(writer, "s", [ENTRY])
            writer.compact()
        for thread in threads:
            thread.join()

    assert wrong == []
