"""The end that is kept beside a log: newest files that are gone are missed."""

import shutil
from pathlib import Path

import pytest

from tests.decisions.logs import (
    NOON,
    Clock,
    decision,
    segment_paths,
    unsynced,
    write_log,
)
from uploadfilter.decisions.files.ending import LAG_S, Ending, kept_end
from uploadfilter.decisions.files.log import DecisionLog
from uploadfilter.decisions.files.settings import LogSettings
from uploadfilter.decisions.files.verify import verify
from uploadfilter.decisions.records.records import Checkpoint
from uploadfilter.decisions.records.sequence import LogFault
from uploadfilter.errors import LogCorruptError

ONE = Checkpoint(1, "1" * 64)
TWO = Checkpoint(2, "2" * 64)
SMALL = LogSettings(segment_bytes=1500)


def write_hours(directory: Path, minutes: int = 40) -> None:
    """Write a log with a record and a checkpoint each minute, in small segments."""
    clock = Clock()
    with DecisionLog.open(
        directory, instance="main", clock=clock, settings=SMALL, sync=unsynced
    ) as log:
        for _ in range(minutes):
            log.append(decision("a", now=clock.now)).result()
            log.checkpoint().result()
            clock.now += 60


def test_checkpoint_is_kept_when_it_is_old_enough(tmp_path: Path) -> None:
    """A copy of a growing log has the records that the file names."""
    ending = Ending(tmp_path)
    ending.add(ONE, now=NOON)
    assert kept_end(tmp_path) is None
    ending.add(TWO, now=NOON + LAG_S)

    assert kept_end(tmp_path) == ONE


def test_file_that_says_nothing_is_no_checkpoint(tmp_path: Path) -> None:
    """Damage to it is not taken for damage to the log."""
    (tmp_path / "end").write_bytes(b"\xffx" * 500)

    assert kept_end(tmp_path) is None


def test_deleted_newest_files_are_missed(tmp_path: Path) -> None:
    """Without a checkpoint from elsewhere; a whole log has nothing to be missed."""
    write_hours(tmp_path)
    assert verify(tmp_path).ok
    for path in segment_paths(tmp_path)[-15:]:
        path.unlink()

    (finding,) = verify(tmp_path).findings

    assert finding.problem is LogFault.CUT_OFF
    assert "file 'end'" in finding.why


def test_older_copy_in_place_of_the_log_is_noticed(tmp_path: Path) -> None:
    """A start goes on and reports; its records differ from the lost ones."""
    write_hours(tmp_path / "log")
    end = (tmp_path / "log" / "end").read_bytes()
    shutil.copytree(tmp_path / "log", tmp_path / "copy")
    for path in segment_paths(tmp_path / "copy")[-15:]:
        path.unlink()
    with DecisionLog.open(
        tmp_path / "copy", instance="main", clock=Clock(NOON + 9000), sync=unsynced
    ) as log:
        cut_off = log.recovery.cut_off
        for _ in range(40):
            log.append(decision("other", now=NOON + 9000)).result()

    assert cut_off is not None
    assert cut_off.text() == end.decode().strip()
    problems = {item.problem for item in verify(tmp_path / "copy").findings}
    assert problems == {LogFault.CHANGED}


def test_packed_files_are_named(tmp_path: Path) -> None:
    """Unread segments are named, and missing until they are unpacked."""
    write_log(tmp_path, [[decision("a")], [decision("b")]])
    first = segment_paths(tmp_path)[0]
    first.rename(f"{first}.xz")
    report = verify(tmp_path)

    assert report.not_read == (f"{first.name}.xz",)
    assert not report.ok


def test_log_whose_newest_file_is_packed_is_not_continued(tmp_path: Path) -> None:
    """It would be continued from an older end, with numbers that were used."""
    write_log(tmp_path, [[decision("a")], [decision("b")]])
    newest = segment_paths(tmp_path)[-1]
    newest.rename(f"{newest}.xz")

    with pytest.raises(LogCorruptError, match="packed"):
        write_log(tmp_path, [[]])
