"""URIs are found wherever they begin, and end where browsers end them."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uploadfilter.contents.texts.effort import Effort, SpentError
from uploadfilter.contents.texts.uris import Closings, uris

TEXTS = st.lists(
    st.sampled_from(
        [
            b"data:",
            b"DATA:",
            b",",
            b";base64,",
            b'"',
            b"'",
            b"(",
            b")",
            b"<",
            b" ",
            b"x",
        ]
    ),
    max_size=30,
).map(b"".join)


def found(text: bytes, *, is_base64: bool = False) -> list[tuple[bytes, bytes]]:
    """Return the text before each URI's data, and the data."""
    closings = Closings(text)
    return [
        (text[uri.start : uri.at], text[uri.at : closings.end_of(uri)])
        for uri in uris(text, Effort(1000), is_base64=is_base64)
    ]


@pytest.mark.parametrize(
    ("text", "data"),
    [
        pytest.param(b'<img src="data:a b,c d>e">', b"c d>e", id="quoted"),
        pytest.param(b"<img src='DATA:,c\"d'>", b'c"d', id="apostrophes"),
        pytest.param(b"url(data:,cd e)f", b"cd e", id="brackets"),
        pytest.param(b"<img src=data:,cd)e>", b"cd)e", id="bare"),
        pytest.param(b'"data:,cd', b"cd", id="never"),
    ],
)
def test_uri_ends_where_its_string_does(text: bytes, data: bytes) -> None:
    """The mark before it closes it; a bare one ends at a space or a bracket."""
    assert [each for _, each in found(text)] == [data]


def test_base64_is_told_from_the_rest() -> None:
    """By the last word before the comma, in any letters."""
    text = b"data:a;x; BASE64 ,b data:;base64=1,c"

    assert [data for _, data in found(text, is_base64=True)] == [b"b"]
    assert [data for _, data in found(text)] == [b"c"]


@given(TEXTS)
def test_ends_of_bare_uris_are_those_of_a_search_for_each(text: bytes) -> None:
    """The state kept between URIs does not change the result."""
    closings = Closings(text)
    for uri in uris(text, Effort(1000), is_base64=False):
        before = text[max(uri.start - 1, 0) : uri.start]
        end = {b'"': b'"', b"'": b"'", b"(": rb"\)"}.get(before, rb"[\s\"<>]")
        stop = re.compile(end).search(text, uri.at)
        assert closings.end_of(uri) == (stop.start() if stop else len(text))


def test_flood_of_uris_ends() -> None:
    """Each beginning counts."""
    with pytest.raises(SpentError):
        list(uris(b"data:" * 100, Effort(100), is_base64=False))
