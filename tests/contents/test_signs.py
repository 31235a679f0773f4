"""No step finds anything in a text that has no sign of it."""

import base64
import json
import quopri
from collections.abc import Callable, Sequence
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashsets.demo import pictures
from uploadfilter.contents.base64s import packed
from uploadfilter.contents.codings import ALL_CODINGS, coded
from uploadfilter.contents.effort import Effort, Efforts
from uploadfilter.contents.found import Encoded
from uploadfilter.contents.layers import wrapped
from uploadfilter.contents.magic import Kind
from uploadfilter.contents.patterns import Patterns
from uploadfilter.contents.rewritings import REWRITINGS, Rewriting
from uploadfilter.contents.signs import PACKED, URI, WRAPPED, bytes_in, signs_in
from uploadfilter.contents.source import MemorySource
from uploadfilter.contents.strings import encoded
from uploadfilter.contents.uris import uris

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
"""Of which texts are put together that have each sign, and nearly have it."""

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
    assert WRAPPED in signs or not len(wrapped(text))
    assert PACKED in signs or not list(packed(text, plenty()))
    absent = ALL_CODINGS - signs
    assert not list(coded(text, plenty(), absent, is_something=lambda _: True))


@pytest.mark.parametrize("way", REWRITINGS, ids=lambda way: way.name)
@given(text=texts)
def test_texts_are_not_rewritten_without_a_sign(way: Rewriting, text: bytes) -> None:
    """Neither as a text nor as bytes."""
    signs = signs_in(text)
    controls = way.gives_bytes

    if way.name not in signs and way.changes(text):
        assert way.parts(text, plenty()) == b""
    if controls is not None and bytes_in(way) not in signs:
        assert not controls.search(text)


@given(st.lists(st.sampled_from([b"a", b"b", b"ab", b"\n", b"\0", b"\xff"])))
def test_patterns_are_looked_for_in_all_bytes(pieces: list[bytes]) -> None:
    """Each is reported once, or for each place where it ends."""
    text = b"".join(pieces)
    once = Patterns(["ab", "^b", "\\xff.a"])
    every = Patterns(["ab"], every=True)

    expected = {
        number
        for number, stands in enumerate(
            [
                b"ab" in text,
                text.startswith(b"b"),
                any(text[at + 2 : at + 3] == b"a" for at in places(text, b"\xff")),
            ]
        )
        if stands
    }
    assert once.numbers_in(text) == expected
    assert every.places_in(text) == [(at + 2, 0) for at in places(text, b"ab")]


def places(text: bytes, part: bytes) -> list[int]:
    """Return where a part stands in a text."""
    return [at for at in range(len(text)) if text.startswith(part, at)]


# --- The whole search ----------------------------------------------------------------

CODINGS: dict[str, Callable[[bytes], bytes]] = {
    "base64": base64.b64encode,
    "URL alphabet": base64.urlsafe_b64encode,
    "lines": base64.encodebytes,
    "hex": lambda data: data.hex().encode(),
    "base32": base64.b32encode,
    "Ascii85": base64.a85encode,
    "base85": base64.b85encode,
    "numbers": lambda data: json.dumps(list(data)).encode(),
    "percent": lambda data: quote(data, safe="").encode(),
    "characters": lambda data: data.decode("latin-1").encode(),
}
LAYERS: dict[str, Callable[[bytes], bytes]] = {
    "JSON": lambda text: json.dumps(text.decode("latin-1")).encode(),
    "slashes": lambda text: text.replace(b"/", b"\\/"),
    "percent": lambda text: quote(text, safe="").encode(),
    "references": lambda text: b"".join(b"&#%d;" % byte for byte in text),
    "quoted-printable": quopri.encodestring,
    "comments": lambda text: b"<!-- a -->".join(in_parts(text, 70)),
    "junk": lambda text: b"!_.".join(in_parts(text, 3)),
    "escaped lines": lambda text: b"\\n".join(in_parts(text, 7)),
    "style sheet": lambda text: b"".join(b"\\%x " % byte for byte in text),
    "base64": base64.b64encode,
}


def in_parts(text: bytes, length: int) -> list[bytes]:
    """Return a text in parts of a length."""
    return [text[at : at + length] for at in range(0, len(text), length)]


def is_found(text: bytes, *, is_thorough: bool) -> bool:
    """Say whether the picture is found in a text."""
    items = encoded(
        MemorySource(text),
        kind=Kind.TEXT,
        most=1000,
        held_bytes=1 << 22,
        effort=Efforts(plain=plenty(), deep=plenty()),
        is_thorough=is_thorough,
    )
    return any(isinstance(each, Encoded) and JPEG[:400] in each.data for each in items)


AROUND = (
    b"",
    b'function a(b,c){return b&&c.d?"\\n":null};' * 40,
    b"The quick brown fox said: data:, of course.\n" * 30,
    b'{"a": "\\u00e9 &amp; 100%, <!-- b --> =3D"}\n' * 20,
    base64.b64encode(bytes(range(251)) * 9),
)


@given(
    coding=st.sampled_from(sorted(CODINGS)),
    layers=st.lists(st.sampled_from(sorted(LAYERS)), max_size=2),
    before=st.sampled_from(AROUND),
    stray=st.text("ABCabc019+/ <", max_size=9),
)
def test_quick_search_finds_what_the_thorough_one_finds(
    coding: str, layers: Sequence[str], before: bytes, stray: str
) -> None:
    """In every coding, under every two layers, behind whatever stands before it."""
    string = CODINGS[coding](JPEG)
    for layer in layers:
        string = LAYERS[layer](string)
    text = before + b'<"' + stray.encode() + string + b'">' + before

    assert is_found(text, is_thorough=False) or not is_found(text, is_thorough=True)
