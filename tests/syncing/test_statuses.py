"""What is read of signed sets without verifying anything."""

from pathlib import Path

from uploadfilter.syncing.canaries import seen_as
from uploadfilter.syncing.statuses import (
    last_found,
    notes,
    read_status,
    read_statuses,
    signed_folders,
)


def test_nothing_is_known_where_nothing_was_synced(tmp_path: Path) -> None:
    """A missing folder or note is no error: there is no signed set yet."""
    assert read_status(tmp_path) is None
    assert signed_folders(tmp_path) == ()
    assert read_statuses(tmp_path) == ()
    assert last_found(tmp_path) == {}


def test_nothing_is_known_where_no_proxy_ran(tmp_path: Path) -> None:
    """A note that is missing or damaged knows no canary."""
    (tmp_path / "instances" / "a").mkdir(parents=True)
    (tmp_path / "instances" / "a" / "canary.json").write_text("{")

    assert seen_as(notes(tmp_path), "20261127-00") is None
    assert notes(tmp_path / "none") == ()
