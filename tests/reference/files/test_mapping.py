"""A mapped directory is shared within the process, and outlives its removal."""

import fcntl
import gc
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import msgspec
import numpy as np
import pytest

from tests.conformance.generations import entry, exactly, pdq
from tests.reference.columns import SECRET, tables_of
from tests.reference.entries.collected import MD5
from uploadfilter.errors import StoreCorruptError, StoreError
from uploadfilter.reference.files import layout, mapping
from uploadfilter.reference.files.base import write_base
from uploadfilter.reference.files.layout import StagedPart, StoredPart
from uploadfilter.reference.files.mapping import Mapped, open_mapped

COLUMN = b"entries/id_ends"


@pytest.fixture
def base(tmp_path: Path) -> tuple[Path, StoredPart]:
    """Return a small base and its part; its file may be damaged also by a user."""
    (tmp_path / layout.BASES).mkdir()
    staged = StagedPart(tmp_path, layout.BASES, 1)
    tables = tables_of("s", [entry("1", *exactly(MD5), pdq(bytes(range(32))))])
    write_base(staged.path, tables, secret=SECRET.check_value())
    part = staged.publish()
    directory = tmp_path / layout.BASES / "1"
    (directory / layout.DATA_FILE).chmod(0o600)
    return directory, part


def opened(base: tuple[Path, StoredPart]) -> Mapped:
    """Open a base that is there."""
    mapped = open_mapped(*base)
    assert mapped is not None
    return mapped


def descriptors(path: Path) -> int:
    """Count this process's descriptors of a directory and of the files in it."""
    count = 0
    for link in Path("/proc/self/fd").iterdir():
        try:
            count += link.readlink().is_relative_to(path)
        except FileNotFoundError:
            continue
    return count


def test_directory_is_opened_once_and_closed_with_its_last_user(
    base: tuple[Path, StoredPart],
) -> None:
    """Any number of users share one map, and the last one closes it."""
    one, two = opened(base), opened(base)
    used = descriptors(base[0])
    assert used > 0
    del one
    gc.collect()
    assert descriptors(base[0]) == used
    assert len(two.value(COLUMN)) == 8
    del two
    gc.collect()

    assert descriptors(base[0]) == 0


def test_mapped_directory_outlives_its_removal(base: tuple[Path, StoredPart]) -> None:
    """An open user reads on; a later one learns that the directory is gone."""
    mapped = opened(base)
    shutil.rmtree(base[0])

    assert np.frombuffer(mapped.value(COLUMN), np.uint64).tolist() == [1]
    assert open_mapped(*base) is None


def test_user_keeps_the_directory_from_being_removed(
    base: tuple[Path, StoredPart],
) -> None:
    """The writer sees the lock of each user, and no lock after all have ended."""
    mapped = opened(base)
    layout.sweep_parts(base[0].parent, ())
    assert base[0].exists()
    del mapped
    gc.collect()
    layout.sweep_parts(base[0].parent, ())

    assert not base[0].exists()


def test_directory_that_is_being_removed_is_gone(base: tuple[Path, StoredPart]) -> None:
    """A reader never waits for the writer."""
    fd = os.open(base[0], os.O_RDONLY)
    fcntl.flock(fd, fcntl.LOCK_EX)

    assert open_mapped(*base) is None
    os.close(fd)
    opened(base)


def test_exact_keys_are_looked_up_together(base: tuple[Path, StoredPart]) -> None:
    """Existing keys have their values, and missing ones have none."""
    key = SECRET.exact_key(MD5.type, MD5.value)
    mapped = opened(base)

    assert mapped.look_up([bytes(16), key, key]) == [None, bytes(4), bytes(4)]
    assert mapped.look_up([]) == []
    assert list(mapped.pairs()) == [(key, bytes(4))]


def test_missing_value_is_damage(base: tuple[Path, StoredPart]) -> None:
    """A base without a required value is damaged."""
    with pytest.raises(StoreCorruptError, match="holds no 'nothing'"):
        opened(base).value(b"nothing")


@pytest.mark.parametrize("length", [0, 1, 4096, -1, -4096])
def test_file_of_another_size_is_never_mapped(
    base: tuple[Path, StoredPart], length: int
) -> None:
    """A page that is missing from a map would kill the process."""
    data = base[0] / layout.DATA_FILE
    os.truncate(data, length if length >= 0 else base[1].size + length)

    with pytest.raises(StoreCorruptError, match="bytes instead of"):
        open_mapped(*base)


def test_any_flipped_byte_of_a_small_base_is_noticed(
    base: tuple[Path, StoredPart],
) -> None:
    """A file that is verified as a whole is verified at every byte."""
    data = base[0] / layout.DATA_FILE
    sound = data.read_bytes()
    for at in range(0, len(sound), 509):
        data.write_bytes(sound[:at] + bytes([sound[at] ^ 0x10]) + sound[at + 1 :])
        with pytest.raises(StoreCorruptError, match="check value"):
            open_mapped(*base)
    data.write_bytes(sound)
    opened(base)


