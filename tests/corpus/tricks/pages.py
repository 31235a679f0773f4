"""Tricks with pages: HTML that holds a picture as text, and shows it."""

import json

from PIL import Image, ImageOps

from tests.corpus import pictures
from tests.corpus.tricks.kit import (
    Expected,
    Family,
    FileType,
    of_family,
)
from tests.corpus.tricks.text import data_uri, page, percent_uri, strips, svg_image

_HTML_HEAD = "<!doctype html><body style=margin:0>"


def _html_image(uri: str, width: int, height: int) -> str:
    return f"{_HTML_HEAD}<img src='{uri}' width={width} height={height}>"


def _html_bare(uri: str, _width: int, _height: int) -> str:
    """Leave out the quotes, and everything that marks the text as a page."""
    return f"<body style=margin:0><img alt=a src={uri}>"


def _html_references(uri: str, width: int, height: int) -> str:
    """Write the first characters, and every slash, as references."""
    text = "".join(f"&#x{ord(sign):x};" for sign in uri[:11])
    text += uri[11:].replace("/", "&sol;").replace("+", "&plus;")
    return _html_image(text, width, height)


def _html_newlines(uri: str, width: int, height: int) -> str:
    """Put references to line ends into base64, which browsers drop."""
    parts = (uri[at : at + 50] for at in range(0, len(uri), 50))
    return _html_image("&NewLine;".join(parts), width, height)


def _html_srcset(uri: str, width: int, height: int) -> str:
    """Offer the picture as one of several."""
    return f"{_HTML_HEAD}<img srcset='{uri} 1x' width={width} height={height}>"


def _html_frame(uri: str, width: int, height: int) -> str:
    """Put a page into a page, escaped as an attribute."""
    inner = f"<body style=margin:0><img src={uri}>".replace("&", "&amp;")
    inner = inner.replace("'", "&#39;").replace("<", "&lt;")
    style = "border:0;overflow:hidden"
    size = f"width={width} height={height} style='{style}'"
    return f"{_HTML_HEAD}<iframe srcdoc='{inner}' {size}></iframe>"


def _html_svg(uri: str, width: int, height: int) -> str:
    return _HTML_HEAD + svg_image(uri, width, height)


def _html_style(uri: str, width: int, height: int) -> str:
    """Let a style sheet fetch the picture."""
    style = f"width:{width}px;height:{height}px;background:url('{uri}')"
    return f"{_HTML_HEAD}<style>p{{margin:0;{style}}}</style><p></p>"


def _html_escaped_style(uri: str, width: int, height: int) -> str:
    """Escape the URI as style sheets do."""
    escaped = uri.replace(":", "\\3a ").replace(";", "\\3b ").replace("/", "\\/")
    return _html_style(escaped, width, height)


def _html_invert(uri: str, width: int, height: int) -> str:
    """Invert colours when the picture is drawn."""
    style = "filter:invert(1)"
    return (
        f"{_HTML_HEAD}<img src='{uri}' style='{style}' width={width} height={height}>"
    )


def _html_contrast(uri: str, width: int, height: int) -> str:
    """Give contrast back when the picture is drawn."""
    style = "filter:contrast(5)"
    return (
        f"{_HTML_HEAD}<img src='{uri}' style='{style}' width={width} height={height}>"
    )


def _html_script(uri: str, width: int, height: int) -> str:
    """Join the URI from its parts, backwards, by a script."""
    text = json.dumps(uri[::-1])
    script = f"document.images[0].src=[...{text}].reverse().join('')"
    return f"{_HTML_HEAD}<img width={width} height={height}><script>{script}</script>"


def _html_atob(uri: str, width: int, height: int) -> str:
    """Let a script decode bare base64."""
    text = json.dumps(uri.partition(",")[2])
    script = (
        f"const b=Uint8Array.from(atob({text}),c=>c.charCodeAt());"
        "document.images[0].src=URL.createObjectURL(new Blob([b]))"
    )
    return f"{_HTML_HEAD}<img width={width} height={height}><script>{script}</script>"


def _negative_uri(image: Image.Image) -> str:
    return data_uri(ImageOps.invert(image))


def _dim_uri(image: Image.Image) -> str:
    return data_uri(pictures.dimmed(image, contrast=0.2))


def _html_strips(target: Image.Image, _decoy: Image.Image) -> bytes:
    """Let a style sheet stack strips of the picture."""
    inner = "".join(
        f"<img src='{uri}' style='display:block'>"
        for _, uri in strips(target, count=16)
    )
    return f"{_HTML_HEAD}{inner}".encode()


_text = of_family(Family.TEXT)
_HTML = FileType.HTML

PAGE_TRICKS = (
    _text("html-base64", _HTML, page(_html_image), "a data URI in a page"),
    _text("html-bare", _HTML, page(_html_bare), "without quotes, head or doctype"),
    _text(
        "html-percent",
        _HTML,
        page(_html_image, percent_uri),
        "a data URI without base64",
    ),
    _text(
        "html-references",
        _HTML,
        page(_html_references),
        "characters written as names and numbers",
    ),
    _text(
        "html-newlines",
        _HTML,
        page(_html_newlines),
        "base64 with references to line ends in it",
    ),
    _text("html-srcset", _HTML, page(_html_srcset), "one of several to choose from"),
    _text("html-frame", _HTML, page(_html_frame), "a page in an attribute of a page"),
    _text("html-svg", _HTML, page(_html_svg), "an SVG in a page"),
    _text(
        "html-utf-16",
        _HTML,
        page(_html_image, encoding="utf-16"),
        "two bytes a character",
    ),
    _text("html-style", _HTML, page(_html_style), "a data URI in a style sheet"),
    _text(
        "html-style-escapes",
        _HTML,
        page(_html_escaped_style),
        "a data URI with the escapes of style sheets",
    ),
    _text("html-atob", _HTML, page(_html_atob), "bare base64 that a script decodes"),
    _text(
        "html-inverted",
        _HTML,
        page(_html_invert, _negative_uri),
        "a negative, inverted when drawn",
    ),
    _text(
        "html-contrast",
        _HTML,
        page(_html_contrast, _dim_uri),
        "hardly any contrast, given back when drawn",
        expected=Expected.REFUSED,
    ),
    _text(
        "html-script",
        _HTML,
        page(_html_script),
        "a data URI that a script puts together",
        expected=Expected.LIMIT,
    ),
    _text(
        "html-strips",
        _HTML,
        _html_strips,
        "sixteen strips, stacked when drawn",
        expected=Expected.LIMIT,
    ),
)
