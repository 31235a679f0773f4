"""Describe a hash-set file, before and after its import.

For a CSV file it names the columns that are read, and shows the shapes of the first
rows, but never a cell: its content is not known yet.
"""

from collections import Counter
from collections.abc import Collection, Iterator
from typing import TypeVar

from msgspec import Struct, field
from rich.table import Table
from rich.text import Text

from uploadfilter.cli.hashset.sets import HashSetJSON, source_of, state_word
from uploadfilter.cli.output import document_of, harmless, table
from uploadfilter.hashsets.importing import ImportReport
from uploadfilter.hashsets.lines.columns import CATEGORY, not_compared
from uploadfilter.hashsets.tally import NO_CATEGORY, OTHER_WORDS, TableFacts, Tally
from uploadfilter.issuing.wording import counted, entries
from uploadfilter.reference.entries.sets import ENTRIES, SetInfo

_TAB = "\t"


class RefusedJSON(Struct):
    """Lines of a file that were left out for one reason."""

    problem: str = field(name="reason")
    count: int
    first_line: int


class ColumnJSON(Struct):
    """A column of CSV, with shapes of its first cells."""

    field: str
    column: str
    shapes: list[str]


class TableJSON(Struct):
    """How CSV was read."""

    encoding: str
    delimiter: str
    columns: list[ColumnJSON]
    other_columns: int
    has_heading: bool
    unread: list[str] = field(name="unread_columns")
    empty: list[str] = field(name="empty_columns")


class SurveyJSON(Struct):
    """The contents of a file."""

    lines: int
    accepted: int
    problems: list[RefusedJSON] = field(name="refused")
    categories: dict[str, int]
    ignored_fields: dict[str, int]
    not_compared: dict[str, int]
    format: str | None
    no_pictures: dict[str, int]
    table: TableJSON | None


class PreviewJSON(SurveyJSON):
    """The contents of a file that was not imported."""

    sha256: str


class ImportJSON(SurveyJSON):
    """An imported file."""

    set: HashSetJSON
    generation: int
    replaced: HashSetJSON | None


_Survey = TypeVar("_Survey", bound=SurveyJSON)


def survey_document(shape: type[_Survey], survey: Tally, **more: object) -> _Survey:
    """Return the survey of a file, and more, as a document."""
    facts, form = survey.table, survey.foreign
    table = None
    if facts is not None:
        columns = [
            ColumnJSON(name, column, [row[at] for row in facts.shapes])
            for at, (name, column) in enumerate(facts.columns)
        ]
        table = document_of(TableJSON, facts, columns=columns)
    name = None if form is None else form.name
    return document_of(shape, survey, format=name, table=table, **more)


def preview_lines(survey: Tally, allowed: Collection[str]) -> Iterator[Text | Table]:
    """Yield the survey of a file that was not imported as lines and tables."""
    if survey.table is not None:
        yield _shapes_table(survey.table)
    yield from survey_lines(survey, allowed)
    if survey.sha256:
        yield Text(f"SHA-256 of the file: {survey.sha256}")
    taken = (
        f"{survey.accepted:,} entries of {survey.lines:,} {unit_of(survey)}s can be "
        "taken"
    )
    yield Text(taken, style="green" if survey.accepted else "yellow")


def unit_of(survey: Tally) -> str:
    """Return the unit of a file: a line, or a record of a foreign format."""
    return "line" if survey.foreign is None else "record"


def survey_lines(survey: Tally, allowed: Collection[str]) -> Iterator[Text | Table]:
    """Yield the lines of the report on a file: the parts that are left out, and why."""
    if survey.table is not None:
        yield from _table_lines(survey.table)
    if survey.foreign is not None:
        yield Text(f"the file is {survey.foreign.title}")
    if survey.problems:
        rows = [
            (
                item.problem,
                item.problem.words,
                f"{item.count:,}",
                f"{item.first_line:,}",
            )
            for item in survey.problems
        ]
        first = f"first {unit_of(survey)}"
        yield table("left out", "that is", "count", first, rows=rows, numeric=2)
    if survey.categories:
        yield _categories_table(survey, allowed)
    yield from _category_lines(survey)
    if OTHER_WORDS in survey.categories:
        yield Text(
            "too many different categories to be listed: is it the right column?",
            style="yellow",
        )
    if survey.no_pictures:
        suffixes = ", ".join(f".{word}" for word in survey.no_pictures)
        yield Text(
            f"{sum(survey.no_pictures.values()):,} entries have names of files that "
            f"are not pictures ({suffixes}): they would stop innocent uploads",
            style="yellow",
        )
    for word, count in survey.not_compared.items():
        yield Text(
            harmless(f"{count:,} signals are not compared: {word}"), style="yellow"
        )
    for word, count in survey.ignored_fields.items():
        what = not_compared([word]).get(word)
        why = "is not known" if what is None else f"holds {what}, which is not compared"
        yield Text(harmless(f"field {word!r} {why}: ignored {count:,} times"))


