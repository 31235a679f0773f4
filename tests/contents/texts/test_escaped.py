"""Layers over digits and over single bytes are undone one by one."""

import json
import quopri
import urllib.parse
from collections.abc import Callable

import pytest

from tests.corpus import pictures
from uploadfilter.contents.texts.effort import Effort
from uploadfilter.contents.texts.escaped import undone
from uploadfilter.contents.texts.signs import signs_in

JPEG = pictures.jpeg(pictures.photograph(1, width=60, height=40))
DIGITS = JPEG.hex(" ").encode()
WRITTEN = repr(JPEG).encode()


def plenty() -> Effort:
    """Return more than any text here takes."""
    return Effort(1_000_000_000)


def readings(text: bytes) -> list[bytes]:
    """Return a text with one layer undone, in each way."""
    return list(undone(text, signs_in(text), plenty()))


LAYERS: dict[str, Callable[[bytes], bytes]] = {
    "percent": lambda text: urllib.parse.quote(text).encode(),
    "JSON": lambda text: b"".join(b"\\u00%02x" % byte for byte in text),
    "references": lambda text: b"".join(b"&#%d;" % byte for byte in text),
    "eights": lambda text: b"".join(b"\\%03o" % byte for byte in text),
    "quoted-printable": quopri.encodestring,
    "form": lambda text: urllib.parse.quote_plus(text).encode(),
    "table": lambda text: b'"' + text.replace(b'"', b'""') + b'"',
    "shifts": lambda text: b"\x1b(J\x1b(B".join(
        text[at : at + 5] for at in range(0, len(text), 5)
    ),
}


@pytest.mark.parametrize("layer", LAYERS)
def test_layer_over_digits_is_undone(layer: str) -> None:
    """Whatever the layer is, the digits are among the readings."""
    text = LAYERS[layer](DIGITS)

    assert any(DIGITS in each for each in (text, *readings(text)))


@pytest.mark.parametrize("layer", sorted(set(LAYERS) - {"form"}))
def test_layer_over_written_bytes_is_undone(layer: str) -> None:
    """So are bytes that are written one by one, and nothing of them is lost."""
    text = LAYERS[layer](WRITTEN)
    body = WRITTEN[2:-1]

    assert any(body in each for each in (text, *readings(text)))


def test_layers_that_lie_elsewhere_are_left_alone() -> None:
    """A program has characters in one place, and references in another."""
    program = b"a&lt;b; '%41'; <!-- c --> =3D\n" * 200
    filler = b"The quick brown fox jumps over the lazy dog.\n" * 200
    table = b"'" + b"\\u00AA\\u00B5\\u00BA" * 20 + b"'\n"

    found = readings(program + filler + table)

    assert len(found) == 1
    assert found[0].startswith(program)
    assert b"\\u00" not in found[0]


def test_digits_are_cut_out_of_a_long_text() -> None:
    """The text around them is not read again."""
    prose = b"The quick brown fox jumps over the lazy dog. " * 1000
    found = readings(prose + LAYERS["references"](DIGITS) + prose)

    assert found
    assert all(len(each) < len(prose) for each in found)


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(list(range(5000))),
        json.dumps({"a": "100% & similar\n" * 500}),
        "static const char a[] = {0x00, 0xff};\n" * 200,
        "BOM_UTF32_LE = b'\\xff\\xfe\\x00\\x00'\n" * 200,
    ],
    ids=["numbers", "JSON", "C", "Python"],
)
def test_ordinary_text_is_not_read_again(text: str) -> None:
    """Programs are full of numbers, escapes and per cent signs."""
    assert readings(text.encode()) == []
