"""Hostile text: the parts of ``bombs.py`` that attack the search of strings."""

import base64

MIB = 1024 * 1024


def data_uris() -> bytes:
    """Return only beginnings of URIs, with base64 after them."""
    return b"data:;base64," * 185_000


def quoted_uris() -> bytes:
    """Return a page of short URIs without base64."""
    return b"<html>" + b'"data:,a"' * 300_000


def bare_uris() -> bytes:
    """Return a page of URIs that never end."""
    return b"<html>" + b"data:,\1" * 400_000


def references() -> bytes:
    """Return a page of references to one character."""
    return b"<html>" + b"&lt;" * 700_000


def different_references() -> bytes:
    """Return a page of references to different characters."""
    return b"<html>" + b"".join(b"&#%d;" % number for number in range(300_000))


def layered_references() -> bytes:
    """Return a page of references to references."""
    return b"<html>" + b"&amp;amp;lt;" * 250_000


def entities() -> bytes:
    """Return an SVG with fifty thousand entities."""
    declared = b"".join(b'<!ENTITY a%d "x">' % number for number in range(50_000))
    used = b"".join(b"&a%d;" % number for number in range(50_000))
    return b"<!DOCTYPE svg [" + declared + b"]><svg>" + used + b"</svg>"


def doubling_entities() -> bytes:
    """Return an SVG with a long entity that is used again and again."""
    declared = b'<!ENTITY a "' + b"A" * 100_000 + b'">'
    return b"<!DOCTYPE svg [" + declared + b"]><svg>" + b"&a;" * 100_000 + b"</svg>"


def percent_signs() -> bytes:
    """Return a form of percent signs and digits."""
    return b"a=" + b"%41" * MIB


def layered_percent_signs() -> bytes:
    """Return a form of percent signs that stand for percent signs."""
    return b"a=" + b"%252541" * 400_000


def bare_percent_signs() -> bytes:
    """Return a form that consists only of percent signs."""
    return b"a=" + b"%" * (3 * MIB)


def backslashes() -> bytes:
    """Return a string of JSON that consists only of backslashes."""
    return b'{"a":"' + b"\\" * (3 * MIB)


def escapes() -> bytes:
    """Return a string of JSON of escaped letters."""
    return b'{"a":"' + b"\\u0041" * 500_000


def words() -> bytes:
    """Return a text of strings that may begin at any of many words."""
    return b'"'.join([b"A" * 40 + b" a" * 18] * 40_000)


def short_strings() -> bytes:
    """Return a text of strings that are just long enough to be searched for junk."""
    return b'"'.join([b"A" * 260] * 12_000)


def checksums() -> bytes:
    """Return a text of strings of hexadecimal digits."""
    return b'"'.join([b"%0128x" % (number**40) for number in range(1, 20_000)])


def wide_text() -> bytes:
    """Return a text in UTF-16 of beginnings of URIs."""
    return ("data:;base64,QUJD " * 80_000).encode("utf-16")


def encoded_beginnings() -> bytes:
    """Return base64 that encodes only beginnings of JPEGs."""
    return b"x" + base64.b64encode(b"\xff\xd8\xff\xe0\0\0" * 500_000)


def soft_lines() -> bytes:
    """Return a mail of soft line breaks."""
    return b"a" * 60 + b"=\r\n=3D" * 500_000


def drawing() -> bytes:
    """Return an SVG of a hundred thousand elements."""
    return b"<svg>" + b'<rect x="1" y="2" width="3" height="4"/>' * 100_000 + b"</svg>"
