"""Staged operations: by id, whole or not at all."""

import json
from pathlib import Path

import pytest

from tests.issuing.offices import Office, line_of, md5_of
from uploadfilter.errors import (
    HashSetError,
    HashSetFormatError,
    IssuerError,
    UsageError,
)
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

    with pytest.raises((HashSetFormatError, UsageError)), office.folder.locked():
        staging.stage_file(office.folder, path, now=office.now, tally=Tally())

    assert staging.digest(office.folder) == before


def test_missing_file_is_said(tmp_path: Path) -> None:
    """A file that is not there is an error with its name."""
    office = Office(tmp_path / "o")

    with pytest.raises(HashSetError, match="nothere"), office.folder.locked():
        staging.stage_file(
            office.folder, tmp_path / "nothere", now=office.now, tally=Tally()
        )
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


VICS = {
    "@odata.context": "http://github.com/VICSDATAMODEL/ProjectVic/DataModels/2.0.xml"
    "/US/$metadata#Media",
    "value": [
        {"MediaID": 7, "Category": 1, "MD5": md5_of(7), "PhotoDNA": "x"},
        {"MediaID": 8, "Category": 2, "MD5": md5_of(8)},
        {"MediaID": 9, "Category": 5, "MD5": md5_of(9)},
    ],
}


@pytest.mark.parametrize(
    ("text", "categories", "ids"),
    [
        pytest.param(json.dumps(VICS), ("1", "2"), {"7", "8"}, id="vics"),
        pytest.param(json.dumps(VICS), ("1",), {"7"}, id="one-category"),
        pytest.param(
            f"md5,id,category\n{md5_of(1)},a,1\n{md5_of(2)},b,2\n",
            ("2",),
            {"b"},
            id="csv",
        ),
        pytest.param(
            line_of("a", 1) + "\n" + line_of("b", 2, "2"), (), {"a", "b"}, id="lines"
        ),
        pytest.param(
            line_of("a", 1) + "\n" + line_of("b", 2, "2"), ("2",), {"b"}, id="chosen"
        ),
    ],
)
def test_file_of_any_format_is_staged(
    tmp_path: Path, text: str, categories: tuple[str, ...], ids: set[str]
) -> None:
    """Without a conversion before, and only the named categories."""
    office = Office(tmp_path / "o")
    (tmp_path / "export").write_text(text)
    with office.folder.locked():
        staging.stage_file(
            office.folder,
            tmp_path / "export",
            now=office.now,
            tally=Tally(),
            categories=categories,
        )
    found = (staging.staged_changes(office.folder, shard) for shard in range(256))

    assert {entry_id for lines in found for entry_id in lines} == ids


def test_list_is_staged_with_one_category(tmp_path: Path) -> None:
    """Its digests get ids; a digest that it has twice is one entry."""
    office = Office(tmp_path / "o")
    path = tmp_path / "list.txt"
    path.write_text(f"{md5_of(1)}\n{md5_of(2)}\n{md5_of(1)}\n")
    with office.folder.locked():
        found = staging.stage_file(
            office.folder, path, now=office.now, tally=Tally(), categories=["1"]
        )

    assert found.added == 2


def test_export_without_a_chosen_category_names_those_that_it_has(
    tmp_path: Path,
) -> None:
    """Categories of another program may mean something else: nothing is guessed."""
    office = Office(tmp_path / "o")
    (tmp_path / "case.json").write_text(json.dumps(VICS))

    with (
        pytest.raises(HashSetFormatError, match="'1' 1, '2' 1") as caught,
        office.folder.locked(),
    ):
        staging.stage_file(
            office.folder, tmp_path / "case.json", now=office.now, tally=Tally()
        )
    assert "--category" in caught.value.hint
    assert "Nothing was staged" in caught.value.hint


def test_withdrawn_entry_is_not_staged_again_without_a_word(tmp_path: Path) -> None:
    """Providers keep its id out for good, so it is named, also after months."""
    office = Office(tmp_path / "o")
    office.issue(*(line_of(f"p-{n}", n) for n in range(20)))
    office.withdraw("p-3")
    at_once = office.stage(line_of("p-3", 3), line_of("p-4", 44))
    office.issue()
    office.withdraw("p-5", is_thief=True)
    later = office.stage(line_of("p-3", 3), line_of("p-6", 66))
    with pytest.raises(IssuerError, match="p-3") as caught:
        office.stage(line_of("p-3", 3))

    assert office.now.revoke is not None
    assert "p-3" not in office.now.revoke.withdrawn()
    assert at_once.withdrawn == later.withdrawn == ("p-3",)
    assert "another id" in caught.value.hint
    assert "p-3" not in office.ids()


def test_entry_that_is_withdrawn_after_staging_is_named(tmp_path: Path) -> None:
    """The next proposal leaves it out, and says so."""
    office = Office(tmp_path / "o")
    office.issue(*(line_of(f"p-{n}", n) for n in range(20)))
    office.stage(line_of("p-3", 33), line_of("p-4", 44))
    office.withdraw("p-3")

    assert staging.staged_in_vain(office.folder, office.now) == ("p-3",)
