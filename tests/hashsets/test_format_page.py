"""``hashsets/FORMAT.md`` says what the importer does."""

import re

import pytest

from tests.hashsets.test_formats import read
from tests.repository import ROOT
from uploadfilter.hashsets.formats import MOST_LINE_BYTES
from uploadfilter.hashsets.jsonlines import (
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
