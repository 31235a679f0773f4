"""Convert rows of a CSV file to JSON lines of our own format.

So a table follows the same rules as every other file, and means the same as its entries
written as JSON lines (``tests/hashsets/lines/test_csvlines.py``). Cells that are not
wanted are discarded. Clauses: ``hashsets/FORMAT.md``, section 7.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from io import BufferedReader
from types import MappingProxyType
from typing import Any, Final

import msgspec

from uploadfilter.hashsets.lines.columns import (
    CATEGORY,
    EXACT_ONLY,
    FIELDS,
    ID,
    QUALITIES,
    TYPES,
    Columns,
    Layout,
    folded,
    is_heading,
    not_compared,
    shown_names,
)
from uploadfilter.hashsets.lines.csvrows import CSVRow, CSVTable, opened_table
from uploadfilter.hashsets.lines.items import FLAGS, IdOf, common_category, made_id
from uploadfilter.hashsets.lines.rows import Numbered
from uploadfilter.hashsets.tally import Problem, TableFacts, Tally
from uploadfilter.hashsets.writings import hex_of
from uploadfilter.model import SignalType

FIRST_ROWS: Final = 5
"""Rows whose shapes are kept: enough to recognise a wrong column."""

_NOT_TEXT = "\ufffd"
"""The replacement for invalid bytes; an id with a replacement is a different id."""

_NO_CATEGORY: Final = "("
"""An invalid category, for which the line is refused."""

_MOST_DIGITS: Final = 9
"""Longest number: Python refuses thousands of digits; a quality has three."""

_SHAPE_CHARACTERS: Final = 24
_RUN = re.compile(r"(.)\1{4,}")
_KEPT_IN_SHAPES = frozenset(" -_.:/{}()")


def csv_rows(
    file: BufferedReader,
    layout: Layout,
    *,
    id_of: IdOf,
    categories: frozenset[str] | None,
    tally: Tally,
    note_line: Callable[[], None],
) -> Iterator[Numbered]:
    """Yield the rows of a file as JSON lines, with the number of each first line.

    Args:
        file: At its start.
        layout: The operator's options.
        id_of: Makes ids if no column has them.
        categories: The allowed categories; ``None`` allows all. Without a column of
            categories, it must be exactly one, which every row gets.
        tally: Counts omissions, and keeps how the file is read.
        note_line: Called for each line that is read.

    Raises:
        HashSetFormatError: The file does not fit the request.
        UsageError: No column holds a category, and there is not exactly one.
    """
    with opened_table(file, layout, note_line=note_line) as table:
        columns = table.columns
        item_of = _ItemOf(columns, _common_category(columns, categories), id_of)
        tally.table = _facts(table)
        empty = {place for _, place in _places(columns)}
        for row in table.rows:
            problem = _problem(row, columns)
            if problem is not None or row.cells is None:
                tally.note_lines(problem or Problem.BAD_QUOTING, [row.line])
                continue
            if len(tally.table.shapes) < FIRST_ROWS:
                tally.table = _with_shapes(tally.table, row.cells, columns)
            if empty:
                empty -= {place for place in empty if row.cells[place].strip()}
            yield row.line, msgspec.json.encode(item_of(row.cells))
        # If all rows were left out, no cell was read.
        looked_at = sorted(empty) if tally.table.shapes else []
        names = tuple(table.header[place] for place in looked_at)
        tally.table = replace(tally.table, empty=names)


def _common_category(columns: Columns, categories: frozenset[str] | None) -> str | None:
    """Return the category of every row, if there is no column of categories."""
    if CATEGORY in columns.places:
        return None
    return common_category(
        categories,
        what="no column",
        hint="Name the column with --map category=COLUMN, or give exactly one "
        "--category, which every row gets.",
    )


def _problem(row: CSVRow, columns: Columns) -> Problem | None:
    """Return why a row is left out before its cells are read; ``None`` if it is not."""
    cells = row.cells
    if cells is None:
        return Problem.BAD_QUOTING
    if len(cells) != columns.count and (
        len(cells) < columns.count or any(map(str.strip, cells[columns.count :]))
    ):
        return Problem.WRONG_COLUMNS
    for place, texts in columns.wanted.items():
        if folded(cells[place]) not in texts:
            return Problem.NOT_WANTED
    return None


class _ItemOf:
    def __init__(self, columns: Columns, common: str | None, id_of: IdOf) -> None:
        self._common = common
        self._id_of = None if ID in columns.places else id_of
        self._first = [
            (field, places[0], _CONVERTERS[field])
            for field, places in columns.places.items()
        ]
        self._more = [
            (field, place)
            for field, places in columns.places.items()
            for place in places[1:]
        ]

    def __call__(self, cells: Sequence[str]) -> dict[str, Any]:
        item: dict[str, Any] = {CATEGORY: self._common}
        for field, place, convert in self._first:
            item[field] = convert(cells[place].strip())
        signals = [
            {"type": field, "value": digits}
            for field, place in self._more
            if (digits := hex_of(cells[place].strip(), TYPES[field]))
        ]
        if signals:
            item["signals"] = signals
        if self._id_of is not None:
            item[ID] = made_id(item, self._id_of)
        return item


# Each converts a cell to its JSON value; an invalid one stays a text and is refused.


def _id(text: str) -> str:
    return "" if _NOT_TEXT in text else text


def _category(text: str) -> str | None:
    return _NO_CATEGORY if _NOT_TEXT in text else text or None


def _flag(text: str) -> bool | str:
    return FLAGS.get(text.casefold(), text)


def _quality(text: str) -> int | str | None:
    is_number = text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS
    return int(text) if is_number else text or None


_CONVERTERS: Final[Mapping[str, Callable[[str], object]]] = MappingProxyType(
    {ID: _id, CATEGORY: _category, EXACT_ONLY: _flag}
    | dict.fromkeys(QUALITIES, _quality)
    | {name: partial(hex_of, kind=kind) for name, kind in TYPES.items()}
)


def _facts(table: CSVTable) -> TableFacts:
    places = _places(table.columns)
    read = {place for _, place in places}
    unread = [name for at, name in enumerate(table.header) if at not in read]
    is_shown = is_heading(table.header)
    return TableFacts(
        encoding=table.encoding,
        delimiter=table.delimiter,
        columns=tuple((field, table.header[place]) for field, place in places),
        other_columns=len(unread),
        shapes=(),
        unread=tuple(shown_names(unread)) if is_shown else (),
        not_compared=not_compared(unread),
        has_heading=table.has_heading,
    )


def _with_shapes(
    facts: TableFacts, cells: Sequence[str], columns: Columns
) -> TableFacts:
    shapes = tuple(shape_of(cells[place]) for _, place in _places(columns))
    return replace(facts, shapes=(*facts.shapes, shapes))


def _places(columns: Columns) -> list[tuple[str, int]]:
    """Return fields with their positions, in the order of the format."""
    found = [
        (field, place) for field in FIELDS for place in columns.places.get(field, ())
    ]
    return found + [("where", place) for place in columns.wanted]


def shape_of(text: str) -> str:
    """Return the shape of a cell, without its content.

    A digest is described as one; in any other cell digits become ``9``, letters ``a``.
    """
    text = text.strip()
    if len(text) >= 2 * min(kind.width_bytes for kind in SignalType) and re.fullmatch(
        "[0-9A-Fa-f]+", text
    ):
        return f"{len(text)} hex digits"
    shape = "".join(map(_shape_of_character, text[:_SHAPE_CHARACTERS]))
    more = "…" if len(text) > _SHAPE_CHARACTERS else ""
    return _RUN.sub(r"\1\1…", shape) + more or "(empty)"


def _shape_of_character(character: str) -> str:
    if character.isdigit():
        return "9"
    if character.isalpha():
        return "A" if character.isupper() else "a"
    return character if character in _KEPT_IN_SHAPES else "?"
