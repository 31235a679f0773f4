"""Expand the entities that an XML document declares itself.

An SVG may cut a ``data:`` URI into entities that it declares itself, and browsers
expand them. External entities are never looked at.

Rules this module keeps: written bytes and look-ups are counted as they grow, so that
nested entities end early ("billion laughs").

Source:
    XML 1.0, fifth edition, 4.2 and 4.4. Chromium 156 expands them in attributes and
    elsewhere, whether declared directly or in a parameter entity.
"""

import html
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final

SIGN: Final = "<!ENTITY"
"""A sign that every text with declarations contains."""

_DECLARED: Final = SIGN.encode()
_DECLARATION: Final = re.compile(
    rb"""<!ENTITY\s+(%\s+)?([^\s%"'<>&;]{1,100})\s+("[^"]*"|'[^']*')"""
)
_REFERENCE: Final = re.compile(rb"""&([^\s%"'<>&;#]{1,100});""")
_NUMBER: Final = re.compile(rb"&#(?:[0-9]{1,8}|x[0-9a-fA-F]{1,8});")

_MOST_DEPTH: Final = 8
"""Greatest depth of nested entities. In attributes, Chromium shows no nested ones."""

_BYTES_PER_STEP: Final = 64
"""Bytes that are written in a step: a URI that is declared and used once is written
twice, which must fit into the budget that a text has by its length."""


def expanded(text: bytes, take: Callable[[int], None]) -> bytes | None:
    """Return a document with its own entities expanded.

    Args:
        text: Any text.
        take: Takes steps of about a microsecond from a budget before the work is done;
            raises an error if the budget has fewer.

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
    """Note the entities that a text declares; the first one of a name counts."""
    for match in _DECLARATION.finditer(text):
        take(1)
        value = match[3][1:-1]
        if not match[1]:
            values.setdefault(match[2], value)
        elif depth < _MOST_DEPTH and (_DECLARED in value or b"&#" in value):
            # Nested declarations, whose brackets may be written as character
            # references.
            take(len(value) // _BYTES_PER_STEP + value.count(b"&#"))
            _declare(_NUMBER.sub(_numbered, value), values, take, depth=depth + 1)


def _numbered(match: re.Match[bytes]) -> bytes:
    """Return the character of a numeric reference, in UTF-8."""
    return html.unescape(match[0].decode("ascii")).encode("utf-8", "replace")


def _pieces(
    text: bytes,
    values: Mapping[bytes, bytes],
    take: Callable[[int], None],
    *,
    depth: int,
) -> Iterator[bytes]:
    """Yield a text piece by piece, with the values in place of their names."""
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
