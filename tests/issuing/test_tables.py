"""Files that say ids and categories of pictures."""

import json
from pathlib import Path

import pytest

from uploadfilter.errors import HashSetError, IssuerError
from uploadfilter.issuing.tables import PictureRow, PictureTable, read_table
from uploadfilter.model import Signal, SignalType

MD5 = "d131dd02c5e6eec4693d9a0698aff95c"
SHA1 = MD5 + "00112233"
SIGNALS = (
    Signal(type=SignalType.MD5, value=bytes.fromhex(MD5)),
    Signal(type=SignalType.SHA1, value=bytes.fromhex(SHA1)),
)


def written(path: Path, data: str | bytes) -> Path:
    """Write a file."""
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return path


def test_places_are_read_from_csv(tmp_path: Path) -> None:
    """The file may have a byte order mark, quotes, and columns in any order."""
    text = '\ufeffcategory,path,id\n1,"a, b.png",p-1\n2,c.png,\n'
    table = read_table(written(tmp_path / "t.csv", text))

    assert table.row(table.at_place("a, b.png")) == PictureRow(
        id="p-1", category="1", line=2
    )
    assert table.row(table.at_place("c.png")) == PictureRow(id="", category="2", line=3)
    assert table.at_place("d.png") == 0
    assert not table.has_digests


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("between", [",", ";", "\t", "|"])
def test_digests_are_read_from_csv(tmp_path: Path, between: str, end: str) -> None:
    """Case systems write other delimiters, other column names, and capitals."""
    rows = (("Media ID", "Category", "MD5", "SHA-1"), ("7", "A", MD5.upper(), ""))
    text = end.join(between.join(row) for row in rows)
    table = read_table(written(tmp_path / "t.csv", text))

    assert table.row(table.of_digests(SIGNALS)) == PictureRow(
        id="7", category="A", line=2
    )
    assert table.of_digests(SIGNALS[1:]) == 0
    assert table.has_digests


def test_media_of_vics_are_read(tmp_path: Path) -> None:
    """Each medium has its digests, its number and its category."""
    media = [
        {"MediaID": 1, "Category": 1, "MD5": "ab" * 16},
        {"MediaID": 2, "Category": 2, "MD5": MD5.upper(), "SHA1": SHA1},
    ]
    head = "http://github.com/VICSDATAMODEL/ProjectVic/DataModels/2.0.xml/UK/$metadata"
    document = {"@odata.context": f"{head}#Media", "value": media}
    table = read_table(written(tmp_path / "t.json", json.dumps(document)))

    assert len(table) == 2
    assert table.row(table.of_digests(SIGNALS)).id == "2"
    assert table.row(table.of_digests(SIGNALS[1:])).category == "2"
    assert list(table.lines_without({0, 2})) == [1]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ("name\nx\n", "names no pictures"),
        ("md5,id\nxyz,1\n", "line 2 holds a digest"),
        (f"md5,id\n{MD5[2:]},1\n", "line 2 holds a digest"),
        (f"md5,id\n{MD5},1\n{MD5.upper()},2\n", "lines 2 and 3 contradict each other"),
        (b"\xff\xfe", "cannot read"),
        (b"", "names no pictures"),
    ],
)
def test_file_that_cannot_be_meant_is_refused(
    tmp_path: Path, data: str | bytes, words: str
) -> None:
    """The error names the line, if one line is the cause."""
    with pytest.raises(IssuerError, match=words):
        read_table(written(tmp_path / "t.csv", data))


def test_what_is_missing_or_broken_is_refused(tmp_path: Path) -> None:
    """There may be no file, or only half a document."""
    with pytest.raises(IssuerError, match="cannot read"):
        read_table(tmp_path / "nothing")
    with pytest.raises(HashSetError):
        read_table(written(tmp_path / "t.json", '{"@odata.context": "x#Media", "val'))


def test_row_that_is_there_twice_is_one() -> None:
    """The same row twice about one picture is not a contradiction."""
    row = PictureRow(id="p", category="1", line=2)
    table = PictureTable(
        [(row, ["a"]), (PictureRow(id="p", category="1", line=3), ["a", "b"])]
    )

    assert len(table) == 1
    assert table.at_place("b") == 1
    assert list(table.lines_without(())) == [2]
