"""A table gives the entries of the same records as JSON lines."""

import codecs
import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.hashsets.reading import read_entries
from uploadfilter.errors import HashSetFormatError, UsageError
from uploadfilter.hashsets import formats
from uploadfilter.hashsets.formats import KnownBefore
from uploadfilter.hashsets.lines.columns import Encoding, Layout
from uploadfilter.hashsets.lines.csvlines import FIRST_ROWS, shape_of
from uploadfilter.hashsets.tally import Problem, TableFacts, Tally
from uploadfilter.model import Entry, SignalType

ONE = "d131dd02c5e6eec4693d9a0698aff95c"
SHA1 = "d131dd02c5e6eec4693d9a0698aff95c00112233"
PDQ = "f8f8f0cce0f4e84d0e370a22028f67f0b36e2ed596623e1d33e6b39c4e9c9b22"
EMPTY = "d41d8cd98f00b204e9800998ecf8427e"
COLUMNS = {
    "id": "Media ID",
    "category": "Category",
    "exact_only": "Exact",
    "md5": "MD5",
    "sha1": "SHA-1",
    "pdq": "PDQ",
    "pdq_quality": "Quality",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """How a table is written."""

    delimiter: str = ","
    quote: str = '"'
    encoding: Encoding = Encoding.UTF_8
    bom: bytes = b""
    end: str = "\n"
    quotes_all: bool = False

    def write(self, rows: Sequence[Sequence[str]]) -> bytes:
        """Return a table."""
        text = io.StringIO(newline="")
        # Python's writer takes an end of line that is not its own for a character.
        has_ends = any(set("\r\n") & set(cell) for row in rows for cell in row)
        writer = csv.writer(
            text,
            delimiter=self.delimiter,
            quotechar=self.quote,
            lineterminator=self.end,
            quoting=csv.QUOTE_ALL if self.quotes_all or has_ends else csv.QUOTE_MINIMAL,
        )
        writer.writerows(rows)
        return self.bom + text.getvalue().encode(self.encoding)

    def layout(self, columns: Mapping[str, str]) -> Layout:
        """Return how the table is to be read."""
        has_bom = self.bom or self.encoding is Encoding.UTF_8
        return Layout(
            columns={name: (column,) for name, column in columns.items()},
            delimiter=self.delimiter,
            quote=self.quote,
            encoding=None if has_bom else self.encoding,
        )


DIALECTS = st.builds(
    Dialect,
    delimiter=st.sampled_from([",", ";", "\t", "|", "^"]),
    quote=st.sampled_from(['"', "'"]),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    quotes_all=st.booleans(),
) | st.builds(
    Dialect,
    encoding=st.sampled_from([Encoding.UTF_16_LE, Encoding.UTF_16_BE]),
    bom=st.just(b""),
    end=st.sampled_from(["\n", "\r\n"]),
)
WORDS = st.text(
    st.characters(
        codec="utf-8", exclude_categories=["Cs"], exclude_characters="\0\ufffd"
    ),
    min_size=1,
    max_size=8,
).map(str.strip)
DIGESTS = st.sampled_from([ONE, ONE.upper(), EMPTY, "0" * 32, "", "xyz", ONE[:-1]])
ENTRIES = st.fixed_dictionaries(
    {
        "id": WORDS | st.sampled_from(["a", "b", "c"]),
        "category": st.sampled_from(["A", "B", "0", "", "(x)", "a;b", 'a"b', "a\nb"]),
        "exact_only": st.sampled_from(["true", "no", "Y", "", "perhaps"]),
        "md5": DIGESTS,
        "sha1": st.sampled_from([SHA1, "", ONE]),
        "pdq": st.sampled_from([PDQ, "", "0" * 64]),
        "pdq_quality": st.sampled_from(["", "0", "87", "100", "101", "x", "-1", "7.5"]),
    }
)


def made_id(signal_type: SignalType, value: bytes) -> str:
    """Return an id that shows its source."""
    return f"{signal_type}-{value.hex()[:4]}"


def read(
    data: bytes, layout: Layout | None, *, categories: Sequence[str] | None = ("A",)
) -> tuple[list[Entry], Tally]:
    """Read a file, as CSV if there is a layout."""
    said = KnownBefore(layout=layout)
    return read_entries(data, categories=categories, said=said, id_of=made_id)


def facts(tally: Tally) -> TableFacts:
    """Return how a table was read."""
    assert tally.table is not None
    return tally.table


def problems(tally: Tally) -> list[tuple[Problem, int, int]]:
    """Return the left-out records: reason, number, and first place."""
    return [(item.problem, item.count, item.first_line) for item in tally.problems]


def as_json(entry: Mapping[str, str]) -> dict[str, object]:
    """Return the values of a row, the obvious way."""
    flags = {"true": True, "Y": True, "no": False, "": False}
    quality = entry["pdq_quality"]
    return {
        **entry,
        "category": entry["category"].strip() or None,
        "exact_only": flags.get(entry["exact_only"], entry["exact_only"]),
        "pdq_quality": int(quality) if quality.isdigit() else quality or None,
    }


@given(entries=st.lists(ENTRIES, max_size=20), dialect=DIALECTS)
def test_table_means_what_json_lines_mean(
    entries: list[dict[str, str]], dialect: Dialect
) -> None:
    """In any dialect: the same entries, counts and histogram as JSON lines."""
    rows = [list(COLUMNS.values())] + [[e[name] for name in COLUMNS] for e in entries]
    lines = "".join(json.dumps(as_json(entry)) + "\n" for entry in entries)
    found, tally = read(
        dialect.write(rows), dialect.layout(COLUMNS), categories=("A", "0", "a;b")
    )
    wanted, counted = read(lines.encode(), None, categories=("A", "0", "a;b"))

    assert found == wanted
    assert tally.categories == counted.categories
    assert {(p.problem, p.count) for p in tally.problems} == {
        (p.problem, p.count) for p in counted.problems
    }


def test_export_of_a_case_system() -> None:
    """Semicolons, quotes, CRLF, UTF-16 with its mark, capitals, columns to ignore."""
    text = (
        'Media ID;"Category";MD5;SHA-1;Series name;Baseline\r\n'
        f'M-1;A;{ONE.upper()};{SHA1};"Anna; of ""X""\r\nand more";y\r\n'
        f"M-2;B;{ONE};;Name;Y\r\n"
        f"M-3;A;{ONE};;Name;n\r\n"
        ";;;;;\r\n"
        "\r\n"
        f"M-4;;{ONE};;Name;y\r\n"
        f"M-5;A;;;Name;y\r\n"
    )
    layout = Layout(
        columns={name: (COLUMNS[name],) for name in ("id", "category", "md5", "sha1")},
        wanted={"Baseline": frozenset({"y"})},
    )
    found, tally = read(codecs.BOM_UTF16_LE + text.encode("utf-16-le"), layout)

    assert [entry.id for entry in found] == ["M-1"]
    assert [item.signal.value.hex() for item in found[0].signals] == [ONE, SHA1]
    assert tally.categories == {"A": 1, "B": 1, "(none)": 1}
    assert problems(tally) == [
        (Problem.CATEGORY, 2, 4),
        (Problem.NOT_WANTED, 1, 5),
        (Problem.NO_SIGNALS, 1, 9),
    ]
    assert tally.lines == 9
    assert (facts(tally).encoding, facts(tally).delimiter) == ("utf-16", ";")
    assert facts(tally).other_columns == 1


def test_columns_are_recognised_by_their_names() -> None:
    """Names that mean one thing only need no mapping."""
    data = f"Hash (MD5),category,Media-ID,x\n{ONE},A,m,y\n".encode()
    found, tally = read(data, Layout())

    assert [entry.id for entry in found] == ["m"]
    assert facts(tally).columns == (
        ("id", "Media-ID"),
        ("category", "category"),
        ("md5", "Hash (MD5)"),
    )


def test_several_signals_of_a_type_in_one_row() -> None:
    """The picture and its stored thumbnail are one entry."""
    columns = {"id": ("id",), "category": ("c",), "md5": ("a", "b", "d")}
    data = f"id,c,a,b,d\n1,A,{ONE},{ONE[::-1]},\n2,A,,{ONE},\n".encode()
    found, _ = read(data, Layout(columns=columns))

    assert [[item.signal.value.hex() for item in e.signals] for e in found] == [
        [ONE, ONE[::-1]],
        [ONE],
    ]


def test_table_without_ids_gets_them_from_its_signals() -> None:
    """From the strongest that may be matched, so that a row keeps its id."""
    columns = {"md5": ("m",), "sha1": ("s",), "pdq": ("p", "q")}
    data = f"m,s,p,q\n{ONE},{SHA1},,\n{ONE},,{PDQ},\n{EMPTY},,,{PDQ}\nzz,,,\n,,{PDQ},\n"
    found, tally = read(data.encode(), Layout(columns=columns))

    assert [entry.id for entry in found] == ["sha1-d131", "md5-d131"] + 2 * ["pdq-f8f8"]
    assert (Problem.NOT_HEX, 1, 5) in problems(tally)


@pytest.mark.parametrize("categories", [(), ("A", "B")])
def test_table_without_categories_needs_exactly_one(
    categories: tuple[str, ...],
) -> None:
    """The meaning of rows is not guessed."""
    with pytest.raises(UsageError, match=f"{len(categories)} were given"):
        read(f"md5\n{ONE}\n".encode(), Layout(), categories=categories)


def test_table_without_categories_gets_the_one() -> None:
    """As a list does; a preview shows that each can be taken."""
    data = f"md5\n{ONE}\n".encode()

    assert read(data, Layout())[0][0].category == "A"
    found, _ = read(data, Layout(), categories=None)
    assert len(found) == 1


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        pytest.param(f"1,A,{ONE}", Problem.WRONG_COLUMNS, id="fewer"),
        pytest.param(f"1,A,{ONE},n,more", Problem.WRONG_COLUMNS, id="more"),
        pytest.param(f'1,A,{ONE},"n"x', Problem.BAD_QUOTING, id="quote-inside"),
        pytest.param(f"1,A,{ONE[:-1]},n", Problem.ODD_LENGTH, id="digit-lost"),
        pytest.param("1,A,5.68E+31,n", Problem.NOT_HEX, id="number-of-a-spreadsheet"),
        pytest.param(f",A,{ONE},n", Problem.BAD_ID, id="no-id"),
        pytest.param(f"\udcff1,A,{ONE},n", Problem.BAD_ID, id="id-is-no-text"),
        pytest.param(f"1,\udcff,{ONE},n", Problem.BAD_CATEGORY, id="category-no-text"),
        pytest.param(f"1,(A),{ONE},n", Problem.BAD_CATEGORY, id="category"),
        pytest.param("1,A,,n", Problem.NO_SIGNALS, id="no-signal"),
        pytest.param(f"1,0,{ONE},n", Problem.CATEGORY, id="zero"),
        pytest.param(f"1,,{ONE},n", Problem.CATEGORY, id="none"),
        pytest.param(f"1,A,{EMPTY},n", Problem.EMPTY_FILE, id="empty-file"),
        pytest.param('1,A,"n', Problem.BAD_QUOTING, id="never-closed"),
    ],
)
def test_bad_row_is_counted_with_its_line(row: str, problem: Problem) -> None:
    """The rows around it are read, and the report says where it is."""
    data = f"id,category,md5,name\n0,A,{ONE},n\n{row}\n".encode(
        "utf-8", "surrogateescape"
    )
    closed = row.count('"') % 2 == 0
    data += f"2,A,{ONE},n\n".encode() if closed else b""
    found, tally = read(data, Layout())

    assert [entry.id for entry in found] == (["0", "2"] if closed else ["0"])
    assert problems(tally) == [(problem, 1, 3)]


