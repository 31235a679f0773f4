"""Parse the Forwarded header of RFC 7239, strictly.

An element holds what one proxy knows of its client:
``for="[2001:db8::1]:4711";host=site.example;proto=https``. A malformed value is
``None``, never a guess: another reader would guess differently.
"""

import re
from collections.abc import Mapping
from typing import Final, TypeAlias

Element: TypeAlias = Mapping[str, str]
"""Parameters of one element by lower-case name, unquoted: ``for``, ``host``, ..."""

UNKNOWN: Final = "unknown"
"""A client through a unix socket has no address (RFC 7239, section 6.2)."""

_TCHAR = r"!#$%&'*+.^_`|~0-9A-Za-z-"
_CONTROL = r"\x00-\x08\x0a-\x1f\x7f"
"""Control characters except the tab: they may not stand in a quoted string."""

_PAIR = re.compile(
    rf"""
    (?P<name>[{_TCHAR}]+)=
    (?:
        (?P<bare>[{_TCHAR}]+)
        |"(?P<quoted>(?:[^"\\{_CONTROL}]|\\[^{_CONTROL}])*)"
    )
    """,
    re.VERBOSE,
)
_BETWEEN = re.compile(r"[ \t]*,[ \t,]*")
_PADDING = " \t,"
_ESCAPED = re.compile(r"\\(.)")
_NODE = re.compile(
    r"""
    (?:\[(?P<ipv6>[0-9A-Fa-f:.]+)\]|(?P<name>[0-9A-Za-z._-]+))
    (?::(?:[0-9]{1,5}|_[0-9A-Za-z._-]+))?
    """,
    re.VERBOSE,
)
"""A node and its port; both may be obfuscated (RFC 7239, section 6)."""


def parse_forwarded(line: str) -> tuple[Element, ...] | None:
    """Read one line of the header, which holds a list of elements.

    Args:
        line: Field value, without blanks around it.

    Returns:
        The elements in order, the nearest proxy's last; ``None`` if the line violates
        the grammar, or an element holds a parameter twice.

    Source:
        RFC 7239, section 4; empty list elements are allowed by RFC 9110, section 5.6.1.
    """
    elements: list[Element] = []
    at = len(line) - len(line.lstrip(_PADDING))
    line = line.rstrip(_PADDING)
    while at < len(line):
        found = _element(line, at)
        if found is None:
            return None
        element, at = found
        elements.append(element)
        if at < len(line):
            between = _BETWEEN.match(line, at)
            if between is None:
                return None
            at = between.end()
    return tuple(elements)


def _element(line: str, at: int) -> tuple[Element, int] | None:
    """Parse pairs joined by semicolons from ``at`` on; return them and their end."""
    element: dict[str, str] = {}
    while True:
        pair = _PAIR.match(line, at)
        if pair is not None:
            name = pair["name"].lower()
            if name in element:
                return None
            element[name] = pair["bare"] or _ESCAPED.sub(r"\1", pair["quoted"] or "")
            at = pair.end()
        if not line.startswith(";", at):
            return element, at
        at += 1


def node_name(node: str) -> str | None:
    """Return the name of a node, without its port.

    Args:
        node: The value of ``for=`` or ``by=``.

    Returns:
        An IPv4 address, an IPv6 address without brackets, ``unknown`` or an obfuscated
        name; not checked further. ``None`` if it is not a node.
    """
    found = _NODE.fullmatch(node)
    return (found["ipv6"] or found["name"]) if found else None
