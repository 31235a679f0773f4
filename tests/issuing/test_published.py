"""Published data is read as signed, or refused."""

from pathlib import Path

import pytest

from tests.issuing.offices import Office, line_of
from uploadfilter.errors import IssuerError
from uploadfilter.issuing.published import applied, changes, published


def test_changes_are_applied_in_order() -> None:
    """An addition replaces; a deletion of a missing entry does nothing."""
    found = changes(b'{"op":"add","id":"a"}\n{"op":"del","id":"b"}\n')

    assert found == {"a": b'{"op":"add","id":"a"}\n', "b": None}
    assert applied({"b": b"x", "c": b"y"}, list(found.items())).keys() == {"a", "c"}


def test_folder_without_a_publication_is_empty(tmp_path: Path) -> None:
    """Before the first publication there is no data, and this is not an error."""
    assert published(Office(tmp_path / "o").folder).sequence == 0


@pytest.mark.parametrize(
    "name",
    ["metadata/timestamp.json", "metadata/1.hashset.json", "metadata/1.root.json"],
)
def test_damaged_metadata_is_said(tmp_path: Path, name: str) -> None:
    """If metadata cannot be read, the command ends and refers to the backup."""
    office = Office(tmp_path / "o")
    office.issue(line_of("a", 1))
    (office.served / name).write_text("{")

    with pytest.raises(IssuerError, match="damaged"):
        published(office.folder)


def test_damaged_and_missing_files_are_said(tmp_path: Path) -> None:
    """No officer signs a proposal that is based on a changed file."""
    office = Office(tmp_path / "o")
    office.issue(line_of("a", 1))
    (full,) = office.folder.targets.rglob("*.all.jsonl.gz")
    full.write_bytes(b"other")
    with pytest.raises(IssuerError, match="differs from the signed file"):
        office.ids()
    full.unlink()
    with pytest.raises(IssuerError, match="missing"):
        office.ids()