def _category_lines(survey: Tally) -> Iterator[Text]:
    if survey.table is not None and not _has_categories(survey.table):
        yield Text("no column holds categories: every row gets the one of --category")
    if survey.foreign is not None and not survey.categories and survey.accepted:
        yield Text("no record has a category: each gets the one of --category")


def _categories_table(survey: Tally, allowed: Collection[str]) -> Table:
    facts = survey.foreign
    meanings = {} if facts is None else facts.meanings
    never = {NO_CATEGORY} if facts is None else {NO_CATEGORY, *facts.harmless}
    rows = [
        (
            word,
            *((meanings.get(word, ""),) if meanings else ()),
            "never" if word in never else _is_allowed(word, allowed),
            f"{count:,}",
        )
        for word, count in survey.categories.items()
    ]
    columns = ("category", *(("that is",) if meanings else ()), "allowed", "entries")
    return table(*columns, rows=rows, numeric=1)


def _is_allowed(word: str, allowed: Collection[str]) -> str:
    if not allowed:
        return "not named yet"
    return "yes" if word in allowed else "no"


def _table_lines(facts: TableFacts) -> Iterator[Text]:
    delimiter = "tabs" if facts.delimiter == _TAB else repr(facts.delimiter)
    yield Text(
        f"CSV in {facts.encoding}, cells between {delimiter}; {_first_row(facts)}"
    )
    if facts.other_columns:
        names = ", ".join(map(repr, facts.unread))
        more = facts.other_columns - len(facts.unread)
        words = [names] if names else []
        words += [f"{more:,} more"] if more else []
        yield Text(harmless(f"columns that are not read: {' and '.join(words)}"))
    for name, what in facts.not_compared.items():
        yield Text(
            harmless(f"column {name!r} holds {what}, which is not compared"),
            style="yellow",
        )
    for name in facts.empty:
        yield Text(
            harmless(f"column {name!r} is read, but is empty in every row"),
            style="yellow",
        )


def _has_categories(facts: TableFacts) -> bool:
    return any(field == CATEGORY for field, _ in facts.columns)


def _first_row(facts: TableFacts) -> str:
    if facts.has_heading:
        return "the first row names the columns"
    return "there is no heading: the first row holds data"


def _shapes_table(facts: TableFacts) -> Table:
    rows = [
        (field, name, *(row[at] for row in facts.shapes))
        for at, (field, name) in enumerate(facts.columns)
    ]
    shapes = [f"row {number}" for number in range(1, len(facts.shapes) + 1)]
    return table("read as", "column", *shapes, rows=rows)


def report_document(report: ImportReport) -> ImportJSON:
    """Return the report of an import as a document."""
    info, old = report.set, report.replaced
    return survey_document(
        ImportJSON,
        report.survey,
        set=document_of(HashSetJSON, info, source=source_of(info)),
        generation=report.generation,
        replaced=old and document_of(HashSetJSON, old, source=source_of(old)),
    )


def report_lines(report: ImportReport) -> Iterator[Text | Table]:
    """Yield the report of an import as lines and tables."""
    survey, info = report.survey, report.set
    yield Text(
        harmless(
            f"imported {info.name!r}: {entries(info.entries)} ({state_word(info)}) "
            f"from {counted(survey.lines, unit_of(survey))}; "
            f"generation {report.generation}"
        ),
        style="green",
    )
    yield Text(f"signals: {', '.join(_signals(info)) or 'none'}")
    if report.replaced is not None:
        yield Text(f"replaced a set of {entries(report.replaced.entries)}")
    yield Text(f"SHA-256 of the file: {info.source.sha256}")
    if info.exact_alone:
        yield _exact_alone_line(info)
    yield from _turnover_lines(info)
    if info.source.duplicates:
        yield Text(f"{info.source.duplicates:,} entries repeat the id of another")
    yield from survey_lines(survey, info.categories)


def _exact_alone_line(info: SetInfo) -> Text:
    return Text(
        f"{info.exact_alone:,} entries have only exact signals, though others have "
        "perceptual ones: check that they are pictures (FORMAT.md, 6.3)",
        style="yellow",
    )


def _turnover_lines(info: SetInfo) -> Iterator[Text]:
    """Yield how many entries an import withdrew, and how many it brought back."""
    if info.source.withdrawn:
        yield Text(
            f"{info.source.withdrawn:,} earlier entries are withdrawn: the file "
            "lacks them, and no rollback brings them back",
            style="yellow",
        )
    if info.source.listed_again:
        yield Text(
            f"{info.source.listed_again:,} entries that were withdrawn are listed "
            "again and are in force",
            style="yellow",
        )


def _signals(info: SetInfo) -> Iterator[str]:
    """Yield the number of signals of each type, so that a wrong type is noticed."""
    sums: Counter[str] = Counter()
    for counts in info.counts.values():
        sums.update(counts)
    for word, count in sorted(sums.items()):
        if word != ENTRIES:
            yield f"{count:,} {word}"
