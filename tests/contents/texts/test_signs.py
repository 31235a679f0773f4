"""No step finds anything in a text that has no sign of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.corpus import pictures
from uploadfilter.contents.texts.base64s import packed
from uploadfilter.contents.texts.codings import ALL_CODINGS, coded
from uploadfilter.contents.texts.effort import Effort
from uploadfilter.contents.texts.layers import wrapped
from uploadfilter.contents.texts.rewritings import REWRITINGS, Rewriting
from uploadfilter.contents.texts.signs import ALL_SIGNS, PACKED, URI, signs_in
from uploadfilter.contents.texts.uris import uris

JPEG = pictures.jpeg(pictures.photograph(1, width=60, height=40))

PIECES = (
    *(b"&#65;", b"&#x41", b"&amp;", b"&plus;", b"&UnderBar;", b"&nbsp;", b"&lt;", b"&"),
    *(b"\\n", b"\\\\n", b"\\u0041", b"\\u{41}", b"\\x4", b"\\7", b"\\/", b"\\q", b"\\"),
    *(b"%41", b"%", b"=\n", b"=3D", b"=47", b"=0b", b"=1F", b"=", b"\x1b$B", b"\x1b"),
    *(b"<!--", b"-->", b"<?", b"?>", b"<![CDATA[", b"]]>", b"+AGE-", b"+-", b"+"),
    *(b"data:", b"DATA:", b"image/png;base64", b",", b"begin 644 a\n", b"\n", b" "),
    *(b"M" + b"a" * 60 + b"\n", b"\xc2\x81", b"\xc3\xa9", b"a" * 70, b"AB" * 35, b"x"),
    *(b"12 " * 25, b"f" * 60, b"<~", b"~>", b"0x", b'"', b"A", b"z", b"{"),
)
"""Parts of texts that have each sign, or nearly have it."""

texts = st.lists(
    st.sampled_from(PIECES) | st.binary(min_size=1, max_size=2), max_size=14
).map(b"".join)


def plenty() -> Effort:
    """Return more than any text here takes."""
    return Effort(1_000_000_000)


@given(texts)
def test_steps_find_nothing_without_a_sign(text: bytes) -> None:
    """Whatever else the text is made of."""
    signs = signs_in(text)

    assert URI in signs or not [
        *uris(text, plenty(), is_base64=True),
        *uris(text, plenty(), is_base64=False),
    ]
    assert not len(wrapped(text, ALL_SIGNS - signs))
    assert PACKED in signs or not list(packed(text, plenty()))
    absent = ALL_CODINGS - signs
    assert not list(coded(text, plenty(), absent, is_something=lambda _: True))


@pytest.mark.parametrize("way", REWRITINGS, ids=lambda way: way.name)
@given(text=texts)
def test_texts_are_not_rewritten_without_a_sign(way: Rewriting, text: bytes) -> None:
    """This holds for a text and for bytes."""
    signs = signs_in(text)
    controls = way.gives_bytes

    if way.name not in signs and way.changes(text):
        assert way.parts(text, plenty()) == (b"", b"")
    if controls is not None and way.bytes_name not in signs:
        assert not controls.search(text)
