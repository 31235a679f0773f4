"""How an origin may read a path that can be read in more than one way.

A route is found by the bytes of a target, and the target goes on as it came. An origin
may decode it, join its slashes, go up at ``..`` and cut parameters off, in any order
and more than once: ``/public/%2e%2e/upload`` is ``/upload`` to some. ``readings``
returns what a path can become by any such steps.

To add a step that some origin takes, add a function to ``_STEPS``. What is plain must
stay what it is by every one of them.
"""

import re
from collections.abc import Callable
from typing import Final
from urllib.parse import unquote

_PLAIN_CHARACTERS = re.compile(r"/[A-Za-z0-9._~!$&'()*+,=:@/-]*")
_MOST_READINGS: Final = 32
"""An honest target has a handful; one with more is made to confuse."""

_MOST_CHARACTERS: Final = 32 * 1024
"""Of all readings together, which bounds their cost to 2 ms. The longest honest paths
are keys of object stores: 1,024 bytes, three characters each, in up to ten readings."""

_SLASHES = re.compile(r"//+")
_PARAMETERS = re.compile(r";[^/]*")
_AUTHORITY = re.compile(r"//[^/]*")
_TRAILING = re.compile(r"(?<=[^./])[. ]+(?=/|\Z)")


def is_plain(path: str) -> bool:
    """Tell whether a path has one reading only, apart from upper and lower case.

    It holds unreserved characters and delimiters of RFC 3986 except the semicolon, no
    escapes, no empty segment but the last, and none that ends with a dot.
    """
    # One pattern for all would need possessive groups, which Python 3.11 reads wrongly
    # before 3.11.5 (gh-106052): there ``/a/..`` was plain.
    return (
        _PLAIN_CHARACTERS.fullmatch(path) is not None
        and "//" not in path
        and "./" not in path
        and not path.endswith(".")
    )


def readings(path: str) -> frozenset[str] | None:
    """Return everything that an origin may take a path for, itself included.

    Args:
        path: Of a target, as sent, without the query.

    Returns:
        ``None`` if there are too many readings to consider.
    """
    if is_plain(path):
        return frozenset({path})
    found = {path}
    waiting = [path]
    size = len(path)
    while waiting:
        at = waiting.pop()
        for step in _STEPS:
            other = step(at)
            if other not in found:
                size += len(other)
                if len(found) == _MOST_READINGS or size > _MOST_CHARACTERS:
                    return None
                found.add(other)
                waiting.append(other)
    return frozenset(found)


def _decoded(path: str) -> str:
    return unquote(path, encoding="latin-1")


def _with_slashes(path: str) -> str:
    """Windows takes either slash."""
    return path.replace("\\", "/")


def _joined(path: str) -> str:
    """Nginx and Apache join slashes."""
    return _SLASHES.sub("/", path)


def _without_parameters(path: str) -> str:
    """Servlets cut off ``;name=value`` of each segment (RFC 3986, section 3.3)."""
    return _PARAMETERS.sub("", path)


def _without_query(path: str) -> str:
    """An escaped ``?`` begins a query for an origin that decodes first."""
    return path.partition("?")[0]


def _without_fragment(path: str) -> str:
    """What follows ``#`` is never sent (RFC 3986, section 3.5), or dropped."""
    return path.partition("#")[0]


def _up_to_nul(path: str) -> str:
    """NUL ends a name for what is written in C."""
    return path.partition("\0")[0]


def _without_authority(path: str) -> str:
    """What begins with ``//`` is a host to a parser of references (section 4.2)."""
    return _AUTHORITY.sub("", path, count=1) if path.startswith("//") else path


def _without_trailing_dots(path: str) -> str:
    """Windows takes ``upload.`` for ``upload``."""
    return _TRAILING.sub("", path)


def _resolved(path: str) -> str:
    """Go up at ``..`` and stay at ``.`` (RFC 3986, section 5.2.4)."""
    kept: list[str] = []
    segments = path.split("/")[1:]
    for segment in segments:
        if segment == "..":
            del kept[-1:]
        elif segment != ".":
            kept.append(segment)
    if segments and segments[-1] in {".", ".."}:
        kept.append("")
    return "/" + "/".join(kept)


_STEPS: Final[tuple[Callable[[str], str], ...]] = (
    _decoded,
    _with_slashes,
    _joined,
    _without_parameters,
    _without_query,
    _without_fragment,
    _up_to_nul,
    _without_authority,
    _without_trailing_dots,
    _resolved,
)
