"""Tricks with codings: a picture in a text as databases, mails and programs write it.

A browser shows few of these; a site shows the picture after its program has read it.
``tests/e2e/test_origins_of_texts.py`` names the program for each.
"""

import base64
import binascii
import codecs
import html
import json
from collections.abc import Callable

from PIL import Image

from tests.corpus import pictures
from tests.corpus.tricks.kit import (
    Family,
    FileType,
    Maker,
    Shown,
    Trick,
    of_family,
)
from tests.corpus.tricks.text import data_uri, page, svg

_QUALITY = 60
_LINE = 76


def _jpeg(image: Image.Image) -> bytes:
    return pictures.jpeg(image, _QUALITY)


def _cut(text: bytes, between: bytes, every: int = _LINE) -> bytes:
    """Put something between stretches of a text."""
    return between.join(text[at : at + every] for at in range(0, len(text), every))


def _written(write: Callable[[bytes], bytes]) -> Maker:
    """Return a maker of the target in a coding."""
    return lambda target, _decoy: write(_jpeg(target))


# --- What origins read ---------------------------------------------------------------

_CALL = (
    b'<?xml version="1.0"?><methodCall><methodName>a</methodName><params><param><value>'
    b"<base64>%b</base64></value></param></params></methodCall>"
)


def _called(between: bytes) -> Maker:
    """Return a call of XML-RPC with something in its base64."""
    return _written(lambda data: _CALL % _cut(base64.b64encode(data), between))


def _junk(between: bytes) -> Maker:
    return _written(lambda data: _cut(base64.b64encode(data), between, 5))


def _uuencoded(data: bytes) -> bytes:
    return codecs.encode(data, "uu")


def _notebook(data: bytes) -> bytes:
    lines = base64.encodebytes(data).decode().splitlines(keepends=True)
    return json.dumps({"data": {"image/png": lines}}, indent=1).encode()


def _rich(data: bytes) -> bytes:
    """Write digits as word processors read them, in lines of an odd length."""
    lines = _cut(data.hex().encode(), b"\r\n", 127)
    return b"{\\rtf1{\\pict\\picw640\\pich480\\jpegblip\n" + lines + b"}\\par}"


# --- What browsers show --------------------------------------------------------------


def _framed(uri: str, width: int, height: int) -> str:
    """Nest a page in three other pages."""
    inner = f"<body style=margin:0><img src={uri}>"
    style = f"border:0;margin:0;width:{width}px;height:{height}px"
    for _ in range(3):
        inner = (
            "<!doctype html><body style=margin:0><iframe scrolling=no "
            f'style="{style}" srcdoc="{html.escape(inner)}"></iframe>'
        )
    return inner


def _divided(between: str) -> Callable[[str, int, int], str]:
    """Return a function that inserts text between parts of a style sheet in an SVG."""

    def around(uri: str, width: int, height: int) -> str:
        size = f"width:{width}px;height:{height}px"
        style = f".a{{{size};background:url({uri})}}"
        parts = between.join(style[at : at + 99] for at in range(0, len(style), 99))
        block = "<div xmlns='http://www.w3.org/1999/xhtml' class='a'></div>"
        frame = f"<foreignObject width='{width}' height='{height}'>{block}"
        return svg(f"<style>{parts}</style>{frame}</foreignObject>", width, height)

    return around


