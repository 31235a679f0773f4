"""Tricks with text: pictures as base64 or per cent signs in pages, SVG, mail and JSON.

A picture that is only seen when it is *drawn*, by a style sheet, a script or shapes,
cannot be found by a decoder; those tricks say so.
"""

import base64
import binascii
import gzip
import json
import urllib.parse
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageOps

from tests.corpus import pictures
from tests.corpus.tricks.containers import zipped
from tests.corpus.tricks.kit import (
    Expected,
    Family,
    FileType,
    Maker,
    Shown,
    grey,
    of_family,
    pixels,
)

_QUALITY = 80


Page = Callable[[str, int, int], str]
"""Makes a text around a URL, and the width and height of the picture."""


_SVG = (
    "<svg xmlns='http://www.w3.org/2000/svg' "
    "xmlns:xlink='http://www.w3.org/1999/xlink' width='{}' height='{}'>{}</svg>"
)


def _data(image: Image.Image) -> bytes:
    return pictures.jpeg(image, _QUALITY)


def data_uri(image: Image.Image) -> str:
    """Return a picture as a ``data:`` URI with base64."""
    return "data:image/jpeg;base64," + base64.b64encode(_data(image)).decode()


def percent_uri(image: Image.Image) -> str:
    """Return a picture as a ``data:`` URI in which other bytes are percent-encoded."""
    return "data:image/jpeg," + urllib.parse.quote(_data(image), safe="")


def _spaced_uri(image: Image.Image) -> str:
    """Return a ``data:`` URI with line ends and spaces in it."""
    text = base64.encodebytes(_data(image)).decode().replace("\n", "\n    ")
    return f"data:image/jpeg;base64,\n{text}"


def _odd_uri(image: Image.Image) -> str:
    """Return a ``data:`` URI with capitals, parameters, and its padding encoded."""
    text = base64.b64encode(_data(image)).decode()
    quoted = text.replace("=", "%3D").replace("+", "%2B").replace("/", "%2F")
    return f"DATA:image/jpeg;charset=utf-8;name=a.jpg;BASE64,{quoted}"


def _untyped_uri(image: Image.Image) -> str:
    """Return a ``data:`` URI that claims to hold a text."""
    return "data:;base64," + base64.b64encode(_data(image)).decode()


def _escaped_uri(image: Image.Image) -> str:
    """Return a ``data:`` URI in which every character of base64 is percent-encoded."""
    text = base64.b64encode(_data(image))
    return "data:image/jpeg;base64," + "".join(f"%{byte:02x}" for byte in text)


def svg(inner: str, width: int, height: int) -> str:
    """Return an SVG of this size."""
    return _SVG.format(width, height, inner)


def svg_image(uri: str, width: int, height: int) -> str:
    """Return an SVG that shows the picture at a URL."""
    inner = f"<image href='{uri}' width='{width}' height='{height}'/>"
    return svg(inner, width, height)


def _svg_old(uri: str, width: int, height: int) -> str:
    """Write the attribute under its name before SVG 2."""
    inner = f"<image xlink:href='{uri}' width='{width}' height='{height}'/>"
    return svg(inner, width, height)


def _svg_style(uri: str, width: int, height: int) -> str:
    """Let a style sheet in the SVG fetch the picture."""
    style = (
        f"<style>.a{{width:{width}px;height:{height}px;background:url({uri})}}</style>"
    )
    block = "<div xmlns='http://www.w3.org/1999/xhtml' class='a'></div>"
    frame = f"<foreignObject width='{width}' height='{height}'>{block}</foreignObject>"
    return svg(style + frame, width, height)


def _svg_filter(uri: str, width: int, height: int) -> str:
    """Let a filter load the picture."""
    box = "x='0' y='0' width='1' height='1'"
    effect = f"<filter id='f' {box}><feImage href='{uri}'/></filter>"
    area = f"<rect width='{width}' height='{height}' filter='url(#f)'/>"
    return svg(effect + area, width, height)


def _svg_nested(uri: str, width: int, height: int) -> str:
    """Put an SVG with the picture into an SVG, as base64."""
    inner = base64.b64encode(svg_image(uri, width, height).encode()).decode()
    return svg_image(f"data:image/svg+xml;base64,{inner}", width, height)


def _svg_percent_nested(uri: str, width: int, height: int) -> str:
    """Put an SVG with the picture into an SVG, percent-encoded."""
    inner = urllib.parse.quote(svg_image(uri, width, height))
    return svg_image(f"data:image/svg+xml,{inner}", width, height)


def _svg_entity(uri: str, width: int, height: int) -> str:
    """Name the whole URI by an entity of the document."""
    declared = f'<!DOCTYPE svg [<!ENTITY a "{uri}">]>'
    return declared + svg_image("&a;", width, height)


def _svg_entities(uri: str, width: int, height: int) -> str:
    """Cut the URI into two entities."""
    middle = len(uri) // 2
    declared = (
        f"<!DOCTYPE svg [<!ENTITY a '{uri[:middle]}'><!ENTITY b '{uri[middle:]}'>]>"
    )
    return declared + svg_image("&a;&b;", width, height)


