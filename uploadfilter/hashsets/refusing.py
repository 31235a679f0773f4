"""Decide whether a file is imported, and explain a refusal."""

from enum import StrEnum
from typing import Final

from uploadfilter.errors import HashSetFormatError
from uploadfilter.hashsets.tally import (
    MOST_NAMED_CATEGORIES,
    NO_CATEGORY,
    Problem,
    Tally,
)

_SHOWN_PROBLEMS: Final = 6
_SHOWN_CATEGORIES: Final = 10
_SHOWN_FIELDS: Final = 10


class BadLines(StrEnum):
    """The treatment of a file with malformed lines."""

    REFUSE = "refuse"
    SKIP = "skip"


def check_outcome(name: str, tally: Tally, bad_lines: BadLines) -> None:
    """Refuse a file with malformed lines, or without an accepted entry.

    Raises:
        HashSetFormatError: It names the reasons, with a hint.
    """
    if tally.malformed and bad_lines is BadLines.REFUSE:
        raise HashSetFormatError(
            f"{name!r} has malformed {tally.unit}s: {_summary(tally)}",
            hint=f"Nothing was imported. {_where(tally)}{_table(tally)}Correct the "
            f"file, or leave the malformed {tally.unit}s out with --skip-bad-lines.",
        )
    if not tally.accepted:
        found = _found_categories(tally)
        raise HashSetFormatError(
            f"{name!r} has no entry that can be taken in {tally.lines} "
            f"{tally.unit}s: {_summary(tally)}{found}",
            hint=f"Nothing was imported. {_advice(tally)}",
        )


def _advice(tally: Tally) -> str:
    if tally.categories.keys() == {NO_CATEGORY}:
        return "Give every entry of the file a category."
    if any(item.problem is Problem.CATEGORY for item in tally.problems):
        return "Name the categories to be taken with --category."
    if not tally.lines:
        return "The file is empty: was the export complete?"
    if tally.problems and all(
        item.problem is Problem.NOT_COMPARED for item in tally.problems
    ):
        names = ", ".join(list(tally.not_compared)[:_SHOWN_FIELDS])
        return (
            f"Its signals are: {names}. Have it exported with MD5, SHA-1, SHA-256 or "
            "PDQ."
        )
    if not tally.problems:
        what = "names of columns" if tally.table else "comments and headings"
        return f"The file has only {what}: was the export complete?"
    return f"{_where(tally)}{_table(tally)}Check that it is the right file."


def _where(tally: Tally) -> str:
    """Return a sentence about the first omitted line, if there is one."""
    for item in tally.problems:
        unit = tally.unit.capitalize()
        return f"{unit} {item.first_line} has {item.problem.words}. "
    return ""


def _table(tally: Tally) -> str:
    """Return a sentence about the columns of a table or the fields of JSON lines."""
    if tally.table is not None and tally.table.empty:
        names = ", ".join(map(repr, tally.table.empty))
        return f"These columns are empty in every row: {names}. "
    if any(item.problem is Problem.NO_SIGNALS for item in tally.problems):
        unknown = list(tally.ignored_fields)[:_SHOWN_FIELDS]
        if unknown:
            return f"Fields that are not known: {', '.join(map(repr, unknown))}. "
    is_list = tally.table is None and tally.foreign is None and not tally.is_json
    if is_list and any(
        item.problem is Problem.NOT_HEX and item.first_line == 1
        for item in tally.problems
    ):
        return "If it is CSV, give the fields of its columns with --map. "
    return ""


def _summary(tally: Tally) -> str:
    """Return the reasons in one line, for any number of refused lines."""
    parts = [
        f"{item.count} {item.problem.value} (first in {tally.unit} {item.first_line})"
        for item in tally.problems[:_SHOWN_PROBLEMS]
    ]
    return ", ".join(parts) or "no entry"


def _found_categories(tally: Tally) -> str:
    if not tally.categories:
        return ""
    if len(tally.categories) > MOST_NAMED_CATEGORIES:
        return f"; {len(tally.categories)} different categories found"
    shown = list(tally.categories.items())[:_SHOWN_CATEGORIES]
    return "; categories found: " + ", ".join(f"{word!r} {n}" for word, n in shown)
