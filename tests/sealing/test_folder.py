"""The folder of sealed files: private, durable, and emptied on schedule."""

import hashlib
from datetime import date
from pathlib import Path

from tests.sealing.days import NEW, OLD
from uploadfilter.sealing.folder import EvidenceFolder


def test_files_are_private_and_named_by_their_decision(tmp_path: Path) -> None:
    """The digest is that of the file; discarding twice does no harm."""
    folder = EvidenceFolder(tmp_path / "evidence")
    assert folder.free_bytes() > 0
    assert folder.write(OLD, b"sealed") == hashlib.sha256(b"sealed").hexdigest()
    file = tmp_path / "evidence" / f"{OLD}.sealed"
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700
    folder.discard(OLD)
    folder.discard(OLD)
    assert not file.exists()


def test_a_file_is_kept_its_whole_days(tmp_path: Path) -> None:
    """It goes on the day after the last one; other files are left alone."""
    folder = EvidenceFolder(tmp_path)
    for name in (OLD, NEW):
        folder.write(name, name.encode())
    for other in ("notes.txt", "20269999-" + "0" * 20 + ".sealed"):
        (tmp_path / other).write_text("x")

    def expired(day: str) -> list[str]:
        found = folder.expired(date.fromisoformat(day), keep_days=90)
        return [it.path.name for it in found]

    assert [
        folder.count(date.fromisoformat(f"2026-{it}-01")) for it in ("08", "09")
    ] == [1, 0]
    assert expired("2026-10-30") == []
    assert expired("2026-10-31") == [f"{OLD}.sealed"]
    assert expired("2027-10-31") == [f"{OLD}.sealed", f"{NEW}.sealed"]
    found = list(folder.expired(date(2026, 10, 31), keep_days=90))
    assert found[0].sha256 == hashlib.sha256(OLD.encode()).hexdigest()
    folder.delete([*found, *found])
    assert expired("2026-10-31") == []
    assert (tmp_path / "notes.txt").exists()


def test_a_folder_that_is_not_there_holds_nothing(tmp_path: Path) -> None:
    """An operator who never kept evidence has no folder."""
    folder = EvidenceFolder(tmp_path / "none")
    assert folder.count(date(2026, 1, 1)) == 0
    assert list(folder.expired(date(2026, 1, 1), keep_days=1)) == []