def test_large_base_is_verified_when_it_is_asked(
    base: tuple[Path, StoredPart], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reader of a large base reads a sample; the writer verifies every byte."""
    monkeypatch.setattr(mapping, "VERIFIED_BYTES", 0)
    data = base[0] / layout.DATA_FILE
    sound = data.read_bytes()
    data.write_bytes(sound[:-1] + bytes([sound[-1] ^ 1]))
    sampled = msgspec.structs.replace(base[1], sample=layout.sample_check(data))

    with pytest.raises(StoreCorruptError):
        open_mapped(base[0], sampled, verify=True)
    assert open_mapped(base[0], sampled) is not None
    with pytest.raises(StoreCorruptError, match="check value"):
        open_mapped(*base)


def test_what_lmdb_refuses_is_damage(
    base: tuple[Path, StoredPart], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that is not LMDB's is reported, whichever check finds it."""
    monkeypatch.setattr(mapping, "VERIFIED_BYTES", 0)
    data = base[0] / layout.DATA_FILE
    data.write_bytes(b"x" * base[1].size)
    sampled = msgspec.structs.replace(base[1], sample=layout.sample_check(data))

    with pytest.raises(StoreCorruptError, match="MDB_INVALID"):
        open_mapped(base[0], sampled)
    assert descriptors(base[0]) == 0


def test_file_with_other_pages_is_refused(
    base: tuple[Path, StoredPart], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error states that the base comes from a machine with larger pages."""
    monkeypatch.setattr(mapping, "VERIFIED_BYTES", 0)
    data = base[0] / layout.DATA_FILE
    content = bytearray(data.read_bytes())
    content[40:44] = (16_384).to_bytes(4, sys.byteorder)
    data.write_bytes(content)
    sampled = msgspec.structs.replace(base[1], sample=layout.sample_check(data))

    with pytest.raises(StoreCorruptError, match="pages of 16384 bytes, this one has"):
        open_mapped(base[0], sampled)


def test_file_replaced_by_its_name_stays_for_who_has_it(
    base: tuple[Path, StoredPart], tmp_path: Path
) -> None:
    """A backup that is renamed into place is another map; the old one stays intact."""
    old = opened(base)
    data = base[0] / layout.DATA_FILE
    copy = tmp_path / "copy"
    shutil.copy2(data, copy)
    copy.rename(data)
    new = opened(base)

    assert old.is_intact()
    assert new.is_intact()
    assert bytes(old.value(COLUMN)) == bytes(new.value(COLUMN))


def test_file_written_over_in_place_is_noticed(base: tuple[Path, StoredPart]) -> None:
    """Even with the same size and time, it can be used only after all released it."""
    mapped = opened(base)
    data = base[0] / layout.DATA_FILE
    before = data.stat()
    content = data.read_bytes()
    with data.open("r+b") as file:
        file.write(content)
    os.utime(data, ns=(before.st_atime_ns, before.st_mtime_ns))

    assert not mapped.is_intact()
    with pytest.raises(StoreCorruptError, match="written over while it is in use"):
        open_mapped(*base)
    del mapped
    gc.collect()
    assert opened(base).is_intact()


def test_file_for_a_directory_is_an_error(tmp_path: Path) -> None:
    """A file in place of a directory cannot be opened."""
    (tmp_path / "1").touch()

    with pytest.raises(StoreError, match="cannot read"):
        open_mapped(tmp_path / "1", StoredPart(number=1, size=0, check="", sample=""))


def test_children_inherit_nothing(base: tuple[Path, StoredPart]) -> None:
    """A program that is started meanwhile inherits none of its descriptors."""
    mapped = opened(base)
    listing = (
        "import os\n"
        "for name in os.listdir('/proc/self/fd'):\n"
        "    try: print(os.readlink('/proc/self/fd/' + name))\n"
        "    except OSError: pass\n"
    )
    shown = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", listing],
        close_fds=False,
        capture_output=True,
        text=True,
        check=True,
    )

    assert str(base[0]) not in shown.stdout
    assert mapped.path == base[0]


def test_threads_open_and_let_go_at_the_same_time(
    base: tuple[Path, StoredPart],
) -> None:
    """Threads that open and close at once never meet a map that is half closed."""
    failures: list[BaseException] = []

    def use() -> None:
        try:
            for _ in range(50):
                assert opened(base).look_up([bytes(16)]) == [None]
        except (AssertionError, StoreError) as exc:
            failures.append(exc)

    threads = [threading.Thread(target=use) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []
    assert descriptors(base[0]) == 0
