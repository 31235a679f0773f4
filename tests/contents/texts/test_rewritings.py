"""Texts are read as other programs read them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from uploadfilter.contents.texts.effort import Effort, SpentError
from uploadfilter.contents.texts.rewritings import REWRITINGS, around

BY_NAME = {each.name: each for each in REWRITINGS}


def plenty() -> Effort:
    """Return more than any text here takes."""
    return Effort(1_000_000)


QUOTED = (b"=3D", b"=ff", b"=Ff", b"=\n", b"= \t\r\n", b"=\r", b"=", b"3", b"D", b"\n")


@pytest.mark.parametrize(
    ("name", "text", "read"),
    [
        pytest.param("markup", b"a<!-- b\n -->c", b"ac", id="comment"),
        pytest.param("markup", b"a<!--b-->-->c", b"a-->c", id="one comment"),
        pytest.param("markup", b"a<!---->b", b"ab", id="empty comment"),
        pytest.param("markup", b"a<!--b-- c", b"a", id="open comment"),
        pytest.param("markup", b"a<?b c?>d", b"ad", id="instruction"),
        pytest.param("markup", b"a<?b?>?>d", b"a?>d", id="one instruction"),
        pytest.param("markup", b"a]]><![CDATA[b", b"ab", id="CDATA"),
        pytest.param("style sheet", rb"\64 \61ta\3a ", b"data:", id="CSS codes"),
        pytest.param("style sheet", rb"\000064ata\:", b"data:", id="CSS signs"),
        pytest.param("style sheet", b"a\\\nb", b"ab", id="CSS lines"),
        pytest.param("shifts", b"a\x1b(Bb\x1b$Bc", b"abc", id="ISO-2022-JP"),
        pytest.param("quoted-printable", b"a=\r\nb=3D=FF", b"ab=\xff", id="mail"),
        pytest.param(
            "rich text", rb"{\rtf1 ff\par d8{\*\a b}ff\'e0}", b">ffd8ffe0>", id="RTF"
        ),
        pytest.param(
            "rich text", b"{\\rtf\\bin-7 a\\\n\\~b", b">ab", id="RTF's symbols"
        ),
        pytest.param(
            "joined strings",
            b"'iVBORw0KGgo' + \n 'AAAANSUhEUg' + \"AAAA\"",
            b"'iVBORw0KGgoAAAANSUhEUgAAAA\"",
            id="strings in a program",
        ),
        pytest.param("UTF-7", b"a+AC8-b+-", b"a/b+", id="UTF-7"),
        pytest.param("UTF-7", b"+AGQAYQB0AGEAOg-", b"data:", id="UTF-7 shifted"),
        pytest.param("UTF-7 of IMAP", b"a&AC8-b&-", b"a/b&", id="UTF-7 of IMAP"),
        pytest.param("UTF-7 of IMAP", b"&AD8A,w-", b"?\xff", id="its own letter"),
    ],
)
def test_text_is_read_as_its_programs_read_it(
    name: str, text: bytes, read: bytes
) -> None:
    """Each way removes and decodes the same parts as its programs."""
    way = BY_NAME[name]

    assert way.changes(text)
    assert way.whole(text, plenty()) == read
    assert read in way.parts(text, plenty())[0] or b"\\\n" in text


@pytest.mark.parametrize("name", BY_NAME)
def test_text_without_signs_is_left_alone(name: str) -> None:
    """It is not even read."""
    assert not BY_NAME[name].changes(b"hello, world")
    assert BY_NAME[name].parts(b"hello, world", plenty()) == (b"", b"")


PLACES = st.tuples(st.integers(0, 299), st.integers(0, 299)).map(sorted)


@given(st.binary(max_size=300), st.lists(PLACES, min_size=1, max_size=9).map(sorted))
def test_parts_are_what_stands_around(text: bytes, spans: list[list[int]]) -> None:
    """Each span is in a part, with all that is near, also where spans overlap."""
    parts = around(text, np.array(spans))

    for start, end in spans:
        assert text[max(start - 20, 0) : end + 20] in parts


def test_flood_costs() -> None:
    """Rewritten bytes are counted."""
    with pytest.raises(SpentError):
        BY_NAME["markup"].parts(b"<!---->" * 9000, Effort(9))
    with pytest.raises(SpentError):
        BY_NAME["markup"].whole(b"<!---->" * 9000, Effort(9))


@given(st.lists(st.sampled_from(QUOTED), max_size=20).map(b"".join))
def test_quoted_printable_is_read_number_by_number(text: bytes) -> None:
    """By a table, as if each were asked for."""
    way = BY_NAME["quoted-printable"]

    asked = way.pattern.sub(
        lambda found: bytes.fromhex(found[1].decode()) if found[1] else b"", text
    )
    assert way.whole(text, Effort(1000)) == asked


def test_flood_of_signs_ends_before_it_is_rewritten() -> None:
    """So many of them are looked for as may be rewritten."""
    way = BY_NAME["quoted-printable"]

    with pytest.raises(SpentError):
        way.parts(b"=3D" * 100_000, Effort(10_000))
