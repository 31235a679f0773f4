"""Choosing a folder of this machine."""

import os
from pathlib import Path

import pytest

from uploadfilter.errors import UsageError
from uploadfilter.issuing.page.folders import (
    MOST_LISTED,
    Chooser,
    check,
    listed,
    mark,
    typed,
)
from uploadfilter.issuing.wording import shown

ODD = (b"a b", b"\xff\xfe", b"<b>&amp;", b"line\nbreak", "\u202eb".encode(), b"'\"")


def test_only_folders_are_listed(tmp_path: Path) -> None:
    """No name of a picture is shown, and no hidden folder."""
    for name in ("b", "a", ".hidden"):
        (tmp_path / name).mkdir()
    (tmp_path / "picture.jpg").touch()
    (tmp_path / "link").symlink_to(tmp_path / "a")
    (tmp_path / "nowhere").symlink_to(tmp_path / "gone")

    assert listed(tmp_path).inner == ("a", "b", "link")


@pytest.mark.parametrize("name", ODD)
def test_folder_with_an_odd_name_is_shown_and_found(
    tmp_path: Path, name: bytes
) -> None:
    """The name is shown without active characters; the real folder is opened."""
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name))
    path.mkdir()
    found = listed(tmp_path)

    assert found.into(0) == path
    assert shown(found.inner[0]).isprintable()
    check(found.into(0))


@pytest.mark.parametrize("number", [-1, 1, 10**30])
def test_number_out_of_the_list_is_refused(tmp_path: Path, number: int) -> None:
    """The page never guesses."""
    (tmp_path / "a").mkdir()

    with pytest.raises(UsageError, match="no such folder"):
        listed(tmp_path).into(number)


@pytest.mark.parametrize("where", ["9" * 5000, "1000", "\u0663" * 5000, "-1", ""])
def test_number_that_nobody_was_shown_is_refused(tmp_path: Path, where: str) -> None:
    """This includes a number that is too long for Python to parse."""
    (tmp_path / "a").mkdir()
    chooser = Chooser()
    chooser.begin(tmp_path, back="/")

    with pytest.raises(UsageError, match="list has changed"):
        chooser.go(where, {"here": mark(tmp_path).encode()})


def test_long_list_ends(tmp_path: Path) -> None:
    """The page states how many more there are."""
    for number in range(MOST_LISTED + 3):
        (tmp_path / f"{number:04}").mkdir()
    found = listed(tmp_path)

    assert (len(found.inner), found.more) == (MOST_LISTED, 3)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no path was typed"),
        ("pictures", "does not begin with"),
        ("/no/such/folder", "No such file"),
        ("/a\0b", "not a path"),
        ("/" + "a" * 5000, "not a path"),
        ("/" + "a" * 300, "too long"),
        ("/etc/hostname/x", "Not a directory"),
        ("/etc/passwd", "is not a folder"),
    ],
)
def test_path_that_is_none_is_refused(text: str, words: str) -> None:
    """The message names the fault, the path and the remedy."""
    with pytest.raises(UsageError, match=words) as caught:
        typed(text)

    assert caught.value.hint


def test_typed_path_is_where_it_says(tmp_path: Path) -> None:
    """Without '..', so that the shown path is the one that is read."""
    assert typed(f"{tmp_path}/a/../") == tmp_path


def test_file_and_missing_folder_cannot_be_looked_into(tmp_path: Path) -> None:
    """The message names it."""
    (tmp_path / "file").touch()
    for name in ("file", "gone"):
        with pytest.raises(UsageError, match=name):
            listed(tmp_path / name)


def test_mark_tells_folders_apart_and_names_none(tmp_path: Path) -> None:
    """The digest stands in a page."""
    assert mark(tmp_path) != mark(tmp_path / "a")
    assert tmp_path.name not in mark(tmp_path)
