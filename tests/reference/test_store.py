"""The reference set changes by generations, and readers follow."""

import gc
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from tests.conformance.generations import ask, entry, exactly, pdq
from tests.reference.stores import put_set
from uploadfilter.errors import (
    HashSetNameError,
    StoreBusyError,
    StoreCorruptError,
    StoreError,
    StoreKeyError,
    StoreMissingError,
    StoreVersionError,
)
from uploadfilter.model import Entry, Signal, SignalType
from uploadfilter.reference.files import keys, layout
from uploadfilter.reference.files.history import KEPT_GENERATIONS
from uploadfilter.reference.search.matching import Generation
from uploadfilter.reference.store import ReferenceDirectory, ReferenceReader
from uploadfilter.reference.writing.writing import ReferenceWriter

MD5 = Signal(type=SignalType.MD5, value=bytes(range(16)))
VALUE = bytes(range(32))
ENTRY = entry("1", *exactly(MD5), pdq(VALUE))


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Return a reference directory that holds one set with one entry."""
    path = tmp_path / "state" / "reference"
    put_set(path, "s", [ENTRY])
    return path


def found(generation: Generation) -> list[str]:
    """Return the entries that hold the digest."""
    return [name for name, _ in ask(generation, MD5.value, signal_type=SignalType.MD5)]


def replace_set(writer: ReferenceWriter, *entries: Entry) -> None:
    """Put other entries in the place of the first set."""
    collected = writer.collect()
    for item in entries:
        collected.add(item)
    writer.replace_set(collected, writer.sets[0])


def remove(directory: Path, name: str) -> None:
    """Remove a hash set."""
    with ReferenceDirectory(directory).writer(create=False) as writer:
        writer.remove_set(name)


def numbers(folder: Path) -> list[int]:
    """Return the names in ``bases`` or ``overlays``, which all are numbers."""
    return sorted(int(path.name) for path in folder.iterdir())


def test_init_makes_an_empty_generation(tmp_path: Path) -> None:
    """An empty reference set that was made on purpose is a valid one."""
    path = tmp_path / "new" / "reference"
    assert ReferenceDirectory(path).init()
    with ReferenceReader.open(path) as reader:
        generation = reader.current()

    assert (generation.number, generation.entry_count, generation.sets) == (1, 0, ())
    assert {item.name for item in path.iterdir()} == {
        "bases",
        "current",
        "generations",
        "journal",
        "key",
        "lock",
        "overlays",
    }


def test_init_changes_nothing_that_is_there(directory: Path) -> None:
    """A second call reports that the reference set existed already."""
    before = (directory / "current").read_bytes(), (directory / "key").read_bytes()
    assert not ReferenceDirectory(directory).init()

    after = (directory / "current").read_bytes(), (directory / "key").read_bytes()
    assert after == before


def test_everything_is_private(directory: Path) -> None:
    """No other user can read even a name in it."""
    for path in (directory.parent, directory, *directory.rglob("*")):
        assert path.stat().st_mode & 0o077 == 0, path


def test_reader_follows_at_its_next_call(directory: Path) -> None:
    """Readers see a change after it was made, and never before."""
    with ReferenceReader.open(directory) as reader:
        first = reader.current()
        assert reader.current() is first
        put_set(directory, "t", [ENTRY])
        second = reader.current()
        remove(directory, "s")
        third = reader.current()

    assert [g.number for g in (first, second, third)] == [2, 3, 4]
    assert [len(found(g)) for g in (first, second, third)] == [1, 2, 1]
    assert [info.name for info in third.sets] == ["t"]


def test_set_of_the_same_name_is_replaced(directory: Path) -> None:
    """After a new import of a set, none of its old entries is left."""
    info = put_set(directory, "s", [entry("2", *exactly(MD5))], enforced=False)
    with ReferenceReader.open(directory) as reader:
        generation = reader.current()

    assert generation.sets == (info,)
    assert found(generation) == ["2"]
    assert ask(generation, VALUE) == []
    assert generation.signal_types == {SignalType.MD5}


def test_removed_set_leaves_no_types(directory: Path) -> None:
    """A type that only a removed set had is not searched for any more."""
    remove(directory, "s")
    with ReferenceReader.open(directory) as reader:
        assert reader.current().signal_types == frozenset()


def test_unknown_set_cannot_be_removed(directory: Path) -> None:
    """The error names the existing sets, and nothing changes."""
    with pytest.raises(HashSetNameError, match="no hash set 'x'") as caught:
        remove(directory, "x")

    assert "'s'" in caught.value.hint
    with ReferenceReader.open(directory) as reader:
        assert reader.current().number == 2


def test_first_ids_are_those_of_the_set(directory: Path) -> None:
    """The ids belong to the named set, in the set's order."""
    put_set(directory, "t", [entry(name, *exactly(MD5)) for name in "zyx"])
    with ReferenceReader.open(directory) as reader:
        generation = reader.current()

    assert generation.first_ids("t", 2) == ("z", "y")
    assert generation.first_ids("s", 9) == ("1",)
    assert generation.first_ids("nobody", 9) == ()