def _svg_references(uri: str, width: int, height: int) -> str:
    """Write every fifth character as a reference to its number."""
    text = "".join(
        f"&#{ord(sign)};" if number % 5 == 0 else sign
        for number, sign in enumerate(uri)
    )
    return svg_image(text, width, height)


def _svg_crop(target: Image.Image, decoy: Image.Image) -> bytes:
    """Show a quarter of a collage."""
    width, height = target.size
    collage = Image.new("RGB", (2 * width, 2 * height))
    for number, image in enumerate((decoy, ImageOps.mirror(decoy), decoy, target)):
        collage.paste(image, (number % 2 * width, number // 2 * height))
    uri = data_uri(collage)
    return svg(
        f"<image href='{uri}' x='-{width}' y='-{height}'/>", width, height
    ).encode()


def page(
    around: Page,
    uri: Callable[[Image.Image], str] = data_uri,
    *,
    encoding: str = "utf-8",
    packed: bool = False,
) -> Maker:
    """Return a maker of a text with the target in it.

    Args:
        around: Makes the text of a URL, and the width and height of the picture.
        uri: Makes the URL of the target.
        encoding: Of the text.
        packed: Whether it is packed by gzip.
    """

    def make(target: Image.Image, _decoy: Image.Image) -> bytes:
        content = around(uri(target), *target.size).encode(encoding)
        return gzip.compress(content, mtime=0) if packed else content

    return make


def strips(target: Image.Image, *, count: int) -> list[tuple[int, str]]:
    """Return horizontal strips of a picture: where each begins, and its URI."""
    height = target.height // count
    return [
        (
            row * height,
            data_uri(target.crop((0, row * height, target.width, (row + 1) * height))),
        )
        for row in range(count)
    ]


def _svg_strips(target: Image.Image, _decoy: Image.Image) -> bytes:
    """Lay strips of the picture side by side."""
    inner = "".join(
        f"<image href='{uri}' y='{top}'/>" for top, uri in strips(target, count=16)
    )
    return svg(inner, *target.size).encode()


def _svg_mosaic(target: Image.Image, _decoy: Image.Image) -> bytes:
    """Draw the picture with squares of eight pixels."""
    small = pixels(target.resize((target.width // 8, target.height // 8)))
    squares = [
        f"<rect x='{8 * x}' y='{8 * y}' width='8' height='8' "
        f"fill='#{colour.tobytes().hex()}'/>"
        for y, row in enumerate(small)
        for x, colour in enumerate(row)
    ]
    return svg("".join(squares), *target.size).encode()


def _svg_mask(target: Image.Image, decoy: Image.Image) -> bytes:
    """Show the decoy, which a blend turns into the target when drawn.

    Half of the difference is added to a middle grey, and half subtracted from it.
    """
    first = grey(decoy).astype(np.int16)
    second = grey(target).astype(np.int16) - first
    mixed = Image.fromarray(np.clip(128 + second // 2, 0, 255).astype(np.uint8))
    size = f"width='{target.width}' height='{target.height}'"
    effect = (
        "<filter id='f' x='0' y='0' width='1' height='1' "
        "color-interpolation-filters='sRGB'>"
        f"<feImage href='{data_uri(decoy.convert('L'))}' {size} result='a'/>"
        f"<feImage href='{data_uri(mixed)}' {size} result='b'/>"
        "<feComposite in='a' in2='b' operator='arithmetic' k2='1' k3='2' k4='-1'/>"
        "</filter>"
    )
    return svg(f"{effect}<rect {size} filter='url(#f)'/>", *target.size).encode()


def _mail(target: Image.Image, _decoy: Image.Image) -> bytes:
    """Attach the picture to a mail."""
    body = base64.encodebytes(_data(target)).replace(b"\n", b"\r\n")
    head = (
        b"From: a@example.org\r\nTo: b@example.org\r\nSubject: picture\r\n"
        b'MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="b"\r\n\r\n'
        b"--b\r\nContent-Type: text/plain\r\n\r\nhello\r\n--b\r\n"
        b'Content-Type: image/jpeg; name="a.jpg"\r\n'
        b"Content-Transfer-Encoding: base64\r\n\r\n"
    )
    return head + body + b"--b--\r\n"


def _mail_printable(target: Image.Image, _decoy: Image.Image) -> bytes:
    """Send the picture by mail with a number for each byte that is not a letter."""
    return (
        b"From: a@example.org\r\nMIME-Version: 1.0\r\nContent-Type: image/jpeg\r\n"
        b"Content-Transfer-Encoding: quoted-printable\r\n\r\n"
        + binascii.b2a_qp(_data(target), istext=False)
    )


def _hex(target: Image.Image, _decoy: Image.Image) -> bytes:
    """Write two digits for each byte, as databases print them."""
    return b"INSERT INTO a VALUES (X'" + _data(target).hex().encode() + b"');\n"


def _mail_zip(target: Image.Image, _decoy: Image.Image) -> bytes:
    """Attach a zip with the picture to a mail."""
    content = zipped(("a.bmp", pictures.encoded(target, "BMP")))
    body = base64.encodebytes(content).replace(b"\n", b"\r\n")
    return (
        b"From: a@example.org\r\nMIME-Version: 1.0\r\nContent-Type: application/zip\r\n"
        b"Content-Transfer-Encoding: base64\r\n\r\n" + body
    )


def _json(target: Image.Image, _decoy: Image.Image) -> bytes:
    """Write base64 as a string of JSON, with slashes escaped, as PHP does."""
    text = json.dumps({"name": "a", "data": base64.b64encode(_data(target)).decode()})
    return text.replace("/", "\\/").encode()


def _json_url(target: Image.Image, _decoy: Image.Image) -> bytes:
    """Write base64 in the alphabet for URLs, without padding."""
    text = base64.urlsafe_b64encode(_data(target)).decode().rstrip("=")
    return json.dumps({"data": text}).encode()


def _style_sheet(target: Image.Image, _decoy: Image.Image) -> bytes:
    return f"body{{background:url({data_uri(target)})}}".encode()


_text = of_family(Family.TEXT)


_SVG_TYPE = FileType.SVG


TEXT_TRICKS = (
    _text("svg-base64", _SVG_TYPE, page(svg_image), "a data URI in an SVG"),
    _text("svg-xlink", _SVG_TYPE, page(_svg_old), "the same in the older attribute"),
    _text(
        "svg-percent",
        _SVG_TYPE,
        page(svg_image, percent_uri),
        "a data URI without base64",
    ),
    _text("svg-spaces", _SVG_TYPE, page(svg_image, _spaced_uri), "base64 in lines"),
    _text(
        "svg-parameters",
        _SVG_TYPE,
        page(svg_image, _odd_uri),
        "capitals, parameters and escapes in the URI",
    ),
    _text(
        "svg-escapes",
        _SVG_TYPE,
        page(svg_image, _escaped_uri),
        "base64, percent-encoded",
    ),
    _text(
        "svg-untyped",
        _SVG_TYPE,
        page(svg_image, _untyped_uri),
        "a data URI without a type",
    ),
    _text("svg-style", _SVG_TYPE, page(_svg_style), "a data URI in a style sheet"),
    _text("svg-filter", _SVG_TYPE, page(_svg_filter), "a data URI in a filter"),
    _text("svg-nested", _SVG_TYPE, page(_svg_nested), "an SVG in an SVG"),
    _text(
        "svg-percent-nested",
        _SVG_TYPE,
        page(_svg_percent_nested),
        "an SVG in an SVG, percent-encoded",
    ),
    _text("svg-entity", _SVG_TYPE, page(_svg_entity), "a data URI in an entity"),
    _text("svg-entities", _SVG_TYPE, page(_svg_entities), "a data URI in two entities"),
    _text(
        "svg-references",
        _SVG_TYPE,
        page(_svg_references),
        "characters written as numbers",
    ),
    _text(
        "svg-utf-16",
        _SVG_TYPE,
        page(svg_image, encoding="utf-16"),
        "two bytes a character",
    ),
    _text(
        "svg-as-xml", FileType.XML, page(svg_image), "an SVG under another media type"
    ),
    _text(
        "svgz",
        FileType.DATA,
        page(svg_image, packed=True),
        "an SVG packed by gzip",
        shown=Shown.NOTHING,
    ),
    _text(
        "svg-strips",
        _SVG_TYPE,
        _svg_strips,
        "sixteen strips, put together when drawn",
        expected=Expected.LIMIT,
    ),
    _text(
        "svg-mosaic",
        _SVG_TYPE,
        _svg_mosaic,
        "squares that make a picture when drawn",
        expected=Expected.LIMIT,
    ),
    _text(
        "svg-blend",
        _SVG_TYPE,
        _svg_mask,
        "two pictures that make a third when drawn",
        expected=Expected.LIMIT,
    ),
    _text(
        "svg-crop",
        _SVG_TYPE,
        _svg_crop,
        "a quarter of a collage, cut out when drawn",
        expected=Expected.LIMIT,
    ),
    _text(
        "css-base64",
        FileType.CSS,
        _style_sheet,
        "a data URI in a style sheet by itself",
        shown=Shown.NOTHING,
    ),
    _text(
        "mail-zip",
        FileType.MAIL,
        _mail_zip,
        "in a zip, attached to a mail",
        shown=Shown.NOTHING,
    ),
    _text("hex", FileType.DATA, _hex, "two digits a byte", shown=Shown.NOTHING),
    _text(
        "mail-printable",
        FileType.MAIL,
        _mail_printable,
        "sent by mail as quoted-printable",
        shown=Shown.NOTHING,
    ),
    _text("mail", FileType.MAIL, _mail, "attached to a mail", shown=Shown.NOTHING),
    _text(
        "json-base64",
        FileType.JSON,
        _json,
        "base64 with escaped slashes",
        shown=Shown.NOTHING,
    ),
    _text(
        "json-base64-url",
        FileType.JSON,
        _json_url,
        "base64 in the alphabet for URLs",
        shown=Shown.NOTHING,
    ),
)
