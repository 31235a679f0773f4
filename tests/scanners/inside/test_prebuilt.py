"""The automata of patterns are kept in a file, and a bad file is no loss."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from uploadfilter.contents import patterns
from uploadfilter.contents.patterns import Patterns
from uploadfilter.scanners.inside.prebuilt import build_patterns, place

_HELD = Patterns(["held in this module"])


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the path of a file, in a folder that may be written."""
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    # Those of all modules would take a second.
    monkeypatch.setattr(patterns, "_ALL", {_HELD})
    return tmp_path / "patterns.automata"


def test_file_stands_among_compiled_modules() -> None:
    """A user who may write there may change the program anyway."""
    assert place().parent.name == "__pycache__" or sys.pycache_prefix
    assert place().name.startswith("patterns.")


def test_file_is_written_once_and_is_open_to_the_service(path: Path) -> None:
    """Root may have written it."""
    build_patterns(path)
    first = path.stat()
    build_patterns(path)

    assert first.st_mode & 0o777 == 0o644
    assert path.stat().st_ino == first.st_ino
    assert list(path.parent.iterdir()) == [path]
    assert _HELD.numbers_in(b"held in this module") == {0}


@pytest.mark.parametrize("cut", [0, 10, 32, 1000, -1])
def test_file_that_is_cut_off_is_written_anew(path: Path, cut: int) -> None:
    """Python leaves cut modules on a full disk; an automaton would find too little."""
    build_patterns(path)
    whole = path.read_bytes()
    path.write_bytes(whole[:cut])
    build_patterns(path)

    assert len(path.read_bytes()) == len(whole)
    assert _HELD.numbers_in(b"held in this module") == {0}


@pytest.mark.parametrize("at", [0, 40, -40])
def test_file_with_a_changed_byte_is_not_believed(path: Path, at: int) -> None:
    """What stands in it is not used at all."""
    build_patterns(path)
    damaged = bytearray(path.read_bytes())
    damaged[at] ^= 1
    path.write_bytes(damaged)
    build_patterns(path)

    assert path.read_bytes() != damaged


def test_file_of_other_patterns_is_written_anew(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It holds what this program looks for, and nothing of another release."""
    monkeypatch.setattr(patterns, "_ALL", {Patterns(["of another release"])})
    build_patterns(path)
    monkeypatch.setattr(patterns, "_ALL", {_HELD})
    before = path.read_bytes()
    build_patterns(path)

    assert before != path.read_bytes()
    assert _HELD.numbers_in(b"held in this module") == {0}


def test_nothing_is_written_where_python_writes_nothing(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As ``PYTHONDONTWRITEBYTECODE`` says."""
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    build_patterns(path)

    assert not path.exists()
    assert _HELD.numbers_in(b"held in this module") == {0}


def test_folder_that_cannot_be_written_is_no_fault(path: Path) -> None:
    """The service may not write into its program."""
    build_patterns(path.parent / "missing" / path.name)

    assert _HELD.numbers_in(b"held in this module") == {0}


def test_templates_have_the_same_automata_in_whatever_order_sets_are() -> None:
    """Or each would find those of the one before unfit, and write its own."""
    program = (
        "import uploadfilter.scanners.inside.worker; "
        "from uploadfilter.contents import patterns; "
        "print(*sorted(each.key for each in patterns._ALL))"
    )
    told = {
        subprocess.run(  # noqa: S603 -- this Python
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2", "3")
    }

    assert len(told) == 1
    assert len(told.pop().split()) > 10
