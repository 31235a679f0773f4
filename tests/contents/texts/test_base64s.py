"""Strings of base64 are read as strict and as careless decoders read them."""

import base64
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.corpus import pictures
from uploadfilter.contents.texts.base64s import Base64Search, packed, spelled
from uploadfilter.contents.texts.effort import Effort
from uploadfilter.contents.texts.found import Encoded, is_zlib

JPEG = pictures.jpeg(pictures.photograph(1, width=60, height=40))
BASE64 = base64.b64encode(JPEG)
NOISE = np.random.default_rng(5).bytes(3000)


def plenty() -> Effort:
    """Return more than any text here takes."""
    return Effort(1_000_000)


def found(text: bytes) -> list[Encoded]:
    """Return the beginnings in a text."""
    return list(Base64Search(text, plenty()).found(set()))


def test_string_is_decoded_to_its_last_letter() -> None:
    """So its exact signals are those of the file."""
    (item,) = found(b'{"a": "%b"}' % BASE64)

    assert item == Encoded(name="base64", data=JPEG, known_by=JPEG[:48])


@given(junk=st.sampled_from(["!", ".", "\0", "\u00e4", " ", "=", "~", "@ "]))
def test_what_is_no_letter_is_skipped(junk: str) -> None:
    """Like PHP, Python and Node; also between the first letters."""
    text = junk.join(map(chr, BASE64[:40])) + junk + BASE64[40:].decode()

    assert any(item.data.startswith(JPEG) for item in found(text.encode()))


def test_parts_that_are_padded_by_themselves_are_put_together() -> None:
    """Notebooks and mails have their own kinds of lines."""
    lines = [base64.b64encode(JPEG[at : at + 50]) for at in range(0, len(JPEG), 50)]
    text = b'["' + b'",\n"'.join(lines) + b'"]'

    assert any(item.data.startswith(JPEG) for item in found(text))


def test_string_is_read_on_only_where_it_does_not_end_itself() -> None:
    """Bytes after the end of a whole picture are not shown."""
    rest = base64.b64encode(NOISE)
    whole = found(b'["%b", "%b"]' % (BASE64, rest))
    cut = found(b'["%b", "%b"]' % (BASE64[:400], rest))

    assert [item.is_carved for item in whole] == [False]
    assert [item.is_carved for item in cut] == [False, True]


def test_glyphs_of_a_font_are_no_jpegs() -> None:
    """Many begin with the first bytes of one, which no marker follows that may come."""
    glyph = b"\xff\xd8\xffF\x02T\x02l\0I\0z\xb6'\x1a\r\0\4\7GK\xb0&P"
    font = b"\0\1\0\0" + glyph * 50 + NOISE

    assert found(base64.b64encode(font)) == []
    assert JPEG in found(base64.b64encode(font[:-1] + JPEG))[0].data


def test_text_is_given_from_the_beginning_of_its_string() -> None:
    """With whether it was looked at already."""
    text = b"<svg>" + b"hello, world " * 20 + b"</svg>"
    search = Base64Search(b'{"a":"%b"}' % base64.b64encode(text), plenty())
    ((data, is_known),) = search.texts(plenty())

    assert data.startswith(text)
    assert not is_known


@pytest.mark.parametrize("bits", [15, -15], ids=["zlib", "deflate"])
def test_packed_string_is_claimed(bits: int) -> None:
    """It has no magic, so its output must begin like a known kind."""
    stream = zlib.compressobj(wbits=bits)
    data = stream.compress(JPEG) + stream.flush()
    (item,) = packed(b'"%b"' % base64.b64encode(data), plenty())

    assert item.claim == ("zlib" if bits > 0 else "deflate")
    assert item.data == data
    assert is_zlib(data) is (bits > 0)
    assert not list(packed(base64.b64encode(NOISE), plenty()))


def test_lost_plus_is_read_as_one() -> None:
    """A form makes a space of it."""
    data = b"abc\xfb\xef\xbe" * 40 + b"abc"
    string = base64.b64encode(data).replace(b"+", b" ")

    assert data in list(spelled(string))


def test_what_looks_encoded_is_dense() -> None:
    """Names in capitals, prose and digits do not."""
    assert Base64Search(base64.b64encode(NOISE), plenty()).dense()
    for text in (b"THIS SOFTWARE IS ", b"it was the best ", NOISE.hex().encode()):
        assert not Base64Search(text * 300, plenty()).dense()


def test_where_it_looks_encoded_is_told() -> None:
    """With the block before and after, in which the string begins and ends."""
    string = base64.b64encode(NOISE)
    prose = b"it was the best of times, " * 400
    text = prose + string + prose
    (hot,) = Base64Search(text, plenty()).dense()

    assert hot.first <= len(prose) <= hot.start + 1024
    assert hot.end - 1024 <= len(prose + string) <= hot.last
    assert prose[:1024] not in text[hot.first : hot.last]
