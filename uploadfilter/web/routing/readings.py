"""Find all ways in which an origin may read a path.

A route is found by the bytes of a target, and the target is forwarded unchanged. An
origin may decode it, join its slashes, go up at ``..`` and cut off parameters, in any
order and more than once: some origins read ``/public/%2e%2e/upload`` as ``/upload``.
``readings`` returns all results of such steps.

To add a step that some origin takes, add a function to ``_STEPS``. None of the steps
may change a plain path.
"""

import re
from collections.abc import Callable
from typing import Final
from urllib.parse import unquote

_PLAIN_CHARACTERS = re.compile(r"/[A-Za-z0-9._~!$&'()*+,=:@/-]*")
_MOST_READINGS: Final = 32
"""An honest target has a handful; a path with more is meant to confuse."""

_MOST_CHARACTERS: Final = 32 * 1024
"""Characters of all readings together, which bounds their cost to 2 ms. The longest
honest paths are keys of object stores: 1,024 bytes, three characters each, in up to ten
readings."""

_SLASHES = re.compile(r"//+")
_PARAMETERS = re.compile(r";[^/]*")
_AUTHORITY = re.compile(r"//[^/]*")
_TRAILING = re.compile(r"(?<=[^./])[. ]+(?=/|\Z)")


def is_plain(path: str) -> bool:
    """Tell whether a path has only one reading, apart from upper and lower case.

    It consists of unreserved characters and delimiters of RFC 3986 except the
    semicolon; it has no escapes, no empty segment except the last, and no segment that
    ends with a dot.
    """
    # A single pattern for all would need possessive groups, which Python 3.11 reads
    # wrongly before 3.11.5 (gh-106052): there ``/a/..`` was plain.
    return (
        _PLAIN_CHARACTERS.fullmatch(path) is not None
        and "//" not in path
        and "./" not in path
        and not path.endswith(".")
    )


def readings(path: str) -> frozenset[str] | None:
    """Return all paths that an origin may take a path for, itself included.

    Args:
        path: Path of a target, as sent, without the query.

    Returns:
        The readings; ``None`` if there are too many.
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
    """Replace backslashes: Windows accepts either slash."""
    return path.replace("\\", "/")


def _joined(path: str) -> str:
    """Join slashes, as nginx and Apache do."""
    return _SLASHES.sub("/", path)


def _without_parameters(path: str) -> str:
    """Cut off ``;name=value`` of segments, as servlets do (RFC 3986, section 3.3)."""
    return _PARAMETERS.sub("", path)


def _without_query(path: str) -> str:
    """Cut off a query that an escaped ``?`` begins, for origins that decode first."""
    return path.partition("?")[0]


def _without_fragment(path: str) -> str:
    """Cut off a fragment, which is never sent (RFC 3986, section 3.5), or dropped."""
    return path.partition("#")[0]


def _up_to_nul(path: str) -> str:
    """Cut off the text after NUL, which ends a string in C."""
    return path.partition("\0")[0]


def _without_authority(path: str) -> str:
    """Cut off a host after ``//``, as parsers of references do (section 4.2)."""
    return _AUTHORITY.sub("", path, count=1) if path.startswith("//") else path


def _without_trailing_dots(path: str) -> str:
    """Cut off trailing dots: Windows reads ``upload.`` as ``upload``."""
    return _TRAILING.sub("", path)


def _resolved(path: str) -> str:
    """Resolve ``..`` and ``.`` (RFC 3986, section 5.2.4)."""
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
