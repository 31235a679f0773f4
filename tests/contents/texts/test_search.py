"""A picture in a string is found, however the string is written."""

import base64
import binascii
import html
import json
import quopri
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.corpus import pictures
from uploadfilter.contents.carving import TooMany, Unfinished
from uploadfilter.contents.kinds.magic import HEAD_BYTES, Kind, sniff
from uploadfilter.contents.source import MemorySource
from uploadfilter.contents.texts.files import EncodedFile
from uploadfilter.contents.texts.search import find_files

IMAGE = pictures.photograph(1, width=60, height=40)
JPEG = pictures.jpeg(IMAGE)
PNG = pictures.png(IMAGE)
GIF = pictures.gif(IMAGE)
BASE64 = base64.b64encode(JPEG)
NOISE = np.random.default_rng(7).bytes(3 << 20)
PROSE = b"It was the best of times, it was the worst of times, and so on. " * 400
HELD = 1 << 22


def strings(
    text: bytes, *, kind: Kind | None = None, most: int = 100, held: int = HELD
) -> list[bytes]:
    """Return the decoded strings of a text."""
    kind = kind or sniff(text[:HEAD_BYTES])
    items = find_files(MemorySource(text), kind=kind, most=most, held_bytes=held)
    return [item.data for item in items if isinstance(item, EncodedFile)]


def referenced(text: bytes) -> bytes:
    """Return text as HTML that has a reference for every other character."""
    return b"".join(
        f"&#{char};".encode()
        if at % 2
        else f"&#x{char:X};".encode()
        if at % 4
        else b"%c" % char
        for at, char in enumerate(text)
    )


ENCODINGS: dict[str, Callable[[bytes], bytes]] = {
    "base64": base64.b64encode,
    "URL alphabet": base64.urlsafe_b64encode,
    "no padding": lambda data: base64.urlsafe_b64encode(data).rstrip(b"="),
    "lines": base64.encodebytes,
    "CRLF": lambda data: base64.encodebytes(data).replace(b"\n", b"\r\n"),
    "indented lines": lambda data: base64.encodebytes(data).replace(b"\n", b"\n    "),
    "JSON slashes": lambda data: base64.b64encode(data).replace(b"/", b"\\/"),
    "JSON lines": lambda data: json.dumps(base64.encodebytes(data).decode()).encode(),
    "JSON codes": lambda data: base64.b64encode(data).replace(b"/", b"\\u002F"),
    "percent": lambda data: quote(base64.b64encode(data), safe="").encode(),
    "percent twice": lambda data: quote(
        quote(base64.b64encode(data), safe="")
    ).encode(),
    "references": lambda data: referenced(base64.b64encode(data)),
    "quoted-printable": lambda data: quopri.encodestring(base64.b64encode(data)),
    "quoted-printable bytes": lambda data: binascii.b2a_qp(data, istext=False),
    "every byte quoted": lambda data: b"=\r\n".join(
        "".join(f"={byte:02X}" for byte in data[at : at + 24]).encode()
        for at in range(0, len(data), 24)
    ),
    "percent bytes": lambda data: quote(data, safe="").encode(),
    "form bytes": lambda data: quote_plus(data, safe="").encode(),
    "every byte": lambda data: "".join(f"%{byte:02x}" for byte in data).encode(),
    "hexadecimal": lambda data: data.hex().encode(),
    "hexadecimal lines": lambda data: binascii.b2a_hex(data, b"\n", 32),
    "data URI": lambda data: b"data:image/png;base64," + base64.b64encode(data),
    "data URI in capitals": lambda data: b"DATA:;BASE64," + base64.b64encode(data),
    "data URI of bytes": lambda data: (
        b"data:image/gif," + quote(data, safe="").encode()
    ),
    "hidden data URI": lambda data: referenced(
        b"data:image/png;base64," + base64.b64encode(data)
    ),
}

