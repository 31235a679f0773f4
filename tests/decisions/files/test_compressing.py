"""Segments are compressed without losing a byte, whenever the process ends.

The rule: at every moment each segment is there whole, in one form or both, and every
reader gets it.
"""

import errno
import fcntl
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.decisions.logs import NOON, decision, write_log
from uploadfilter.decisions.files import compressing as module
from uploadfilter.decisions.files.compressing import (
    LEAST_BYTES,
    compress,
    due,
    remove_unfinished,
)
from uploadfilter.decisions.files.reading import read
from uploadfilter.decisions.files.room import Disk
from uploadfilter.decisions.files.segments import Segment, opened, segments
from uploadfilter.decisions.files.settings import LogSettings
from uploadfilter.decisions.files.verify import verify
from uploadfilter.errors import LogBusyError, LogError, LogWriteError
from uploadfilter.state import sync_directory

SMALL = LogSettings(segment_bytes=LEAST_BYTES)
LATER = 4e9
"""A time by which every file is old."""


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Return a log of some segments that are large enough to be compressed."""
    directory = tmp_path / "log"
    write_log(
        directory,
        [[decision(f"{day}-{at}") for at in range(150)] for day in range(3)],
        settings=SMALL,
    )
    return directory


def large(directory: Path) -> list[Segment]:
    """Return the closed segments that are large enough to be compressed."""
    found = segments(directory)[:-1]
    return [it for it in found if (directory / it.name).stat().st_size >= LEAST_BYTES]


def contents(directory: Path) -> dict[str, bytes]:
    """Return what a reader gets of each segment."""
    found = {}
    for segment in segments(directory):
        with opened(directory, segment) as file:
            found[segment.name] = file.read()
    return found


def names(directory: Path) -> set[str]:
    """Return the names of a log's files."""
    return {path.name for path in directory.iterdir() if path.is_file()}


def keep_both(directory: Path, segment: Segment) -> Path:
    """Leave both forms, as a crash does; return the compressed one."""
    plain = (directory / segment.name).read_bytes()
    compress(directory, segment, reserve_bytes=0)
    (directory / segment.name).write_bytes(plain)
    return directory / segment.compressed_name


def test_segment_is_compressed_and_reads_as_before(log: Path) -> None:
    """Nothing that is read changes, and the sizes are told."""
    before, (segment, *_) = contents(log), large(log)
    plain = (log / segment.name).stat()
    done = compress(log, segment, reserve_bytes=0)

    assert segment.name not in names(log)
    assert contents(log) == before
    packed = (log / segment.compressed_name).stat()
    assert done == (plain.st_size, packed.st_size)
    assert packed.st_size < plain.st_size / 3
    assert verify(log).ok


def test_owner_mode_and_time_stay(log: Path) -> None:
    """Those who may read a segment may read it afterwards, and nobody else."""
    (segment, *_) = large(log)
    path = log / segment.name
    path.chmod(0o640)
    os.utime(path, (NOON, NOON))
    if os.geteuid() == 0:
        # Not the owner: without CAP_DAC_OVERRIDE, root could not read the file.
        os.chown(path, -1, 4321)
    was = path.stat()
    compress(log, segment, reserve_bytes=0)

    found = (log / segment.compressed_name).stat()
    for field in ("st_mode", "st_uid", "st_gid", "st_mtime"):
        assert getattr(found, field) == getattr(was, field)