def test_several_changes_in_one_block(directory: Path) -> None:
    """One writer may make any number of generations."""
    with ReferenceDirectory(directory).writer() as writer:
        for _ in range(3):
            replace_set(writer, ENTRY)
        assert writer.number == 5
        writer.remove_set("s")
        assert (writer.number, writer.sets) == (6, ())


def test_old_generation_stays_valid_while_it_is_held(directory: Path) -> None:
    """The holder of a generation may search it, whatever is written meanwhile."""
    with ReferenceReader.open(directory) as reader:
        held = reader.current()
    with ReferenceDirectory(directory).writer() as writer:
        for n in range(KEPT_GENERATIONS + 1):
            replace_set(writer, entry(f"new-{n}", *exactly(MD5)))

    assert found(held) == ["1"]
    assert ask(held, VALUE) == [("1", 0)]
    assert 2 in numbers(directory / "overlays")
    del held
    gc.collect()
    put_set(directory, "s", [ENTRY])
    assert numbers(directory / "overlays") == list(range(4, KEPT_GENERATIONS + 5))
    assert numbers(directory / "bases") == [1]


def test_missing_reference_set_appears(tmp_path: Path) -> None:
    """A reader may be opened before there is a reference set."""
    path = tmp_path / "reference"
    with ReferenceReader.open(path) as reader:
        for _ in range(2):
            with pytest.raises(StoreMissingError, match="there is no reference set"):
                reader.current()
        assert reader.last is None
        put_set(path, "s", [ENTRY])
        assert found(reader.current()) == ["1"]


def test_writer_does_not_create_unasked(tmp_path: Path) -> None:
    """A mistyped path does not become an empty reference set."""
    path = tmp_path / "reference"
    with (
        pytest.raises(StoreMissingError),
        ReferenceDirectory(path).writer(create=False),
    ):
        pass

    assert not path.exists()


def damage_current(directory: Path) -> None:
    """Overwrite the file that names the generation."""
    (directory / "current").write_bytes(b"\0" * 100)


def data_of(directory: Path, kind: str) -> Path:
    """Return the data file in force in ``bases`` or ``overlays``."""
    return directory / kind / str(numbers(directory / kind)[-1]) / "data.mdb"


def cut(directory: Path, kind: str) -> None:
    """Cut the last page off a file in force."""
    path = data_of(directory, kind)
    path.chmod(0o600)
    os.truncate(path, path.stat().st_size - 4096)


def flip(directory: Path, kind: str) -> None:
    """Turn one bit of a file in force."""
    path = data_of(directory, kind)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 4
    path.chmod(0o600)
    path.write_bytes(data)


def lose(directory: Path, kind: str) -> None:
    """Remove a directory in force."""
    shutil.rmtree(data_of(directory, kind).parent)


def lose_data(directory: Path, kind: str) -> None:
    """Remove the data of a directory in force."""
    data_of(directory, kind).unlink()


