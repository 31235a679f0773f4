"""Rows are read in any dialect, at a bounded cost."""

import codecs
import io
import tracemalloc
from io import BufferedReader, RawIOBase

import pytest
from typing_extensions import Buffer, override

from uploadfilter.errors import HashSetFormatError
from uploadfilter.hashsets.lines.columns import Encoding, Layout
from uploadfilter.hashsets.lines.csvrows import (
    MOST_ROW_CHARACTERS,
    CSVRow,
    CSVTable,
    opened_table,
)

MD5 = Layout(columns={"md5": ("MD5",)})


def read(data: bytes, layout: Layout = MD5) -> tuple[CSVTable, list[CSVRow]]:
    """Return a table and its rows."""
    with opened_table(
        BufferedReader(io.BytesIO(data)),
        layout,
        note_line=lambda: None,
    ) as table:
        return table, list(table.rows)


def cells(data: bytes, layout: Layout = MD5) -> list[list[str]]:
    """Return the cells of a table's rows."""
    return [list(row.cells or ()) for row in read(data, layout)[1]]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiter_is_found_out(delimiter: str) -> None:
    """By the columns that are asked for, whatever else stands in the heading."""
    data = f"Name, first; last | all{delimiter}MD5\nx{delimiter}y\n".encode()
    quoted = f'"Name, first; last | all"{delimiter}"MD5"\nx{delimiter}y\n'.encode()

    assert read(quoted)[0].delimiter == delimiter
    assert cells(quoted) == [["x", "y"]]
    if delimiter == "\t":
        assert read(data)[0].delimiter == delimiter


def test_most_columns_decide_where_nothing_else_does() -> None:
    """The message then shows the most likely heading."""
    with pytest.raises(HashSetFormatError) as caught:
        read(b"a;b;c,d\n", Layout())

    assert "'a', 'b', 'c,d'" in caught.value.hint


@pytest.mark.parametrize("line", ["sep=;", '"sep=;"', "sep=; "])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_line_of_a_spreadsheet_names_the_delimiter(line: str, end: str) -> None:
    """It is not a heading."""
    table, rows = read(f"{line}{end}a,b;MD5{end}1;2{end}".encode())

    assert table.header == ["a,b", "MD5"]
    assert rows == [CSVRow(3, ["1", "2"])]


@pytest.mark.parametrize(
    ("mark", "codec", "said"),
    [
        pytest.param(b"", "utf-8", None, id="plain"),
        pytest.param(codecs.BOM_UTF8, "utf-8", None, id="utf-8-bom"),
        pytest.param(codecs.BOM_UTF16_LE, "utf-16-le", None, id="utf-16-le-bom"),
        pytest.param(codecs.BOM_UTF16_BE, "utf-16-be", None, id="utf-16-be-bom"),
        pytest.param(codecs.BOM_UTF16_LE, "utf-16-le", Encoding.UTF_16, id="utf-16"),
        pytest.param(codecs.BOM_UTF16_LE, "utf-16-le", Encoding.UTF_16_LE, id="both"),
        pytest.param(b"", "utf-16-be", Encoding.UTF_16_BE, id="utf-16-be"),
        pytest.param(b"", "cp1252", Encoding.CP1252, id="cp1252"),
        pytest.param(b"", "iso-8859-1", Encoding.LATIN_1, id="latin-1"),
    ],
)
def test_encoding_is_told_or_said(
    mark: bytes, codec: str, said: Encoding | None
) -> None:
    """A byte order mark is not part of the first name."""
    data = mark + "MD5,Näme\nx,é\n".encode(codec)
    layout = Layout(columns={"md5": ("MD5",)}, encoding=said)

    assert read(data, layout)[0].header == ["MD5", "Näme"]
    assert cells(data, layout) == [["x", "é"]]


