"""Read the rows of a CSV file, one at a time, in any dialect.

The parser is Python's (``csv``, strict), which gets lines of bounded length: with an
unclosed quote it would collect the rest of the file. Bytes that are invalid in the
encoding become U+FFFD, so that one in an unwanted column does not refuse the file.
Clauses: ``hashsets/FORMAT.md``, section 7.
"""

import codecs
import csv
import io
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedReader
from itertools import chain
from typing import Final, NamedTuple

from uploadfilter.errors import HashSetFormatError
from uploadfilter.hashsets.lines.columns import (
    NO_QUOTE,
    Columns,
    Encoding,
    Layout,
    found_in,
    is_data,
    is_named,
    numbers_for,
    numbers_of,
)

MOST_ROW_CHARACTERS: Final = 128 << 10
"""Longest row, and longest cell: the default limit of ``csv`` for a cell."""

DELIMITERS: Final = (",", ";", "\t", "|")
"""Delimiters that are detected, in the order in which they are tried."""

_HEAD_BYTES: Final = 4096
_BOMS: Final = (
    (codecs.BOM_UTF8, Encoding.UTF_8),
    (codecs.BOM_UTF16_LE, Encoding.UTF_16),
    (codecs.BOM_UTF16_BE, Encoding.UTF_16),
)
_EXCEL_LINE = re.compile(r'"?sep=(.)"?\s*')
"""The line that Excel writes above the heading, and understands."""

_POWERSHELL_LINE = re.compile(r"#TYPE [\w.+`\[\],]+\s*")
"""The line that Windows PowerShell 5 writes above the heading."""


class CSVRow(NamedTuple):
    """A row of data.

    Attributes:
        line: Number of its first line, from 1.
        cells: Its cells; ``None`` if its quoting is broken.
    """

    line: int
    cells: Sequence[str] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CSVTable:
    """An opened CSV file.

    Attributes:
        header: Names of its columns; their numbers if there is no heading.
        has_heading: Whether the first row names the columns.
        columns: The positions of the wanted cells.
        rows: The rows with data, without blank ones; they can be read once.
    """

    encoding: Encoding
    delimiter: str
    header: Sequence[str]
    has_heading: bool
    columns: Columns
    rows: Iterator[CSVRow]


@contextmanager
def opened_table(
    file: BufferedReader, layout: Layout, *, note_line: Callable[[], None]
) -> Iterator[CSVTable]:
    """Read the heading of a file, and yield the table.

    Yields:
        The table, whose rows can be read in the block.

    Raises:
        HashSetFormatError: The file is not text, has no heading, or lacks a wanted
            column; while rows are read: a row has no end.
    """
    encoding = _encoding(file, layout)
    lines = _Lines(file, encoding, note_line)
    try:
        yield _table(lines, layout, encoding)
    finally:
        lines.release()


def _table(lines: "_Lines", layout: Layout, encoding: Encoding) -> CSVTable:
    first = _first_line(lines)
    excel = _EXCEL_LINE.fullmatch(first)
    if excel or _POWERSHELL_LINE.fullmatch(first):
        lines.begin_row()
        first = _first_line(lines)
    delimiter = layout.delimiter or (excel and excel[1]) or _sniffed(first, layout)
    rows = _rows(lines, first, delimiter=delimiter, quote=layout.quote)
    top = next(rows, CSVRow(1, None))
    header = [cell.strip() for cell in top.cells or ()]
    if not header:
        raise HashSetFormatError(
            "the first row of the file cannot be read",
            hint="It must name the columns. Give the character between cells with "
            "--delimiter, and the one around cells with --quote.",
        )
    has_heading = not is_data(header)
    if not has_heading:
        header = numbers_for(header, layout)
        rows = chain([top], rows)
    columns = found_in(header, layout)
    return CSVTable(
        encoding=encoding,
        delimiter=delimiter,
        # A heading without a known or given name may be data, which is never shown.
        header=header if is_named(header, layout) else numbers_of(header),
        has_heading=has_heading,
        columns=columns,
        rows=rows,
    )