FRAMES: dict[str, Callable[[bytes], bytes]] = {
    "JSON": lambda string: b'{"note": "hello", "file": "' + string + b'"}',
    "form": lambda string: b"a=1&img=" + string + b"&b=2",
    "HTML": lambda string: b'<html><img src="' + string + b'"></html>',
    "CSS": lambda string: b"<style>p { background: url(" + string + b") }</style>",
    "SVG": lambda string: b"<svg><image xlink:href='" + string + b"'/></svg>",
    "mail": lambda string: b"Content-Transfer-Encoding: base64\r\n\r\n" + string,
    "alone": lambda string: string,
}


@pytest.mark.parametrize("frame", FRAMES)
@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("picture", [JPEG, PNG, GIF], ids=["jpeg", "png", "gif"])
def test_encoded_picture_is_found(picture: bytes, encoding: str, frame: str) -> None:
    """Every encoding is undone in every frame, and no byte of it is lost."""
    if frame == "form" and encoding in {"quoted-printable bytes", "every byte quoted"}:
        pytest.skip("an equals sign before it would be one of the mail's")
    text = FRAMES[frame](ENCODINGS[encoding](picture))

    assert any(picture in found for found in strings(text, kind=Kind.TEXT))


@given(
    before=st.text(max_size=200),
    behind=st.text(max_size=200),
    encoding=st.sampled_from(
        ["base64", "URL alphabet", "lines", "JSON slashes", "percent", "data URI"]
    ),
)
def test_encoded_picture_is_found_in_any_text(
    before: str, behind: str, encoding: str
) -> None:
    """Whatever stands around it, a string that is set off is found."""
    text = b"%b<%b>%b" % (before.encode(), ENCODINGS[encoding](JPEG), behind.encode())

    assert any(JPEG in found for found in strings(text, kind=Kind.TEXT))


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_wide_text_is_searched(encoding: str) -> None:
    """UTF-16 is text, with a mark and without one."""
    text = f'<html><img src="data:image/jpeg;base64,{BASE64.decode()}">'

    assert JPEG in strings(text.encode(encoding))


def test_markup_in_a_uri_is_given_for_a_search_of_its_own() -> None:
    """A file in it is encoded once more, and the caller searches it again."""
    svg = b'<svg><image href="data:image/jpeg;base64,' + BASE64 + b'"/></svg>'
    outer = b"<img src='data:image/svg+xml;base64," + base64.b64encode(svg) + b"'>"
    quoted = b"<img src='data:image/svg+xml;utf8," + quote(svg).encode() + b"'>"

    assert svg in strings(outer)
    assert svg in strings(quoted)
    assert JPEG in strings(svg)


@given(before=st.integers(0, 1 << 20))
@example(before=(1 << 20) - 2000)
@example(before=(1 << 20) - len(BASE64) + 30)
def test_string_in_binary_content_is_found(before: int) -> None:
    """At any place among bytes that are not text."""
    content = b"\0" + NOISE[:before] + b'\0"' + BASE64 + b'"\0' + NOISE[:99]

    assert JPEG in strings(content, kind=Kind.DATA)


@given(before=st.integers(0, 9000))
def test_text_is_searched_piece_by_piece(before: int) -> None:
    """A text that is not held at once is cut where no string is."""
    text = PROSE[:before] + b'\n"' + BASE64 + b'"\n' + PROSE

    assert JPEG in strings(text, held=2 * len(BASE64) + 8)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(NOISE, id="noise"),
        pytest.param(PROSE, id="prose"),
        pytest.param(b"", id="nothing"),
        pytest.param(b"-" * 100 + b"\n" + PROSE, id="ruler"),
        pytest.param(b"=" * 100, id="padding"),
        pytest.param(b'"%b"' % base64.b64encode(NOISE[:9000]), id="encoded noise"),
        pytest.param(b"data:image/png;base64,", id="empty URI"),
        pytest.param(b"a" * 64, id="one letter"),
    ],
)
def test_ordinary_content_encodes_nothing(content: bytes) -> None:
    """Prose, rulers and random bytes yield nothing."""
    assert strings(content) == []


