"""Read markup as its parsers do: without comments, and with its own entities.

An XML document may cut a string by comments, processing instructions and boundaries of
character data, and by entities that it declares itself; the text that a program gets
from its parser is whole. External entities are never looked at. A page in ISO-2022-JP
may name its alphabet again at any place, and a style sheet may escape any character.

Source:
    XML 1.0, fifth edition, 2.5 to 2.7, 4.2 and 4.4; Encoding Standard, 12.2;
    CSS Syntax Module Level 3, 4.3.7.
"""

import re
from collections.abc import Iterator
from typing import Final

from uploadfilter.contents.texts.escapes import undo_references

_CUT: Final = re.compile(
    rb"(?:(?:<!--.*?-->|<\?.*?\?>|<!\[CDATA\[|\]\]>|\x1b\([BJ])\s*){1,1000}", re.DOTALL
)
_SIGNS: Final = (b"<!--", b"<?", b"<![CDATA[", b"]]>", b"\x1b(")
_AROUND_BYTES: Final = 64
_LETTER: Final = re.compile(rb"[A-Za-z0-9+/=]")

_DECLARED: Final = b"<!ENTITY"
_DECLARATION: Final = re.compile(
    rb"""<!ENTITY\s+(?:%\s+)?([^\s%"'<>&;]{1,100})\s+("[^"]*"|'[^']*')"""
)
_REFERENCE: Final = re.compile(rb"""&([^\s%"'<>&;#]{1,100});""")
_MOST_DEPTH: Final = 3
"""Most entities in one another; in attributes, browsers show no nested ones."""

_MOST_GROWTH: Final = 4
"""Most bytes with all entities expanded, in lengths of the text."""


def without_cuts(text: bytes) -> bytes:
    """Return a text without what parsers drop, if that stands between letters."""
    if not any(sign in text for sign in _SIGNS):
        return text
    return _CUT.sub(b"", text) if _is_cut(text) else text


def _is_cut(text: bytes) -> bool:
    for match in _CUT.finditer(text):
        before = text[max(match.start() - _AROUND_BYTES, 0) : match.start()].rstrip()
        behind = text[match.end() : match.end() + _AROUND_BYTES].lstrip()
        if _LETTER.match(before[-1:]) and _LETTER.match(behind):
            return True
    return False


def with_entities(text: bytes) -> bytes:
    """Return a document with the entities that it declares itself.

    If they would make it much longer, they are left as they are: no browser shows a
    document that is a bomb.
    """
    if _DECLARED not in text:
        return text
    values = dict[bytes, bytes]()
    for match in _DECLARATION.finditer(text):
        values.setdefault(match[1], value := match[2][1:-1])
        # A parameter entity may hold declarations, with references for their brackets.
        for nested in _DECLARATION.finditer(undo_references(value)):
            values.setdefault(nested[1], nested[2][1:-1])
    most = _MOST_GROWTH * len(text)
    for _ in range(_MOST_DEPTH):
        parts = _REFERENCE.split(text)
        names = parts[1::2]
        parts[1::2] = [values.get(name, b"&%b;" % name) for name in names]
        if values.keys().isdisjoint(names) or sum(map(len, parts)) > most:
            return text
        text = b"".join(parts)
    return text


_STYLE_ESCAPE: Final = re.compile(
    rb"\\(?:([0-9A-Fa-f]{1,6})(?:\r\n|[ \t\n\r\f])?|\r\n|[\n\r\f])"
)
_MOST_CODE: Final = 0x10FFFF
_OTHER: Final = b"?"
"""In the place of a character outside of ASCII, which no URI needs."""


def without_style_escapes(text: bytes) -> bytes:
    """Return a text with the escapes of style sheets undone, if a URI is in it then."""
    if b"\\" not in text:
        return text
    reading = _STYLE_ESCAPE.sub(_escaped_character, text)
    return reading if b"data:" in reading.lower() else text


def _escaped_character(match: re.Match[bytes]) -> bytes:
    if match[1] is None:
        return b""
    character = chr(min(int(match[1], 16), _MOST_CODE))
    return character.encode() if character.isascii() else _OTHER


_DRAWING: Final = b"data:image/svg+xml"
_MOST_TYPE_BYTES: Final = 200
_QUOTES: Final = (b'"', b"'")


def drawings(text: bytes) -> Iterator[bytes]:
    """Yield the drawings in ``data:`` URIs that are not base64."""
    lowered = text.lower()
    at = lowered.find(_DRAWING)
    while at >= 0:
        comma = text.find(b",", at, at + _MOST_TYPE_BYTES)
        following = lowered.find(_DRAWING, at + 1)
        if comma >= 0 and b"base64" not in lowered[at:comma]:
            quote = text[at - 1 : at]
            end = text.find(quote, comma) if quote in _QUOTES else -1
            behind = end if end >= 0 else following
            yield text[comma + 1 : behind if behind >= 0 else len(text)]
        at = following
