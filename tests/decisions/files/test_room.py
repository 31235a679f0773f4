"""How much room there is for a log, on real disks and real logs."""

import os
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import pytest

from tests.decisions.logs import (
    ACCEPTED,
    DAY_S,
    NOON,
    REFUSED,
    REJECTED,
    compress_segments,
    decision,
    segment_paths,
    write_log,
)
from uploadfilter.decisions.files import room as module
from uploadfilter.decisions.files.room import (
    LOOK_S,
    PLENTY_BYTES,
    Disk,
    DiskWatch,
    Room,
    Surveyor,
    disk_of,
)
from uploadfilter.decisions.files.segments import segments
from uploadfilter.decisions.records.lasting import Retention
from uploadfilter.decisions.records.outlook import MOST_DAYS
from uploadfilter.errors import LogError

GIGABYTE = 10**9


def look(directory: Path, *, now: float = NOON, reserve_bytes: int = 0) -> Room:
    """Look at a log once."""
    surveyor = Surveyor(directory, retention=Retention(), reserve_bytes=reserve_bytes)
    return surveyor.look(now)


def test_room_is_what_the_file_system_says(tmp_path: Path) -> None:
    """Only root may use the space that is reserved for root."""
    write_log(tmp_path, [[decision("a")]])
    found, told = look(tmp_path), os.statvfs(tmp_path)

    assert found.free_bytes == pytest.approx(
        told.f_bavail * told.f_frsize, abs=GIGABYTE
    )
    assert found.log_bytes == sum(
        path.stat().st_size for path in tmp_path.iterdir() if path.is_file()
    )


def test_file_that_goes_meanwhile_is_no_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the proxy would say it is not ready, as often as a file is compressed."""
    write_log(tmp_path, [[decision("a")]])
    unfinished = tmp_path / ".00000001-20261125.jsonl.gz.new"
    scandir = os.scandir

    def renamed(path: Path) -> AbstractContextManager[list[os.DirEntry[str]]]:
        unfinished.touch()
        with scandir(path) as entries:
            found = list(entries)
        unfinished.unlink()
        return nullcontext(found)

    monkeypatch.setattr(os, "scandir", renamed)

    assert look(tmp_path).log_bytes == sum(
        path.stat().st_size for path in tmp_path.glob("*") if path.is_file()
    )


def test_reserve_of_a_small_disk_is_small(tmp_path: Path) -> None:
    """A disk of a hundred megabytes is not kept back as a whole."""
    told = os.statvfs(tmp_path)

    assert disk_of(tmp_path, reserve_bytes=5).reserve_bytes == 5
    assert disk_of(tmp_path, reserve_bytes=1 << 62).reserve_bytes == int(
        told.f_blocks * told.f_frsize * module.RESERVE_SHARE
    )


@pytest.mark.parametrize(
    ("free", "reserve", "is_short"),
    [(9, 10, True), (10, 10, False), (0, 0, False), (0, 1, True)],
)
def test_disk_is_short_below_its_reserve(
    free: int, reserve: int, *, is_short: bool
) -> None:
    """Without a reserve it never is: then a write fails."""
    assert Disk(free, reserve).is_short is is_short


@pytest.mark.parametrize(
    ("free", "later_s", "is_seen_again"),
    [
        pytest.param(PLENTY_BYTES, 0.0, False, id="plenty"),
        pytest.param(PLENTY_BYTES, LOOK_S, True, id="plenty-before"),
        pytest.param(PLENTY_BYTES - 1, 0.0, True, id="little"),
    ],
)
def test_disk_with_little_space_is_looked_at_each_time(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    free: int,
    later_s: float,
    *,
    is_seen_again: bool,
) -> None:
    """The reserve is kept, also if others fill the disk."""
    found = iter([Disk(free, 0), Disk(1, 0)])
    monkeypatch.setattr(module, "disk_of", lambda *_, **__: next(found))
    times = iter([0.0, later_s])
    watch = DiskWatch(tmp_path, reserve_bytes=0, clock=lambda: next(times))
    watch.look()

    assert (watch.look().free_bytes == 1) is is_seen_again


def test_rate_is_that_of_the_worse_of_two_days(tmp_path: Path) -> None:
    """A flood shows within the hour, and a quiet night does not hide a busy day."""
    write_log(tmp_path, [[decision(str(n)) for n in range(300)], [decision("a")]])
    days = [path.stat().st_size for path in segment_paths(tmp_path)]
    busy = max(days)
    night = look(tmp_path, now=NOON + DAY_S)
    morning = look(tmp_path, now=NOON - NOON % DAY_S + 60)

    assert night.bytes_a_day == pytest.approx(busy, rel=0.05)
    # In the first hour a day counts as an hour old.
    assert morning.bytes_a_day == pytest.approx(24 * busy, rel=0.05)


def test_log_that_grows_fast_has_few_days(tmp_path: Path) -> None:
    """Reserved space does not count as free."""
    write_log(tmp_path, [[decision("a")]])
    path = segment_paths(tmp_path)[0]
    free = look(tmp_path).free_bytes
    os.truncate(path, free // 4)  # a hole, which takes no room
    found = look(tmp_path, now=NOON - NOON % DAY_S + DAY_S - 1)
    kept_back = look(
        tmp_path, now=NOON - NOON % DAY_S + DAY_S - 1, reserve_bytes=free // 8
    )

    assert found.days_left == pytest.approx(4, rel=0.1)
    assert kept_back.days_left < found.days_left


def test_compressed_size_counts(tmp_path: Path) -> None:
    """Also that of files that will be compressed, as far as earlier ones show it."""
    write_log(tmp_path, [[decision(f"{day}{n}") for n in range(300)] for day in "ab"])
    now = NOON + 2 * DAY_S
    plain = look(tmp_path, now=now)
    made = compress_segments(tmp_path, segments(tmp_path)[:1])
    found = look(tmp_path, now=now)
    compress_segments(tmp_path, segments(tmp_path)[1:])
    whole = look(tmp_path, now=now)

    assert made[0].stat().st_size < plain.log_bytes / 4
    assert found.log_bytes < plain.log_bytes
    assert found.bytes_a_day == pytest.approx(whole.bytes_a_day, rel=0.1)
    assert found.bytes_a_day < plain.bytes_a_day / 3


def test_empty_log_lasts(tmp_path: Path) -> None:
    """Before the first record nothing is known, and nothing is feared."""
    assert look(tmp_path).days_left == MOST_DAYS


def test_files_are_kept_by_what_is_in_them(tmp_path: Path) -> None:
    """A file with a match stays for a year, and totals for good."""
    write_log(tmp_path, [[decision("a", ACCEPTED)], [decision("b", REJECTED)], []])
    surveyor = Surveyor(tmp_path, retention=Retention(), reserve_bytes=0)
    surveyor.look(NOON)
    first = surveyor.look(NOON + 3 * DAY_S)
    paths = segment_paths(tmp_path)
    paths[0].unlink()
    again = surveyor.look(NOON + 3 * DAY_S)

    assert again.log_bytes < first.log_bytes
    assert again.days_left == first.days_left == MOST_DAYS


def test_head_that_is_no_head_is_said(tmp_path: Path) -> None:
    """A damaged file gives no estimate."""
    write_log(tmp_path, [[decision("a", REFUSED)]])
    segment_paths(tmp_path)[0].write_bytes(b"garbage\n")

    with pytest.raises(LogError):
        look(tmp_path)
