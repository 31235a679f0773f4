"""A check reads every byte, and names each file that differs from the written one."""

import shutil
from pathlib import Path

import msgspec
import numpy as np
import pytest

from tests.conformance.generations import entry, pdq
from tests.reference.stores import ENTRY, put
from uploadfilter.errors import StoreMissingError
from uploadfilter.reference.checking import check_directory
from uploadfilter.reference.files import base, layout, mapping
from uploadfilter.reference.search import chunk_tables
from uploadfilter.reference.store import ReferenceDirectory

ROWS = 20_000
"""Enough for tables of chunks, and too many for an overlay."""


@pytest.fixture
def directory(tmp_path: Path) -> ReferenceDirectory:
    """Return a reference directory with entries in both halves and a kept base."""
    found = ReferenceDirectory(tmp_path / "reference", clock=lambda: 1000.0)
    with found.writer() as writer:
        put(writer, "s", [ENTRY])
        writer.compact()
        put(writer, "t", [ENTRY])
        writer.switch_off("s", "1", why="ours", by="me")
    return found


def turn_bit(path: Path, at: int) -> None:
    """Turn one bit of a file."""
    data = bytearray(path.read_bytes())
    data[at] ^= 16
    path.chmod(0o600)
    path.write_bytes(data)


def test_sound_directory_has_no_problems(directory: ReferenceDirectory) -> None:
    """All files of all kept generations are read, and the progress says so."""
    seen: list[tuple[int, int]] = []
    report = directory.check(lambda done, total: seen.append((done, total)))

    assert report.is_sound
    assert report.queries > 0
    assert (report.generation, report.files) == (5, 7)
    assert seen[-1] == (report.bytes, report.bytes)


@pytest.mark.parametrize(
    ("name", "in_force"),
    [
        ("bases/3", True),
        ("overlays/5", True),
        ("bases/1", False),
        ("overlays/4", False),
    ],
)
def test_any_turned_bit_is_found(
    directory: ReferenceDirectory,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    in_force: bool,
) -> None:
    """Kept files, and files that are too large for a reader to verify, are checked."""
    monkeypatch.setattr(mapping, "VERIFIED_BYTES", 0)
    path = directory.path / name / "data.mdb"
    size = path.stat().st_size
    sound = path.read_bytes()
    for at in range(7, size, size // 9):
        turn_bit(path, at)
        (problem,) = directory.check().problems
        assert (problem.path, problem.in_force) == (f"{name}/data.mdb", in_force)
        assert "check value" in problem.what
        path.write_bytes(sound)
    assert directory.check().is_sound


def test_missing_and_cut_files_are_found(directory: ReferenceDirectory) -> None:
    """Each fault is reported, and the check goes on with the other files."""
    (directory.path / "bases" / "3" / "data.mdb").unlink()
    path = directory.path / "overlays" / "5" / "data.mdb"
    path.chmod(0o600)
    path.write_bytes(path.read_bytes()[:-1])
    shutil.rmtree(directory.path / "overlays" / "2")
    problems = {problem.path: problem.what for problem in directory.check().problems}

    assert len(problems) == 3
    assert "cannot be read" in problems["bases/3/data.mdb"]
    assert "bytes instead of" in problems["overlays/5/data.mdb"]


def test_current_that_counts_wrongly_is_found(directory: ReferenceDirectory) -> None:
    """The description of a generation is compared with its tables."""
    current, *_ = directory.generations()
    wrong = msgspec.structs.replace(current, entries=current.entries + 1)
    layout.write_current(directory.path, wrong)
    (problem,) = directory.check().problems

    assert (problem.path, problem.what) == (
        "current",
        "states 3 entries instead of 2",
    )


def test_tables_that_answer_wrongly_are_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file with the written bytes is also compared with a scan of all rows."""
    values = np.random.default_rng(1).bytes(32 * ROWS)
    rows = [entry(str(at), pdq(values[32 * at : 32 * (at + 1)])) for at in range(ROWS)]
    monkeypatch.setattr(base, "ids_of", lambda *args: chunk_tables.ids_of(*args)[::-1])
    directory = ReferenceDirectory(tmp_path / "reference")
    with directory.writer() as writer:
        put(writer, "s", rows)
    (problem,) = directory.check().problems

    assert problem.path == "bases/2"
    assert "gives a wrong answer to" in problem.what


def test_nothing_to_check_is_an_error(tmp_path: Path) -> None:
    """A directory without a reference set is an error, not a sound set."""
    with pytest.raises(StoreMissingError):
        check_directory(tmp_path, clock=lambda: 0.0)