@pytest.mark.parametrize(
    "row",
    [
        pytest.param(f"1,A,{ONE},\udcff\udcfe", id="stray-bytes-elsewhere"),
        pytest.param(f"1,A,{ONE},n,,", id="empty-cells-at-the-end"),
        pytest.param(f' 1 ," A ",{ONE.upper()},', id="spaces-and-capitals"),
        pytest.param(f'1,A,{ONE},"a\n""b""\nc"', id="lines-in-a-cell"),
        pytest.param(f"1,A,{ONE},#n", id="no-comment"),
    ],
)
def test_odd_row_is_read(row: str) -> None:
    """The values of unused columns refuse nothing."""
    data = f"id,category,md5,name\n{row}\n".encode("utf-8", "surrogateescape")
    found, tally = read(data, Layout())

    assert [(entry.id, entry.category) for entry in found] == [("1", "A")]
    assert tally.problems == ()


def test_first_rows_are_kept_as_shapes_only() -> None:
    """Nothing of a row but its form, and only of columns that are read."""
    rows = "".join(f"Anna-{n},A,{ONE},Bob\n" for n in range(9))
    _, tally = read(f"id,category,md5,name\n{rows}".encode(), Layout())
    shapes = facts(tally).shapes

    assert len(shapes) == FIRST_ROWS
    assert shapes[0] == ("Aaaa-9", "A", "32 hex digits")
    assert "Anna" not in repr(tally)
    assert "Bob" not in repr(tally)


