"""The issuer's folder: private, locked, and whole after a crash."""

import stat
from pathlib import Path

import pytest

from tests.issuing.offices import Office
from tests.reference.crashing import CrashedError, crashing
from uploadfilter.errors import HashSetNameError, IssuerError
from uploadfilter.issuing.folder import (
    IssuerFolder,
    SetSettings,
    remove,
    replacing,
)
from uploadfilter.reference.entries.sets import check_set_name
from uploadfilter.signedsets.metadata import check_name
from uploadfilter.signedsets.roles import Lifetimes
from uploadfilter.state import write_private


def test_everything_is_for_its_owner_alone(tmp_path: Path) -> None:
    """No other user can read a set, a proposal or staged operations."""
    office = Office(tmp_path / "o")
    office.stage('{"id":"a","category":"1","md5":"d131dd02c5e6eec4693d9a0698aff95c"}')
    open_to_others = [
        path
        for path in office.folder.path.rglob("*")
        if path.is_file()
        and stat.S_IMODE(path.stat().st_mode) & 0o077
        and path.parent.name != "staged"
    ]

    assert open_to_others == []
    assert stat.S_IMODE(office.folder.path.stat().st_mode) == 0o700


@pytest.mark.parametrize(
    "name",
    [
        *("", " ", "a\nb", "a\x1b[2J", "a\x00", "a\x7f", "\x85", "\u202ebob"),
        *("\u2028", "\u200b", "\ud800", "a@b.example", "x" * 101),
    ],
)
def test_issuer_whose_name_cannot_be_read_is_refused(tmp_path: Path, name: str) -> None:
    """An unprintable name is shown in printable characters, and nothing is made."""
    settings = SetSettings(set="unit7", issuer=name, lifetimes=Lifetimes())

    with pytest.raises(IssuerError, match="an issuer cannot be called") as caught:
        IssuerFolder.create(tmp_path / "o", settings)
    assert str(caught.value).isprintable()
    assert not (tmp_path / "o").exists()


@pytest.mark.parametrize("name", ["Police unit 7", "Éire", "警察庁", "x" * 100])
def test_issuer_may_be_called_as_it_is(tmp_path: Path, name: str) -> None:
    """Any script is allowed."""
    settings = SetSettings(set="unit7", issuer=name, lifetimes=Lifetimes())

    assert IssuerFolder.create(tmp_path / "o", settings).settings.issuer == name


@pytest.mark.parametrize("name", ["", "a\x1b[2J", "\u202ebob", "a b", "é", "a\n"])
def test_nobody_and_no_set_has_a_name_that_cannot_be_read(name: str) -> None:
    """The rule for sets and people is stricter than the one for issuers."""
    with pytest.raises(IssuerError, match="cannot have the name") as caught:
        check_name(name)
    assert str(caught.value).isprintable()
    with pytest.raises(HashSetNameError, match="cannot be called") as told:
        check_set_name(name)
    assert str(told.value).isprintable()


def test_two_commands_do_not_meet(tmp_path: Path) -> None:
    """The second command is told to wait."""
    folder = Office(tmp_path / "o").folder

    with (
        folder.locked(),
        pytest.raises(IssuerError, match="another command"),
        IssuerFolder(folder.path).locked(),
    ):
        pass


@pytest.mark.parametrize("name", ["", "Unit7", "a/b", "../x", "a" * 64])
def test_set_has_a_name_that_can_stand_everywhere(tmp_path: Path, name: str) -> None:
    """The name goes into files, logs and commands of operators."""
    settings = SetSettings(set=name, issuer="x", lifetimes=Lifetimes())

    with pytest.raises(HashSetNameError, match="cannot be called"):
        IssuerFolder.create(tmp_path / "o", settings)


def test_folder_is_made_once(tmp_path: Path) -> None:
    """No new folder is made over an old one."""
    Office(tmp_path / "o")

    with pytest.raises(IssuerError, match="already"):
        Office(tmp_path / "o")


@pytest.mark.parametrize("text", [None, "", "{}", '{"set":1}'])
def test_other_folders_are_refused(tmp_path: Path, text: str | None) -> None:
    """A folder without settings, or with damaged ones, is refused."""
    if text is not None:
        (tmp_path / "issuer.json").write_text(text)

    with pytest.raises(IssuerError):
        IssuerFolder(tmp_path)


def test_crash_leaves_a_folder_old_or_new(tmp_path: Path) -> None:
    """A replacement may end at any step: the next command finds one or the other."""
    folder = Office(tmp_path / "o").folder
    with replacing(folder.staged) as new:
        write_private(new / "00.jsonl", b"old")
    for step in range(1, 100):
        try:
            with crashing(step), replacing(folder.staged) as new:
                write_private(new / "00.jsonl", b"new")
        except CrashedError:
            with folder.locked():
                found = (folder.staged / "00.jsonl").read_bytes()
            assert found in {b"old", b"new"}
            continue
        break

    assert (folder.staged / "00.jsonl").read_bytes() == b"new"
    assert step > 10
    remove(folder.staged)
    assert not folder.staged.exists()