def _encoding(file: BufferedReader, layout: Layout) -> Encoding:
    """Return the given encoding, or the one of the byte order mark, or UTF-8."""
    head = file.peek(_HEAD_BYTES)[:_HEAD_BYTES]
    told = next((found for mark, found in _BOMS if head.startswith(mark)), None)
    if layout.encoding is Encoding.UTF_16 and told is not Encoding.UTF_16:
        raise HashSetFormatError(
            "the file does not begin with a byte order mark of UTF-16",
            hint="Give --encoding utf-16-le or --encoding utf-16-be.",
        )
    if layout.encoding is not None or told is not None:
        return layout.encoding or told or Encoding.UTF_8
    if b"\0" in head:
        raise HashSetFormatError(
            "the file is not text in UTF-8",
            hint="Unpack or export it first; or, if it is UTF-16 without a byte order "
            "mark, give --encoding utf-16-le.",
        )
    return Encoding.UTF_8


class _Lines:
    """Iterates over lines with their ends, and bounds the length of a row."""

    def __init__(
        self, file: BufferedReader, encoding: Encoding, note_line: Callable[[], None]
    ) -> None:
        codec = "utf-8-sig" if encoding is Encoding.UTF_8 else encoding.value
        # Line ends within quotes are kept. The text layer must not close a file that it
        # did not open.
        self._text = io.TextIOWrapper(
            file, encoding=codec, errors="replace", newline=""
        )
        self._note_line = note_line
        self._characters = 0
        self.number = 0
        self.begun = 1

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._text.readline(MOST_ROW_CHARACTERS + 1)
        if not line:
            raise StopIteration
        self.number += 1
        self._note_line()
        self._characters += len(line)
        if self._characters > MOST_ROW_CHARACTERS:
            raise HashSetFormatError(
                f"the row that begins in line {self.begun} is longer than "
                f"{MOST_ROW_CHARACTERS:,} characters",
                hint="A quote that opens there may never be closed. Correct the file, "
                "or name another character with --quote.",
            )
        return line

    def begin_row(self) -> None:
        """Note that the next line begins a row."""
        self._characters = 0
        self.begun = self.number + 1

    def release(self) -> None:
        self._text.detach()


def _first_line(lines: _Lines) -> str:
    for line in lines:
        if line.strip("\ufeff \t\r\n"):
            return line.removeprefix("\ufeff")
        lines.begin_row()
    raise HashSetFormatError(
        "the file is empty", hint="A CSV file begins with the names of its columns."
    )


def _sniffed(first: str, layout: Layout) -> str:
    """Return the delimiter that fits a heading best.

    It yields the requested columns; otherwise it yields the most columns.
    """

    def sense(delimiter: str) -> tuple[int, int]:
        header = cells_of(first, delimiter=delimiter, quote=layout.quote)
        try:
            if is_data(header):
                header = numbers_for(header, layout)
            found_in(header, layout)
        except HashSetFormatError:
            return 0, len(header)
        return 1, len(header)

    return max(DELIMITERS, key=sense)


def cells_of(line: str, *, delimiter: str, quote: str = '"') -> list[str]:
    """Return the cells of one line, without white space at their ends."""
    reader = _reader(iter([line]), delimiter=delimiter, quote=quote, strict=False)
    return [cell.strip() for cell in next(reader, [])]


def _reader(
    lines: Iterator[str], *, delimiter: str, quote: str, strict: bool = True
) -> Iterator[list[str]]:
    if quote == NO_QUOTE:
        return csv.reader(
            lines, delimiter=delimiter, quoting=csv.QUOTE_NONE, strict=strict
        )
    return csv.reader(lines, delimiter=delimiter, quotechar=quote, strict=strict)


def _rows(lines: _Lines, first: str, *, delimiter: str, quote: str) -> Iterator[CSVRow]:
    pushed = [first]

    def all_lines() -> Iterator[str]:
        yield pushed.pop()
        yield from lines

    source = all_lines()
    reader = _reader(source, delimiter=delimiter, quote=quote)
    while True:
        begun = lines.begun
        try:
            cells: list[str] | None = next(reader)
        except StopIteration:
            return
        except csv.Error:
            # The next row begins with the next line: the parser starts again.
            cells = None
        lines.begin_row()
        if cells is None or any(map(str.strip, cells)):
            yield CSVRow(begun, cells)
