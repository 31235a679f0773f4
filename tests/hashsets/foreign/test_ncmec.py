"""NCMEC's answers are read as they are, and no XML harms who reads it."""

import io
from itertools import chain, repeat

import pytest

from tests.conformance.foreign import Chunks, read
from tests.hashsets.foreign.ncmec import FILE, ONE, SHA1, START, SUBJECTS, entry
from uploadfilter.errors import HashSetFormatError
from uploadfilter.hashsets.foreign.ncmec import NCMEC
from uploadfilter.hashsets.tally import Problem

BILLION = "".join(
    f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' if n else '<!ENTITY l0 "lol">'
    for n in range(10)
)


def refused(data: bytes) -> str:
    """Return the message about a refused file."""
    with pytest.raises(HashSetFormatError) as caught:
        read(SUBJECTS["ncmec"], data)
    assert caught.value.hint
    return str(caught.value)


@pytest.mark.parametrize(
    "doctype",
    [
        pytest.param(f"<!DOCTYPE q [{BILLION}]>", id="bomb-of-entities"),
        pytest.param('<!DOCTYPE q [<!ENTITY l9 SYSTEM "/etc/passwd">]>', id="file"),
        pytest.param('<!DOCTYPE q SYSTEM "http://127.0.0.1/a.dtd">', id="address"),
        pytest.param(f'<!DOCTYPE q [<!ENTITY l9 "{"x" * 200_000}">]>', id="long"),
    ],
)
def test_document_type_is_refused(doctype: str) -> None:
    """So no entity is ever made, read or fetched."""
    start = f'<?xml version="1.0"?>{doctype}{START}<images>'

    said = refused((start + entry(1, "<md5>&l9;</md5>") * 9).encode())

    assert "document type" in said


@pytest.mark.parametrize(
    ("start", "piece"),
    [
        pytest.param(f"{START}<!-- ", b"x" * 65536, id="comment"),
        pytest.param(f'{START}<images a="', b"x" * 65536, id="attribute"),
        pytest.param(f"{START}<i", b"x" * 65536, id="name"),
        pytest.param(f"{START}<?a ", b"x" * 65536, id="instruction"),
        pytest.param(START, b"<a>" * 20_000, id="depth"),
        pytest.param(f"{START}<image><fingerprints>", b"<md5/>" * 9000, id="prints"),
    ],
)
def test_what_has_no_end_is_refused_in_the_middle(start: str, piece: bytes) -> None:
    """Expat would keep it in memory: it is given some megabytes of it at most."""
    pieces = chain([start.encode()], repeat(piece, 10_000))
    file: io.BufferedReader = io.BufferedReader(Chunks(pieces))

    with pytest.raises(HashSetFormatError, match=r"too (long|deep|many)"):
        list(NCMEC.records(file))

    assert next(pieces, None) is not None


def test_text_without_end_is_read_past() -> None:
    """A text that is too long is not a fingerprint."""
    long = entry(1, f"<md5>{'0' * 300_000}</md5><sha1>{SHA1}</sha1>")
    data = (
        f"{START}<images>{long}{entry(2, f'<md5>{ONE}</md5>')}</images></queryResult>"
    )
    found, tally = read(SUBJECTS["ncmec"], data.encode())

    assert [name for name, _, _ in found] == ["42-e2"]
    assert [item.problem for item in tally.problems] == [Problem.ODD_LENGTH]


@pytest.mark.parametrize(
    ("data", "encoding"),
    [
        pytest.param(FILE, "utf-16", id="utf-16"),
        pytest.param(
            f'<?xml version="1.0" encoding="cp1252"?>{FILE}', "cp1252", id="cp"
        ),
        pytest.param(
            FILE.replace("<", "<n:")
            .replace("<n:/", "</n:")
            .replace("<n:!", "<!")
            .replace("xmlns=", "xmlns:n="),
            "utf-8",
            id="prefix",
        ),
    ],
)
def test_xml_may_be_written_in_other_ways(data: str, encoding: str) -> None:
    """Encodings that it declares, and names with a prefix."""
    found, _ = read(SUBJECTS["ncmec"], data.encode(encoding))

    assert [name for name, _, _ in found] == ["42-e1", "42-e6"]


@pytest.mark.parametrize("encoding", ["klingon", "utf-7", "big5", "idna"])
def test_encoding_that_expat_does_not_read_is_refused(encoding: str) -> None:
    """With an ``UploadFilterError``."""
    said = refused(f'<?xml version="1.0" encoding="{encoding}"?>{FILE}'.encode())

    assert "XML" in said


@pytest.mark.parametrize("part", ["<id>e1</id>", ' id="42"'])
def test_entry_needs_member_and_id(part: str) -> None:
    """Two members may number their entries alike."""
    _, tally = read(SUBJECTS["ncmec"], FILE.replace(part, "", 1).encode())

    assert [item.problem for item in tally.problems if item.problem.is_malformed] == [
        Problem.BAD_ID
    ]
