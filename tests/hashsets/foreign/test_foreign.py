"""Formats of others are read as they are: each does what ``CHECKS`` say."""

from pathlib import Path

import pytest

from tests.conformance.foreign import CHECKS, Check, read
from tests.hashsets.foreign.subjects import SUBJECTS
from uploadfilter.cli.hashset.layouts import NamedFormat
from uploadfilter.errors import HashSetFormatError, UsageError
from uploadfilter.hashsets.foreign.foreign import FOREIGN
from uploadfilter.hashsets.importing import import_file
from uploadfilter.hashsets.refusing import BadLines
from uploadfilter.reference.store import ReferenceDirectory


@pytest.mark.parametrize("name", SUBJECTS)
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_format_conforms(check: Check, name: str) -> None:
    """Each format keeps each rule."""
    check(SUBJECTS[name])


def test_every_format_is_tested_and_can_be_named() -> None:
    """A format that is added has a subject, and a word for ``--format``."""
    names = [form.name for form in FOREIGN]

    assert {subject.form.name for subject in SUBJECTS.values()} == set(names)
    assert sorted([*names, NamedFormat.AUTO, NamedFormat.CSV]) == sorted(NamedFormat)


def test_a_category_is_asked_for_where_records_have_none() -> None:
    """As in a list, whose lines have no ids either."""
    for subject in SUBJECTS.values():
        if not subject.form.has_categories:
            with pytest.raises(UsageError, match="0 were given"):
                read(subject, subject.file, categories=frozenset[str]())


@pytest.mark.parametrize("name", SUBJECTS)
@pytest.mark.parametrize("bad_lines", BadLines)
def test_half_a_file_changes_nothing(
    tmp_path: Path, name: str, bad_lines: BadLines
) -> None:
    """This also holds if malformed lines are skipped: the set in force stays whole."""
    subject = SUBJECTS[name]
    path = tmp_path / "export"
    directory = ReferenceDirectory(tmp_path / "reference")
    directory.init()
    categories = sorted({str(entry["category"]) for entry in subject.entries})
    with directory.writer() as writer:

        def bring(data: bytes) -> int:
            path.write_bytes(data)
            return import_file(
                path,
                name="s",
                categories=categories,
                enforced=True,
                writer=writer,
                clock=lambda: 0.0,
                bad_lines=bad_lines,
            ).set.entries

        entries, number = bring(subject.file), writer.number
        for end in (-1, len(subject.file) // 2, -len(subject.file) // 4):
            with pytest.raises(HashSetFormatError):
                bring(subject.file[:end])

        assert writer.number == number
        assert [info.entries for info in writer.sets] == [entries]
