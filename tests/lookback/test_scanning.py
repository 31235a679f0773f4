"""Scanning a source: only new files, at the allowed pace, and each outcome counted."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lookback.scanned import INFO, SECRET
from tests.lookback.stores import made_scan
from uploadfilter.errors import LookBackError
from uploadfilter.lookback import scanning
from uploadfilter.lookback.rows import unkeyed
from uploadfilter.lookback.scanning import (
    TYPES,
    Pace,
    Report,
    ScanCounts,
    ScannedFile,
    scan_source,
)
from uploadfilter.lookback.sources import FolderSource, Item, Trouble
from uploadfilter.lookback.store import LookBackStore
from uploadfilter.model import Reason


class FakeEngine:
    """Scans files by their first byte, and fails where it is told.

    Args:
        fails_at: Name of the file at which it fails.
    """

    def __init__(self, fails_at: str = "") -> None:
        self.fails_at = fails_at
        self.seen: list[str] = []

    def run(self, items: Iterator[Item], report: Report) -> None:
        """Scan files."""
        for item in items:
            if item.name == self.fails_at:
                raise LookBackError("lost")
            self.seen.append(item.name)
            if item.name.startswith("changed"):
                report(ScannedFile(item, Trouble.CHANGED, None, None))
            else:
                reason = Reason.TRUNCATED if item.name.startswith("cut") else None
                scan = made_scan(item.size, reason=reason)
                content = unkeyed(scan, types=TYPES, quality_of=lambda _: 77)
                report(ScannedFile(item, None, reason, content))


def scanned(
    folder: Path, engine: FakeEngine, times: list[float] | None = None
) -> ScanCounts:
    """Scan ``folder / in`` into ``folder / out``."""
    left = iter(times or [])
    with LookBackStore.create_or_open(folder / "out", INFO) as store:
        return scan_source(
            FolderSource(str(folder / "in")),
            store,
            engine,
            secret=SECRET,
            clock=lambda: next(left, 0.0),
            advance=lambda: None,
        )


def make(folder: Path, *names: str) -> None:
    """Make files."""
    (folder / "in").mkdir(exist_ok=True)
    for name in names:
        (folder / "in" / name).write_text(name)


def test_second_scan_sees_new_and_changed_files_only(tmp_path: Path) -> None:
    """Unchecked files stay unchecked; unreadable ones are tried again."""
    make(tmp_path, "a", "changed", "cut", "gone")
    (tmp_path / "in" / "gone").unlink()
    (tmp_path / "in" / "gone").symlink_to("nowhere")
    first = scanned(tmp_path, FakeEngine())
    assert (first.scanned, first.known, first.unchecked) == (2, 0, 1)
    assert first.troubles == {Trouble.CHANGED: 1, Trouble.VANISHED: 1}
    make(tmp_path, "b")
    (tmp_path / "in" / "a").write_text("new content")
    engine = FakeEngine()
    second = scanned(tmp_path, engine)
    assert engine.seen == ["a", "b", "changed"]
    assert (second.scanned, second.known, second.unchecked) == (2, 1, 1)
    assert not second.is_whole


def test_failed_scan_goes_on_where_it_was(tmp_path: Path) -> None:
    """Rows before the failure are on the disk."""
    make(tmp_path, "a", "b", "c")
    with pytest.raises(LookBackError, match="lost"):
        scanned(tmp_path, FakeEngine("c"))
    engine = FakeEngine()
    counts = scanned(tmp_path, engine)
    assert (engine.seen, counts.known, counts.is_whole) == (["c"], 2, True)


def test_rows_reach_the_disk_each_minute(tmp_path: Path) -> None:
    """A kill loses a minute of work at most."""
    make(tmp_path, *(f"f{number}" for number in range(4)))
    late = scanning.FLUSH_S + 1
    scanned(tmp_path, FakeEngine(), [0.0, 1.0, late, late, late, late])
    parts = LookBackStore.open_to_read(tmp_path / "out").parts
    assert [it.rows for it in parts] == [2, 2]


def test_pace_bounds_bytes_and_files() -> None:
    """The slower of the two decides; an idle time is not made up for."""
    now_s = 0.0
    pace = Pace(bytes_s=100, files_s=2, clock=lambda: now_s)
    assert [pace.delay_s(size) for size in (10, 200, 0)] == [0.0, 0.5, 2.5]
    now_s = 10.0
    assert [pace.delay_s(10), pace.delay_s(10)] == [0.0, 0.5]
    free = Pace(bytes_s=None, files_s=None, clock=lambda: now_s)
    assert [free.delay_s(10**9) for _ in range(3)] == [0.0] * 3
