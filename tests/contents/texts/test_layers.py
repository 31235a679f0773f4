"""Layers are undone as programs undo them, at a cost that is bounded."""

import html
import re
from collections.abc import Callable
from urllib.parse import unquote_to_bytes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uploadfilter.contents.texts.effort import Effort, SpentError
from uploadfilter.contents.texts.layers import (
    MOST_FEW,
    SIGNS,
    unescaped,
    unquoted,
    unreferenced,
    unwrapped,
    wrapped,
)

ESCAPE = re.compile(
    rb"\\(?:u00([0-9a-fA-F]{2})|u\{0*([0-9a-fA-F]{1,2})\}|x([0-9a-fA-F]{2})"
    rb"|([0-3][0-7]{2}|[0-7]{1,2})|([/nrtfb\"'\\]))"
)
CONTROLS = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"f": b"\f", b"b": b"\b"}


def plenty() -> Effort:
    """Return more than any text here takes."""
    return Effort(1_000_000)


def escaped(match: re.Match[bytes]) -> bytes:
    """Return the byte of an escape."""
    code = match[1] or match[2] or match[3]
    if code:
        return bytes((int(code, 16),))
    if match[4]:
        return bytes((int(match[4], 8),))
    return CONTROLS.get(match[5], match[5])


def pieces(*items: bytes) -> st.SearchStrategy[bytes]:
    """Return texts made of pieces."""
    return st.lists(st.sampled_from(items), max_size=30).map(b"".join)


@given(pieces(b"%", b"4", b"1", b"F", b"g", b"%41", b"\xff"))
def test_percent_signs_are_undone_as_urllib_does(text: bytes) -> None:
    """Signs without two digits stay, even if many are undone at once."""
    assert unquoted(text, plenty()) == unquote_to_bytes(text)
    many = text + b"%41" * MOST_FEW + text
    assert unquoted(many, plenty()) == unquote_to_bytes(many)


@given(pieces(b"\\", b"u", b"x", b"0", b"00", b"4", b"f", b"n", b"/", b"7", b"\xff"))
def test_escapes_are_undone_from_left_to_right(text: bytes) -> None:
    """In a row of backslashes, each second one is escaped; unknown escapes stay."""
    assert unescaped(text, plenty()) == ESCAPE.sub(escaped, text)
    many = text + rb"\x41" * MOST_FEW + text
    assert unescaped(many, plenty()) == ESCAPE.sub(escaped, many)


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        pytest.param(b"a&amp;b", b"a&b", id="named"),
        pytest.param(b"&#65;&#x42;&#X43", b"ABC", id="numbers"),
        pytest.param(b"&#x%041d;&#%05000d" % (41, 65), b"AA", id="zeros"),
        pytest.param(b"&#000;&#x0", b"&#000;&#x0", id="nothing-but-zeros"),
        pytest.param(b"&ltb&gt", b"<b>", id="no-semicolon"),
        pytest.param(b"&euro;&nvlt;", b"&euro;&nvlt;", id="no-latin-1"),
        pytest.param(b"&#0;&#x1F600;&;&none;", b"&#0;&#x1F600;&;&none;", id="none"),
        pytest.param(b"a&#1;b", b"ab", id="nothing"),
        pytest.param(b"&eacute;", b"\xe9", id="latin-1"),
    ],
)
def test_references_are_those_of_html_within_latin_1(text: bytes, plain: bytes) -> None:
    """References without a byte stay unchanged."""
    assert unreferenced(text, plenty()) == plain


@given(pieces(b"&", b"&amp", b";", b"#", b"x", b"6", b"lt", b"nvlt;", b"a"))
def test_any_references_can_be_undone(text: bytes) -> None:
    """For references to ASCII, the result is the standard library's."""
    plain = unreferenced(text, plenty())
    expected = html.unescape(text.decode())

    if expected.isascii() and "#" not in expected:
        assert plain == expected.encode()


def test_layers_are_undone_until_nothing_changes() -> None:
    """A picture may be in an attribute in a string in a form in a string."""
    assert unwrapped(b"%252541", plenty()) == b"A"
    assert unwrapped(b"%2525252525252541", plenty()) == b"A"
    assert unwrapped(rb"\\\\u0041", plenty()) == b"A"
    assert unwrapped(b"%26amp%3Blt%3B", plenty()) == b"<"


@pytest.mark.parametrize("undo", [unquoted, unescaped, unreferenced, unwrapped])
def test_flood_of_signs_is_not_undone(undo: Callable[[bytes, Effort], bytes]) -> None:
    """A text that has only signs exceeds its budget."""
    with pytest.raises(SpentError):
        undo(b"%41\\x41&lt;" * 10_000, Effort(500))


def test_flood_of_different_references_is_not_undone() -> None:
    """Each is looked up once, for two steps."""
    text = b"".join(b"&#%d;" % number for number in range(1000))

    assert unreferenced(text[:100] * 10, Effort(500))
    with pytest.raises(SpentError):
        unreferenced(text, Effort(500))


@given(
    pieces(b"%41", b"\\u0041", b"\\x41", b"\\101", b"&#65;", b"&plus;", b"a", b"<"),
)
def test_signs_that_become_letters_are_told(text: bytes) -> None:
    """Beside each sign that stands for a letter something is looked for."""
    changed = unwrapped(text, plenty()) != text

    assert bool(len(wrapped(text, SIGNS))) is changed


def test_signs_of_programs_tell_nothing() -> None:
    """Programs are full of broken lines and brackets."""
    text = b'print("a:\\n")\nif (a && b) return "&lt;p&gt;" + "\\t- "; 50% off'

    assert not len(wrapped(text, SIGNS))


@given(pieces(b"%41", b"%s", b"\\x41", b"\\n", b"&#65;", b"&", b"a" * 40))
def test_each_sign_stands_in_a_span(text: bytes) -> None:
    """Signs near each other share one."""
    spans = [range(*span) for span in wrapped(text, SIGNS).tolist()]

    for match in re.finditer(rb"%41|&#65;", text):
        assert any(match.start() in span for span in spans)


def test_signs_near_each_other_are_one() -> None:
    """A flood of them is gone through once."""
    assert len(wrapped(b"%41" * 1000, SIGNS)) == 1
    assert len(wrapped(b"%41" + b"a" * 99 + b"%41", SIGNS)) == 2