@pytest.mark.parametrize(
    ("text", "shape"),
    [
        ("", "(empty)"),
        ("17", "99"),
        ("A-17/b", "A-99/a"),
        ("abcdefgh", "aa…"),
        ("Ünï c@de", "Aaa a?aa"),
        (ONE, "32 hex digits"),
        ("d", "a"),
        ("a b " * 50, "a a a a a a a a a a a a …"),
    ],
)
def test_shape_of_a_cell(text: str, shape: str) -> None:
    """Digits are nines, letters are letters, and a digest is one."""
    assert shape_of(text) == shape


def test_lines_are_reported_as_they_are_read() -> None:
    """A bar moves also where every row is left out."""
    ticks: list[int] = []
    tally = Tally()
    data = b"id,md5\n" + b"x\n" * (2 * formats.TICK_LINES)
    items = formats.read(
        io.BufferedReader(io.BytesIO(data)),
        categories=frozenset("A"),
        tally=tally,
        said=KnownBefore(layout=Layout()),
        tick=lambda: ticks.append(tally.lines),
    )

    assert list(items) == []
    assert ticks == [
        formats.TICK_LINES,
        2 * formats.TICK_LINES,
        2 * formats.TICK_LINES + 1,
    ]


@given(
    head=st.sampled_from(
        [b"", b"id,category,md5\n", b"md5;x\n", b"\xff\xfem\0d\x005\0\n\0"]
    ),
    data=st.binary(max_size=300),
    layout=st.builds(
        Layout,
        delimiter=st.sampled_from([None, ",", ";"]),
        quote=st.sampled_from(['"', "none"]),
        encoding=st.sampled_from([None, *Encoding]),
    ),
)
def test_any_table_has_an_answer(head: bytes, data: bytes, layout: Layout) -> None:
    """Random bytes are read to their end, or refused with an ``UploadFilterError``."""
    try:
        found, tally = read(head + data, layout)
    except (HashSetFormatError, UsageError):
        return

    assert tally.accepted == len(found)