@pytest.mark.parametrize(
    ("data", "layout", "message", "hint"),
    [
        pytest.param("MD5\n".encode("utf-16-le"), MD5, "UTF-8", "utf-16-le", id="wide"),
        pytest.param(b"PK\3\4\0\0", MD5, "not text", "Unpack", id="zip"),
        pytest.param(b"", MD5, "empty", "names of its columns", id="empty"),
        pytest.param(b"\n \n\n", MD5, "empty", "names", id="blank"),
        pytest.param(b'"MD5\n', MD5, "first row", "--quote", id="heading-not-closed"),
        pytest.param(
            b"MD5\n",
            Layout(encoding=Encoding.UTF_16),
            "order mark",
            "-be",
            id="no-mark",
        ),
    ],
)
def test_file_that_is_no_table_is_refused(
    data: bytes, layout: Layout, message: str, hint: str
) -> None:
    """With a remedy."""
    with pytest.raises(HashSetFormatError, match=message) as caught:
        read(data, layout)

    assert hint in caught.value.hint


def test_rows_have_the_line_they_begin_on() -> None:
    """Blank lines and lines within cells count, as an editor counts them."""
    data = b'\n\nMD5,n\n1,"a\nb\r\nc"\n\n,\n2,d\n3,"x" y\n4,e'
    _, rows = read(data)

    assert [(row.line, row.cells and row.cells[0]) for row in rows] == [
        (4, "1"),
        (9, "2"),
        (10, None),
        (11, "4"),
    ]


@pytest.mark.parametrize(
    ("quote", "row", "found"),
    [
        ("'", "'a,''b','c'", ["a,'b", "c"]),
        ("none", '"a,b"', ['"a', 'b"']),
        ('"', '"a""b",c', ['a"b', "c"]),
    ],
)
def test_quotes_are_what_is_said(quote: str, row: str, found: list[str]) -> None:
    """Another character, or none at all."""
    layout = Layout(columns={"md5": ("MD5",)}, quote=quote)

    assert cells(f"MD5,n\n{row}\n".encode(), layout) == [found]


class Endless(RawIOBase):
    """A gigabyte of cells that are never closed, made as it is read."""

    def __init__(self, head: bytes, line: bytes) -> None:
        self._head = head
        self._line = line
        self.left = 1 << 30

    @override
    def readable(self) -> bool:
        return True

    @override
    def readinto(self, buffer: Buffer) -> int:
        view = memoryview(buffer)
        data = (self._head or self._line * (len(view) // len(self._line)))[: len(view)]
        self._head = b""
        view[: len(data)] = data
        self.left -= len(data)
        return len(data) if self.left > 0 else 0


@pytest.mark.parametrize(
    "line",
    [pytest.param(b"more text\n", id="lines"), pytest.param(b"x", id="one-line")],
)
def test_row_that_never_ends_costs_little(line: bytes) -> None:
    """The message says where it begins, long before the file is over."""
    file = Endless(b'MD5,n\n1,a\n2,"never closed\n', line)
    tracemalloc.start()
    with (
        pytest.raises(HashSetFormatError, match="begins in line 3 is longer") as caught,
        opened_table(BufferedReader(file), MD5, note_line=lambda: None) as table,
    ):
        list(table.rows)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert "quote" in caught.value.hint
    assert (1 << 30) - file.left < 4 * MOST_ROW_CHARACTERS
    assert peak < 32 * MOST_ROW_CHARACTERS


def test_longest_row_is_read() -> None:
    """The limit itself is allowed, and counts for each row."""
    name = "x" * (MOST_ROW_CHARACTERS - len("1,\n"))
    data = f"MD5,n\n1,{name}\n2,{name}\n".encode()

    assert [len(row[1]) for row in cells(data)] == [len(name)] * 2
    with pytest.raises(HashSetFormatError, match="begins in line 2"):
        cells(f"MD5,n\n1,{name}x\n".encode())


def test_file_stays_open() -> None:
    """The function that opened it closes it."""
    file: BufferedReader = BufferedReader(io.BytesIO(b"MD5\nx\n"))
    with opened_table(file, MD5, note_line=lambda: None) as table:
        list(table.rows)

    assert not file.closed
