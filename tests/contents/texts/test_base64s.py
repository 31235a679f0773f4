"""Base64 is decoded as programs decode it, and strings have their exact ends."""

import base64
import textwrap

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.corpus import pictures
from uploadfilter.contents.texts.base64s import find_base64
from uploadfilter.contents.texts.files import EncodedFile, EncodedText

IMAGE = pictures.photograph(1, width=60, height=40)
FILES = {
    "jpeg": pictures.jpeg(IMAGE),
    "png": pictures.png(IMAGE),
    "gif": pictures.gif(IMAGE),
    "webp": pictures.webp(IMAGE),
    "bmp": pictures.encoded(IMAGE, "BMP"),
    "avif": pictures.encoded(IMAGE, "AVIF", speed=10),
}
JPEG = FILES["jpeg"]
LETTERS = base64.b64encode(JPEG)


def found(text: bytes) -> list[EncodedFile]:
    """Return the files in a text."""
    items = find_base64(text, has_strings=True)
    return [item for item in items if isinstance(item, EncodedFile)]


def whole(text: bytes) -> list[bytes]:
    """Return the files that strings are."""
    return [item.data for item in found(text) if not item.is_carved]


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize(
    "frame",
    [
        pytest.param(b'{"a": "%b"}', id="JSON"),
        pytest.param(b"<base64>%b</base64>", id="XML"),
        pytest.param(b"<img src='data:image/png;base64,%b'>", id="URI"),
        pytest.param(b"url(DATA:;BASE64,%b)", id="capitals"),
        pytest.param(b"Encoding: base64\r\n\r\n%b\r\n--b--\r\n", id="mail"),
        pytest.param(b"%b", id="alone"),
    ],
)
def test_file_has_its_exact_bytes(name: str, frame: bytes) -> None:
    """Its digests are those of the file that was encoded."""
    lines = base64.encodebytes(FILES[name]).replace(b"\n", b"\r\n")

    assert whole(frame % base64.b64encode(FILES[name])) == [FILES[name]]
    assert whole(frame % lines) == [FILES[name]]


@pytest.mark.parametrize("name", FILES)
def test_alphabet_for_urls_is_read(name: str) -> None:
    """Without padding, and with signs of both alphabets."""
    letters = base64.urlsafe_b64encode(FILES[name]).rstrip(b"=")
    mixed = letters[: len(letters) // 2] + letters[len(letters) // 2 :].translate(
        bytes.maketrans(b"-_", b"+/")
    )

    assert whole(b'"%b"' % letters) == [FILES[name]]
    assert FILES[name] in whole(b'"%b"' % mixed)


@given(
    junk=st.text("abcABC0123+/", max_size=300).map(str.encode),
    behind=st.binary(max_size=20),
)
def test_file_behind_letters_is_found(junk: bytes, behind: bytes) -> None:
    """In whichever of the alignments it stands."""
    items = found(b'"' + junk + LETTERS + b'"' + behind)

    assert any(JPEG in item.data for item in items)


@pytest.mark.parametrize("junk", [b"!", b".", b"\n", b" ", b"-", b"_", b"\xff", b"\"'"])
@pytest.mark.parametrize("every", [2, 5, 90])
def test_junk_between_letters_is_passed_over(junk: bytes, every: int) -> None:
    """As mail programs, PHP and Python do."""
    text = junk.join(LETTERS[at : at + every] for at in range(0, len(LETTERS), every))

    assert any(JPEG in item.data for item in found(b"<a>" + text + b"</a>"))


@pytest.mark.parametrize("first", [0, 8, 48], ids=["none", "few", "many"])
def test_folded_string_is_one(first: int) -> None:
    """In cards each line but the first begins with a space that means nothing."""
    lines = textwrap.wrap(LETTERS[first:].decode(), 74)
    folded = "\r\n ".join([LETTERS[:first].decode(), *lines])

    assert JPEG in whole(f"PHOTO:{folded}\r\nEND:VCARD\r\n".encode())


def test_text_is_given_for_a_search_of_its_own() -> None:
    """So is a drawing, which counts as a content besides."""
    text = b"Content-Type: image/jpeg\r\n\r\n" + LETTERS
    svg = b"<svg><image href='data:image/jpeg;base64," + LETTERS + b"'/></svg>"
    items = [
        *find_base64(b'"%b"' % base64.b64encode(text), has_strings=True),
        *find_base64(b"data:;base64,%b" % base64.b64encode(svg), has_strings=True),
    ]

    assert EncodedText(text) in items
    assert EncodedText(svg) in items
    assert [each.data for each in items if isinstance(each, EncodedFile)] == [svg]


def test_two_files_on_two_lines_are_found() -> None:
    """This also holds if the first has no padding that would separate them."""
    first = JPEG + bytes(-len(JPEG) % 3 + 1)
    lines = [base64.b64encode(each).rstrip(b"=") for each in (first, FILES["png"])]
    items = found(b"\n".join(lines))

    assert any(item.data.startswith(JPEG) for item in items)
    assert any(FILES["png"] in item.data for item in items)


@given(st.binary(max_size=300))
def test_any_bytes_can_be_searched(text: bytes) -> None:
    """No content makes the search fail."""
    list(find_base64(text + b"data:;base64," + text, has_strings=True))
