"""Markup is read as parsers read it, and costs no more than it may."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uploadfilter.contents.texts.markup import (
    drawings,
    with_entities,
    without_cuts,
    without_style_escapes,
)


@pytest.mark.parametrize(
    "cut",
    [
        *(b"<!-- a -->", b"<!---->", b"<?php echo 1 ?>", b"<![CDATA[", b"]]>"),
        *(b"\x1b(B", b"\x1b(J"),
    ],
)
def test_what_parsers_drop_is_dropped_between_letters(cut: bytes) -> None:
    """A string goes on behind it; elsewhere it means nothing."""
    assert without_cuts(b"<a>iVBOR" + cut + b"\nw0KGgo</a>") == b"<a>iVBORw0KGgo</a>"
    assert without_cuts(b"<a>b<![CDATA[\n]]>c</a>") == b"<a>bc</a>"
    assert without_cuts(b"<a>" + cut + b"</a>") == b"<a>" + cut + b"</a>"


@pytest.mark.parametrize(
    ("style", "expected"),
    [
        (rb"u\72 l(\64 ata:,\41\000042)", b"url(data:,AB)"),
        (b"url('data:,A\\\nB\\9 C')", b"url('data:,AB\tC')"),
        (rb"url(data:,\41g\e9 \ffffff)", b"url(data:,Ag??)"),
        (rb"C:\base\dir", rb"C:\base\dir"),
    ],
)
def test_escapes_of_style_sheets_are_undone(style: bytes, expected: bytes) -> None:
    """By number, with the blank behind it, and at line ends; only where a URI is."""
    assert without_style_escapes(style) == expected


def body(declared: str, used: str) -> str:
    """Return the body of a document with its entities."""
    text = f"<!DOCTYPE svg [{declared}]><svg>{used}</svg>" + " " * 100
    return with_entities(text.encode()).decode().partition("<svg>")[2].strip()[:-6]


@pytest.mark.parametrize(
    ("declared", "used", "expected"),
    [
        pytest.param(
            "<!ENTITY a 'da'><!ENTITY b \"ta\">", "&a;&b;:", "data:", id="two"
        ),
        pytest.param("<!ENTITY a 'x'><!ENTITY a 'y'>", "&a;", "x", id="first stands"),
        pytest.param("<!ENTITY ä.1-x\n'x' >", "&ä.1-x;", "x", id="name"),
        pytest.param("<!ENTITY a '&b;y'><!ENTITY b 'x'>", "&a;", "xy", id="nested"),
        pytest.param(
            "<!ENTITY % p \"<!ENTITY a 'x'>\">%p;", "&a;", "x", id="in a parameter"
        ),
        pytest.param(
            "<!ENTITY % p \"&#60;!ENTITY a '&#x78;'>\">%p;", "&a;", "x", id="as numbers"
        ),
        pytest.param("<!ENTITY a 'x'>", "&lt;&other;", "&lt;&other;", id="none"),
        pytest.param("<!ENTITY a SYSTEM 'file:///a'>", "&a;", "&a;", id="outside"),
        pytest.param("<!entity a 'x'>", "&a;", "&a;", id="small letters"),
    ],
)
def test_names_give_way_to_values(declared: str, used: str, expected: str) -> None:
    """As browsers join them; external entities have no value here."""
    assert body(declared, used) == expected


def test_billion_laughs_are_left_as_they_are() -> None:
    """No browser shows them."""
    declared = "<!ENTITY a0 'laugh'>" + "".join(
        f"<!ENTITY a{number} '{f'&a{number - 1};' * 100}'>" for number in range(1, 8)
    )
    text = f"{declared}&a7;".encode()

    assert len(with_entities(text)) <= 4 * len(text)


@given(
    st.lists(
        st.sampled_from(
            ["<!ENTITY ", "% ", "a ", "b ", "'", '"', "&a;", "&b;", "<!--", "-->", "x"]
        ),
        max_size=40,
    ).map("".join)
)
def test_any_text_can_be_read(text: str) -> None:
    """Entities of themselves end, and so does everything else."""
    assert isinstance(without_cuts(with_entities(text.encode())), bytes)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        pytest.param(b"'data:image/svg+xml;utf8,<svg a=\"b\"/>' c", [b'<svg a="b"/>']),
        pytest.param(b"url(DATA:image/svg+xml,<svg/>)", [b"<svg/>)"]),
        pytest.param(b"'data:image/svg+xml;base64,PHN2Zy8+'", []),
        pytest.param(b"'data:image/svg+xml'", []),
    ],
    ids=["quoted", "bare", "base64", "no data"],
)
def test_drawings_in_uris_are_given(text: bytes, found: list[bytes]) -> None:
    """They are contents of their own, which nobody draws here."""
    assert list(drawings(text)) == found
