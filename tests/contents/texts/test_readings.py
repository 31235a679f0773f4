"""A quick search finds whatever a thorough one does."""

import base64
import json
import quopri
from collections.abc import Callable, Sequence
from urllib.parse import quote

from hypothesis import example, given
from hypothesis import strategies as st

from tests.corpus import pictures
from uploadfilter.contents.kinds.magic import Kind
from uploadfilter.contents.source import MemorySource
from uploadfilter.contents.texts.effort import Effort, Efforts
from uploadfilter.contents.texts.found import Encoded
from uploadfilter.contents.texts.strings import encoded

JPEG = pictures.jpeg(pictures.photograph(1, width=60, height=40))
PNG = base64.b64encode(pictures.png(pictures.photograph(2, width=30, height=20)))


def plenty() -> Effort:
    """Return more than any text here takes."""
    return Effort(1_000_000_000)


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
    "joined strings": lambda text: b"' +\n '".join(in_parts(text, 60)),
    "rich text": lambda text: b"{\\rtf1 " + b"\\par ".join(in_parts(text, 70)) + b"}",
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
    # A picture that is complete, and tables of characters.
    b'<img src="data:image/png;base64,' + PNG + b'">',
    (b"'" + PNG + b"'; a = '" + rb"\uA9DA-\uA9DD\u00AA\u00B5\u00BA" * 9 + b"'\n") * 20,
)


@given(
    coding=st.sampled_from(sorted(CODINGS)),
    layers=st.lists(st.sampled_from(sorted(LAYERS)), max_size=2),
    before=st.sampled_from(AROUND),
    stray=st.text("ABCabc019+/ <", max_size=9),
)
@example("numbers", ["references", "references"], AROUND[6], "")
@example("base32", ["escaped lines", "percent"], AROUND[1], "")
@example("base32", ["escaped lines", "percent"], AROUND[2], "")
@example("percent", ["base64", "escaped lines"], AROUND[3], "")
def test_quick_search_finds_what_the_thorough_one_finds(
    coding: str, layers: Sequence[str], before: bytes, stray: str
) -> None:
    """In every coding, under every two layers, after any other text."""
    string = CODINGS[coding](JPEG)
    for layer in layers:
        string = LAYERS[layer](string)
    text = before + b'<"' + stray.encode() + string + b'">' + before

    assert is_found(text, is_thorough=False) or not is_found(text, is_thorough=True)
