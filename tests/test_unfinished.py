"""An unfinished file: cut off anywhere, it becomes the result of one run."""

from itertools import product
from pathlib import Path

import pytest

from uploadfilter.errors import IssuerError
from uploadfilter.unfinished import UnfinishedFile, translated

THINGS = [("m1", b"one\n"), ("m2", b""), ("m3", b"three\n")]


def made(path: Path, things: list[tuple[str, bytes]]) -> UnfinishedFile:
    """Do the remaining work."""
    out = UnfinishedFile(path, lambda word: word == "done")
    for mark, line in things:
        if not out.is_done(mark):
            out.add(mark, line, "done")
    return out


def test_cut_off_anywhere_twice(tmp_path: Path) -> None:
    """Whatever a crash left of both files, and of those of the run after it."""
    path = tmp_path / "x"
    part, log = tmp_path / "x.part", tmp_path / "x.done"
    made(path, THINGS).close()
    lines, notes = part.read_bytes(), log.read_bytes()
    for of_part, of_log in product(range(0, len(lines) + 1, 2), range(len(notes) + 1)):
        part.write_bytes(lines[:of_part])
        log.write_bytes(notes[:of_log])
        made(path, THINGS[:2]).close()
        log.write_bytes(log.read_bytes()[:-1])
        made(path, THINGS).put_in_place()

        assert path.read_bytes() == b"one\nthree\n", (of_part, of_log)
        assert list(tmp_path.iterdir()) == [path]
        path.unlink()


@pytest.mark.parametrize(
    "note", [b"m1 4 \xff\n", b"m1 -1 done\n", b"m1 4 else\n", b"m1 " + b"9" * 5000]
)
def test_note_of_nobody_ends_what_was_done(tmp_path: Path, note: bytes) -> None:
    """Bytes that are not a note are cut off, with everything after them."""
    path = tmp_path / "x"
    (tmp_path / "x.part").write_bytes(b"one\n")
    (tmp_path / "x.done").write_bytes(note + b"m1 4 done\n")
    out = made(path, THINGS)
    out.close()
    out.remove()

    assert not out.is_done("m1")
    assert list(tmp_path.iterdir()) == []


def test_file_that_is_there_is_kept(tmp_path: Path) -> None:
    """Nothing is made beside it."""
    path = tmp_path / "x"
    path.touch()

    with pytest.raises(FileExistsError):
        made(path, THINGS)
    assert list(tmp_path.iterdir()) == [path]


def test_what_the_system_says_is_an_error_of_the_caller(tmp_path: Path) -> None:
    """A file that exists, and one that cannot be written, are told apart."""
    path = tmp_path / "x"
    path.touch()
    with (
        pytest.raises(IssuerError, match=r"'.*/x' exists already"),
        translated(path, IssuerError),
    ):
        made(path, THINGS)
    lost = tmp_path / "none" / "x"
    with (
        pytest.raises(IssuerError, match=r"cannot write '.*/none/x': No such file"),
        translated(lost, IssuerError),
    ):
        made(lost, THINGS)
