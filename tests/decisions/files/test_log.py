"""Writing the decision log: durability, groups, rotation, failing disks, one writer."""

import asyncio
import errno
import os
import shutil
import stat
import tempfile
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path
from threading import Barrier, Event

import pytest

from tests.decisions.children import (
    fill_the_disk,
    hold_until_told,
    open_read_only,
    run,
    start,
)
from tests.decisions.logs import (
    ACCEPTED,
    DAY_S,
    NOON,
    REJECTED,
    Clock,
    decision,
    outcome,
    segment_paths,
)
from tests.waiting import until
from uploadfilter.decisions.files import room
from uploadfilter.decisions.files.log import DecisionLog
from uploadfilter.decisions.files.reading import read
from uploadfilter.decisions.files.segments import segments
from uploadfilter.decisions.files.settings import LogSettings
from uploadfilter.decisions.files.verify import CheckpointState, verify
from uploadfilter.decisions.records.records import (
    Checkpoint,
    CheckpointRecord,
    DecisionRecord,
    SegmentRecord,
)
from uploadfilter.errors import LogBusyError, LogWriteError


class Disk:
    """A way to sync that counts, and fails or blocks when it is told to."""

    def __init__(self) -> None:
        self.syncs = 0
        self.error: OSError | None = None
        self.gate = Event()
        self.gate.set()

    def sync(self, file: int) -> None:
        """Sync a file, as well as this disk can."""
        self.gate.wait()
        self.syncs += 1
        if self.error is not None:
            raise self.error
        os.fdatasync(file)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Where a log is to be, in a directory that is not there yet."""
    return tmp_path / "instance" / "log"


def test_append_is_durable_when_its_future_is_resolved(directory: Path) -> None:
    """A resolved future means that the record is in the file and synced."""
    disk = Disk()
    with DecisionLog.open(
        directory, instance="main", clock=Clock(), sync=disk.sync
    ) as log:
        before = disk.syncs
        seq = log.append(decision("d")).result()

        assert disk.syncs == before + 1
        found = list(read(directory))
        assert found[-1].seq == seq == 2
        assert isinstance(found[-1], DecisionRecord)


def test_log_is_for_this_user_only(directory: Path) -> None:
    """Other users cannot read decisions."""
    with DecisionLog.open(directory, instance="main", clock=Clock()):
        pass

    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    for path in (*segment_paths(directory), directory / "lock"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_first_segment_has_a_head(directory: Path) -> None:
    """A new log begins with number 1 and no predecessor."""
    with DecisionLog.open(directory, instance="main", clock=Clock()) as log:
        assert log.recovery.is_clean

    (head,) = read(directory)
    assert isinstance(head, SegmentRecord)
    assert (head.seq, head.number, head.instance) == (1, 1, "main")
    assert head.previous == "0" * 64
    assert [s.name for s in segments(directory)] == ["00000001-20261125.jsonl"]


def test_log_goes_on_after_a_restart(directory: Path) -> None:
    """A second opening continues the chain of the first."""
    for name in ("a", "b", "c"):
        with DecisionLog.open(directory, instance="main", clock=Clock()) as log:
            log.append(decision(name)).result()

    assert [record.seq for record in read(directory)] == [1, 2, 3, 4]
    assert verify(directory).ok


def test_waiting_records_share_a_sync(directory: Path) -> None:
    """Records that arrive while the disk is busy are written together."""
    disk = Disk()
    with DecisionLog.open(
        directory, instance="main", clock=Clock(), sync=disk.sync
    ) as log:
        before = disk.syncs
        disk.gate.clear()
        futures = [log.append(decision(f"d{i}")) for i in range(1000)]
        disk.gate.set()
        numbers = [future.result() for future in futures]

    # One for the records that the writer took at once, and one or two for the others.
    assert disk.syncs - before <= 3
    assert numbers == list(range(2, 1002))
    assert verify(directory).records == 1001


def test_record_that_nothing_waits_for_shares_the_next_sync(directory: Path) -> None:
    """An outcome is written with the decision that follows it, in their order."""
    disk = Disk()
    with DecisionLog.open(
        directory, instance="main", clock=Clock(), sync=disk.sync
    ) as log:
        before = disk.syncs
        soon = [log.append_soon(decision(f"soon{i}")) for i in range(20)]
        last = log.append(decision("now")).result()

        assert disk.syncs - before <= 2
        assert [future.result() for future in soon] == list(range(2, 22))
        assert last == 22


def test_record_that_nothing_waits_for_is_written_by_itself(directory: Path) -> None:
    """A single record is durable after a while, too."""
    with DecisionLog.open(directory, instance="main", clock=Clock()) as log:
        assert log.append_soon(decision("d")).result(timeout=20) == 2


def test_closing_writes_what_nothing_waits_for(directory: Path) -> None:
    """At the end of the service nothing that was handed over is lost."""
    with DecisionLog.open(directory, instance="main", clock=Clock()) as log:
        log.append_soon(decision("d"))

    assert [record.seq for record in read(directory)] == [1, 2]


def test_appends_from_many_threads_are_chained(directory: Path) -> None:
    """With several threads, each number is given once and the chain holds."""
    start = Barrier(16)

    def append(thread: int) -> list[int]:
        start.wait()
        futures = [log.append(decision(f"{thread}-{i}")) for i in range(50)]
        return [future.result() for future in futures]

    with (
        DecisionLog.open(directory, instance="main", clock=Clock()) as log,
        ThreadPoolExecutor(16) as threads,
    ):
        numbers = [n for some in threads.map(append, range(16)) for n in some]

    assert sorted(numbers) == list(range(2, 802))
    assert verify(directory).ok


def test_abandoned_record_is_written(directory: Path) -> None:
    """A client that hangs up while its record waits makes no hole in the chain."""
    disk = Disk()
    with DecisionLog.open(
        directory, instance="main", clock=Clock(), sync=disk.sync
    ) as log:
        disk.gate.clear()
        futures = [log.append(decision(f"d{i}")) for i in range(5)]
        cancelled = [future.cancel() for future in futures]
        disk.gate.set()

    assert not any(cancelled)
    assert verify(directory).records == 6


def test_close_writes_what_waits(directory: Path) -> None:
    """An orderly end loses nothing, and nothing can be appended after it."""
    with DecisionLog.open(directory, instance="main", clock=Clock()) as log:
        futures = [log.append(decision(f"d{i}")) for i in range(100)]

    assert all(future.done() and not future.exception() for future in futures)
    assert not log.writable
    with pytest.raises(LogWriteError, match="closed"):
        log.append(decision("late")).result()


def test_log_tells_whether_its_writer_lives(directory: Path) -> None:
    """A failed write does not end the log, so that no watchdog has to restart it."""
    disk = Disk()
    with DecisionLog.open(
        directory, instance="main", clock=Clock(), sync=disk.sync
    ) as log:
        disk.error = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        log.append(decision("a")).exception()
        alive_on_a_full_disk = log.is_alive()
        disk.error = None

    assert alive_on_a_full_disk
    assert not log.is_alive()


def test_full_queue_refuses(directory: Path) -> None:
    """When the disk is stuck, uploads are told so instead of piling up."""
    disk = Disk()
    with DecisionLog.open(
        directory,
        instance="main",
        clock=Clock(),
        settings=LogSettings(queue_records=10),
        sync=disk.sync,
    ) as log:
        disk.gate.clear()
        futures = [log.append(decision(f"d{i}")) for i in range(30)]
        refused = [future for future in futures if future.done()]
        disk.gate.set()

    assert len(refused) >= 10
    for future in refused:
        assert isinstance(future.exception(), LogWriteError)
    assert verify(directory).records == 31 - len(refused)


def test_record_that_cannot_be_encoded_fails_alone(directory: Path) -> None:
    """One broken text does not cost the others of its group."""
    disk = Disk()
    with DecisionLog.open(
        directory, instance="main", clock=Clock(), sync=disk.sync
    ) as log:
        disk.gate.clear()
        futures = [log.append(outcome(name)) for name in ("a", "\ud800", "b")]
        disk.gate.set()

        assert futures[0].result() == 2
        assert isinstance(futures[1].exception(), LogWriteError)
        assert futures[2].result() == 3
        assert log.writable


def test_large_group_is_written_in_parts(directory: Path) -> None:
    """However much waits, one write stays small enough to be torn harmlessly."""
    disk = Disk()
    with DecisionLog.open(
        directory, instance="main", clock=Clock(), sync=disk.sync
    ) as log:
        disk.gate.clear()
        futures = [log.append(outcome("x" * 1_500_000)) for _ in range(8)]
        before = disk.syncs
        disk.gate.set()
        numbers = [future.result() for future in futures]

    assert numbers == list(range(2, 10))
    assert disk.syncs - before >= 3
    assert verify(directory).ok


def test_segment_is_followed_when_it_is_full(directory: Path) -> None:
    """A segment that has reached its size is closed, and the chain goes on."""
    with DecisionLog.open(
        directory,
        instance="main",
        clock=Clock(),
        settings=LogSettings(segment_bytes=2000),
    ) as log:
        for i in range(20):
            log.append(decision(f"d{i}")).result()

    sizes = [path.stat().st_size for path in segment_paths(directory)]
    assert len(sizes) > 3
    assert all(2000 <= size < 3000 for size in sizes[:-1])
    assert verify(directory).ok


def test_segment_is_followed_on_another_day(directory: Path) -> None:
    """At midnight UTC a new segment begins, with a head that names the one before."""
    clock = Clock()
    with DecisionLog.open(directory, instance="main", clock=clock) as log:
        log.append(decision("a", REJECTED)).result()
        log.append(decision("b", ACCEPTED)).result()
        clock.now += DAY_S
        log.append(decision("c")).result()

    assert [s.day for s in segments(directory)] == [
        date(2026, 11, 25),
        date(2026, 11, 26),
        date(2026, 11, 26),
    ]
    heads = [r for r in read(directory) if isinstance(r, SegmentRecord)]
    assert [head.is_lasting for head in heads] == [False, True, False]
    assert (heads[2].number, heads[2].matches, heads[2].awaiting) == (3, 1, ("b",))
    assert verify(directory).ok


def test_new_day_is_noticed_at_the_start(directory: Path) -> None:
    """A proxy that was off for a day begins a new segment, also if nothing comes."""
    for clock in (Clock(), Clock(NOON + DAY_S)):
        with DecisionLog.open(directory, instance="main", clock=clock):
            pass

    assert [s.number for s in segments(directory)] == [1, 2]
    assert verify(directory).ok


def test_clock_set_back_begins_no_segment(directory: Path) -> None:
    """Days in names never run backwards; records keep the real time."""
    clock = Clock()
    with DecisionLog.open(
        directory,
        instance="main",
        clock=clock,
        settings=LogSettings(segment_bytes=1500),
    ) as log:
        log.append(decision("a")).result()
        clock.now -= 3 * DAY_S
        for i in range(3):
            log.append(decision(f"b{i}", now=clock.now)).result()

    assert {s.day for s in segments(directory)} == {date(2026, 11, 25)}
    assert [record.seq for record in read(directory)][-1] == len(list(read(directory)))
    assert any(record.time.day == 22 for record in read(directory))
    assert verify(directory).ok


def test_checkpoint_covers_all_before_it(directory: Path) -> None:
    """A checkpoint is the number and the hash of the last record before its own."""
    with DecisionLog.open(directory, instance="main", clock=Clock()) as log:
        log.append(decision("a"))
        checkpoint = log.checkpoint().result()
        log.append(decision("b")).result()

    (record,) = (r for r in read(directory) if isinstance(r, CheckpointRecord))
    assert checkpoint.records == 2
    assert (
        checkpoint == (record.count, record.head) == (record.seq - 1, record.previous)
    )
    report = verify(directory, checkpoint=checkpoint)
    assert report.checkpoint is CheckpointState.CONFIRMED


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EROFS])
def test_failed_sync_fails_its_group_and_leaves_no_trace(
    directory: Path, code: int
) -> None:
    """A record that is not durable does not count; the log goes on with the disk."""
    disk = Disk()
    with DecisionLog.open(
        directory, instance="main", clock=Clock(), sync=disk.sync
    ) as log:
        log.append(decision("a", ACCEPTED)).result()
        size = segment_paths(directory)[0].stat().st_size
        disk.error = OSError(code, os.strerror(code))
        failed = [log.append(decision(name, ACCEPTED)) for name in "bc"]
        errors = [future.exception() for future in failed]

        assert all(isinstance(error, LogWriteError) for error in errors)
        assert errors[0] is not errors[1]
        assert os.strerror(code) in str(errors[0])
        assert not log.writable
        assert segment_paths(directory)[0].stat().st_size == size

        disk.error = None
        assert log.append(outcome("a")).result() == 3
        assert log.writable

    assert verify(directory).records == 3


def test_deleted_segment_takes_no_more_records(directory: Path) -> None:
    """An unreadable record does not count, and has no effect."""
    with DecisionLog.open(directory, instance="main", clock=Clock()) as log:
        log.append(decision("a")).result()
        shutil.rmtree(directory)

        assert isinstance(log.append(decision("b")).exception(), LogWriteError)
        assert not log.writable


def test_failed_rotation_leaves_no_segment(directory: Path) -> None:
    """A new segment that cannot be made durable is not there afterwards."""
    disk = Disk()
    clock = Clock()
    with DecisionLog.open(
        directory, instance="main", clock=clock, sync=disk.sync
    ) as log:
        clock.now += DAY_S
        disk.error = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        assert isinstance(log.append(decision("a")).exception(), LogWriteError)
        assert len(segment_paths(directory)) == 1

        clock.now += DAY_S
        disk.error = None
        log.append(decision("b")).result()

    assert [s.name for s in segments(directory)] == [
        "00000001-20261125.jsonl",
        "00000002-20261127.jsonl",
    ]
    assert verify(directory).ok


def test_segment_that_is_there_already_is_not_deleted(directory: Path) -> None:
    """A file in the place of a new segment is not overwritten."""
    clock = Clock()
    with DecisionLog.open(directory, instance="main", clock=clock) as log:
        clock.now += DAY_S
        (directory / "00000002-20261126.jsonl").write_text("mine")

        assert isinstance(log.append(decision("a")).exception(), LogWriteError)

    assert (directory / "00000002-20261126.jsonl").read_text() == "mine"


def test_broken_record_does_not_hide_a_broken_disk(directory: Path) -> None:
    """A record that cannot be encoded says nothing about the disk."""
    disk = Disk()
    with DecisionLog.open(
        directory, instance="main", clock=Clock(), sync=disk.sync
    ) as log:
        disk.error = OSError(errno.EIO, os.strerror(errno.EIO))
        assert log.append(decision("a")).exception()
        assert log.append(outcome("\ud800")).exception()

        assert not log.writable


def test_checkpoint_tells_that_the_disk_works_again(directory: Path) -> None:
    """A log without new records notices it, too."""
    disk = Disk()
    with DecisionLog.open(
        directory, instance="main", clock=Clock(), sync=disk.sync
    ) as log:
        disk.error = OSError(errno.EIO, os.strerror(errno.EIO))
        assert isinstance(log.checkpoint().exception(), LogWriteError)
        assert not log.writable

        disk.error = None
        assert isinstance(log.checkpoint().result(), Checkpoint)
        assert log.writable


def test_full_disk_in_a_real_process(directory: Path) -> None:
    """A write that takes a part only is taken back; with space the log goes on."""
    words, _ = run(fill_the_disk, directory)
    refusal, recovered = words.splitlines()
    code, writable, written = refusal.split()

    assert (code, writable, recovered) == ("log_write", "False", "True")
    names = [r.id for r in read(directory) if isinstance(r, DecisionRecord)]
    assert names == [f"d{i}" for i in range(int(written))] + ["last"]
    assert verify(directory).ok


@pytest.mark.rightless
@pytest.mark.parametrize("is_new", [True, False], ids=["new", "existing"])
def test_read_only_directory_is_refused(is_new: bool) -> None:
    """The start reports a log that cannot be written."""
    with tempfile.TemporaryDirectory() as base:
        directory = Path(base) / "log"
        directory.mkdir()
        if not is_new:
            with DecisionLog.open(directory, instance="main", clock=Clock()):
                pass
        directory.chmod(0o555)
        Path(base).chmod(0o755)
        words, errors = run(open_read_only, directory)
        directory.chmod(0o700)

    if "setresuid" in errors:
        pytest.skip("this root user cannot become another one")
    assert words.startswith("log_write: cannot write to"), errors


def test_path_through_a_file_is_refused(tmp_path: Path) -> None:
    """A mistyped path is an error with a hint, not a traceback."""
    (tmp_path / "file").touch()

    with (
        pytest.raises(LogWriteError, match="Not a directory"),
        DecisionLog.open(tmp_path / "file" / "log", instance="main", clock=Clock()),
    ):
        pass


def test_state_that_is_a_file_is_refused(tmp_path: Path) -> None:
    """No free space cures a wrong path, and so the operator is not sent for it."""
    (tmp_path / "state").touch()

    with (
        pytest.raises(LogWriteError) as caught,
        DecisionLog.open(tmp_path / "state" / "log", instance="main", clock=Clock()),
    ):
        pass

    assert "--state" in caught.value.hint


def test_second_writer_is_refused(directory: Path) -> None:
    """One log has one writer; the error names the process that is it."""
    with start(hold_until_told, directory) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "open\n"
        with (
            pytest.raises(LogBusyError, match=f"pid {child.pid}"),
            DecisionLog.open(directory, instance="main", clock=Clock()),
        ):
            pass
        assert list(read(directory))
        child.communicate()

    with DecisionLog.open(directory, instance="main", clock=Clock()) as log:
        log.append(decision("d")).result()


def test_second_writer_in_the_same_process_is_refused(directory: Path) -> None:
    """The lock holds within a process too."""
    with (
        DecisionLog.open(directory, instance="main", clock=Clock()),
        pytest.raises(LogBusyError),
        DecisionLog.open(directory, instance="main", clock=Clock()),
    ):
        pass


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_fault_in_the_writer_leaves_nobody_waiting(directory: Path) -> None:
    """If the writer thread dies of a fault in this program, every future ends."""
    clock = Clock()
    with DecisionLog.open(directory, instance="main", clock=clock) as log:
        clock.now = float("nan")
        error = log.append(decision("d")).exception()

        assert isinstance(error, LogWriteError)
        assert not log.writable
        assert isinstance(log.append(decision("e")).exception(), LogWriteError)


def test_reserve_is_left_to_what_must_be_written(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without room beyond it decisions fail, outcomes do not, and room is noticed."""
    keep_all = LogSettings(reserve_bytes=1 << 62)
    monkeypatch.setattr(room, "RESERVE_SHARE", 0.0)
    # The space runs out in a moment here, however much there was.
    monkeypatch.setattr(room, "PLENTY_BYTES", 1 << 62)
    with DecisionLog.open(
        directory, instance="main", clock=Clock(), settings=keep_all
    ) as log:
        log.append(decision("a", ACCEPTED)).result(timeout=30)
        monkeypatch.setattr(room, "RESERVE_SHARE", 1e6)
        with pytest.raises(LogWriteError, match="kept back"):
            log.append(decision("b", ACCEPTED)).result(timeout=30)
        had_room = log.has_room, log.writable
        log.append(outcome("a")).result(timeout=30)
        log.checkpoint().result(timeout=30)
        monkeypatch.setattr(room, "RESERVE_SHARE", 0.0)
        asyncio.run(until(lambda: log.has_room))
        log.append(decision("c")).result(timeout=30)
    kinds = [type(record) for record in read(directory)]

    assert had_room == (False, False)
    assert kinds.count(DecisionRecord) == 2
    assert verify(directory).ok
