"""The Forwarded header of RFC 7239, which is read in one way or not at all."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uploadfilter.uploads.head.forwarded import (
    Element,
    node_name,
    parse_forwarded,
)

NAMES = st.from_regex(r"[a-z][a-z0-9!#$%&'*+.^_`|~-]{0,8}", fullmatch=True)
VALUES = st.text(
    st.characters(min_codepoint=0x20, max_codepoint=0xFF, exclude_characters="\x7f"),
    min_size=1,
    max_size=12,
)
ELEMENTS = st.dictionaries(NAMES, VALUES, min_size=1, max_size=4)


def _written(element: Element) -> str:
    """Write an element, with each value in quotes."""
    escaped = {name: re.sub(r'(["\\])', r"\\\1", it) for name, it in element.items()}
    return ";".join(f'{name}="{value}"' for name, value in escaped.items())


@pytest.mark.parametrize(
    ("line", "elements"),
    [
        pytest.param("", (), id="empty"),
        pytest.param("for=192.0.2.43", ({"for": "192.0.2.43"},), id="address"),
        pytest.param(
            'For="[2001:db8::1]:4711"', ({"for": "[2001:db8::1]:4711"},), id="v6"
        ),
        pytest.param(
            "for=192.0.2.60;proto=http;by=203.0.113.43",
            ({"for": "192.0.2.60", "proto": "http", "by": "203.0.113.43"},),
            id="pairs",
        ),
        pytest.param(
            "for=a, for=b ,,\tfor=c",
            ({"for": "a"}, {"for": "b"}, {"for": "c"}),
            id="list",
        ),
        pytest.param(" , for=a, ", ({"for": "a"},), id="empty-items"),
        pytest.param(
            "for=a;;proto=b;", ({"for": "a", "proto": "b"},), id="empty-pairs"
        ),
        pytest.param(r'for="a\"b\\c"', ({"for": r'a"b\c'},), id="escapes"),
        pytest.param('for="a, for=b"', ({"for": "a, for=b"},), id="quoted-comma"),
        pytest.param('for=""', ({"for": ""},), id="empty-value"),
    ],
)
def test_line_is_read_as_the_grammar_has_it(
    line: str, elements: tuple[Element, ...]
) -> None:
    """Everything that RFC 7239, section 4 allows is parsed."""
    assert parse_forwarded(line) == elements


@pytest.mark.parametrize(
    "line",
    [
        pytest.param("192.0.2.43", id="no-pair"),
        pytest.param("for=", id="no-value"),
        pytest.param("for=[2001:db8::1]", id="unquoted-v6"),
        pytest.param("for=192.0.2.43:80", id="unquoted-port"),
        pytest.param('for="a', id="open-quote"),
        pytest.param('for="a"b', id="behind-quote"),
        pytest.param("for=a b", id="blank"),
        pytest.param("for = a", id="blanks-around-equals"),
        pytest.param("for=a; proto=b", id="blank-behind-semicolon"),
        pytest.param("for=a;for=b", id="twice"),
        pytest.param("for=a;FOR=b", id="twice-in-either-case"),
        pytest.param('for="a\x01b"', id="control-character"),
        pytest.param('for="a\\', id="open-escape"),
    ],
)
def test_line_that_breaks_the_grammar_is_not_read(line: str) -> None:
    """A value that two readers may read differently is not believed."""
    assert parse_forwarded(line) is None


@given(elements=st.lists(ELEMENTS, max_size=3))
def test_what_was_read_is_written_to_the_same_meaning(
    elements: list[dict[str, str]],
) -> None:
    """Values keep every character, through quotes and escapes."""
    line = ", ".join(_written(element) for element in elements)

    assert parse_forwarded(line) == tuple(elements)


@given(line=st.text(st.sampled_from('for=";,\\ \tab[]:1'), max_size=30))
def test_any_line_has_an_end(line: str) -> None:
    """Any line is read or refused, and reading the result again agrees."""
    elements = parse_forwarded(line)

    if elements is not None:
        written = ", ".join(_written(element) for element in elements if element)
        assert parse_forwarded(written) == tuple(filter(None, elements))


@pytest.mark.parametrize(
    ("node", "name"),
    [
        ("192.0.2.43", "192.0.2.43"),
        ("192.0.2.43:4711", "192.0.2.43"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("[2001:db8::1]:4711", "2001:db8::1"),
        ("192.0.2.43:_port", "192.0.2.43"),
        ("unknown", "unknown"),
        ("_hidden", "_hidden"),
        ("_hidden:80", "_hidden"),
        ("[2001:db8::1]x", None),
        ("[2001:db8::1", None),
        ("192.0.2.43:", None),
        ("192.0.2.43:123456", None),
        ("a b", None),
        ("", None),
    ],
)
def test_node_is_named_without_its_port(node: str, name: str | None) -> None:
    """A node is an address, ``unknown`` or an obfuscated name (RFC 7239, section 6)."""
    assert node_name(node) == name