def swap(directory: Path, kind: str) -> None:
    """Put the other half of the generation in the place of one."""
    other = "bases" if kind == "overlays" else "overlays"
    path = data_of(directory, kind)
    path.unlink()
    shutil.copy(data_of(directory, other), path)


def lose_key(directory: Path) -> None:
    """Remove the key."""
    (directory / "key").unlink()


def swap_key(directory: Path) -> None:
    """Put another installation's key in its place."""
    (directory / "key").write_bytes(b"\x07" * 32)


def age(directory: Path) -> None:
    """Make the reference set one of a newer version."""
    path = directory / "current"
    path.write_bytes(path.read_bytes().replace(b'"format":3', b'"format":4'))


Damage = Callable[[Path], None]

DAMAGES: list[tuple[str, Damage, type[StoreError]]] = [
    ("current", damage_current, StoreCorruptError),
    *(
        (f"{act.__name__} {kind}", partial(act, kind=kind), StoreCorruptError)
        for act in (cut, flip, lose, lose_data, swap)
        for kind in ("bases", "overlays")
    ),
    ("lost key", lose_key, StoreKeyError),
    ("other key", swap_key, StoreKeyError),
    ("newer", age, StoreVersionError),
]


@pytest.mark.parametrize(
    ("damage", "error"),
    [(damage, error) for _, damage, error in DAMAGES],
    ids=[name for name, _, _ in DAMAGES],
)
def test_damage_is_reported_and_not_written_over(
    directory: Path, damage: Damage, error: type[StoreError]
) -> None:
    """Reader and writer name the fault, and leave everything as it is."""
    damage(directory)
    before = contents(directory)
    with (
        ReferenceReader.open(directory) as reader,
        pytest.raises(error) as read,
    ):
        reader.current()
    with pytest.raises(error):
        put_set(directory, "t", [ENTRY])
    with pytest.raises(error):
        ReferenceDirectory(directory).init()

    assert type(read.value) is error
    assert read.value.hint
    assert contents(directory) == before


def contents(directory: Path) -> dict[Path, bytes]:
    """Return every file with its bytes."""
    return {path: path.read_bytes() for path in directory.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("damage", "error"),
    [(damage_current, StoreCorruptError), (age, StoreVersionError)],
)
def test_reader_keeps_its_last_generation_through_damage(
    directory: Path, damage: Damage, error: type[StoreError]
) -> None:
    """The last good generation stays available when the next one is damaged."""
    with ReferenceReader.open(directory) as reader:
        generation = reader.current()
        damage(directory)
        for _ in range(2):
            with pytest.raises(error):
                reader.current()
        assert reader.last is generation
        assert found(generation) == ["1"]


def test_reader_recovers_when_the_file_is_restored(directory: Path) -> None:
    """A backup that is put back is read again without a restart."""
    saved = (directory / "current").read_bytes()
    with ReferenceReader.open(directory) as reader:
        reader.current()
        damage_current(directory)
        with pytest.raises(StoreCorruptError):
            reader.current()
        (directory / "current").write_bytes(saved)
        assert found(reader.current()) == ["1"]


def test_missing_key_is_never_made_anew(directory: Path) -> None:
    """With a new key, exact signals would silently never be found."""
    lose_key(directory)
    with pytest.raises(StoreKeyError):
        put_set(directory, "t", [])

    assert not (directory / "key").exists()


def test_what_cannot_be_written_is_an_error_of_ours(directory: Path) -> None:
    """The message names the failure, and the old generation stays in force."""
    (directory / "bases" / "3").touch()

    with pytest.raises(StoreError, match=r"cannot prepare .* MiB free") as caught:
        put_set(directory, "t", [ENTRY])
    assert "Nothing has changed" in caught.value.hint
    with ReferenceDirectory(directory).reader() as reader:
        assert reader.current().number == 2


def test_secret_is_that_of_the_directory(directory: Path) -> None:
    """A key for another use is derived from the same secret."""
    secret = ReferenceDirectory(directory).secret()

    assert secret.check_value() == keys.read_secret(directory).check_value()


