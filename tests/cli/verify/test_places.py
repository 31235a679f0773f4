"""Finding logs and reports in what a person names."""

import os
from pathlib import Path

import pytest

from tests.decisions.logs import compress_segments, decision, write_log
from uploadfilter.backup import SET_ASIDE
from uploadfilter.cli.verify.places import Places, find_places, instance_of
from uploadfilter.decisions.files.segments import segments
from uploadfilter.errors import UsageError


def test_logs_and_reports_are_found_at_any_depth(tmp_path: Path) -> None:
    """Of several machines, each once, by whatever path they are named."""
    north, south = tmp_path / "a/b/instances/north/log", tmp_path / "south"
    for log in (north, south):
        write_log(log, [[decision("a")]])
    reports = [tmp_path / "q3.PDF", tmp_path / "a" / "q3.csv", tmp_path / "a/q.html"]
    for report in (*reports, tmp_path / "notes.txt"):
        report.write_bytes(b"x")
    os.mkfifo(tmp_path / "pipe.html")
    (tmp_path / "end").write_bytes(b"of a book")
    (tmp_path / "a" / "tree").mkdir()

    found = find_places([tmp_path])
    assert set(found.logs) == {north, south}
    assert set(found.reports) == set(reports)
    assert find_places([tmp_path, north, tmp_path / "a/../a/b", *reports]) == found
    assert find_places([south]) == Places(logs=[south])


@pytest.mark.parametrize(
    "left", ["tree/key", "tree/checkpoint", "end", "00000001-20261125.jsonl.xz"]
)
def test_log_that_lost_its_records_is_still_one(tmp_path: Path, left: str) -> None:
    """Whatever is left of it: an empty folder never makes a check shorter."""
    path = tmp_path / "copy" / left
    path.parent.mkdir(parents=True)
    path.write_text(f"1:{64 * 'a'}")

    assert find_places([tmp_path]).logs == [tmp_path / "copy"]


def test_log_of_compressed_files_and_behind_a_link_is_found(tmp_path: Path) -> None:
    """A link to a log is followed, and other links are not."""
    log, folder = tmp_path / "log", tmp_path / "folder"
    write_log(log, [[decision("a")]])
    compress_segments(log, segments(log))
    folder.mkdir()
    (folder / "log").symlink_to(log)
    (folder / "up").symlink_to(tmp_path)

    assert find_places([folder]).logs == [folder / "log"]


def test_tree_that_a_restore_set_aside_is_no_log(tmp_path: Path) -> None:
    """The log itself is beside it: nobody is told that its records are gone."""
    proxy = tmp_path / "instances" / "main"
    write_log(proxy / "log", [[decision("a")]])
    (proxy / SET_ASIDE / "tree").mkdir(parents=True)
    (proxy / SET_ASIDE / "tree" / "checkpoint").write_bytes(b"signed")

    assert find_places([tmp_path]).logs == [proxy / "log"]


def test_records_do_not_hide_by_the_name_of_what_is_set_aside(tmp_path: Path) -> None:
    """A folder of that name that holds records, or stands alone, is checked."""
    alone = tmp_path / "alone" / SET_ASIDE
    beside = tmp_path / "instances" / "main" / SET_ASIDE
    for log in (alone, beside, beside.with_name("log")):
        write_log(log, [[decision("a")]])

    assert set(find_places([tmp_path]).logs) == {alone, beside, beside.with_name("log")}


def test_name_of_a_proxy_is_that_of_its_folder_in_a_state_directory() -> None:
    """Elsewhere the folder may have any name."""
    assert instance_of(Path("/state/instances/north/log")) == "north"
    assert instance_of(Path("/tmp/north/log")) is None  # noqa: S108 -- not opened
    assert instance_of(Path("/state/instances/north/copy")) is None


def test_path_with_neither_is_refused(tmp_path: Path) -> None:
    """An empty folder, and one that does not exist."""
    for path, message in ((tmp_path, "no decision log,"), (tmp_path / "x", "No")):
        with pytest.raises(UsageError, match=message):
            find_places([path])
