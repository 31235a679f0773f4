"""``hashsets/FORMAT.md`` agrees with the importer."""

import re

import pytest

from tests.hashsets.reading import read
from tests.repository import ROOT
from uploadfilter.hashsets.formats import MOST_LINE_BYTES
from uploadfilter.hashsets.lines.columns import FIELDS, KNOWN_NAMES
from uploadfilter.hashsets.lines.rows import (
    MOST_CATEGORY_CHARACTERS,
    MOST_ID_CHARACTERS,
)
from uploadfilter.hashsets.tally import Problem
from uploadfilter.model import QUALITY_FLOOR, SignalType

PAGE = (ROOT / "hashsets" / "FORMAT.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```(?:text|json)\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize("example", EXAMPLES, ids=["list", "json-lines"])
def test_examples_are_read(example: str) -> None:
    """Every line of the page's examples is an entry."""
    found, tally = read(example.encode(), categories=None)

    assert len(found) == tally.lines == len(example.splitlines())
    assert (tally.problems, tally.ignored_fields) == ((), {})


def test_table_of_reasons_is_complete() -> None:
    """Each reason has a row that says whether it refuses the file."""
    rows = re.findall(r"^\| `(\w+)` \| (yes|no) \|", PAGE, re.MULTILINE)

    assert rows == [
        (problem.value, "yes" if problem.is_malformed else "no") for problem in Problem
    ]


def row_of(field: str, names: tuple[str, ...]) -> str:
    """Return the line of clause 7.7 for a field."""
    return f"| `{field}` | {', '.join(f'`{name}`' for name in names)} |"


def names_to_write(page: str) -> list[str]:
    """Return the missing and superfluous lines of clause 7.7, and the remedy."""
    _, _, clause = page.partition("\n7.7. ")
    clause, _, _ = clause.partition("\n7.8. ")
    written = re.findall(r"^\| `.*$", clause, re.MULTILINE)
    wanted = [row_of(field, names) for field, names in KNOWN_NAMES.items()]
    return [
        *(
            f"write into clause 7.7 of hashsets/FORMAT.md: {row}"
            for row in wanted
            if row not in written
        ),
        *(
            f"take out of clause 7.7 of hashsets/FORMAT.md: {row}"
            for row in written
            if row not in wanted
        ),
    ]


def test_names_of_columns_are_those_of_the_code() -> None:
    """A new name in ``KNOWN_NAMES`` leads on to the page and to the changelog."""
    to_do = names_to_write(PAGE)

    assert not to_do, "\n".join(
        [*to_do, "and say it to operators in CHANGELOG.md, under Unreleased"]
    )


@pytest.mark.parametrize("field", KNOWN_NAMES)
def test_name_that_is_missing_on_the_page_is_told(field: str) -> None:
    """The check above fails for each field, and names the line to be written."""
    row = row_of(field, KNOWN_NAMES[field])

    said = names_to_write(PAGE.replace(f"{row}\n", ""))

    assert f"write into clause 7.7 of hashsets/FORMAT.md: {row}" in said


def test_no_name_means_two_things() -> None:
    """Each name belongs to one field, however it is written."""
    names = [name for names in KNOWN_NAMES.values() for name in names]
    plain = [re.sub(r"[^a-z0-9]", "", name) for name in names]

    assert len(plain) == len(set(plain))
    assert set(KNOWN_NAMES) <= set(FIELDS)


def test_lengths_are_those_of_the_types() -> None:
    """The table of signals names every type with its number of digits."""
    rows = re.findall(r"^\| (`.*?`) \| ([\d, ]+) \| ", PAGE, re.MULTILINE)
    stated: dict[str, int] = {}
    for names, lengths in rows:
        types = re.findall(r"`(\w+)`", names)
        digits = [int(length) for length in lengths.split(", ")]
        stated |= dict(zip(types, digits * (len(types) // len(digits)), strict=True))

    assert stated == {kind.value: 2 * kind.width_bytes for kind in SignalType}


def test_limits_are_those_of_the_code() -> None:
    """Numbers in the clauses are the constants of the importer."""
    text = " ".join(PAGE.split())

    assert f"longer than {MOST_LINE_BYTES:,} bytes" in text
    assert f"1 to {MOST_ID_CHARACTERS} printable characters" in text
    assert f"1 to {MOST_CATEGORY_CHARACTERS} printable characters" in text
    assert f"quality below {QUALITY_FLOOR} is kept" in text
