"""The list of files of a build that somebody should look at."""

import os
from pathlib import Path

import pytest

from tests.issuing.sources import PHOTO, made
from uploadfilter.issuing.building import BuildFile, FileResult, LeftOut
from uploadfilter.issuing.leftout import (
    FileList,
    ListedFile,
    list_beside,
    listed_files,
    shown_files,
)
from uploadfilter.model import Entry


def row(path: str, reason: str = "damaged") -> ListedFile:
    """Return a row of a file that was left out."""
    return ListedFile(path=path, outcome="left out", reason=reason, detail="")


@pytest.mark.parametrize(
    "name", ["a,b.jpg", 'a"b.jpg', "a\nb.jpg", os.fsdecode(b"a\xff.jpg"), "ü.jpg"]
)
def test_any_name_is_read_back(tmp_path: Path, name: str) -> None:
    """A name may hold commas, line ends, and bytes that are no text."""
    path = tmp_path / "x.left-out.csv"
    files = FileList(path)
    files.add(row(name))
    files.close()

    assert list(listed_files(path)) == [row(name)]


def test_empty_list_is_not_written(tmp_path: Path) -> None:
    """Not even if an older one is there, which would name the wrong files."""
    path = tmp_path / "x.left-out.csv"
    path.write_text("old")
    FileList(path).close()

    assert not path.exists()
    assert list(listed_files(path)) == []


def test_rare_reasons_are_shown_first(tmp_path: Path) -> None:
    """One damaged original comes before ten thousand files that are no pictures."""
    path = tmp_path / "x.left-out.csv"
    files = FileList(path)
    for number in range(100):
        files.add(row(f"{number}.txt", "not a picture"))
    files.add(row("original.jpg"))
    files.close()
    found = shown_files(path, ["damaged", "not a picture"], 3)

    assert [it.path for it in found] == ["original.jpg", "0.txt", "1.txt"]


def test_list_is_whole_after_an_interruption(tmp_path: Path) -> None:
    """Files of the earlier run are on it, although their names were never noted."""
    entry = made(PHOTO)
    assert isinstance(entry, Entry)
    to = tmp_path / "built.jsonl"
    first = BuildFile(to)
    first.add(
        FileResult(mark="m1", made=LeftOut.DAMAGED, path="a.jpg", detail="truncated")
    )
    first.add(
        FileResult(
            mark="m2", made=entry, path="b.jpg", doubt=LeftOut.KNOWN_GOOD, detail="kg"
        )
    )
    first.close()
    notes = (tmp_path / "built.jsonl.done").read_text()
    second = BuildFile(to)
    for mark, path in (("m1", "a.jpg"), ("m2", "b.jpg")):
        assert second.is_done(mark, path)
    second.add(FileResult(mark="m3", made=LeftOut.NO_PICTURE, path="c.txt"))
    second.finish()
    second.close()
    found = [(it.path, it.outcome, it.detail) for it in listed_files(list_beside(to))]

    assert ".jpg" not in notes
    assert found == [
        ("a.jpg", "left out", "truncated"),
        ("b.jpg", "listed", "kg"),
        ("c.txt", "left out", ""),
    ]
    assert second.built.generic == [entry.id]
    assert second.built.doubtful == {LeftOut.KNOWN_GOOD: 1}
    assert second.built.refused == {LeftOut.DAMAGED: 1, LeftOut.NO_PICTURE: 1}
