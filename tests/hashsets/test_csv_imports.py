"""A CSV file becomes one new generation, or changes nothing."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from uploadfilter.errors import HashSetFormatError, UsageError
from uploadfilter.hashsets.formats import KnownBefore
from uploadfilter.hashsets.importing import (
    ImportReport,
    import_file,
    survey_file,
)
from uploadfilter.hashsets.lines.columns import Layout
from uploadfilter.hashsets.refusing import BadLines
from uploadfilter.hashsets.tally import MOST_NAMED_CATEGORIES, OTHER_WORDS
from uploadfilter.model import Signal, SignalType
from uploadfilter.reference.files.layered import LayeredGeneration
from uploadfilter.reference.search.matching import Query
from uploadfilter.reference.store import ReferenceDirectory, ReferenceReader

ONE = "d131dd02c5e6eec4693d9a0698aff95c"
TWO = "e131dd02c5e6eec4693d9a0698aff95c"
TABLE = f"ID;Category;MD5;Name\n1;A;{ONE};Anna\n2;B;{TWO};Bob\n"


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Return an empty reference directory."""
    path = tmp_path / "reference"
    ReferenceDirectory(path).init()
    return path


def current(directory: Path) -> LayeredGeneration:
    """Return the newest generation."""
    with ReferenceReader.open(directory) as reader:
        return reader.current()


def found(generation: LayeredGeneration, digest: str) -> list[str]:
    """Return the ids of the entries with an MD5."""
    signal = Signal(type=SignalType.MD5, value=bytes.fromhex(digest))
    (candidates,) = generation.search([Query(signal=signal, threshold=0)])
    return [candidate.entry for candidate in candidates]


def bring(
    directory: Path,
    data: bytes | str,
    *,
    layout: Layout | None = None,
    categories: Sequence[str] = ("A",),
    bad_lines: BadLines = BadLines.REFUSE,
) -> ImportReport:
    """Import a table."""
    path = directory.parent / "export.csv"
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    with ReferenceDirectory(directory).writer() as writer:
        return import_file(
            path,
            name="s",
            categories=categories,
            enforced=True,
            writer=writer,
            clock=lambda: 0.0,
            said=KnownBefore(layout=layout or Layout()),
            bad_lines=bad_lines,
        )


def test_table_is_imported(directory: Path) -> None:
    """The allowed entries are found, and the report tells how the file was read."""
    report = bring(directory, TABLE)

    assert found(current(directory), ONE) == ["1"]
    assert found(current(directory), TWO) == []
    assert report.survey.categories == {"A": 1, "B": 1}
    assert report.survey.table is not None
    assert report.survey.table.other_columns == 1


@pytest.mark.parametrize(
    ("table", "columns", "ids"),
    [
        pytest.param(f"1,{ONE}\n2,{TWO}\n", {"id": "1", "md5": "2"}, ["1"], id="none"),
        pytest.param(
            f'{ONE},7,2020-07-31T18:47:45+0000,"a b"\n',
            {"id": "2", "md5": "1"},
            ["7"],
            id="tx",
        ),
        pytest.param(
            '"file_id","hashset_id","file_name","directory","hash","file_size"\n'
            f'7,1,"a.jpg","c:\\","{ONE.upper()}",17\n',
            {"id": "file_id", "md5": "hash"},
            ["7"],
            id="hashkeeper",
        ),
        pytest.param(f"n;x\n1;{ONE}\n", {"id": "1", "md5": "2"}, ["1"], id="heading"),
        pytest.param(f"2;1\n{ONE};7\n", {"md5": "2", "id": "1"}, ["7"], id="names"),
    ],
)
def test_columns_can_be_numbered(
    directory: Path, table: str, columns: dict[str, str], ids: list[str]
) -> None:
    """With a heading or without; a column that is called so comes first."""
    layout = Layout(columns={what: (name,) for what, name in columns.items()})
    report = bring(directory, table, layout=layout)

    assert found(current(directory), ONE) == ids
    assert report.survey.problems == ()


@pytest.mark.parametrize(
    ("first", "layout"),
    [
        pytest.param(f"Anna,{ONE}", Layout(), id="nobody-said"),
        pytest.param(f"Anna,{ONE}", Layout(columns={"md5": ("MD5",)}), id="by-name"),
    ],
)
def test_table_without_a_heading_says_the_numbers(
    directory: Path, first: str, layout: Layout
) -> None:
    """The message contains no data."""
    with pytest.raises(HashSetFormatError, match="no heading") as caught:
        bring(directory, f"{first}\n", layout=layout)

    assert "--map md5=2" in caught.value.hint
    assert "Anna" not in f"{caught.value} {caught.value.hint}"


def test_first_row_that_may_be_data_is_not_shown(directory: Path) -> None:
    """Where columns have numbers, a row without a signal may be a heading or not."""
    layout = Layout(columns={"md5": ("2",)})
    report = bring(directory, f"Anna,\nBob,{ONE}\n", layout=layout)

    assert "Anna" not in repr(report)
    assert report.survey.table is not None
    assert report.survey.table.has_heading