def test_owner_who_cannot_be_kept_keeps_the_plain_file(
    log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A group of overseers would lose their access."""
    (segment, *_) = large(log)
    monkeypatch.setattr(os, "fchown", _denied)
    real = os.fstat

    def other_owner(fd: int) -> os.stat_result:
        found = list(real(fd))
        found[5] = 4321
        return os.stat_result(found)

    monkeypatch.setattr(os, "fstat", other_owner)
    before = names(log)

    with pytest.raises(LogWriteError):
        compress(log, segment, reserve_bytes=0)
    assert names(log) == before


def _denied(*_: object) -> None:
    raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))


def test_full_disk_keeps_the_plain_file(
    log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half of the reserve stays, and nothing is left behind."""
    (segment, *_) = large(log)
    before = names(log)
    monkeypatch.setattr(module, "disk_of", lambda *_, **__: Disk(1_000_000, 2_000_000))
    with pytest.raises(LogWriteError, match="kept back"):
        compress(log, segment, reserve_bytes=2_000_000)
    assert names(log) == before

    monkeypatch.setattr(module, "disk_of", lambda *_, **__: Disk(1_900_000, 2_000_000))
    compress(log, segment, reserve_bytes=2_000_000)
    assert segment.compressed_name in names(log)


def test_failed_write_keeps_the_plain_file(
    log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk may be full all the same: by others, or by a quota."""
    (segment, *_) = large(log)
    before = names(log)

    def full(_fd: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(LogWriteError, match="No space left"):
        compress(log, segment, reserve_bytes=0)
    assert names(log) == before


def test_two_never_compress_one_segment(log: Path) -> None:
    """A process that outlived its proxy may still be at it."""
    (segment, *_) = large(log)
    with (log / segment.name).open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(LogBusyError):
            compress(log, segment, reserve_bytes=0)


@pytest.mark.parametrize("left", ["both", "new"])
def test_compression_continues_after_a_crash(log: Path, left: str) -> None:
    """Both forms are there, or the new one is not in its place yet."""
    before, (segment, *_) = contents(log), large(log)
    packed = keep_both(log, segment)
    if left == "new":
        packed.unlink()
    (log / f".{packed.name}.new").write_bytes(b"half")
    assert contents(log) == before

    compress(log, segment, reserve_bytes=0)
    assert contents(log) == before
    assert not {segment.name, f".{packed.name}.new"} & names(log)


@pytest.mark.parametrize("kept_bytes", [0, 1000, -1])
@pytest.mark.parametrize("is_damaged", [False, True])
def test_file_that_is_being_unpacked_keeps_its_compressed_form(
    log: Path, kept_bytes: int, is_damaged: bool
) -> None:
    """``gunzip --keep`` that fails removes its half, so the other has to be there."""
    before, (segment, *_) = contents(log), large(log)
    packed, plain = keep_both(log, segment), log / segment.name
    plain.write_bytes(plain.read_bytes()[:kept_bytes])
    if is_damaged:
        packed.write_bytes(packed.read_bytes()[:-1])
    held = packed.read_bytes()

    with pytest.raises(LogError, match="both stay"):
        compress(log, segment, reserve_bytes=0)
    assert packed.read_bytes() == held
    plain.unlink()
    assert is_damaged or contents(log) == before


@pytest.mark.parametrize("target", ["outside", "nowhere", "itself"])
def test_link_is_not_a_compressed_form(log: Path, tmp_path: Path, target: str) -> None:
    """Else the records would go with a file that is not the log's."""
    before, (segment, *_) = contents(log), large(log)
    packed = keep_both(log, segment)
    packed.rename(tmp_path / "outside")
    packed.symlink_to(packed if target == "itself" else tmp_path / target)

    with pytest.raises(LogError, match="both stay"):
        compress(log, segment, reserve_bytes=0)
    assert contents(log) == before


def test_file_that_shrinks_meanwhile_stays(
    log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody begins to unpack it, or edits it."""
    (segment, *_) = large(log)
    monkeypatch.setattr(module, "disk_of", lambda *_, **__: cut())

    def cut() -> Disk:
        os.truncate(log / segment.name, 5)
        return Disk(10**9, 0)

    monkeypatch.setattr(module, "_BLOCK_BYTES", 16 * 1024)
    with pytest.raises(LogError, match="other bytes"):
        compress(log, segment, reserve_bytes=0)
    assert segment.name in names(log)


def test_deleted_segment_does_not_come_back(
    log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Retention may delete it at any moment, and nobody has to act then."""
    (segment, *_) = large(log)

    def deleted(path: Path) -> None:
        sync_directory(path)
        (log / segment.name).unlink(missing_ok=True)

    monkeypatch.setattr(module, "sync_directory", deleted)

    assert compress(log, segment, reserve_bytes=0) is None
    assert not {segment.name, segment.compressed_name} & names(log)
    assert compress(log, segment, reserve_bytes=0) is None


# --- When it is due ------------------------------------------------------------------


def test_segment_is_due_after_its_time(log: Path) -> None:
    """Not the newest, not a small one, and nothing before its time."""
    found, now = large(log), time.time()  # noqa: TID251 - files have its times
    newest = segments(log)[-1]

    assert due(log, newest, now=now + 3000, after_s=3600) == []
    assert due(log, newest, now=now + 3700, after_s=3600) == found
    assert due(log, newest, now=now, after_s=0) == found
    assert due(log, found[0], now=now + 9999, after_s=0) == []
    compress(log, found[-1], reserve_bytes=0)
    assert due(log, newest, now=now + 3700, after_s=3600) == found[:-1]


def test_file_that_was_just_unpacked_stays_for_a_while(log: Path) -> None:
    """A shipper gets its lines, although the time of the last record is long ago."""
    (segment, *_), newest = large(log), segments(log)[-1]
    os.utime(log / segment.name, (NOON, NOON))
    put_s = (log / segment.name).stat().st_ctime

    assert segment not in due(log, newest, now=put_s + 3599, after_s=3600)
    assert segment in due(log, newest, now=put_s + 3601, after_s=3600)


def test_clock_that_was_set_back_does_not_stop_it(log: Path) -> None:
    """Files of the future are as old as those of the past."""
    found = large(log)
    for segment in found:
        os.utime(log / segment.name, (NOON + 1e9, NOON + 1e9))

    assert due(log, segments(log)[-1], now=NOON, after_s=3600) == found


# --- Killed at any point -------------------------------------------------------------

_KILLED = """
import os, signal, sys
from pathlib import Path
from uploadfilter.decisions.files import compressing
from uploadfilter.decisions.files.segments import Segment

compressing._BLOCK_BYTES = 16 * 1024
left = int(sys.argv[3])

def one_more(event="", args=()):
    global left
    if event in WATCHED:
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

WATCHED = {"os.rename", "os.remove", "os.chmod", "os.utime", "os.chown", "block",
           "fsync", "open"}
real = compressing.disk_of
def disk_of(*args, **options):
    one_more("block")
    return real(*args, **options)
compressing.disk_of = disk_of
sync = os.fsync
def fsync(fd):
    one_more("fsync")
    sync(fd)
os.fsync = fsync
sys.addaudithook(one_more)
segment = Segment.parse(sys.argv[2])
compressing.compress(Path(sys.argv[1]), segment, reserve_bytes=0)
print("done")
"""


@pytest.mark.slow
def test_killed_at_each_operation(log: Path, tmp_path: Path) -> None:
    """At each file that is opened, written, synced, renamed or removed."""
    before, (segment, *_) = contents(log), large(log)
    seen = set()
    for operation in range(1, 200):
        copy = tmp_path / f"copy{operation}"
        shutil.copytree(log, copy)
        command = [sys.executable, "-c", _KILLED, str(copy), segment.name]
        done = subprocess.run(  # noqa: S603
            [*command, str(operation)],
            capture_output=True,
            env={**os.environ, "PYTHONPATH": os.getcwd()},  # noqa: PTH109
            check=False,
        )
        seen.add(frozenset(set(segment.names) & names(copy)))
        assert contents(copy) == before, operation
        assert verify(copy).ok
        if done.returncode == 0:
            break
        assert done.returncode == -signal.SIGKILL, done.stderr
        # The next start goes on from there.
        compress(copy, segment, reserve_bytes=0)
        remove_unfinished(copy)
        assert names(copy) == names(log) - {segment.name} | {segment.compressed_name}
        assert contents(copy) == before
        shutil.rmtree(copy)
    else:
        pytest.fail("it never came to its end")
    assert operation > 15
    plain, packed = segment.names
    assert seen == {frozenset({plain}), frozenset({plain, packed}), frozenset({packed})}


def test_rest_of_a_deleted_segment_is_removed(log: Path) -> None:
    """A killed process left it, and then retention deleted the segment."""
    (segment, other, *_) = large(log)
    for it in (segment, other):
        (log / f".{it.compressed_name}.new").write_bytes(b"half")
    (log / segment.name).unlink()

    remove_unfinished(log)

    assert f".{segment.compressed_name}.new" not in names(log)
    assert f".{other.compressed_name}.new" in names(log)


# --- Beside readers and the writer ---------------------------------------------------


def test_readers_beside_it_get_every_record(log: Path) -> None:
    """While segments are compressed and unpacked again, all the time."""
    before = [record.seq for record in read(log)]
    code = (
        "import sys,time,gzip\n"
        "from pathlib import Path\n"
        "from uploadfilter.decisions.files.compressing import compress\n"
        "from uploadfilter.decisions.files.segments import Segment\n"
        "log=Path(sys.argv[1]); names=sys.argv[2:]\n"
        "while True:\n"
        "  for name in names:\n"
        "    s=Segment.parse(name)\n"
        "    compress(log,s,reserve_bytes=0)\n"
        "    t=log/'.x'\n"
        "    t.write_bytes(gzip.decompress((log/s.compressed_name).read_bytes()))\n"
        "    t.rename(log/s.name); (log/s.compressed_name).unlink()\n"
    )
    found = [it.name for it in large(log)]
    with subprocess.Popen(  # noqa: S603
        [sys.executable, "-c", code, str(log), *found],
        env={**os.environ, "PYTHONPATH": os.getcwd()},  # noqa: PTH109
    ) as process:
        try:
            for _ in range(40):
                assert [record.seq for record in read(log)] == before
            assert process.poll() is None
        finally:
            process.kill()
