"""Put together what the entities of an XML document are names for.

An SVG may cut a ``data:`` URI into entities that it declares itself, and browsers put
it together. Entities outside of the document are never looked at.

Rules this module keeps: what is written and what is looked up is counted as it grows,
so that entities of entities of entities end early ("billion laughs").

Source:
    XML 1.0, fifth edition, 4.2 and 4.4. Chromium 156 puts them together in attributes
    and elsewhere, declared directly or in a parameter entity.
"""

import html
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final

SIGN: Final = "<!ENTITY"
"""What is in every text that declares any."""

_DECLARED: Final = SIGN.encode()
_DECLARATION: Final = re.compile(
    rb"""<!ENTITY\s+(%\s+)?([^\s%"'<>&;]{1,100})\s+("[^"]*"|'[^']*')"""
)
_REFERENCE: Final = re.compile(rb"""&([^\s%"'<>&;#]{1,100});""")
_NUMBER: Final = re.compile(rb"&#(?:[0-9]{1,8}|x[0-9a-fA-F]{1,8});")

_MOST_DEPTH: Final = 8
"""How deep entities of entities go. Chromium shows none of them in attributes."""

_BYTES_PER_STEP: Final = 64
"""Bytes that are written for a step: a URI that is declared and used once is written
twice, which must be within what a text may take by its length."""


def expanded(text: bytes, take: Callable[[int], None]) -> bytes | None:
    """Return a document with its own entities put together.

    Args:
        text: Any text.
        take: Counts steps of about a microsecond that are about to be taken, and raises
            something if they are too many.

    Returns:
        The text; ``None`` if it declares no entities.
    """
    if _DECLARED not in text:
        return None
    values = dict[bytes, bytes]()
    _declare(text, values, take, depth=0)
    if not values:
        return None
    return b"".join(_pieces(text, values, take, depth=0))


def _declare(
    text: bytes,
    values: dict[bytes, bytes],
    take: Callable[[int], None],
    *,
    depth: int,
) -> None:
    """Note the entities that a text declares; the first of a name stands."""
    for match in _DECLARATION.finditer(text):
        take(1)
        value = match[3][1:-1]
        if not match[1]:
            values.setdefault(match[2], value)
        elif depth < _MOST_DEPTH and (_DECLARED in value or b"&#" in value):
            # Further declarations, whose brackets may be written as numbers.
            take(len(value) // _BYTES_PER_STEP + value.count(b"&#"))
            _declare(_NUMBER.sub(_numbered, value), values, take, depth=depth + 1)


def _numbered(match: re.Match[bytes]) -> bytes:
    """Return the character of a number in UTF-8."""
    return html.unescape(match[0].decode("ascii")).encode("utf-8", "replace")


def _pieces(
    text: bytes,
    values: Mapping[bytes, bytes],
    take: Callable[[int], None],
    *,
    depth: int,
) -> Iterator[bytes]:
    """Yield a text piece by piece, with values in the place of their names."""
    at = 0
    for match in _REFERENCE.finditer(text):
        take(1)
        value = values.get(match[1])
        if value is None:
            continue
        yield _counted(text[at : match.start()], take)
        at = match.end()
        if depth < _MOST_DEPTH:
            yield from _pieces(value, values, take, depth=depth + 1)
    yield _counted(text[at:], take)


def _counted(piece: bytes, take: Callable[[int], None]) -> bytes:
    take(len(piece) // _BYTES_PER_STEP)
    return piece
