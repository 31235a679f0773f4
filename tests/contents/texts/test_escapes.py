"""Escapes give way to their bytes, and everything else stays."""

import html
import json
import re
import urllib.parse

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uploadfilter.contents.texts.escapes import (
    undo_backslashes,
    undo_escapes,
    undo_percent_signs,
    undo_references,
)


def pieces(*parts: bytes) -> st.SearchStrategy[bytes]:
    """Return texts of these parts."""
    return st.lists(st.sampled_from(parts), max_size=30).map(b"".join)


@given(pieces(b"%", b"4", b"1", b"%41", b"%fF", b"%%", b"g", b"a"))
def test_percent_signs_are_undone_as_in_urls(text: bytes) -> None:
    """A percent sign without two digits stays."""
    assert undo_percent_signs(text) == urllib.parse.unquote_to_bytes(text)


ESCAPE = re.compile(rb"\\(?:u00([0-9a-fA-F]{2})|x([0-9a-fA-F]{2})|([/nrtfb\"'\\]))")
NAMED = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"f": b"\f", b"b": b"\b"}


def byte_of(match: re.Match[bytes]) -> bytes:
    """Return the byte of an escape, the obvious way."""
    code = match[1] or match[2]
    return bytes.fromhex(code.decode()) if code else NAMED.get(match[3], match[3])


@given(
    pieces(b"\\", b"\\\\", b"u00", b"41", b"\\u0041", b"\\xfF", b"\\n", b"\\/", b"u12g")
)
def test_backslashes_are_undone_one_by_one(text: bytes) -> None:
    """In a row, each second one belongs to the one before it; unknown ones stay."""
    assert undo_backslashes(text) == ESCAPE.sub(byte_of, text)


@given(st.text(st.characters(max_codepoint=127)))
def test_strings_of_json_are_read(text: str) -> None:
    """As JSON's own reader reads them."""
    written = json.dumps(text)[1:-1]

    assert undo_backslashes(written.encode()) == text.encode()


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        pytest.param(b"a&amp;b", b"a&b", id="named"),
        pytest.param(b"&#65;&#x42;&#X43", b"ABC", id="numbers"),
        pytest.param(b"&#x%041d;&#%05000d" % (41, 65), b"AA", id="zeros"),
        pytest.param(b"&ltb&gt", b"<b>", id="no-semicolon"),
        pytest.param(b"&euro;&nvlt;", b"&euro;&nvlt;", id="no-latin-1"),
        pytest.param(b"&#0;&#x1F600;&;&none;", b"&#0;&#x1F600;&;&none;", id="none"),
        pytest.param(b"&eacute;", b"\xe9", id="latin-1"),
    ],
)
def test_references_are_those_of_html_within_latin_1(text: bytes, plain: bytes) -> None:
    """References without a byte stay unchanged."""
    assert undo_references(text) == plain


@given(pieces(b"&", b"&amp", b";", b"x", b"lt", b"nvlt;", b"a"))
def test_any_named_references_can_be_undone(text: bytes) -> None:
    """For names of ASCII characters, the result is the standard library's."""
    plain = undo_references(text)
    expected = html.unescape(text.decode())

    if expected.isascii():
        assert plain == expected.encode()


@given(st.binary())
def test_one_layer_of_each_sort_is_undone(text: bytes) -> None:
    """Those of another sort that come out of it, too."""
    plain = undo_references(undo_backslashes(undo_percent_signs(text)))

    assert undo_escapes(text) == plain
    assert undo_escapes(b"%5Cu0026amp;") == b"&"
