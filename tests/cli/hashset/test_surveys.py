"""The summary of a file: enough to judge it, without its contents."""

from typing import Any

from msgspec import to_builtins
from rich.console import Console

from uploadfilter.cli.hashset.surveys import PreviewJSON, preview_lines, survey_document
from uploadfilter.hashsets.tally import (
    NO_CATEGORY,
    OTHER_WORDS,
    ForeignFacts,
    Problem,
    TableFacts,
    Tally,
)

FACTS = TableFacts(
    encoding="utf-16",
    delimiter="\t",
    columns=(("id", "Media\x1bID"), ("md5", "MD5")),
    other_columns=7,
    unread=("Name\x1b", "PhotoDNA"),
    not_compared={"PhotoDNA": "PhotoDNA"},
    empty=("MD5",),
    shapes=(("A-9…", "32 hex digits"), ("A-9…", "(empty)")),
)


def survey_of(
    categories: dict[str, int],
    problem: Problem | None = None,
    *,
    table: TableFacts | None = None,
    foreign: ForeignFacts | None = None,
) -> Tally:
    """Return the survey of a file with some categories, and two lines left out."""
    survey = Tally(lines=1234, accepted=1000, table=table, foreign=foreign)
    for name, count in categories.items():
        survey.saw_category(name, count)
    if problem is not None:
        survey.note_lines(problem, [1200, 1201])
    return survey


SURVEY = survey_of({"A": 900, "B": 100, NO_CATEGORY: 3}, Problem.NOT_HEX, table=FACTS)


def shown(survey: Tally, *allowed: str) -> str:
    """Return what people read."""
    console = Console(width=200, no_color=True)
    with console.capture() as printed:
        for line in preview_lines(survey, allowed):
            console.print(line)
    return printed.get()


def read(survey: Tally) -> dict[str, Any]:
    """Return what programs read."""
    found: dict[str, Any] = to_builtins(survey_document(PreviewJSON, survey))
    return found


def test_preview_for_people() -> None:
    """The way of reading, the shapes, the histogram, and the left-out lines."""
    text = shown(SURVEY, "A")

    assert "CSV in utf-16, cells between tabs; the first row names the columns" in text
    assert r"columns that are not read: 'Name\x1b', 'PhotoDNA' and 5 more" in text
    assert "column 'PhotoDNA' holds PhotoDNA, which is not compared" in text
    assert "column 'MD5' is read, but is empty in every row" in text
    assert r"Media\x1bID" in text
    assert "32 hex digits" in text
    assert "not_hex" in text
    assert "1,200" in text
    assert "1,000 entries of 1,234 lines can be taken" in text
    words = [line.split() for line in text.splitlines()]
    assert ["A", "yes", "900"] in words
    assert ["B", "no", "100"] in words
    assert [NO_CATEGORY, "never", "3"] in words


def test_preview_before_anything_was_chosen() -> None:
    """Nothing is allowed yet, and nothing is forbidden."""
    assert "not named yet" in shown(SURVEY)


def test_preview_of_a_wrong_column_says_so() -> None:
    """Too many categories count as none."""
    survey = survey_of({OTHER_WORDS: 99})

    assert "is it the right column?" in shown(survey)
    assert "CSV" not in shown(survey)


def test_preview_for_programs() -> None:
    """The same as JSON."""
    document = read(SURVEY)

    assert document["accepted"] == 1000
    assert document["table"] == {
        "encoding": "utf-16",
        "delimiter": "\t",
        "columns": [
            {"field": "id", "column": "Media\x1bID", "shapes": ["A-9…", "A-9…"]},
            {"field": "md5", "column": "MD5", "shapes": ["32 hex digits", "(empty)"]},
        ],
        "other_columns": 7,
        "has_heading": True,
        "unread_columns": ["Name\x1b", "PhotoDNA"],
        "empty_columns": ["MD5"],
    }


def test_entries_that_are_no_pictures_are_pointed_out() -> None:
    """How many, by the suffixes of their names, and what they would do."""
    survey = survey_of({})
    survey.saw_no_picture("txt", 2)
    survey.saw_no_picture("db")

    assert "3 entries have names of files that are not pictures (.txt, .db)" in shown(
        survey
    )
    assert read(survey)["no_pictures"] == {"txt": 2, "db": 1}


VICS = ForeignFacts(
    name="vics",
    title="VICS 2.0 US",
    meanings={"1": "illegal", "5": "harmless"},
    harmless=frozenset({"5"}),
)


def of_vics() -> Tally:
    """Return the survey of a file of VICS."""
    categories = {"1": 900, "5": 2, "7": 100}
    survey = survey_of(categories, Problem.HARMLESS, foreign=VICS)
    for _ in range(2):
        survey.not_comparable("PhotoDNA")
    return survey


def test_file_of_somebody_else_consists_of_records() -> None:
    """With the categories' meaning, and the records and signals that are not taken."""
    survey = of_vics()
    text = shown(survey, "1")
    words = [line.split() for line in text.splitlines()]

    assert "the file is VICS 2.0 US" in text
    assert "first record" in text
    assert ["1", "illegal", "yes", "900"] in words
    assert ["5", "harmless", "never", "2"] in words
    assert ["7", "no", "100"] in words
    assert "2 signals are not compared: PhotoDNA" in text
    assert "1,000 entries of 1,234 records can be taken" in text


def test_file_without_categories_says_so() -> None:
    """The preview says that a category must be named."""
    facts = ForeignFacts(name="stopncii", title="an answer")
    text = shown(survey_of({}, foreign=facts))

    assert "no record has a category" in text


def test_programs_read_what_the_file_is() -> None:
    """The word of its format, and the signals that are not compared."""
    document = read(of_vics())

    assert (document["format"], document["lines"]) == ("vics", 1234)
    assert document["not_compared"] == {"PhotoDNA": 2}
    assert read(SURVEY)["format"] is None
