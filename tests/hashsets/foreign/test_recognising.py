"""Files in the formats of others are known by name, and no other file is."""

import contextlib
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.repository import ROOT
from uploadfilter.errors import HashSetFormatError
from uploadfilter.hashsets.foreign.recognising import (
    COMMANDS,
    HEAD_BYTES,
    is_table,
    refuse_foreign,
)

ONE = "d131dd02c5e6eec4693d9a0698aff95c"
SHA256 = f"{ONE}{ONE}"
FOREIGN = {
    "a web page": b"<!DOCTYPE html><html>",
    "XML": b"<list><md5/></list>",
    "Project Arachnid": b'[{"sha1_base32":"A","classification":"csam"}]',
    "STIX 2": b'{\n  "type": "bundle",\n  "objects": []}',
    "one JSON document": b'{\n "id": "a"\n}',
    "a list around": f'[{{"id":"a","md5":"{ONE}"}}]'.encode(),
    "NSRL": b'"SHA-1","MD5","CRC32","FileName","FileSize","ProductCode","OpSystemCode"',
    "a list of PhotoDNA": b"A1" * 144,
    "list of PhotoDNA, which": b"QUJD" * 48 + b"\n",
    "a zip archive": b"PK\x03\x04\x14\0",
    "packed by gzip": b"\x1f\x8b\x08\0",
    "SQLite": b"SQLite format 3\0",
    "EnCase": b"HASH\r\n\xff\0",
    "Microsoft Office": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
}


@pytest.mark.parametrize(("name", "head"), FOREIGN.items(), ids=list(FOREIGN))
def test_form_is_refused_by_its_name(name: str, head: bytes) -> None:
    """The message tells the kind of the file, and the remedy."""
    with pytest.raises(HashSetFormatError) as caught:
        refuse_foreign(head)

    assert name in str(caught.value)
    assert caught.value.hint


def test_commands_are_those_of_the_page() -> None:
    """A hint equals FORMAT.md, letter for letter."""
    page = (ROOT / "hashsets" / "FORMAT.md").read_text(encoding="utf-8")

    assert [name for name, command in COMMANDS.items() if command not in page] == []


OWN = [
    pytest.param(f"{ONE}\n", id="list"),
    pytest.param(f"{ONE}  a,b;c.jpg\n", id="name-with-commas"),
    pytest.param(f"MD5 (a,{ONE}) = {ONE}\n", id="tagged"),
    pytest.param(f'{{"id":"a","category":"1","md5":"{ONE}"}}\n', id="json-lines"),
    pytest.param("# a comment, md5\nMD5\n", id="heading-of-a-list"),
    pytest.param("", id="empty"),
]


@pytest.mark.parametrize("text", OWN)
def test_own_forms_are_neither_foreign_nor_tables(text: str) -> None:
    """A list stays a list, whatever stands in its names."""
    refuse_foreign(text.encode())

    assert not is_table(text.encode())


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("md5,filename,size\n", id="comma"),
        pytest.param("Media ID;Category;MD5;SHA-1\n", id="semicolon"),
        pytest.param('"FileName"\t"SHA256 Hash"\n', id="tab-quoted"),
        pytest.param("\n\nsep=;\nMD5;Name\n", id="excel"),
        pytest.param("#TYPE a.b.C\n" + '"MD5","Path"\n', id="powershell"),
        pytest.param("PhotoDNA,Name\n", id="photodna"),
        pytest.param('"Algorithm","Hash","Path"\n', id="type-in-a-column"),
        pytest.param("MD5 hash\n", id="one-column"),
        pytest.param(f"{ONE},a.jpg,17\n", id="no-heading"),
        pytest.param(f"a.jpg|{SHA256.upper()}\n", id="no-heading-capitals"),
        pytest.param(f"{ONE}\ta.jpg\n", id="digest-and-tab"),
    ],
)
@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"]
)
def test_table_that_nobody_announced_is_known(text: str, encoding: str) -> None:
    """By a column with a known name, or a signal in a separate cell."""
    assert is_table(text.replace("\n", "\r\n").encode(encoding))


@given(st.binary(max_size=300))
def test_any_bytes_have_an_answer(data: bytes) -> None:
    """Whatever a file begins with is looked at without a failure."""
    head = io.BufferedReader(io.BytesIO(data)).peek(HEAD_BYTES)
    with contextlib.suppress(HashSetFormatError):
        refuse_foreign(head)

    assert is_table(head) in {True, False}