def test_columns_without_a_value_are_named(directory: Path) -> None:
    """A heading without values is reported."""
    with pytest.raises(HashSetFormatError, match="no_signals") as caught:
        bring(directory, "ID,MD5,SHA1\n1,,\n2,,\n")
    assert "every row: 'MD5', 'SHA1'" in caught.value.hint

    report = bring(directory, f"ID,MD5,SHA1\n1,{ONE},\n")
    assert report.survey.table is not None
    assert report.survey.table.empty == ("SHA1",)


def test_table_of_photodna_alone_is_refused_by_name(directory: Path) -> None:
    """It has signals, but none that anybody here compares."""
    with pytest.raises(HashSetFormatError, match="only signals in the file are Ph"):
        bring(directory, "ID,PhotoDNA\n1,x\n")


def test_other_columns_are_stored_nowhere(directory: Path) -> None:
    """Names and remarks of an export do not come along."""
    report = bring(directory, TABLE)
    stored = b"".join(p.read_bytes() for p in directory.rglob("*") if p.is_file())

    assert b"Anna" not in stored
    assert "Anna" not in repr(report)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        pytest.param(TABLE + "3;A\n", r"1 wrong_columns \(first in line 4\)", id="row"),
        pytest.param(
            TABLE + '3;A;"x', r"1 bad_quoting \(first in line 4\)", id="quote"
        ),
        pytest.param(TABLE + '3;A;"' + 140_000 * "x", "begins in line 4", id="endless"),
        pytest.param("ID;MD5\n", "no entry that can be taken", id="no-rows"),
        pytest.param("", "is empty", id="empty"),
        pytest.param("a;b\n1;2\n", "no column of the file", id="no-columns"),
    ],
)
def test_refused_table_changes_nothing(
    directory: Path, data: str, message: str
) -> None:
    """All or nothing: the earlier set stays in force; the message names the line."""
    bring(directory, TABLE)
    before = {path.relative_to(directory) for path in directory.rglob("*")}

    with pytest.raises(HashSetFormatError, match=message):
        bring(directory, data)
    assert {path.relative_to(directory) for path in directory.rglob("*")} == before
    assert found(current(directory), ONE) == ["1"]


def test_columns_of_rows_that_were_left_out_are_not_called_empty(
    directory: Path,
) -> None:
    """``--where`` left out every row; their other values are unknown."""
    layout = Layout(wanted={"Name": frozenset({"Eve"})})
    with pytest.raises(HashSetFormatError, match="2 not_wanted") as refused:
        bring(directory, TABLE, layout=layout)

    assert "--where asks for" in refused.value.hint
    assert "empty" not in refused.value.hint


def test_bad_rows_are_skipped_by_request(directory: Path) -> None:
    """Except one that has no end."""
    report = bring(directory, TABLE + "3;A\n", bad_lines=BadLines.SKIP)

    assert report.set.source.refused == {"category": 1, "wrong_columns": 1}
    with pytest.raises(HashSetFormatError, match="begins in line 4"):
        bring(directory, TABLE + '3;A;"' + 140_000 * "x", bad_lines=BadLines.SKIP)


def test_type_of_a_list_does_not_go_with_a_table(tmp_path: Path) -> None:
    """Both together are an error: one of them would have no effect."""
    path = tmp_path / "export.csv"
    path.write_text(TABLE)

    with pytest.raises(UsageError, match="type of a list"):
        survey_file(path, said=KnownBefore(layout=Layout(), signal_type=SignalType.PDQ))


def test_survey_says_what_would_be_taken(tmp_path: Path) -> None:
    """With an allow-list, and without one to see the categories."""
    path = tmp_path / "export.csv"
    path.write_text(TABLE + f"3;;{ONE};n\n")
    every = survey_file(path, said=KnownBefore(layout=Layout()))
    some = survey_file(path, said=KnownBefore(layout=Layout()), categories=["B"])

    assert (every.accepted, some.accepted) == (2, 1)
    assert every.categories == some.categories == {"A": 1, "B": 1, "(none)": 1}
    with pytest.raises(UsageError, match="cannot be called"):
        survey_file(path, categories=["(x"])


def test_categories_that_are_none_are_not_named(directory: Path) -> None:
    """A mapped column of remarks is not printed."""
    rows = [f"{n};Anna {n};{ONE}" for n in range(MOST_NAMED_CATEGORIES + 1)]
    data = "\n".join(["ID;Category;MD5", *rows])
    report = bring(directory, data, categories=["Anna 7"])

    assert report.survey.categories == {"Anna 7": 1, OTHER_WORDS: MOST_NAMED_CATEGORIES}
    with pytest.raises(HashSetFormatError) as caught:
        bring(directory, data, categories=["A"])
    assert "51 different categories" in str(caught.value)
    assert "Anna" not in f"{caught.value} {caught.value.hint}"
