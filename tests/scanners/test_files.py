"""Finding files: order, reports, and files that are never opened."""

import os
import socket
from pathlib import Path

import pytest

from uploadfilter.model import Reason
from uploadfilter.scanners.files import FoundFile, find, open_regular, type_guesser


def make(folder: Path, *names: str) -> None:
    """Make empty files, and the folders that they are in."""
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def names(folder: Path, *arguments: str) -> list[str]:
    """Return the found files, relative to the folder."""
    found = find([str(folder / argument) for argument in arguments])
    return [os.path.relpath(item.path, folder) for item in found]


def test_order_is_that_of_arguments_and_names(tmp_path: Path) -> None:
    """Arguments come as given, and within a folder names decide, depth first."""
    make(tmp_path, "z/b.jpg", "z/a/2.jpg", "z/a/1.jpg", "z/a.jpg", "y.jpg")

    assert names(tmp_path, "z", "y.jpg") == [
        "z/a/1.jpg",
        "z/a/2.jpg",
        "z/a.jpg",
        "z/b.jpg",
        "y.jpg",
    ]


def test_hidden_files_are_found(tmp_path: Path) -> None:
    """A dot before its name does not hide a file from the filter."""
    make(tmp_path, ".hidden/.picture.jpg")

    assert names(tmp_path, ".") == [".hidden/.picture.jpg"]


def test_missing_path_is_reported(tmp_path: Path) -> None:
    """A path that is not there is an item with a reason, not an exception."""
    missing = str(tmp_path / "missing")

    assert list(find([missing])) == [
        FoundFile(
            path=missing,
            problem=Reason.UNREADABLE,
            detail="No such file or directory",
        )
    ]


def test_path_with_a_null_byte_is_reported() -> None:
    """A name that no file can have is an item with a reason too."""
    (found,) = find(["a\0b"])

    assert found.problem is Reason.UNREADABLE


def test_empty_folder_has_nothing(tmp_path: Path) -> None:
    """An empty folder is not an item."""
    assert list(find([str(tmp_path)])) == []


def test_links_to_folders_are_reported_and_not_followed(tmp_path: Path) -> None:
    """A link to a folder above cannot make the walk endless."""
    make(tmp_path, "in/a.jpg")
    (tmp_path / "in/loop").symlink_to(tmp_path)

    first, second = find([str(tmp_path / "in")])

    assert first.problem is None
    assert second.problem is Reason.NOT_INSPECTED


def test_links_to_files_are_followed(tmp_path: Path) -> None:
    """A link to a file is scanned under the name of the link."""
    make(tmp_path, "out/a.jpg", "in/.keep")
    (tmp_path / "in/link.jpg").symlink_to(tmp_path / "out/a.jpg")

    found = {
        Path(item.path).name: item.problem for item in find([str(tmp_path / "in")])
    }

    assert found == {".keep": None, "link.jpg": None}


def test_dangling_link_is_reported(tmp_path: Path) -> None:
    """A link to nothing is an item with a reason."""
    (tmp_path / "link").symlink_to(tmp_path / "nothing")

    (found,) = find([str(tmp_path)])

    assert found.problem is Reason.UNREADABLE


def test_named_link_to_a_folder_is_followed(tmp_path: Path) -> None:
    """A named link to a folder means the folder."""
    make(tmp_path, "real/a.jpg")
    (tmp_path / "link").symlink_to(tmp_path / "real")

    assert names(tmp_path, "link") == ["link/a.jpg"]


def test_special_files_are_reported_and_not_opened(tmp_path: Path) -> None:
    """Pipes and sockets are items with a reason; opening them could hang."""
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "socket"))
        problems = [found.problem for found in find([str(tmp_path)])]

    assert problems == [Reason.NOT_INSPECTED, Reason.NOT_INSPECTED]


def test_very_deep_folders_are_walked(tmp_path: Path) -> None:
    """Depth is bounded by the file system, not by Python's stack."""
    depth = 600
    deep = tmp_path.joinpath(*["d"] * depth)
    deep.mkdir(parents=True)
    (deep / "a.jpg").touch()

    (found,) = find([str(tmp_path)])

    assert found.path.endswith("d/a.jpg")


def test_open_refuses_what_became_a_pipe(tmp_path: Path) -> None:
    """A file that was swapped for a pipe after it was found cannot hang the scan."""
    os.mkfifo(tmp_path / "pipe")

    with pytest.raises(OSError, match="not a regular file"):
        open_regular(str(tmp_path / "pipe"))


def test_open_reads_a_regular_file(tmp_path: Path) -> None:
    """A regular file is opened for reading."""
    (tmp_path / "a").write_bytes(b"abc")
    handle = open_regular(str(tmp_path / "a"))
    with os.fdopen(handle, "rb") as file:
        content = file.read()

    assert content == b"abc"


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        pytest.param("a/b.JPG", "image/jpeg", id="upper-case"),
        pytest.param("b.webp", "image/webp", id="webp"),
        pytest.param("b.avif", "image/avif", id="avif"),
        pytest.param("b.heic", "image/heic", id="heic"),
        pytest.param("b.txt", "text/plain", id="text"),
        pytest.param("b.svg.gz", None, id="compressed"),
        pytest.param("b.svg.br", "application/x-brotli", id="brotli"),
        pytest.param("b.LZMA", "application/x-lzma", id="lzma"),
        pytest.param("b", None, id="no-suffix"),
        pytest.param("b.\udcff", None, id="not-utf-8"),
    ],
)
def test_declared_type_follows_the_suffix(path: str, expected: str | None) -> None:
    """The suffix declares a type; for coded files only a coding without a magic."""
    assert type_guesser()(path) == expected
