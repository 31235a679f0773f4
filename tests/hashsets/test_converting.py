"""A file is converted whole, or no new one is there."""

import stat
from pathlib import Path

import pytest

from uploadfilter.errors import HashSetError, HashSetFormatError
from uploadfilter.hashsets.converting import convert_file
from uploadfilter.hashsets.refusing import BadLines
from uploadfilter.model import SignalType

ONE = "d131dd02c5e6eec4693d9a0698aff95c"
VICS = (
    f'{{"value":[{{"MediaID":7,"Category":1,"MD5":"{ONE.upper()}"}},'
    f'{{"MediaID":8,"Category":2,"MD5":"{ONE}"}}]}}'
)


def test_file_of_somebody_else_becomes_ours(tmp_path: Path) -> None:
    """With the categories that were named, for the eyes of its owner."""
    old, new = tmp_path / "a.json", tmp_path / "a.jsonl"
    old.write_text(VICS)
    survey = convert_file(old, new, categories=["1"])

    assert new.read_text() == f'{{"id":"7","category":"1","md5":"{ONE}"}}\n'
    assert stat.S_IMODE(new.stat().st_mode) == 0o600
    assert (survey.lines, survey.accepted) == (2, 1)
    assert survey.categories == {"1": 1, "2": 1}


def test_list_of_a_type_can_be_made(tmp_path: Path) -> None:
    """One value a line, in small letters."""
    old, new = tmp_path / "a.json", tmp_path / "md5.txt"
    old.write_text(VICS)
    convert_file(old, new, categories=["1", "2"], only=SignalType.MD5)

    assert new.read_text() == f"{ONE}\n{ONE}\n"


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(VICS[:-1], id="cut-off"),
        pytest.param(VICS.replace(ONE, "x"), id="malformed"),
        pytest.param('{"value":[{"MediaID":7}]}', id="nothing"),
    ],
)
def test_refused_file_leaves_nothing_behind(tmp_path: Path, text: str) -> None:
    """No new file, and no part of one."""
    old, new = tmp_path / "a.json", tmp_path / "a.jsonl"
    old.write_text(text)

    with pytest.raises(HashSetFormatError):
        convert_file(old, new, categories=["1"])

    assert list(tmp_path.iterdir()) == [old]


def test_malformed_lines_can_be_left_out(tmp_path: Path) -> None:
    """If that is asked for."""
    old, new = tmp_path / "a.json", tmp_path / "a.jsonl"
    old.write_text(VICS.replace(ONE, "x"))
    convert_file(old, new, categories=["1", "2"], bad_lines=BadLines.SKIP)

    assert len(new.read_text().splitlines()) == 1


def test_file_that_is_there_is_kept(tmp_path: Path) -> None:
    """No file is overwritten by mistake."""
    old, new = tmp_path / "a.json", tmp_path / "a.jsonl"
    old.write_text(VICS)
    new.write_text("mine")

    with pytest.raises(HashSetError, match="there already"):
        convert_file(old, new, categories=["1"])

    assert new.read_text() == "mine"


@pytest.mark.parametrize("name", ["nowhere/a.jsonl", "a.json/x"])
def test_place_that_cannot_be_written_is_told(tmp_path: Path, name: str) -> None:
    """With an ``UploadFilterError``."""
    old = tmp_path / "a.json"
    old.write_text(VICS)

    with pytest.raises(HashSetError, match="cannot write"):
        convert_file(old, tmp_path / name, categories=["1"])
