"""Formats of others are read as they are: each does what ``CHECKS`` say."""

import pytest

from tests.conformance.foreign import CHECKS, Check, read
from tests.hashsets import test_exchanges, test_misp, test_ncmec, test_vics
from uploadfilter.cli.layouts import Format
from uploadfilter.errors import UsageError
from uploadfilter.hashsets.foreign import FOREIGN

SUBJECTS = {
    **test_vics.SUBJECTS,
    **test_exchanges.SUBJECTS,
    **test_misp.SUBJECTS,
    **test_ncmec.SUBJECTS,
}


@pytest.mark.parametrize("name", SUBJECTS)
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_format_conforms(check: Check, name: str) -> None:
    """Each format keeps each rule."""
    check(SUBJECTS[name])


def test_every_format_is_tested_and_can_be_named() -> None:
    """A format that is added has a subject, and a word for ``--format``."""
    names = [form.name for form in FOREIGN]

    assert {subject.form.name for subject in SUBJECTS.values()} == set(names)
    assert sorted([*names, Format.AUTO, Format.CSV]) == sorted(Format)


def test_a_category_is_asked_for_where_records_have_none() -> None:
    """As of a list, whose lines have none either."""
    for subject in SUBJECTS.values():
        if not subject.form.has_categories:
            with pytest.raises(UsageError, match="0 were given"):
                read(subject, subject.file, categories=frozenset[str]())