@given(text=st.binary(max_size=600))
def test_any_bytes_can_be_searched(text: bytes) -> None:
    """No content makes the search fail, also with every layer in it."""
    for kind in (Kind.TEXT, Kind.DATA):
        strings(
            text + b"data:,%&#x;\\u00" + text + b"=\r\n=3D" + text, kind=kind, held=99
        )


def test_more_than_the_most_is_said() -> None:
    """After the last allowed string comes an item that says that there are more."""
    text = b"<p>".join(base64.b64encode(JPEG[: -n or None]) for n in (0, 3, 6))
    source = MemorySource(text)
    few = list(find_files(source, kind=Kind.TEXT, most=1, held_bytes=HELD))
    all_of_them = list(find_files(source, kind=Kind.TEXT, most=99, held_bytes=HELD))

    first = EncodedFile(name="base64:1", data=JPEG, known_by=JPEG[:48])
    assert few[0] == first
    assert [type(item) for item in few] == [EncodedFile, TooMany]
    assert {type(item) for item in all_of_them} == {EncodedFile}


def test_equal_strings_are_given_once() -> None:
    """A picture that stands in a text a hundred times costs one scan."""
    assert strings(b"<p>".join([BASE64] * 100)) == [JPEG]


def test_references_are_those_of_html() -> None:
    """Named ones too."""
    text = b"<img src='data&colon;image/png;base64&comma;%b'>" % BASE64.replace(
        b"/", b"&sol;"
    ).replace(b"+", b"&plus;")

    assert html.unescape(text.decode()).encode() != text
    assert JPEG in strings(text)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(PROSE * 20, id="prose"),
        pytest.param(
            json.dumps([NOISE[n : n + 32].hex() for n in range(9000)]), id="256"
        ),
        pytest.param(
            json.dumps([NOISE[n : n + 64].hex() for n in range(9000)]), id="512"
        ),
        pytest.param(json.dumps(json.dumps(["a"] * 50_000)), id="json in json"),
    ],
)
def test_ordinary_text_is_looked_at_to_its_end(text: bytes | str) -> None:
    """Lists of checksums do not exceed the budget."""
    data = text.encode() if isinstance(text, str) else text

    assert (
        list(find_files(MemorySource(data), kind=Kind.TEXT, most=9, held_bytes=HELD))
        == []
    )


def test_pictures_behind_junk_in_many_strings_are_all_found() -> None:
    """Strings that are searched together are told apart."""
    junk = b"junk" * 60
    pictures_of = [
        pictures.png(pictures.photograph(seed, width=40, height=40))
        for seed in range(9)
    ]
    text = b"<p>".join(
        base64.b64encode(junk[seed:] + data) for seed, data in enumerate(pictures_of)
    )
    found = strings(text)

    for data in pictures_of:
        assert any(data in each for each in found)


def layered(text: bytes, layers: int) -> bytes:
    """Return a text with percent signs for percent signs."""
    for _ in range(layers):
        text = b"".join(b"%%%02x" % byte for byte in text)
    return text


def test_escapes_are_undone_to_a_fixed_depth() -> None:
    """No program is known to write more than two of one sort in one another."""
    small = base64.b64encode(pictures.gif(IMAGE.resize((8, 8))))

    assert strings(layered(small, 4), kind=Kind.TEXT)
    assert not strings(layered(small, 5), kind=Kind.TEXT)


def test_readings_end_with_their_bytes() -> None:
    """A text of which each reading gives another one is not searched without end."""
    text = b"=" + b"3D" * 40 + b"." * 40_000
    items = find_files(MemorySource(text), kind=Kind.TEXT, most=9, held_bytes=HELD)

    assert [type(item) for item in items] == [Unfinished]