def test_second_writer_is_turned_away(directory: Path) -> None:
    """A second writer in the same process is refused too."""
    with (
        ReferenceDirectory(directory).writer(),
        pytest.raises(StoreBusyError),
        ReferenceDirectory(directory).writer(),
    ):
        pass


def test_writer_of_another_process_is_waited_for(directory: Path) -> None:
    """While another process writes, no other writer can begin."""
    script = (
        "import sys; from pathlib import Path\n"
        "from uploadfilter.reference.store import ReferenceDirectory\n"
        "with ReferenceDirectory(Path(sys.argv[1])).writer():\n"
        "    print('writing', flush=True); sys.stdin.read()\n"
    )
    with subprocess.Popen(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", script, str(directory)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as other:
        assert other.stdin is not None
        assert other.stdout is not None
        assert other.stdout.readline() == "writing\n"
        with pytest.raises(StoreBusyError):
            put_set(directory, "t", [ENTRY])
        other.stdin.close()
    put_set(directory, "t", [ENTRY])

    assert other.returncode == 0


def test_restored_copy_is_read_in_place(directory: Path, tmp_path: Path) -> None:
    """A backup is a copy of the directory, and works at any path."""
    copy = tmp_path / "copy"
    shutil.copytree(directory, copy)
    shutil.rmtree(directory)
    with ReferenceReader.open(copy) as reader:
        assert found(reader.current()) == ["1"]
    put_set(copy, "t", [ENTRY])


def generation_entries(n: int) -> list[Entry]:
    """Return entries that say which generation they belong to."""
    return [entry(f"{n}-{at}", *exactly(MD5), pdq(VALUE)) for at in range(20)]


def is_whole(generation: Generation) -> bool:
    """Tell whether everything that is found belongs to the one generation."""
    expected = sorted(f"{generation.number}-{at}" for at in range(20))
    return (
        found(generation) == expected
        and [name for name, _ in ask(generation, VALUE)] == expected
    )


LAST = 14


def test_threads_see_whole_generations_while_they_change(tmp_path: Path) -> None:
    """A reader sees one generation or the next, never a mixture or a gap."""
    directory = tmp_path / "reference"
    ReferenceDirectory(directory).init()
    put_set(directory, "s", generation_entries(2))
    wrong: list[object] = []
    with ReferenceReader.open(directory) as reader:

        def follow() -> None:
            number = 0
            while number < LAST:
                generation = reader.current()
                if generation.number < number or not is_whole(generation):
                    wrong.append(generation.number)
                    return
                number = generation.number

        threads = [threading.Thread(target=follow) for _ in range(3)]
        for thread in threads:
            thread.start()
        for number in range(3, LAST + 1):
            put_set(directory, "s", generation_entries(number))
        for thread in threads:
            thread.join()

    assert wrong == []


FOLLOWER = f"""
import sys
from pathlib import Path
from tests.reference.test_store import is_whole
from uploadfilter.reference.store import ReferenceReader
number = 0
with ReferenceReader.open(Path(sys.argv[1])) as reader:
    print("following", flush=True)
    while number < {LAST}:
        generation = reader.current()
        if generation.number < number or not is_whole(generation):
            sys.exit(1)
        number = generation.number
"""


def test_processes_see_whole_generations_while_they_change(tmp_path: Path) -> None:
    """Other processes see this too, even if their directories are removed meanwhile."""
    directory = tmp_path / "reference"
    ReferenceDirectory(directory).init()
    put_set(directory, "s", generation_entries(2))
    with subprocess.Popen(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", FOLLOWER, str(directory)],
        stdout=subprocess.PIPE,
        text=True,
    ) as follower:
        assert follower.stdout is not None
        assert follower.stdout.readline() == "following\n"
        for number in range(3, LAST + 1):
            put_set(directory, "s", generation_entries(number))

    assert follower.returncode == 0
    assert numbers(directory / layout.OVERLAYS)[-1] == LAST
