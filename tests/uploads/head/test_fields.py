"""Header fields are read strictly, in one way only."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uploadfilter.uploads.head.fields import (
    has_control,
    is_plain_charset,
    parse_media_type,
    parse_parameters,
    read_parameters,
)


@pytest.mark.parametrize(
    ("text", "parameters"),
    [
        pytest.param("", {}, id="none"),
        pytest.param(";", {}, id="absent"),
        pytest.param("; a=b", {"a": "b"}, id="token"),
        pytest.param(";a=b;;c=d ;", {"a": "b", "c": "d"}, id="several"),
        pytest.param('; A="b c; d=e"', {"a": "b c; d=e"}, id="quoted"),
        pytest.param('; a=""', {"a": ""}, id="empty quotes"),
        pytest.param(r'; a="b\"c"', {"a": r"b\"c"}, id="escape left in"),
        pytest.param("; a=----=_Part_1/2", {"a": "----=_Part_1/2"}, id="mail boundary"),
        pytest.param("; a*0=b", {"a*0": "b"}, id="continued"),
        pytest.param('; a = b;c\t=\t"d"', {"a": "b", "c": "d"}, id="blanks around ="),
        pytest.param("; a=b[];c={<d>}", {"a": "b[]", "c": "{<d>}"}, id="brackets"),
    ],
)
def test_parameters_are_read(text: str, parameters: dict[str, str]) -> None:
    """Tokens and quoted strings are read, names in lower case."""
    assert parse_parameters(text) == parameters


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("a=b", id="no semicolon"),
        pytest.param("; a=b; A=c", id="twice"),
        pytest.param("; a", id="no value"),
        pytest.param("; a=", id="empty value"),
        pytest.param("; a=b c", id="two values"),
        pytest.param("; a=b, c=d", id="comma"),
        pytest.param('; a="b', id="open quote"),
        pytest.param('; a="b\\"', id="escaped closing quote"),
        pytest.param('; a="b"c', id="behind the quote"),
        pytest.param("; a=é", id="not ASCII"),
        pytest.param("; a=b\n", id="line feed"),
        pytest.param("; =b", id="no name"),
    ],
)
def test_parameters_that_readers_guess_at_are_not_read(text: str) -> None:
    """A value that violates the grammar gives nothing at all."""
    assert parse_parameters(text) is None


@given(text=st.text(alphabet='ab;="\\ \t*', max_size=30))
def test_any_text_is_read_or_not(text: str) -> None:
    """Reading parameters never fails in another way."""
    found = parse_parameters(text)

    assert found is None or all(name == name.lower() for name in found)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("image/jpeg", "image/jpeg"),
        (" Image/JPEG ; q=1", "image/jpeg"),
        ("", None),
        ("image", None),
        ("image/", None),
        ("image/jpeg text/plain", None),
        ("image/jpeg, text/plain", None),
        ("image/jpeg; a", None),
    ],
)
def test_media_type_is_read_whole_or_not(text: str, value: str | None) -> None:
    """Exactly one media type, in lower case, or none."""
    found = parse_media_type(text)

    assert (found.value if found else None) == value


def test_parameters_keep_how_they_were_written() -> None:
    """Quotes and order are kept, so that a value can be written again as it was."""
    found = read_parameters(r'; B = x; a="y\"z"')

    assert [(each.name, each.value, each.written) for each in found or ()] == [
        ("b", "x", "x"),
        ("a", r"y\"z", r'"y\"z"'),
    ]


def test_tab_is_no_control_character() -> None:
    """A tab is white space in header fields; other characters below a blank are not."""
    assert not has_control("a\tb é")
    assert [has_control(chr(code)) for code in (0, 10, 13, 31, 127)] == [True] * 5


@pytest.mark.parametrize(
    ("charset", "plain"),
    [
        ("utf-8", True),
        ("UTF8", True),
        ("iso-8859-15", True),
        ("windows-1252", True),
        ("US-ASCII", True),
        ("euc-jp", True),
        ("Shift_JIS", False),
        ("gbk", False),
        ("gb18030", False),
        ("big5", False),
        ("euc-kr", False),
        ("iso-2022-jp", False),
        ("hz-gb-2312", False),
        ("utf-7", False),
        ("utf-16", False),
        ("utf-8-sig", False),
        ("unicode_escape", False),
        ("ebcdic-cp-us", False),
        ("", False),
    ],
)
def test_plain_charset_writes_ascii_as_ascii(charset: str, *, plain: bool) -> None:
    """A charset passes if its bytes mean the same as ASCII."""
    assert is_plain_charset(charset) == plain