def _bitmap_uri(cut: Callable[[str], str], comma: str = ",") -> Callable[..., str]:
    """Return a function that makes a URI of a small bitmap, with its letters cut."""

    def uri(image: Image.Image) -> str:
        small = image.convert("L").resize((image.width // 4, image.height // 4))
        letters = base64.b64encode(pictures.encoded(small, "BMP")).decode()
        return f"data:image/bmp;base64{comma}{cut(letters)}"

    return uri


def _cut_by(between: str, every: int) -> Callable[[str], str]:
    return lambda letters: _cut(letters.encode(), between.encode(), every).decode()


def _html(uri: str, width: int, height: int) -> str:
    """Return a page in ISO-2022-JP that shows the picture of a URI."""
    size = f"width={width} height={height}"
    head = "<!doctype html><meta charset=iso-2022-jp><body style=margin:0>"
    return f'{head}<img {size} src="{uri}">'


def _styled(uri: str, width: int, height: int) -> str:
    """Return a page whose style sheet has the picture of a URI."""
    style = f"width:{width}px;height:{height}px;background:url({uri}) 0/{width}px"
    return f"<!doctype html><style>*{{margin:0}}div{{{style}}}</style><div></div>"


def _in_numbers(letters: str) -> str:
    """Write each letter as a style sheet may, by its number."""
    return "".join(f"\\{ord(letter):x} " for letter in letters)


def _unmarked(target: Image.Image, _decoy: Image.Image) -> bytes:
    """Leave the mark of UTF-16 out of an SVG."""
    inner = f"<image href='{data_uri(target)}'/>"
    text = f"<?xml version='1.0' encoding='utf-16'?>{svg(inner, *target.size)}"
    return text.encode("utf-16-le")


_shown = of_family(Family.TEXT)


def _read(name: str, file_type: FileType, make: Maker, about: str) -> Trick:
    return _shown(name, file_type, make, about, shown=Shown.NOTHING)


CODING_TRICKS: tuple[Trick, ...] = (
    _read("base64-marks", FileType.DATA, _junk(b"!"), "base64 with exclamation marks"),
    _read("base64-stops", FileType.DATA, _junk(b"."), "base64 with full stops"),
    _read(
        "base64-lines", FileType.DATA, _junk(b"\n"), "base64 in lines of five letters"
    ),
    _read("call-comments", FileType.XML, _called(b"<!-- a -->"), "comments in base64"),
    _read(
        "call-instructions",
        FileType.XML,
        _called(b"<?a b?>"),
        "processing instructions in base64",
    ),
    _read(
        "call-sections",
        FileType.XML,
        _called(b"<![CDATA[\n]]>"),
        "boundaries of character data in base64",
    ),
    _read(
        "sql-0x",
        FileType.DATA,
        _written(lambda data: b"INSERT INTO a VALUES (0x%b);" % data.hex().encode()),
        "digits as MySQL writes them",
    ),
    _read(
        "sql-bytea",
        FileType.DATA,
        _written(lambda data: b"COPY a FROM stdin;\n\\\\x%b\n" % data.hex().encode()),
        "digits as PostgreSQL writes them",
    ),
    _read("notebook", FileType.JSON, _written(_notebook), "base64 in a list of lines"),
    _read("uuencode", FileType.DATA, _written(_uuencoded), "as mails were before MIME"),
    _read(
        "quoted-printable",
        FileType.DATA,
        _written(lambda data: binascii.b2a_qp(data, istext=False)),
        "as mails are, without a mail around it",
    ),
    _read(
        "rtf-digits", FileType.DATA, _written(_rich), "digits in lines of odd length"
    ),
    _shown("html-frames", FileType.HTML, page(_framed), "a page in three others"),
    _shown(
        "html-uri-alphabets",
        FileType.HTML,
        page(_html, _bitmap_uri(_cut_by("\x1b(B", 10))),
        "the alphabet of ISO-2022-JP named again within a data URI",
    ),
    _shown(
        "html-uri-blanks",
        FileType.HTML,
        page(_html, _bitmap_uri(_cut_by(" ", 1), comma=" ,")),
        "a blank behind each letter of a data URI, and before its comma",
    ),
    _shown(
        "html-style-numbers",
        FileType.HTML,
        page(_styled, _bitmap_uri(_in_numbers)),
        "each letter of a data URI by its number, in a style sheet",
    ),
    _shown(
        "html-style-lines",
        FileType.HTML,
        page(_styled, _bitmap_uri(_cut_by("\\9 ", 11))),
        "escaped tabs within a data URI, in a style sheet",
    ),
    _shown(
        "svg-style-comments",
        FileType.SVG,
        page(_divided("<!--a-->")),
        "comments within a data URI",
    ),
    _shown(
        "svg-style-instructions",
        FileType.SVG,
        page(_divided("<?a b?>")),
        "processing instructions within a data URI",
    ),
    _shown(
        "svg-style-sections",
        FileType.SVG,
        page(_divided("<![CDATA[]]>")),
        "boundaries of character data within a data URI",
    ),
    _shown("svg-unmarked", FileType.SVG, _unmarked, "two bytes a character, no mark"),
)
