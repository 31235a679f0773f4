"""Staged operations: by id, whole or not at all."""

from pathlib import Path

import pytest

from tests.issuing.offices import Office, line_of
from uploadfilter.errors import HashSetError, HashSetFormatError, IssuerError
from uploadfilter.hashsets.tally import Tally
from uploadfilter.issuing import staging


def test_staging_twice_is_staging_once(tmp_path: Path) -> None:
    """A second time, the same file changes nothing; later lines take precedence."""
    office = Office(tmp_path / "o")
    office.stage(line_of("a", 1), line_of("b", 2))
    before = staging.digest(office.folder)
    office.stage(line_of("a", 1), line_of("b", 2))
    same = staging.digest(office.folder)
    found = office.stage(line_of("a", 3))

    assert before == same != staging.digest(office.folder)
    assert (found.added, found.deleted) == (2, 0)


def test_deletions_and_additions_replace_each_other(tmp_path: Path) -> None:
    """The last operation on an id counts."""
    office = Office(tmp_path / "o")
    office.stage(line_of("a", 1), line_of("b", 2))
    office.remove("a", "c")

    assert staging.staged(office.folder) == staging.StagedChanges(added=1, deleted=2)

    office.stage(line_of("a", 1))

    assert staging.staged(office.folder) == staging.StagedChanges(added=2, deleted=1)


def test_whole_set_takes_away_what_it_lacks(tmp_path: Path) -> None:
    """A file that is the set takes every other published entry away."""
    office = Office(tmp_path / "o")
    office.issue(*(line_of(f"p-{n}", n) for n in range(10)))
    found = office.stage(*(line_of(f"p-{n}", n) for n in range(7)), whole=True)

    assert (found.added, found.deleted) == (7, 3)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# nothing\n",
        "no json\n",
        '{"id":"a","category":"1"}\n',
        line_of("a", 1) + "\n{\n",
        line_of("a", 1) + "\n" + line_of("a", 2) + "\n",
        '{"id":"a","category":"1","md5":"d41d8cd98f00b204e9800998ecf8427e"}\n',
        "x" * 300_000,
    ],
    ids=["empty", "comment", "text", "no_signal", "cut", "twice", "empty_file", "long"],
)
def test_file_that_is_refused_stages_nothing(tmp_path: Path, text: str) -> None:
    """Malformed lines, an id twice, and an empty file leave staged operations alone."""
    office = Office(tmp_path / "o")
    office.stage(line_of("z", 9))
    path = tmp_path / "bad.jsonl"
    path.write_text(text)
    before = staging.digest(office.folder)

    with pytest.raises(HashSetFormatError), office.folder.locked():
        staging.stage_file(office.folder, path, tally=Tally())

    assert staging.digest(office.folder) == before


def test_missing_file_is_said(tmp_path: Path) -> None:
    """A file that is not there is an error with its name."""
    office = Office(tmp_path / "o")

    with pytest.raises(HashSetError, match="nothere"), office.folder.locked():
        staging.stage_file(office.folder, tmp_path / "nothere", tally=Tally())
    with pytest.raises(IssuerError, match="nothere"):
        staging.read_ids(tmp_path / "nothere")


def test_ids_are_read_one_a_line(tmp_path: Path) -> None:
    """Blank lines are ignored."""
    (tmp_path / "ids").write_text("a\n\n b \r\n")

    assert staging.read_ids(tmp_path / "ids") == ["a", "b"]


def test_what_is_staged_can_be_forgotten(tmp_path: Path) -> None:
    """After that, no operation is staged."""
    office = Office(tmp_path / "o")
    office.stage(line_of("a", 1))
    staging.clear(office.folder)

    assert staging.staged(office.folder) == staging.StagedChanges()
